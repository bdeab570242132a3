import type { Condition } from '@rapport/sdk';
import { isOperator, readingOf, testOf, type FactReading, type Operator, type Verdict } from './operator.js';

/** Deepest nesting of `all`, `any` and `not` that a document may have. */
export const MAX_DEPTH = 20;

export interface FactUse {
  readonly fact: string;
  readonly operator: Operator;
  readonly reading: FactReading;
  readonly pointer: string;
}

/** Every leaf of a condition, in document order. The condition must be valid. */
export function usesOf(condition: Condition, pointer = ''): readonly FactUse[] {
  if ('all' in condition) return condition.all.flatMap((child, i) => usesOf(child, `${pointer}/all/${String(i)}`));
  if ('any' in condition) return condition.any.flatMap((child, i) => usesOf(child, `${pointer}/any/${String(i)}`));
  if ('not' in condition) return usesOf(condition.not, `${pointer}/not`);
  if (!isOperator(condition.operator)) return [];
  return [
    {
      fact: condition.fact,
      operator: condition.operator,
      reading: readingOf(condition.operator, condition.value) ?? 'any',
      pointer,
    },
  ];
}

/** Gives the value of a fact for subject `i`; null or undefined where it is unknown. Of one reading, so that a column of that type can serve it. */
export type FactReader = (fact: string, reading: FactReading) => (subject: number) => unknown;

/**
 * Turns a valid condition into a predicate over subjects, three-valued (Kleene): `all` with a false is false, `any` with a true is true,
 * `not` unknown is unknown. `all: []` is true.
 *
 * @param now epoch ms that `withinNext` and `withinLast` count from
 */
export function compile(condition: Condition, reader: FactReader, now: number): (subject: number) => Verdict {
  if ('all' in condition) {
    const children = condition.all.map((child) => compile(child, reader, now));
    return (subject) => {
      let verdict: Verdict = true;
      for (const child of children) {
        const found = child(subject);
        if (found === false) return false;
        if (found === null) verdict = null;
      }
      return verdict;
    };
  }
  if ('any' in condition) {
    const children = condition.any.map((child) => compile(child, reader, now));
    return (subject) => {
      let verdict: Verdict = false;
      for (const child of children) {
        const found = child(subject);
        if (found === true) return true;
        if (found === null) verdict = null;
      }
      return verdict;
    };
  }
  if ('not' in condition) {
    const child = compile(condition.not, reader, now);
    return (subject) => {
      const found = child(subject);
      return found === null ? null : !found;
    };
  }
  if (!isOperator(condition.operator))
    throw new TypeError(`RAPPORT_RULES_OPERATOR: "${condition.operator}" is not an operator`);
  const test = testOf(condition.operator, condition.value, now);
  const value = reader(condition.fact, readingOf(condition.operator, condition.value) ?? 'any');
  return (subject) => test(value(subject));
}

/** Facts of one subject by name; only own properties are seen. */
export const readerOf =
  (facts: Readonly<Record<string, unknown>>): FactReader =>
  (fact) =>
  () =>
    Object.hasOwn(facts, fact) ? facts[fact] : null;

/** The verdict of a valid condition on one subject's facts. */
export const evaluate = (condition: Condition, facts: Readonly<Record<string, unknown>>, now: number): Verdict =>
  compile(condition, readerOf(facts), now)(0);
