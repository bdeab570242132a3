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
import visitFrequency from './index.js';

// Four weeks up to this midnight: 1 … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const at = (
  time: string,
  user: string | null = 'ann',
  more: { session?: string; id?: string } = {},
  event = 'Signed In',
) => track(user, event, time, {}, { account: 'acme', ...more });
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(visitFrequency, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });

/** Events that begin a session: there is none shortly before them in the stream of their user, account and session id. */
const beginnings = (events: readonly OracleEvent[], idleMinutes: number) =>
  events.filter(({ account, user, session, time }, i) => {
    const limit = session === null ? idleMinutes * 60_000 : 24 * 3_600_000;
    const before = events.slice(0, i).filter((e) => e.account === account && e.user === user && e.session === session);
    return user !== null && !before.some((earlier) => time - earlier.time <= limit);
  });

function oracle(
  { events, asOf, calendar }: OracleSubject,
  config: { ideal: number; idleMinutes: number; events: string[] },
): OracleAnswer {
  if (events.length === 0) return { value: null, reason: 'no-data', n: null };
  const from = calendar.startOfDay(calendar.dayOf(asOf - 1) - 27);
  const counted = events.filter(({ event }) => config.events.length === 0 || config.events.includes(event));
  const sessions = beginnings(counted, config.idleMinutes).filter(({ time }) => time >= from).length;
  return { value: sessions / (4 * config.ideal), reason: null, n: 28, parts: { sessions, perWeek: sessions / 4 } };
}

describe('visit frequency', () => {
  it('computes the example of the README', async () => {
    const calls = Array.from({ length: 12 }, (_, i) => at(`2026-02-${String(2 * i + 1).padStart(2, '0')}T09:00:00Z`));
    expect(await evaluate(calls)).toEqual({
      value: 0.6,
      reason: null,
      n: 28,
      parts: { sessions: 12, perWeek: 3 },
    });
  });

  it('is 1 at the ideal and above it beyond', async () => {
    const calls = ['02', '09', '16', '23'].map((day) => at(`2026-02-${day}T09:00:00Z`));
    expect((await evaluate(calls, { ideal: 1 })).value).toBe(1);
    expect((await evaluate(calls, { ideal: 0.5 })).value).toBe(2);
  });

  it('is 0 for an account that went quiet, and has no value for one that never had an event', async () => {
    expect(await evaluate([at('2025-06-01T09:00:00Z')])).toEqual({
      value: 0,
      reason: null,
      n: 28,
      parts: { sessions: 0, perWeek: 0 },
    });
    expect(await evaluate([group('acme', {}, '2026-01-01')])).toMatchObject({ value: null, reason: 'no-data' });
  });

  it('ends a session after more than 30 minutes without an event', async () => {
    const within = [at('2026-02-10T09:00:00Z'), at('2026-02-10T09:30:00Z')];
    expect((await evaluate(within)).parts.sessions).toBe(1);
    expect((await evaluate([...within, at('2026-02-10T10:00:00.001Z')])).parts.sessions).toBe(2);
    expect((await evaluate(within, { idleMinutes: 29 })).parts.sessions).toBe(2);
  });

  it('goes by explicit session ids where there are any', async () => {
    const calls = [
      at('2026-02-10T09:00:00Z', 'ann', { session: 's1' }),
      at('2026-02-10T11:00:00Z', 'ann', { session: 's1' }),
      at('2026-02-10T11:00:01Z', 'ann', { session: 's2' }),
    ];
    expect((await evaluate(calls)).parts.sessions).toBe(2);
  });

  it('counts each user’s sessions, none without a user, and a message once, in any order of arrival', async () => {
    const calls = [
      at('2026-02-10T09:00:00Z'),
      at('2026-02-10T09:01:00Z', 'ben'),
      at('2026-02-10T09:02:00Z', null),
      at('2026-02-10T12:00:00Z', 'ann', { id: 'm1' }),
      at('2026-02-10T12:00:00Z', 'ann', { id: 'm1' }),
    ];
    expect((await evaluate(calls)).parts.sessions).toBe(3);
    expect(await evaluate(calls.toReversed())).toEqual(await evaluate(calls));
    expect(await evaluate([at('2026-02-10T09:02:00Z', null)])).toMatchObject({ value: 0 });
  });

  it.each([
    ['just before the window', '2026-01-31T23:59:59.999Z', 0],
    ['as the window opens', '2026-02-01T00:00:00Z', 1],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 1],
  ])('holds a session that starts %s on its side', async (_, time, sessions) => {
    expect((await evaluate([at(time)])).parts.sessions).toBe(sessions);
  });

  it('leaves a session that began before the window out of it', async () => {
    const calls = [at('2026-01-31T23:50:00Z'), at('2026-02-01T00:10:00Z')];
    expect((await evaluate(calls)).parts.sessions).toBe(0);
  });

  it('does not see what happens at asOf', async () => {
    expect(await evaluate([at('2026-03-01T00:00:00Z')])).toMatchObject({ value: null, reason: 'no-data' });
  });

  it('cuts days in the workspace’s zone', async () => {
    const calls = [at('2026-02-01T04:59:59.999Z'), at('2026-02-02T04:59:59.999Z')];
    const newYork = { zone: 'America/New_York', asOf: '2026-03-01T05:00:00Z' };
    expect((await evaluate(calls)).parts.sessions).toBe(2);
    expect((await evaluate(calls, {}, newYork)).parts.sessions).toBe(1);
  });

  it('takes other windows and events', async () => {
    const calls = [at('2026-02-27T09:00:00Z'), at('2026-02-27T12:00:00Z', 'ann', {}, 'Invoice Paid'), at('2026-02-20')];
    expect(await evaluate(calls, { window: '7d', events: ['Signed In'], ideal: 1 })).toMatchObject({ value: 1 });
  });

  it('answers for one user', async () => {
    const calls = [at('2026-02-10T09:00:00Z'), at('2026-02-11T09:00:00Z', 'ben'), at('2026-02-12T09:00:00Z', 'ben')];
    expect(await evaluate(calls, {}, { subject: { kind: 'user', id: 'ben' } })).toMatchObject({
      value: 0.1,
      parts: { sessions: 2, perWeek: 0.5 },
    });
  });

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(visitFrequency, { oracle });
  });

  it('is so with another configuration', async () => {
    const config = { ideal: 2, idleMinutes: 5, events: ['Signed In', 'Feature Used'] };
    await checkMetric(visitFrequency, { config, oracle, runs: 20, seed: 2 });
  });
});
