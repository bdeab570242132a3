import { readFileSync } from 'node:fs';
import type { Condition } from '@rapport/sdk';
import { describe, expect, it } from 'vitest';
import segment from './index.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  rapport: { requires: Record<string, string> };
};
const { document } = segment;
const bands = document.mode === 'compat' ? [] : (document.bands ?? []);
const { tests = [] } = document;

const factsIn = (condition: Condition): string[] => {
  if ('all' in condition) return condition.all.flatMap(factsIn);
  if ('any' in condition) return condition.any.flatMap(factsIn);
  if ('not' in condition) return factsIn(condition.not);
  return 'fact' in condition ? [condition.fact] : [];
};

// Rapport runs the document's own tests whenever it loads the segment, and refuses it when one fails. What is checked here is
// that those tests leave no edge of a band out.
describe('engagement bands', () => {
  it('are five, from dormant to power user', () => {
    expect(bands.map(({ id }) => id)).toEqual(['dormant', 'disengaged', 'engaged', 'highly-engaged', 'power-user']);
  });

  it('rest on the score, which the manifest requires', () => {
    expect(new Set(bands.flatMap(({ enter }) => factsIn(enter)))).toEqual(new Set(['customer-engagement-score']));
    expect(manifest.rapport.requires).toHaveProperty('customer-engagement-score');
  });

  it.each([
    [null, 'dormant'],
    [0, 'dormant'],
    [40, 'disengaged'],
    [40.5, 'engaged'],
    [68, 'engaged'],
    [70, 'engaged'],
    [70.5, 'highly-engaged'],
    [100, 'highly-engaged'],
    [110, 'power-user'],
  ])('are tested with a score of %j: %s', (score, expected) => {
    expect(tests.filter(({ facts }) => facts['customer-engagement-score'] === score)).toMatchObject([
      { expect: expected },
    ]);
  });

  it('begin where the one before ends', () => {
    const text = bands.map(({ enter }) => JSON.stringify(enter));
    const edges = (operator: string) =>
      text.flatMap((enter) =>
        [...enter.matchAll(new RegExp(`"${operator}","value":(\\d+)`, 'g'))].map(([, edge]) => Number(edge)),
      );
    expect(edges('greaterThan')).toEqual([0, 40, 70, 100]);
    expect(edges('lessThanInclusive')).toEqual([40, 70, 100]);
  });
});
