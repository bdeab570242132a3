import type { Condition } from '@rapport/sdk';
import type { Moment } from '@rapport/sdk/time';
import { compile, usesOf, type FactReader, type FactUse } from './condition.js';
import type { Problem } from './problem.js';
import { checkCondition } from './validation.js';

/** One class of a profile (a lifecycle stage, a persona), and the rule that chooses it. */
export interface ProfileClass {
  readonly id: string;
  readonly title?: string;
  /** Over `trait.<name>` and `tenure`, the days since the subject signed up. */
  readonly when: Condition;
}

/** The fact that a profile's rules have beside traits: calendar days from the day of signing up to day D. */
export const TENURE = 'tenure';

/** Every use of a fact in a profile, in document order. */
export const profileFacts = (classes: readonly ProfileClass[]): readonly FactUse[] =>
  classes.flatMap(({ when }, i) => usesOf(when, `/${String(i)}/when`));

/** What is wrong with a profile's rules: conditions, facts other than traits and tenure, ids that are there twice. */
export function checkProfile(classes: readonly ProfileClass[]): readonly Problem[] {
  const problems = classes.flatMap(({ id, when }, i): readonly Problem[] => {
    const pointer = `/${String(i)}`;
    const twice = classes.findIndex((other) => other.id === id) !== i;
    return [
      ...(twice
        ? [{ code: 'RAPPORT_RULES_SHAPE', pointer: `${pointer}/id`, message: `the class "${id}" is there twice.` }]
        : []),
      ...checkCondition(when, `${pointer}/when`),
    ];
  });
  if (problems.length > 0) return problems;
  return profileFacts(classes)
    .filter(({ fact }) => fact !== TENURE && !/^trait\..+/s.test(fact))
    .map(({ fact, pointer }) => ({
      code: 'RAPPORT_RULES_FACT',
      pointer: `${pointer}/fact`,
      message: `a profile knows the facts "${TENURE}" and "trait.<name>" only, not "${fact}": metrics are computed after it.`,
    }));
}

/**
 * The class of each subject: the first whose rule is true, or null. What is unknown is not true.
 *
 * @param asOf the moment that `withinNext` and `withinLast` count from, in the zone that times are read in
 */
export function classify(
  classes: readonly ProfileClass[],
  reader: FactReader,
  asOf: Moment,
): (subject: number) => string | null {
  const rules = classes.map(({ id, when }) => ({ id, test: compile(when, reader, asOf) }));
  return (subject) => rules.find(({ test }) => test(subject) === true)?.id ?? null;
}
