import type { Moment } from '@rapport/sdk/time';
import { anyTime } from './moment.js';
import { irOf, partsOf, type ResolvedCondition, type RuleLeaf, type RuleNode } from './ir.js';
import type { FactUse, RuleJoint } from './joint.js';
import type { FactReading, OperatorSet, Verdict } from './operator.js';

export { MAX_DEPTH } from './ir.js';

export type { FactUse } from './joint.js';

/** Every use of a fact by a part of a condition. */
export const usesOfPart = (part: RuleLeaf | RuleJoint): readonly FactUse[] => {
  if (part.kind === 'joint') return part.uses;
  const { fact, operator, reading, pointer } = part;
  return [{ fact, operator, reading, pointer }];
};

/** Every use of a fact in a condition, in document order. The condition must be valid. */
export const usesOf = (condition: ResolvedCondition, pointer = '', more?: OperatorSet): readonly FactUse[] =>
  partsOf(irOf(condition, anyTime, pointer, more)).flatMap(usesOfPart);

/** Gives the value of a fact for subject `i`; null or undefined where it is unknown. Of one reading, so that a column of that type can serve it. */
export type FactReader = (fact: string, reading: FactReading) => (subject: number) => unknown;

type Predicate = (subject: number) => Verdict;

const allOf =
  (children: readonly Predicate[]): Predicate =>
  (subject) => {
    let verdict: Verdict = true;
    for (const child of children) {
      const found = child(subject);
      if (found === false) return false;
      if (found === null) verdict = null;
    }
    return verdict;
  };

const anyOf =
  (children: readonly Predicate[]): Predicate =>
  (subject) => {
    let verdict: Verdict = false;
    for (const child of children) {
      const found = child(subject);
      if (found === true) return true;
      if (found === null) verdict = null;
    }
    return verdict;
  };

const notOf =
  (child: Predicate): Predicate =>
  (subject) => {
    const found = child(subject);
    return found === null ? null : !found;
  };

function leafOf({ fact, reading, question, test }: RuleLeaf, reader: FactReader): Predicate {
  const value = reader(fact, reading);
  if (question.kind !== 'interval' || question.days) return (subject) => test(value(subject));
  // What most leaves are: a call less than by `test`.
  const { from, to, inside } = question;
  return (subject) => {
    const known = value(subject);
    return typeof known === 'number' && Number.isFinite(known) ? (from <= known && known <= to) === inside : null;
  };
}

/** Reads the facts of a joint for a subject. */
export function valuesReader({ facts }: RuleJoint, reader: FactReader): (subject: number) => readonly unknown[] {
  const reads = facts.map(({ fact, reading }) => reader(fact, reading));
  return (subject) => reads.map((read) => read(subject));
}

function jointOf(joint: RuleJoint, reader: FactReader): Predicate {
  const values = valuesReader(joint, reader);
  return (subject) => joint.test(values(subject));
}

function predicateOf(node: RuleNode, reader: FactReader): Predicate {
  switch (node.kind) {
    case 'all':
      return allOf(node.children.map((child) => predicateOf(child, reader)));
    case 'any':
      return anyOf(node.children.map((child) => predicateOf(child, reader)));
    case 'not':
      return notOf(predicateOf(node.child, reader));
    case 'leaf':
      return leafOf(node, reader);
    case 'joint':
      return jointOf(node, reader);
  }
}

/**
 * Turns a valid condition into a predicate over subjects, three-valued (Kleene): `all` with a false is false, `any` with a true is true,
 * `not` unknown is unknown. `all: []` is true. Evaluating allocates nothing, but for joints. For many rules over all subjects see `columnar`.
 *
 * @param now the moment that `withinNext` and `withinLast` count from, in the zone that times are read in
 * @param more operators beside Rapport's own
 */
export const compile = (condition: ResolvedCondition, reader: FactReader, now: Moment, more?: OperatorSet): Predicate =>
  predicateOf(irOf(condition, now, '', more), reader);

/** Facts of one subject by name; only own properties are seen. */
export const readerOf =
  (facts: Readonly<Record<string, unknown>>): FactReader =>
  (fact) =>
  () =>
    Object.hasOwn(facts, fact) ? facts[fact] : null;

/** The verdict of a valid condition on one subject's facts. */
export const evaluate = (
  condition: ResolvedCondition,
  facts: Readonly<Record<string, unknown>>,
  now: Moment,
  more?: OperatorSet,
): Verdict => compile(condition, readerOf(facts), now, more)(0);
