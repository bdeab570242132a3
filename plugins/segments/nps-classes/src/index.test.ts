import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import segment from './index.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  rapport: { requires: Record<string, string> };
};
const { bands = [], tests = [], subject, onUnknown } = segment.document;

// Rapport runs the document's own tests whenever it loads the segment, and refuses it when one fails. What is checked here is
// that those tests leave no class out.
describe('NPS classes', () => {
  it('are three, and users are in them', () => {
    expect(bands.map(({ id }) => id)).toEqual(['promoters', 'passives', 'detractors']);
    expect(subject).toBe('user');
  });

  it('rest on the score, which the manifest requires', () => {
    expect(new Set(tests.flatMap(({ facts }) => Object.keys(facts)))).toEqual(new Set(['nps']));
    expect(manifest.rapport.requires).toEqual({ nps: '^1.0.0' });
  });

  // Of one user, 100 · (P − D) ÷ n can be nothing else.
  it.each([
    [100, 'promoters'],
    [0, 'passives'],
    [-100, 'detractors'],
    [null, 'unknown'],
  ])('are tested with a score of %j: %s', (score, expected) => {
    expect(tests.filter(({ facts }) => facts['nps'] === score)).toMatchObject([{ expect: expected }]);
  });

  it('are left when the answer is too old to count', () => {
    expect(onUnknown).toBe('leave');
  });
});
