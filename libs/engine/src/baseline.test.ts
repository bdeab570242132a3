import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readManifest, type Store } from '@rapport/store';
import { memoryStore } from '@rapport/store-testkit';
import { openDuckdbStore } from '@rapport/store-duckdb';
import {
  actionCode,
  DAY,
  engineOver,
  group,
  JUNE,
  metricCode,
  operatorCode,
  playbookCode,
  pluginFolder,
  segmentCode,
  standingClock,
} from './plugin-packages.test.fixture.js';
import type { WorkspaceConfig } from './config.js';
import type { Engine } from './engine.js';
import type { RunOptions, RunReport } from './run.js';

const at = (fact: string, operator: string, value?: unknown) => ({
  fact,
  operator,
  ...(value === undefined ? {} : { value }),
});
const by = { author: 'ann', reason: 'a test' };
const NAMES = ['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8', 'a9'];

const scoreCode = (compute = 'score * config.factor') =>
  metricCode('score', {
    range: '[null, null]',
    config: `{ type: 'object', properties: { factor: { type: 'number', default: 1 } } }`,
    measures: `() => ({ score: { node: 'trait', name: 'score', as: 'number' } })`,
    compute: `({ score }, { config }) => score === null ? { noData: 'no-data' } : { value: ${compute} }`,
  });

describe.each(['memory', 'DuckDB'])('what we change starts nothing, on %s', { timeout: 120_000 }, (kind) => {
  let folder: ReturnType<typeof pluginFolder>;
  let store: Store;
  const clock = standingClock();
  let day: number;
  const open: Engine[] = [];

  beforeEach(async () => {
    folder = pluginFolder();
    day = 0;
    folder.add('metric', 'score', { code: scoreCode() });
    folder.add('metric', 'weighted', {
      requires: { score: '^1.0.0' },
      code: metricCode('weighted', {
        range: '[null, null]',
        uses: `() => ['score']`,
        measures: `() => ({ stage: { node: 'profile', name: 'stage' } })`,
        compute: `({ stage }, { metric }) => ({ value: (metric('score').value ?? 0) * (stage === 'small' ? 0.1 : 1) })`,
      }),
    });
    folder.add('operator', 'is-below', {
      code: operatorCode('is-below', {
        reading: `'number'`,
        value: `{ type: 'number' }`,
        examples: `[{ fact: 1, value: 2, holds: true }, { fact: 3, value: 2, holds: false }]`,
        test: '(fact, value) => fact < value',
      }),
    });
    folder.add('action', 'note', { code: actionCode('note') });
    store =
      kind === 'memory'
        ? memoryStore({ zone: 'UTC' })
        : await openDuckdbStore({ path: join(folder.root, 'w.duckdb'), zone: 'UTC' });
  });
  afterEach(async () => {
    for (const engine of open.splice(0)) await engine.close();
    await store.close();
    folder.remove();
  });

  const low = (enter: object, more: object = {}) => ({
    kind: 'segment', id: 'low', title: 'low', subject: 'account', enter, ...more,
  }); // prettier-ignore
  const file = (document: { readonly kind: string; readonly id: string }) => ({
    file: `${document.id}.json`,
    text: JSON.stringify(document),
  });
  /** Waits for whoever enters the segment `low`, or what asks for it. */
  const alarm = (segment = 'low', id = 'alarm') => ({
    kind: 'playbook', id, title: id, subject: 'account',
    trigger: { segment, on: 'enter' }, steps: [{ id: 'tell', action: 'note' }],
  }); // prettier-ignore
  const start = async (
    documents: readonly { readonly kind: string; readonly id: string }[],
    config: Partial<WorkspaceConfig> = {},
  ): Promise<Engine> => {
    const playbooks = documents.some(({ id }) => id === 'alarm') ? { alarm: { enabled: true } } : {};
    const engine = await engineOver(folder, { playbooks, ...config }, { store, clock, documents: documents.map(file) });
    expect(engine.refused).toEqual([]);
    open.push(engine);
    return engine;
  };
  /** A day passes on which scores change; then a run. */
  const next = async (engine: Engine, scores: Readonly<Record<string, number>> = {}) => {
    const asOf = JUNE + ++day * DAY;
    clock.set(asOf);
    await engine.ingest(Object.entries(scores).map(([account, score]) => group(account, asOf - 1000, { score })));
    return engine.run();
  };
  /** Ten accounts with scores 10, 20 … 100, and the first run. */
  const begin = async (engine: Engine) => {
    const report = await next(engine, Object.fromEntries(NAMES.map((name, i) => [name, (i + 1) * 10])));
    expect(report.deliveries).toBe(0);
    return report;
  };
  const moved = ({ transitions }: RunReport, segment = 'low') =>
    transitions
      .filter((move) => move.segment === segment)
      .map(({ subject, change, baseline }) => `${baseline ? 'found ' : ''}${change} ${subject}`)
      .sort();

  it('says that a first run takes everything as found', async () => {
    const report = await begin(await start([low(at('score', 'lessThan', 15)), alarm()]));
    expect(moved(report)).toEqual(['found enter a0']);
    expect(report.baselines).toEqual([
      { definition: 'low', reason: 'new', text: 'this is the first run', transitions: 1 },
    ]);
    expect(report.transitions[0]).toMatchObject({ baselineReason: 'new', baselineText: 'this is the first run' });
    expect(await store.transitions({ limit: 9 })).toEqual(report.transitions);
  });

  it('tells apart what a publish, a rollback and a republished text did from what customers did', async () => {
    const engine = await start([], { rules: { approvalShare: 1 } });
    await engine.rules.publish(low(at('score', 'lessThan', 15)), by);
    await engine.close();
    const running = await start([alarm()], { rules: { approvalShare: 1 } });
    await begin(running);
    const published = await running.rules.publish(low(at('score', 'lessThan', 45)), by);
    // One customer's score falls below both thresholds meanwhile, another's rises above both.
    const wider = await next(running, { a9: 1, a0: 99 });
    expect(moved(wider)).toEqual(['enter a9', 'exit a0', 'found enter a1', 'found enter a2', 'found enter a3']);
    expect(wider.deliveries).toBe(1);
    expect(wider.baselines).toEqual([
      {
        definition: 'low',
        reason: 'document',
        text: expect.stringMatching(/^segment\/low changed from 0\.0\.0-r\w+ to 0\.0\.0-r\w+$/) as unknown,
        transitions: 3,
      },
    ]);
    expect(wider.run.manifest.changes['low']).toMatchObject({ reason: 'document', compared: true });
    await running.rules.rollback('segment/low', 1, by);
    const back = await next(running, { a8: 2 });
    expect(moved(back)).toEqual(['enter a8', 'found exit a1', 'found exit a2', 'found exit a3']);
    expect(back.deliveries).toBe(1);
    await running.rules.rollback('segment/low', published.version.number, by);
    expect((await next(running)).deliveries).toBe(0);
    // Without the playbook that needs it, it can be retired; and comes back with the same text.
    const alone = await start([]);
    await alone.rules.retire('segment/low', by);
    expect(moved(await next(alone))).toHaveLength(5);
    await alone.rules.rollback('segment/low', published.version.number, by);
    const again = await start([alarm()]);
    const republished = await next(again);
    expect(moved(republished)).toHaveLength(5);
    expect([republished.deliveries, republished.baselines[0]?.reason]).toEqual([0, 'new']);
    // From then on customers move again.
    expect(await next(again, { a7: 3 })).toMatchObject({ deliveries: 1, baselines: [] });
  });

  it('compares with the former options of a metric, also behind segments that ask for others', async () => {
    const bands = {
      kind: 'segment', id: 'behind', title: 'x', subject: 'account', enter: at('segment.low', 'equal', true),
    }; // prettier-ignore
    const documents = [low(at('score', 'lessThan', 15)), bands, alarm('behind')];
    await begin(await start(documents));
    const report = await next(await start(documents, { metrics: { score: { factor: 0.2 } } }), { a9: 1 });
    expect(moved(report)).toEqual(['enter a9', ...NAMES.slice(1, 7).map((name) => `found enter ${name}`)]);
    expect(moved(report, 'behind')).toEqual(moved(report));
    expect(report.deliveries).toBe(1);
    expect(report.baselines).toEqual(
      ['low', 'behind'].map((definition) => ({
        definition, reason: 'configuration', text: 'the options of the metric score changed', transitions: 6,
      })), // prettier-ignore
    );
  });

  it('compares with the former profile', async () => {
    const documents = [low(at('weighted', 'lessThan', 15)), alarm()];
    const profiles = (below: number) =>
      ({ stage: [{ id: 'small', when: at('trait.score', 'lessThan', below) }] }) as const;
    await begin(await start(documents, { profiles: profiles(1) }));
    const report = await next(await start(documents, { profiles: profiles(55) }), { a9: 5 });
    expect(moved(report)).toEqual(['enter a9', ...NAMES.slice(1, 5).map((name) => `found enter ${name}`)]);
    expect(report).toMatchObject({
      deliveries: 1,
      baselines: [{ reason: 'profile', text: 'the profile stage changed', transitions: 4 }],
    });
  });

  it('takes the whole step as found where a plugin’s code is another version', async () => {
    const documents = [low({ all: [at('weighted', 'lessThan', 15), at('trait.score', 'isBelow', 90)] }), alarm()];
    await begin(await start(documents));
    folder.add('metric', 'score', { version: '1.1.0', code: scoreCode('score / 5') });
    const metric = await next(await start(documents), { a9: 1 });
    expect(moved(metric)).toEqual([...NAMES.slice(1, 7), 'a9'].map((name) => `found enter ${name}`));
    expect(metric).toMatchObject({
      deliveries: 0,
      baselines: [{ reason: 'plugin', text: 'the metric score changed from @test/metric-score@1.0.0 to @test/metric-score@1.1.0' }],
    }); // prettier-ignore
    expect(metric.run.manifest.changes['low']).toMatchObject({ compared: false });
    folder.add('operator', 'is-below', {
      version: '2.0.0',
      code: operatorCode('is-below', {
        reading: `'number'`,
        value: `{ type: 'number' }`,
        examples: `[{ fact: 1, value: 4, holds: true }, { fact: 3, value: 4, holds: false }]`,
        test: '(fact, value) => fact < value / 2',
      }),
    });
    const operator = await next(await start(documents), { a7: 1 });
    expect(moved(operator)).toEqual(
      ['found enter a7', ...NAMES.slice(4, 7).map((name) => `found exit ${name}`)].sort(),
    );
    expect(operator).toMatchObject({ deliveries: 0, baselines: [{ reason: 'operator' }] });
  });

  it('lets two hosts with different documents take turns', async () => {
    const old = await start([low(at('score', 'lessThan', 15)), alarm()]);
    const young = await start([low(at('score', 'lessThan', 45)), alarm()]);
    await begin(old);
    for (const engine of [young, old, young, old]) expect((await next(engine)).deliveries).toBe(0);
    // By both: it is the customer's doing, once.
    expect(await next(young, { a9: 1 })).toMatchObject({ deliveries: 1 });
    for (const engine of [old, young, old]) expect((await next(engine)).deliveries).toBe(0);
    // By one of the two only: nobody knows which of them counts.
    expect(await next(young, { a8: 30 })).toMatchObject({ deliveries: 0 });
  });

  it('starts playbooks for events that come late', async () => {
    const engine = await start([low(at('score', 'lessThan', 15)), alarm()]);
    await begin(engine);
    await engine.ingest([group('a9', JUNE + DAY - 500, { score: 1 })]);
    expect(await engine.run()).toMatchObject({ deliveries: 1, baselines: [], run: { asOf: JUNE + DAY } });
  });

  it('takes the step after an earlier version’s run as found', async () => {
    const engine = await start([low(at('score', 'lessThan', 15)), alarm()]);
    await engine.ingest(NAMES.map((name) => group(name, JUNE - 1000, { score: 1 })));
    const lease = await store.begin('earlier', JUNE - 1, 1000);
    const [epoch, manifest] = [await store.epoch(), readManifest({ segments: { low: { version: '1' } } })];
    await lease.commit({ asOf: JUNE - 1, epoch, manifest, frames: [], transitions: [], deliveries: [] }, JUNE - 1);
    expect(await next(engine)).toMatchObject({ deliveries: 0, baselines: [{ reason: 'software', transitions: 10 }] });
  });

  it('moves nobody for whom a metric failed, whatever the rule says of what is unknown', async () => {
    folder.add('metric', 'brittle', {
      code: metricCode('brittle', {
        range: '[null, null]',
        window: `() => ({ kind: 'last', days: 1 })`,
        measures: `() => ({ score: { node: 'trait', name: 'score', as: 'number' } })`,
        compute: `({ score }) => { if (score === 13) throw new Error('no'); return score === null ? { noData: 'no-data' } : { value: score }; }`,
      }),
    });
    const documents = [
      low(at('brittle', 'lessThan', 50), { onUnknown: 'leave' }),
      { kind: 'segment', id: 'silent', title: 'x', subject: 'account', enter: at('brittle', 'isUnknown') },
      { kind: 'segment', id: 'before', title: 'x', subject: 'account', enter: at('brittle.previous', 'isKnown') },
      alarm(),
    ];
    const engine = await start(documents);
    await begin(engine);
    const report = await next(engine, { a0: 13, a1: 99 });
    expect(moved(report)).toEqual(['exit a1']);
    expect(moved(report, 'silent')).toEqual([]);
    expect(moved(report, 'before')).toEqual(NAMES.slice(1).map((name) => `enter ${name}`));
    expect(report.segmentErrors).toEqual(
      ['low', 'before', 'silent'].map((segment) => ({
        segment, message: '"brittle" failed for some subjects, which stay where they are.',
      })), // prettier-ignore
    );
    expect(report.run.manifest).toMatchObject({
      failures: [{ metric: 'brittle', subjects: 1 }],
      segmentErrors: [{}, {}, {}],
    });
    // What the window before failed for is not unknown either.
    await next(engine, { a0: 10, a2: 13 });
    expect(moved(await next(engine, { a2: 5 }), 'before')).toEqual(['enter a0']);
    // A metric that is switched off moves nobody, and its day is not complete.
    const impatient = await start(documents, { limits: { metricFailures: 1 } });
    expect(moved(await next(impatient, { a0: 13, a3: 99 }))).toEqual([]);
    const today = JUNE / DAY + day - 1;
    const origins = await store.historyOrigins({ level: { kind: 'account' }, from: today, to: today });
    expect(origins.get(today)?.['brittle']).toMatch(/~$/);
    expect(origins.get(today)?.['score']).not.toMatch(/~$/);
  });

  it('is whole: options that would make a run partial are refused', async () => {
    const engine = await start([low(at('score', 'lessThan', 15))]);
    for (const options of [
      { subjects: ['a3'] },
      { metrics: ['score'] },
      { levels: [] },
      { configs: {} },
      { profiles: {} },
    ])
      await expect(engine.run(options as RunOptions)).rejects.toThrow('RAPPORT_RUN_OPTION');
    expect(await store.latestRun()).toBeNull();
  });

  it('stands for a day only when it began after the day’s end', async () => {
    const engine = await start([low(at('score', 'lessThan', 15))]);
    const origins = async () =>
      Object.values(
        (await store.historyOrigins({ level: { kind: 'account' }, from: 0, to: 1e6 })).get(JUNE / DAY) ?? {},
      );
    clock.set(JUNE + DAY / 2);
    await engine.ingest([group('a0', JUNE, { score: 1 })]);
    await expect(engine.run({ asOf: JUNE + DAY })).rejects.toThrow('RAPPORT_RUN_FUTURE');
    expect((await engine.run()).run.manifest.day).toEqual({ number: JUNE / DAY, complete: false });
    expect(await origins()).toEqual([expect.stringMatching(/~$/), expect.stringMatching(/~$/)]);
    clock.set(JUNE + DAY);
    const { run } = await engine.run();
    expect(run.manifest).toMatchObject({ day: { complete: true }, zone: 'UTC' });
    expect(await origins()).toEqual([expect.not.stringMatching(/~$/), expect.not.stringMatching(/~$/)]);
    const snapshot = await store.snapshot();
    expect(run.manifest.state).toBe(snapshot.state);
    await snapshot.close();
    // A run of another host, whose clock is ahead.
    const lease = await store.begin('ahead', clock.now(), 1000);
    const epoch = await store.epoch();
    await lease.commit(
      { asOf: JUNE + 2 * DAY, epoch, manifest: run.manifest, frames: [], transitions: [], deliveries: [] },
      clock.now(),
    );
    expect((await engine.run()).run.number).toBe(4);
  });
});

describe('what decides a membership', () => {
  it('is nothing that only describes', async () => {
    const { definitionsOf } = await import('./membership/definition.js');
    const folder = pluginFolder();
    folder.add('metric', 'score', { code: scoreCode() });
    folder.add('action', 'note', { code: actionCode('note') });
    folder.add('segment', 'low', { code: segmentCode('low', { enter: at('score', 'lessThan', 15) }) });
    folder.add('playbook', 'own', {
      code: playbookCode('own', { trigger: { when: at('score.slope', 'lessThan', 0) }, steps: [{ id: 'tell', action: 'note' }] }), // prettier-ignore
    });
    const engine = await engineOver(folder);
    const { definitions, inputs } = definitionsOf(engine.plugins, engine.config);
    expect(definitions['low']?.reads).toEqual([
      'accounts',
      'config/score',
      'document/segment/low',
      'metric/score',
      'software',
    ]);
    expect(definitions['playbook.own']?.reads).toContain('slopeDays');
    const others = engine.plugins.map((plugin) => {
      if (plugin.kind === 'segment')
        return { ...plugin, version: '9', document: { ...plugin.document, title: 'other' } };
      if (plugin.kind === 'playbook') return { ...plugin, enabled: true, document: { ...plugin.document, steps: [] } };
      return plugin;
    });
    expect(definitionsOf(others, { ...engine.config, hierarchy: { parent: 'owner' } })).toEqual({
      definitions,
      inputs,
    });
    await engine.close();
    folder.remove();
  });
});
