import type { Zone } from '@rapport/sdk/time';
import type { ConditionTrace } from './compat/trace.js';
import type { FactReading, OperatorSet, Verdict } from './operator.js';
import { pairOf, type Pair } from './pair.js';
import type { Problem } from './problem.js';

export interface FactUse {
  readonly fact: string;
  readonly operator: string;
  readonly reading: FactReading;
  /** JSON Pointer of the condition that reads it, or of the value that it is. */
  readonly pointer: string;
}

/** A condition of a `compat` document, ready to be evaluated as a whole. */
export interface CompatCondition {
  /** Every use of a fact in it, references put in place. */
  readonly uses: readonly FactUse[];
  /** Equal for conditions that say the same with the same named conditions. */
  readonly key: () => string;
  /** @param more operators of plugins */
  readonly match: (facts: Readonly<Record<string, unknown>>, more?: OperatorSet) => Verdict;
  readonly trace: (facts: Readonly<Record<string, unknown>>, more?: OperatorSet) => ConditionTrace | Problem;
}

/** What a joint asks: how the values of two facts compare, or all that a condition of json-rules-engine does. */
export type JointQuestion =
  | { readonly kind: 'pair'; readonly pair: Pair; readonly value: unknown }
  | { readonly kind: 'compat'; readonly condition: CompatCondition };

/** A part of a condition that tests the values of several facts together. */
export interface RuleJoint {
  readonly kind: 'joint';
  /** JSON Pointer of the place in the document. */
  readonly pointer: string;
  /** As written; `compat` for a condition of json-rules-engine. */
  readonly operator: string;
  /** The facts that are read, each once but for a fact that is compared with itself. */
  readonly facts: readonly Pick<FactUse, 'fact' | 'reading'>[];
  /** Every use of a fact, in document order. */
  readonly uses: readonly FactUse[];
  readonly question: JointQuestion;
  /** The verdict on the values of `facts`, in their order; null or undefined where there is none. */
  readonly test: (values: readonly unknown[]) => Verdict;
  /** Equal for joints that ask the same of the same facts. */
  readonly key: string;
}

/** The facts of a subject as json-rules-engine takes them: one without a value is absent. */
export function factsOf(
  facts: readonly Pick<FactUse, 'fact'>[],
  values: readonly unknown[],
): Readonly<Record<string, unknown>> {
  const known: Record<string, unknown> = {};
  for (const [i, { fact }] of facts.entries()) {
    const value = values[i] ?? null;
    // An assignment to `__proto__` would be none.
    if (value !== null && fact !== '__proto__') known[fact] = value;
  }
  return known;
}

export function compatJoint(condition: CompatCondition, pointer: string, more?: OperatorSet): RuleJoint {
  const facts = [...new Map(condition.uses.map(({ fact, reading }) => [fact, { fact, reading }])).values()];
  return {
    kind: 'joint',
    pointer,
    operator: 'compat',
    facts,
    uses: condition.uses,
    question: { kind: 'compat', condition },
    test: (values) => condition.match(factsOf(facts, values), more),
    get key() {
      return condition.key();
    },
  };
}

/** A comparison of two facts; null for an operator that cannot make one. */
export function pairJoint(
  fact: string,
  operator: string,
  other: string,
  pointer: string,
  zone: Zone,
): RuleJoint | null {
  const pair = pairOf(operator);
  if (!pair) return null;
  const { reading, test } = pair;
  return {
    kind: 'joint',
    pointer,
    operator,
    facts: [
      { fact, reading },
      { fact: other, reading },
    ],
    uses: [
      { fact, operator, reading, pointer },
      { fact: other, operator, reading, pointer: `${pointer}/value` },
    ],
    question: { kind: 'pair', pair, value: { fact: other } },
    test: ([value, than]) => test(value, than, zone),
    key: `pair ${JSON.stringify([fact, operator, other])}`,
  };
}
