import { type Call, checkMetric, evaluateMetric, type OracleAnswer, type OracleSubject, track } from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import stickiness from './index.js';

// 30 days up to this midnight: 30 January … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const firstDay = Date.UTC(2026, 0, 30);
const noon = (day: number) => firstDay + day * 86_400_000 + 12 * 3_600_000;
const at = (user: string, time: number | string, event = 'Signed In', id?: string) =>
  track(user, event, time, {}, { account: 'acme', ...(id === undefined ? {} : { id }) });
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(stickiness, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });

/** 50 users; each day another 20 of them come. */
const rotation = Array.from({ length: 30 }, (_, day) =>
  Array.from({ length: 20 }, (_, seat) => at(`user-${(day * 20 + seat) % 50}`, noon(day))),
).flat();

/** Day by day. */
function oracle(
  { events, asOf, calendar }: OracleSubject,
  config: { dau: 'average' | 'latest'; events: string[] },
): OracleAnswer {
  const today = calendar.dayOf(asOf - 1);
  const usersOn = (from: number, to: number) =>
    new Set(
      events
        .filter(({ event }) => config.events.length === 0 || config.events.includes(event))
        .filter(({ time }) => calendar.dayOf(time) >= from && calendar.dayOf(time) <= to)
        .flatMap(({ user }) => (user === null ? [] : [user])),
    ).size;
  const mau = usersOn(today - 29, today);
  if (mau === 0) return { value: null, reason: 'no-data', n: null };
  let all = 0;
  for (let day = today - 29; day <= today; day++) all += usersOn(day, day);
  const dau = config.dau === 'latest' ? usersOn(today, today) : all / 30;
  return { value: dau / mau, reason: null, n: mau, parts: { dau, mau } };
}

describe('stickiness', () => {
  it('computes the example of the README', async () => {
    const calls = [
      ...Array.from({ length: 15 }, (_, i) => at('ann', noon(2 * i))),
      ...Array.from({ length: 6 }, (_, i) => at('ben', noon(5 * i))),
    ];
    expect(await evaluate(calls)).toEqual({ value: 0.35, reason: null, n: 2, parts: { dau: 0.7, mau: 2 } });
  });

  it('is 20 ÷ 50 = 0.4, with DAU averaged over 30 days', async () => {
    expect(await evaluate(rotation)).toEqual({ value: 0.4, reason: null, n: 50, parts: { dau: 20, mau: 50 } });
  });

  it('is 20 ÷ 50 = 0.4, with the latest DAU', async () => {
    const calls = Array.from({ length: 50 }, (_, user) => at(`user-${user}`, noon(user < 20 ? 29 : user % 29)));
    expect(await evaluate(calls, { dau: 'latest' })).toMatchObject({ value: 0.4, parts: { dau: 20, mau: 50 } });
  });

  it('is 1 when everybody comes every day', async () => {
    const calls = Array.from({ length: 30 }, (_, day) => [at('ann', noon(day)), at('ben', noon(day))]).flat();
    expect((await evaluate(calls)).value).toBe(1);
  });

  it('is 1 ÷ 30 for a single event', async () => {
    expect(await evaluate([at('ann', noon(3))])).toMatchObject({ value: 1 / 30, n: 1 });
  });

  it('counts a user once a day, and a message once', async () => {
    const calls = [
      at('ann', noon(3), 'Signed In', 'm1'),
      at('ann', noon(3), 'Signed In', 'm1'),
      at('ann', noon(3) + 1),
    ];
    expect((await evaluate(calls)).value).toBe(1 / 30);
  });

  it.each([
    ['just before the window', '2026-01-29T23:59:59.999Z', null],
    ['as the window opens', '2026-01-30T00:00:00Z', 1 / 30],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 1 / 30],
    ['at asOf', '2026-03-01T00:00:00Z', null],
  ])('with one event %s is as it should be', async (_, time, expected) => {
    expect((await evaluate([at('ann', time)])).value).toBe(expected);
  });

  it('cuts days in the workspace’s zone', async () => {
    // Two UTC days, one day in New York.
    const calls = [at('ann', '2026-02-10T23:30:00Z'), at('ann', '2026-02-11T00:30:00Z')];
    expect((await evaluate(calls)).value).toBe(2 / 30);
    expect((await evaluate(calls, {}, { zone: 'America/New_York', asOf: '2026-03-01T05:00:00Z' })).value).toBe(1 / 30);
  });

  it('has no value when nobody came, and 0 when nobody came on the latest day', async () => {
    expect(await evaluate([])).toMatchObject({ value: null, reason: 'no-data' });
    expect(await evaluate([at('ann', noon(3))], { dau: 'latest' })).toMatchObject({ value: 0, n: 1 });
  });

  it('looks only at the configured events', async () => {
    const calls = [at('ann', noon(3)), at('ben', noon(3), 'Invoice Paid')];
    expect(await evaluate(calls, { events: ['Signed In'] })).toMatchObject({ n: 1 });
  });

  it('is computed over the users of the portfolio, not as a mean of accounts', async () => {
    const calls = [at('ann', noon(3)), track('ann', 'Signed In', noon(4), {}, { account: 'zeta' })];
    const result = await evaluateMetric(stickiness, { calls, asOf, subject: { kind: 'portfolio' } });
    expect(result).toMatchObject({ value: 2 / 30, n: 1 });
  });

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(stickiness, { oracle });
  });

  it('is so with the latest DAU, and with configured events', async () => {
    const config = { dau: 'latest' as const, events: ['Signed In', 'Feature Used'] };
    await checkMetric(stickiness, { config, oracle, runs: 20, seed: 2 });
  });
});
