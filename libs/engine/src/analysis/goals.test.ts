import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '@rapport/store';
import { openDuckdbStore } from '@rapport/store-duckdb';
import { DAY, engineOver, JUNE, metricCode, pluginFolder, track } from '../plugin-packages.test.fixture.js';
import type { Goal } from './goal.js';
import { goalsFor, goalsReport } from './goals.js';
import type { Engine } from '../engine.js';

/** Half of the time is over on 1 June. */
const year: Pick<Goal, 'from' | 'by'> = { from: '2026-05-02', by: '2026-06-30' };
const goals: readonly Goal[] = [
  { ...year, metric: 'events', subject: 'account', baseline: 0, target: 4, benchmark: 3, label: 'Four a month' },
  { ...year, metric: 'events', subject: 'account', id: 'b', baseline: 0, target: 10 },
  { ...year, metric: 'events', baseline: 10, target: 8 },
  { ...year, metric: 'evens', baseline: 1, target: 2 },
  { ...year, metric: 'events', subject: 'user', id: 'u', baseline: 1, target: 2 },
  { ...year, metric: 'events', subject: 'account', id: 'z', baseline: 1, target: 2 },
  { ...year, metric: 'silent', subject: 'account', id: 'a', baseline: 1, target: 2 },
];

describe('goals', () => {
  const folder = pluginFolder();
  let store: Store;
  let engine: Engine;
  beforeAll(async () => {
    folder.add('metric', 'events', { code: metricCode('events', { subjects: `['account', 'portfolio']` }) });
    folder.add('metric', 'silent', { code: metricCode('silent', { compute: `() => ({ noData: 'no-data' })` }) });
    store = await openDuckdbStore({ path: join(folder.root, 'w.duckdb'), zone: 'UTC' });
    engine = await engineOver(folder, { goals }, { store });
    // Account a has one event, b two, … e five.
    await engine.ingest(
      ['a', 'b', 'c', 'd', 'e'].flatMap((account, n) =>
        Array.from({ length: n + 1 }, (_, day) => track(account, JUNE - (day + 1) * DAY)),
      ),
    );
  });
  afterAll(async () => {
    await engine.close();
    await store.close();
    folder.remove();
  });

  it('have no report before the first run', async () => {
    expect(await goalsReport(engine)).toBeNull();
  });

  it('are reported by the latest run, each with what is wrong with it', async () => {
    await engine.run({ asOf: JUNE });
    const report = (await goalsReport(engine))!;
    expect(report).toMatchObject({ run: 1, asOf: '2026-06-01T00:00:00.000Z' });
    expect(report.goals).toMatchObject([
      // Half of the way at half of the time: a has a quarter, b a half, c three quarters, d and e all of it.
      {
        label: 'Four a month',
        kind: 'account',
        subjects: 5,
        statuses: { behind: 1, 'on-track': 2, reached: 2, missed: 0, unknown: 0 },
        reason: null,
      },
      { label: 'events', id: 'b', value: 2, status: 'behind', progress: 0.2, expected: 0.5, daysLeft: 30 },
      { kind: 'portfolio', id: '', value: 15, status: 'behind', progress: -2.5 },
      { status: 'unknown', reason: expect.stringContaining('Did you mean "events"?') as string },
      { status: 'unknown', reason: 'events is a metric of account, portfolio only.' },
      { status: 'unknown', reason: 'run 1 knows no account "z".' },
      { status: 'unknown', reason: 'no-data' },
    ]);
  });

  it('of one subject are its own and those that all have', () => {
    const of = (id: string, value: number | null) =>
      goalsFor(engine, {
        kind: 'account',
        id,
        asOf: JUNE,
        metrics: [{ metric: 'events', value, reason: value === null ? 'no-data' : null }],
      });
    expect(of('b', 2)).toMatchObject([
      { label: 'Four a month', kind: 'account', id: 'b', value: 2, status: 'on-track', aboveBenchmark: -1 },
      { label: 'events', status: 'behind' },
    ]);
    expect(of('c', null)).toMatchObject([{ status: 'unknown', reason: 'no-data', aboveBenchmark: null }]);
    expect(goalsFor(engine, { kind: 'user', id: 'someone', asOf: JUNE, metrics: [] })).toEqual([]);
  });
});
