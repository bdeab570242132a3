export { memoryStore } from './memory-store.js';
export { createOracle } from './oracle.js';
