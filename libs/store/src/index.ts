export * from './plan.js';
export * from './column.js';
export * from './message.js';
export * from './reading.js';
export * from './filter.js';
export * from './resolve.js';
export * from './documents.js';
export * from './hierarchy.js';
export * from './history.js';
export * from './scope.js';
export * from './ports.js';
export {
  MANIFEST_FORMAT,
  readManifest,
  type BaselineReason,
  type Definition,
  type DefinitionChange,
  type DocumentRecord,
  type FailureRecord,
  type ManifestSettings,
  type MetricRecord,
  type OperatorRecord,
  type RunManifest,
} from './manifest.js';
export { joinRecord, partsOfRecord, splitRecord } from './record-parts.js';
export { DEFAULT_RETENTION, pruneStore, runsToPrune, type RetentionPolicy } from './retention.js';
export { filtersOf, isSettledBy, looksAt } from './affected.js';
export {
  isWithin,
  matching,
  measureSubjects,
  quantileOf,
  sumOf,
  windowOf,
  type KnownSubjects,
  type PlacedEvent,
} from './evaluate.js';
export { groupBy } from './group.js';
export { StoreError, storeErased } from './error.js';
