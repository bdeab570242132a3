import { count, defineMetric, last, mean, noData, type Static, Type } from '@rapport/sdk';
import {
  checkMetric,
  evaluateMetric,
  group,
  track,
  type Call,
  type OracleAnswer,
  type OracleSubject,
} from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import suite from './index.js';

type Config = Static<typeof suite.config>;

/** Stands for the engagement score of whatever scope it is narrowed to: the mean of what the events carry. */
const engagement = defineMetric({
  id: 'engagement-score',
  title: 'Engagement score',
  description: 'Of the test',
  source: 'the test',
  unit: 'points',
  range: [0, 100],
  subjects: ['account'],
  config: Type.Object({}),
  parts: { events: { unit: 'count', description: 'Events in the window' } },
  measures: () => ({ score: mean('score', {}, last('60d')), events: count({}, last('30d')) }),
  compute: ({ score, events }) =>
    score === null ? noData('no-data', { parts: { events } }) : { value: score, parts: { events } },
});
const product = (name: string) => ({ where: { property: 'product', operator: 'equal', value: name } }) as const;
const world = {
  metrics: { 'engagement-score': engagement },
  scopes: { crm: product('crm'), billing: product('billing'), desk: product('desk') },
};
const products = ['crm', 'billing', 'desk'];

// 30 days up to this midnight: 30 January … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const use = (product: string, score: number | null, times = 1, time = '2026-02-10T09:00:00Z') =>
  Array.from({ length: times }, () => track('ann', 'Used', time, { product, score }, { account: 'acme' }));
const evaluate = (calls: readonly Call[], config: Partial<Config>, more = {}) =>
  evaluateMetric(suite, { ...world, calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });
const sum = (table: Readonly<Record<string, number>> | null | undefined) =>
  Object.values(table ?? {}).reduce((total, entry) => total + entry, 0);

describe('product suite score', () => {
  it('computes the example of the README, by usage', async () => {
    const calls = [...use('crm', 80, 60), ...use('billing', 50, 20)];
    expect(await evaluate(calls, { products })).toEqual({
      value: 72.5,
      reason: null,
      n: 2,
      parts: {
        contributions: { crm: 60, billing: 12.5 },
        scores: { crm: 80, billing: 50 },
        weights: { crm: 75, billing: 25, desk: 0 },
        coverage: 100,
        missing: [],
        set: 'default',
      },
    });
  });

  it('computes the example of the README, by configured weights', async () => {
    const calls = [...use('crm', 80, 60), ...use('billing', 50, 20)];
    const config = { products, weights: { crm: 50, billing: 30, desk: 20 } };
    expect(await evaluate(calls, config)).toMatchObject({
      value: 68.75,
      n: 2,
      parts: {
        contributions: { crm: 50, billing: 18.75 },
        weights: { crm: 50, billing: 30, desk: 20 },
        coverage: 80,
        missing: ['desk'],
      },
    });
    expect(await evaluate(calls, { ...config, missing: 'zero' })).toMatchObject({ value: 55, parts: { coverage: 80 } });
    expect(await evaluate(calls, { ...config, missing: 'null' })).toMatchObject({
      value: null,
      reason: 'no-data',
      n: 2,
      parts: { scores: { crm: 80, billing: 50 }, missing: ['desk'] },
    });
  });

  it('has no value without products, and for an account that never used one', async () => {
    expect(await evaluate(use('crm', 80), {})).toMatchObject({ value: null, reason: 'no-data', n: 0 });
    expect(await evaluate([group('acme', {}, '2026-01-01')], { products })).toEqual({
      value: null,
      reason: 'no-data',
      n: 0,
      parts: { contributions: {}, scores: {}, weights: {}, coverage: null, missing: [], set: 'default' },
    });
    expect(await evaluate(use('other', 80), { products })).toMatchObject({ value: null, reason: 'no-data' });
  });

  it('by usage, a product that is not used has no weight, missing or not; where none is, there is no share', async () => {
    const old = use('billing', 50, 1, '2026-01-29T23:59:59.999Z');
    expect(await evaluate([...use('crm', 80), ...old], { products, missing: 'null' })).toMatchObject({
      value: 80,
      n: 1,
      parts: {
        contributions: { crm: 80 },
        scores: { crm: 80, billing: 50 },
        weights: { crm: 100, billing: 0, desk: 0 },
      },
    });
    expect(await evaluate(old, { products })).toMatchObject({ value: null, parts: { scores: { billing: 50 } } });
    expect((await evaluate(old, { products, weights: { crm: 50, billing: 25, desk: 25 } })).value).toBe(50);
  });

  it('by usage, a product that is used but has no score is missing', async () => {
    const calls = [...use('crm', 80, 3), ...use('desk', null)];
    expect(await evaluate(calls, { products })).toMatchObject({
      value: 80,
      parts: { coverage: 75, missing: ['desk'] },
    });
    expect((await evaluate(calls, { products, missing: 'zero' })).value).toBe(60);
    expect((await evaluate(calls, { products, missing: 'null' })).value).toBeNull();
  });

  it.each([
    ['just before the window', '2026-01-29T23:59:59.999Z', 0],
    ['as the window opens', '2026-01-30T00:00:00Z', 50],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 50],
    ['at asOf', '2026-03-01T00:00:00Z', 0],
  ])('weighs one event %s on its side', async (_, time, weight) => {
    const { parts } = await evaluate([...use('crm', 80), ...use('desk', 20, 1, time)], { products });
    expect(parts.weights).toEqual({ crm: 100 - weight, billing: 0, desk: weight });
  });

  it('cuts days in the workspace’s zone, and takes a message once, whenever it arrives', async () => {
    const late = track(
      'ann',
      'Used',
      '2026-01-29T23:30:00Z',
      { product: 'desk', score: 20 },
      { account: 'acme', id: 'm1' },
    );
    const calls = [late, ...use('crm', 80), late];
    expect((await evaluate(calls, { products })).value).toBe(80);
    const berlin = { zone: 'Europe/Berlin', asOf: '2026-02-28T23:00:00Z' };
    expect((await evaluate(calls, { products }, berlin)).value).toBe(50);
  });

  it('takes the weights of the first set that fits', async () => {
    const config: Partial<Config> = {
      products: ['crm', 'billing'],
      sets: [
        { name: 'sales', when: { persona: 'sales' }, weights: { crm: 100, billing: 0 } },
        { name: 'pro', when: { 'trait.plan': 'pro' }, weights: { crm: 25, billing: 75 } },
      ],
    };
    const profiles = { persona: [{ id: 'sales', when: { fact: 'trait.team', operator: 'equal', value: 'sales' } }] };
    const calls = [...use('crm', 80), ...use('billing', 40)];
    const value = async (traits: Record<string, string>) => {
      const { value, parts } = await evaluate([group('acme', traits, '2026-01-01'), ...calls], config, { profiles });
      return [value, parts.set];
    };
    expect(await value({ team: 'sales', plan: 'pro' })).toEqual([80, 'sales']);
    expect(await value({ plan: 'pro' })).toEqual([50, 'pro']);
    expect(await value({ plan: 'free' })).toEqual([60, 'default']);
  });

  it.each<[string, Partial<Config>, string]>([
    [
      'weights that do not total 100 %',
      { weights: { crm: 50, billing: 30, desk: 10 } },
      '/weights: the weights total 90 %',
    ],
    ['a product without a weight', { weights: { crm: 50, billing: 50 } }, '/weights: the product "desk" has no weight'],
    [
      'a weight of no product',
      { weights: { crm: 50, billing: 30, desk: 10, mail: 10 } },
      '/weights: "mail" is none of the products crm, billing, desk',
    ],
    [
      'such weights in a set',
      { sets: [{ name: 's', when: { stage: 'x' }, weights: { crm: 100 } }] },
      '/sets/0/weights: the product "billing" has no weight',
    ],
  ])('refuses %s', async (_, config, message) => {
    await expect(evaluate([], { products, ...config })).rejects.toThrow(`RAPPORT_SDK_CONFIG: ${message}`);
  });

  it('adds up exactly', async () => {
    const calls = [...use('crm', 77.7, 7), ...use('billing', 33.3, 3), ...use('desk', 0.1, 1)];
    for (const weights of ['usage', { crm: 33.3, billing: 33.3, desk: 33.4 }] as const) {
      const { value, parts } = await evaluate(calls, { products, weights });
      expect(sum(parts.contributions)).toBe(value);
    }
  });

  describe('in random worlds', () => {
    /** The definition, spelt out. */
    function oracle(subject: OracleSubject, { products, weights, missing, sets }: Config): OracleAnswer {
      const set = sets.find(({ when }) => Object.entries(when).every(([name, id]) => subject.profile(name) === id));
      const inForce = set?.weights ?? weights;
      const scores: Record<string, number> = {};
      const absent: string[] = [];
      let [all, present, total] = [0, 0, 0];
      for (const product of products) {
        const { value } = subject.metric(`engagement-score:${product}`);
        if (value !== null) scores[product] = value;
        const today = subject.calendar.dayOf(subject.asOf - 1);
        const events = subject.events.filter(
          ({ time, properties }) => properties['product'] === product && subject.calendar.dayOf(time) > today - 30,
        );
        const weight = inForce === 'usage' ? events.length : (inForce[product] ?? 0);
        if (weight === 0) continue;
        all += weight;
        if (value === null) absent.push(product);
        else {
          present += weight;
          total += weight * value;
        }
      }
      const parts = {
        scores,
        missing: absent,
        coverage: all === 0 ? null : (100 * present) / all,
        set: set?.name ?? 'default',
      };
      if (present === 0 || (missing === 'null' && absent.length > 0)) return { value: null, reason: 'no-data', parts };
      return { value: total / (missing === 'zero' ? all : present), reason: null, parts };
    }

    const config: Partial<Config> = {
      products,
      sets: [{ name: 'new', when: { stage: 'new' }, weights: { crm: 33.3, billing: 33.3, desk: 33.4 } }],
    };
    const more = {
      profiles: { stage: [{ id: 'new', when: { fact: 'tenure', operator: 'lessThan', value: 9 } }] },
      properties: { product: ['crm', 'billing', 'desk', 'mail', null], score: [0, 33.3, 50, 99.9, 100, 'a', null] },
    } as const;

    it('agrees with the definition, and keeps its contract', async () => {
      await checkMetric(suite, { ...world, ...more, oracle, config, runs: 25 });
    });

    it.each(['zero', 'null'] as const)('does so where what is missing makes it %s', async (missing) => {
      await checkMetric(suite, { ...world, ...more, oracle, config: { ...config, missing }, runs: 15, stores: [] });
    });
  });
});
