import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import segment from './index.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  rapport: { requires: Record<string, string> };
};
const { bands = [], tests = [], subject } = segment.document;
type Test = (typeof tests)[number];

const score = 'customer-engagement-score';
const frequency = 'usage-frequency.class';
const adoption = 'feature-adoption';
const since = 'trait.createdAt';

/** The bands, told a second time. */
function bandOf({ asOf = '', facts }: Test): string {
  const [points, how, share, created] = [facts[score], facts[frequency], facts[adoption], facts[since]];
  if (how === 'infrequent' || how === 'none') return 'out';
  if (typeof points === 'number' && points <= 100) return 'out';
  if (points === null || how === null) return 'unknown';
  const days = typeof created === 'string' ? (Date.parse(asOf) - Date.parse(created)) / 86_400_000 : 0;
  return days > 90 && typeof share === 'number' && share < 0.5 ? 'untapped' : 'top';
}

// Rapport runs the document's own tests whenever it loads the segment, and refuses it when one fails. What is checked here is
// that those tests say what is meant, on both sides of each edge.
describe('power users', () => {
  it('are users, and those with much left to try come first', () => {
    expect(subject).toBe('user');
    expect(bands.map(({ id }) => id)).toEqual(['untapped', 'top']);
  });

  it('are all of one kind: whoever has much left to try would be at the top', () => {
    const [untapped, top] = bands.map(({ enter }) => ('all' in enter ? enter.all : []));
    expect(top).toHaveLength(2);
    expect(untapped?.slice(0, 2)).toEqual(top);
  });

  it('require the metrics they rest on', () => {
    expect(Object.keys(manifest.rapport.requires).sort()).toEqual([
      'customer-engagement-score',
      'feature-adoption',
      'usage-frequency',
    ]);
  });

  it.each(tests.map((test) => [test.name, test] as const))('%s', (_name, test) => {
    expect(test.expect).toBe(bandOf(test));
  });

  it.each<[string, unknown[]]>([
    [score, [100, 100.5, null]],
    [frequency, ['daily', 'weekly', 'infrequent', 'none', null]],
    [adoption, [0.49, 0.5, null]],
    [since, ['2026-03-02T23:59:00Z', '2026-03-03T00:00:00Z', null]],
  ])('are tested with %s on both sides of its edge, and unknown', (fact, values) => {
    expect(tests.map(({ facts }) => facts[fact])).toEqual(expect.arrayContaining(values));
  });
});
