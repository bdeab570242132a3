import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '@rapport/store';
import { openDuckdbStore } from '@rapport/store-duckdb';
import { DAY, engineOver, group, JUNE, metricCode, pluginFolder, track } from './plugin-packages.test.fixture.js';
import type { EvaluateOptions, Evaluation } from './measurement/evaluation.js';
import type { Engine } from './engine.js';

const HOUR = 3_600_000;
const accounts = Array.from({ length: 30 }, (_, i) => `account-${String(i)}`);
const calls = accounts.flatMap((account, i) => [
  group(account, JUNE - 60 * DAY, { plan: i % 3 ? 'pro' : 'free' }),
  ...Array.from({ length: 1 + (i % 7) }, (_, k) =>
    track(account, JUNE - (k + 1) * 3 * DAY, {
      properties: { feature: `f${String(k % 2)}`, amount: (i * 7 + k) % 11 },
    }),
  ),
]);

/** An evaluation as text, its numbers byte for byte; without how long it took. */
const written = (evaluation: Evaluation): string =>
  JSON.stringify({ ...evaluation, timings: null }, (_, value: unknown) => {
    if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
    return value instanceof Map ? [...value] : value;
  });

describe('evaluations at once', () => {
  const folder = pluginFolder();
  const data = mkdtempSync(join(tmpdir(), 'rapport-concurrent-'));
  const opened: Engine[] = [];
  let store: Store;
  const open = async (config: Parameters<typeof engineOver>[1]): Promise<Engine> => {
    const engine = await engineOver(folder, config, { store });
    expect(engine.refused).toEqual([]);
    opened.push(engine);
    return engine;
  };

  beforeAll(async () => {
    const { add } = folder;
    add('metric', 'events', { code: metricCode('events', { subjects: `['account', 'user', 'portfolio']` }) });
    add('metric', 'scaled', {
      code: metricCode('scaled', {
        config: `{ type: 'object', properties: { factor: { type: 'integer', default: 1 } } }`,
        uses: `() => ['events']`,
        usesPortfolio: `() => ['events']`,
        measures: '() => ({})',
        compute: `(_, { metric, portfolio, config }) => ({ value: config.factor * metric('events').value / portfolio('events').value })`,
      }),
    });
    add('metric', 'features', {
      code: metricCode('features', {
        measures: `() => ({ by: { node: 'countByKey', key: { property: 'feature' }, of: 'events', filter: {}, window: { kind: 'lifetime' } } })`,
        parts: `{ counts: { type: 'table', description: 'x' } }`,
        compute: `({ by }) => ({ value: by.size, parts: { counts: Object.fromEntries(by) } })`,
      }),
    });
    add('metric', 'largest', {
      code: metricCode('largest', {
        measures: `() => ({ most: { node: 'fold', reducer: 'most', properties: ['amount'], filter: {}, window: { kind: 'lifetime' } } })`,
        folds: `[{ name: 'most', initial: () => null, step: (state, { properties }) => Math.max(state ?? 0, properties.amount), done: (state) => state }]`,
        compute: `({ most }) => most === null ? { noData: 'no-data' } : { value: most }`,
      }),
    });
    add('metric', 'reduced', {
      code: metricCode('reduced', {
        subjects: `['portfolio']`,
        portfolio: `(rows) => { let value = 0; for (const { events } of rows) value += events ** 2; return { value }; }`,
      }),
    });
    add('metric', 'classed', {
      code: metricCode('classed', {
        measures: `() => ({ tier: { node: 'profile', name: 'tier' } })`,
        parts: `{ tier: { type: 'text', description: 'x' } }`,
        compute: `({ tier }) => ({ value: tier === null ? 0 : 1, parts: { tier } })`,
      }),
    });
    add('metric', 'young', {
      code: metricCode('young', {
        compute: `({ events }, { asOf }) => { if (asOf < ${String(JUNE - 5 * DAY)}) throw new Error('too early'); return { value: events }; }`,
      }),
    });
    // Has no clock to go by: a fixed amount of work, some 0.2 s.
    add('metric', 'slow', {
      code: metricCode('slow', {
        compute: `({ events }, { subject }) => { let x = events + 1; if (subject.id === 'account-5') for (let i = 0; i < 4e7; i++) x = (Math.imul(x, 1103515245) + 12345) | 0; return { value: Math.abs(x % 1000) }; }`,
      }),
    });
    store = await openDuckdbStore({ path: join(data, 'test.duckdb'), zone: 'UTC' });
    const first = await open({});
    expect(await first.ingest(calls)).toMatchObject({ accepted: calls.length, refused: [] });
  });
  afterAll(async () => {
    for (const engine of opened) await engine.close();
    await store.close();
    folder.remove();
    rmSync(data, { recursive: true });
  });

  const metrics = ['events', 'scaled', 'features', 'largest', 'reduced', 'classed', 'young'];
  const tier = (plan: string) => [{ id: 'yes', when: { fact: 'trait.plan', operator: 'equal', value: plan } }];
  const asked: readonly EvaluateOptions[] = [
    { metrics },
    { metrics, full: true },
    { metrics, asOf: JUNE + 6 * HOUR },
    { metrics, asOf: JUNE - 8 * DAY },
    { metrics, asOf: JUNE - 20 * DAY, derived: 'all' },
    { metrics: ['events', 'reduced'] },
    { metrics: ['largest'], levels: [{ kind: 'account' }] },
    { metrics, subjects: ['account-3', 'account-17'], levels: [{ kind: 'account' }] },
    { metrics, levels: [{ kind: 'user' }, { kind: 'portfolio', by: 'plan' }] },
    { metrics, configs: { scaled: { factor: 2 } } },
    { metrics, configs: { scaled: { factor: 3 } } },
    { metrics, profiles: { tier: tier('free') } },
  ];

  it.each([1, 3])('give what they give one after the other, with %i threads', async (workers) => {
    const [alone, shared] = [
      await open({ profiles: { tier: tier('pro') } }),
      await open({ profiles: { tier: tier('pro') }, limits: { workers } }),
    ];
    const right: string[] = [];
    for (const options of asked) right.push(written(await alone.evaluate(options)));
    // Otherwise one could be taken for another.
    expect(new Set(right).size).toBe(asked.length - 1);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(asked.length - 1), { minLength: 2, maxLength: 6 }), async (chosen) => {
        const found = await Promise.all(chosen.map((i) => shared.evaluate(asked[i])));
        expect(found.map(written)).toEqual(chosen.map((i) => right[i]));
      }),
      {
        seed: workers,
        numRuns: 6,
        examples: [[[0, 0, 1, 2, 3, 4]], [[9, 10, 11, 0, 9, 10]], [[6, 0, 5, 8, 7, 6]]],
      },
    );
  });

  it('are not charged for waiting for each other', async () => {
    const only = { metrics: ['slow'], levels: [{ kind: 'account' }], full: true } as const;
    const alone = await open({ limits: { workers: 1 } });
    const taken: number[] = [];
    let right = '';
    for (let i = 0; i < 5; i++) {
      const evaluation = await alone.evaluate(only);
      right = written(evaluation);
      taken.push(evaluation.timings.computeMs);
    }
    // Enough for one, even on a machine that becomes busier; too little for the last of sixteen if it paid for the others.
    const metricMs = Math.ceil(6 * (taken.sort((a, b) => a - b)[2] ?? 0));
    const shared = await open({ limits: { workers: 1, metricMs } });
    await shared.evaluate({ ...only, metrics: ['events'] });
    const began = performance.now();
    const found = await Promise.all(Array.from({ length: 16 }, () => shared.evaluate(only)));
    expect(found.flatMap(({ failures }) => failures)).toEqual([]);
    expect(new Set(found.map(written))).toEqual(new Set([right]));
    expect(performance.now() - began).toBeGreaterThan(metricMs);
  });
});
