import { defineMetric, endOf, last, noData, spans, startOf, Type } from '@rapport/sdk';
import { checkMetric, evaluateMetric, group, track, type Call } from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import retentionRate from './index.js';
import { oracle } from './oracle.test.fixture.js';

/** As much of `churn-rate` as retention reads. */
const churnRate = defineMetric({
  id: 'churn-rate',
  title: 'Churn rate',
  description: 'Customers lost in 30 days.',
  source: 'test',
  unit: 'ratio',
  range: [0, 1],
  subjects: ['portfolio'],
  config: Type.Object({}),
  parts: {
    customersAtStart: { description: 'Customers at the start' },
    retained: { description: 'Those still there' },
    lost: { description: 'Those gone' },
  },
  measures() {
    const subscription = {
      key: 'subscriptionId',
      open: { events: ['Subscription Started'] },
      close: { events: ['Subscription Cancelled'] },
      effectiveAt: 'effectiveAt',
    };
    return {
      atStart: spans(subscription, 'open', startOf(last('30d'))),
      atEnd: spans(subscription, 'open', endOf(last('30d'))),
    };
  },
  compute: () => noData('no-data'),
  portfolio(accounts) {
    let [customersAtStart, lost] = [0, 0];
    for (const { atStart, atEnd } of accounts) {
      if (atStart === 0) continue;
      customersAtStart++;
      if (atEnd === 0) lost++;
    }
    if (customersAtStart === 0) return noData('no-data');
    const parts = { customersAtStart, lost, retained: customersAtStart - lost };
    return { value: lost / customersAtStart, n: customersAtStart, parts };
  },
});
const metrics = { 'churn-rate': churnRate };

// 30 days up to this midnight: 30 January … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const sub = (account: string, change: string, time: string, properties = {}) =>
  track(null, `Subscription ${change}`, time, properties, { account });
const signedUp = (account: string, at: string) => group(account, { signupAt: at }, at);
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(retentionRate, { calls, asOf, config, metrics, subject: { kind: 'portfolio' }, ...more });

const example = [
  ...['acme', 'beta'].map((account) => signedUp(account, '2025-05-20T10:00:00Z')),
  signedUp('core', '2025-06-01T10:00:00Z'),
  ...['acme', 'beta', 'core', 'dune'].map((account) => sub(account, 'Started', '2025-06-01')),
  sub('echo', 'Started', '2026-02-13'),
  sub('acme', 'Cancelled', '2026-02-10'),
];

describe('retention rate', () => {
  it('computes the example of the README', async () => {
    expect(await evaluate(example)).toEqual({
      value: 0.75,
      reason: null,
      n: 4,
      parts: {
        customersAtStart: 4,
        retained: 3,
        lost: 1,
        cohorts: { '2025-05': 0.5, '2025-06': 1, '2026-02': 1 },
        cohortSizes: { '2025-05': 2, '2025-06': 2, '2026-02': 1 },
      },
    });
  });

  it('and churn are 1 together, exactly, whatever the fraction', async () => {
    const given = (value: number) =>
      defineMetric({ ...churnRate, measures: () => ({}), portfolio: () => ({ value, parts: {} }) });
    for (let customers = 1; customers <= 60; customers++) {
      for (let lost = 0; lost <= customers; lost += 7) {
        const churn = lost / customers;
        const { value } = await evaluate([], {}, { metrics: { 'churn-rate': given(churn) } });
        expect(churn + value!).toBe(1);
      }
    }
  });

  it('has no value without a customer at the start, but cohorts of those that came since', async () => {
    expect(await evaluate([])).toMatchObject({ value: null, reason: 'no-data', parts: { cohorts: {} } });
    expect(await evaluate([sub('acme', 'Started', '2026-02-10')])).toMatchObject({
      value: null,
      reason: 'no-data',
      n: null,
      parts: { customersAtStart: null, cohorts: { '2026-02': 1 }, cohortSizes: { '2026-02': 1 } },
    });
  });

  it.each([
    ['just before asOf', '2026-02-28T23:59:59.999Z', 0],
    ['at asOf', '2026-03-01T00:00:00Z', 1],
  ])('has a cancellation %s on its side', async (_, time, kept) => {
    const answer = await evaluate([sub('acme', 'Started', '2025-06-01'), sub('acme', 'Cancelled', time)]);
    expect(answer).toMatchObject({ value: kept, parts: { cohorts: { '2025-06': kept } } });
  });

  it('counts one that came back as a customer again, in its own cohort', async () => {
    const calls = [
      signedUp('acme', '2025-04-01'),
      sub('acme', 'Started', '2025-06-01'),
      sub('acme', 'Cancelled', '2025-09-01'),
      sub('acme', 'Started', '2026-02-10'),
    ];
    expect((await evaluate(calls)).parts.cohorts).toEqual({ '2025-04': 1 });
    expect((await evaluate(calls, {}, { asOf: '2026-01-01T00:00:00Z' })).parts.cohorts).toEqual({ '2025-04': 0 });
  });

  it('lets a cancellation take effect at effectiveAt', async () => {
    const calls = [
      sub('acme', 'Started', '2025-06-01'),
      sub('acme', 'Cancelled', '2026-02-10', { effectiveAt: '2026-03-10T00:00:00Z' }),
    ];
    expect((await evaluate(calls)).parts.cohorts).toEqual({ '2025-06': 1 });
    expect((await evaluate(calls, {}, { asOf: '2026-03-10T00:00:00.001Z' })).parts.cohorts).toEqual({ '2025-06': 0 });
  });

  it('leaves out of the cohorts who never became a customer', async () => {
    const calls = [...example, signedUp('trial', '2025-05-02'), track('ann', 'Signed In', '2026-02-01')];
    expect((await evaluate(calls)).parts.cohortSizes).toMatchObject({ '2025-05': 2 });
  });

  it('knows the months of the workspace’s zone', async () => {
    const calls = [signedUp('acme', '2025-05-31T22:30:00Z'), sub('acme', 'Started', '2025-06-30T22:30:00Z')];
    const cohorts = async (more = {}) => (await evaluate(calls, {}, more)).parts.cohorts;
    expect(await cohorts()).toEqual({ '2025-05': 1 });
    expect(await cohorts({ zone: 'Europe/Berlin' })).toEqual({ '2025-06': 1 });
    expect((await evaluate(calls.slice(1), {}, { zone: 'Europe/Berlin' })).parts.cohorts).toEqual({ '2025-07': 1 });
  });

  it('takes the month of its period for the end of the cohorts, other names, and another trait', async () => {
    const calls = [
      group('acme', { since: '2025-04-01' }, '2025-04-01'),
      track(null, 'Contract Signed', '2025-06-01', { contract: 7 }, { account: 'acme' }),
      track(null, 'Contract Ended', '2026-02-20', { contract: 7, on: '2026-02-01T00:00:00Z' }, { account: 'acme' }),
    ];
    const config = {
      period: 'month',
      signupAt: 'since',
      started: 'Contract Signed',
      cancelled: 'Contract Ended',
      subscriptionId: 'contract',
      effectiveAt: 'on',
    } as const;
    // It ran until the end of January, the last complete month.
    expect((await evaluate(calls, config, { asOf: '2026-02-25T00:00:00Z' })).parts.cohorts).toEqual({ '2025-04': 1 });
    const running = { ...config, month: 0 };
    expect((await evaluate(calls, running, { asOf: '2026-02-25T00:00:00Z' })).parts.cohorts).toEqual({ '2025-04': 0 });
  });

  it('is the same in any order of arrival, and with every message sent twice', async () => {
    const numbered = example.map((call, i) => ({ ...call, messageId: `m${String(i)}` }));
    expect(await evaluate([...numbered.toReversed(), ...numbered])).toEqual(await evaluate(numbered));
  });

  it('can be broken down by a trait', async () => {
    const plans = [group('acme', { plan: 'pro' }, '2025-06-01'), group('beta', { plan: 'pro' }, '2025-06-01')];
    const subject = { kind: 'portfolio', by: 'plan' } as const;
    const byPlan = await evaluateMetric(retentionRate, { calls: [...example, ...plans], asOf, metrics, subject });
    expect(byPlan).toMatchObject({
      pro: { value: 0.5, parts: { cohorts: { '2025-05': 0.5 } } },
      '': { value: 1, parts: { cohorts: { '2025-06': 1, '2026-02': 1 } } },
    });
  });

  it('is what the oracle says in random worlds, in whatever order they are told, on every store', async () => {
    await checkMetric(retentionRate, { oracle, metrics, runs: 40 });
    await checkMetric(retentionRate, { oracle, metrics, runs: 20, config: { period: 'month', changed: [] } });
  });
});
