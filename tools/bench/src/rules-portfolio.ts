import type { Condition } from '@rapport/sdk';
import type { FactColumn } from '@rapport/rules';

/*
 * What the rules benchmark evaluates: facts of many subjects in columns, and rules over them, both from a seed. Facts of which some are missing are
 * asked without negation only: there json-rules-engine, which knows no unknown, says true of the same subjects.
 */

/** Each draw a number from 0 to 1, without 1 (mulberry32). */
export function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
type Dice = () => number;
const pick = <T>(roll: Dice, from: readonly T[]): T => from[Math.floor(roll() * from.length)] as T;

type FactKind =
  | { readonly type: 'number'; readonly most: number; readonly digits: number }
  | { readonly type: 'text'; readonly values: readonly string[] }
  | { readonly type: 'boolean' };
interface Fact {
  readonly name: string;
  readonly kind: FactKind;
  /** Share of the subjects who have no value. */
  readonly missing: number;
}

const number = (name: string, most: number, digits: number, missing = 0): Fact => ({
  name,
  kind: { type: 'number', most, digits },
  missing,
});
const text = (name: string, values: readonly string[], missing = 0): Fact => ({
  name,
  kind: { type: 'text', values },
  missing,
});
const boolean = (name: string, missing = 0): Fact => ({ name, kind: { type: 'boolean' }, missing });
const named = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i + 1}`);

/** Twelve numbers, five texts, three booleans; a tenth of seven of them is missing. */
export const facts: readonly Fact[] = [
  number('engagement-score', 100, 0),
  number('active-users', 500, 0),
  number('stickiness', 1, 2),
  number('usage-frequency', 14, 0),
  number('license-utilization', 1.2, 2),
  number('session-length', 90, 1),
  number('breadth-of-use', 1, 2),
  number('tenure', 2000, 0),
  number('nps', 200, 0, 0.1),
  number('time-to-value', 60, 1, 0.1),
  number('feature-retention', 1, 2, 0.1),
  number('trait.seats', 1000, 0, 0.1),
  text('trait.plan', ['free', 'trial', 'pro', 'team', 'enterprise']),
  text('trait.country', named('country', 40)),
  text('lifecycle', ['new', 'onboarding', 'adopted', 'at-risk']),
  text('trait.industry', named('industry', 20), 0.1),
  text('trait.owner', named('owner', 30), 0.1),
  boolean('segment.onboarded'),
  boolean('segment.licensed'),
  boolean('trait.sso', 0.1),
];

type Value = number | string | boolean | null;

function valueOf({ kind, missing }: Fact, roll: Dice): Value {
  if (roll() < missing) return null;
  switch (kind.type) {
    case 'number':
      return Number((roll() * kind.most).toFixed(kind.digits));
    case 'text':
      return pick(roll, kind.values);
    case 'boolean':
      return roll() < 0.5;
  }
}

function columnOf({ kind }: Fact, values: readonly Value[]): FactColumn {
  switch (kind.type) {
    case 'number':
      return {
        type: 'number',
        values: Float64Array.from(values, (value) => Number(value ?? 0)),
        valid: Uint8Array.from(values, (value) => (value === null ? 0 : 1)),
      };
    case 'text':
      return {
        type: 'text',
        codes: Int32Array.from(values, (value) => kind.values.indexOf(String(value))),
        dictionary: kind.values,
      };
    case 'boolean':
      return (i) => values[i];
  }
}

export interface Portfolio {
  readonly subjects: number;
  readonly columns: ReadonlyMap<string, FactColumn>;
  /** The facts of one subject as json-rules-engine takes them: what is missing is not there. */
  readonly factsAt: (subject: number) => Record<string, Value>;
}

export function portfolioOf(subjects: number, seed: number): Portfolio {
  const roll = dice(seed);
  const values = facts.map((fact) => Array.from({ length: subjects }, () => valueOf(fact, roll)));
  return {
    subjects,
    columns: new Map(facts.map((fact, f) => [fact.name, columnOf(fact, values[f] ?? [])])),
    factsAt: (subject) =>
      Object.fromEntries(
        facts.flatMap(({ name }, f) => {
          const value = values[f]?.[subject] ?? null;
          return value === null ? [] : [[name, value]];
        }),
      ),
  };
}

const comparisons = ['lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive'];
const shares = [0.1, 0.25, 0.4, 0.5, 0.7, 0.8, 0.9];

/** A leaf over any fact, as people write them: few round thresholds, a value or two or three of a text. */
function leafOf(roll: Dice): { readonly leaf: Condition; readonly fact: Fact } {
  const fact = pick(roll, facts);
  const { name, kind, missing } = fact;
  switch (kind.type) {
    case 'number': {
      const value = Number((pick(roll, shares) * kind.most).toFixed(kind.digits));
      return { fact, leaf: { fact: name, operator: pick(roll, comparisons), value } };
    }
    case 'text': {
      const negated = missing === 0 && roll() < 0.2;
      if (roll() < 0.5)
        return { fact, leaf: { fact: name, operator: negated ? 'notEqual' : 'equal', value: pick(roll, kind.values) } };
      const value = [...new Set([pick(roll, kind.values), pick(roll, kind.values), pick(roll, kind.values)])];
      return { fact, leaf: { fact: name, operator: negated ? 'notIn' : 'in', value } };
    }
    case 'boolean':
      return { fact, leaf: { fact: name, operator: 'equal', value: roll() < 0.5 } };
  }
}

const several = (roll: Dice, least: number, most: number, one: () => Condition): readonly Condition[] =>
  Array.from({ length: least + Math.floor(roll() * (most - least + 1)) }, one);

function group(roll: Dice, depth: number): Condition {
  const children = several(roll, 2, 4, () => {
    if (depth > 1 && roll() < 0.4) return group(roll, depth - 1);
    const { leaf, fact } = leafOf(roll);
    return fact.missing === 0 && roll() < 0.15 ? { not: leaf } : leaf;
  });
  return roll() < 0.6 ? { all: children } : { any: children };
}

/** Rules that nest two or three deep. */
export function rulesOf(count: number, seed: number): readonly Condition[] {
  const roll = dice(seed);
  return Array.from({ length: count }, (_, i) => group(roll, 2 + (i % 2)));
}
