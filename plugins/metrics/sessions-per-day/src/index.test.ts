import {
  type Call,
  checkMetric,
  evaluateMetric,
  group,
  type OracleAnswer,
  type OracleEvent,
  type OracleSubject,
  track,
} from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import sessionsPerDay from './index.js';

// 30 days up to this midnight: 30 January … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const at = (
  time: string,
  user: string | null = 'ann',
  more: { account?: string; session?: string; id?: string } = {},
) => track(user, 'Page Viewed', time, {}, { account: 'acme', ...more });
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(sessionsPerDay, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });

/** Events that begin a session: there is none shortly before them in the stream of their user, account and session id. */
const beginnings = (events: readonly OracleEvent[], idleMinutes: number) =>
  events.filter(({ account, user, session, time }, i) => {
    const limit = session === null ? idleMinutes * 60_000 : 24 * 3_600_000;
    const before = events.slice(0, i).filter((e) => e.account === account && e.user === user && e.session === session);
    return user !== null && !before.some((earlier) => time - earlier.time <= limit);
  });

function oracle(
  { events, asOf, calendar }: OracleSubject,
  config: { window: string; idleMinutes: number; events: string[] },
): OracleAnswer {
  const days = config.window === '30d' ? 30 : 7;
  const since = (n: number) => calendar.startOfDay(calendar.dayOf(asOf - 1) - n + 1);
  const counted = events.filter(({ event }) => config.events.length === 0 || config.events.includes(event));
  const begun = beginnings(counted, config.idleMinutes);
  const sessions = begun.filter(({ time }) => time >= since(days)).length;
  const users = new Set(
    counted.filter(({ time, user }) => user !== null && time >= since(days)).map(({ user }) => user),
  );
  const parts = {
    sessions,
    activeUsers: users.size,
    monthlyActiveSessions: begun.filter(({ time }) => time >= since(30)).length,
    dailyActiveSessions: begun.filter(({ time }) => time >= since(1)).length,
  };
  if (users.size === 0) return { value: null, reason: 'no-data', n: null, parts };
  const value = sessions / (users.size * days);
  return { value, reason: null, n: users.size, parts: { ...parts, perUser: sessions / users.size } };
}

describe('sessions per user and day', () => {
  it('computes the example of the README', async () => {
    const day = (i: number) => `2026-02-${String(i + 1).padStart(2, '0')}`;
    const calls = [
      ...Array.from({ length: 28 }, (_, i) => at(`${day(i)}T09:00:00Z`)),
      ...Array.from({ length: 14 }, (_, i) => at(`${day(2 * i)}T16:00:00Z`)),
      ...Array.from({ length: 3 }, (_, i) => at(`${day(27)}T1${i}:00:00Z`, 'ben')),
    ];
    expect(await evaluate(calls)).toEqual({
      value: 0.75,
      reason: null,
      n: 2,
      parts: { sessions: 45, activeUsers: 2, perUser: 22.5, monthlyActiveSessions: 45, dailyActiveSessions: 4 },
    });
  });

  it('is 1 ÷ 30 for a single event', async () => {
    expect(await evaluate([at('2026-02-10T09:00:00Z')])).toEqual({
      value: 1 / 30,
      reason: null,
      n: 1,
      parts: { sessions: 1, activeUsers: 1, perUser: 1, monthlyActiveSessions: 1, dailyActiveSessions: 0 },
    });
  });

  it('has no value when nobody was active in the window, with the sessions that are known', async () => {
    expect(await evaluate([group('acme', {}, '2026-01-01')])).toMatchObject({ value: null, reason: 'no-data' });
    expect(await evaluate([at('2026-02-10T09:00:00Z', null)])).toMatchObject({ value: null, reason: 'no-data' });
    expect(await evaluate([at('2026-02-10T09:00:00Z')], { window: '7d' })).toEqual({
      value: null,
      reason: 'no-data',
      n: null,
      parts: { sessions: 0, activeUsers: 0, monthlyActiveSessions: 1, dailyActiveSessions: 0 },
    });
  });

  it('is 0 for a user whose one session began before the window', async () => {
    const calls = [at('2026-01-29T23:59:59.999Z'), at('2026-01-30T00:00:00Z')];
    expect(await evaluate(calls)).toMatchObject({ value: 0, n: 1, parts: { sessions: 0, perUser: 0 } });
  });

  it('ends a session after more than the idle timeout, or by its explicit id', async () => {
    const calls = [at('2026-02-10T09:00:00Z'), at('2026-02-10T09:30:00Z'), at('2026-02-10T10:00:00.001Z')];
    expect((await evaluate(calls)).parts.sessions).toBe(2);
    expect((await evaluate(calls, { idleMinutes: 10 })).parts.sessions).toBe(3);
    const ids = ['s1', 's2', 's1'].map((session, i) => at(`2026-02-10T0${2 * i}:00:00Z`, 'ann', { session }));
    expect((await evaluate(ids)).parts.sessions).toBe(2);
  });

  it.each([
    ['just before the window', '2026-01-29T23:59:59.999Z', null],
    ['as the window opens', '2026-01-30T00:00:00Z', 1 / 30],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 1 / 30],
    ['at asOf', '2026-03-01T00:00:00Z', null],
  ])('with one session %s is as it should be', async (_, time, value) => {
    expect((await evaluate([at(time)])).value).toBe(value);
  });

  it.each([
    ['just before the last day', '2026-02-27T23:59:59.999Z', 0],
    ['as the last day begins', '2026-02-28T00:00:00Z', 1],
  ])('has the daily active sessions of a session %s', async (_, time, dailyActiveSessions) => {
    expect((await evaluate([at(time)])).parts).toMatchObject({ dailyActiveSessions, monthlyActiveSessions: 1 });
  });

  it('cuts days in the workspace’s zone', async () => {
    const calls = [at('2026-02-28T04:30:00Z')];
    const newYork = { zone: 'America/New_York', asOf: '2026-03-01T05:00:00Z' };
    expect((await evaluate(calls)).parts.dailyActiveSessions).toBe(1);
    expect((await evaluate(calls, {}, newYork)).parts.dailyActiveSessions).toBe(0);
  });

  it('does not mind order of arrival or repeats', async () => {
    const calls = [
      at('2026-02-10T09:20:00Z', 'ann', { id: 'm2' }),
      at('2026-02-10T12:00:00Z', 'ann', { id: 'm3' }),
      at('2026-02-10T09:00:00Z', 'ann', { id: 'm1' }),
      at('2026-02-10T12:00:00Z', 'ann', { id: 'm3' }),
    ];
    expect((await evaluate(calls)).parts.sessions).toBe(2);
    expect(await evaluate(calls.toReversed())).toEqual(await evaluate(calls));
  });

  it('takes other windows, whose length it divides by, and other events', async () => {
    const calls = [
      at('2026-02-27T09:00:00Z'),
      track('ann', 'Heartbeat', '2026-02-28T09:00:00Z', {}, { account: 'acme' }),
      track('ben', 'Heartbeat', '2026-02-28T09:00:00Z', {}, { account: 'acme' }),
    ];
    expect(await evaluate(calls, { window: '1w' })).toMatchObject({ value: 1.5 / 7, n: 2 });
    expect(await evaluate(calls, { events: ['Page Viewed'] })).toMatchObject({ value: 1 / 30, n: 1 });
  });

  it('answers for a user and for the portfolio, where a user of two accounts is one user', async () => {
    const calls = [
      group('acme', { plan: 'pro' }, '2026-01-01'),
      at('2026-02-10T09:00:00Z'),
      at('2026-02-10T09:01:00Z', 'ann', { account: 'zeta' }),
      at('2026-02-10T09:00:00Z', 'ben'),
    ];
    expect(await evaluate(calls, {}, { subject: { kind: 'user', id: 'ann' } })).toMatchObject({ value: 2 / 30, n: 1 });
    expect(await evaluate(calls, {}, { subject: { kind: 'portfolio' } })).toMatchObject({
      value: 1.5 / 30,
      n: 2,
      parts: { sessions: 3 },
    });
    expect(await evaluate(calls, {}, { subject: { kind: 'portfolio', by: 'plan' } })).toMatchObject({
      pro: { n: 2, parts: { sessions: 2 } },
    });
  });

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(sessionsPerDay, { oracle });
  });

  it('is so with another configuration', async () => {
    const config = { window: '1w' as const, idleMinutes: 5, events: ['Signed In', 'Feature Used'] };
    await checkMetric(sessionsPerDay, { config, oracle, runs: 50, seed: 2 });
  });
});
