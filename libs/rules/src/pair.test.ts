import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, SegmentDocument } from '@rapport/sdk';
import { catalogueOf, type FactDescription } from './catalogue.js';
import { columnar, verdictAt, type FactColumn } from './columnar.js';
import { CHUNK } from './columnar-leaf.js';
import { columnsOf, factNames, NOW, slowly, subject, type FactName, type Facts } from './condition.test.fixture.js';
import { compile, evaluate, usesOf } from './condition.js';
import { explain } from './explanation.js';
import { lint } from './lint.js';
import { nearestMiss } from './nearest-miss.js';
import { readingOf, testOf, type Verdict } from './operator.js';
import { pairOperators } from './pair.js';
import { missingFacts, trace } from './trace.js';
import { checkFacts, checkSegment } from './validation.js';

const than = (fact: string, operator: string, other: string): Condition => ({ fact, operator, value: { fact: other } });
const segment = (enter: unknown): unknown => ({ kind: 'segment', id: 's', title: 'S', subject: 'account', enter });

const valueIn = (facts: Facts, fact: string): unknown =>
  Object.hasOwn(facts, fact) ? (facts[fact as FactName] ?? null) : null;

/** What the operator says with the other fact's value written down, where that can be. */
function writtenDown(operator: string, value: unknown, other: unknown): Verdict {
  if (operator === 'startsWith' && other === '') return typeof value === 'string' ? true : null;
  const isTime = operator === 'before' || operator === 'after';
  // A column holds times as numbers, which no document can write.
  if (isTime && typeof other === 'number' && Number.isFinite(other))
    return testOf(operator, new Date(Math.floor(other)).toISOString(), NOW)(value);
  if (readingOf(operator, other) === null) return null;
  // Of a number nothing says that it is a time, but for these two operators.
  if (!isTime && typeof value === 'number' && typeof other === 'string') return null;
  return testOf(operator, other, NOW)(value);
}

const fact = fc.constantFrom<string>(...factNames, 'absent');
const pair = fc.record({ fact, operator: fc.constantFrom(...pairOperators), other: fact });

describe('a fact as the value', () => {
  it('is compared as if its value were written there; unknown where either is', () => {
    const seen = new Map<string, Set<Verdict>>();
    fc.assert(
      fc.property(
        pair,
        fc.array(subject, { minLength: 1, maxLength: 40 }),
        fc.boolean(),
        (drawn, subjects, byFunction) => {
          const { fact: one, operator, other } = drawn;
          const rule = than(one, operator, other);
          const rules = [rule, { not: rule }, { any: [rule, { fact: 'n1', operator: 'lessThan', value: 1 }] }];
          const all = columnar(rules, NOW).evaluate(subjects.length, columnsOf(subjects, byFunction));
          const test = compile(rule, (name) => (i) => valueIn(subjects[i]!, name), NOW);
          subjects.forEach((facts, i) => {
            const expected = writtenDown(operator, valueIn(facts, one), valueIn(facts, other));
            seen.set(operator, (seen.get(operator) ?? new Set()).add(expected));
            expect(test(i)).toBe(expected);
            expect(verdictAt(all[0]!, i)).toBe(expected);
            expect(verdictAt(all[1]!, i)).toBe(expected === null ? null : !expected);
            const n1 = slowly({ fact: 'n1', operator: 'lessThan', value: 1 }, (name) => valueIn(facts, name));
            expect(verdictAt(all[2]!, i)).toBe(expected === true || n1 === true ? true : expected === null || n1 === null ? null : false); // prettier-ignore
            expect(trace(rule, facts, NOW)).toMatchObject({ verdict: expected, fact: one, threshold: { fact: other } });
          });
        },
      ),
      { seed: 23, numRuns: 3000 },
    );
    // Each operator came out in every way.
    for (const operator of pairOperators) expect(seen.get(operator)).toEqual(new Set([true, false, null]));
  });

  it('takes all subjects at once beyond one chunk, and reads a fact that is asked for often once', () => {
    const size = 2 * CHUNK + 5;
    const column = (of: (i: number) => number | null): FactColumn => ({
      type: 'number',
      values: Float64Array.from({ length: size }, (_, i) => of(i) ?? 0),
      valid: Uint8Array.from({ length: size }, (_, i) => (of(i) === null ? 0 : 1)),
    });
    const asked: string[] = [];
    const [a, b] = [(i: number) => (i % 7 === 0 ? null : i % 5), (i: number) => (i % 11 === 0 ? null : i % 3)];
    const rule = than('a', 'lessThan', 'b');
    const found = columnar([rule, { all: [rule] }, { not: rule }], NOW).evaluate(size, (name) => {
      asked.push(name);
      return column(name === 'a' ? a : b);
    });
    expect(asked).toEqual(['a', 'b']);
    const expected = (i: number) => (a(i) === null || b(i) === null ? null : a(i)! < b(i)!);
    const wrong = Array.from({ length: size }, (_, i) => i).filter((i) => verdictAt(found[0]!, i) !== expected(i));
    expect(wrong).toEqual([]);
    expect(found[1]).toEqual(found[0]);
  });

  it('keeps a failure of either fact to its rule and its subject', () => {
    const broken = (i: number) => {
      if (i === 1) throw new Error('row 1 is broken');
      return 5;
    };
    const [verdicts] = columnar([than('a', 'equal', 'b')], NOW).evaluate(3, (name) =>
      name === 'a' ? () => 5 : broken,
    );
    expect([0, 1, 2].map((i) => verdictAt(verdicts!, i))).toEqual([true, null, true]);
    expect(verdicts!.failure).toEqual({ message: 'row 1 is broken', subjects: Uint32Array.of(0b010) });
  });

  it('is among the facts that a condition uses', () => {
    expect(usesOf(than('score', 'lessThan', 'score.previous'), '/enter')).toEqual([
      { fact: 'score', operator: 'lessThan', reading: 'any', pointer: '/enter' },
      { fact: 'score.previous', operator: 'lessThan', reading: 'any', pointer: '/enter/value' },
    ]);
    expect(usesOf(than('a', 'before', 'b')).map(({ reading }) => reading)).toEqual(['time', 'time']);
  });

  const falling = than('engagement-score', 'lessThan', 'engagement-score.previous');
  it.each<[Condition, object, Verdict, string]>([
    [falling, { 'engagement-score': 40, 'engagement-score.previous': 50 }, true, 'engagement-score < engagement-score.previous: 40 < 50'],
    [falling, { 'engagement-score': 60, 'engagement-score.previous': 50 }, false, 'engagement-score ≥ engagement-score.previous: 60 ≥ 50'],
    [falling, { 'engagement-score': 60 }, null, 'engagement-score.previous is unknown'],
    [falling, {}, null, 'engagement-score is unknown and engagement-score.previous is unknown'],
    [than('plan', 'equal', 'n'), { plan: 'a', n: 1 }, null, 'plan is unknown and n is unknown'],
  ])('%# is told in words', (rule, facts, verdict, text) => {
    expect(explain(rule, { ...facts }, NOW)).toEqual({ verdict, text });
  }); // prettier-ignore

  it('is the threshold of the nearest miss', () => {
    expect(nearestMiss(falling, { 'engagement-score': 60, 'engagement-score.previous': 50 }, NOW)).toMatchObject({
      fact: 'engagement-score',
      value: 60,
      text: 'in if engagement-score < engagement-score.previous (50); it is 60',
    });
    expect(nearestMiss(falling, { 'engagement-score': 60 }, NOW)).toBeNull();
    expect(missingFacts(trace(falling, { 'engagement-score': 60 }, NOW))).toEqual(['engagement-score.previous']);
    fc.assert(
      fc.property(pair, subject, ({ fact: one, operator, other }, facts) => {
        const rule = than(one, operator, other);
        const miss = nearestMiss(rule, facts, NOW);
        if (miss) expect(evaluate(rule, { ...facts, [miss.fact]: miss.wanted }, NOW)).toBe(true);
      }),
      { seed: 29, numRuns: 1000 },
    );
  });

  it('is nothing that lint can tell of; what stands beside it is', () => {
    const never = { all: [{ fact: 'a', operator: 'lessThan', value: 1 }, { fact: 'a', operator: 'greaterThan', value: 1 }] }; // prettier-ignore
    const document = segment({ any: [{ all: [falling] }, never] }) as SegmentDocument;
    expect(lint(document, { now: NOW }).map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
      'RAPPORT_RULES_CANNOT_TELL /enter',
      'RAPPORT_RULES_NEVER_TRUE /enter/any/1',
    ]);
  });

  it.each<[unknown, string, string, string]>([
    [{ fact: 'a', operator: 'in', value: [{ fact: 'b' }] }, 'RAPPORT_RULES_VALUE', '/enter/value', 'a list cannot hold another fact'],
    [{ fact: 'a', operator: 'in', value: { fact: 'b' } }, 'RAPPORT_RULES_VALUE', '/enter/value', 'Operators that can be compared with one: equal'],
    [{ fact: 'a', operator: 'decreasedBy', value: { fact: 'b' } }, 'RAPPORT_RULES_VALUE', '/enter/value', 'cannot be another fact'],
    [{ fact: 'a', operator: 'equal', value: { fact: '' } }, 'RAPPORT_RULES_SHAPE', '/enter/value/fact', 'name of a fact'],
    [{ fact: 'a', operator: 'equal', value: { fact: 5 } }, 'RAPPORT_RULES_SHAPE', '/enter/value/fact', 'name of a fact'],
    [{ fact: 'a', operator: 'equal', value: { fact: 'b', path: '$.x' } }, 'RAPPORT_RULES_SHAPE', '/enter/value/path', 'a part of the metric'],
    [{ fact: 'a', operator: 'equal', value: { fakt: 'b' } }, 'RAPPORT_RULES_VALUE', '/enter/value', 'must be a number'],
  ])('%# %j is refused: %s %s', (enter, code, pointer, message) => {
    const found = checkSegment(segment(enter));
    expect(found.ok ? [] : found.problems).toEqual([{ code, pointer, message: expect.stringContaining(message) as unknown }]);
  }); // prettier-ignore

  const described: readonly FactDescription[] = [
    { fact: 'score', type: 'number' },
    { fact: 'score.previous', type: 'number' },
    { fact: 'usage.last', type: 'time' },
    { fact: 'usage.first', type: 'time' },
    { fact: 'plan', type: 'text' },
    { fact: 'features', type: 'list' },
  ];
  it.each<[Condition, string | null, string, string]>([
    [than('score', 'lessThan', 'score.previous'), null, '', ''],
    [than('score', 'lessThan', 'trait.limit'), null, '', ''],
    [than('usage.last', 'lessThan', 'usage.first'), null, '', ''],
    [than('usage.last', 'before', 'trait.renewalAt'), null, '', ''],
    [than('features', 'contains', 'plan'), null, '', ''],
    [than('scoer', 'lessThan', 'score.previous'), 'RAPPORT_RULES_FACT', '/enter/fact', 'Did you mean "score"?'],
    [than('score', 'lessThan', 'score.previos'), 'RAPPORT_RULES_FACT', '/enter/value/fact', 'Did you mean "score.previous"?'],
    [than('plan', 'lessThan', 'score'), 'RAPPORT_RULES_TYPE', '/enter', '"plan" is text'],
    [than('score', 'lessThan', 'plan'), 'RAPPORT_RULES_TYPE', '/enter/value', 'number or time'],
    [than('score', 'equal', 'plan'), 'RAPPORT_RULES_TYPE', '/enter/value', '"score" is number and "plan" is text'],
    [than('score', 'lessThan', 'usage.last'), 'RAPPORT_RULES_TYPE', '/enter/value', 'the same type'],
    [than('usage.last', 'lessThan', 'trait.renewalAt'), 'RAPPORT_RULES_TYPE', '/enter', 'use "before" or "after"'],
    [than('features', 'contains', 'features'), 'RAPPORT_RULES_TYPE', '/enter/value', 'is list'],
  ])('%# must be there and of a fitting type', (enter, code, pointer, message) => {
    const found = checkFacts(segment(enter) as SegmentDocument, catalogueOf(described));
    expect(found).toEqual(code === null ? [] : [{ code, pointer, message: expect.stringContaining(message) as unknown }]);
  }); // prettier-ignore
});
