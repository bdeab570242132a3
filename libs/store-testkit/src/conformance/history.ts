import { describe, expect } from 'vitest';
import type { HistoryDay, HistoryStore, Level } from '@rapport/store';
import { numberColumn, valueAt } from '@rapport/store';
import type { OpenStore } from './open-store.js';
import { withStore } from './facts.js';

const account: Level = { kind: 'account' };
const DAY = 86_400_000;
const TODAY = 19_800;
const ODD = ['__proto__', 'acme', `it's "q"`, 'zeta 💼'];

/** A day with the values of metrics by subject. */
const day = (
  of: number,
  subjects: readonly string[],
  metrics: Readonly<Record<string, readonly (number | null)[]>>,
  rest: { readonly level?: Level; readonly origin?: string; readonly asOf?: number } = {},
): HistoryDay => ({
  level: rest.level ?? account,
  day: of,
  asOf: rest.asOf ?? (of + 1) * DAY,
  subjects,
  metrics: Object.fromEntries(
    Object.entries(metrics).map(([metric, values]) => [
      metric,
      { origin: rest.origin ?? `${metric}@1.0.0 c0ffee`, values: numberColumn(values) },
    ]),
  ),
});

type Query = Parameters<HistoryStore['history']>[0];

/** What a history says, a line per metric and day; in which frame of a day a metric comes is not promised. */
async function lines(store: HistoryStore, query: Partial<Query>): Promise<readonly unknown[]> {
  const days = await store.history({ level: account, metrics: ['nps', 'csat'], from: TODAY - 9, to: TODAY, ...query });
  expect(days.map((one) => one.day)).toEqual(days.map((one) => one.day).sort((a, b) => a - b));
  const found = days.flatMap((one) => {
    expect(one.level).toEqual(query.level ?? account);
    expect([...one.subjects].sort()).toEqual(one.subjects);
    return Object.entries(one.metrics).map(([metric, { origin, values }]) => ({
      day: one.day,
      metric,
      asOf: one.asOf,
      origin,
      values: new Map(one.subjects.map((subject, i) => [subject, valueAt(values, i)])),
    }));
  });
  return found.sort((a, b) => a.day - b.day || (a.metric < b.metric ? -1 : 1));
}

const line = (
  of: number,
  metric: string,
  values: Readonly<Record<string, number | null>> | readonly (readonly [string, number | null])[],
  rest: { readonly asOf?: number; readonly origin?: string } = {},
) => ({
  day: of,
  metric,
  asOf: rest.asOf ?? (of + 1) * DAY,
  origin: rest.origin ?? `${metric}@1.0.0 c0ffee`,
  values: new Map(Array.isArray(values) ? values : Object.entries(values)),
});

/** The daily history of metrics: kept until it is replaced or its subject is erased. */
export function describeHistory(open: OpenStore): void {
  const test = withStore(open);

  describe('history', () => {
    test('comes back as it was put, also after reopening', async ({ store, reopen }) => {
      await store.putHistory(
        [
          day(TODAY, ODD, { nps: [0.1, null, -100, 1 / 3], csat: [0, 1, 2, 1e15] }),
          day(TODAY - 2, ['acme', 'beta'], { nps: [null, null] }),
          day(TODAY - 1, ['acme', 'beta', 'gamma'], { nps: [-1, 300, 70_000], csat: [1, 2, 3], ces: [5, 6, 7] }),
        ],
        0,
      );
      for (const again of [false, true]) {
        const seen = again ? await reopen() : store;
        expect(await lines(seen, {})).toEqual([
          line(TODAY - 2, 'nps', { acme: null, beta: null }),
          line(TODAY - 1, 'csat', { acme: 1, beta: 2, gamma: 3 }),
          line(TODAY - 1, 'nps', { acme: -1, beta: 300, gamma: 70_000 }),
          line(TODAY, 'csat', ODD.map((subject, i) => [subject, [0, 1, 2, 1e15][i] ?? null] as const)), // prettier-ignore
          line(TODAY, 'nps', ODD.map((subject, i) => [subject, [0.1, null, -100, 1 / 3][i] ?? null] as const)), // prettier-ignore
        ]);
        expect(await lines(seen, { metrics: ['csat'], to: TODAY - 1 })).toHaveLength(1);
        expect(await lines(seen, { metrics: ['nps', 'no-such'], from: TODAY - 1, to: TODAY - 1 })).toHaveLength(1);
        expect(await lines(seen, { metrics: [] })).toEqual([]);
        expect(await lines(seen, { from: TODAY + 1, to: TODAY + 9 })).toEqual([]);
      }
    });

    test('has one frame per day for what was put together', async ({ store }) => {
      await store.putHistory([day(TODAY, ['acme', 'beta'], { nps: [1, 2], csat: [3, null] })], 0);
      const found = await store.history({ level: account, metrics: ['csat', 'nps'], from: TODAY, to: TODAY });
      expect(found.map(({ metrics }) => Object.keys(metrics).sort())).toEqual([['csat', 'nps']]);
    });

    test('is replaced metric by metric', async ({ store, reopen }) => {
      await store.putHistory([day(TODAY, ['acme', 'beta'], { nps: [1, 2], csat: [3, 4] })], 0);
      await store.putHistory(
        [day(TODAY, ['acme', 'gamma'], { nps: [5, null] }, { origin: 'nps@2.0.0 c0ffee', asOf: TODAY * DAY + 1 })],
        0,
      );
      const expected = [
        line(TODAY, 'csat', { acme: 3, beta: 4 }),
        line(TODAY, 'nps', { acme: 5, gamma: null }, { origin: 'nps@2.0.0 c0ffee', asOf: TODAY * DAY + 1 }),
      ];
      expect(await lines(store, {})).toEqual(expected);
      expect(await lines(await reopen(), {})).toEqual(expected);
    });

    test('takes the last of two answers put at once', async ({ store }) => {
      await store.putHistory([day(TODAY, ['acme'], { nps: [1] }), day(TODAY, ['acme'], { nps: [2] })], 0);
      expect(await lines(store, {})).toEqual([line(TODAY, 'nps', { acme: 2 })]);
    });

    test('of one subject is that subject’s alone', async ({ store }) => {
      await store.putHistory(
        [
          day(TODAY - 2, ['acme', 'beta'], { nps: [1, null], csat: [7, 8] }),
          day(TODAY - 1, ['acme'], { nps: [3] }),
          day(TODAY, ['acme', 'beta'], { nps: [4, 5] }),
          day(TODAY, ['acme'], { csat: [6] }),
        ],
        0,
      );
      expect(await lines(store, { subject: 'beta' })).toEqual([
        line(TODAY - 2, 'csat', { beta: 8 }),
        line(TODAY - 2, 'nps', { beta: null }),
        line(TODAY, 'nps', { beta: 5 }),
      ]);
      expect(await lines(store, { subject: 'nobody' })).toEqual([]);
      expect(await lines(store, { subject: 'beta', level: { kind: 'user' } })).toEqual([]);
    });

    test('is kept per level', async ({ store }) => {
      const levels: readonly Level[] = [
        account,
        { kind: 'user' },
        { kind: 'portfolio' },
        { kind: 'portfolio', by: 'plan' },
        { kind: 'portfolio', by: 'parent' },
        { kind: 'family', parent: 'parent' },
      ];
      await store.putHistory(
        levels.map((level, i) => day(TODAY, ['', 'x'], { nps: [i, -i - 1] }, { level })),
        0,
      );
      for (const [i, level] of levels.entries())
        expect(await lines(store, { level })).toEqual([line(TODAY, 'nps', { '': i, x: -i - 1 })]);
    });

    test('says of what origin it is, without the values', async ({ store, reopen }) => {
      await store.putHistory(
        [
          day(TODAY - 1, ['acme'], { nps: [1], csat: [2] }),
          day(TODAY, ['acme'], { nps: [1] }, { origin: 'nps@2.0.0 c0ffee' }),
          day(TODAY, [], { csat: [] }),
          day(TODAY - 5, ['ann'], { nps: [1] }, { level: { kind: 'user' } }),
        ],
        0,
      );
      const expected = new Map([
        [TODAY - 1, { nps: 'nps@1.0.0 c0ffee', csat: 'csat@1.0.0 c0ffee' }],
        [TODAY, { nps: 'nps@2.0.0 c0ffee', csat: 'csat@1.0.0 c0ffee' }],
      ]);
      const seen = await reopen();
      expect(await seen.historyOrigins({ level: account, from: TODAY - 9, to: TODAY })).toEqual(expected);
      expect([...(await seen.historyOrigins({ level: account, from: TODAY - 1, to: TODAY - 1 })).keys()]).toEqual([TODAY - 1]); // prettier-ignore
      expect(await lines(seen, { metrics: ['csat'], from: TODAY })).toEqual([line(TODAY, 'csat', {})]);
    });

    test('holds many subjects', async ({ store }) => {
      const subjects = Array.from({ length: 10_000 }, (_, i) => `account-${String(i).padStart(6, '0')}`);
      const values = subjects.map((_, i) => (i % 7 === 0 ? null : i / 7));
      await store.putHistory([day(TODAY, subjects, { nps: values }), day(TODAY - 1, subjects.slice(1, 9000), { nps: values.slice(1, 9000) })], 0); // prettier-ignore
      const [before, today] = await store.history({ level: account, metrics: ['nps'], from: TODAY - 1, to: TODAY });
      expect(before?.subjects).toEqual(subjects.slice(1, 9000));
      expect(today?.subjects).toEqual(subjects);
      expect(today?.metrics['nps']?.values).toEqual(numberColumn(values));
      expect(await lines(store, { subject: 'account-009999' })).toEqual([line(TODAY, 'nps', { 'account-009999': 9999 / 7 })]); // prettier-ignore
    });

    test('forgets an erased subject', async ({ store, reopen }) => {
      const family: Level = { kind: 'family', parent: 'parent' };
      await store.putHistory(
        [
          day(TODAY - 1, ['acme', 'beta'], { nps: [1, 2] }),
          day(TODAY, ['acme'], { nps: [3] }),
          day(TODAY, ['acme', 'ann'], { nps: [4, 5] }, { level: { kind: 'user' } }),
          day(TODAY, ['acme', 'beta'], { nps: [6, 7] }, { level: family }),
          day(TODAY, ['acme'], { nps: [8] }, { level: { kind: 'portfolio', by: 'plan' } }),
        ],
        0,
      );
      await store.erase({ kind: 'account', id: 'acme' });
      for (const again of [false, true]) {
        const seen = again ? await reopen() : store;
        expect(await lines(seen, { to: TODAY - 1 })).toEqual([line(TODAY - 1, 'nps', { beta: 2 })]);
        expect(await lines(seen, { subject: 'acme' })).toEqual([]);
        expect(await lines(seen, { level: { kind: 'user' } })).toEqual([line(TODAY, 'nps', { acme: 4, ann: 5 })]);
        expect(await lines(seen, { level: family })).toEqual([line(TODAY, 'nps', { beta: 7 })]);
        expect(await lines(seen, { level: { kind: 'portfolio', by: 'plan' } })).toEqual([line(TODAY, 'nps', { acme: 8 })]); // prettier-ignore
      }
    });
  });
}
