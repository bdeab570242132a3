export { nearest, didYouMean } from './suggestion.js';
export { pointerToken, type Problem } from './problem.js';
export {
  operators,
  readingOf,
  testOf,
  factRead,
  durationOf,
  type FactReading,
  type FactType,
  type Operator,
  type OperatorSet,
  type Verdict,
} from './operator.js';
export { compile, evaluate, readerOf, usesOf, MAX_DEPTH, type FactReader, type FactUse } from './condition.js';
export { catalogueOf, operatorsFor, type FactCatalogue, type FactDescription } from './catalogue.js';
export {
  columnar,
  verdictAt,
  type Columnar,
  type ColumnReader,
  type FactColumn,
  type RuleVerdicts,
} from './columnar.js';
export { trace, tracer, missingFacts, type Trace, type TracedCompat, type TracedLeaf } from './trace.js';
export { nearestMiss, type NearestMiss } from './nearest-miss.js';
export { explain } from './explanation.js';
export { segmentSchema, playbookSchema, schemaFor } from './schema.js';
export {
  answeredBy,
  operatorIdOf,
  operatorNameOf,
  operatorSet,
  type KnownFact,
  type OperatorDefinition,
} from './operator-registration.js';
export {
  checkCondition,
  checkSegment,
  checkPlaybook,
  checkFacts,
  conditionsOf,
  factsOf,
  type Checked,
} from './validation.js';
export {
  checkDocument,
  readDocument,
  readJson,
  type PlacedProblem,
  type ReadDocument,
  type ReadJson,
  type ReadOptions,
} from './document.js';
export { locate, locator, type Position } from './position.js';
export { lintTraits, traitsOf, type TraitProfile, type TraitProfiles } from './trait-lint.js';
export { lint, type Finding, type LintOptions } from './lint.js';
export {
  coverageOf,
  destinationOf,
  OUT,
  placementOf,
  runTests,
  STAYS,
  type FailedTest,
  type LeafCoverage,
  type Placement,
  type Verdicts,
} from './verdict.js';
export { comparableRules, type ComparableRule, type ReferenceRule } from './reference-rule.js';
export { rulesOf, type DocumentRules, type PlacedCondition } from './resolution.js';
export type { ResolvedCondition } from './ir.js';
export { problemsOf } from './schema-problem.js';
export { checkProfile, classify, profileFacts, TENURE, type ProfileClass } from './profile.js';
export {
  compileRule,
  compileRules,
  type CompatOptions,
  type CompatRule,
  type CompiledRule,
  type CompiledRules,
} from './compat/rule.js';
export { compatNames, undecorated } from './compat/foreign.js';
export type { CompatDecorator, CompatOperator } from './compat/operator.js';
export type { ConditionTrace, RuleFailure, RuleTrace } from './compat/trace.js';
