export * from './api.js';
export { createEngine } from './engine.js';
export { findPlugins, type FoundPackage } from './discovery.js';
export { entryOf } from './entry.js';
export { operatorPluginsOf, operatorsOf } from './operators.js';
export { inspectPlugins } from './inspection.js';
export { configSchema, checkConfig, readConfig, limitsOf } from './config.js';
export { callSchemas, normalize, timeOf, type CallType, type IngestLimits, type Normalized } from './ingest.js';
export { EngineError } from './error.js';
export { segmentKeys } from './segment-keys.js';
export * from './analysis/cohorts.js';
export { summarize, differenceOf, type Difference, type Interval, type SampleSummary } from './analysis/sample.js';
export { slopeOf, slopes, type SlopeDay, type SlopePoint } from './analysis/slope.js';
export { goalProgress, type Goal, type GoalProgress, type GoalStatus } from './analysis/goal.js';
export * from './analysis/goals.js';
export {
  backfill,
  type BackfillOptions,
  type BackfillProgress,
  type BackfillReport,
  type HistoryKind,
} from './analysis/backfill.js';
export * from './analysis/trend.js';
export * from './analysis/evidence.js';
export * from './analysis/attribution.js';
export { dateOfDay, dayOfDate, writtenDay } from './analysis/day.js';
export { isOfOrigin, originOf, partialOrigin } from './analysis/origin.js';
export type { DocumentFile } from './rules/document-file.js';
export type { Rules } from './rules/rules.js';
export type {
  PreviewOptions,
  PreviewReport,
  SegmentPreview,
  PlaybookPreview,
  DeliveryPreview,
} from './rules/preview.js';
export type { BacktestOptions, BacktestReport, BacktestDay } from './rules/backtest.js';
export type { ExplainOptions, RuleExplanation, ConditionExplanation } from './rules/explain.js';
export { documentChanges, type DocumentChange } from './rules/diff.js';
export type { Change, Published, Publishing } from './rules/publishing.js';
export type { RuleFinding, RuleTestReport } from './rules/review.js';
