export { createEngine, type CreateEngine, type Engine, type EngineOptions } from './engine.js';
export { inspectPlugins } from './inspection.js';
export { checkConfig, configSchema, limitsOf, readConfig, type WorkspaceConfig } from './config.js';
export {
  callSchemas,
  normalize,
  type CallType,
  type IngestLimits,
  type IngestReport,
  type Normalized,
  type Refusal,
} from './ingest.js';
export type { BaselineReport, RunOptions, RunReport } from './run.js';
export type { HeldOfSubject } from './subject-data.js';
export type { MetricValue, SubjectReport } from './subject-report.js';
export type { EvaluateOptions, Evaluation, Provenance } from './measurement/evaluation.js';
export type { MetricFailure } from './measurement/computing.js';
export { isOfOrigin, originOf, partialOrigin } from './measurement/origin.js';
export { slopeOf, slopes, type SlopeDay, type SlopePoint } from './measurement/slope.js';
export {
  attribute,
  type Attribution,
  type AttributionEnd,
  type AttributionMoment,
  type AttributionOptions,
  type AttributionStep,
  type Contribution,
  type Effect,
} from './analysis/attribution.js';
export {
  backfill,
  type BackfillOptions,
  type BackfillProgress,
  type BackfillReport,
  type HistoryKind,
} from './analysis/backfill.js';
export {
  cohorts,
  compareCohorts,
  DAYS_OF_AGE,
  type Cohort,
  type CohortAge,
  type CohortBy,
  type CohortComparison,
  type CohortOptions,
  type CohortPeriod,
  type CohortTable,
} from './analysis/cohorts.js';
export { dateOfDay, dayOfDate, writtenDay } from './analysis/day.js';
export { evidence, type EvidenceOptions, type EvidenceReport, type Verbatim } from './analysis/evidence.js';
export { goalProgress, type Goal, type GoalProgress, type GoalStatus } from './analysis/goal.js';
export {
  goalsFor,
  goalsReport,
  type GoalReport,
  type GoalsReport,
  type GoalSubject,
  type SharedGoalReport,
} from './analysis/goals.js';
export { differenceOf, summarize, type Difference, type Interval, type SampleSummary } from './analysis/sample.js';
export type { AnalysisSource } from './analysis/source.js';
export { trend, type Trend, type TrendOptions, type TrendPoint } from './analysis/trend.js';
export type { BacktestDay, BacktestOptions, BacktestReport } from './rules/backtest.js';
export { documentChanges, type DocumentChange } from './rules/diff.js';
export type { ConditionExplanation, ExplainOptions, RuleExplanation, SegmentExplanation } from './rules/explain.js';
export type {
  DeliveryPreview,
  PlaybookPreview,
  PreviewOptions,
  PreviewReport,
  SegmentPreview,
} from './rules/preview.js';
export type { UnknownFact, Unknowns } from './rules/unknowns.js';
export type { Change, Published, Publishing } from './rules/publishing.js';
export type { RuleFinding, RuleTestReport } from './rules/review.js';
export type { Rules } from './rules/rules.js';
export type { VerifiedDocument, VerifiedRule, VerifyDifference, VerifyOptions, VerifyReport } from './rules/verify.js';
export type { Clock, DeliverReport } from '@rapport/playbooks';
export {
  documentsAmong,
  EngineError,
  entryOf,
  findPlugins,
  operatorPluginsOf,
  operatorsOf,
  segmentKeys,
  type DerivedFact,
  type DocumentFile,
  type FoundPackage,
  type LoadedDocument,
  type LoadedPlugin,
  type MetricDescriptor,
  type OperatorDescriptor,
  type PluginSettings,
  type RefusedPlugin,
} from '@rapport/plugin-host';
export { mergedUnreadable, unreadableSentence, type UnreadableTime } from './unreadable-times.js';
