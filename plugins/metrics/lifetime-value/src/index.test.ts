import { count, defineMetric, lifetime, noData, Type } from '@rapport/sdk';
import { checkMetric, evaluateMetric, group, track, type Call } from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import lifetimeValue from './index.js';
import { monthsBetween } from './months.js';
import { oracle } from './oracle.test.fixture.js';

/** A churn rate that is given. */
const churnRate = (monthlyRate: number | null) =>
  defineMetric({
    id: 'churn-rate',
    title: 'Churn rate',
    description: 'As given.',
    source: 'test',
    unit: 'ratio',
    range: [0, 1],
    subjects: ['portfolio'],
    config: Type.Object({}),
    parts: { monthlyRate: { unit: 'ratio', description: 'Per month' } },
    measures: () => ({ ever: count({}, lifetime()) }),
    compute: () => noData('no-data'),
    portfolio: () => (monthlyRate === null ? noData('no-data') : { value: monthlyRate, parts: { monthlyRate } }),
  });
const churning = (monthlyRate: number | null) => ({ metrics: { 'churn-rate': churnRate(monthlyRate) } });

const asOf = '2026-03-01T00:00:00Z';
const signedUp = (account: string, at: string, more = {}) => group(account, { signupAt: at, ...more }, at);
const sale = (revenue: number | string | null, time: string, account = 'acme') =>
  track(null, 'Order Completed', time, { revenue }, { account });
const sub = (change: string, time: string, properties = {}, account = 'acme') =>
  track(null, `Subscription ${change}`, time, properties, { account });
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(lifetimeValue, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });

/** 36 sales of 50 in the 18 months from 1 September 2024 on, two on each 3rd. */
const example = [
  signedUp('acme', '2024-09-01T10:00:00Z', { cac: 180 }),
  ...Array.from({ length: 36 }, (_, i) => sale(50, new Date(Date.UTC(2024, 8 + (i >> 1), 3)).toISOString())),
];

describe('customer lifetime value', () => {
  it('computes the example of the README: LV 50 × 2 a month × 18 months = 1800', async () => {
    expect(await evaluate(example)).toEqual({
      value: 1800,
      reason: null,
      n: 36,
      parts: {
        lv: 1800,
        clv: 1800,
        averageSale: 50,
        transactionsPerMonth: 2,
        retentionMonths: 18,
        monthlyChurn: null,
        cacShare: 0.1,
        cacStatus: 'sound',
      },
    });
  });

  it('is CLV 540 at a margin of 30 %, of which a third for acquisition is just sound', async () => {
    const margin = { margin: 0.3 };
    expect(await evaluate(example, margin)).toMatchObject({ value: 540, parts: { lv: 1800, clv: 540 } });
    expect((await evaluate(example, margin)).parts).toMatchObject({ cacShare: 1 / 3, cacStatus: 'sound' });
    const dear = group('acme', { cac: 180.01 }, '2025-01-01');
    expect((await evaluate([...example, dear], margin)).parts.cacStatus).toBe('warning');
    expect((await evaluate([...example, dear], { ...margin, cacLimit: 0.5 })).parts.cacStatus).toBe('sound');
  });

  it('expects the lifetime that the portfolio’s churn leaves', async () => {
    const answer = await evaluate(example, { mode: 'predictive', margin: 0.3 }, churning(0.025));
    expect(answer).toMatchObject({ n: 36, parts: { lv: 4000, retentionMonths: 40, monthlyChurn: 0.025 } });
    expect(answer.value).toBeCloseTo(1200, 9);
  });

  it('of a subscription is ARPA × margin ÷ monthly churn', async () => {
    const calls = [
      sub('Started', '2025-06-01', { mrr: 80, subscriptionId: 'S1' }),
      sub('Started', '2025-06-01', { mrr: 30, subscriptionId: 'S2' }),
      sub('Upgraded', '2025-08-01', { mrr: 70, subscriptionId: 'S2' }),
      sub('Started', '2025-09-01', { mrr: 900, subscriptionId: 'S3' }),
      sub('Cancelled', '2025-10-01', { subscriptionId: 'S3', effectiveAt: '2025-10-15T00:00:00Z' }),
    ];
    const config = { mode: 'subscription', margin: 0.8 };
    expect(await evaluate(calls, config, churning(0.025))).toEqual({
      value: 4800,
      reason: null,
      n: 1,
      parts: {
        lv: 6000,
        clv: 4800,
        averageSale: 150,
        transactionsPerMonth: 1,
        retentionMonths: 40,
        monthlyChurn: 0.025,
        cacShare: null,
        cacStatus: null,
      },
    });
    const left = sub('Cancelled', '2026-02-01');
    expect(await evaluate([...calls, left], config, churning(0.025))).toMatchObject({ value: null, reason: 'no-data' });
  });

  it('has no value without a sale, without MRR, or without churn, which would have no end', async () => {
    expect(await evaluate([])).toEqual({ value: null, reason: 'no-data', n: null, parts: {} });
    expect((await evaluate([signedUp('acme', '2025-01-01')])).reason).toBe('no-data');
    const subscribed = [sub('Started', '2025-06-01')];
    expect((await evaluate(subscribed, { mode: 'subscription' }, churning(0.1))).reason).toBe('no-data');
    for (const none of [0, null]) {
      expect(await evaluate(example, { mode: 'predictive' }, churning(none))).toEqual({
        value: null,
        reason: 'no-data',
        n: 36,
        parts: { averageSale: 50, transactionsPerMonth: 2, retentionMonths: null, monthlyChurn: none },
      });
    }
  });

  it('is 0 for sales that brought nothing; what it cost to win the customer is a warning then', async () => {
    const calls = [signedUp('acme', '2026-01-01', { cac: 10 }), sale(0, '2026-01-02')];
    expect(await evaluate(calls)).toMatchObject({ value: 0, n: 1, parts: { cacShare: null, cacStatus: 'warning' } });
    const free = group('acme', { cac: 0 }, '2026-01-03');
    expect((await evaluate([...calls, free])).parts.cacStatus).toBeNull();
    const unreadable = group('acme', { cac: -5 }, '2026-01-03');
    expect((await evaluate([...calls, unreadable])).parts).toMatchObject({ cacShare: null, cacStatus: null });
  });

  it('leaves out what is no sale: no revenue, text, refunds', async () => {
    const calls = [sale(40, '2026-01-01'), sale(null, '2026-01-02'), sale('9', '2026-01-02'), sale(-5, '2026-01-02')];
    expect(await evaluate(calls)).toMatchObject({ n: 1, parts: { lv: 40 } });
  });

  it.each([
    ['just before asOf', '2026-02-28T23:59:59.999Z', 1],
    ['at asOf', '2026-03-01T00:00:00Z', null],
  ])('with a single sale %s is as it should be', async (_, time, n) => {
    expect((await evaluate([sale(40, time)])).n).toBe(n);
  });

  it('has a tenure of a month at least, from signing up or the first sale, whichever came first', async () => {
    const tenure = async (calls: readonly Call[], more = {}) => (await evaluate(calls, {}, more)).parts.retentionMonths;
    expect(await tenure([sale(40, '2026-02-28')])).toBe(1);
    expect(await tenure([sale(40, '2025-12-01')])).toBe(3);
    expect(await tenure([signedUp('acme', '2025-11-01'), sale(40, '2025-12-01')])).toBe(4);
    expect(await tenure([signedUp('acme', '2026-01-01'), sale(40, '2025-12-01')])).toBe(3);
    // 23:30 on 30 November in UTC is 1 December in Berlin, and asOf 01:00 on 1 March, a day that counts.
    const late = [sale(40, '2025-11-30T23:30:00Z')];
    expect(await tenure(late)).toBeCloseTo(3 + 1 / 30, 9);
    expect(await tenure(late, { zone: 'Europe/Berlin' })).toBeCloseTo(3 + 1 / 31, 9);
  });

  it('takes other names', async () => {
    const calls = [
      group('acme', { since: '2025-12-01', acquisition: 10 }, '2025-12-01'),
      track('ann', 'Paid', '2026-01-15', { amount: 30 }, { account: 'acme' }),
    ];
    const config = { sale: 'Paid', revenue: 'amount', signupAt: 'since', cac: 'acquisition' };
    const answer = await evaluate(calls, config);
    expect(answer.value).toBeCloseTo(30, 9);
    expect(answer.parts.retentionMonths).toBe(3);
    expect(answer.parts.cacShare).toBeCloseTo(1 / 3, 9);
  });

  it('is the same in any order of arrival, also late, and with every message sent twice', async () => {
    const numbered = example.map((call, i) => ({ ...call, messageId: `m${String(i)}` }));
    expect(await evaluate([...numbered.toReversed(), ...numbered])).toEqual(await evaluate(numbered));
  });

  describe('of the portfolio', () => {
    const portfolio = (calls: readonly Call[], config = {}, more = {}) =>
      evaluate(calls, config, { subject: { kind: 'portfolio' }, ...more });
    const calls = [
      ...example,
      signedUp('beta', '2025-12-01', { cac: 250 }),
      sale(300, '2025-12-02', 'beta'),
      sale(300, '2025-12-03', 'beta'),
      signedUp('core', '2025-12-01', { cac: 7000 }),
    ];

    it('is the mean over the accounts that have one, with what they have in common', async () => {
      expect(await portfolio(calls)).toEqual({
        value: 1200,
        reason: null,
        n: 2,
        parts: {
          lv: 1200,
          clv: 1200,
          averageSale: 2400 / 38,
          transactionsPerMonth: 38 / 21,
          retentionMonths: 10.5,
          monthlyChurn: null,
          cacShare: 430 / 2400,
          cacStatus: 'sound',
          cacWarnings: 1,
        },
      });
    });

    it('of subscriptions is ARPA × margin ÷ monthly churn', async () => {
      const subscribed = [sub('Started', '2025-06-01', { mrr: 80 }), sub('Started', '2025-06-01', { mrr: 40 }, 'beta')];
      const answer = await portfolio(subscribed, { mode: 'subscription', margin: 0.5 }, churning(0.05));
      expect(answer).toMatchObject({ value: 600, n: 2, parts: { averageSale: 60, cacStatus: null, cacWarnings: 0 } });
    });

    it('takes a negative MRR for unknown, also beside a known one', async () => {
      const subscribed = [
        sub('Started', '2025-06-01', { mrr: 80, subscriptionId: 'S1' }),
        sub('Started', '2025-06-01', { mrr: -20, subscriptionId: 'S2' }),
        sub('Started', '2025-06-01', { mrr: -40 }, 'beta'),
      ];
      const answer = await portfolio(subscribed, { mode: 'subscription' }, churning(0.05));
      expect(answer).toMatchObject({ n: 1, parts: { averageSale: 80 } });
    });

    it('adds up revenue to the cent', async () => {
      const paid = Array.from({ length: 100 }, (_, i) =>
        track(null, 'Order Completed', '2026-01-10', { revenue: 0.1 + (i % 2) }, { account: `a${String(i % 50)}` }),
      );
      expect((await portfolio(paid, {})).parts.averageSale).toBe(0.6);
    });

    it('has no value when no account has one', async () => {
      expect(await portfolio([])).toMatchObject({ value: null, reason: 'no-data' });
      expect(await portfolio(calls, { mode: 'predictive' }, churning(0))).toMatchObject({
        value: null,
        parts: { monthlyChurn: 0 },
      });
    });

    it('by a trait takes the churn of the whole portfolio', async () => {
      const plan = group('beta', { plan: 'pro' }, '2026-01-01');
      const byPlan = await evaluateMetric(lifetimeValue, {
        calls: [...calls, plan],
        asOf,
        config: { mode: 'predictive' },
        subject: { kind: 'portfolio', by: 'plan' },
        ...churning(0.1),
      });
      expect(byPlan).toMatchObject({ pro: { value: 2000, n: 1 }, '': { value: 1000, n: 1 } });
    });
  });

  it('is what the oracle says in random worlds, in whatever order they are told, on every store', async () => {
    await checkMetric(lifetimeValue, { oracle, runs: 40, config: { margin: 0.3 } });
    const properties = { mrr: [10, 20.1, -5, 'none'] };
    for (const mode of ['predictive', 'subscription'] as const) {
      await checkMetric(lifetimeValue, { oracle, properties, runs: 20, config: { mode }, ...churning(0.04) });
    }
  });
});

describe('months between two days', () => {
  const day = (date: string) => Date.parse(date) / 86_400_000;
  it.each([
    ['2024-09-01', '2026-03-01', 18],
    ['2025-09-11', '2026-03-01', 5 + 20 / 30],
    ['2024-02-01', '2024-02-15', 14 / 29],
    ['2023-12-31', '2024-01-01', 1 / 31],
    ['2024-02-29', '2025-03-01', 12 + 1 / 29],
    ['2024-02-29', '2024-02-29', 0],
  ])('from %s up to %s', (from, to, months) => {
    expect(monthsBetween(day(from), day(to))).toBeCloseTo(months, 10);
  });
});
