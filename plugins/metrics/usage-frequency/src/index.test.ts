import {
  type Call,
  checkMetric,
  evaluateMetric,
  group,
  type OracleAnswer,
  type OracleSubject,
  track,
} from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import usageFrequency from './index.js';

// 14 days up to this midnight: 15 … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const at = (time: string, user = 'ann', event = 'Signed In', id?: string) =>
  track(user, event, time, {}, { account: 'acme', ...(id === undefined ? {} : { id }) });
const onDays = (...days: number[]) => days.map((day) => at(`2026-02-${day}T09:00:00Z`));
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(usageFrequency, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });

function oracle(
  { events, asOf, calendar }: OracleSubject,
  config: { window: string; daily: number; weekly: number; events: string[] },
): OracleAnswer {
  if (events.length === 0) return { value: null, reason: 'no-data', n: null };
  const weeks = config.window === '14d' ? 2 : 1;
  const first = calendar.dayOf(asOf - 1) - 7 * weeks + 1;
  const days = new Set<number>();
  for (const { time, event } of events) {
    const counts = config.events.length === 0 || config.events.includes(event);
    if (counts && calendar.dayOf(time) >= first) days.add(calendar.dayOf(time));
  }
  const value = days.size / weeks;
  const name = value >= config.daily ? 'daily' : value >= config.weekly ? 'weekly' : 'infrequent';
  return {
    value,
    reason: null,
    n: days.size,
    parts: { activeDays: days.size, class: days.size === 0 ? 'none' : name },
  };
}

describe('usage frequency', () => {
  it('computes the example of the README', async () => {
    expect(await evaluate(onDays(16, 17, 19, 20, 23, 26))).toEqual({
      value: 3,
      reason: null,
      n: 6,
      parts: { activeDays: 6, class: 'weekly' },
    });
  });

  it.each([
    [14, 7, 'daily'],
    [10, 5, 'daily'],
    [9, 4.5, 'weekly'],
    [2, 1, 'weekly'],
    [1, 0.5, 'infrequent'],
  ])('makes %d active days %d a week: %s', async (days, value, name) => {
    const calls = onDays(...Array.from({ length: days }, (_, i) => 28 - i));
    expect(await evaluate(calls)).toMatchObject({ value, parts: { activeDays: days, class: name } });
  });

  it('is 0 and “none” for an account that went quiet, and has no value for one that never had an event', async () => {
    expect(await evaluate([at('2026-02-14T23:59:59.999Z')])).toMatchObject({ value: 0, parts: { class: 'none' } });
    expect(await evaluate([group('acme', {}, '2026-01-01')])).toMatchObject({ value: null, reason: 'no-data' });
  });

  it.each([
    ['as the window opens', '2026-02-15T00:00:00Z', 1],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 1],
  ])('holds an event %s', async (_, time, activeDays) => {
    expect((await evaluate([at(time)])).parts).toMatchObject({ activeDays });
  });

  it('counts a day once: two users, two events, two copies, in any order of arrival', async () => {
    const calls = [
      at('2026-02-20T20:00:00Z', 'ben'),
      at('2026-02-20T09:00:00Z', 'ann', 'Signed In', 'm1'),
      at('2026-02-20T09:00:00Z', 'ann', 'Signed In', 'm1'),
      at('2026-02-18T09:00:00Z'),
    ];
    expect((await evaluate(calls)).parts).toMatchObject({ activeDays: 2 });
  });

  it('cuts days in the workspace’s zone, also where the clock changes', async () => {
    // Berlin skips 02:00–03:00 on 29 March 2026; 22:30 UTC is 00:30 of the 30th.
    const calls = [at('2026-03-28T23:30:00Z'), at('2026-03-29T21:30:00Z'), at('2026-03-29T22:30:00Z')];
    const berlin = { zone: 'Europe/Berlin', asOf: '2026-03-30T22:00:00Z' };
    expect((await evaluate(calls, {}, berlin)).parts).toMatchObject({ activeDays: 2 });
  });

  it('answers for one user', async () => {
    const calls = [...onDays(20, 21), at('2026-02-22T09:00:00Z', 'ben')];
    expect(await evaluate(calls, {}, { subject: { kind: 'user', id: 'ben' } })).toMatchObject({ value: 0.5, n: 1 });
  });

  it('takes other windows, thresholds and events', async () => {
    const calls = [...onDays(26, 27, 28), at('2026-02-25T09:00:00Z', 'ann', 'Invoice Paid')];
    const config = { window: '1w', daily: 3, events: ['Signed In'] };
    expect(await evaluate(calls, config)).toMatchObject({ value: 3, parts: { activeDays: 3, class: 'daily' } });
  });

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(usageFrequency, { oracle });
  });

  it('is so with another configuration', async () => {
    const config = { window: '1w' as const, daily: 3, weekly: 2, events: ['Signed In', 'Feature Used'] };
    await checkMetric(usageFrequency, { config, oracle, runs: 20, seed: 2 });
  });
});
