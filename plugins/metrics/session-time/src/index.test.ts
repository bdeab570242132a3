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
import sessionTime from './index.js';

// 30 days up to this midnight: 30 January … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const at = (
  time: string,
  user: string | null = 'ann',
  more: { account?: string; session?: string; id?: string } = {},
) => track(user, 'Page Viewed', time, {}, { account: 'acme', ...more });
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(sessionTime, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });
/** A session per number of minutes, a day apart. */
const lasting = (...minutes: number[]) =>
  minutes.flatMap((length, i) => {
    const start = Date.UTC(2026, 1, 1 + i, 9);
    return [0, length].map((minute) => at(new Date(start + minute * 60_000).toISOString()));
  });

/** Every user's sessions, one event after the other. */
function sessionsOf(events: readonly OracleEvent[], idleMinutes: number): readonly { start: number; end: number }[] {
  const all: { start: number; end: number }[] = [];
  const running = new Map<string, { start: number; end: number }>();
  for (const { time, account, user, session } of events) {
    if (user === null) continue;
    const stream = JSON.stringify([account, user, session]);
    const current = running.get(stream);
    if (current && time - current.end <= (session === null ? idleMinutes * 60_000 : 24 * 3_600_000)) {
      current.end = time;
    } else {
      const begun = { start: time, end: time };
      running.set(stream, begun);
      all.push(begun);
    }
  }
  return all;
}

/** Linear between the two neighbours. */
function quantile(sorted: readonly number[], q: number): number {
  const place = (sorted.length - 1) * q;
  const [lower = 0, upper = lower] = sorted.slice(Math.floor(place), Math.floor(place) + 2);
  return lower + (upper - lower) * (place - Math.floor(place));
}

function oracle(
  { events, asOf, calendar }: OracleSubject,
  config: { statistic: 'mean' | 'median' | 'p90' | 'total'; idleMinutes: number; events: string[] },
): OracleAnswer {
  const from = calendar.startOfDay(calendar.dayOf(asOf - 1) - 29);
  const counted = events.filter(({ event }) => config.events.length === 0 || config.events.includes(event));
  const seconds = sessionsOf(counted, config.idleMinutes)
    .filter(({ start }) => start >= from)
    .map(({ start, end }) => (end - start) / 1000)
    .sort((a, b) => a - b);
  const n = seconds.length;
  if (n === 0) return { value: null, reason: 'no-data', n: null };
  const total = seconds.reduce((sum, each) => sum + each, 0);
  const parts = { sessions: n, total, mean: total / n, median: quantile(seconds, 0.5), p90: quantile(seconds, 0.9) };
  return { value: parts[config.statistic], reason: null, n, parts };
}

describe('session time', () => {
  it('computes the example of the README', async () => {
    expect(await evaluate(lasting(2, 4, 6, 28))).toEqual({
      value: 600,
      reason: null,
      n: 4,
      parts: { sessions: 4, total: 2400, mean: 600, median: 300, p90: expect.closeTo(1284, 9) as number },
    });
  });

  it.each([
    ['mean', 600],
    ['median', 300],
    ['total', 2400],
  ] as const)('can be the %s', async (statistic, value) => {
    expect((await evaluate(lasting(2, 4, 6, 28), { statistic })).value).toBe(value);
  });

  it('can be the 90th percentile', async () => {
    expect((await evaluate(lasting(2, 4, 6, 28), { statistic: 'p90' })).value).toBeCloseTo(1284, 9);
  });

  it('is 0 for a session of one event', async () => {
    expect(await evaluate([at('2026-02-10T09:00:00Z')])).toEqual({
      value: 0,
      reason: null,
      n: 1,
      parts: { sessions: 1, total: 0, mean: 0, median: 0, p90: 0 },
    });
  });

  it('has no value without a session in the window, whatever was before', async () => {
    const none = { value: null, reason: 'no-data', n: null, parts: {} };
    expect(await evaluate([group('acme', {}, '2026-01-01')])).toEqual(none);
    expect(await evaluate([at('2025-06-01T09:00:00Z')])).toEqual(none);
    expect(await evaluate([at('2026-02-10T09:00:00Z', null)])).toEqual(none);
  });

  it('ends a session after more than 30 minutes without an event', async () => {
    const calls = [at('2026-02-10T09:00:00Z'), at('2026-02-10T09:30:00Z'), at('2026-02-10T10:00:00.001Z')];
    expect((await evaluate(calls)).parts).toMatchObject({ sessions: 2, total: 1800 });
    expect((await evaluate(calls, { idleMinutes: 31 })).parts).toMatchObject({ sessions: 1, total: 3600.001 });
  });

  it('goes by explicit session ids where there are any', async () => {
    const calls = [
      at('2026-02-10T09:00:00Z', 'ann', { session: 's1' }),
      at('2026-02-10T11:00:00Z', 'ann', { session: 's1' }),
      at('2026-02-10T11:00:01Z', 'ann', { session: 's2' }),
    ];
    expect((await evaluate(calls)).parts).toMatchObject({ sessions: 2, total: 7200 });
  });

  it.each([
    ['begins before the window', ['2026-01-29T23:59:59.999Z', '2026-01-30T00:10:00Z'], null],
    ['begins as the window opens', ['2026-01-30T00:00:00Z', '2026-01-30T00:10:00Z'], 600],
    ['runs at asOf: it is cut', ['2026-02-28T23:50:00Z', '2026-02-28T23:55:00Z', '2026-03-01T00:00:00Z'], 300],
    ['begins at asOf', ['2026-03-01T00:00:00Z', '2026-03-01T00:10:00Z'], null],
  ])('counts a session whole, or not at all, that %s', async (_, times, value) => {
    expect((await evaluate(times.map((time) => at(time)))).value).toBe(value);
  });

  it('takes a session that runs past the end of an earlier window whole', async () => {
    const calls = [at('2026-02-28T23:50:00Z'), at('2026-03-01T00:05:00Z'), at('2026-03-01T00:20:00Z')];
    expect((await evaluate(calls, {}, { asOf: '2026-03-02T00:00:00Z' })).value).toBe(1800);
  });

  it('cuts days in the workspace’s zone', async () => {
    const calls = [at('2026-01-29T15:00:00Z'), at('2026-01-29T15:01:00Z')];
    expect((await evaluate(calls)).value).toBeNull();
    expect((await evaluate(calls, {}, { zone: 'Asia/Tokyo', asOf: '2026-02-28T15:00:00Z' })).value).toBe(60);
  });

  it('keeps users and accounts apart, and does not mind order of arrival or repeats', async () => {
    const calls = [
      at('2026-02-10T09:20:00Z', 'ann', { id: 'm2' }),
      at('2026-02-10T09:10:00Z', 'ben'),
      at('2026-02-10T09:00:00Z', 'ann', { id: 'm1' }),
      at('2026-02-10T09:20:00Z', 'ann', { id: 'm2' }),
      at('2026-02-10T09:30:00Z', 'ann', { account: 'zeta' }),
    ];
    expect((await evaluate(calls)).parts).toMatchObject({ sessions: 2, total: 1200 });
    expect(await evaluate(calls.toReversed())).toEqual(await evaluate(calls));
  });

  it('takes other windows, and looks only at the configured events', async () => {
    const calls = [
      ...lasting(10),
      track('ann', 'Heartbeat', '2026-02-27T09:00:00Z', {}, { account: 'acme' }),
      track('ann', 'Heartbeat', '2026-02-27T09:01:00Z', {}, { account: 'acme' }),
    ];
    expect((await evaluate(calls, { window: '7d' })).value).toBe(60);
    expect((await evaluate(calls, { events: ['Heartbeat'] })).value).toBe(60);
    expect((await evaluate(calls)).value).toBe(330);
  });

  it('answers for a user and for the portfolio, also by trait', async () => {
    const calls = [
      group('acme', { plan: 'pro' }, '2026-01-01'),
      ...lasting(10),
      at('2026-02-10T09:00:00Z', 'ben', { account: 'zeta' }),
    ];
    expect((await evaluate(calls, {}, { subject: { kind: 'user', id: 'ben' } })).value).toBe(0);
    expect(await evaluate(calls, {}, { subject: { kind: 'portfolio' } })).toMatchObject({ value: 300, n: 2 });
    expect(await evaluate(calls, {}, { subject: { kind: 'portfolio', by: 'plan' } })).toMatchObject({
      pro: { value: 600 },
      '': { value: 0 },
    });
  });

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(sessionTime, { oracle });
  });

  it('is so with another configuration', async () => {
    const config = { statistic: 'p90' as const, idleMinutes: 5, events: ['Signed In', 'Feature Used'] };
    await checkMetric(sessionTime, { config, oracle, runs: 20, seed: 2 });
  });
});
