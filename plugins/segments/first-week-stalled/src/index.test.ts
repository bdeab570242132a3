import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import segment from './index.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  rapport: { requires: Record<string, string> };
};
const { tests = [] } = segment.document;
type Test = (typeof tests)[number];

const TARGET = 70;
/** Days since the account signed up; null where nobody knows. */
const age = ({ asOf = '', facts }: Test) => {
  const signedUp = facts['trait.signupAt'];
  return typeof signedUp === 'string' ? (Date.parse(asOf) - Date.parse(signedUp)) / 86_400_000 : null;
};

/** The rule, told a second time: behind the part of the target that is due after three days, and after five. */
function verdictOf(test: Test): string {
  const days = age(test);
  if (days === null) return 'unknown';
  if (days <= 3 || days > 7) return 'out';
  const progress = test.facts['first-week-engagement.progress'];
  if (typeof progress !== 'number') return 'unknown';
  return progress < (TARGET * (days <= 5 ? 3 : 5)) / 7 ? 'in' : 'out';
}

// Rapport runs the document's own tests whenever it loads the segment, and refuses it when one fails. What is checked here is
// that those tests say what is meant, on both sides of each edge.
describe('first week stalled', () => {
  it.each(tests.map((test) => [test.name, test] as const))('%s', (_name, test) => {
    expect(test.expect).toBe(verdictOf(test));
  });

  it('is tested for every verdict', () => {
    expect(new Set(tests.map((test) => test.expect))).toEqual(new Set(['in', 'out', 'unknown']));
  });

  it.each([3, 5, 7])('is tested after %d days, and a minute later', (days) => {
    const minutes = tests.map((test) => Math.round((age(test) ?? 0) * 1440));
    expect(minutes).toEqual(expect.arrayContaining([days * 1440, days * 1440 + 1]));
  });

  it('requires the metric it rests on', () => {
    expect(manifest.rapport.requires).toEqual({ 'first-week-engagement': '^1.0.0' });
  });
});
