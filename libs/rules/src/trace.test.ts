import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition } from '@rapport/sdk';
import { condition, NOW, slowly, subject, type Facts } from './condition.test.fixture.js';
import { evaluate } from './condition.js';
import { explain } from './explanation.js';
import { nearestMiss } from './nearest-miss.js';
import { missingFacts, trace, type Trace } from './trace.js';

const is = (fact: string, operator: string, value?: unknown): Condition => ({
  fact,
  operator,
  ...(value === undefined ? {} : { value }),
});
const at = (root: Condition, pointer: string): Condition =>
  pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((node, token) => (node as Record<string, unknown>)[token], root) as Condition;
const nodesOf = (node: Trace): readonly Trace[] => [
  node,
  ...(node.kind === 'leaf' || node.kind === 'compat'
    ? []
    : node.kind === 'not'
      ? nodesOf(node.child)
      : node.children.flatMap(nodesOf)),
];

describe('a trace', () => {
  it('has every node with its place and the verdict that Kleene’s logic gives', () => {
    fc.assert(
      fc.property(condition, subject, (rule, facts) => {
        const valueOf = (fact: string) => (Object.hasOwn(facts, fact) ? facts[fact as keyof Facts] : null);
        for (const node of nodesOf(trace(rule, facts, NOW)))
          expect(node.verdict).toBe(slowly(at(rule, node.pointer), valueOf));
      }),
      { seed: 11, numRuns: 1000 },
    );
  });

  it('tells of each leaf what was read and asked, also where something else had decided', () => {
    const rule: Condition = { any: [is('score', 'lessThan', 40), { not: is('nps', 'in', [9, 10]) }] };
    expect(trace(rule, { score: 30 }, NOW)).toEqual({
      kind: 'any',
      pointer: '',
      verdict: true,
      children: [
        {
          kind: 'leaf',
          pointer: '/any/0',
          verdict: true,
          fact: 'score',
          operator: 'lessThan',
          threshold: 40,
          value: 30,
        },
        {
          kind: 'not',
          pointer: '/any/1',
          verdict: null,
          child: {
            kind: 'leaf',
            pointer: '/any/1/not',
            verdict: null,
            fact: 'nps',
            operator: 'in',
            threshold: [9, 10],
            value: null,
          },
        },
      ],
    });
  });

  it('names what is missing: the facts that keep it unknown, and no others', () => {
    const rule: Condition = {
      all: [is('a', 'equal', 1), { any: [is('b', 'equal', 1), is('c', 'equal', 1)] }, { not: is('a', 'equal', 2) }],
    };
    expect(missingFacts(trace(rule, { c: 1 }, NOW))).toEqual(['a']);
    expect(missingFacts(trace(rule, { c: 0 }, NOW))).toEqual(['a', 'b']);
    expect(missingFacts(trace(rule, { a: 3 }, NOW))).toEqual([]);
  });
});

describe('the nearest miss', () => {
  const text = (rule: Condition, facts: Readonly<Record<string, unknown>>) =>
    nearestMiss(rule, facts, NOW)?.text ?? null;

  it.each<[Condition, Readonly<Record<string, unknown>>, string | null]>([
    [is('stickiness', 'greaterThanInclusive', 0.2), { stickiness: 0.17 }, 'in if stickiness ≥ 0.2; it is 0.17'],
    [is('stickiness', 'greaterThanInclusive', 0.2), { stickiness: 0.199999 }, 'in if stickiness ≥ 0.2; it is 0.199999'],
    [is('stickiness', 'greaterThanInclusive', 0.2), {}, 'in if stickiness ≥ 0.2; it is missing'],
    [is('stickiness', 'greaterThanInclusive', 0.2), { stickiness: 0.2 }, null],
    [{ not: is('score', 'lessThan', 40) }, { score: 30 }, 'in if score ≥ 40; it is 30'],
    [is('score', 'between', [40, 70]), { score: 75 }, 'in if score is between 40 and 70; it is 75'],
    [is('plan', 'in', ['pro', 'team']), { plan: 'free' }, 'in if plan is one of pro, team; it is free'],
    [is('plan', 'notEqual', 'free'), { plan: 'free' }, 'in if plan ≠ free; it is free'],
    [is('vip', 'equal', true), { vip: false }, 'in if vip = true; it is false'],
    [is('nps', 'isKnown'), {}, 'in if nps is known; it is missing'],
    [is('nps', 'isUnknown'), { nps: 3 }, 'in if nps is unknown; it is 3'],
    [is('used', 'contains', 'sso'), { used: ['api'] }, 'in if used contains sso; it is ["api"]'],
    [is('used', 'hasAll', ['sso', 'api']), { used: ['api'] }, 'in if used has all of sso, api; it is ["api"]'],
    [is('mail', 'startsWith', 'ceo@'), { mail: 'cto@x.io' }, 'in if mail begins with ceo@; it is cto@x.io'],
    [
      is('usage', 'increasedBy', '20%'),
      { 'usage.changeRate': 0.1 },
      'in if usage.changeRate is a rise of at least 20%; it is 0.1',
    ],
    [
      is('renewsAt', 'withinNext', '30d'),
      { renewsAt: '2026-07-05' },
      'in if renewsAt is within the next 30d; it is 2026-07-05',
    ],
    // Both 10 away; 10 of 100 is less than 10 of 20.
    [{ any: [is('a', 'greaterThan', 20), is('b', 'greaterThan', 100)] }, { a: 10, b: 90 }, 'in if b > 100; it is 90'],
    // A tie: the first.
    [
      { any: [is('a', 'greaterThanInclusive', 20), is('b', 'greaterThanInclusive', 20)] },
      { a: 10, b: 10 },
      'in if a ≥ 20; it is 10',
    ],
    // Nothing that one fact could do.
    [{ all: [is('a', 'equal', 1), is('b', 'equal', 1)] }, { a: 0 }, null],
    // One fact, two leaves: the one that is enough for both.
    [{ all: [is('a', 'greaterThan', 1), is('a', 'greaterThan', 5)] }, { a: 0 }, 'in if a > 5; it is 0'],
    // Of two leaves that the same value is for, the one that fails.
    [
      { all: [is('a', 'lessThanInclusive', 20), is('a', 'greaterThanInclusive', 20)] },
      { a: 10 },
      'in if a ≥ 20; it is 10',
    ],
    // 20 would do for the one leaf, and not for the rule.
    [
      { any: [{ all: [is('a', 'greaterThanInclusive', 20), is('a', 'lessThan', 10)] }, is('a', 'equal', 90)] },
      { a: 15 },
      'in if a = 90; it is 15',
    ],
  ])('of %j with %j: %s', (rule, facts, expected) => {
    expect(text(rule, facts)).toBe(expected);
  });

  it('tells where it is and how far', () => {
    const rule: Condition = { all: [is('score', 'lessThan', 80), is('renewsAt', 'withinNext', '30d')] };
    expect(nearestMiss(rule, { score: 50, renewsAt: '2026-07-04' }, NOW)).toMatchObject({
      pointer: '/all/1',
      fact: 'renewsAt',
      value: '2026-07-04',
      wanted: '2026-07-01',
      distance: 0.1,
    });
    expect(nearestMiss(rule, { score: 100, renewsAt: '2026-06-02' }, NOW)?.distance).toBeCloseTo(0.25);
  });

  it('makes the rule true when applied', () => {
    let claims = 0;
    fc.assert(
      fc.property(condition, subject, (rule, facts) => {
        const miss = nearestMiss(rule, facts, NOW);
        if (evaluate(rule, facts, NOW) === true) expect(miss).toBeNull();
        if (miss === null) return;
        claims++;
        expect(evaluate(rule, { ...facts, [miss.fact]: miss.wanted }, NOW)).toBe(true);
        expect(at(rule, miss.pointer)).toHaveProperty('operator');
        expect(nearestMiss(rule, facts, NOW)).toEqual(miss);
      }),
      { seed: 13, numRuns: 3000 },
    );
    expect(claims).toBeGreaterThan(500);
  });

  it('is found for every comparison that fails by itself, and is the nearest', () => {
    const operators = ['lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive', 'equal', 'notEqual'];
    const number = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
    fc.assert(
      fc.property(fc.constantFrom(...operators), number, number, number, (operator, threshold, value, other) => {
        const rule = is('n', operator, threshold);
        if (evaluate(rule, { n: value }, NOW) === true) return;
        const miss = nearestMiss(rule, { n: value }, NOW);
        const wanted = miss?.wanted as number;
        expect(evaluate(rule, { n: wanted }, NOW)).toBe(true);
        // Nothing nearer does.
        const nearer = value + (wanted - value) * Math.abs(other / 1e6) * 0.999;
        if (Math.abs(nearer - value) < Math.abs(wanted - value))
          expect(evaluate(rule, { n: nearer }, NOW)).not.toBe(true);
      }),
      { seed: 17, numRuns: 2000 },
    );
  });

  it('takes bounded time on rules of many thousands of leaves', () => {
    const many = { all: Array.from({ length: 20_000 }, (_, i) => is(`f${String(i)}`, 'equal', 1)) };
    expect(nearestMiss(many, {}, NOW)).toBeNull();
    expect(explain(many, {}, NOW).verdict).toBeNull();
  });
});
