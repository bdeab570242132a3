import { readInstant, readTime, type Moment, type Zone } from '@rapport/sdk/time';
import {
  amountOf,
  operands,
  patternOf,
  type FactReading,
  type FactType,
  type Operand,
  type OperandKind,
} from './operand.js';
import { holdsTime, timeSpan } from './time-span.js';

export { durationOf, type FactReading, type FactType } from './operand.js';

/** True, false, or null for unknown. */
export type Verdict = boolean | null;

/** The test that an operator makes with one value, over the value of a fact. */
type Test = (fact: unknown) => Verdict;

/** What there is to say of an operator: what it takes, which facts it fits, what it tests. */
export interface OperatorRule {
  readonly takes: Operand;
  readonly fits: readonly FactType[];
  /** One sentence for editors. */
  readonly description: string;
  /** What explanations say when it holds and when it does not; Rapport's own have theirs in explanation.ts. */
  readonly words?: readonly [holds: string, holdsNot: string];
  /** What documents of json-rules-engine call it, where that is another name. */
  readonly compatName?: string;
  /** @param now the moment that `withinNext` and `withinLast` count from, in the zone that times are read in */
  readonly test: (value: unknown, reading: FactReading, now: Moment) => Test;
}

/** The value of a fact in one reading; null where it is unknown or of another type. A time is epoch ms: of a calendar day, its first instant in the zone. */
export function read(
  value: unknown,
  reading: FactReading,
  zone: Zone,
): string | number | boolean | readonly unknown[] | null {
  switch (reading) {
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? value : null;
    case 'time':
      return readInstant(value, zone);
    case 'text':
      return typeof value === 'string' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'any':
      return Array.isArray(value) ||
        typeof value === 'string' ||
        typeof value === 'boolean' ||
        (typeof value === 'number' && Number.isFinite(value))
        ? value
        : null;
  }
}

const onNumber =
  (compare: (fact: number) => boolean): Test =>
  (fact) =>
    typeof fact === 'number' && Number.isFinite(fact) ? compare(fact) : null;
/** The test of an operator about times. */
function onTime(operator: string, value: unknown, now: Moment): Test {
  const span = timeSpan(operator, value, now);
  return (fact) => {
    const time = readTime(fact, now.zone);
    return span && time && holdsTime(span, time);
  };
}
const onText =
  (holds: (fact: string) => boolean): Test =>
  (fact) =>
    typeof fact === 'string' ? holds(fact) : null;
const onList =
  (holds: (fact: readonly unknown[]) => boolean): Test =>
  (fact) =>
    Array.isArray(fact) ? holds(fact) : null;

const equality =
  (wanted: boolean): OperatorRule['test'] =>
  (value, reading, { zone }) =>
  (fact) => {
    const known = read(fact, reading, zone);
    return known === null ? null : (known === value) === wanted;
  };
const membership =
  (wanted: boolean): OperatorRule['test'] =>
  (value, reading, { zone }) => {
    const members = new Set(value as readonly unknown[]);
    return (fact) => {
      const known = read(fact, reading, zone);
      return known === null || Array.isArray(known) ? null : members.has(known) === wanted;
    };
  };
const comparison =
  (operator: string, holds: (fact: number, threshold: number) => boolean): OperatorRule['test'] =>
  (value, reading, now) =>
    reading === 'time' ? onTime(operator, value, now) : onNumber((fact) => holds(fact, value as number));
const timing =
  (operator: string): OperatorRule['test'] =>
  (value, _reading, now) =>
    onTime(operator, value, now);
const holding =
  (every: boolean): OperatorRule['test'] =>
  (value) => {
    const wanted = value as readonly unknown[];
    return onList((fact) => {
      const held = new Set(fact);
      return every ? wanted.every((item) => held.has(item)) : wanted.some((item) => held.has(item));
    });
  };
const changing =
  (holds: (change: number, amount: number) => boolean): OperatorRule['test'] =>
  (value) => {
    const { amount } = amountOf(value) ?? { amount: 0 };
    return onNumber((change) => holds(change, amount));
  };

/** Longer text is not searched for a pattern: it counts as unknown. */
const LONGEST_TEXT = 1000;
function matching(value: unknown): Test {
  const pattern = patternOf(value);
  if (typeof pattern === 'string') return () => null;
  return (fact) => (typeof fact === 'string' && fact.length <= LONGEST_TEXT ? pattern.test(fact) : null);
}

const rule = (
  takes: OperandKind,
  fits: readonly FactType[],
  description: string,
  test: OperatorRule['test'],
): OperatorRule => ({ takes: operands[takes], fits: [...fits, 'any'], description, test });

const scalars = ['number', 'text', 'boolean'] as const;
const ordered = ['number', 'time'] as const;
const every = ['number', 'text', 'time', 'boolean', 'list'] as const;

// One line says all there is to say of an operator; the words that tell of it are in explanation.ts.
/* prettier-ignore */
const rules = {
  equal: rule('scalar', scalars, 'The fact is this value.', equality(true)),
  notEqual: rule('scalar', scalars, 'The fact is another value than this.', equality(false)),
  lessThan: rule('order', ordered, 'The fact is below this number, or before this time.', comparison('lessThan', (fact, value) => fact < value)),
  lessThanInclusive: rule('order', ordered, 'The fact is at most this number or time.', comparison('lessThanInclusive', (fact, value) => fact <= value)),
  greaterThan: rule('order', ordered, 'The fact is above this number, or after this time.', comparison('greaterThan', (fact, value) => fact > value)),
  greaterThanInclusive: rule('order', ordered, 'The fact is at least this number or time.', comparison('greaterThanInclusive', (fact, value) => fact >= value)),
  in: rule('list', scalars, 'The fact is one of these values.', membership(true)),
  notIn: rule('list', scalars, 'The fact is none of these values.', membership(false)),
  contains: rule('item', ['list'], 'The list holds this.', (value) => onList((fact) => fact.includes(value))),
  doesNotContain: rule('item', ['list'], 'The list does not hold this.', (value) => onList((fact) => !fact.includes(value))),
  hasAll: rule('items', ['list'], 'The list holds every one of these.', holding(true)),
  hasAny: rule('items', ['list'], 'The list holds at least one of these.', holding(false)),
  between: rule('pair', ordered, 'The fact is between these two, or one of them.', (value, reading, now) => {
    if (reading === 'time') return onTime('between', value, now);
    const [from, to] = value as readonly [number, number];
    return onNumber((fact) => from <= fact && fact <= to);
  }),
  isKnown: rule('none', every, 'There is a value.', (_, reading, { zone }) => (fact) => read(fact, reading, zone) !== null),
  isUnknown: rule('none', every, 'There is no value.', (_, reading, { zone }) => (fact) => read(fact, reading, zone) === null),
  before: rule('instant', ['time'], 'The time is before this one: of a date, before that day.', timing('before')),
  after: rule('instant', ['time'], 'The time is after this one: of a date, after that day.', timing('after')),
  withinNext: rule('duration', ['time'], 'The time is between now and so many days from now; of a date, from today on.', timing('withinNext')),
  withinLast: rule('duration', ['time'], 'The time is between so many days ago and now; of a date, until yesterday.', timing('withinLast')),
  startsWith: rule('prefix', ['text'], 'The text begins with this, letter for letter.', (value) => onText((fact) => fact.startsWith(String(value)))),
  matches: rule('pattern', ['text'], 'This regular expression (RE2 syntax) is found in the text; anchor it with ^ and $.', matching),
  changedBy: rule('amount', ['number'], 'The metric is this much (a number, or "20%") above or below its value one window before.', changing((change, amount) => Math.abs(change) >= amount)),
  increasedBy: rule('amount', ['number'], 'The metric is at least this much (a number, or "20%") above its value one window before.', changing((change, amount) => change >= amount)),
  decreasedBy: rule('amount', ['number'], 'The metric is at least this much (a number, or "20%") below its value one window before.', changing((change, amount) => change <= -amount)),
} as const satisfies Readonly<Record<string, OperatorRule>>;

export type Operator = keyof typeof rules;
export const operators = Object.keys(rules) as readonly Operator[];
export const isOperator = (name: string): name is Operator => Object.hasOwn(rules, name);

/** Operators that compare a text, or the items of a list, as a whole. */
export const comparesWhole: readonly string[] = [
  'equal', 'notEqual', 'in', 'notIn', 'contains', 'doesNotContain', 'hasAll', 'hasAny',
] satisfies Operator[]; // prettier-ignore

/** Operators beside Rapport's own, by name; see `operatorSet`. */
export type OperatorSet = ReadonlyMap<string, OperatorRule>;
const none: OperatorSet = new Map();

/** What there is to say of an operator, Rapport's own or one of a set; null when there is no such operator. */
export const ruleOf = (name: string, more: OperatorSet = none): OperatorRule | null =>
  isOperator(name) ? rules[name] : (more.get(name) ?? null);

/** How the fact of a condition is read, from its operator and value; null when the value does not fit, or there is no such operator. */
export const readingOf = (operator: string, value: unknown, more?: OperatorSet): FactReading | null =>
  ruleOf(operator, more)?.takes.reading(value) ?? null;

/**
 * The test that an operator and value make, over one fact's value: true, false, or null where the fact is unknown or of another type.
 * The value must fit the operator (`readingOf`). Throws `RAPPORT_RULES_OPERATOR` when there is no such operator.
 *
 * @param now the moment that `withinNext` and `withinLast` count from, in the zone that times are read in
 */
export function testOf(operator: string, value: unknown, now: Moment, more?: OperatorSet): Test {
  const found = ruleOf(operator, more);
  if (!found) throw new TypeError(`RAPPORT_RULES_OPERATOR: "${operator}" is not an operator`);
  return found.test(value, found.takes.reading(value) ?? 'any', now);
}

/** Whether an operator is about how a metric changed, and so reads another fact than it names. */
export const isChange = (operator: string): boolean =>
  operator === 'changedBy' || operator === 'increasedBy' || operator === 'decreasedBy';

/**
 * The fact that a leaf reads: the one that it names, but the derived `<metric>.change` for `"decreasedBy": 5` and `<metric>.changeRate`
 * for `"decreasedBy": "20%"`.
 */
export function factRead(leaf: { readonly fact: string; readonly operator: string; readonly value?: unknown }): string {
  if (!isChange(leaf.operator)) return leaf.fact;
  return `${leaf.fact}.${amountOf(leaf.value)?.relative ? 'changeRate' : 'change'}`;
}
