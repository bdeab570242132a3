import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import segment from './index.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  rapport: { requires: Record<string, string> };
};
const { bands = [], tests = [] } = segment.document;
type Facts = (typeof tests)[number]['facts'];

const groups = {
  'save-time': ['automations', 'integrations'],
  insight: ['reports', 'forecasting'],
  collaboration: ['comments', 'calendar'],
};
const ids = Object.keys(groups);
const features = Object.values(groups).flat();

/** The benefits, told a second time. */
function benefitOf({ 'trait.benefit': stated, 'feature-adoption.untried': untried }: Facts): string {
  if (typeof stated === 'string') return ids.includes(stated) ? stated : 'other';
  if (!Array.isArray(untried)) return 'unknown';
  const used = Object.entries(groups).filter(([, group]) => group.some((feature) => !untried.includes(feature)));
  const [only] = used;
  return only && used.length === 1 ? only[0] : 'out';
}

// Rapport runs the document's own tests whenever it loads the segment, and refuses it when one fails. What is checked here is
// that those tests say what is meant, and leave nothing out.
describe('benefit segments', () => {
  it('are one for each benefit, and one for those that are none of them', () => {
    expect(bands.map(({ id }) => id)).toEqual([...ids, 'other']);
  });

  it('require the metric they rest on', () => {
    expect(manifest.rapport.requires).toEqual({ 'feature-adoption': '^1.0.0' });
  });

  it.each(tests.map((test) => [test.name, test] as const))('%s', (_name, test) => {
    expect(test.expect).toBe(benefitOf(test.facts));
  });

  it.each(ids)('are tested for %s, as it was said and as it shows', (id) => {
    const expecting = tests.filter((test) => test.expect === id);
    expect(expecting.some(({ facts }) => facts['trait.benefit'] === id)).toBe(true);
    expect(expecting.some(({ facts }) => facts['trait.benefit'] === null)).toBe(true);
  });

  it.each(features)('are tested with %s as the only feature in use', (feature) => {
    const untried = features.filter((other) => other !== feature);
    expect(tests.map(({ facts }) => facts['feature-adoption.untried'])).toContainEqual(untried);
  });

  it('are tested for none, and for what nobody can know', () => {
    expect(tests.map((test) => test.expect)).toEqual(expect.arrayContaining(['out', 'unknown']));
  });
});
