import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Snapshot, Store } from '@rapport/store';
import { memoryStore } from '@rapport/store-testkit';
import { DAY, engineOver, JUNE, metricCode, pluginFolder, standingClock } from './plugin-packages.test.fixture.js';
import type { Engine } from './engine.js';

const count = `{ node: 'count', filter: {}, window: { kind: 'last', days: 3 } }`;
const spans = `{ node: 'spans', spans: { key: 'id', open: { events: ['Open'] }, close: { events: ['Close'] }, effectiveAt: 'at' }, of: 'open', window: { kind: 'lifetime' } }`;

/** A store that counts how often it measured accounts: some of them, or all. */
function counting(store: Store): { readonly store: Store; readonly measured: { some: number; all: number } } {
  const measured = { some: 0, all: 0 };
  return {
    measured,
    store: {
      ...store,
      async snapshot(): Promise<Snapshot> {
        const snapshot = await store.snapshot();
        return {
          ...snapshot,
          measure(plans) {
            for (const { level, subjects, measures } of plans)
              if (level.kind === 'account' && (subjects !== undefined || measures.length > 0))
                measured[subjects ? 'some' : 'all']++;
            return snapshot.measure(plans);
          },
        };
      },
    },
  };
}

const HOUR = DAY / 24;
const quarterFrom = (days: number) =>
  fc.integer({ min: days * 24 * 4, max: 24 * 4 - 1 }).map((quarter) => JUNE + (quarter * HOUR) / 4);
const time = quarterFrom(-5);
const account = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const user = fc.constantFrom('ann', 'bob', 'cid');
const instant = (at: number) => new Date(at).toISOString();
const call = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('track'),
      event: fc.constantFrom('Open', 'Close', 'Used'),
      timestamp: time.map(instant),
      userId: user,
      context: fc.option(account.map((groupId) => ({ groupId })), { nil: {}, freq: 3 }),
      properties: fc.record({ id: fc.constantFrom('1', '2'), at: time.map(instant), n: fc.integer({ min: 0, max: 4 }) }, { requiredKeys: ['id'] }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('group'),
      timestamp: time.map(instant),
      userId: user,
      groupId: account,
      traits: fc.record({ plan: fc.constantFrom('pro', 'free'), seats: fc.nat(9), due: quarterFrom(-5).map(instant),  }, { requiredKeys: [] }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('identify'),
      timestamp: time.map(instant),
      userId: user,
      traits: fc.record({ plan: fc.constantFrom('pro', 'free') }, { requiredKeys: [] }),
    }),
  },
); // prettier-ignore
/** Calls that arrive, then an evaluation as of an instant of the day, in quarters of an hour. */
const step = fc.record({
  calls: fc.array(call, { maxLength: 3 }),
  quarter: fc.integer({ min: 1, max: 24 * 4 }),
});

describe('evaluating again on the same day', () => {
  const folder = pluginFolder();
  const { store, measured } = counting(memoryStore({ zone: 'UTC' }));
  let engine: Engine;
  let told = 0;
  const ingest = (calls: readonly object[]) =>
    engine.ingest(calls.map((each) => ({ ...each, messageId: `message ${String(told++)}` })));

  beforeAll(async () => {
    const { add } = folder;
    const all = `['account', 'user', 'portfolio']`;
    add('metric', 'events', {
      code: metricCode('events', {
        subjects: all,
        window: `() => ({ kind: 'last', days: 3 })`,
        measures: `() => ({ events: ${count}, keys: { node: 'countByKey', key: { property: 'n' }, of: 'events', filter: {}, window: { kind: 'lifetime' } }, closed: { node: 'series', of: 'events', filter: { events: ['Close'] }, window: { kind: 'last', days: 4 } } })`,
        parts: `{ class: { type: 'text', description: 'x' }, keys: { type: 'table', description: 'x' }, names: { type: 'list', description: 'x' }, days: { type: 'table', description: 'x' } }`,
        compute: `({ events, keys, closed }) => ({ value: events, n: keys.size, parts: { class: 'class ' + events, keys: Object.fromEntries(keys), names: [...keys.keys()], days: Object.fromEntries([...closed].map(([day, n]) => ['day ' + day, n])) } })`,
      }),
    });
    add('metric', 'open', {
      code: metricCode('open', {
        subjects: all,
        measures: `() => ({ open: ${spans} })`,
        compute: `({ open }) => ({ value: open })`,
      }),
    });
    add('metric', 'age', {
      code: metricCode('age', {
        subjects: `['account']`,
        measures: `() => ({ latest: { node: 'latest', of: 'time', filter: {}, window: { kind: 'lifetime' } } })`,
        compute: `({ latest }, context) => latest === null ? { noData: 'no-data' } : ({ value: (context.asOf - latest) / 1000 })`,
      }),
    });
    add('metric', 'older', {
      code: metricCode('older', {
        subjects: `['account']`,
        uses: `() => ['age', 'events']`,
        measures: `() => ({})`,
        compute: `(_, { metric }) => metric('age').value === null ? { noData: 'pending' } : ({ value: 2 * metric('age').value + metric('events').value })`,
      }),
    });
    add('metric', 'complete', {
      code: metricCode('complete', {
        subjects: all,
        measures: `() => ({ month: { node: 'count', filter: {}, window: { kind: 'complete', unit: 'month', back: 1 } }, before: { node: 'count', filter: {}, window: { kind: 'before', edge: 'start', of: { kind: 'complete', unit: 'month', back: 1 } } } })`,
        parts: `{ before: { description: 'x' } }`,
        compute: `({ month, before }) => ({ value: month, parts: { before } })`,
      }),
    });
    add('metric', 'share', {
      code: metricCode('share', {
        subjects: `['account']`,
        usesPortfolio: `() => ['events']`,
        compute: `({ events }, { portfolio }) => portfolio('events').value ? ({ value: events / portfolio('events').value }) : { noData: 'no-data' }`,
      }),
    });
    add('metric', 'due', {
      code: metricCode('due', {
        subjects: `['account', 'user']`,
        measures: `() => ({ due: { node: 'profile', name: 'due' }, seats: { node: 'trait', name: 'seats', as: 'number' } })`,
        parts: `{ due: { type: 'text', description: 'x' } }`,
        compute: `({ due, seats }) => ({ value: seats ?? 0, parts: { due } })`,
      }),
    });
    add('metric', 'sum', {
      code: metricCode('sum', {
        subjects: `['account', 'user']`,
        measures: `() => ({ sum: { node: 'fold', reducer: 'sum', properties: ['n'], filter: {}, window: { kind: 'lifetime' } } })`,
        folds: `[{ name: 'sum', initial: () => 0, step: (state, { properties }) => state * 2 + (properties.n ?? 1), done: (state) => state % 1000 }]`,
        compute: `({ sum }) => ({ value: sum })`,
      }),
    });
    engine = await engineOver(
      folder,
      {
        profiles: {
          due: [
            { id: 'soon', when: { fact: 'trait.due', operator: 'withinNext', value: '1d' } },
            { id: 'pro', when: { fact: 'trait.plan', operator: 'equal', value: 'pro' } },
          ],
        },
      },
      { store, clock: standingClock(JUNE + 9 * DAY) },
    );
  });
  afterAll(async () => {
    await engine.close();
    folder.remove();
  });

  it('finds what a full evaluation finds, to the byte', async () => {
    expect(engine.refused).toEqual([]);
    const levels = [{ kind: 'account' }, { kind: 'user' }, { kind: 'portfolio' }, { kind: 'portfolio', by: 'plan' }] as const; // prettier-ignore
    await ingest(fc.sample(call, { numRuns: 60, seed: 7 }));
    for (const [i, { calls, quarter }] of fc.sample(step, { numRuns: 40, seed: 11 }).entries()) {
      await ingest(calls);
      // Goes forward through the day, then begins anew.
      const asOf = JUNE + (i % 8 === 0 ? 1 : ((i % 8) * 12 + (quarter % 12)) * (HOUR / 4));
      const again = await engine.evaluate({ asOf, levels, derived: ['events'] });
      const anew = await engine.evaluate({ asOf, levels, derived: ['events'], full: true });
      expect({ ...again, timings: null }, `step ${String(i)}`).toEqual({ ...anew, timings: null });
    }
    expect(measured.some).toBeGreaterThan(30);
  });

  it('finds another complete month in the last instant of a month', async () => {
    const used = (day: number) => ({
      type: 'track',
      event: 'Used',
      userId: 'kim',
      context: { groupId: 'complete' },
      timestamp: instant(JUNE + day * DAY),
    });
    // Two in April, one in May.
    await ingest([used(-40), used(-41), used(-20)]);
    const levels = [{ kind: 'account' }] as const;
    const valueAt = async (asOf: number) => {
      const { frames } = await engine.evaluate({ asOf, levels, metrics: ['complete'] });
      const [frame] = frames;
      const column = frame?.columns['complete'];
      return column?.type === 'number' ? column.values[frame!.subjects.indexOf('complete')] : undefined;
    };
    expect(await valueAt(JUNE - HOUR)).toBe(2);
    expect(await valueAt(JUNE)).toBe(1);
  });

  it('measures only whom something happened to, and all of them on another day or after a failure of the store to tell', async () => {
    const options = { levels: [{ kind: 'account' }], metrics: ['events', 'open'] } as const;
    const late = JUNE + 2 * DAY;
    await engine.evaluate({ ...options, asOf: late + HOUR });
    const before = { ...measured };
    await ingest([
      { type: 'track', event: 'Used', userId: 'zoe', context: { groupId: 'a' }, timestamp: instant(JUNE) },
    ]);
    await engine.evaluate({ ...options, asOf: late + 2 * HOUR });
    expect(measured).toEqual({ some: before.some + 1, all: before.all });
    await engine.evaluate({ ...options, asOf: late + DAY + HOUR });
    expect(measured).toEqual({ some: before.some + 1, all: before.all + 1 });
    await engine.evaluate({ ...options, asOf: late + DAY + 2 * HOUR, full: true });
    expect(measured).toEqual({ some: before.some + 1, all: before.all + 2 });
    await store.erase({ kind: 'account', id: 'a' });
    await engine.evaluate({ ...options, asOf: late + DAY + 3 * HOUR });
    expect(measured).toEqual({ some: before.some + 1, all: before.all + 3 });
  });
});

describe('evaluating again where only events came', () => {
  it('finds what a full evaluation finds of windows that each account has for itself', async () => {
    const folder = pluginFolder();
    // Windows that each account has for itself: some are over before what is new, and some measures go on after theirs.
    const first = (trait: string, days: number, measure: string) =>
      `{ filter: {}, ${measure}, window: { kind: 'firstDays', days: ${String(days)}, since: { trait: '${trait}' } } }`;
    folder.add('metric', 'beginning', {
      code: metricCode('beginning', {
        subjects: `['account']`,
        measures: `() => ({
          due: { node: 'trait', name: 'due', as: 'time' }, days: ${first('due', 4, `node: 'distinct', of: 'day'`)}, users: ${first('due', 2, `node: 'distinct', of: 'newUser'`)},
          keys: ${first('due', 3, `node: 'countByKey', key: { property: 'n' }, of: 'events'`)}, sessions: ${first('due', 2, `node: 'sessions', of: 'count', idleMinutes: 600`)},
          from: { node: 'trait', name: 'from', as: 'time' }, seconds: ${first('from', 1, `node: 'sessions', of: 'seconds', idleMinutes: 600`)},
        })`,
        parts: `{ keys: { type: 'table', description: 'x' }, users: { description: 'x' }, sessions: { description: 'x' }, seconds: { description: 'x' } }`,
        compute: `({ days, users, keys, sessions, seconds }) => ({ value: days, parts: { keys: Object.fromEntries(keys), users, sessions, seconds } })`,
      }),
    });
    const engine = await engineOver(
      folder,
      {},
      { store: memoryStore({ zone: 'UTC' }), clock: standingClock(JUNE + 9 * DAY) },
    );
    try {
      const names = Array.from({ length: 30 }, (_, i) => `account ${String(i)}`);
      let told = 0;
      const ingest = (calls: readonly object[]) =>
        engine.ingest(calls.map((each) => ({ ...each, messageId: `message ${String(told++)}` })));
      const [due, from] = [2, 3].map((seed) => fc.sample(quarterFrom(-5), { numRuns: names.length, seed }));
      await ingest(
        names.map((groupId, i) => ({
          type: 'group', userId: `user of ${groupId}`, groupId, timestamp: instant(JUNE - 5 * DAY),
          // Some are not known to have begun at all.
          traits: { ...(i % 5 === 0 ? {} : { due: instant(due?.[i] ?? 0) }), from: instant(from?.[i] ?? 0) },
        })),
      ); // prettier-ignore
      const some = fc.array(fc.record({ i: fc.nat(names.length - 1), part: fc.nat(99), n: fc.nat(2) }), {
        minLength: 1,
        maxLength: 6,
      });
      for (const [step, tracked] of fc.sample(some, { numRuns: 80, seed: 5 }).entries()) {
        const asOf = JUNE - 5 * DAY + (step + 1) * 2 * HOUR;
        await ingest(
          tracked.map(({ i, part, n }) => ({
            type: 'track', event: 'Used', userId: `user of ${names[i] ?? ''}`, context: { groupId: names[i] }, properties: { n },
            // Now and then of the day before.
            timestamp: instant(asOf - (2 * HOUR * part) / 100 - (part % 7 === 0 ? DAY : 1)),
          })),
        ); // prettier-ignore
        const again = await engine.evaluate({ asOf, levels: [{ kind: 'account' }] });
        const anew = await engine.evaluate({ asOf, levels: [{ kind: 'account' }], full: true });
        expect({ ...again, timings: null }, `step ${String(step)}`).toEqual({ ...anew, timings: null });
      }
    } finally {
      await engine.close();
      folder.remove();
    }
  });
});
