import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { valueAt, type Level, type ResultFrame } from '@rapport/store';
import { DAY, engineOver, group, JUNE, metricCode, pluginFolder, track } from './plugin-packages.test.fixture.js';
import type { Evaluation } from './measurement/evaluation.js';
import type { Engine } from './engine.js';

const frameOf = (evaluation: Evaluation, kind: Level['kind'], by?: string): ResultFrame => {
  const frame = evaluation.frames.find(
    ({ level }) => level.kind === kind && (level.kind === 'portfolio' ? level.by : undefined) === by,
  );
  if (!frame) throw new Error(`no frame ${kind}`);
  return frame;
};
/** A column as an object by subject. */
const by = (frame: ResultFrame, name: string): Record<string, unknown> => {
  const column = frame.columns[name];
  if (!column) throw new Error(`no column ${name}`);
  return Object.fromEntries(frame.subjects.map((subject, i) => [subject, valueAt(column, i)]));
};

const accounts = ['a', 'b', 'c', 'd'];
const calls = [
  ...accounts.flatMap((account, n) =>
    Array.from({ length: n + 1 }, (_, k) =>
      track(account, JUNE - (k + 1) * DAY, { properties: { feature: `f${String(k % 2)}`, amount: k } }),
    ),
  ),
  group('a', JUNE - 60 * DAY, { plan: 'pro' }),
  group('b', JUNE - 60 * DAY, { plan: 'pro' }),
  group('c', JUNE - 60 * DAY, { plan: 'free' }),
];
const eventsOf = `{ node: 'count', filter: {}, window: { kind: 'last', days: 30 } }`;

describe('evaluation', () => {
  const folder = pluginFolder();
  let engine: Engine;
  let evaluation: Evaluation;
  beforeAll(async () => {
    const { add } = folder;
    add('metric', 'events', {
      code: metricCode('events', {
        subjects: `['account', 'portfolio']`,
        parts: `{ class: { type: 'text', description: 'x' }, twice: { description: 'x' } }`,
        compute: `({ events }) => ({ value: events, n: events, parts: { class: events > 2 ? 'many' : 'few', twice: 2 * events } })`,
      }),
    });
    add('metric', 'double', {
      code: metricCode('double', {
        uses: `() => ['events', 'sometimes']`,
        measures: '() => ({})',
        compute: `(_, { metric }) => metric('sometimes').value === null ? { noData: 'no-data' } : { value: metric('events').value + metric('events').part('twice') / 2 + (metric('events').part('class') ?? 0) }`,
      }),
    });
    add('metric', 'sometimes', {
      code: metricCode('sometimes', {
        compute: `({ events }, { subject }) => { if (subject.id === 'b') throw new Error('not b'); return { value: events }; }`,
      }),
    });
    add('metric', 'nonsense', {
      code: metricCode('nonsense', {
        range: '[0, 10]',
        parts: `{ known: { description: 'x' } }`,
        compute: `({ events }, { subject }) => ({ a: { value: NaN }, b: { value: 11 }, c: { value: 1, parts: { known: 1, unknown: 2 } }, d: { value: 10.000000001, parts: { known: 3 } } })[subject.id]`,
      }),
    });
    add('metric', 'pending', {
      code: metricCode('pending', {
        parts: `{ soFar: { description: 'x' } }`,
        compute: `({ events }) => ({ noData: 'pending', parts: { soFar: events } })`,
      }),
    });
    add('metric', 'features', {
      code: metricCode('features', {
        measures: `() => ({ by: { node: 'countByKey', key: { property: 'feature' }, of: 'events', filter: {}, window: { kind: 'lifetime' } }, days: { node: 'series', of: 'events', filter: {}, window: { kind: 'last', days: 2 } } })`,
        parts: `{ counts: { type: 'table', description: 'x' }, names: { type: 'list', description: 'x' } }`,
        compute: `({ by, days }) => ({ value: by.size + 10 * days.size, parts: { counts: Object.fromEntries([...by].reverse()), names: [...by.keys()].filter((key) => by.has(key) && by.get(key) > 0) } })`,
      }),
    });
    add('metric', 'largest', {
      code: metricCode('largest', {
        measures: `() => ({ most: { node: 'fold', reducer: 'most', properties: ['amount'], filter: {}, window: { kind: 'lifetime' } } })`,
        folds: `[{ name: 'most', initial: () => null, step: (state, { properties }) => { if (properties.amount === 3) throw new Error('three'); return Math.max(state ?? 0, properties.amount); }, done: (state) => state }]`,
        compute: `({ most }) => most === null ? { noData: 'no-data' } : { value: most }`,
      }),
    });
    add('metric', 'reduced', {
      code: metricCode('reduced', {
        subjects: `['portfolio']`,
        parts: `{ accounts: { description: 'x' } }`,
        compute: `() => { throw new Error('never'); }`,
        portfolio: `(rows) => { let value = 0, accounts = 0; for (const { events } of rows) { value += events; accounts++; } return { value, parts: { accounts } }; }`,
      }),
    });
    add('metric', 'hangs', {
      code: metricCode('hangs', {
        compute: `({ events }, { subject }) => { if (subject.id === 'c') for (;;); return { value: 1 }; }`,
      }),
    });
    add('metric', 'allocates', {
      code: metricCode('allocates', {
        compute: `() => { const kept = []; for (;;) kept.push(kept.length); }`,
      }),
    });
    add('metric', 'undeclared-use', {
      code: metricCode('undeclared-use', { compute: `(_, { metric }) => metric('events')` }),
    });
    add('metric', 'exits', { code: metricCode('exits', { compute: `() => process.exit(1)` }) });
    add('metric', 'last', { code: metricCode('last') });
    engine = await engineOver(folder, { limits: { metricMs: 6000, memoryMb: 96, metricFailures: 3 } });
    expect(engine.refused).toEqual([]);
    expect(await engine.ingest(calls)).toMatchObject({ accepted: calls.length, refused: [] });
    evaluation = await engine.evaluate({
      levels: [{ kind: 'account' }, { kind: 'portfolio' }, { kind: 'portfolio', by: 'plan' }],
    });
  });
  afterAll(async () => {
    await engine.close();
    folder.remove();
  });

  const failure = (metric: string) => evaluation.failures.filter((failed) => failed.metric === metric);

  it('gives a column per value, sample, reason and part', () => {
    const frame = frameOf(evaluation, 'account');
    expect(frame.subjects).toEqual(accounts);
    expect(by(frame, 'events')).toEqual({ a: 1, b: 2, c: 3, d: 4 });
    expect(by(frame, 'events.n')).toEqual({ a: 1, b: 2, c: 3, d: 4 });
    expect(by(frame, 'events.reason')).toEqual({ a: null, b: null, c: null, d: null });
    expect(by(frame, 'events.class')).toEqual({ a: 'few', b: 'few', c: 'many', d: 'many' });
    expect(by(frame, 'events.twice')).toEqual({ a: 2, b: 4, c: 6, d: 8 });
  });

  it('keeps the parts of a metric that has no value yet', () => {
    const frame = frameOf(evaluation, 'account');
    expect(by(frame, 'pending')).toEqual({ a: null, b: null, c: null, d: null });
    expect(by(frame, 'pending.reason')).toEqual({ a: 'pending', b: 'pending', c: 'pending', d: 'pending' });
    expect(by(frame, 'pending.soFar')).toEqual({ a: 1, b: 2, c: 3, d: 4 });
  });

  it('shows maps to compute, and takes tables and lists back', () => {
    const frame = frameOf(evaluation, 'account');
    expect(by(frame, 'features')).toEqual({ a: 11, b: 22, c: 22, d: 22 });
    expect(by(frame, 'features.counts')).toEqual({ a: new Map([['f0', 1]]), b: new Map([['f0', 1], ['f1', 1]]), c: new Map([['f0', 2], ['f1', 1]]), d: new Map([['f0', 2], ['f1', 2]]) }); // prettier-ignore
    expect(by(frame, 'features.names')).toEqual({ a: ['f0'], b: ['f0', 'f1'], c: ['f0', 'f1'], d: ['f0', 'f1'] });
  });

  it('isolates a metric that throws to the subject, and tells metrics that use it', () => {
    const frame = frameOf(evaluation, 'account');
    expect(by(frame, 'sometimes')).toEqual({ a: 1, b: null, c: 3, d: 4 });
    expect(by(frame, 'sometimes.reason')).toEqual({ a: null, b: 'error', c: null, d: null });
    expect(failure('sometimes')).toEqual([
      {
        metric: 'sometimes',
        code: 'RAPPORT_METRIC_THREW',
        message: expect.stringContaining('account "b": Error: not b') as unknown,
        subjects: 1,
      },
    ]);
    expect(by(frame, 'double')).toEqual({ a: 2, b: null, c: 6, d: 8 });
  });

  it('refuses values that are no number, out of range, or with a part that is not declared', () => {
    const frame = frameOf(evaluation, 'account');
    expect(by(frame, 'nonsense')).toEqual({ a: null, b: null, c: null, d: null });
    expect(by(frame, 'nonsense.known')).toEqual({ a: null, b: null, c: null, d: null });
    expect(by(frame, 'nonsense.reason')).toMatchObject({ a: 'invalid-value', b: 'invalid-value', c: 'invalid-value' });
    expect(failure('nonsense')[0]).toMatchObject({ code: 'RAPPORT_METRIC_INVALID_VALUE', subjects: 3 });
  });

  it('switches a metric off that fails for too many subjects in a row', () => {
    const frame = frameOf(evaluation, 'account');
    expect(by(frame, 'nonsense.reason')['d']).toBe('switched-off');
    expect(failure('nonsense')[1]).toMatchObject({ code: 'RAPPORT_METRIC_SWITCHED_OFF', subjects: 1 });
  });

  it('streams folds, and isolates a reducer that throws to the subject', () => {
    const frame = frameOf(evaluation, 'account');
    // Amounts fall towards the past: the subject's earliest event carries the greatest.
    expect(by(frame, 'largest')).toEqual({ a: 0, b: 1, c: 2, d: null });
    expect(by(frame, 'largest.reason')['d']).toBe('error');
    expect(failure('largest')).toMatchObject([
      { code: 'RAPPORT_METRIC_THREW', message: expect.stringContaining('three') as unknown, subjects: 1 },
    ]);
  });

  it('stops a metric that hangs, runs out of memory or ends the worker, names it, and goes on with the rest', () => {
    const frame = frameOf(evaluation, 'account');
    expect(failure('hangs')).toMatchObject([{ code: 'RAPPORT_METRIC_TIMEOUT', subjects: 4 }]);
    expect(failure('allocates')).toMatchObject([{ code: 'RAPPORT_METRIC_MEMORY', subjects: 4 }]);
    expect(failure('exits')[0]?.message).toContain('RAPPORT_PLUGIN_PROCESS: process.exit()');
    expect(by(frame, 'hangs.reason')).toEqual({ a: 'timeout', b: 'timeout', c: 'timeout', d: 'timeout' });
    expect(by(frame, 'allocates.reason')['a']).toBe('memory');
    expect(by(frame, 'last')).toEqual({ a: 1, b: 2, c: 3, d: 4 });
  });

  it('tells a metric that reads another without naming it', () => {
    expect(failure('undeclared-use')[0]?.message).toContain('RAPPORT_METRIC_NOT_USED');
  });

  it('computes the portfolio from its own measures, or reduces it from accounts, also by a trait', () => {
    const whole = frameOf(evaluation, 'portfolio');
    expect(by(whole, 'events')).toEqual({ '': 10 });
    expect(by(whole, 'reduced')).toEqual({ '': 10 });
    expect(by(whole, 'reduced.accounts')).toEqual({ '': 4 });
    const plans = frameOf(evaluation, 'portfolio', 'plan');
    expect(by(plans, 'events')).toEqual({ '': 4, free: 3, pro: 3 });
    expect(by(plans, 'reduced')).toEqual({ '': 4, free: 3, pro: 3 });
    expect(by(plans, 'reduced.accounts')).toEqual({ '': 1, free: 1, pro: 2 });
    expect(Object.keys(plans.columns).filter((name) => !name.includes('.'))).toEqual(['events', 'reduced']);
  });

  it('measures accounts for a reduction even when only the portfolio is asked for', async () => {
    const { frames } = await engine.evaluate({ levels: [{ kind: 'portfolio' }], metrics: ['reduced'] });
    expect(
      frames.map(({ level, columns }) => [
        level.kind,
        Object.keys(columns)[0],
        valueAt(columns['reduced'] ?? { type: 'json', values: [] }, 0),
      ]),
    ).toEqual([['portfolio', 'reduced', 10]]);
  });

  it('gives the same answer again, and sees only what had happened by asOf', async () => {
    const metrics = ['events', 'double', 'features', 'largest'];
    const [one, two] = [await engine.evaluate({ metrics }), await engine.evaluate({ metrics })];
    expect(two.frames).toEqual(one.frames);
    const before = await engine.evaluate({ metrics, asOf: JUNE - 2 * DAY });
    expect(by(frameOf(before, 'account'), 'events')).toEqual({ b: 0, c: 1, d: 2, a: 0 });
  });

  it('says where values come from', () => {
    expect(evaluation.provenance).toMatchObject({
      zone: 'UTC',
      metrics: {
        events: {
          version: '1.0.0',
          package: '@test/metric-events',
          unit: 'count',
          origin: expect.stringMatching(/^events@1\.0\.0#/) as unknown,
        },
      },
      windows: {
        events: { events: { kind: 'days', end: JUNE } },
        reduced: { events: { kind: 'days' } },
      },
    });
  });

  it('refuses a metric that there is not', async () => {
    await expect(engine.evaluate({ metrics: ['evnets'] })).rejects.toThrow(
      /RAPPORT_EVALUATE_METRIC.*Did you mean "events"/,
    );
    await expect(engine.evaluate({ asOf: NaN })).rejects.toThrow('RAPPORT_EVALUATE_AS_OF');
  });
});

describe('planning', () => {
  it('measures what several metrics need once', async () => {
    const { planLevels } = await import('./measurement/planner.js');
    const { zone } = await import('@rapport/sdk/time');
    const metric = (id: string) => ({
      id,
      subjects: ['account'],
      uses: [],
      usesPortfolio: [],
      reducesPortfolio: false,
      measures: {
        a: JSON.parse(eventsOf.replaceAll(/(\w+):/g, '"$1":').replaceAll("'", '"')) as object,
        b: { window: { days: 7, kind: 'last' }, filter: {}, node: 'count' },
      },
    });
    const metrics = [metric('one'), metric('two')] as unknown as Parameters<typeof planLevels>[0]['metrics'];
    const {
      levels: [level],
    } = planLevels({
      metrics,
      levels: [{ kind: 'account' }],
      traits: { account: [{ trait: 'plan', as: 'text' }], user: [] },
      profiles: {},
      signupTrait: 'signupAt',
      asOf: JUNE,
      zone: zone('UTC'),
    });
    expect(level?.plan.measures).toHaveLength(3);
    expect(level?.metrics.map(({ inputs }) => inputs)).toEqual([{ a: 0, b: 1 }, { a: 0, b: 1 }]); // prettier-ignore
  });
});
