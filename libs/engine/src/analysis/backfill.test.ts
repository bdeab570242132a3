import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zone } from '@rapport/sdk/time';
import { valueAt, type Level, type Store } from '@rapport/store';
import { openDuckdbStore } from '@rapport/store-duckdb';
import { engineOver, metricCode, pluginFolder, standingClock, track } from '../plugin-packages.test.fixture.js';
import type { BackfillTask } from './backfill-child.test.fixture.js';
import { backfill, type BackfillOptions } from './backfill.js';
import { dateOfDay, dayOfDate } from './day.js';
import { originOf } from '../measurement/origin.js';
import { trend } from './trend.js';
import type { WorkspaceConfig } from '../config.js';
import type { Engine } from '../engine.js';

const berlin = zone('Europe/Berlin');
/** In Berlin 31 March 2024 has 23 hours. */
const FIRST = dayOfDate('2024-03-28')!;
const LAST = dayOfDate('2024-04-03')!;
const NOW = berlin.startOfDay(LAST + 3);

/** What a history holds, in words: `2024-03-28 acme 3`. */
async function historyOf(store: Store, level: Level, metric: string, from: number, to: number): Promise<string[]> {
  const days = await store.history({ level, metrics: [metric], from, to });
  return days.flatMap(({ day, subjects, metrics }) =>
    subjects.map(
      (subject, row) =>
        `${dateOfDay(day)} ${subject} ${String(valueAt(metrics[metric]!.values, row) as number | null)}`,
    ),
  );
}

describe('a backfill', () => {
  const folder = pluginFolder();
  let store: Store;
  const engines: Engine[] = [];
  const engine = async (metrics: WorkspaceConfig['metrics'] & object = {}) => {
    const made = await engineOver(
      folder,
      { timeZone: 'Europe/Berlin', limits: { metricMs: 5000 }, metrics },
      { store, clock: standingClock(NOW) },
    );
    expect(made.refused).toEqual([]);
    engines.push(made);
    return made;
  };
  const span = { from: FIRST, to: LAST, now: NOW };
  let plain: Engine;
  beforeAll(async () => {
    folder.add('metric', 'events', {
      code: metricCode('events', {
        subjects: `['account', 'portfolio']`,
        config: `{ type: 'object', properties: { times: { type: 'number', default: 1 } } }`,
        measures: `() => ({ events: { node: 'count', filter: {}, window: { kind: 'last', days: 3 } } })`,
        compute: `({ events }, { config }) => events === 0 ? { noData: 'no-data' } : { value: config.times * events }`,
      }),
    });
    folder.add('metric', 'twice', {
      requires: { events: '^1.0.0' },
      code: metricCode('twice', {
        uses: `() => ['events']`,
        measures: '() => ({})',
        compute: `(_, { metric }) => metric('events').value === null ? { noData: 'no-data' } : { value: 2 * metric('events').value }`,
      }),
    });
    folder.add('metric', 'ever', {
      code: metricCode('ever', {
        measures: `() => ({ events: { node: 'count', filter: {}, window: { kind: 'lifetime' } } })`,
      }),
    });
    store = await openDuckdbStore({ path: join(folder.root, 'w.duckdb'), zone: 'Europe/Berlin' });
    plain = await engine();
    await plain.ingest([
      // The last millisecond of the 29th and the first of the 30th; both sides of the short day; one on the last.
      track('acme', berlin.startOfDay(FIRST + 2) - 1),
      track('acme', berlin.startOfDay(FIRST + 2)),
      track('acme', berlin.startOfDay(FIRST + 4) - 1),
      track('beta', berlin.startOfDay(FIRST + 4)),
      track('beta', berlin.startOfDay(LAST + 1) - 1),
    ]);
  });
  afterAll(async () => {
    for (const made of engines) await made.close();
    await store.close();
    folder.remove();
  });

  it('gives each day the value as of its end', async () => {
    const seen: string[] = [];
    const report = await backfill(plain, {
      ...span,
      onProgress: ({ day, done, total, evaluated }) => seen.push(`${day} ${done}/${total} ${evaluated}`),
    });
    expect(report).toEqual({
      from: '2024-03-28',
      to: '2024-04-03',
      metrics: ['events', 'ever', 'twice'],
      levels: ['account', 'portfolio'],
      evaluated: 7,
      skipped: 0,
      left: 0,
      failures: [],
    });
    expect(seen[0]).toBe('2024-03-28 1/7 true');
    expect(seen.at(-1)).toBe('2024-04-03 7/7 true');
    expect(await historyOf(store, { kind: 'account' }, 'events', FIRST, LAST)).toEqual([
      '2024-03-29 acme 1',
      '2024-03-30 acme 2',
      '2024-03-31 acme 3',
      '2024-04-01 acme 2',
      '2024-04-01 beta 1',
      '2024-04-02 acme 1',
      '2024-04-02 beta 1',
      '2024-04-03 acme null',
      '2024-04-03 beta 2',
    ]);
    expect(await historyOf(store, { kind: 'portfolio' }, 'events', FIRST, FIRST + 2)).toEqual([
      '2024-03-28  null',
      '2024-03-29  1',
      '2024-03-30  2',
    ]);
    expect(await historyOf(store, { kind: 'account' }, 'twice', LAST, LAST)).toEqual([
      '2024-04-03 acme null',
      '2024-04-03 beta 4',
    ]);
  });

  it('leaves alone what is there, unless it is told otherwise', async () => {
    await plain.ingest([{ ...track('acme', berlin.startOfDay(LAST)), messageId: 'late' }]);
    expect(await backfill(plain, { ...span, from: LAST })).toMatchObject({ evaluated: 0, skipped: 1 });
    expect(await historyOf(store, { kind: 'account' }, 'events', LAST, LAST)).toContain('2024-04-03 acme null');
    expect(await backfill(plain, { ...span, from: LAST, force: true })).toMatchObject({ evaluated: 1, skipped: 0 });
    expect(await historyOf(store, { kind: 'account' }, 'events', LAST, LAST)).toContain('2024-04-03 acme 1');
  });

  it('does again what a change of configuration concerns, also through a metric that uses it, and nothing else', async () => {
    const changed = await engine({ events: { times: 10 } });
    expect(originOf(changed.plugins, 'twice')).not.toBe(originOf(plain.plugins, 'twice'));
    expect(originOf(changed.plugins, 'ever')).toBe(originOf(plain.plugins, 'ever'));
    expect(await backfill(changed, { ...span, from: LAST, metrics: ['ever'], levels: ['account'] })).toMatchObject({
      skipped: 1,
    });
    expect(await backfill(changed, { ...span, from: LAST })).toMatchObject({ evaluated: 1 });
    expect(await historyOf(store, { kind: 'account' }, 'twice', LAST, LAST)).toContain('2024-04-03 beta 40');
    const found = await trend(changed, { metric: 'events', kind: 'account', id: 'beta', from: FIRST, to: LAST });
    expect(found.points.map(({ day, value, current }) => [day, value, current])).toEqual([
      ['2024-04-01', 1, false],
      ['2024-04-02', 1, false],
      ['2024-04-03', 20, true],
    ]);
    // The points of the old configuration are not comparable, and one point has no slope.
    expect(found.slope).toEqual({ perDay: null, days: 30, points: 1 });
  });

  it('stops between two days when it is told to, and says what is left', async () => {
    const stop = new AbortController();
    const report = await backfill(plain, {
      ...span,
      force: true,
      signal: stop.signal,
      onProgress: ({ done }) => done === 2 && stop.abort(),
    });
    expect(report).toMatchObject({ evaluated: 2, left: 5 });
  });

  it('makes trends: values by day with their slope; the day of a run is not over', async () => {
    await backfill(plain, span);
    const found = await trend(plain, { metric: 'events', kind: 'account', id: 'acme', from: FIRST, to: LAST });
    expect(found.points.map(({ value }) => value)).toEqual([1, 2, 3, 2, 1, 1]);
    // x = 0 … 5 around 2.5: −2.5·1 − 1.5·2 − 0.5·3 + 0.5·2 + 1.5·1 + 2.5·1 = −2, and Σ(x − 2.5)² = 17.5.
    expect(found.slope.perDay).toBeCloseTo(-2 / 17.5, 12);
    expect(found).toMatchObject({ unit: 'count', kind: 'account', origin: originOf(plain.plugins, 'events') });

    const noon = berlin.startOfDay(LAST + 1) + 12 * 3_600_000;
    await plain.run({ asOf: noon });
    const withRun = await trend(plain, { metric: 'events', from: LAST, to: LAST + 1 });
    expect(withRun.points.map(({ day, asOf, complete, current }) => ({ day, asOf, complete, current }))).toEqual([
      { day: '2024-04-03', asOf: new Date(berlin.startOfDay(LAST + 1)).toISOString(), complete: true, current: true },
      { day: '2024-04-04', asOf: new Date(noon).toISOString(), complete: false, current: true },
    ]);
    // Once the day is over, a backfill replaces it.
    expect(await backfill(plain, { ...span, from: LAST + 1, to: LAST + 1 })).toMatchObject({ evaluated: 1 });
    expect((await trend(plain, { metric: 'events', from: LAST + 1, to: LAST + 1 })).points[0]).toMatchObject({
      complete: true,
    });
  });

  it('does not keep values of a metric that had to be stopped', async () => {
    folder.add('metric', 'hangs', { code: metricCode('hangs', { compute: '() => { for (;;); }' }) });
    const made = await engineOver(
      folder,
      { timeZone: 'Europe/Berlin', limits: { metricMs: 3000 } },
      { store, clock: standingClock(NOW) },
    );
    engines.push(made);
    const report = await backfill(made, { ...span, from: LAST, metrics: ['hangs', 'ever'], levels: ['account'] });
    expect(report.failures).toMatchObject([{ metric: 'hangs', code: 'RAPPORT_METRIC_TIMEOUT' }]);
    expect(await historyOf(store, { kind: 'account' }, 'hangs', LAST, LAST)).toEqual([]);
  });

  it.each<[Partial<BackfillOptions>, string, RegExp]>([
    [{ to: LAST + 3 }, 'RAPPORT_ANALYSIS_OPTION', /2024-04-06 is not over yet; .* is 2024-04-05/],
    [{ from: LAST + 1 }, 'RAPPORT_ANALYSIS_OPTION', /2024-04-04, is after 2024-04-03/],
    [{ from: 0, to: 40_000, now: Infinity }, 'RAPPORT_ANALYSIS_OPTION', /more than 36600 days/],
    [{ metrics: ['event'] }, 'RAPPORT_EVALUATE_METRIC', /Did you mean "ever"|Did you mean "events"/],
    [{ metrics: ['twice'], levels: ['portfolio'] }, 'RAPPORT_ANALYSIS_SUBJECT', /twice is no metric of portfolio/],
    [{ levels: ['family'] }, 'RAPPORT_ANALYSIS_OPTION', /no "hierarchy"/],
  ])('refuses %j with %s', async (wrong, code, sentence) => {
    await expect(backfill(plain, { ...span, ...wrong })).rejects.toThrow(code);
    await expect(backfill(plain, { ...span, ...wrong })).rejects.toThrow(sentence);
  });

  it.each([
    [{ metric: 'event' }, 'RAPPORT_EVALUATE_METRIC'],
    [{ metric: 'twice' }, 'RAPPORT_ANALYSIS_SUBJECT'],
    [{ kind: 'account' as const }, 'RAPPORT_ANALYSIS_OPTION'],
    [{ id: 'acme' }, 'RAPPORT_ANALYSIS_OPTION'],
    [{ from: LAST, to: FIRST }, 'RAPPORT_ANALYSIS_OPTION'],
  ])('and a trend that says %j with %s', async (wrong, code) => {
    await expect(trend(plain, { metric: 'events', from: FIRST, to: LAST, ...wrong })).rejects.toThrow(code);
  });
});

describe('a backfill that is killed', () => {
  const child = fileURLToPath(new URL('backfill-child.test.fixture.ts', import.meta.url));
  const DAYS = 12;

  /** Runs it in a process of its own; kills that with SIGKILL once so many days are done. Returns what it said. */
  const run = (task: BackfillTask, killAfter = Infinity): Promise<string[]> =>
    new Promise((resolve, reject) => {
      const started = spawn(
        process.execPath,
        ['--conditions=@rapport/source', '--import', 'tsx', child, JSON.stringify(task)],
        { cwd: fileURLToPath(new URL('../../../..', import.meta.url)) },
      );
      let [said, errors] = ['', ''];
      const lines = () => said.split('\n').filter((line) => line !== '');
      started.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (lines().length >= killAfter) started.kill('SIGKILL');
      });
      started.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
      started.on('exit', (code) => (code === 0 || killAfter < Infinity ? resolve(lines()) : reject(new Error(errors))));
    });

  it('goes on where it ended, and ends with the same history as one that was not', async () => {
    const folder = pluginFolder();
    try {
      folder.add('metric', 'events', { code: metricCode('events', { subjects: `['account', 'portfolio']` }) });
      const to = FIRST + DAYS - 1;
      const histories: string[][] = [];
      for (const kills of [[], [4, 2]]) {
        const path = join(folder.root, `${String(kills.length)}.duckdb`);
        const made = await openDuckdbStore({ path, zone: 'UTC' });
        const filling = await engineOver(folder, {}, { store: made });
        await filling.ingest(
          Array.from({ length: 60 }, (_, i) =>
            track(`account ${String(i % 7)}`, (FIRST - 20) * 86_400_000 + i * 4_000_000_0),
          ),
        );
        await filling.close();
        await made.close();
        const said: string[] = [];
        for (const after of kills) {
          const before = await run({ path, root: folder.root, from: FIRST, to }, after);
          expect(before.length).toBeGreaterThanOrEqual(after);
          said.push(...before);
        }
        const last = await run({ path, root: folder.root, from: FIRST, to });
        expect(last).toHaveLength(DAYS);
        // What was said to be done was done; at most the day that was under way was done without being said.
        const done = new Set(said.map((line) => line.split(' ')[0]));
        const skipped = last.filter((line) => line.endsWith('skipped')).length;
        expect(skipped).toBeGreaterThanOrEqual(done.size);
        expect(skipped).toBeLessThan(DAYS);

        const read = await openDuckdbStore({ path, zone: 'UTC' });
        histories.push([
          ...(await historyOf(read, { kind: 'account' }, 'events', FIRST, to)),
          ...(await historyOf(read, { kind: 'portfolio' }, 'events', FIRST, to)),
        ]);
        await read.close();
      }
      expect(histories[0]!.length).toBe(DAYS * 8);
      expect(histories[1]).toEqual(histories[0]);
    } finally {
      folder.remove();
    }
  });
});
