import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import segment from './index.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  rapport: { requires: Record<string, string> };
};
const { bands = [], tests = [] } = segment.document;

// Rapport runs the document's own tests whenever it loads the segment, and refuses it when one fails. What is checked here is
// that those tests leave no edge of a band out.
describe('renewal bands', () => {
  it('are three, from secure to at risk', () => {
    expect(bands.map(({ id }) => id)).toEqual(['secure', 'watch', 'at-risk']);
  });

  it('rest on the engagement score, which the manifest requires', () => {
    expect(new Set(tests.flatMap(({ facts }) => Object.keys(facts)))).toEqual(new Set(['engagement-score']));
    expect(manifest.rapport.requires).toEqual({ 'engagement-score': '^1.0.0' });
  });

  it.each([
    [100, 'secure'],
    [80, 'secure'],
    [79.9, 'watch'],
    [40, 'watch'],
    [39.9, 'at-risk'],
    [0, 'at-risk'],
    [null, 'unknown'],
  ])('are tested with a score of %j: %s', (score, expected) => {
    expect(tests.filter(({ facts }) => facts['engagement-score'] === score)).toMatchObject([{ expect: expected }]);
  });

  it('begin where the one before ends', () => {
    const [secure, watch, atRisk] = bands.map(({ enter }) => enter);
    const score = (operator: string, value: number) => ({ fact: 'engagement-score', operator, value });
    expect(secure).toEqual(score('greaterThanInclusive', 80));
    expect(watch).toEqual({ all: [score('greaterThanInclusive', 40), score('lessThan', 80)] });
    expect(atRisk).toEqual(score('lessThan', 40));
  });
});
