import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import segment from './index.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  rapport: { requires: Record<string, string> };
};
const { bands = [], tests = [] } = segment.document;
const DAY = 86_400_000;
type Test = (typeof tests)[number];

/** Days from the instant evaluated to that in a trait, below 0 for the past; null where the trait has none. */
const daysTo = ({ asOf = '', facts }: Test, trait: string) => {
  const value = facts[`trait.${trait}`];
  return typeof value === 'string' ? (Date.parse(value) - Date.parse(asOf)) / DAY : null;
};
const isWithin = (days: number | null, from: number, to: number) => days !== null && from <= days && days <= to;

/** The stages, told a second time and in another order. */
function stageOf(test: Test): string {
  const status = test.facts['trait.status'];
  if (status === null) {
    const onTrial = test.facts['trait.plan'] === 'trial' || test.facts['trait.plan'] === 'Trial';
    return onTrial || isWithin(daysTo(test, 'trialEndsAt'), 0, 366) ? 'trial' : 'unknown';
  }
  if (status === 'trial' || status === 'churned') return status;
  if (status !== 'customer') return 'out';
  if (isWithin(daysTo(test, 'churnedAt'), -180, 0)) return 'won-back';
  const activated = test.facts['onboarding-progress.activated'];
  const signedUp = daysTo(test, 'signupAt');
  const isSettled = activated === 1 || (signedUp !== null && !isWithin(signedUp, -90, 0));
  if (!isSettled) return signedUp === null || activated === null ? 'unknown' : 'onboarding';
  return isWithin(daysTo(test, 'renewalAt'), 0, 90) ? 'renewal-window' : 'established';
}

// Rapport runs the document's own tests whenever it loads the segment, and refuses it when one fails. What is checked here is
// that those tests say what is meant, on both sides of each edge.
describe('lifecycle', () => {
  const stages = ['trial', 'onboarding', 'established', 'renewal-window', 'churned', 'won-back'];

  it('has six stages', () => {
    expect(bands.map(({ id }) => id)).toEqual(stages);
  });

  it('requires the metric it rests on', () => {
    expect(manifest.rapport.requires).toEqual({ 'onboarding-progress': '^1.0.0' });
  });

  it.each(tests.map((test) => [test.name, test] as const))('%s', (_name, test) => {
    expect(test.expect).toBe(stageOf(test));
  });

  it('is tested for every stage, for none, and for what nobody can know', () => {
    expect(new Set(tests.map((test) => test.expect))).toEqual(new Set([...stages, 'out', 'unknown']));
  });

  it.each([
    ['trialEndsAt', 366, 1],
    ['signupAt', -90, -1],
    ['renewalAt', 90, 1],
    ['churnedAt', -180, -1],
  ])('is tested with %s at %d days, and a minute beyond', (trait, days, minute) => {
    const minutes = tests.map((test) => Math.round((daysTo(test, trait) ?? 0) * 1440));
    expect(minutes).toEqual(expect.arrayContaining([days * 1440, days * 1440 + minute]));
  });
});
