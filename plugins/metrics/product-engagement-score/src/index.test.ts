import { count, defineMetric, distinct, last, lifetime, meanPerDay, noData, type Static, Type } from '@rapport/sdk';
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
import pes from './index.js';

type Config = Static<typeof pes.config>;

const about = {
  title: 'Of the test',
  description: 'Of the test',
  source: 'the test',
  unit: 'ratio',
  range: [0, 1],
  subjects: ['account', 'portfolio'],
  config: Type.Object({}),
  parts: {},
} as const;
/** Of five features. */
const adoption = defineMetric({
  ...about,
  id: 'feature-adoption',
  measures: () => ({
    used: distinct({ property: 'feature' }, { events: ['Feature Used'] }, last('30d')),
    ever: count({ events: ['Feature Used'] }, lifetime()),
  }),
  compute: ({ used, ever }) => (ever === 0 ? noData('no-data') : { value: Math.min(1, used / 5) }),
});
const stickiness = defineMetric({
  ...about,
  id: 'stickiness',
  measures: () => ({ dau: meanPerDay({}, last('30d')), mau: distinct('user', {}, last('30d')) }),
  compute: ({ dau, mau }) => (mau === 0 ? noData('no-data') : { value: dau / mau }),
});
const metrics = { 'feature-adoption': adoption, stickiness };

// 30 days up to this midnight: 30 January … 28 February; the 30 before begin on 31 December.
const asOf = '2026-03-01T00:00:00Z';
const LONG_AGO = '2025-11-01';
const BEFORE = '2026-01-15';
const NOW = '2026-02-15';
const seen = (user: string, ...times: readonly string[]) =>
  times.map((time) => track(user, 'Page Viewed', time, {}, { account: 'acme' }));
const used = (user: string, feature: string, time = NOW) =>
  track(user, 'Feature Used', time, { feature }, { account: 'acme' });
const evaluate = (calls: readonly Call[], config: Partial<Config> = {}, more = {}) =>
  evaluateMetric(pes, { calls, asOf, config, metrics, subject: { kind: 'account', id: 'acme' }, ...more });
const sum = (table: Readonly<Record<string, number>> | null | undefined) =>
  Object.values(table ?? {}).reduce((total, entry) => total + entry, 0);

describe('product engagement score', () => {
  it('computes the example of the README', async () => {
    const days = Array.from({ length: 12 }, (_, i) => `2026-02-${String(10 + i)}`);
    const calls = [
      ...seen('ann', BEFORE),
      ...days.map((day, i) => used('ann', ['import', 'export', 'share'][i % 3] ?? '', day)),
      ...seen('ben', BEFORE),
      ...seen('cem', BEFORE),
      ...seen('dot', NOW),
      ...seen('eve', NOW),
      ...seen('fay', LONG_AGO, NOW),
    ];
    const { value, parts, ...rest } = await evaluate(calls);
    expect(value).toBeCloseTo((60 + 12.5 + 37.5) / 3, 12);
    expect(rest).toEqual({ reason: null, n: 3 });
    expect(parts).toMatchObject({
      adoption: 60,
      stickiness: 12.5,
      growth: 37.5,
      quickRatio: 1.5,
      new: 2,
      recovered: 1,
      dropped: 2,
      coverage: 100,
      missing: [],
    });
    expect(sum(parts.contributions)).toBe(value);
  });

  it.each([
    ['stayed', [BEFORE, NOW], { new: 0, recovered: 0, dropped: 0, growth: null }],
    ['is new', [NOW], { new: 1, recovered: 0, dropped: 0, growth: 100 }],
    ['came back', [LONG_AGO, NOW], { new: 0, recovered: 1, dropped: 0, growth: 100 }],
    ['came back after being there twice', [LONG_AGO, '2025-12-01', NOW], { new: 0, recovered: 1, dropped: 0 }],
    ['was new before and dropped', [BEFORE], { new: 0, recovered: 0, dropped: 1, growth: 0 }],
    ['dropped after long use', [LONG_AGO, BEFORE], { new: 0, recovered: 0, dropped: 1, growth: 0 }],
    ['has long been gone', [LONG_AGO], { new: 0, recovered: 0, dropped: 0, growth: null }],
  ])('a user who %s', async (_, times, parts) => {
    expect((await evaluate(seen('ann', ...times))).parts).toMatchObject(parts);
  });

  it('caps the quick ratio', async () => {
    const calls = [...seen('gone', BEFORE), ...['a', 'b', 'c', 'd', 'e', 'f'].flatMap((user) => seen(user, NOW))];
    expect((await evaluate(calls)).parts).toMatchObject({ quickRatio: 6, growth: 100 });
    expect((await evaluate(calls, { cap: 8 })).parts).toMatchObject({ quickRatio: 6, growth: 75 });
    expect((await evaluate(seen('new', NOW), { cap: 8 })).parts).toMatchObject({ quickRatio: null, growth: 100 });
  });

  it('is the mean of those that have a value; a missing one counts 0, or leaves no score, where that is configured', async () => {
    const calls = [...seen('ann', LONG_AGO, NOW), ...seen('ben', BEFORE)];
    const { value, n, parts } = await evaluate(calls);
    expect(value).toBeCloseTo((25 + 100 / 30) / 2, 12);
    expect({ n, ...parts }).toMatchObject({ n: 2, adoption: null, growth: 25, missing: ['adoption'] });
    expect(parts.coverage).toBeCloseTo(200 / 3, 12);
    expect((await evaluate(calls, { missing: 'zero' })).value).toBeCloseTo((25 + 100 / 30) / 3, 12);
    expect(await evaluate(calls, { missing: 'null' })).toMatchObject({ value: null, reason: 'no-data', n: 2 });
  });

  it('has no value for an account without events, and none that ended long ago counts as growth', async () => {
    expect(await evaluate([group('acme', {}, '2026-01-01')])).toEqual({
      value: null,
      reason: 'no-data',
      n: 0,
      parts: {
        contributions: {},
        adoption: null,
        stickiness: null,
        growth: null,
        quickRatio: null,
        new: 0,
        recovered: 0,
        dropped: 0,
        coverage: 0,
        missing: ['adoption', 'stickiness', 'growth'],
      },
    });
    expect(await evaluate([used('ann', 'import', LONG_AGO)])).toMatchObject({ value: 0, n: 1, parts: { adoption: 0 } });
  });

  it.each([
    ['just before both windows', '2025-12-30T23:59:59.999Z', { dropped: 0, new: 0, recovered: 0 }],
    ['as the window before opens', '2025-12-31T00:00:00Z', { dropped: 1, new: 0 }],
    ['just before the window', '2026-01-29T23:59:59.999Z', { dropped: 1, new: 0 }],
    ['as the window opens', '2026-01-30T00:00:00Z', { dropped: 0, new: 1 }],
    ['just before asOf', '2026-02-28T23:59:59.999Z', { dropped: 0, new: 1 }],
    ['at asOf', '2026-03-01T00:00:00Z', { dropped: 0, new: 0, recovered: 0 }],
  ])('puts one event %s on its side', async (_, time, parts) => {
    expect((await evaluate(seen('ann', time))).parts).toMatchObject(parts);
  });

  it('cuts days in the workspace’s zone, and counts a message once, whenever it arrives', async () => {
    const [call] = seen('ann', '2026-01-29T23:30:00Z');
    const calls = [{ ...call, messageId: 'm1' } as Call, ...seen('ben', NOW), { ...call, messageId: 'm1' } as Call];
    expect((await evaluate(calls)).parts).toMatchObject({ dropped: 1, new: 1 });
    const berlin = { zone: 'Europe/Berlin', asOf: '2026-02-28T23:00:00Z' };
    expect((await evaluate(calls, {}, berlin)).parts).toMatchObject({ dropped: 0, new: 2 });
  });

  it('takes other windows, and only the configured events as activity', async () => {
    const calls = [...seen('ann', '2026-02-16'), used('ben', 'import', '2026-02-27')];
    expect((await evaluate(calls, { window: '1w' })).parts).toMatchObject({ dropped: 1, new: 1, growth: 25 });
    expect((await evaluate(calls, { events: ['Feature Used'] })).parts).toMatchObject({ dropped: 0, new: 1 });
  });

  it('answers for the portfolio, and for its groups', async () => {
    const calls = [
      group('acme', { plan: 'pro' }, '2025-10-01'),
      group('zeta', { plan: 'free' }, '2025-10-01'),
      ...seen('ann', BEFORE),
      ...[BEFORE, NOW].map((time) => track('ben', 'Page Viewed', time, {}, { account: 'zeta' })),
      track('ann', 'Page Viewed', NOW, {}, { account: 'zeta' }),
    ];
    // Ann left acme and is new in zeta; in the portfolio she stayed.
    expect((await evaluate(calls, {}, { subject: { kind: 'portfolio' } })).parts).toMatchObject({ dropped: 0, new: 0 });
    expect(await evaluate(calls, {}, { subject: { kind: 'portfolio', by: 'plan' } })).toMatchObject({
      pro: { parts: { dropped: 1, new: 0, growth: 0 } },
      free: { parts: { dropped: 0, new: 1, growth: 100 } },
    });
  });

  it('agrees with the definition, and keeps its contract, in random worlds', async () => {
    /** The definition, spelt out over sets of users. */
    function oracle(subject: OracleSubject, { cap, missing, window }: Config): OracleAnswer {
      const { asOf, calendar, events } = subject;
      const days = window === '1w' ? 7 : 30;
      const firstDay = calendar.dayOf(asOf - 1) - days + 1;
      const usersOf = (of: (day: number) => boolean) =>
        new Set(events.filter(({ time }) => of(calendar.dayOf(time))).flatMap(({ user }) => user ?? []));
      const now = usersOf((day) => day >= firstDay);
      const before = usersOf((day) => day < firstDay && day >= firstDay - days);
      const earlier = usersOf((day) => day < firstDay);
      const fresh = [...now].filter((user) => !earlier.has(user)).length;
      const recovered = [...now].filter((user) => earlier.has(user) && !before.has(user)).length;
      const dropped = [...before].filter((user) => !now.has(user)).length;
      const grew = fresh + recovered;
      const growth = dropped === 0 ? (grew === 0 ? null : 100) : (Math.min(cap, grew / dropped) / cap) * 100;
      const percent = (ratio: number | null) => (ratio === null ? null : ratio * 100);
      const scores = [
        percent(subject.metric('feature-adoption').value),
        percent(subject.metric('stickiness').value),
        growth,
      ];
      const there = scores.filter((score) => score !== null);
      const parts = { new: fresh, recovered, dropped, growth, coverage: (100 * there.length) / 3 };
      if (there.length === 0 || (missing === 'null' && there.length < 3))
        return { value: null, reason: 'no-data', n: there.length, parts };
      const value = there.reduce((total, score) => total + score, 0) / (missing === 'zero' ? 3 : there.length);
      return { value, reason: null, n: there.length, parts };
    }
    const properties = { feature: ['import', 'export', 'share', null] };
    await checkMetric(pes, { oracle, metrics, properties, runs: 30, config: { window: '1w' } });
    await checkMetric(pes, { oracle, metrics, properties, runs: 15, stores: [], config: { cap: 3, missing: 'zero' } });
    await checkMetric(pes, { oracle, metrics, properties, runs: 15, stores: [], config: { missing: 'null' } });
  });
});
