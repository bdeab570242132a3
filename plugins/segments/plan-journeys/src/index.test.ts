import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import segment from './index.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  rapport: { requires: Record<string, string> };
};
const { bands = [], tests = [] } = segment.document;
type Facts = (typeof tests)[number]['facts'];

/** The journeys, told a second time. */
function journeyOf(facts: Facts): string {
  if (facts['segment.lifecycle.trial'] === true) return 'free-trial';
  if (facts['trait.status'] === 'churned' || facts['trait.status'] === 'lapsed') return 'out';
  const plan = facts['trait.plan'];
  if (typeof plan !== 'string') return 'unknown';
  const isEngaged = ['highly-engaged', 'power-user'].some((band) => facts[`segment.engagement-bands.${band}`] === true);
  switch (plan.toLowerCase()) {
    case 'trial':
      return 'out';
    case 'free':
    case 'freemium':
      return isEngaged ? 'freemium-ready' : 'freemium';
    case 'enterprise':
      return 'enterprise';
    default:
      return 'pro';
  }
}

// Rapport runs the document's own tests whenever it loads the segment, and refuses it when one fails. What is checked here is
// that those tests say what is meant, and leave nothing out.
describe('plan journeys', () => {
  const journeys = ['free-trial', 'freemium', 'freemium-ready', 'pro', 'enterprise'];

  it('are five', () => {
    expect(bands.map(({ id }) => id)).toEqual(journeys);
  });

  it('require the segments they rest on', () => {
    expect(manifest.rapport.requires).toEqual({ 'segment/engagement-bands': '^1.0.0', 'segment/lifecycle': '^1.0.0' });
  });

  it.each(tests.map((test) => [test.name, test] as const))('%s', (_name, test) => {
    expect(test.expect).toBe(journeyOf(test.facts));
  });

  it('are tested for every journey, for none, and for what nobody can know', () => {
    expect(new Set(tests.map((test) => test.expect))).toEqual(new Set([...journeys, 'out', 'unknown']));
  });

  it('know the names of plans in both spellings', () => {
    const names = ['trial', 'Trial', 'free', 'Free', 'freemium', 'Freemium', 'enterprise', 'Enterprise'];
    expect(tests.map(({ facts }) => facts['trait.plan'])).toEqual(expect.arrayContaining(names));
    const inRules = [...JSON.stringify(bands).matchAll(/"trait\.plan","operator":"\w+","value":(\[[^\]]+\])/g)];
    expect(new Set(inRules.flatMap(([, list = '[]']) => JSON.parse(list) as string[]))).toEqual(new Set(names));
  });
});
