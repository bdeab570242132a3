export { simulate, simulateBatches, type SimulateOptions } from './simulate.js';
export type { Call, Phase, Truth } from './call.js';
export { FEATURES, PLANS, type Cause } from './vocabulary.js';
