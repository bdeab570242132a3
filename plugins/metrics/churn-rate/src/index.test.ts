import { checkMetric, evaluateMetric, group, track, type Call } from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import churnRate from './index.js';
import { oracle } from './oracle.test.fixture.js';

// 30 days up to this midnight: 30 January … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const sub = (account: string, change: string, time: string, properties = {}) =>
  track(null, `Subscription ${change}`, time, properties, { account });
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(churnRate, { calls, asOf, config, subject: { kind: 'portfolio' }, ...more });

describe('churn rate', () => {
  it('computes the example of the README', async () => {
    const calls = [
      sub('acme', 'Started', '2025-06-01', { mrr: 100 }),
      sub('beta', 'Started', '2025-06-01', { mrr: 200 }),
      sub('core', 'Started', '2025-06-01', { mrr: 300 }),
      sub('dune', 'Started', '2025-06-01', { mrr: 400 }),
      sub('acme', 'Cancelled', '2026-02-10', { reason: 'price' }),
      sub('beta', 'Downgraded', '2026-02-11', { mrr: 150 }),
      sub('core', 'Upgraded', '2026-02-12', { mrr: 500 }),
      sub('echo', 'Started', '2026-02-13', { mrr: 900 }),
    ];
    expect(await evaluate(calls)).toEqual({
      value: 0.25,
      reason: null,
      n: 4,
      parts: {
        customersAtStart: 4,
        lost: 1,
        retained: 3,
        retentionRate: 0.75,
        monthlyRate: 0.25,
        mrrAtStart: 1000,
        mrrLost: 150,
        mrrChurnRate: 0.15,
        netRevenueRetention: 1.05,
        mrrUnknown: 0,
        reasons: { price: 1 },
      },
    });
  });

  it('is 5 of 200 = 0.025', async () => {
    const calls = [
      ...Array.from({ length: 200 }, (_, i) => sub(`a${i}`, 'Started', '2025-06-01', { mrr: 10 })),
      ...Array.from({ length: 5 }, (_, i) => sub(`a${i}`, 'Cancelled', '2026-02-10')),
    ];
    expect(await evaluate(calls)).toMatchObject({
      value: 0.025,
      n: 200,
      parts: { lost: 5, retained: 195, retentionRate: 0.975, reasons: { unstated: 5 } },
    });
  });

  it('has no value without a customer at the start, also when some came since', async () => {
    expect(await evaluate([])).toMatchObject({ value: null, reason: 'no-data' });
    expect(await evaluate([sub('acme', 'Started', '2026-02-10')])).toMatchObject({ value: null, reason: 'no-data' });
  });

  it.each([
    ['starts just before the window', '2026-01-29T23:59:59.999Z', 1],
    ['starts as the window opens', '2026-01-30T00:00:00Z', null],
  ])('counts as a customer at the start one who %s', async (_, time, n) => {
    expect((await evaluate([sub('acme', 'Started', time)])).n).toBe(n);
  });

  it.each([
    ['before the window', '2026-01-29T23:59:59.999Z', null],
    ['as the window opens', '2026-01-30T00:00:00Z', 1],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 1],
    ['at asOf', '2026-03-01T00:00:00Z', 0],
  ])('counts a cancellation %s on its side', async (_, time, value) => {
    expect((await evaluate([sub('acme', 'Started', '2025-06-01'), sub('acme', 'Cancelled', time)])).value).toBe(value);
  });

  it('lets a cancellation take effect at effectiveAt', async () => {
    const calls = [
      sub('acme', 'Started', '2025-06-01'),
      sub('acme', 'Cancelled', '2026-01-10', { effectiveAt: '2026-02-10T00:00:00Z', reason: 'price' }),
      sub('beta', 'Started', '2025-06-01'),
      sub('beta', 'Cancelled', '2026-02-10', { effectiveAt: '2026-03-10T00:00:00Z' }),
    ];
    expect(await evaluate(calls)).toMatchObject({ value: 0.5, parts: { lost: 1, reasons: { price: 1 } } });
  });

  it('retains a customer who left and came back, and lost one who came back and left', async () => {
    const calls = [
      sub('acme', 'Started', '2025-06-01'),
      sub('acme', 'Cancelled', '2026-02-10'),
      sub('acme', 'Started', '2026-02-20'),
      sub('beta', 'Started', '2025-06-01'),
      sub('beta', 'Cancelled', '2026-02-01', { reason: 'price' }),
      sub('beta', 'Started', '2026-02-10'),
      sub('beta', 'Cancelled', '2026-02-20', { reason: 'support' }),
    ];
    expect(await evaluate(calls)).toMatchObject({ value: 0.5, parts: { retained: 1, reasons: { support: 1 } } });
  });

  it('keeps a customer as long as one of its subscriptions runs', async () => {
    const calls = [
      sub('acme', 'Started', '2025-06-01', { subscriptionId: 'S1', mrr: 100 }),
      sub('acme', 'Started', '2025-07-01', { subscriptionId: 'S2', mrr: 50 }),
      sub('acme', 'Cancelled', '2026-02-10', { subscriptionId: 'S1' }),
    ];
    expect(await evaluate(calls)).toMatchObject({
      value: 0,
      parts: { lost: 0, mrrAtStart: 150, mrrLost: 100, netRevenueRetention: 1 / 3, reasons: {} },
    });
    const last = sub('acme', 'Cancelled', '2026-02-20', { subscriptionId: 'S2', reason: 'closed down' });
    expect(await evaluate([...calls, last])).toMatchObject({ value: 1, parts: { reasons: { 'closed down': 1 } } });
  });

  it('takes a reason for the leaving it was given for', async () => {
    const before = [
      sub('acme', 'Started', '2025-01-01'),
      sub('acme', 'Cancelled', '2025-03-01', { reason: 'price' }),
      sub('acme', 'Started', '2025-06-01'),
    ];
    const reasons = async (...calls: readonly Call[]) => (await evaluate([...before, ...calls])).parts.reasons;
    expect(await reasons(sub('acme', 'Cancelled', '2026-02-10'))).toEqual({ unstated: 1 });
    expect(await reasons(sub('acme', 'Cancelled', '2026-02-10', { reason: 5 }))).toEqual({ unstated: 1 });
    expect(await reasons(sub('acme', 'Cancelled', '2026-02-10', { reason: '' }))).toEqual({ unstated: 1 });
    expect(await reasons(sub('acme', 'Cancelled', '2026-02-10', { reason: 'support' }))).toEqual({ support: 1 });
    // At one instant a subscription starts before it is cancelled.
    const again = [sub('acme', 'Started', '2026-02-10'), sub('acme', 'Cancelled', '2026-02-10', { reason: 'support' })];
    expect(await reasons(...again)).toEqual({ support: 1 });
  });

  it('has a rate per month, whatever the period', async () => {
    const accounts = Array.from({ length: 1000 }, (_, i) => sub(`a${i}`, 'Started', '2025-06-01'));
    const lost = accounts.slice(0, 271).map((_, i) => sub(`a${i}`, 'Cancelled', '2026-01-10'));
    const monthlyRate = async (config: object, at = asOf) =>
      (await evaluate([...accounts, ...lost], config, { asOf: at })).parts.monthlyRate;
    expect(await monthlyRate({ window: '90d' })).toBeCloseTo(0.1, 12);
    expect(await monthlyRate({ period: 'month' }, '2026-02-15T00:00:00Z')).toBe(0.271);
    expect(await monthlyRate({ period: 'month' })).toBe(0);
    expect(await monthlyRate({ period: 'month', month: 0 })).toBe(0);
    expect(await monthlyRate({ period: 'month', month: 0 }, '2026-02-28T23:59:59Z')).toBeNull();
    expect(await monthlyRate({})).toBe(0);
  });

  it('leaves unknown revenue out, and has none where none is known', async () => {
    const unknown = sub('acme', 'Started', '2025-06-01');
    expect((await evaluate([unknown])).parts).toMatchObject({
      mrrUnknown: 1,
      mrrAtStart: null,
      mrrChurnRate: null,
      netRevenueRetention: null,
    });
    const calls = [unknown, sub('beta', 'Started', '2025-06-01', { mrr: 80 }), sub('beta', 'Cancelled', '2026-02-10')];
    expect((await evaluate(calls)).parts).toMatchObject({ mrrAtStart: 80, mrrLost: 80, netRevenueRetention: 0 });
  });

  it('takes a negative MRR for unknown, and counts it', async () => {
    const calls = [
      sub('acme', 'Started', '2025-12-01', { mrr: 100 }),
      sub('acme', 'Cancelled', '2026-01-10'),
      sub('beta', 'Started', '2025-12-01', { mrr: -90 }),
    ];
    const month = { period: 'month' };
    expect((await evaluate(calls, month, { asOf: '2026-02-15T00:00:00Z' })).parts).toMatchObject({
      mrrUnknown: 1,
      mrrAtStart: 100,
      mrrLost: 100,
      mrrChurnRate: 1,
      netRevenueRetention: 0,
    });
    // One that comes with a change leaves what was known.
    const kept = [
      sub('acme', 'Started', '2025-12-01', { mrr: 100 }),
      sub('acme', 'Renewed', '2026-01-10', { mrr: -5 }),
    ];
    expect((await evaluate(kept, month, { asOf: '2026-02-15T00:00:00Z' })).parts).toMatchObject({
      mrrUnknown: 0,
      mrrAtStart: 100,
      netRevenueRetention: 1,
    });
  });

  it('adds up revenue to the cent', async () => {
    const calls = Array.from({ length: 300 }, (_, i) => [
      sub(`a${i}`, 'Started', '2025-06-01', { mrr: (i * 37 + 10) / 100 }),
      sub(`a${i}`, 'Downgraded', '2026-02-10', { mrr: (i * 37) / 100 }),
    ]).flat();
    const { mrrAtStart, mrrLost } = (await evaluate(calls)).parts;
    expect([mrrAtStart, mrrLost]).toEqual([16624.5, 30]);
  });

  it('is the same in any order of arrival, and with every message sent twice', async () => {
    const calls = [
      sub('acme', 'Started', '2025-06-01', { mrr: 100 }),
      sub('acme', 'Upgraded', '2025-08-01', { mrr: 120 }),
      sub('acme', 'Cancelled', '2026-02-10'),
      sub('beta', 'Started', '2025-06-01', { mrr: 100 }),
    ].map((call, i) => ({ ...call, messageId: `m${i}` }));
    expect(await evaluate([...calls.toReversed(), ...calls])).toEqual(await evaluate(calls));
  });

  it('sees the past as it was then', async () => {
    const calls = [sub('acme', 'Started', '2025-06-01'), sub('acme', 'Cancelled', '2026-02-10')];
    expect((await evaluate(calls, {}, { asOf: '2026-02-10T00:00:00Z' })).value).toBe(0);
    expect((await evaluate(calls, {}, { asOf: '2026-02-10T00:00:00.001Z' })).value).toBe(1);
    expect((await evaluate(calls, {}, { asOf: '2026-04-01T00:00:00Z' })).value).toBeNull();
  });

  describe('of a calendar month', () => {
    const calls = [
      sub('acme', 'Started', '2025-06-01'),
      sub('beta', 'Started', '2025-06-01'),
      sub('acme', 'Cancelled', '2026-01-31T23:30:00Z'),
      sub('beta', 'Cancelled', '2026-02-10'),
    ];

    it('is the last complete one by default', async () => {
      const result = await evaluate(calls, { period: 'month' }, { asOf: '2026-02-15T00:00:00Z' });
      expect(result).toMatchObject({ value: 0.5, n: 2 });
    });

    it('is the one that ends at asOf', async () => {
      const one = [
        sub('acme', 'Started', '2025-11-01T10:00:00Z', { mrr: 10 }),
        sub('acme', 'Cancelled', '2026-01-15T10:00:00Z'),
      ];
      const at = (asOf: string, month = -1) => evaluate(one, { period: 'month', month }, { asOf });
      expect(await at('2026-02-01T00:00:00Z')).toMatchObject({ value: 1, n: 1 });
      expect(await at('2026-01-31T23:59:59.999Z')).toMatchObject({ value: 0, n: 1 });
      expect(await at('2026-02-01T00:00:00Z', -2)).toMatchObject({ value: 0, n: 1 });
    });

    it('is the running one when configured', async () => {
      const config = { period: 'month', month: 0 };
      expect(await evaluate(calls, config, { asOf: '2026-02-15T00:00:00Z' })).toMatchObject({ value: 1, n: 1 });
      expect(await evaluate(calls, config, { asOf: '2026-02-10T00:00:00Z' })).toMatchObject({ value: 0, n: 1 });
    });

    it('ends at midnight in the workspace’s zone', async () => {
      const berlin = { zone: 'Europe/Berlin', asOf: '2026-02-15T00:00:00Z' };
      expect(await evaluate(calls, { period: 'month' }, berlin)).toMatchObject({ value: 0, n: 2 });
      expect(await evaluate(calls, { period: 'month', month: 0 }, berlin)).toMatchObject({ value: 1, n: 2 });
    });
  });

  it('can be broken down by a trait', async () => {
    const calls = [
      group('acme', { plan: 'pro' }, '2025-06-01'),
      group('beta', { plan: 'free' }, '2025-06-01'),
      sub('acme', 'Started', '2025-06-01'),
      sub('beta', 'Started', '2025-06-01'),
      sub('beta', 'Cancelled', '2026-02-10'),
    ];
    const byPlan = await evaluateMetric(churnRate, { calls, asOf, subject: { kind: 'portfolio', by: 'plan' } });
    expect(byPlan).toMatchObject({ pro: { value: 0 }, free: { value: 1 } });
  });

  it('takes other names', async () => {
    const calls = [
      track(null, 'Contract Signed', '2025-06-01', { contract: 7, monthly: 90 }, { account: 'acme' }),
      track(null, 'Contract Ended', '2026-01-02', { contract: 7, on: '2026-02-02', why: 'price' }, { account: 'acme' }),
    ];
    const config = {
      started: 'Contract Signed',
      cancelled: 'Contract Ended',
      changed: [],
      subscriptionId: 'contract',
      effectiveAt: 'on',
      mrr: 'monthly',
      reason: 'why',
    };
    expect(await evaluate(calls, config)).toMatchObject({ value: 1, parts: { mrrLost: 90, reasons: { price: 1 } } });
  });

  it('is what the oracle says in random worlds, in whatever order they are told, on every store', async () => {
    const properties = { reason: ['price', 'support', '', 7, '__proto__'], mrr: [10, 20.1, -5, 'none'] };
    await checkMetric(churnRate, { oracle, properties, runs: 40 });
    await checkMetric(churnRate, { oracle, properties, runs: 20, config: { period: 'month' } });
    await checkMetric(churnRate, { oracle, properties, runs: 20, config: { window: '1w', changed: [] } });
  });
});
