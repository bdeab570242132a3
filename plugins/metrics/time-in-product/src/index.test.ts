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
import timeInProduct from './index.js';

// 14 days up to this midnight: 15 … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const at = (
  time: string,
  user: string | null = 'ann',
  more: { account?: string; session?: string; id?: string } = {},
) => track(user, 'Page Viewed', time, {}, { account: 'acme', ...more });
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(timeInProduct, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });

/** Each event with the one before it of the same user and account. */
function oracle(
  { events, asOf, calendar }: OracleSubject,
  config: { idleMinutes: number; events: string[] },
): OracleAnswer {
  if (events.length === 0) return { value: null, reason: 'no-data', n: null };
  const from = calendar.startOfDay(calendar.dayOf(asOf - 1) - 13);
  const counted = events.filter(
    ({ event, user }) => user !== null && (config.events.length === 0 || config.events.includes(event)),
  );
  const users = new Set<string | null>();
  let seconds = 0;
  counted.forEach(({ time, account, user }, i) => {
    if (time < from) return;
    users.add(user);
    const before = counted.slice(0, i).findLast((e) => e.user === user && e.account === account);
    if (before && time - before.time <= config.idleMinutes * 60_000) seconds += (time - before.time) / 1000;
  });
  const perActiveUser = users.size === 0 ? null : seconds / users.size;
  return { value: seconds, reason: null, n: users.size, parts: { activeUsers: users.size, perActiveUser } };
}

describe('time in product', () => {
  it('computes the example of the README', async () => {
    const calls = [
      at('2026-02-20T09:00:00Z'),
      at('2026-02-20T09:04:00Z'),
      at('2026-02-20T09:09:00Z'),
      at('2026-02-20T09:30:00Z'),
      at('2026-02-20T09:31:00Z'),
      at('2026-02-21T14:00:00Z', 'ben'),
      at('2026-02-21T14:02:00Z', 'ben'),
    ];
    expect(await evaluate(calls)).toEqual({
      value: 720,
      reason: null,
      n: 2,
      parts: { activeUsers: 2, perActiveUser: 360 },
    });
  });

  it('counts a gap of exactly the idle timeout, and none that is longer', async () => {
    expect((await evaluate([at('2026-02-20T09:00:00Z'), at('2026-02-20T09:05:00Z')])).value).toBe(300);
    expect((await evaluate([at('2026-02-20T09:00:00Z'), at('2026-02-20T09:05:00.001Z')])).value).toBe(0);
    const hour = [at('2026-02-20T09:00:00Z'), at('2026-02-20T10:00:00Z')];
    expect((await evaluate(hour, { idleMinutes: 60 })).value).toBe(3600);
  });

  it('is 0 for a single event', async () => {
    expect(await evaluate([at('2026-02-20T09:00:00Z')])).toEqual({
      value: 0,
      reason: null,
      n: 1,
      parts: { activeUsers: 1, perActiveUser: 0 },
    });
  });

  it('is 0 without a mean for an account that went quiet, and has no value for one that never had an event', async () => {
    expect(await evaluate([at('2026-01-01T09:00:00Z'), at('2026-01-01T09:01:00Z')])).toEqual({
      value: 0,
      reason: null,
      n: 0,
      parts: { activeUsers: 0, perActiveUser: null },
    });
    expect(await evaluate([group('acme', {}, '2026-01-01')])).toEqual({
      value: null,
      reason: 'no-data',
      n: null,
      parts: {},
    });
  });

  it.each([
    ['just before the window', '2026-02-14T23:59:59.999Z', 0],
    ['as the window opens', '2026-02-15T00:00:00.000Z', 60],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 60],
    ['at asOf', '2026-03-01T00:00:00.000Z', 0],
  ])('puts a gap where its later event falls: %s', async (_, later, value) => {
    const earlier = new Date(Date.parse(later) - 60_000).toISOString();
    expect((await evaluate([at(earlier), at(later)])).value).toBe(value);
  });

  it('cuts days in the workspace’s zone', async () => {
    const calls = [at('2026-02-14T23:30:00Z'), at('2026-02-14T23:32:00Z')];
    expect((await evaluate(calls)).value).toBe(0);
    expect((await evaluate(calls, {}, { zone: 'Europe/Berlin', asOf: '2026-02-28T23:00:00Z' })).value).toBe(120);
  });

  it('does not mix users, accounts, or events that name no user', async () => {
    const calls = [
      at('2026-02-20T09:00:00Z'),
      at('2026-02-20T09:01:00Z', 'ben'),
      at('2026-02-20T09:02:00Z', null),
      at('2026-02-20T09:02:30Z', null),
      at('2026-02-20T09:03:00Z', 'ann', { account: 'zeta' }),
    ];
    expect(await evaluate(calls)).toMatchObject({ value: 0, parts: { activeUsers: 2 } });
    expect(await evaluate(calls, {}, { subject: { kind: 'portfolio' } })).toMatchObject({
      value: 0,
      parts: { activeUsers: 2 },
    });
  });

  it('does not mind session ids, order of arrival, or repeats', async () => {
    const calls = [
      at('2026-02-20T09:02:00Z', 'ann', { session: 's2', id: 'm3' }),
      at('2026-02-20T09:00:00Z', 'ann', { session: 's1', id: 'm1' }),
      at('2026-02-20T09:02:00Z', 'ann', { session: 's2', id: 'm3' }),
      at('2026-02-20T09:01:00Z', 'ann', { id: 'm2' }),
    ];
    expect((await evaluate(calls)).value).toBe(120);
  });

  it('takes other windows, and looks only at the configured events', async () => {
    const calls = [
      at('2026-02-10T09:00:00Z'),
      track('ann', 'Heartbeat', '2026-02-10T09:01:00Z', {}, { account: 'acme' }),
      at('2026-02-10T09:04:00Z'),
    ];
    expect((await evaluate(calls, { window: '30d' })).value).toBe(240);
    expect((await evaluate(calls, { window: '30d', events: ['Heartbeat'] })).value).toBe(0);
  });

  it('answers for a user and for the portfolio, also by trait', async () => {
    const calls = [
      group('acme', { plan: 'pro' }, '2026-01-01'),
      group('zeta', { plan: 'free' }, '2026-01-01'),
      at('2026-02-20T09:00:00Z'),
      at('2026-02-20T09:01:00Z'),
      at('2026-02-20T09:00:00Z', 'ben', { account: 'zeta' }),
      at('2026-02-20T09:03:00Z', 'ben', { account: 'zeta' }),
    ];
    expect(await evaluate(calls, {}, { subject: { kind: 'user', id: 'ben' } })).toMatchObject({ value: 180, n: 1 });
    expect(await evaluate(calls, {}, { subject: { kind: 'portfolio' } })).toMatchObject({
      value: 240,
      parts: { activeUsers: 2, perActiveUser: 120 },
    });
    expect(await evaluate(calls, {}, { subject: { kind: 'portfolio', by: 'plan' } })).toMatchObject({
      pro: { value: 60 },
      free: { value: 180 },
    });
  });

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(timeInProduct, { oracle });
  });

  it('is so with another configuration', async () => {
    const config = { idleMinutes: 60, events: ['Signed In', 'Feature Used'] };
    await checkMetric(timeInProduct, { config, oracle, runs: 20, seed: 2 });
  });
});
