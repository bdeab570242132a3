import type { Problem } from '../problem.js';

/**
 * One condition in the result of a rule, as json-rules-engine's `toJSON` gives it. `all`, `any` and `not` have no result of their own; a comparison
 * has one when it was reached. A reference that was reached shows the condition it stands for.
 */
export type ConditionTrace = Labels &
  (
    | { readonly all: readonly ConditionTrace[] }
    | { readonly any: readonly ConditionTrace[] }
    | { readonly not: ConditionTrace }
    | { readonly condition: unknown }
    | ComparisonTrace
  );

export interface Labels {
  readonly priority?: unknown;
  readonly name?: unknown;
}

export interface ComparisonTrace extends Labels {
  readonly fact: unknown;
  readonly operator: unknown;
  readonly value: unknown;
  readonly params?: unknown;
  readonly path?: unknown;
  /** What was compared: the fact, and the value it was compared with. Absent where undefined, or not reached. */
  readonly factResult?: unknown;
  readonly valueResult?: unknown;
  readonly result?: unknown;
}

/** What json-rules-engine's `RuleResult.toJSON(false)` gives. */
export interface RuleTrace {
  readonly conditions: ConditionTrace;
  readonly event: { readonly type: unknown; readonly params?: unknown };
  readonly priority: number;
  readonly name: unknown;
  /** True or false; of a root with a single condition, whatever a custom operator said. */
  readonly result: unknown;
}

/** A rule that has no verdict on these facts, and why. `pointer` leads into the rule with its references put in place, as a trace shows it. */
export interface RuleFailure {
  readonly result: null;
  readonly problem: Problem;
}
