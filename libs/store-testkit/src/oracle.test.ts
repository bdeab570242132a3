import {
  activeTime,
  calendar,
  count,
  countByKey,
  distinct,
  endOf,
  equal,
  exists,
  earliest,
  firstDays,
  earliestTime,
  last,
  latest,
  latestTime,
  lifetime,
  max,
  mean,
  meanPerDay,
  min,
  not,
  preceding,
  quantile,
  series,
  sessions,
  since,
  spans,
  startOf,
  sum,
  trait,
} from '@rapport/sdk';
import { describe, expect, it } from 'vitest';
import type { EventStore, Message, Properties, StoreOptions } from '@rapport/store';
import { resolveWindow } from '@rapport/store';
import { zone } from '@rapport/sdk/time';
import { at, event, everything, measured, member, traits } from './conformance/facts.js';
import { createOracle } from './oracle.js';

/* Worked by hand: each expected number can be read off the events above it. */

const storeOf = async (messages: readonly Message[], options: StoreOptions = { zone: 'UTC' }): Promise<EventStore> => {
  const store = createOracle(options);
  await store.append(messages);
  return store;
};
const portfolio = { kind: 'portfolio' } as const;
const user = { kind: 'user' } as const;
const asOf = '2024-02-01';
const paid = (time: string, amount: Properties[string], rest: Properties = {}) =>
  event('ann', 'Paid', time, { account: 'acme', properties: { amount, ...rest } });
const opened = (who: string | null, time: string, account = 'acme', session?: string) =>
  event(who, 'Opened', time, { account, ...(session === undefined ? {} : { session }) });

describe('numbers of a property', () => {
  const store = storeOf([
    paid('2024-01-01', 10),
    paid('2024-01-02', 4),
    paid('2024-01-03', '99'),
    paid('2024-01-04', null),
    paid('2024-01-05', 1),
    paid('2024-01-06', 5),
    event('bob', 'Paid', '2024-01-07', { account: 'zeta' }),
  ]);
  it.each([
    ['count', count(everything, lifetime()), { acme: 6, zeta: 1 }],
    ['sum', sum('amount', everything, lifetime()), { acme: 20, zeta: null }],
    ['min', min('amount', everything, lifetime()), { acme: 1, zeta: null }],
    ['max', max('amount', everything, lifetime()), { acme: 10, zeta: null }],
    ['mean', mean('amount', everything, lifetime()), { acme: 5, zeta: null }],
    ['median, between 4 and 5', quantile('amount', 0.5, everything, lifetime()), { acme: 4.5, zeta: null }],
    ['p90, 5 + 0.7 · 5', quantile('amount', 0.9, everything, lifetime()), { acme: 8.5, zeta: null }],
    ['first', earliest('amount', everything, lifetime()), { acme: 10, zeta: null }],
    ['last', latest('amount', everything, lifetime()), { acme: 5, zeta: null }],
    ['last as text', latest('amount', everything, lifetime(), 'text'), { acme: '99', zeta: null }],
    ['last as time', latest('amount', everything, lifetime(), 'time'), { acme: 5, zeta: null }],
    ['first time', earliestTime(everything, lifetime()), { acme: at('2024-01-01'), zeta: at('2024-01-07') }],
    ['last time', latestTime({ where: exists('amount') }, lifetime()), { acme: at('2024-01-06'), zeta: null }],
    ['without the number 4', count({ where: not(equal('amount', 4)) }, lifetime()), { acme: 5, zeta: 1 }],
  ])('%s', async (_, node, expected) => {
    const values = await measured(await store, node, asOf);
    for (const [subject, value] of Object.entries(expected)) {
      if (typeof value === 'number') expect(values[subject]).toBeCloseTo(value, 12);
      else expect(values[subject]).toBe(value);
    }
  });
});

describe('windows', () => {
  const daily = storeOf(
    Array.from({ length: 70 }, (_, i) => ({
      ...opened('ann', '2024-01-01'),
      id: `d${i}`,
      time: at('2023-12-01T12:00:00Z') + i * 86_400_000,
    })),
  );
  it.each([
    [
      'last 7 days at noon of the 31st, today’s event not yet seen',
      count(everything, last('7d')),
      '2024-01-31T12:00:00Z',
      6,
    ],
    ['last 7 days a millisecond later', count(everything, last('7d')), '2024-01-31T12:00:00.001Z', 7],
    ['last 30 days at midnight are 30 full days', count(everything, last('30d')), '2024-01-31', 30],
    ['previous 30 days', count(everything, preceding('30d')), '2024-01-31', 30],
    [
      'previous 30 days, the first of which is before the first event',
      count(everything, preceding('30d')),
      '2024-01-29',
      29,
    ],
    ['this month so far', count(everything, calendar('month')), '2024-01-11', 10],
    ['last month', count(everything, calendar('month', -1)), '2024-01-11', 31],
    ['this week, from Monday', count(everything, calendar('week')), '2024-01-11', 3],
    ['this quarter', count(everything, calendar('quarter')), '2024-01-11', 10],
    ['next month', count(everything, calendar('month', 1)), '2024-01-11', 0],
    ['all before this month', count(everything, startOf(calendar('month'))), '2024-01-11', 31],
    ['all up to the end of last month', count(everything, endOf(calendar('month', -1))), '2024-01-11', 31],
    ['lifetime', count(everything, lifetime()), '2024-01-11', 41],
  ])('%s', async (_, node, when, expected) => {
    expect(await measured(await daily, node, when)).toEqual({ acme: expected });
  });

  it('count the first days from the day of the trait, as it was known then', async () => {
    const store = await storeOf([
      traits('account', 'acme', { signupAt: '2024-01-10T18:00:00Z' }, '2024-01-10T18:00:00Z'),
      traits('account', 'zeta', { signupAt: 'yesterday' }, '2024-01-10'),
      opened('ann', '2024-01-09T23:59:59.999Z'),
      opened('ann', '2024-01-10T00:00:00Z'),
      opened('ann', '2024-01-12T23:59:59.999Z'),
      opened('ann', '2024-01-13T00:00:00Z'),
      opened('zoe', '2024-01-10', 'zeta'),
    ]);
    const node = count(everything, firstDays(3, since('signupAt')));
    expect(await measured(store, node, asOf)).toEqual({ acme: 2, zeta: 0 });
    expect(await measured(store, node, '2024-01-10T18:00:00Z')).toEqual({ acme: 0, zeta: 0 });
    expect(await measured(store, node, '2024-01-11')).toEqual({ acme: 1, zeta: 0 });
    expect(await measured(store, node, asOf, portfolio)).toEqual({ '': 0 });
    expect(await measured(store, sum('x', everything, firstDays(3, since('signupAt'))), asOf, portfolio)).toEqual({
      '': null,
    });
  });
});

describe('users and days', () => {
  const month = storeOf([
    opened('ann', '2023-12-20'),
    opened('ann', '2024-01-10'),
    opened('ann', '2024-01-10T15:00:00Z'),
    opened('bob', '2024-01-10'),
    opened('bob', '2024-01-11'),
    opened('bob', '2024-01-12', 'zeta'),
    opened(null, '2024-01-13'),
  ]);
  const january = calendar('month'); // as of midnight, D is still January 31
  it.each([
    ['users', distinct('user', everything, january), { acme: 2, zeta: 1 }, 2],
    [
      'new users: bob is new to both accounts, but once to the portfolio',
      distinct('newUser', everything, january),
      { acme: 1, zeta: 1 },
      1,
    ],
    ['days, the 13th without a user', distinct('day', everything, january), { acme: 3, zeta: 1 }, 4],
    ['mean users per day over 31 days', meanPerDay(everything, january), { acme: 3 / 31, zeta: 1 / 31 }, 4 / 31],
    [
      'mean users per day since the first of them (Dec 20 – Jan 31; zeta: Jan 12 – 31)',
      meanPerDay(everything, lifetime()),
      { acme: 4 / 43, zeta: 1 / 20 },
      5 / 43,
    ],
  ])('%s', async (title, node, byAccount, whole) => {
    const values = await measured(await month, node, asOf);
    for (const [account, value] of Object.entries(byAccount)) expect(values[account], title).toBeCloseTo(value, 12);
    expect((await measured(await month, node, asOf, portfolio))['']).toBeCloseTo(whole, 12);
  });

  it('count a user only on days that qualify: logged in, and tracked time twice', async () => {
    const qualifying = [
      { events: ['Signed In'], atLeast: 1 },
      { events: ['Time Tracked'], atLeast: 2 },
    ];
    const day = (who: string, date: string, signIns: number, tracked: number) => [
      ...Array.from({ length: signIns }, () => event(who, 'Signed In', date, { account: 'acme' })),
      ...Array.from({ length: tracked }, () => event(who, 'Time Tracked', date, { account: 'acme' })),
    ];
    const store = await storeOf([
      ...day('ann', '2024-01-10', 1, 2),
      ...day('ann', '2024-01-05', 1, 1),
      ...day('bob', '2024-01-10', 0, 5),
      ...day('bob', '2024-01-20', 3, 2),
    ]);
    const window = last('30d');
    expect(await measured(store, distinct('user', everything, window, { qualifying }), asOf)).toEqual({ acme: 2 });
    expect(await measured(store, distinct('day', everything, window, { qualifying }), asOf)).toEqual({ acme: 2 });
    expect(await measured(store, distinct('newUser', everything, last('14d'), { qualifying }), asOf)).toEqual({
      acme: 1,
    });
    expect(await measured(store, distinct('user', { events: ['Signed In'] }, window, { qualifying }), asOf)).toEqual({
      acme: 2,
    });
    expect(await measured(store, distinct('user', { events: ['Other'] }, window, { qualifying }), asOf)).toEqual({
      acme: 0,
    });
    expect(await measured(store, series('users', everything, window, { qualifying }), asOf)).toEqual({
      acme: new Map([[19_732, 1], [19_742, 1]]), // prettier-ignore
    });
  });
});

describe('keys', () => {
  const store = storeOf([
    paid('2024-01-01', 1, { feature: 'a' }),
    paid('2024-01-01', 2, { feature: 12 }),
    paid('2024-01-02', 3, { feature: '12' }),
    paid('2024-01-02', 4, { feature: true }),
    paid('2024-01-02', 5, { feature: null }),
    paid('2024-01-02', 6, { feature: ['a'] }),
    event(null, 'Seen', '2024-01-02', { account: 'acme', properties: { feature: 'a' } }),
  ]);
  const feature = { property: 'feature' };
  it.each([
    ['events per event name', countByKey('event', everything, lifetime()), new Map([['Paid', 6], ['Seen', 1]])], // prettier-ignore
    [
      'users per event name, none for Seen',
      countByKey('event', everything, lifetime(), 'users'),
      new Map([['Paid', 1]]),
    ],
    ['scalars as text', countByKey(feature, everything, lifetime()), new Map([['12', 2], ['a', 2], ['true', 1]])], // prettier-ignore
    ['distinct values', distinct(feature, everything, lifetime()), 3],
    ['distinct event names', distinct('event', everything, lifetime()), 2],
    ['series of events', series('events', everything, lifetime()), new Map([[19_723, 2], [19_724, 5]])], // prettier-ignore
    ['series of a sum', series({ sum: 'amount' }, everything, lifetime()), new Map([[19_723, 3], [19_724, 18]])], // prettier-ignore
  ])('%s', async (_, node, expected) => {
    expect(await measured(await store, node, asOf)).toEqual({ acme: expected });
  });
});

describe('sessions and active time', () => {
  const clock = (time: string) => `2024-01-10T${time}Z`;
  it('end after 30 minutes without an event, not at them', async () => {
    const store = await storeOf([
      opened('ann', clock('10:00:00')),
      opened('ann', clock('10:30:00')),
      opened('ann', clock('11:00:00.001')),
      opened('ann', clock('11:10:00')),
    ]);
    expect(await measured(store, sessions('count', everything, lifetime()), asOf)).toEqual({ acme: 2 });
    expect(await measured(store, sessions('seconds', everything, lifetime()), asOf)).toEqual({ acme: 1800 + 599.999 });
    expect(await measured(store, sessions({ quantile: 1 }, everything, lifetime()), asOf)).toEqual({ acme: 1800 });
    expect(await measured(store, sessions('count', everything, lifetime(), 31), asOf)).toEqual({ acme: 1 });
  });

  it('follow explicit ids over any gap up to 24 hours', async () => {
    const store = await storeOf([
      opened('ann', '2024-01-10T00:00:00Z', 'acme', 's'),
      opened('ann', '2024-01-11T00:00:00Z', 'acme', 's'),
      opened('ann', '2024-01-12T00:00:00.001Z', 'acme', 's'),
      opened('ann', '2024-01-10T00:01:00Z', 'acme'),
    ]);
    expect(await measured(store, sessions('count', everything, lifetime()), asOf)).toEqual({ acme: 3 });
    expect(await measured(store, sessions('seconds', everything, lifetime()), asOf)).toEqual({ acme: 86_400 });
    expect(await measured(store, distinct('session', everything, lifetime()), asOf)).toEqual({ acme: 1 });
  });

  it('are a stream per user and account, and belong to the day they start on', async () => {
    const store = await storeOf([
      opened('ann', '2024-01-30T23:50:00Z'),
      opened('ann', '2024-01-31T00:10:00Z'),
      opened('ann', '2024-01-31T00:11:00Z', 'zeta'),
      opened('bob', '2024-01-31T00:12:00Z'),
      opened(null, '2024-01-31T00:13:00Z'),
    ]);
    const node = sessions('seconds', everything, last('1d'));
    expect(await measured(store, node, asOf)).toEqual({ acme: 0, zeta: 0 });
    expect(await measured(store, node, '2024-01-31')).toEqual({ acme: 0 });
    expect(await measured(store, sessions('count', everything, last('1d')), asOf, portfolio)).toEqual({ '': 2 });
    expect(await measured(store, sessions('seconds', everything, last('2d')), asOf, user)).toEqual({
      ann: 1200,
      bob: 0,
    });
  });

  it('active time adds the gaps of up to 5 minutes that end in the window', async () => {
    const store = await storeOf([
      opened('ann', '2024-01-30T23:58:00Z'),
      opened('ann', '2024-01-31T00:01:00Z', 'acme', 's'),
      opened('ann', '2024-01-31T00:06:00Z'),
      opened('ann', '2024-01-31T00:11:00.001Z'),
      opened('bob', '2024-01-31T00:03:00Z'),
    ]);
    expect(await measured(store, activeTime(everything, last('1d')), asOf)).toEqual({ acme: 180 + 300 });
    expect(await measured(store, activeTime(everything, last('1d')), '2024-01-31')).toEqual({ acme: 0 });
    expect(await measured(store, activeTime(everything, lifetime()), asOf, user)).toEqual({ ann: 480, bob: 0 });
  });
});

describe('spans', () => {
  const subscription = {
    key: 'id',
    open: { events: ['Started'] },
    change: { events: ['Upgraded'] },
    close: { events: ['Cancelled'] },
    effectiveAt: 'effectiveAt',
  };
  const says = (name: string, time: string, properties: Properties = {}, account = 'acme', id?: string) =>
    event('ann', name, time, { account, properties, ...(id === undefined ? {} : { id }) });

  it('carry the latest value while they run', async () => {
    const store = await storeOf([
      says('Started', '2024-01-01', { id: 'a', mrr: 10 }),
      says('Upgraded', '2024-01-05', { id: 'a', mrr: 30 }),
      says('Upgraded', '2024-01-06', { id: 'a', seats: 3 }),
      says('Upgraded', '2024-01-06', { id: 'unknown', mrr: 99 }),
      says('Started', '2024-01-07', { id: 'a', mrr: 1 }),
      says('Started', '2024-01-08', { id: 'b', mrr: 5 }),
      says('Cancelled', '2024-01-20', { id: 'b', effectiveAt: '2024-01-28' }),
    ]);
    const running = (of: 'open' | { sum: string }, when: string) =>
      measured(store, of === 'open' ? spans(subscription, of, lifetime()) : spans(subscription, of, lifetime()), when);
    expect(await running({ sum: 'mrr' }, '2024-01-05')).toEqual({ acme: 10 });
    expect(await running({ sum: 'mrr' }, '2024-01-08')).toEqual({ acme: 30 });
    expect(await running({ sum: 'mrr' }, '2024-01-28')).toEqual({ acme: 35 });
    expect(await running({ sum: 'mrr' }, '2024-01-29')).toEqual({ acme: 30 });
    expect(await running('open', '2024-01-28')).toEqual({ acme: 2 });
    expect(await running({ sum: 'nothing' }, '2024-01-28')).toEqual({ acme: null });
    expect(await measured(store, spans(subscription, 'opened', calendar('month')), asOf)).toEqual({ acme: 2 });
    expect(await measured(store, spans(subscription, 'closed', last('7d')), asOf)).toEqual({ acme: 1 });
    expect(await measured(store, spans(subscription, { quantile: 0.5 }, last('7d')), asOf)).toEqual({
      acme: 20 * 86_400,
    });
    expect(await measured(store, spans(subscription, 'open', startOf(calendar('month'))), asOf)).toEqual({
      acme: 0,
    });
  });

  it('are all closed by an event without the key, in their own account only', async () => {
    const store = await storeOf([
      says('Started', '2024-01-01', { id: 'a' }),
      says('Started', '2024-01-01', { id: 'b' }),
      says('Started', '2024-01-01', {}),
      says('Started', '2024-01-01', { id: 'a' }, 'zeta'),
      says('Cancelled', '2024-01-10'),
    ]);
    expect(await measured(store, spans(subscription, 'open', lifetime()), asOf)).toEqual({ acme: 0, zeta: 1 });
    expect(await measured(store, spans(subscription, 'closed', lifetime()), asOf)).toEqual({ acme: 3, zeta: 0 });
    expect(await measured(store, spans(subscription, 'open', lifetime()), asOf, portfolio)).toEqual({ '': 1 });
    expect(await measured(store, spans(subscription, 'opened', lifetime()), asOf, portfolio)).toEqual({ '': 4 });
    expect(await measured(store, spans(subscription, 'open', lifetime()), asOf, user)).toEqual({ ann: 0 });
  });

  it('open before they close at one instant, whatever the message ids say', async () => {
    const store = await storeOf([
      says('Cancelled', '2024-01-10', { id: 'a' }, 'acme', '1'),
      says('Started', '2024-01-10', { id: 'a' }, 'acme', '2'),
    ]);
    expect(await measured(store, spans(subscription, 'open', lifetime()), asOf)).toEqual({ acme: 0 });
    expect(await measured(store, spans(subscription, { quantile: 0 }, lifetime()), asOf)).toEqual({ acme: 0 });
  });

  it('run again when they are opened again', async () => {
    const store = await storeOf([
      says('Started', '2024-01-01', { id: 'a', mrr: 9 }),
      says('Cancelled', '2024-01-05', { id: 'a' }),
      says('Started', '2024-01-10', { id: 'a' }),
    ]);
    expect(await measured(store, spans(subscription, 'open', lifetime()), '2024-01-08')).toEqual({ acme: 0 });
    expect(await measured(store, spans(subscription, 'open', lifetime()), asOf)).toEqual({ acme: 1 });
    expect(await measured(store, spans(subscription, { sum: 'mrr' }, lifetime()), asOf)).toEqual({ acme: null });
  });
});

describe('subjects', () => {
  it('are what events, traits and memberships name', async () => {
    const store = await storeOf([
      opened('ann', '2024-01-10'),
      member('bob', 'zeta', '2024-01-10'),
      traits('account', 'quiet', {}, '2024-01-10'),
      traits('user', 'eve', { a: 1 }, '2024-03-01'),
    ]);
    expect(Object.keys(await measured(store, count(everything, lifetime()), asOf))).toEqual(['acme', 'quiet', 'zeta']);
    expect(Object.keys(await measured(store, count(everything, lifetime()), asOf, user))).toEqual(['ann', 'bob']);
    expect(await measured(store, count(everything, lifetime()), '2024-01-01', portfolio)).toEqual({ '': 0 });
    expect(await measured(store, count(everything, lifetime()), '2024-01-01', { ...portfolio, by: 'plan' })).toEqual(
      {},
    );
  });

  it('of a portfolio by a trait are its values as of then', async () => {
    const store = await storeOf([
      traits('account', 'acme', { seats: 10 }, '2024-01-01'),
      traits('account', 'acme', { seats: '10' }, '2024-01-20'),
      traits('account', 'zeta', { seats: 20 }, '2024-01-01'),
      opened('ann', '2024-01-02'),
      opened('bob', '2024-01-02', 'none'),
      event('eve', 'Opened', '2024-01-02'),
    ]);
    expect(await measured(store, count(everything, lifetime()), asOf, { ...portfolio, by: 'seats' })).toEqual({
      '': 1,
      10: 1,
      20: 0,
    });
    expect(await measured(store, count(everything, lifetime()), asOf, portfolio)).toEqual({ '': 3 });
    expect(await measured(store, trait('seats'), '2024-01-15')).toEqual({ acme: 10, none: null, zeta: 20 });
    expect(await measured(store, trait('seats', 'text'), asOf)).toEqual({ acme: '10', none: null, zeta: null });
    expect(await measured(store, trait('seats'), asOf, portfolio)).toEqual({ '': null });
  });
});

it('streams events for folds by subject, in order, with the named properties', async () => {
  const store = await storeOf([
    event('ann', 'Paid', '2024-01-02', { id: 'b', account: 'zeta', properties: { amount: 2, other: 1 } }),
    event('ann', 'Paid', '2024-01-02', { id: 'a', account: 'zeta', properties: { amount: 1 } }),
    event('bob', 'Paid', '2024-01-03', { account: 'acme', properties: { other: 1 } }),
  ]);
  const seen = [];
  const query = {
    level: { kind: 'account' },
    asOf: at(asOf),
    filter: everything,
    window: resolveWindow(lifetime(), at(asOf), zone('UTC')),
    properties: ['amount'],
  } as const;
  for await (const batch of (await store.snapshot()).stream(query)) seen.push(...batch);
  expect(seen).toEqual([
    { subject: 'acme', time: at('2024-01-03'), event: 'Paid', user: 'bob', properties: {} },
    { subject: 'zeta', time: at('2024-01-02'), event: 'Paid', user: 'ann', properties: { amount: 1 } },
    { subject: 'zeta', time: at('2024-01-02'), event: 'Paid', user: 'ann', properties: { amount: 2 } },
  ]);
});
