import { utc } from '@rapport/sdk/time';
import fc from 'fast-check';
import { Engine, type ConditionProperties } from 'json-rules-engine';
import { describe, expect, it } from 'vitest';
import type { Condition } from '@rapport/sdk';
import { evaluate } from './condition.js';
import { explain } from './explanation.js';
import type { Verdict } from './operator.js';

const NOW = { at: Date.UTC(2026, 5, 1), zone: utc };
const is = (fact: string, operator: string, value?: unknown): Condition => ({
  fact,
  operator,
  ...(value === undefined ? {} : { value }),
});
const facts = {
  score: 55,
  zero: 0,
  plan: 'pro',
  vip: false,
  renewalAt: '2026-07-01',
  seenAt: NOW.at - 86_400_000,
  features: ['a', 'b'],
  nothing: null,
};

describe('leaves', () => {
  it.each<[string, string, unknown, Verdict]>([
    ['score', 'equal', 55, true],
    ['score', 'equal', '55', null],
    ['score', 'notEqual', 54, true],
    ['plan', 'equal', 'pro', true],
    ['vip', 'equal', false, true],
    ['score', 'lessThan', 55, false],
    ['score', 'lessThanInclusive', 55, true],
    ['score', 'greaterThan', 54.9, true],
    ['score', 'greaterThanInclusive', 56, false],
    ['plan', 'lessThan', 5, null],
    ['plan', 'in', ['pro', 'team'], true],
    ['plan', 'notIn', ['pro', 'team'], false],
    ['plan', 'in', ['pro', 7], true],
    ['features', 'contains', 'a', true],
    ['features', 'doesNotContain', 'a', false],
    ['plan', 'contains', 'p', null],
    ['score', 'between', [40, 55], true],
    ['score', 'between', [56, 70], false],
    ['renewalAt', 'withinNext', '90d', true],
    ['renewalAt', 'withinNext', '4w', false],
    ['renewalAt', 'withinLast', '90d', false],
    ['seenAt', 'withinLast', '1d', true],
    ['renewalAt', 'lessThan', '2026-07-02', true],
    ['renewalAt', 'between', ['2026-06-01', '2026-06-30'], false],
    ['score', 'isKnown', undefined, true],
    ['zero', 'isKnown', undefined, true],
    ['nothing', 'isKnown', undefined, false],
    ['nothing', 'isUnknown', undefined, true],
    ['absent', 'isUnknown', undefined, true],
    ['nothing', 'equal', 0, null],
    ['nothing', 'notEqual', 0, null],
    ['absent', 'notIn', ['x'], null],
    ['toString', 'isKnown', undefined, false],
    ['__proto__', 'isKnown', undefined, false],
  ])('%s %s %j is %s', (fact, operator, value, verdict) => {
    expect(evaluate(is(fact, operator, value), facts, NOW)).toBe(verdict);
  });
});

describe('all, any and not', () => {
  const leaf = { true: is('score', 'equal', 55), false: is('score', 'equal', 0), null: is('absent', 'equal', 0) };
  const values: readonly Verdict[] = [true, false, null];
  const of = (verdict: Verdict) => leaf[String(verdict) as keyof typeof leaf];
  it('follow Kleene’s tables', () => {
    for (const a of values) {
      expect(evaluate({ not: of(a) }, facts, NOW)).toBe(a === null ? null : !a);
      for (const b of values) {
        const all = a === false || b === false ? false : a === null || b === null ? null : true;
        const any = a === true || b === true ? true : a === null || b === null ? null : false;
        expect(evaluate({ all: [of(a), of(b)] }, facts, NOW)).toBe(all);
        expect(evaluate({ any: [of(a), of(b)] }, facts, NOW)).toBe(any);
      }
    }
    expect(evaluate({ all: [] }, facts, NOW)).toBe(true);
  });
});

describe('held against json-rules-engine 7.3.1', () => {
  // Facts that are known and of the type that the operator asks for: there the two must agree.
  const known = { n1: 1, n2: 2, n3: 0, t1: 'a', t2: 'b', l1: ['a', 'b'], l2: [1, 2] };
  const numberFact = fc.constantFrom('n1', 'n2', 'n3');
  const textFact = fc.constantFrom('t1', 't2');
  const number = fc.constantFrom(-1, 0, 0.5, 1, 2, 3);
  const text = fc.constantFrom('a', 'b', 'c');
  const leaf = (fact: fc.Arbitrary<string>, operators: readonly string[], value: fc.Arbitrary<unknown>) =>
    fc.record({ fact, operator: fc.constantFrom(...operators), value });
  const leaves = fc.oneof(
    leaf(
      numberFact,
      ['equal', 'notEqual', 'lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive'],
      number,
    ),
    leaf(textFact, ['equal', 'notEqual'], text),
    leaf(numberFact, ['in', 'notIn'], fc.array(number, { minLength: 1, maxLength: 4 })),
    leaf(textFact, ['in', 'notIn'], fc.array(text, { minLength: 1, maxLength: 4 })),
    leaf(fc.constant('l1'), ['contains', 'doesNotContain'], text),
    leaf(fc.constant('l2'), ['contains', 'doesNotContain'], number),
  );
  const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
    condition: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaves as fc.Arbitrary<Condition>,
      fc.record({ all: fc.array(tie('condition'), { maxLength: 4 }) }),
      fc.record({ any: fc.array(tie('condition'), { minLength: 1, maxLength: 4 }) }),
      fc.record({ not: tie('condition') }),
    ),
  }));

  it('agrees on known facts and the standard operators', async () => {
    await fc.assert(
      fc.asyncProperty(condition, async (tree) => {
        const engine = new Engine([{ conditions: { all: [tree as ConditionProperties] }, event: { type: 'x' } }]);
        const { events } = await engine.run(known);
        expect(evaluate(tree, known, NOW)).toBe(events.length === 1);
      }),
      { seed: 5, numRuns: 500 },
    );
  });
});

describe('explanations', () => {
  const low = is('score', 'lessThanInclusive', 60);
  it.each<[Condition, Verdict, string]>([
    [is('zero', 'lessThanInclusive', 0), true, 'zero 0 ≤ 0'],
    [is('score', 'lessThan', 40), false, 'score 55 ≥ 40'],
    [is('absent', 'lessThan', 40), null, 'absent is unknown'],
    [is('absent', 'isUnknown'), true, 'absent is unknown'],
    [is('score', 'isUnknown'), false, 'score 55 is known'],
    [{ all: [low, is('plan', 'equal', 'pro')] }, true, 'score 55 ≤ 60 and plan pro = pro'],
    [{ all: [low, is('plan', 'equal', 'team')] }, false, 'plan pro ≠ team'],
    [{ any: [is('absent', 'equal', 1), low, is('plan', 'equal', 'pro')] }, true, 'score 55 ≤ 60'],
    [
      { any: [is('score', 'lessThan', 40), is('plan', 'in', ['x', 'y'])] },
      false,
      'score 55 ≥ 40 and plan pro is none of x, y',
    ],
    [{ all: [low, is('absent', 'equal', 1)] }, null, 'absent is unknown'],
    [{ not: is('score', 'lessThan', 40) }, true, 'score 55 ≥ 40'],
    [is('renewalAt', 'withinNext', '90d'), true, 'renewalAt 2026-07-01 is within the next 90d'],
    [is('score', 'between', [40, 70]), true, 'score 55 is between 40 and 70'],
    [is('features', 'contains', 'c'), false, 'features ["a","b"] does not contain c'],
  ])('%j is %s: %s', (condition, verdict, text) => {
    expect(explain(condition, facts, NOW)).toEqual({ verdict, text });
  });

  it('stay short', () => {
    const long = { any: Array.from({ length: 500 }, () => is('score', 'lessThan', 1)) };
    expect(explain(long, facts, NOW).text.length).toBeLessThanOrEqual(600);
  });
});
