import { count, defineMetric, distinct, equal, fold, last, lifetime, noData, sum, Type } from '@rapport/sdk';
import { describe, expect, it } from 'vitest';
import { checkMetric } from './index.js';

const base = {
  title: '',
  description: '',
  source: '',
  unit: 'count',
  range: [0, null],
  subjects: ['account', 'user', 'portfolio'],
  config: Type.Object({ event: Type.String({ default: 'Paid' }) }),
  parts: { share: { description: 'Share', unit: 'ratio' } },
} as const;

const share = defineMetric({
  ...base,
  id: 'share',
  range: [0, 1],
  measures: ({ event }) => ({
    paid: count({ events: [event], where: equal('kind', 'card') }, last('30d')),
    all: count({}, last('30d')),
    users: distinct('user', {}, last('30d')),
  }),
  compute: ({ paid, all }) => (all === 0 ? noData('no-data') : { value: paid / all, n: all }),
});

describe('checkMetric', () => {
  it('passes a metric that keeps its contract', async () => {
    await checkMetric(share);
    await checkMetric(share, {
      config: { event: 'Refunded' },
      events: ['Other'],
      properties: { kind: ['card', null, 1] },
      traits: { seats: [5] },
    });
  });

  it('finds a value outside the range, and shows the smallest world', async () => {
    const broken = defineMetric({
      ...base,
      id: 'broken',
      range: [0, 5],
      measures: ({ event }) => ({ total: sum('amount', { events: [event] }, lifetime()) }),
      compute: ({ total }) => (total === null ? noData('no-data') : { value: total }),
    });
    await expect(checkMetric(broken)).rejects.toThrow(/Counterexample: .*"event":"Paid"/);
  });

  it('finds a division by zero', async () => {
    const broken = defineMetric({
      ...base,
      id: 'broken',
      measures: () => ({ all: count({ events: ['Rare'] }, last('1d')) }),
      compute: ({ all }) => ({ value: 1, parts: { share: 0 / all } }),
    });
    await expect(checkMetric(broken)).rejects.toMatchObject({ cause: { code: 'RAPPORT_TESTKIT_CONTRACT' } });
  });

  it('finds a fold that keeps its state between subjects', async () => {
    const state = { n: 0 };
    const broken = defineMetric({
      ...base,
      id: 'broken',
      measures: () => ({ n: fold<number>('count', {}, lifetime()) }),
      folds: { count: { initial: () => state, step: () => ({ n: ++state.n }), done: () => state.n } },
      compute: ({ n }) => ({ value: n }),
    });
    await expect(checkMetric(broken)).rejects.toMatchObject({
      cause: { message: expect.stringContaining('depends on the order') as string },
    });
  });

  it('finds an answer that depends on what came before', async () => {
    let calls = 0;
    const broken = defineMetric({
      ...base,
      id: 'broken',
      measures: () => ({}),
      compute: () => ({ value: Math.floor(calls++ / 2) }),
    });
    await expect(checkMetric(broken)).rejects.toThrow();
  });
});
