import type { Moment } from '@rapport/sdk/time';
import { compatJoint, pairJoint, type CompatCondition, type RuleJoint } from './joint.js';
import { amountOf } from './operand.js';
import { factRead, readingOf, testOf, type FactReading, type OperatorSet, type Verdict } from './operator.js';
import { isFactValue } from './pair.js';
import { namedPointer } from './problem.js';
import { timeSpan, type TimeSpan } from './time-span.js';

/*
 * The typed form of a valid condition. Every reader of conditions works on it: the predicate for one subject (condition.ts), for all
 * subjects at once (columnar.ts), and the trace (trace.ts).
 */

/** Deepest nesting of `all`, `any` and `not` that a document may have. */
export const MAX_DEPTH = 20;

/**
 * What a leaf asks of the value of its fact, in the few kinds that there is a fast way to ask:
 * - `interval`: whether a number lies between two finite numbers, both included, or does not. All comparisons are of this kind:
 *   `greaterThan 5` begins at the next number above 5. Of times, instants in epoch ms are the numbers, and `days` says which calendar days do;
 * - `among`: whether a scalar is one of several, or none;
 * - `boolean`: whether it is the wanted one;
 * - `known`: whether there is a value, or none. Never unknown itself;
 * - `test`: anything else, by the leaf's `test`.
 */
export type Question =
  | {
      readonly kind: 'interval';
      readonly from: number;
      readonly to: number;
      readonly inside: boolean;
      readonly days?: TimeSpan;
    }
  | { readonly kind: 'among'; readonly members: ReadonlySet<unknown>; readonly inside: boolean }
  | { readonly kind: 'boolean'; readonly wanted: boolean }
  | { readonly kind: 'known'; readonly wanted: boolean }
  | { readonly kind: 'test' };

export interface RuleLeaf {
  readonly kind: 'leaf';
  /** JSON Pointer of the place in the document. */
  readonly pointer: string;
  /** The fact that is read: not the one that is named where the operator is about a change (`factRead`). */
  readonly fact: string;
  readonly operator: string;
  /** The operator's value as written. */
  readonly value: unknown;
  readonly reading: FactReading;
  readonly question: Question;
  /** The verdict on a value of the fact, of whatever type; null or undefined where there is none. */
  readonly test: (value: unknown) => Verdict;
  /** Equal for leaves that ask the same of the same fact, however they are written. */
  readonly key: string;
}

/**
 * A condition that stands by itself: of a document, its named conditions are put in place (`means`), and what json-rules-engine evaluates is made
 * ready. See `rulesOf` (resolution.ts). A strict condition without references is one as it is.
 */
export type ResolvedCondition =
  | { readonly all: readonly ResolvedCondition[] }
  | { readonly any: readonly ResolvedCondition[] }
  | { readonly not: ResolvedCondition }
  | { readonly condition: string; readonly means?: ResolvedCondition }
  | { readonly compat: CompatCondition }
  | { readonly fact: string; readonly operator: string; readonly value?: unknown };

export type RuleNode =
  | { readonly kind: 'all' | 'any'; readonly pointer: string; readonly children: readonly RuleNode[] }
  | { readonly kind: 'not'; readonly pointer: string; readonly child: RuleNode }
  | RuleLeaf
  | RuleJoint;

const LEAST = -Number.MAX_VALUE;
const MOST = Number.MAX_VALUE;

const float = new Float64Array(1);
const bits = new BigInt64Array(float.buffer);

/** The least number greater than a finite one. */
export function nextUp(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  float[0] = value;
  bits[0] = (bits[0] ?? 0n) + (value > 0 ? 1n : -1n);
  return float[0];
}
/** The greatest number less than a finite one. */
export const nextDown = (value: number): number => -nextUp(-value);

type Interval = Extract<Question, { kind: 'interval' }>;
const interval = (from: number, to: number, inside = true): Interval => ({ kind: 'interval', from, to, inside });
const numberOf = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);

/** The question of an operator about times. */
function timeQuestion(operator: string, value: unknown, now: Moment): Question | null {
  const span = timeSpan(operator, value, now);
  return span && { ...interval(Math.max(LEAST, span.from), Math.min(MOST, nextDown(span.until))), days: span };
}

const amount = (value: unknown): number => amountOf(value)?.amount ?? Number.NaN;

function equality(value: unknown, inside: boolean): Question {
  if (typeof value === 'number') return interval(value, value, inside);
  if (typeof value === 'boolean') return { kind: 'boolean', wanted: value === inside };
  return { kind: 'among', members: new Set([value]), inside };
}

type Asking = (value: unknown) => Question;
const below: Asking = (value) => interval(LEAST, nextDown(numberOf(value)));
const above: Asking = (value) => interval(nextUp(numberOf(value)), MOST);

/** What operators ask; those that are not here are `test`. */
const questions: ReadonlyMap<string, Asking> = new Map<string, Asking>([
  ['equal', (value) => equality(value, true)],
  ['notEqual', (value) => equality(value, false)],
  ['lessThan', below],
  ['lessThanInclusive', (value) => interval(LEAST, numberOf(value))],
  ['greaterThan', above],
  ['greaterThanInclusive', (value) => interval(numberOf(value), MOST)],
  [
    'between',
    (value) => {
      const [from, to] = value as [unknown, unknown];
      return interval(numberOf(from), numberOf(to));
    },
  ],
  ['in', (value) => ({ kind: 'among', members: new Set(value as readonly unknown[]), inside: true })],
  ['notIn', (value) => ({ kind: 'among', members: new Set(value as readonly unknown[]), inside: false })],
  ['changedBy', (value) => interval(nextUp(-amount(value)), nextDown(amount(value)), false)],
  ['increasedBy', (value) => interval(amount(value), MOST)],
  ['decreasedBy', (value) => interval(LEAST, -amount(value))],
  ['isKnown', () => ({ kind: 'known', wanted: true })],
  ['isUnknown', () => ({ kind: 'known', wanted: false })],
]);

const intervalTest =
  (from: number, to: number, inside: boolean): ((value: unknown) => Verdict) =>
  (value) =>
    typeof value === 'number' && Number.isFinite(value) ? (from <= value && value <= to) === inside : null;

function keyOf(fact: string, reading: FactReading, question: Question, operator: string, value: unknown): string {
  switch (question.kind) {
    case 'interval':
      return JSON.stringify([
        fact,
        reading,
        'interval',
        String(question.from),
        String(question.to),
        question.inside,
        String(question.days?.first),
        String(question.days?.last),
      ]);
    case 'among':
      return JSON.stringify([
        fact,
        reading,
        'among',
        Array.from(question.members, (member) => JSON.stringify(member)).sort(),
        question.inside,
      ]);
    case 'boolean':
    case 'known':
      return JSON.stringify([fact, reading, question.kind, question.wanted]);
    case 'test':
      return JSON.stringify([fact, reading, operator, value]);
  }
}

/** A leaf that compares a fact with a value. */
export function leafOf(
  leaf: Extract<ResolvedCondition, { fact: string }>,
  now: Moment,
  pointer: string,
  more?: OperatorSet,
): RuleLeaf {
  const { operator, value } = leaf;
  const fact = factRead(leaf);
  // Refuses an operator that there is not.
  const test = testOf(operator, value, now, more);
  const reading = readingOf(operator, value, more);
  if (reading === null)
    throw new TypeError(`RAPPORT_RULES_VALUE: the value at "${pointer}" does not fit "${operator}"`);
  const ofTime = reading === 'time' ? timeQuestion(operator, value, now) : null;
  const question = ofTime ?? questions.get(operator)?.(value) ?? { kind: 'test' };
  return {
    kind: 'leaf',
    pointer,
    fact,
    operator,
    value,
    reading,
    question,
    test: question.kind === 'interval' && !ofTime ? intervalTest(question.from, question.to, question.inside) : test,
    key: keyOf(fact, reading, question, operator, value),
  };
}

/** The typed forms of named conditions, by what they mean: one that is referred to often is made once, and is one and the same node. */
const typedForms = new WeakMap<
  OperatorSet,
  WeakMap<ResolvedCondition, { readonly now: Moment; readonly node: RuleNode }>
>();
const NONE: OperatorSet = new Map();
/** No longer than the operators are in use: they may hold what they were asked. */
function formsWith(more: OperatorSet) {
  const forms =
    typedForms.get(more) ?? new WeakMap<ResolvedCondition, { readonly now: Moment; readonly node: RuleNode }>();
  typedForms.set(more, forms);
  return forms;
}

/**
 * The typed form of a valid condition; parts that stand in a named condition point there. Throws a TypeError that begins with
 * `RAPPORT_RULES_OPERATOR`, `_VALUE`, `_DEPTH` or `_REFERENCE` for one that `checkCondition` refuses.
 *
 * @param now the moment that `withinNext` and `withinLast` count from, in the zone that times are read in
 * @param pointer JSON Pointer of the condition in its document
 * @param more operators beside Rapport's own
 */
export function irOf(condition: ResolvedCondition, now: Moment, pointer = '', more?: OperatorSet): RuleNode {
  const forms = formsWith(more ?? NONE);
  const typed = (node: ResolvedCondition, place: string, depth: number): RuleNode => {
    if (depth > MAX_DEPTH) throw new TypeError(`RAPPORT_RULES_DEPTH: conditions nest deeper than ${String(MAX_DEPTH)}`);
    if ('fact' in node) {
      if (!isFactValue(node.value)) return leafOf(node, now, place, more);
      const joint = pairJoint(node.fact, node.operator, node.value.fact, place, now.zone);
      if (joint) return joint;
      throw new TypeError(`RAPPORT_RULES_VALUE: the value of "${node.operator}" at "${place}" cannot be a fact`);
    }
    if ('not' in node) return { kind: 'not', pointer: place, child: typed(node.not, `${place}/not`, depth + 1) };
    if ('compat' in node) return compatJoint(node.compat, place, more);
    if ('condition' in node) {
      const { condition: name, means } = node;
      if (!means) throw new TypeError(`RAPPORT_RULES_REFERENCE: there is no condition "${name}" for "${place}"`);
      const found = forms.get(means);
      if (found?.now.at === now.at && found.now.zone === now.zone) return found.node;
      const made = typed(means, namedPointer(name), depth + 1);
      forms.set(means, { now, node: made });
      return made;
    }
    const kind = 'all' in node ? 'all' : 'any';
    const children = 'all' in node ? node.all : node.any;
    return {
      kind,
      pointer: place,
      children: children.map((child, i) => typed(child, `${place}/${kind}/${String(i)}`, depth + 1)),
    };
  };
  return typed(condition, pointer, 0);
}

/** Every leaf and joint, in document order. */
export function partsOf(node: RuleNode): readonly (RuleLeaf | RuleJoint)[] {
  if (node.kind === 'leaf' || node.kind === 'joint') return [node];
  return node.kind === 'not' ? partsOf(node.child) : node.children.flatMap(partsOf);
}

/** Every leaf, in document order. */
export const leavesOf = (node: RuleNode): readonly RuleLeaf[] =>
  partsOf(node).flatMap((part) => (part.kind === 'leaf' ? [part] : []));
