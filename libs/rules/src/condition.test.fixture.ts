import { utc } from '@rapport/sdk/time';
import fc from 'fast-check';
import type { Condition } from '@rapport/sdk';
import type { FactColumn } from './columnar.js';
import { factRead, testOf, type Verdict } from './operator.js';

export const NOW = { at: Date.UTC(2026, 5, 1), zone: utc };
const DAY = 86_400_000;

/** Kleene's logic as one would write it down, for others to be held against. */
export function slowly(condition: Condition, valueOf: (fact: string) => unknown): Verdict {
  if ('not' in condition) {
    const child = slowly(condition.not, valueOf);
    return child === null ? null : !child;
  }
  if ('fact' in condition) {
    const { operator, value } = condition;
    return testOf(operator, value, NOW)(valueOf(factRead(condition)));
  }
  if ('condition' in condition) throw new Error('a reference stands for nothing by itself');
  const verdicts = ('all' in condition ? condition.all : condition.any).map((child) => slowly(child, valueOf));
  const decisive = 'any' in condition;
  if (verdicts.includes(decisive)) return decisive;
  return verdicts.includes(null) ? null : !decisive;
}

const numbers = [-1, 0, 0.5, 1, 2, 1e9];
const texts = ['a', 'b', 'c', '', '__proto__'];
const days = ['2026-05-01', '2026-05-31', '2026-06-01', '2026-06-15T12:00:00Z', '2026-09-01'];

/** Values of the facts, of the types that their columns hold; some missing, some of no use. */
const facts = {
  n1: fc.option(fc.constantFrom(...numbers), { freq: 4 }),
  n2: fc.constantFrom(...numbers, null, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0),
  'n1.change': fc.option(fc.constantFrom(...numbers)),
  t1: fc.option(fc.integer({ min: -120, max: 120 }).map((day) => NOW.at + day * DAY)),
  t2: fc.option(fc.constantFrom(...days, 'soon', '2026-02-30')),
  x1: fc.option(fc.constantFrom(...texts)),
  b1: fc.option(fc.boolean()),
  l1: fc.option(fc.array(fc.constantFrom<unknown>(...texts, 1, true), { maxLength: 3 })),
  a1: fc.oneof(
    fc.constantFrom<unknown>(...numbers, ...texts, ...days, true, false, null, undefined),
    fc.constant({ not: 'a value' }),
    fc.constant(Number.NaN),
  ),
} as const;
export type FactName = keyof typeof facts;
export type Facts = Readonly<Record<FactName, unknown>>;
export const factNames = Object.keys(facts) as readonly FactName[];

export const subject: fc.Arbitrary<Facts> = fc.record(facts);

/** The facts of all subjects in columns: as the store would give them, or, of n1 and x1 too, by a function. */
export function columnsOf(subjects: readonly Facts[], byFunction = false): (fact: string) => FactColumn {
  const all = (fact: string) => subjects.map((one) => (Object.hasOwn(one, fact) ? one[fact as FactName] : null));
  return (fact) => {
    const values = all(fact);
    if (!byFunction && ['n1', 'n2', 'n1.change', 't1'].includes(fact))
      return {
        type: 'number',
        values: Float64Array.from(values, (value) => Number(value ?? 0)),
        valid: Uint8Array.from(values, (value) => (value === null ? 0 : 1)),
      };
    if (!byFunction && ['x1', 't2'].includes(fact)) {
      const dictionary = [...new Set(values)].filter((value) => typeof value === 'string');
      return {
        type: 'text',
        codes: Int32Array.from(values, (value) => dictionary.indexOf(value as string)),
        dictionary,
      };
    }
    return (i) => values[i];
  };
}

const scalar = fc.constantFrom<unknown>(...numbers, ...texts, true, false);
const value = {
  scalar,
  scalars: fc.oneof(
    fc.array(scalar, { minLength: 1, maxLength: 4 }),
    fc.array(fc.constantFrom(...numbers), { minLength: 1, maxLength: 4 }),
    fc.array(fc.constantFrom(...texts), { minLength: 1, maxLength: 4 }),
  ),
  order: fc.constantFrom<unknown>(...numbers, ...days),
  range: fc.oneof(
    fc.tuple(fc.constantFrom(...numbers), fc.constantFrom(...numbers)).map((pair) => pair.sort((a, b) => a - b)),
    fc.tuple(fc.constantFrom(...days), fc.constantFrom(...days)).map((pair) => pair.sort()),
  ),
  duration: fc.constantFrom('1d', '2w', '90d'),
  none: fc.constant(undefined),
};
const operatorsBy: readonly (readonly [readonly string[], fc.Arbitrary<unknown>])[] = [
  [['equal', 'notEqual', 'contains', 'doesNotContain'], value.scalar],
  [['in', 'notIn', 'hasAll', 'hasAny'], value.scalars],
  [['startsWith', 'matches'], fc.constantFrom('a', '^[ab]$', '_')],
  [['before', 'after'], fc.constantFrom(...days.slice(0, 5))],
  [['changedBy', 'increasedBy', 'decreasedBy'], fc.constantFrom(0.5, 1, 2, '50%')],
  [['lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive'], value.order],
  [['between'], value.range],
  [['withinNext', 'withinLast'], value.duration],
  [['isKnown', 'isUnknown'], value.none],
];

const fact = fc.constantFrom<string>(...factNames, 'absent');
const leaf: fc.Arbitrary<Condition> = fc.oneof(
  ...operatorsBy.map(([operators, values]) =>
    fc.tuple(fact, fc.constantFrom(...operators), values).map(([name, operator, given]) => ({
      fact: name,
      operator,
      ...(given === undefined ? {} : { value: given }),
    })),
  ),
);
/** Valid conditions over these facts, of whatever type they may be. */
export const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.record({ all: fc.array(tie('condition'), { maxLength: 4 }) }),
    fc.record({ any: fc.array(tie('condition'), { minLength: 1, maxLength: 4 }) }),
    fc.record({ not: tie('condition') }),
  ),
}));
