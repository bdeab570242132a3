export * from './api.js';
export { createEngine } from './engine.js';
export { configSchema, checkConfig, readConfig, limitsOf } from './config.js';
export { callSchemas, normalize, timeOf, type CallType, type IngestLimits, type Normalized } from './ingest.js';
export { EngineError } from './error.js';
export { segmentKeys } from './segment-keys.js';
