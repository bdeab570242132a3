export { checkMetric, type CheckOptions } from './check.js';
export { type Call, group, identify, type Instant, messagesOf, track } from './call.js';
export type { Evaluated } from './contract.js';
export { TestkitError } from './error.js';
export { evaluateMetric, type EvaluateOptions, type Evaluation, type EvaluationOf, type Subject } from './evaluate.js';
export type { UsedMetric, World } from './scene.js';
