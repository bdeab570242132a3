import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  activeTime,
  count,
  countByKey,
  distinct,
  equal,
  earliest,
  earliestTime,
  fold,
  last,
  latest,
  latestTime,
  lifetime,
  max,
  mean,
  meanPerDay,
  min,
  quantile,
  series,
  sessions,
  spans,
  sum,
  trait,
  type Inputs,
  type Measure,
  type ValueOf,
} from './index.js';

const window = last('30d');
const filter = { events: ['Signed In'] };
const tickets = { key: 'ticketId', open: { events: ['Opened'] }, close: { events: ['Closed'] } };
const qualifying = [{ events: ['Signed In'], atLeast: 1 }];

/** One of each, in the order of the SDK's README. */
const all = {
  count: count(filter, window),
  sum: sum('revenue', filter, window),
  min: min('revenue', filter, window),
  max: max('revenue', filter, window),
  mean: mean('revenue', filter, window),
  quantile: quantile('revenue', 0.9, filter, window),
  users: distinct('user', {}, window),
  features: distinct({ property: 'feature' }, {}, window, { qualifying }),
  meanPerDay: meanPerDay({}, window, { qualifying }),
  first: earliest('mrr', filter, lifetime()),
  last: latest('mrr', filter, lifetime()),
  lastText: latest('reason', filter, lifetime(), 'text'),
  lastDate: latest('renewsAt', filter, lifetime(), 'time'),
  firstTime: earliestTime({}, lifetime()),
  lastTime: latestTime({}, lifetime()),
  byEvent: countByKey('event', {}, window),
  byFeature: countByKey({ property: 'feature' }, {}, window, 'users'),
  perDay: series('users', {}, window, { qualifying }),
  sessions: sessions('count', {}, window),
  sessionSeconds: sessions('seconds', {}, window, 15),
  sessionMedian: sessions({ quantile: 0.5 }, {}, window),
  activeTime: activeTime({}, window),
  opened: spans(tickets, 'opened', window),
  mrr: spans(tickets, { sum: 'mrr' }, window),
  toClose: spans(tickets, { quantile: 0.5 }, window),
  seats: trait('seats'),
  plan: trait('plan', 'text'),
  signup: trait('signupAt', 'time'),
  streak: fold('streak', {
    properties: ['feature'],
    initial: () => 0,
    step: (n) => n + 1,
    done: (n): number | null => n || null,
  }).over({}, window),
};

describe('measures', () => {
  it('are plain JSON, every one', () => {
    expect(JSON.parse(JSON.stringify(all))).toEqual(all);
  });

  it('are the same whenever they are built from the same, so that they can be merged', () => {
    const again = distinct({ property: 'feature' }, {}, last('30d'), {
      qualifying: [{ events: ['Signed In'], atLeast: 1 }],
    });
    expect(JSON.stringify(again)).toBe(JSON.stringify(all.features));
  });

  it('do not tell an empty qualification from none', () => {
    expect(distinct('user', {}, window, { qualifying: [] })).toEqual(distinct('user', {}, window));
    expect(meanPerDay({}, window, { qualifying: [] })).toEqual(meanPerDay({}, window));
    expect(series('users', {}, window, { qualifying: [] })).toEqual(series('users', {}, window));
  });

  it('say everything that a store needs', () => {
    expect(count({ events: ['Signed In'], where: equal('method', 'sso') }, last('1w'))).toEqual({
      node: 'count',
      filter: { events: ['Signed In'], where: { property: 'method', operator: 'equal', value: 'sso' } },
      window: { kind: 'last', days: 7 },
    });
    expect(all.sessions).toEqual({ node: 'sessions', of: 'count', idleMinutes: 30, filter: {}, window });
    expect(all.activeTime).toEqual({ node: 'activeTime', idleMinutes: 5, filter: {}, window });
    expect(all.toClose).toEqual({ node: 'spans', spans: tickets, of: { quantile: 0.5 }, window });
    expect(all.byFeature).toMatchObject({ key: { property: 'feature' }, of: 'users' });
    expect(all.plan).toEqual({ node: 'trait', name: 'plan', as: 'text' });
  });

  it('read a property of the latest event', () => {
    expect(latest('mrr', filter, window)).toEqual({
      node: 'latest',
      of: { property: 'mrr', as: 'number' },
      filter,
      window,
    });
  });
});

describe('the type of a measure’s value', () => {
  it('is a number where nothing is 0, and may be null where nothing is nothing', () => {
    type Values = Inputs<typeof all>;
    expectTypeOf<Values['count']>().toEqualTypeOf<number>();
    expectTypeOf<Values['users']>().toEqualTypeOf<number>();
    expectTypeOf<Values['meanPerDay']>().toEqualTypeOf<number>();
    expectTypeOf<Values['activeTime']>().toEqualTypeOf<number>();
    expectTypeOf<Values['sum']>().toEqualTypeOf<number | null>();
    expectTypeOf<Values['quantile']>().toEqualTypeOf<number | null>();
    expectTypeOf<Values['firstTime']>().toEqualTypeOf<number | null>();
  });

  it('follows what is asked for', () => {
    type Values = Inputs<typeof all>;
    expectTypeOf<Values['last']>().toEqualTypeOf<number | null>();
    expectTypeOf<Values['lastText']>().toEqualTypeOf<string | null>();
    expectTypeOf<Values['lastDate']>().toEqualTypeOf<number | null>();
    expectTypeOf<Values['plan']>().toEqualTypeOf<string | null>();
    expectTypeOf<Values['seats']>().toEqualTypeOf<number | null>();
    expectTypeOf<Values['sessions']>().toEqualTypeOf<number>();
    expectTypeOf<Values['sessionMedian']>().toEqualTypeOf<number | null>();
    expectTypeOf<Values['opened']>().toEqualTypeOf<number>();
    expectTypeOf<Values['mrr']>().toEqualTypeOf<number | null>();
    expectTypeOf<Values['byEvent']>().toEqualTypeOf<ReadonlyMap<string, number>>();
    expectTypeOf<Values['perDay']>().toEqualTypeOf<ReadonlyMap<number, number>>();
    expectTypeOf<Values['streak']>().toEqualTypeOf<number | null>();
    expectTypeOf<ValueOf<Measure<string>>>().toEqualTypeOf<string>();
  });

  it('is of windows of whole days or weeks', () => {
    // @ts-expect-error a window is whole days or weeks
    expect(() => last('12h')).toThrow('RAPPORT_SDK_DURATION');
  });
});
