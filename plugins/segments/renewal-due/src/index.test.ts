import { describe, expect, it } from 'vitest';
import segment from './index.js';

const { tests = [], enter, onUnknown } = segment.document;
const DAY = 86_400_000;

/** Days from the instant evaluated to the renewal. */
const daysLeft = ({ asOf = '', facts }: (typeof tests)[number]) =>
  (Date.parse(String(facts['trait.renewalAt'])) - Date.parse(asOf)) / DAY;

// Rapport runs the document's own tests whenever it loads the segment, and refuses it when one fails. What is checked here is
// that those tests say what is meant, on both sides of each edge.
describe('renewal due', () => {
  it('looks 90 days ahead', () => {
    expect(enter).toEqual({ fact: 'trait.renewalAt', operator: 'withinNext', value: '90d' });
  });

  it.each(tests.map((test) => [test.name, test] as const))('%s', (_name, test) => {
    const days = daysLeft(test);
    const within = days >= 0 && days <= 90 ? 'in' : 'out';
    expect(test.expect).toBe(Number.isNaN(days) ? 'unknown' : within);
  });

  it('is tested at both ends, and a minute beyond them', () => {
    const minutes = tests.map((test) => Math.round(daysLeft(test) * 1440));
    expect(minutes).toEqual(expect.arrayContaining([-1, 0, 90 * 1440, 90 * 1440 + 1]));
  });

  it('is over when there is no date any more', () => {
    expect(onUnknown).toBe('leave');
  });
});
