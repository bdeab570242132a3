import { readTime, type Zone } from '@rapport/sdk/time';
import type { FactReading, FactType } from './operand.js';
import type { Operator, Verdict } from './operator.js';
import { compareTimes } from './time-span.js';

/*
 * Operators whose value may be another fact: `{ "fact": "score", "operator": "lessThan", "value": { "fact": "score.previous" } }`. The verdict is the one
 * that the other fact's value would give if it were written there; unknown where either is unknown, or the two are of different types.
 */

/** What an operator makes of the values of two facts. */
export interface Pair {
  /** How both are read. */
  readonly reading: FactReading;
  /** Types that the other fact may have, if not any; the first fact's are the operator's. */
  readonly other: readonly FactType[];
  readonly test: (value: unknown, other: unknown, zone: Zone) => Verdict;
  /** The same of two finite numbers, where it may be asked of numbers at all. */
  readonly ofNumbers: ((value: number, other: number) => boolean) | null;
}

type OfNumbers = (value: number, other: number) => boolean;

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isScalar = (value: unknown) => isNumber(value) || typeof value === 'string' || typeof value === 'boolean';

const scalars = ['number', 'text', 'boolean'] as const;

const equality = (wanted: boolean): Pair => ({
  reading: 'any',
  other: scalars,
  test: (value, other) =>
    isScalar(value) && isScalar(other) && typeof value === typeof other ? (value === other) === wanted : null,
  ofNumbers: (value, other) => (value === other) === wanted,
});

/** Whether two times are so; null where either is none. */
function timesHold(holds: OfNumbers, value: unknown, other: unknown, zone: Zone): Verdict {
  const [here, there] = [readTime(value, zone), readTime(other, zone)];
  return here && there && holds(compareTimes(here, there, zone), 0);
}

/** Of two numbers, or of two times in text: traits are as they are in the data. */
const order = (holds: OfNumbers): Pair => ({
  reading: 'any',
  other: ['number', 'time'],
  test(value, other, zone) {
    if (isNumber(value)) return isNumber(other) ? holds(value, other) : null;
    return typeof value === 'string' && typeof other === 'string' ? timesHold(holds, value, other, zone) : null;
  },
  ofNumbers: holds,
});

/** Of two times, each in text or in epoch ms. */
const times = (holds: OfNumbers): Pair => ({
  reading: 'time',
  other: ['time'],
  test: (value, other, zone) => timesHold(holds, value, other, zone),
  // What a number says as a time, only the reader of times knows.
  ofNumbers: null,
});

const holding = (wanted: boolean): Pair => ({
  reading: 'any',
  other: scalars,
  test: (value, other) => (Array.isArray(value) && isScalar(other) ? value.includes(other) === wanted : null),
  ofNumbers: null,
});

const pairs: Readonly<Partial<Record<Operator, Pair>>> = {
  equal: equality(true),
  notEqual: equality(false),
  lessThan: order((value, other) => value < other),
  lessThanInclusive: order((value, other) => value <= other),
  greaterThan: order((value, other) => value > other),
  greaterThanInclusive: order((value, other) => value >= other),
  before: times((value, other) => value < other),
  after: times((value, other) => value > other),
  contains: holding(true),
  doesNotContain: holding(false),
  startsWith: {
    reading: 'text',
    other: ['text'],
    test: (value, other) => (typeof value === 'string' && typeof other === 'string' ? value.startsWith(other) : null),
    ofNumbers: null,
  },
};

/** Operators whose value may be another fact. */
export const pairOperators: readonly string[] = Object.keys(pairs);

/** What an operator makes of two facts; null when its value cannot be one. */
export const pairOf = (operator: string): Pair | null =>
  Object.hasOwn(pairs, operator) ? (pairs[operator as Operator] ?? null) : null;

/** Whether a condition's value is meant to be another fact. */
export const isFactValue = (value: unknown): value is { readonly fact: string } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, 'fact');
