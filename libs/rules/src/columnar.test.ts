import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition } from '@rapport/sdk';
import { columnar, verdictAt, type FactColumn } from './columnar.js';
import { CHUNK } from './columnar-leaf.js';
import { columnsOf, condition, NOW, slowly, subject, type FactName, type Facts } from './condition.test.fixture.js';
import { compile } from './condition.js';
import { operatorSet } from './operator-registration.js';

const is = (fact: string, operator: string, value?: unknown): Condition => ({
  fact,
  operator,
  ...(value === undefined ? {} : { value }),
});
const valueIn = (facts: Facts | undefined) => (fact: string) =>
  facts && Object.hasOwn(facts, fact) ? facts[fact as FactName] : null;
const expected = (rule: Condition, subjects: readonly Facts[]) => subjects.map((facts) => slowly(rule, valueIn(facts)));

const numbers = (values: readonly (number | null)[]): FactColumn => ({
  type: 'number',
  values: Float64Array.from(values, (value) => value ?? 0),
  valid: Uint8Array.from(values, (value) => (value === null ? 0 : 1)),
});

describe('the predicate for one subject and the columnar one', () => {
  it('both give what Kleene’s logic gives', () => {
    fc.assert(
      fc.property(
        fc.array(condition, { minLength: 1, maxLength: 5 }),
        fc.array(subject, { maxLength: 70 }),
        fc.boolean(),
        (rules, subjects, byFunction) => {
          const all = columnar(rules, NOW).evaluate(subjects.length, columnsOf(subjects, byFunction));
          rules.forEach((rule, r) => {
            const right = expected(rule, subjects);
            const one = compile(rule, (fact) => (i) => valueIn(subjects[i])(fact), NOW);
            expect(subjects.map((_, i) => one(i))).toEqual(right);
            expect(subjects.map((_, i) => verdictAt(all[r]!, i))).toEqual(right);
            expect(all[r]!.failure).toBeNull();
          });
        },
      ),
      { seed: 7, numRuns: 1500 },
    );
  });

  it('also beyond one chunk, at once and in slices', async () => {
    const [few, rules] = fc.sample(
      fc.tuple(
        fc.array(subject, { minLength: 97, maxLength: 97 }),
        fc.array(condition, { minLength: 60, maxLength: 60 }),
      ),
      { seed: 3, numRuns: 1 },
    )[0]!;
    const subjects = Array.from({ length: 2 * CHUNK + 77 }, (_, i) => few[i % few.length]!);
    const plan = columnar(rules, NOW);
    const all = plan.evaluate(subjects.length, columnsOf(subjects));
    rules.forEach((rule, r) => {
      const right = expected(rule, few);
      const wrong = subjects.findIndex((_, i) => verdictAt(all[r]!, i) !== right[i % few.length]);
      expect(wrong).toBe(-1);
    });
    expect(await plan.evaluateInSlices(subjects.length, columnsOf(subjects), 0)).toEqual(all);
  });
});

describe('the columnar predicate', () => {
  it('leaves no bits past the last subject', () => {
    const [first, second] = columnar([{ not: is('n', 'equal', 1) }, is('absent', 'equal', 1)], NOW).evaluate(
      3,
      (fact) => (fact === 'n' ? numbers([0, 1, null]) : () => null),
    );
    expect([...first!.holds, ...first!.unknown]).toEqual([0b001, 0b100]);
    expect([...second!.holds, ...second!.unknown]).toEqual([0, 0b111]);
  });

  it('reads each fact once, and tests each text of a dictionary once, however many rules ask the same', () => {
    const asked: string[] = [];
    const tested: unknown[] = [];
    let reads = 0;
    const { operators } = operatorSet([
      {
        name: 'startsLike',
        reading: 'text',
        value: { type: 'string' },
        description: 'The first letters are these.',
        words: ['starts like', 'does not start like'],
        test: (fact, value) => tested.push(fact) > 0 && String(fact).startsWith(String(value)),
      },
    ]);
    const rule: Condition = { all: [is('x', 'startsLike', 'a'), { not: is('f', 'equal', true) }] };
    const same: Condition = { all: [{ not: is('f', 'notEqual', false) }, is('x', 'startsLike', 'a')] };
    const found = columnar([rule, rule, same], NOW, operators).evaluate(4, (fact, reading) => {
      asked.push(`${fact} ${reading}`);
      if (fact === 'x') return { type: 'text', codes: Int32Array.of(0, 1, 2, -1), dictionary: ['a', 'ab', 'c'] };
      return () => reads++ < 0;
    });
    expect(asked.sort()).toEqual(['f boolean', 'x text']);
    expect(reads).toBe(4);
    expect(tested).toEqual(['a', 'ab', 'c']);
    for (const verdicts of found)
      expect([0, 1, 2, 3].map((i) => verdictAt(verdicts, i))).toEqual([true, true, false, null]);
  });

  it('gives way to others', async () => {
    const subjects = 20 * CHUNK;
    const column = numbers(Array.from({ length: subjects }, (_, i) => i));
    const rules = Array.from({ length: 20 }, (_, i) => is('n', 'lessThan', i));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await columnar(rules, NOW).evaluateInSlices(subjects, () => column, 1);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });
});

describe('a failure', () => {
  const broken = (i: number) => {
    if (i === 1) throw new Error('row 1 is broken');
    return i;
  };
  const columns = (fact: string): FactColumn => {
    if (fact === 'gone') throw new Error('no such column');
    return fact === 'broken' ? broken : numbers([0, 1, 2]);
  };
  const rules = [
    { any: [is('n', 'greaterThanInclusive', 0), is('broken', 'greaterThan', 1)] },
    is('n', 'greaterThan', 1),
    is('gone', 'isUnknown'),
    is('n', 'nonsense', 1),
    { not: is('broken', 'lessThan', 9) },
  ];
  const all = columnar(rules, NOW).evaluate(3, columns);
  const of = (r: number) => [0, 1, 2].map((i) => verdictAt(all[r]!, i));

  it('of one value is that of the rules that ask for it, and of that subject', () => {
    expect(of(0)).toEqual([true, null, true]);
    expect(all[0]!.failure).toEqual({ message: 'row 1 is broken', subjects: Uint32Array.of(0b010) });
    expect(of(4)).toEqual([false, null, false]);
  });

  it('of one rule is no other’s', () => {
    expect(of(1)).toEqual([false, false, true]);
    expect(all[1]!.failure).toBeNull();
  });

  it('of a whole fact or condition is everybody’s', () => {
    expect(of(2)).toEqual([null, null, null]);
    expect(all[2]!.failure).toEqual({ message: 'no such column', subjects: Uint32Array.of(0b111) });
    expect(of(3)).toEqual([null, null, null]);
    expect(all[3]!.failure?.message).toContain('RAPPORT_RULES_OPERATOR');
  });

  it('of a test is that of the subjects whose value it was, wherever they are', () => {
    const { operators } = operatorSet([
      {
        name: 'isFine',
        reading: 'text',
        value: false,
        description: 'Fails on one text.',
        words: ['is fine', 'is not fine'],
        test: (fact) => {
          if (fact === 'bad') throw new Error('a bad text');
          return true;
        },
      },
    ]);
    const size = CHUNK + 3;
    const codes = new Int32Array(size);
    codes[CHUNK + 1] = 1;
    const dictionary = ['good', 'bad', 'never met'];
    const text: FactColumn = { type: 'text', codes, dictionary };
    const byFunction: FactColumn = (i) => dictionary[codes[i]!];
    const broken: FactColumn = (i) => {
      if (i === CHUNK + 1) throw new Error('a bad text');
      return 'good';
    };
    for (const column of [text, byFunction, broken]) {
      const [verdicts] = columnar([is('x', 'isFine')], NOW, operators).evaluate(size, () => column);
      expect(verdicts!.failure?.message).toBe('a bad text');
      const failed = Array.from({ length: size }, (_, i) => i).filter((i) => verdictAt(verdicts!, i) !== true);
      expect(failed).toEqual([CHUNK + 1]);
      expect(verdicts!.failure?.subjects[CHUNK / 32]).toBe(0b010);
    }
  });
});
