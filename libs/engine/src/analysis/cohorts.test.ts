import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDuckdbStore } from '@rapport/store-duckdb';
import { zone } from '@rapport/sdk/time';
import { type Store } from '@rapport/store';
import { DAY, engineOver, group, metricCode, pluginFolder, track } from '../plugin-packages.test.fixture.js';
import { cohorts, compareCohorts, type CohortAge } from './cohorts.js';
import type { Engine } from '../engine.js';

const at = (text: string) => Date.parse(text);
/** The instant `days` after an account's first day began, in Berlin. */
const berlin = zone('Europe/Berlin');
const inLife = (signup: string, day: number, ms = 0) => berlin.startOfDay(berlin.dayOf(at(signup)) + day) + ms;

const signups: Readonly<Record<string, string>> = {
  // 2024-01-31T23:30Z is 1 February in Berlin.
  early: '2024-01-15T10:00:00Z',
  edge: '2024-01-31T23:30:00Z',
  late: '2024-02-20T00:00:00Z',
  quiet: '2024-02-25T12:00:00Z',
  spring: '2024-04-02T08:00:00Z',
};
/** Events of one account: so many on the given day of its life (0 is the day of signing up). */
const events = (account: string, day: number, times: number, ms = 3_600_000) =>
  Array.from({ length: times }, (_, i) => ({
    ...track(account, inLife(signups[account]!, day, ms + i)),
    messageId: `${account} ${String(day)} ${String(i)} ${String(ms)}`,
  }));

describe('cohorts', () => {
  const folder = pluginFolder();
  let store: Store;
  let engine: Engine;
  beforeAll(async () => {
    folder.add('metric', 'events', {
      code: metricCode('events', {
        subjects: `['account', 'user']`,
        compute: `({ events }, { subject }) => subject.id === 'quiet' ? { noData: 'no-data' } : { value: events }`,
      }),
    });
    folder.add('metric', 'whole', { code: metricCode('whole', { subjects: `['portfolio']` }) });
    store = await openDuckdbStore({ path: join(folder.root, 'w.duckdb'), zone: 'Europe/Berlin' });
    engine = await engineOver(folder, { timeZone: 'Europe/Berlin' }, { store });
    expect(engine.refused).toEqual([]);
    const calls = [
      ...Object.entries(signups).map(([account, signupAt]) =>
        group(account, at(signupAt), {
          signupAt,
          plan: account === 'spring' ? 'pro' : 'free',
          ...(account === 'late' ? { plan: null } : {}),
        }),
      ),
      group('unknown start', at('2024-01-01'), { plan: 'free' }),
      // First month: days 0 … 29 of life. The last millisecond of day 29 counts, the first of day 30 belongs to the second month.
      ...events('early', 0, 4),
      ...events('early', 29, 1, DAY - 1),
      ...events('early', 30, 2, 0),
      ...events('edge', 3, 2),
      ...events('edge', 45, 7),
      ...events('late', 10, 4),
      ...events('quiet', 10, 100),
      ...events('spring', 1, 9),
    ];
    expect(await engine.ingest(calls)).toMatchObject({ accepted: calls.length, refused: [] });
  });
  afterAll(async () => {
    await engine.close();
    await store.close();
    folder.remove();
  });

  const shape = (ages: readonly CohortAge[]) => ages.map(({ of, n, mean, median }) => ({ of, n, mean, median }));

  it('by month of signing up: each account as of the end of its own k-th month', async () => {
    const table = await cohorts(engine, { metric: 'events', by: 'month', ages: 3, asOf: at('2024-05-15') });
    expect(table).toMatchObject({
      metric: 'events',
      version: 'events@1.0.0',
      unit: 'count',
      kind: 'account',
      since: 'signupAt',
      daysOfAge: 30,
      withoutStart: 1,
      failures: [],
    });
    expect(table.cohorts.map(({ cohort, size, ages }) => [cohort, size, shape(ages)])).toEqual([
      // Ends of months of `early`: 14 February, 15 March, 14 April.
      ['2024-01', 1, [
        { of: 1, n: 1, mean: 5, median: 5 },
        { of: 1, n: 1, mean: 2, median: 2 },
        { of: 1, n: 1, mean: 0, median: 0 },
      ]],
      // `late` and `quiet` signed up in the last third of February and have not reached the third month by 15 May.
      ['2024-02', 3, [
        { of: 3, n: 2, mean: 3, median: 3 },
        { of: 3, n: 2, mean: 3.5, median: 3.5 },
        { of: 1, n: 1, mean: 0, median: 0 },
      ]],
      ['2024-04', 1, [
        { of: 1, n: 1, mean: 9, median: 9 },
        { of: 0, n: 0, mean: null, median: null },
        { of: 0, n: 0, mean: null, median: null },
      ]],
    ]); // prettier-ignore
    // Two values, 2 and 4: mean 3, standard error 1, t(0.975; 1) = 12.7062.
    const interval = table.cohorts[1]!.ages[0]!.interval!;
    expect(interval[0]).toBeCloseTo(3 - 12.7062, 3);
    expect(interval[1]).toBeCloseTo(3 + 12.7062, 3);
    expect(table.cohorts[0]!.ages[0]!.interval).toBeNull();
  });

  it('reach an age at the very instant that its last day ends, and not a millisecond before', async () => {
    const end = inLife(signups['spring']!, 30);
    for (const [asOf, of] of [
      [end - 1, 0],
      [end, 1],
    ] as const) {
      const table = await cohorts(engine, { metric: 'events', by: 'month', ages: 1, asOf, cohorts: ['2024-04'] });
      expect(table.cohorts.map(({ ages }) => ages[0]!.of)).toEqual([of]);
    }
  });

  it('by quarter, week and trait', async () => {
    const labels = async (by: Parameters<typeof cohorts>[1]['by']) =>
      (await cohorts(engine, { metric: 'events', by, ages: 1, asOf: at('2024-05-15') })).cohorts.map(
        ({ cohort, size }) => [cohort, size],
      );
    expect(await labels('quarter')).toEqual([['2024-Q1', 4], ['2024-Q2', 1]]); // prettier-ignore
    expect(await labels('week')).toEqual([['2024-W03', 1], ['2024-W05', 1], ['2024-W08', 2], ['2024-W14', 1]]); // prettier-ignore
    expect(await labels({ trait: 'plan' })).toEqual([['', 1], ['free', 3], ['pro', 1]]); // prettier-ignore
  });

  it('of users go by the users’ own traits', async () => {
    const began = '2024-02-25T12:00:00Z';
    await engine.ingest([
      { type: 'identify', messageId: 'i', timestamp: began, userId: 'user of late', traits: { firstSeenAt: began } },
    ]);
    const options = {
      metric: 'events',
      kind: 'user',
      by: 'month',
      since: 'firstSeenAt',
      asOf: at('2024-05-15'),
    } as const;
    const { cohorts: found, withoutStart } = await cohorts(engine, { ...options, ages: 2 });
    // Four events on 1 March: within 25 February … 25 March, and not within the 30 days after.
    expect(found.map(({ cohort, size, ages }) => [cohort, size, ages.map(({ mean }) => mean)])).toEqual([
      ['2024-02', 1, [4, 0]],
    ]);
    expect(withoutStart).toBe(0);
  });

  it('are compared at the same age, with Welch’s interval', async () => {
    const table = await cohorts(engine, { metric: 'events', by: { trait: 'plan' }, ages: 6, asOf: at('2024-05-15') });
    const { ages } = compareCohorts(table, 'free', 'pro');
    // The pro account is six weeks old: there is nothing to compare later.
    expect(ages.map(({ age, difference, interval }) => [age, difference, interval])).toEqual([[1, 9 - 3.5, null]]);
    expect(() => compareCohorts(table, 'free', 'por')).toThrow(/RAPPORT_ANALYSIS_COHORT.*Did you mean "pro"/);
  });

  it('of two accounts each that are all alike are too few to tell', async () => {
    const small = await engineOver(folder, {});
    const began: Readonly<Record<string, string>> = {
      b1: '2025-02-05T00:00:00Z',
      b2: '2025-02-06T00:00:00Z',
      c1: '2025-03-05T00:00:00Z',
      c2: '2025-03-06T00:00:00Z',
    };
    try {
      await small.ingest(
        Object.entries(began).flatMap(([account, signupAt]) => [
          group(account, at(signupAt), { signupAt }),
          ...Array.from({ length: account.startsWith('c') ? 2 : 1 }, (_, i) =>
            track(account, at(signupAt) + 2 * DAY + i),
          ),
        ]),
      );
      const table = await cohorts(small, { metric: 'events', by: 'month', ages: 1, asOf: at('2025-06-01') });
      expect(table.cohorts.map(({ ages }) => ages[0])).toMatchObject([
        { n: 2, mean: 1, interval: null },
        { n: 2, mean: 2, interval: null },
      ]);
      expect(compareCohorts(table, '2025-02', '2025-03').ages).toMatchObject([{ difference: 1, interval: null }]);
    } finally {
      await small.close();
    }
  });

  it('say how far they are', async () => {
    const seen: string[] = [];
    await cohorts(engine, {
      metric: 'events',
      by: 'month',
      ages: 1,
      asOf: at('2024-05-15'),
      onProgress: (done, total) => seen.push(`${String(done)}/${String(total)}`),
    });
    expect(seen).toEqual(['0/5', '1/5', '2/5', '3/5', '4/5', '5/5']);
  });

  it.each([
    [{ metric: 'event' }, 'RAPPORT_EVALUATE_METRIC'],
    [{ metric: 'whole' }, 'RAPPORT_ANALYSIS_SUBJECT'],
    [{ ages: 0 }, 'RAPPORT_ANALYSIS_OPTION'],
    [{ ages: 1.5 }, 'RAPPORT_ANALYSIS_OPTION'],
    [{ since: 'signedUpAt' }, 'RAPPORT_ANALYSIS_TRAIT'],
    [{ by: { trait: 'pan' } }, 'RAPPORT_ANALYSIS_TRAIT'],
    [{ cohorts: ['2024-13'] }, 'RAPPORT_ANALYSIS_COHORT'],
  ])('refuse %j with %s', async (wrong, code) => {
    const options = { metric: 'events', by: 'month', asOf: at('2024-05-15'), ...wrong } as const;
    await expect(cohorts(engine, options)).rejects.toThrow(code);
  });
});
