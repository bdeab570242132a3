import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import segment from './index.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  rapport: { requires: Record<string, string> };
};
const { bands = [], tests = [] } = segment.document;

// Rapport runs the document's own tests whenever it loads the segment, and refuses it when one fails. What is checked here is
// that those tests leave no class out.
describe('usage frequency classes', () => {
  it('are four, from daily to silent', () => {
    expect(bands.map(({ id }) => id)).toEqual(['daily', 'weekly', 'infrequent', 'silent']);
  });

  it('rest on the class that the metric tells, whatever edges it is given', () => {
    const facts = new Set(tests.flatMap((test) => Object.keys(test.facts)));
    expect(facts).toEqual(new Set(['usage-frequency.class']));
    expect(manifest.rapport.requires).toEqual({ 'usage-frequency': '^1.0.0' });
  });

  it.each([
    ['daily', 'daily'],
    ['weekly', 'weekly'],
    ['infrequent', 'infrequent'],
    ['none', 'silent'],
    [null, 'unknown'],
  ])('are tested with the class %j: %s', (found, expected) => {
    expect(tests.filter(({ facts }) => facts['usage-frequency.class'] === found)).toMatchObject([{ expect: expected }]);
  });
});
