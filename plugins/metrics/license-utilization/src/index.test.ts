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
import licenseUtilization from './index.js';

// 30 days up to this midnight: 30 January … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const at = (user: string, time = '2026-02-10T09:00:00Z', account = 'acme', event = 'Signed In') =>
  track(user, event, time, {}, { account });
const users = (n: number, account = 'acme') =>
  Array.from({ length: n }, (_, i) => at(`${account}-${i}`, '2026-02-10T09:00:00Z', account));
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(licenseUtilization, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });

function oracle(subject: OracleSubject, config: { events: string[] }): OracleAnswer {
  const from = subject.calendar.startOfDay(subject.calendar.dayOf(subject.asOf - 1) - 29);
  const parts = { activeUsers: 0, seats: 0, unused: 0, accounts: 0 };
  for (const { traits, events } of subject.kind === 'portfolio' ? subject.accounts : [subject]) {
    const seats = traits['seats'];
    if (typeof seats !== 'number' || seats <= 0) continue;
    const users = new Set<string>();
    for (const { time, event, user } of events) {
      const counts = config.events.length === 0 || config.events.includes(event);
      if (counts && time >= from && user !== null) users.add(user);
    }
    parts.activeUsers += users.size;
    parts.seats += seats;
    parts.unused += users.size < seats ? seats - users.size : 0;
    parts.accounts++;
  }
  if (parts.accounts === 0) return { value: null, reason: 'no-data', n: null };
  return { value: parts.activeUsers / parts.seats, reason: null, n: parts.seats, parts };
}

describe('licence utilization', () => {
  it('computes the example of the README: 45 of 60 = 0.75', async () => {
    expect(await evaluate([group('acme', { seats: 60 }, '2026-01-01'), ...users(45)])).toEqual({
      value: 0.75,
      reason: null,
      n: 60,
      parts: { activeUsers: 45, seats: 60, unused: 15, accounts: 1 },
    });
  });

  it('goes above 1 in over-use', async () => {
    expect(await evaluate([group('acme', { seats: 4 }, '2026-01-01'), ...users(5)])).toMatchObject({
      value: 1.25,
      parts: { unused: 0 },
    });
  });

  it('is 0 when licences were bought and nobody ever came', async () => {
    expect(await evaluate([group('acme', { seats: 60 }, '2026-01-01')])).toMatchObject({ value: 0 });
  });

  it.each([[{}], [{ seats: 0 }], [{ seats: -5 }], [{ seats: null }], [{ seats: 'many' }]])(
    'has no value with the traits %j',
    async (traits) => {
      expect(await evaluate([group('acme', traits, '2026-01-01'), ...users(3)])).toMatchObject({
        value: null,
        reason: 'no-data',
      });
    },
  );

  it('divides by the seats of then', async () => {
    const calls = [group('acme', { seats: 20 }, '2026-03-05'), group('acme', { seats: 10 }, '2026-01-01'), ...users(5)];
    expect((await evaluate(calls)).value).toBe(0.5);
    expect((await evaluate(calls, {}, { asOf: '2026-03-06T00:00:00Z' })).value).toBe(0.25);
  });

  it.each([
    ['just before the window', '2026-01-29T23:59:59.999Z', 0],
    ['as the window opens', '2026-01-30T00:00:00Z', 0.1],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 0.1],
    ['at asOf', '2026-03-01T00:00:00Z', 0],
  ])('with one user %s is as it should be', async (_, time, value) => {
    expect((await evaluate([group('acme', { seats: 10 }, '2026-01-01'), at('ann', time)])).value).toBe(value);
  });

  it('cuts days in the workspace’s zone, and takes another window', async () => {
    const calls = [group('acme', { seats: 10 }, '2026-01-01'), at('ann', '2026-02-20T23:30:00Z')];
    const berlin = { zone: 'Europe/Berlin', asOf: '2026-02-27T23:00:00Z' };
    expect((await evaluate(calls, { window: '7d' }, berlin)).value).toBe(0.1);
    expect((await evaluate(calls, { window: '7d' }, { asOf: '2026-02-28T00:00:00Z' })).value).toBe(0);
  });

  it('looks at the configured trait and events, and counts a user once', async () => {
    const calls = [
      group('acme', { licences: 4 }, '2026-01-01'),
      at('ann'),
      at('ann'),
      at('ben', '2026-02-10', 'acme', 'Invoice Paid'),
    ];
    expect((await evaluate(calls, { seats: 'licences', events: ['Signed In'] })).value).toBe(0.25);
  });

  describe('of the portfolio', () => {
    const calls = [
      group('acme', { seats: 60, plan: 'pro' }, '2026-01-01'),
      group('zeta', { seats: 10, plan: 'free' }, '2026-01-01'),
      group('trial', { plan: 'free' }, '2026-01-01'),
      ...users(45),
      ...users(12, 'zeta'),
      ...users(9, 'trial'),
    ];

    it('is the sum over accounts with seats', async () => {
      expect(await evaluate(calls, {}, { subject: { kind: 'portfolio' } })).toEqual({
        value: 57 / 70,
        reason: null,
        n: 70,
        parts: { activeUsers: 57, seats: 70, unused: 15, accounts: 2 },
      });
    });

    it('can be broken down by a trait', async () => {
      const byPlan = await evaluateMetric(licenseUtilization, {
        calls,
        asOf,
        subject: { kind: 'portfolio', by: 'plan' },
      });
      expect(byPlan).toMatchObject({ pro: { value: 0.75 }, free: { value: 1.2 } });
    });

    it('has no value when no account has seats', async () => {
      const result = await evaluate(users(3), {}, { subject: { kind: 'portfolio' } });
      expect(result).toMatchObject({ value: null, reason: 'no-data' });
    });
  });

  const traits = { seats: [-3, 0, 1, 2, 10, null, 'many'] };

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(licenseUtilization, { traits, oracle });
  });

  it('is so with configured events', async () => {
    const config = { events: ['Signed In', 'Feature Used'] };
    await checkMetric(licenseUtilization, { config, traits, oracle, runs: 20, seed: 2 });
  });
});
