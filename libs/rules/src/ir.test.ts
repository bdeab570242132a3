import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition } from '@rapport/sdk';
import { condition, NOW, subject, type Facts } from './condition.test.fixture.js';
import { irOf, leavesOf, MAX_DEPTH, nextDown, nextUp, type RuleLeaf } from './ir.js';
import { testOf } from './operator.js';

const leaf = (fact: string, operator: string, value?: unknown): RuleLeaf =>
  leavesOf(irOf({ fact, operator, ...(value === undefined ? {} : { value }) }, NOW))[0]!;

describe('the typed form', () => {
  it('knows where everything is', () => {
    const rule: Condition = {
      any: [{ all: [] }, { not: { any: [{ fact: 'a', operator: 'isKnown' }] } }, { fact: 'b', operator: 'isUnknown' }],
    };
    expect(irOf(rule, NOW, '/enter')).toMatchObject({
      kind: 'any',
      pointer: '/enter',
      children: [
        { kind: 'all', pointer: '/enter/any/0', children: [] },
        { kind: 'not', pointer: '/enter/any/1', child: { children: [{ pointer: '/enter/any/1/not/any/0' }] } },
        { kind: 'leaf', pointer: '/enter/any/2', fact: 'b' },
      ],
    });
    expect(leavesOf(irOf(rule, NOW)).map(({ fact }) => fact)).toEqual(['a', 'b']);
  });

  it.each<[string, RuleLeaf, object]>([
    ['a comparison', leaf('n', 'lessThanInclusive', 5), { kind: 'interval', to: 5, inside: true }],
    ['a strict one', leaf('n', 'greaterThan', 5), { kind: 'interval', from: 5.000000000000001 }],
    ['a number', leaf('n', 'notEqual', 5), { kind: 'interval', from: 5, to: 5, inside: false }],
    ['a time', leaf('t', 'withinNext', '1d'), { kind: 'interval', from: NOW.at, to: nextDown(NOW.at + 86_400_001) }],
    ['a change', leaf('n', 'decreasedBy', '20%'), { kind: 'interval', to: -0.2 }],
    ['a text', leaf('x', 'equal', 'a'), { kind: 'among', members: new Set(['a']), inside: true }],
    ['yes or no', leaf('b', 'notEqual', true), { kind: 'boolean', wanted: false }],
    ['whether there is one', leaf('n', 'isUnknown'), { kind: 'known', wanted: false }],
    ['a list', leaf('l', 'hasAny', ['a']), { kind: 'test' }],
  ])('of %s', (_, { question }, expected) => {
    expect(question).toMatchObject(expected);
  });

  it('reads the derived fact of a change', () => {
    expect([leaf('n', 'changedBy', 2).fact, leaf('n', 'changedBy', '2%').fact]).toEqual(['n.change', 'n.changeRate']);
  });

  it.each<[string, Condition]>([
    ['RAPPORT_RULES_OPERATOR', { fact: 'n', operator: 'constructor', value: 1 }],
    ['RAPPORT_RULES_VALUE', { fact: 'n', operator: 'lessThan', value: 'soon' }],
    [
      'RAPPORT_RULES_DEPTH',
      Array.from({ length: MAX_DEPTH + 1 }).reduce<Condition>((child) => ({ not: child }), { all: [] }),
    ],
  ])('is refused to invalid conditions: %s', (code, invalid) => {
    expect(() => irOf(invalid, NOW)).toThrow(code);
  });

  it('is had of the deepest valid condition', () => {
    const deepest = Array.from({ length: MAX_DEPTH }).reduce<Condition>((child) => ({ not: child }), { all: [] });
    expect(irOf(deepest, NOW).kind).toBe('not');
  });
});

describe('keys', () => {
  it.each([
    [leaf('n', 'lessThan', 5), leaf('n', 'lessThan', 5)],
    [leaf('n', 'equal', 5), leaf('n', 'between', [5, 5])],
    [leaf('n', 'greaterThan', 5), leaf('n', 'greaterThanInclusive', 5.000000000000001)],
    [leaf('t', 'before', '2026-06-01'), leaf('t', 'lessThan', '2026-06-01T00:00:00Z')],
    [leaf('t', 'withinLast', '14d'), leaf('t', 'withinLast', '2w')],
    [leaf('x', 'in', ['a', 'b']), leaf('x', 'in', ['b', 'a', 'b'])],
    [leaf('x', 'equal', 'a'), leaf('x', 'in', ['a'])],
    [leaf('b', 'equal', true), leaf('b', 'notEqual', false)],
  ])('are equal for what asks the same: %#', (a, b) => {
    expect(a.key).toBe(b.key);
  });

  it('are equal only where every verdict is', () => {
    fc.assert(
      fc.property(condition, condition, subject, (a, b, facts) => {
        const leaves = [...leavesOf(irOf(a, NOW)), ...leavesOf(irOf(b, NOW))];
        const values: readonly unknown[] = [...Object.values<unknown>(facts), 0, 1, 'a', true, NOW, null];
        for (const one of leaves)
          for (const other of leaves)
            if (one.key === other.key) {
              expect(one.fact).toBe(other.fact);
              expect(values.map(one.test)).toEqual(values.map(other.test));
            }
      }),
      { seed: 19, numRuns: 500 },
    );
    expect(leaf('b', 'equal', true).key).not.toBe(leaf('b', 'notEqual', true).key);
    expect(leaf('x', 'equal', '1').key).not.toBe(leaf('x', 'in', ['1', 1]).key);
    expect(leaf('n', 'equal', 1).key).not.toBe(leaf('x', 'equal', '1').key);
  });
});

describe('leaves', () => {
  it('give the verdicts of their operators, on values of any type', () => {
    fc.assert(
      fc.property(condition, subject, (rule, facts) => {
        for (const { test, operator, value } of leavesOf(irOf(rule, NOW)))
          for (const fact of Object.keys(facts))
            expect(test(facts[fact as keyof Facts])).toBe(testOf(operator, value, NOW)(facts[fact as keyof Facts]));
      }),
      { seed: 23, numRuns: 500 },
    );
  });
});

describe('the next number', () => {
  it('has no other between', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        const next = nextUp(number);
        expect(next).toBeGreaterThan(number);
        const middle = number / 2 + next / 2;
        expect([number, next, 0]).toContain(Object.is(middle, -0) ? 0 : middle);
        expect(nextDown(next) === number).toBe(true);
      }),
      { seed: 29 },
    );
    expect(nextUp(-Number.MIN_VALUE) === 0).toBe(true);
    expect(nextUp(Number.MAX_VALUE)).toBe(Number.POSITIVE_INFINITY);
  });
});
