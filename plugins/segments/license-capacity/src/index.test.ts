import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import segment from './index.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  rapport: { requires: Record<string, string> };
};
const { bands = [], tests = [] } = segment.document;

// Rapport runs the document's own tests whenever it loads the segment, and refuses it when one fails. What is checked here is
// that those tests leave nothing out.
describe('licence capacity', () => {
  it('has four bands', () => {
    expect(bands.map(({ id }) => id)).toEqual(['over-capacity', 'upsell-candidate', 'shelfware', 'healthy']);
  });

  it('requires the metric it rests on', () => {
    expect(manifest.rapport.requires).toEqual({ 'license-utilization': '^1.0.0' });
  });

  it('is tested for every band, and for what nobody can know', () => {
    const expected = new Set(tests.map((test) => test.expect));
    expect(expected).toEqual(new Set([...bands.map(({ id }) => id), 'unknown']));
  });

  it.each([1, 0.9, 0.5])('is tested at the edge of %d', (edge) => {
    expect(tests.filter(({ facts }) => facts['license-utilization'] === edge)).toHaveLength(1);
  });

  it('takes no account for shelfware in its first 60 days', () => {
    const few = tests.filter(({ facts }) => facts['license-utilization'] === 0.4 && facts['trait.signupAt'] !== null);
    expect(few.map((test) => [test.asOf, test.facts['trait.signupAt'], test.expect])).toEqual([
      ['2026-06-01T00:00:00Z', '2026-03-01T00:00:00Z', 'shelfware'],
      ['2026-06-01T00:00:00Z', '2026-05-01T00:00:00Z', 'healthy'],
    ]);
  });
});
