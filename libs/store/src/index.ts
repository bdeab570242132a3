export * from './zone.js';
export * from './plan.js';
export * from './column.js';
export * from './message.js';
export * from './resolve.js';
export * from './ports.js';
export { createOracle } from './oracle.js';
export { StoreError } from './error.js';
