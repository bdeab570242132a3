import { defineOperator, Type } from '@rapport/sdk';
import { describe, expect, it } from 'vitest';
import { checkOperator, operatorConformance } from './index.js';

const endsWith = defineOperator({
  id: 'ends-so',
  title: 'Ends so',
  description: 'The text ends with this.',
  reading: 'text',
  value: Type.String({ minLength: 1 }),
  words: ['ends with', 'does not end with'],
  examples: [
    { fact: 'team-2026', value: '-2026', holds: true },
    { fact: 'team', value: '-2026', holds: false },
  ],
  test: (fact, value) => fact.endsWith(value),
});
const codes = (more: object) => operatorConformance({ ...endsWith, ...more }, { runs: 100 }).map(({ code }) => code);

describe('operatorConformance', () => {
  it('finds nothing in operators that keep their contract, of every reading', () => {
    checkOperator(endsWith);
    const taking = { ...endsWith, value: false as const };
    const examples = (holds: unknown, fails: unknown) => [
      { fact: holds, holds: true },
      { fact: fails, holds: false },
    ];
    checkOperator({ ...taking, reading: 'number', examples: examples(2, 3), test: (fact) => fact % 2 === 0 });
    const weekend = (fact: number) => [0, 6].includes(new Date(fact).getUTCDay());
    checkOperator({ ...taking, reading: 'time', examples: examples('2026-06-06', '2026-06-05'), test: weekend });
    checkOperator({ ...taking, reading: 'boolean', examples: examples(true, false), test: (fact) => fact });
    checkOperator({ ...taking, reading: 'any', examples: examples([1], 1), test: (fact) => Array.isArray(fact) });
  });

  it('finds what breaks it', () => {
    expect(codes({ id: 'less-than' })).toEqual(['RAPPORT_CONFORMANCE_HOOK']);
    expect(codes({ value: Type.Number() })).toEqual(['RAPPORT_CONFORMANCE_HOOK']);
    expect(codes({ examples: [] })).toEqual(['RAPPORT_CONFORMANCE_HOOK']);
    expect(codes({ test: () => true })).toEqual(['RAPPORT_CONFORMANCE_ORACLE']);
    expect(codes({ test: (fact: string, value: string) => fact.endsWith(value) || (fact === '' ? 0 : false) })).toEqual(
      ['RAPPORT_CONFORMANCE_VALUE'],
    );
    expect(codes({ test: (fact: string, value: string) => Date.now() > 0 && fact.endsWith(value) })).toEqual([
      'RAPPORT_CONFORMANCE_CLOCK',
    ]);
    expect(codes({ test: (fact: string, value: string) => Math.random() < 2 && fact.endsWith(value) })).toEqual([
      'RAPPORT_CONFORMANCE_CHANCE',
    ]);
  });

  it('finds what remembers, and what changes its value', () => {
    let before = '';
    const remembering = (fact: string, value: string) => {
      const same = before.length > 20;
      before = fact;
      return fact.endsWith(value) || same;
    };
    expect(codes({ test: remembering })).toContain('RAPPORT_CONFORMANCE_IMPURE');
    const sorting = {
      value: Type.Array(Type.String()),
      examples: [
        { fact: 'b', value: ['b', 'a'], holds: true },
        { fact: 'c', value: ['b', 'a'], holds: false },
      ],
      test: (fact: string, value: string[]) => value.sort().includes(fact),
    };
    expect(codes(sorting)).toEqual(['RAPPORT_CONFORMANCE_CHANGED']);
  });

  it('shows the smallest fact', () => {
    const test = (fact: string, value: string) => {
      if (fact.includes('@')) throw new Error('an address');
      return fact.endsWith(value);
    };
    expect(() => checkOperator({ ...endsWith, test })).toThrow(
      'operator "ends-so": it threw: an address (RAPPORT_CONFORMANCE_THREW)\n  with the fact "@" and the value "-2026"',
    );
  });
});
