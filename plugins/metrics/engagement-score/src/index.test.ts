import { readFileSync } from 'node:fs';
import {
  count,
  defineMetric,
  distinct,
  last,
  mean,
  noData,
  type Static,
  type SubjectKind,
  trait,
  Type,
} from '@rapport/sdk';
import {
  checkMetric,
  evaluateMetric,
  group,
  identify,
  track,
  type OracleAnswer,
  type OracleSubject,
} from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import score from './index.js';

type Config = Static<typeof score.config>;

const about = { title: 'Of the test', description: 'Of the test', source: 'the test', config: Type.Object({}) };
/** A metric that stands for any other: its value is a trait of the subject. */
const stated = (id: string, subjects: readonly SubjectKind[] = ['account', 'user']) =>
  defineMetric({
    ...about,
    id,
    unit: 'points',
    range: [null, null],
    subjects,
    parts: { half: { description: 'Half of it' } },
    measures: () => ({ value: trait(id) }),
    compute: ({ value }) => (value === null ? noData('no-data') : { value, parts: { half: value / 2 } }),
  });
/** One that a scope narrows. */
const uses = defineMetric({
  ...about,
  id: 'uses',
  unit: 'count',
  range: [0, null],
  subjects: ['account', 'user'],
  parts: {},
  measures: () => ({ uses: count({ events: ['Feature Used'] }, last('7d')) }),
  compute: ({ uses }) => ({ value: uses }),
});
const metrics = { a: stated('a'), b: stated('b'), c: stated('c'), d: stated('d', ['account']), uses };

// 30 days up to this midnight: 30 January … 28 February.
const asOf = '2026-03-01T00:00:00Z';
/** Long ago, so that there are events at all. */
const once = track('ann', 'Signed Up', '2025-06-01', {}, { account: 'acme' });
const evaluate = (traits: Record<string, unknown>, config: Partial<Config>, more: object = {}) =>
  evaluateMetric(score, {
    calls: [group('acme', traits as Record<string, number>, '2026-01-01'), once],
    asOf,
    config,
    metrics,
    subject: { kind: 'account', id: 'acme' },
    ...more,
  });
const four = {
  a: { weight: 50, target: 10 },
  b: { weight: 20, target: 10 },
  c: { weight: 20, target: 10 },
  d: { weight: 10, target: 10 },
};
const sum = (table: Readonly<Record<string, number>> | null | undefined) =>
  Object.values(table ?? {}).reduce((total, entry) => total + entry, 0);

describe('engagement score', () => {
  it('computes the example of the README', async () => {
    const used = ['usage-frequency', 'feature-adoption', 'stickiness', 'license-utilization'];
    const result = await evaluate(
      { 'usage-frequency': 4, 'feature-adoption': 0.5, stickiness: 0.4 },
      {
        components: {
          'usage-frequency': { weight: 50, target: 5 },
          'feature-adoption': { weight: 20, target: 1 },
          stickiness: { weight: 20, target: 0.4 },
          'license-utilization': { weight: 10, target: 0.9 },
        },
      },
      { metrics: Object.fromEntries(used.map((id) => [id, stated(id)])) },
    );
    expect(result.value).toBeCloseTo(77.78, 2);
    expect(result.parts).toMatchObject({
      points: { 'usage-frequency': 8, 'feature-adoption': 5, stickiness: 10 },
      coverage: 90,
      missing: ['license-utilization'],
    });
  });

  it('is (50·8 + 20·5 + 20·10) ÷ 90 · 10 = 77.78 at 90 % coverage, for 8, 5, 10 and no points', async () => {
    const { value, parts, ...rest } = await evaluate({ a: 8, b: 5, c: 10 }, { components: four });
    expect(value).toBeCloseTo(((50 * 8 + 20 * 5 + 20 * 10) / 90) * 10, 12);
    expect(rest).toEqual({ reason: null, n: 3 });
    expect(parts).toMatchObject({ points: { a: 8, b: 5, c: 10 }, coverage: 90, missing: ['d'], set: 'default' });
    expect(parts.contributions?.['a']).toBeCloseTo(44.44, 2);
    expect(sum(parts.contributions)).toBe(value);
  });

  it('counts a missing component as 0, or has no value, where that is configured', async () => {
    const traits = { a: 8, b: 5, c: 10 };
    expect(await evaluate(traits, { components: four, missing: 'zero' })).toMatchObject({
      value: 70,
      parts: { contributions: { a: 40, b: 10, c: 20 }, coverage: 90 },
    });
    expect(await evaluate(traits, { components: four, missing: 'null' })).toMatchObject({
      value: null,
      reason: 'no-data',
      n: 3,
      parts: { contributions: {}, points: { a: 8, b: 5, c: 10 }, coverage: 90, missing: ['d'] },
    });
    expect((await evaluate({ ...traits, d: 0 }, { components: four, missing: 'null' })).value).toBe(70);
  });

  it.each(['reweight', 'zero', 'null'] as const)('has no value where all is missing: %s', async (missing) => {
    expect(await evaluate({}, { components: four, missing })).toEqual({
      value: null,
      reason: 'no-data',
      n: 0,
      parts: { contributions: {}, points: {}, coverage: 0, missing: ['a', 'b', 'c', 'd'], events: 0, set: 'default' },
    });
  });

  it('has no value for a subject that never had an event, whatever its traits say', async () => {
    const calls = [group('acme', { a: 8, b: 5, c: 10 }, '2026-01-01')];
    expect(await evaluate({}, { components: four }, { calls })).toEqual({
      value: null,
      reason: 'no-data',
      n: null,
      parts: {},
    });
  });

  it.each([
    [-1, 0],
    [0, 0],
    [1, 2.5],
    [4, 10],
    [400, 10],
  ])('with a target of 4, %d is worth %d points', async (a, points) => {
    const components = { a: { weight: 100, target: 4 } };
    expect(await evaluate({ a }, { components })).toMatchObject({
      value: points * 10,
      parts: { points: { a: points } },
    });
  });

  it.each([
    [-5, 10],
    [0, 10],
    [1, 8],
    [2, 6],
    [2.5, 4],
    [3, 2],
    [9, 2],
  ])('on a scale that falls, %d is worth %d points', async (a, points) => {
    const components: Config['components'] = {
      a: {
        weight: 100,
        scale: [
          [0, 10],
          [2, 6],
          [3, 2],
        ],
      },
    };
    expect((await evaluate({ a }, { components })).parts.points?.['a']).toBeCloseTo(points, 12);
  });

  it('takes parts of metrics, and metrics within a scope', async () => {
    const used = (area: string, id: string, time = '2026-02-25') =>
      track('ann', 'Feature Used', time, { area }, { account: 'acme', id });
    const result = await evaluate(
      {},
      {
        components: {
          'a.half': { weight: 50, target: 10 },
          'uses:crm': { weight: 25, target: 10 },
          uses: { weight: 25, target: 10 },
        },
      },
      {
        calls: [group('acme', { a: 8 }, '2026-01-01'), used('crm', 'm1'), used('crm', 'm2'), used('billing', 'm3')],
        scopes: { crm: { where: { property: 'area', operator: 'equal', value: 'crm' } } },
      },
    );
    expect(result).toMatchObject({ value: 20 + 5 + 7.5, parts: { points: { 'a.half': 4, 'uses:crm': 2, uses: 3 } } });
  });

  it('goes without a metric that does not support users, for a user', async () => {
    const calls = [once, identify('ann', { a: 8, b: 5, c: 10, d: 10 }, '2026-01-01')];
    const result = await evaluate({}, { components: four }, { calls, subject: { kind: 'user', id: 'ann' } });
    expect(result).toMatchObject({ n: 3, parts: { coverage: 90, missing: ['d'] } });
    expect(result.value).toBeCloseTo(77.78, 2);
  });

  it.each([
    ['just before the window', '2026-01-29T23:59:59.999Z', 0],
    ['as the window opens', '2026-01-30T00:00:00Z', 1],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 1],
    ['at asOf', '2026-03-01T00:00:00Z', 0],
  ])('counts one event %s on its side', async (_, time, events) => {
    const calls = [once, track('ann', 'Whatever', time, {}, { account: 'acme' })];
    expect((await evaluate({}, { components: four }, { calls })).parts).toMatchObject({ events });
  });

  it('counts events in the workspace’s zone, and in the window that is configured', async () => {
    const calls = [once, track('ann', 'Whatever', '2026-02-20T23:30:00Z', {}, { account: 'acme' })];
    const berlin = { calls, zone: 'Europe/Berlin', asOf: '2026-02-27T23:00:00Z' };
    expect((await evaluate({}, { components: four, window: '7d' }, berlin)).parts).toMatchObject({ events: 1 });
    expect((await evaluate({}, { components: four, window: '7d' }, { ...berlin, zone: 'UTC' })).parts).toMatchObject({
      events: 0,
    });
  });

  describe('by default', () => {
    const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      rapport: { requires: object };
    };
    const required = Object.keys(manifest.rapport.requires);

    it('is made of the metrics that its manifest requires', async () => {
      const names = Object.fromEntries(required.map((id) => [id, stated(id)]));
      const { parts } = await evaluate({}, {}, { metrics: names });
      expect(parts.missing?.map((fact) => fact.split('.')[0]).sort()).toEqual(required.sort());
    });

    it('has a value as soon as one of them has, and reaches 100', async () => {
      const time = defineMetric({
        ...about,
        id: 'time-in-product',
        unit: 'seconds',
        range: [0, null],
        subjects: ['account'],
        parts: { perActiveUser: { description: 'Mean' } },
        measures: () => ({ seconds: trait('time-in-product') }),
        compute: ({ seconds }) => ({ value: 1e6, parts: { perActiveUser: seconds } }),
      });
      const metrics = { ...Object.fromEntries(required.map((id) => [id, stated(id)])), 'time-in-product': time };
      expect(await evaluate({ 'usage-frequency': 2.5 }, {}, { metrics })).toMatchObject({
        value: 50,
        parts: { coverage: 30 },
      });
      const all = {
        'usage-frequency': 5,
        'time-in-product': 7200,
        'feature-adoption': 0.5,
        'license-utilization': 0.9,
        stickiness: 0.4,
      };
      expect(await evaluate(all, {}, { metrics })).toMatchObject({ value: 100, n: 5, parts: { coverage: 100 } });
    });
  });

  describe('with sets', () => {
    const config: Partial<Config> = {
      components: { a: { weight: 60, target: 10 }, b: { weight: 40, target: 10 } },
      sets: [
        { name: 'trial', when: { stage: 'trial' }, components: { a: { target: 5 } } },
        {
          name: 'big pro',
          when: { spend: ['high', 'top'], 'trait.plan': 'pro' },
          components: {
            a: { weight: 0 },
            b: {
              weight: 100,
              scale: [
                [0, 0],
                [5, 10],
              ],
            },
          },
        },
      ],
    };
    const profiles = {
      stage: [{ id: 'trial', when: { fact: 'tenure', operator: 'lessThan', value: 14 } }],
      spend: [{ id: 'high', when: { fact: 'trait.mrr', operator: 'greaterThan', value: 1000 } }],
    } as const;

    it.each([
      [{ signupAt: '2025-02-20' }, 'default', 40],
      [{ signupAt: '2026-02-20' }, 'trial', 64],
      [{ mrr: 5000, plan: 'pro' }, 'big pro', 80],
      [{ mrr: 5000, plan: 'pro', signupAt: '2026-02-20' }, 'trial', 64],
      [{ mrr: 10, plan: 'pro' }, 'default', 40],
      [{ mrr: 5000 }, 'default', 40],
    ])('weights and targets are those of the first that fits: %j → %s', async (traits, set, value) => {
      expect(await evaluate({ a: 4, b: 4, ...traits }, config, { profiles })).toMatchObject({ value, parts: { set } });
    });

    it('a component that a set gives no weight plays no part', async () => {
      expect(
        await evaluate({ a: 4, mrr: 5000, plan: 'pro' }, { ...config, missing: 'zero' }, { profiles }),
      ).toMatchObject({
        value: null,
        n: 0,
        parts: { coverage: 0, missing: ['b'] },
      });
    });
  });

  it.each<[string, Partial<Config>, string]>([
    ['weights below 100 %', { components: { a: { weight: 90, target: 1 } } }, '/components: the weights total 90 %'],
    [
      'weights above 100 %',
      { components: { a: { weight: 60, target: 1 }, b: { weight: 60, target: 1 } } },
      '/components: the weights total 120 %',
    ],
    ['neither target nor scale', { components: { a: { weight: 100 } } }, '"a" needs a target or a scale'],
    [
      'both of them',
      { components: { a: { weight: 100, target: 1, scale: [[0, 0], [1, 10]] } } }, // prettier-ignore
      '"a" has both a target and a scale',
    ],
    [
      'a scale out of order',
      { components: { a: { weight: 100, scale: [[1, 0], [1, 10]] } } }, // prettier-ignore
      'the scale of "a" must have ascending values',
    ],
    [
      'weights of a set that do not total 100 %',
      { components: four, sets: [{ name: 's', when: { stage: 'x' }, components: { a: { weight: 40 } } }] },
      '/sets/0/components: the weights total 90 %',
    ],
    [
      'a set with another component',
      { components: four, sets: [{ name: 's', when: { stage: 'x' }, components: { e: { weight: 40 } } }] },
      '/sets/0/components: there is no component "e". Known: a, b, c, d.',
    ],
  ])('refuses %s', async (_, config, message) => {
    await expect(evaluate({}, config)).rejects.toThrow(
      `RAPPORT_SDK_CONFIG: ${message.startsWith('/') ? '' : '/components: '}${message}`,
    );
  });

  it('refuses what its schema does not admit', async () => {
    for (const component of [
      { weight: 101, target: 1 },
      { weight: 100, target: 0 },
      { weight: 100, goal: 1 },
    ])
      await expect(evaluate({}, { components: { a: component } })).rejects.toThrow('RAPPORT_TESTKIT_CONFIG');
  });

  describe('in random worlds', () => {
    const people = defineMetric({
      ...about,
      id: 'people',
      unit: 'count',
      range: [0, null],
      subjects: ['account'],
      parts: { rating: { description: 'Mean rating' } },
      measures: () => ({ people: distinct('user', {}, last('9d')), rating: mean('rating', {}, last('9d')) }),
      compute: ({ people, rating }) => ({ value: people, parts: { rating } }),
    });
    const config: Partial<Config> = {
      window: '1w',
      components: {
        a: { weight: 33.3, target: 7 },
        'people.rating': {
          weight: 33.3,
          scale: [
            [-1, 0.1],
            [3, 7],
            [3.3, 2],
          ],
        },
        people: { weight: 23.3, target: 3 },
        'uses:pro': { weight: 10.1, target: 3 },
      },
      sets: [
        { name: 'new', when: { stage: 'new', 'trait.plan': ['pro', 'free'] }, components: { a: { target: 3 } } },
        {
          name: 'old',
          when: { 'trait.plan': 'free' },
          components: { a: { weight: 0 }, people: { weight: 56.6, target: 1 / 3 } },
        },
      ],
    };

    /** The definition, spelt out. */
    function oracle(subject: OracleSubject, { components, missing, sets, window }: Config): OracleAnswer {
      const { asOf, calendar, events, traits } = subject;
      if (events.length === 0) return { value: null, reason: 'no-data' };
      const set = sets.find(({ when }) =>
        Object.entries(when).every(([name, wanted]) => {
          const found = name.startsWith('trait.') ? traits[name.slice('trait.'.length)] : subject.profile(name);
          return typeof found === 'string' && [wanted].flat().includes(found);
        }),
      );
      const points: Record<string, number> = {};
      const absent: string[] = [];
      let [all, present, total] = [0, 0, 0];
      for (const [fact, base] of Object.entries(components)) {
        const over = set?.components[fact] ?? {};
        const weight = over.weight ?? base.weight;
        const [id = '', part] = fact.split('.');
        const value = part === undefined ? subject.metric(id).value : subject.metric(id).part(part);
        const target = over.target ?? base.target;
        const scale = target === undefined ? (over.scale ?? base.scale ?? []) : ([[0, 0], [target, 10]] as const); // prettier-ignore
        if (value !== null) points[fact] = interpolated(scale, value);
        if (weight === 0) continue;
        all += weight;
        if (value === null) absent.push(fact);
        else {
          present += weight;
          total += weight * (points[fact] ?? NaN);
        }
      }
      const n = Object.keys(points).length;
      const firstDay = calendar.dayOf(asOf - 1) - (window === '1w' ? 7 : 30) + 1;
      const parts = {
        points,
        missing: absent,
        coverage: (present / all) * 100,
        events: events.filter(({ time }) => calendar.dayOf(time) >= firstDay).length,
        set: set?.name ?? 'default',
      };
      if (present === 0 || (missing === 'null' && absent.length > 0)) return { value: null, reason: 'no-data', parts };
      const value = (total / (missing === 'zero' ? all : present)) * 10;
      return { value, reason: null, parts, ...(set?.name === 'old' ? {} : { n }) };
    }
    function interpolated(scale: readonly (readonly [number, number])[], value: number): number {
      const after = scale.findIndex(([x]) => x >= value);
      if (after === -1) return scale.at(-1)?.[1] ?? NaN;
      const [x1, y1] = scale[after] ?? [NaN, NaN];
      const [x0, y0] = scale[after - 1] ?? [x1 - 1, y1];
      return y0 + (y1 - y0) * ((value - x0) / (x1 - x0));
    }

    const world = {
      metrics: { a: stated('a'), people, uses },
      scopes: { pro: { where: { property: 'area', operator: 'equal', value: 'pro' } } },
      profiles: { stage: [{ id: 'new', when: { fact: 'tenure', operator: 'lessThan', value: 9 } }] },
      properties: { rating: [0, 1, 2, 3, 3.1, 3.3, 5, null, 'a'], area: ['pro', 'free'] },
      traits: { plan: ['pro', 'free', null], a: [-1, 0, 1, 2.2, 3, 6.9, 7, 100, 'a', null] },
    } as const;

    it('agrees with the definition, adds up exactly, and keeps its contract', async () => {
      await checkMetric(score, { ...world, oracle, config, runs: 25 });
    });

    it.each(['zero', 'null'] as const)('does so where what is missing makes it %s', async (missing) => {
      await checkMetric(score, { ...world, oracle, config: { ...config, missing }, runs: 15, stores: [] });
    });
  });
});
