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
import activeUsers from './index.js';

// 30 days up to this midnight: 30 January … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const acme = { kind: 'account', id: 'acme' } as const;
const at = (user: string, time: string, event = 'Signed In', id?: string) =>
  track(user, event, time, {}, { account: 'acme', ...(id === undefined ? {} : { id }) });
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(activeUsers, { calls, asOf, config, subject: acme, ...more });

/** Users by the days on which they did all that qualifies. */
function oracle(
  { events, asOf, calendar }: OracleSubject,
  config: { window: string; qualifying: { event: string; atLeast: number }[] },
): OracleAnswer {
  if (events.length === 0) return { value: null, reason: 'no-data', n: null };
  const today = calendar.dayOf(asOf - 1);
  const daysOf = new Map<string, number[]>();
  for (const { user, time } of events) {
    if (user === null) continue;
    const day = calendar.dayOf(time);
    const did = events.filter((e) => e.user === user && calendar.dayOf(e.time) === day);
    const qualifies = config.qualifying.every(
      ({ event, atLeast }) => did.filter((e) => e.event === event).length >= atLeast,
    );
    if (qualifies) daysOf.set(user, [...(daysOf.get(user) ?? []), day]);
  }
  const active = (days: number) => [...daysOf.values()].filter((its) => its.some((day) => day > today - days)).length;
  const days = config.window === '30d' ? 30 : 7;
  const fresh = [...daysOf.values()].filter((its) => its.every((day) => day > today - days)).length;
  const parts = { dau: active(1), wau: active(7), mau: active(30), new: fresh, returning: active(days) - fresh };
  return { value: active(days), reason: null, n: active(days), parts };
}

describe('active users', () => {
  it('computes the example of the README', async () => {
    const result = await evaluate([
      at('ann', '2026-01-10T09:00:00Z'),
      at('ann', '2026-02-28T09:00:00Z'),
      at('ben', '2026-02-23T09:00:00Z'),
      at('cleo', '2026-02-01T09:00:00Z'),
      at('dan', '2026-01-20T09:00:00Z'),
    ]);
    expect(result).toEqual({
      value: 3,
      reason: null,
      n: 3,
      parts: { dau: 1, wau: 2, mau: 3, new: 2, returning: 1 },
    });
  });

  it('counts a user once, however often the event or the message comes', async () => {
    const calls = [
      at('ann', '2026-02-20T09:00:00Z', 'Signed In', 'm1'),
      at('ann', '2026-02-20T09:00:00Z', 'Signed In', 'm1'),
      at('ann', '2026-02-21T09:00:00Z'),
    ];
    expect((await evaluate(calls)).value).toBe(1);
  });

  it.each([
    ['the last instant before the window', '2026-01-29T23:59:59.999Z', 0],
    ['the first instant of the window', '2026-01-30T00:00:00Z', 1],
    ['the last instant before asOf', '2026-02-28T23:59:59.999Z', 1],
  ])('holds %s on its side', async (_, time, expected) => {
    expect((await evaluate([at('ann', time)])).value).toBe(expected);
  });

  it('does not see what happens at asOf or later', async () => {
    expect(await evaluate([at('ann', '2026-03-01T00:00:00Z')])).toMatchObject({ value: null, reason: 'no-data' });
  });

  it('cuts days in the workspace’s zone', async () => {
    // 23:30 UTC on 29 January is already 30 January in Berlin, whose 28 February ends an hour before this asOf.
    const calls = [at('ann', '2026-01-29T23:30:00Z')];
    expect((await evaluate(calls)).value).toBe(0);
    const berlin = { zone: 'Europe/Berlin', asOf: '2026-02-28T23:00:00Z' };
    expect((await evaluate(calls, {}, berlin)).value).toBe(1);
  });

  it('counts an event that arrives late on the day it happened', async () => {
    const calls = [at('ben', '2026-02-28T09:00:00Z'), at('ann', '2026-02-22T09:00:00Z')];
    expect((await evaluate(calls)).parts).toMatchObject({ dau: 1, wau: 2 });
  });

  it('has no value for an account that never had an event, and 0 for one that went quiet', async () => {
    expect(await evaluate([group('acme', { plan: 'pro' }, '2026-01-01')])).toMatchObject({
      value: null,
      reason: 'no-data',
    });
    expect(await evaluate([at('ann', '2025-06-01T09:00:00Z')])).toMatchObject({
      value: 0,
      parts: { dau: 0, wau: 0, mau: 0, new: 0, returning: 0 },
    });
  });

  it('takes the window that is configured, and keeps its parts', async () => {
    const calls = [at('ann', '2026-02-28T09:00:00Z'), at('ben', '2026-02-10T09:00:00Z')];
    expect(await evaluate(calls, { window: '7d' })).toMatchObject({ value: 1, parts: { dau: 1, wau: 1, mau: 2 } });
  });

  describe('with “log in and track time” as what qualifies', () => {
    const qualifying = [{ event: 'Signed In' }, { event: 'Time Tracked', atLeast: 2 }];

    it('counts who did all of it on one day', async () => {
      const calls = [
        at('ann', '2026-02-20T09:00:00Z'),
        at('ann', '2026-02-20T10:00:00Z', 'Time Tracked'),
        at('ann', '2026-02-20T11:00:00Z', 'Time Tracked'),
        // Once is not twice.
        at('ben', '2026-02-20T09:00:00Z'),
        at('ben', '2026-02-20T10:00:00Z', 'Time Tracked'),
        // Not on the same day.
        at('cleo', '2026-02-20T09:00:00Z'),
        at('cleo', '2026-02-21T10:00:00Z', 'Time Tracked'),
        at('cleo', '2026-02-21T11:00:00Z', 'Time Tracked'),
      ];
      expect(await evaluate(calls, { qualifying })).toMatchObject({ value: 1, parts: { mau: 1, new: 1 } });
    });

    it('calls a user new whose first qualifying day lies in the window, though there were events before', async () => {
      const calls = [
        at('ann', '2025-12-01T09:00:00Z'),
        at('ann', '2026-02-20T09:00:00Z'),
        at('ann', '2026-02-20T10:00:00Z', 'Time Tracked'),
        at('ann', '2026-02-20T11:00:00Z', 'Time Tracked'),
      ];
      expect((await evaluate(calls, { qualifying })).parts).toMatchObject({ new: 1, returning: 0 });
    });
  });

  it('counts a user of two accounts once in the portfolio, and in each account', async () => {
    const calls = [
      track('ann', 'Signed In', '2026-02-20', {}, { account: 'acme' }),
      track('ann', 'Signed In', '2026-02-21', {}, { account: 'zeta' }),
      group('acme', { plan: 'pro' }, '2026-01-01'),
      group('zeta', { plan: 'free' }, '2026-01-01'),
    ];
    const subject = { kind: 'portfolio' } as const;
    expect((await evaluateMetric(activeUsers, { calls, asOf, subject })).value).toBe(1);
    const byPlan = await evaluateMetric(activeUsers, { calls, asOf, subject: { kind: 'portfolio', by: 'plan' } });
    expect(byPlan).toMatchObject({ free: { value: 1 }, pro: { value: 1 } });
  });

  it.each([{ window: '30 days' }, { window: '0d' }, { qualifying: [{ event: '' }] }, { windows: '7d' }])(
    'refuses the configuration %j',
    async (config) => {
      await expect(evaluate([], config)).rejects.toThrow('RAPPORT_TESTKIT_CONFIG');
    },
  );

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(activeUsers, { oracle });
  });

  it('is so with what qualifies, and with another window', async () => {
    const qualifying = [
      { event: 'Signed In', atLeast: 1 },
      { event: 'Time Tracked', atLeast: 2 },
    ];
    await checkMetric(activeUsers, { config: { qualifying, window: '1w' }, oracle, runs: 30, seed: 2 });
  });
});
