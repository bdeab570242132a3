import {
  count,
  countByKey,
  distinct,
  earliest,
  firstDays,
  last,
  latest,
  lifetime,
  mean,
  series,
  since,
  spans,
  sum,
  trait,
} from '@rapport/sdk';
import type { Filter, Window } from '@rapport/sdk';
import { describe, expect, it } from 'vitest';
import type { Json, Level, Properties } from '@rapport/store';
import { resolveWindow } from '@rapport/store';
import { zone as zoneOf } from '@rapport/sdk/time';
import type { OpenStore } from './open-store.js';
import { at, event, everything, measured, member, rejectsWith, traits, withStore } from './facts.js';

/** What an event store promises, one sentence per test. */
export function describeIngest(open: OpenStore): void {
  const test = withStore(open);
  const events = count(everything, lifetime());

  describe('measure', () => {
    test('follows sessions over the end of the window that they began in, also of some subjects', async ({ store }) => {
      const of = (user: string, account: string) =>
        ['10T23:50', '10T23:59', '11T00:10', '11T00:20'].map((time) =>
          event(user, 'Used', `2026-01-${time}:00Z`, { account }),
        );
      await store.append([
        ...['acme', 'zeta'].map((account) => traits('account', account, { start: '2026-01-10' }, '2026-01-10T00:00:00Z')),
        ...of('ann', 'acme'),
        ...of('bob', 'zeta'),
      ]); // prettier-ignore
      const node = {
        node: 'sessions',
        of: 'seconds',
        filter: everything,
        idleMinutes: 30,
        window: firstDays(1, since('start')),
      } as const;
      expect(await measured(store, node, '2026-01-15')).toEqual({ acme: 1800, zeta: 1800 });
      expect(await measured(store, node, '2026-01-15', { kind: 'account' }, 'UTC', ['acme'])).toEqual({ acme: 1800 });
    });
  });

  describe('amounts', () => {
    // The sum of the doubles nearest to these is not the double nearest to 0.3.
    const paid = (user: string, amount: number, account = 'acme') =>
      event(user, 'Paid', '2026-01-10T10:00:00Z', { account, properties: { amount, order: String(amount) } });
    const whole = { kind: 'portfolio' } as const;
    const orders = { key: 'order', open: everything, close: { events: [] } };

    test('are added up to the cent', async ({ store }) => {
      await store.append([
        paid('ann', 0.1),
        paid('ann', 0.2),
        paid('bob', 77183.6, 'zeta'),
        paid('bob', -33.3, 'zeta'),
      ]);
      const amount = sum('amount', everything, lifetime());
      const asOf = '2026-02-01';
      expect(await measured(store, amount, asOf)).toEqual({ acme: 0.3, zeta: 77150.3 });
      expect(await measured(store, amount, asOf, { kind: 'account' }, 'UTC', ['acme'])).toEqual({ acme: 0.3 });
      expect(await measured(store, amount, asOf, whole)).toEqual({ '': 77150.6 });
      expect(await measured(store, mean('amount', everything, lifetime()), asOf)).toEqual({
        acme: 0.15,
        zeta: 38575.15,
      });
      expect(await measured(store, spans(orders, { sum: 'amount' }, lifetime()), asOf)).toEqual({
        acme: 0.3,
        zeta: 77150.3,
      });
      const daily = await measured(store, series({ sum: 'amount' }, everything, lifetime()), asOf, { kind: 'user' });
      const ofDay = (user: string) => [...(daily[user] as ReadonlyMap<number, number>).values()];
      expect([ofDay('ann'), ofDay('bob')]).toEqual([[0.3], [77150.3]]);
    });

    test('below the least that is asked for are not known', async ({ store }) => {
      await store.append([paid('ann', 10), paid('ann', -20), paid('bob', -20, 'zeta')]);
      const known = spans(orders, { sum: 'amount', atLeast: 0 }, lifetime());
      expect(await measured(store, known, '2026-02-01')).toEqual({ acme: 10, zeta: null });
      expect(await measured(store, known, '2026-02-01', whole)).toEqual({ '': 10 });
    });
  });

  describe('append', () => {
    test('counts a message once: in the batch, in another batch, after reopening, a month later', async ({
      store,
      reopen,
    }) => {
      const once = event('ann', 'Opened', '2024-01-10T10:00:00Z', { id: 'one', account: 'acme' });
      expect(await store.append([once, once])).toEqual({ accepted: 1, duplicates: 1 });
      expect(await store.append([once])).toEqual({ accepted: 0, duplicates: 1 });
      const again = await reopen();
      expect(await again.append([once, event('ann', 'Opened', '2024-01-10T10:00:00Z', { account: 'acme' })])).toEqual({
        accepted: 1,
        duplicates: 1,
      });
      const monthLater = event('ann', 'Another name', '2024-02-10T10:00:00Z', { id: 'one', account: 'other' });
      expect(await again.append([monthLater])).toEqual({ accepted: 0, duplicates: 1 });
      expect(await measured(again, events, '2024-03-01')).toEqual({ acme: 2 });
    });

    test('keeps the first of two messages with one id in a batch', async ({ store }) => {
      await store.append([
        event('ann', 'First', '2024-01-10T10:00:00Z', { id: 'one', account: 'acme' }),
        event('bob', 'Second', '2024-01-10T10:00:00Z', { id: 'one', account: 'zeta' }),
      ]);
      expect(await measured(store, events, '2024-03-01')).toEqual({ acme: 1 });
    });

    test('takes appends at the same time, and still counts each message once', async ({ store }) => {
      const batch = Array.from({ length: 40 }, (_, i) =>
        event('ann', 'Opened', '2024-01-10T10:00:00Z', { id: `c${i}`, account: 'acme' }),
      );
      const reports = await Promise.all(
        Array.from({ length: 6 }, (_, i) => store.append(batch.slice(i * 4, i * 4 + 20))),
      );
      expect(reports.reduce((n, { accepted }) => n + accepted, 0)).toBe(40);
      expect(await measured(store, events, '2024-03-01')).toEqual({ acme: 40 });
    });

    test('takes an empty batch', async ({ store }) => {
      expect(await store.append([])).toEqual({ accepted: 0, duplicates: 0 });
      expect(await store.stats()).toEqual({ events: 0, accounts: 0, users: 0, from: null, to: null });
    });

    test('loses nothing on reopening', async ({ store, reopen }) => {
      await store.append([
        member('ann', 'acme', '2024-01-01'),
        traits('account', 'acme', { plan: 'pro', nested: { list: [1, null, 'ü'] } }, '2024-01-01'),
        event('ann', 'Opened', '2024-01-10T10:00:00.123Z', {
          properties: { a: [1, { b: null }], '': 'empty', 'x.y': 0.1, $z: true },
        }),
      ]);
      const again = await reopen();
      const snapshot = await again.snapshot();
      expect(await snapshot.recent('account', 'acme', at('2024-02-01'), 5)).toMatchObject([
        {
          time: at('2024-01-10T10:00:00.123Z'),
          event: 'Opened',
          user: 'ann',
          account: 'acme',
          properties: { a: [1, { b: null }], '': 'empty', 'x.y': 0.1, $z: true },
        },
      ]);
      expect(await snapshot.traits('account', at('2024-02-01'))).toEqual(
        new Map([['acme', { plan: 'pro', nested: { list: [1, null, 'ü'] } }]]),
      );
      await snapshot.close();
    });

    test('takes a big batch', async ({ store }) => {
      const batch = Array.from({ length: 5000 }, (_, i) =>
        event(`u${i % 50}`, 'Opened', '2024-01-10T10:00:00Z', { account: `a${i % 7}`, properties: { amount: i } }),
      );
      expect(await store.append(batch)).toEqual({ accepted: 5000, duplicates: 0 });
      expect(await measured(store, sum('amount', everything, lifetime()), '2024-02-01', { kind: 'portfolio' })).toEqual(
        { '': (5000 * 4999) / 2 },
      );
    });
  });

  describe('late and out of order', () => {
    test('answers alike whatever the order of arrival', async ({ store }) => {
      await store.append([event('ann', 'Opened', '2024-01-20T10:00:00Z')]);
      expect(await measured(store, events, '2024-02-01')).toEqual({});
      await store.append([member('ann', 'zeta', '2024-01-15')]);
      expect(await measured(store, events, '2024-02-01')).toEqual({ zeta: 1 });
      await store.append([member('ann', 'acme', '2024-01-01'), event('ann', 'Opened', '2024-01-10T10:00:00Z')]);
      expect(await measured(store, events, '2024-02-01')).toEqual({ acme: 1, zeta: 1 });
      await store.append([member('ann', 'last', '2024-01-20T10:00:00Z')]);
      expect(await measured(store, events, '2024-02-01')).toEqual({ acme: 1, last: 1, zeta: 0 });
    });

    test('prefers the account that the event names to the membership', async ({ store }) => {
      await store.append([
        member('ann', 'acme', '2024-01-01'),
        event('ann', 'Opened', '2024-01-10', { account: 'zeta' }),
      ]);
      expect(await measured(store, events, '2024-02-01')).toEqual({ acme: 0, zeta: 1 });
    });

    test('breaks a tie between memberships by message id', async ({ store }) => {
      await store.append([
        member('ann', 'acme', '2024-01-01', 'b'),
        member('ann', 'zeta', '2024-01-01', 'a'),
        event('ann', 'Opened', '2024-01-10'),
      ]);
      expect(await measured(store, events, '2024-02-01')).toEqual({ acme: 1, zeta: 0 });
    });

    test('picks by message id where instants are equal, whatever the order of arrival', async ({ store, reopen }) => {
      const ids = Array.from({ length: 1000 }, (_, i) => `m${String((i * 7919) % 1000).padStart(4, '0')}`);
      await store.append([
        ...ids.map((id) => event('ann', 'Rated', '2024-01-10', { id, account: 'acme', properties: { score: Number(id.slice(1)), plan: id } })), // prettier-ignore
        ...ids.slice(0, 20).map((id) => traits('account', 'acme', { plan: id }, '2024-01-10', `t${id}`)),
        ...ids.slice(0, 20).map((id) => member('bob', `account of ${id}`, '2024-01-10', `j${id}`)),
        event('bob', 'Opened', '2024-01-11', { id: 'opened' }),
      ]);
      const greatest = [...ids.slice(0, 20)].sort().at(-1) ?? '';
      const rated = { events: ['Rated'] };
      for (const again of [false, true]) {
        const seen = again ? await reopen() : store;
        const of = async (node: Parameters<typeof measured>[1], subjects?: readonly string[]) =>
          (await measured(seen, node, '2024-02-01', { kind: 'account' }, 'UTC', subjects))['acme'];
        for (const subjects of [undefined, ['acme']]) {
          expect(await of(latest('score', rated, lifetime()), subjects)).toBe(999);
          expect(await of(earliest('score', rated, lifetime()), subjects)).toBe(0);
          expect(await of(countByKey({ property: 'plan' }, rated, lifetime(), 'latest'), subjects)).toEqual(new Map([['m0999', 1]])); // prettier-ignore
          expect(await of(trait('plan', 'text'), subjects)).toBe(greatest);
        }
        const snapshot = await seen.snapshot();
        expect((await snapshot.traits('account', at('2024-02-01'), 'acme')).get('acme')).toEqual({ plan: greatest });
        const [opened, newest] = await snapshot.recent('portfolio', '', at('2024-02-01'), 2);
        expect([opened?.account, newest?.id]).toEqual([`account of ${greatest}`, 'm0999']);
        await snapshot.close();
      }
    });

    test('sees traits as they were', async ({ store }) => {
      await store.append([
        traits('account', 'acme', { seats: 20 }, '2024-02-01'),
        traits('account', 'acme', { seats: 10, plan: 'pro' }, '2024-01-01'),
        traits('account', 'acme', { seats: null }, '2024-03-01'),
      ]);
      const seats = trait('seats');
      expect(await measured(store, seats, '2024-01-01')).toEqual({});
      expect(await measured(store, seats, '2024-01-01T00:00:00.001Z')).toEqual({ acme: 10 });
      expect(await measured(store, seats, '2024-02-15')).toEqual({ acme: 20 });
      expect(await measured(store, seats, '2024-03-15')).toEqual({ acme: null });
      const snapshot = await store.snapshot();
      expect(await snapshot.traits('account', at('2024-03-15'))).toEqual(new Map([['acme', { plan: 'pro' }]]));
      expect(await snapshot.traitNames('account')).toEqual(['plan', 'seats']);
      await snapshot.close();
    });

    test('opens, changes and closes in that order at one instant, whatever the message ids say', async ({ store }) => {
      const ticket = {
        key: 'id',
        open: { events: ['Opened'] },
        change: { events: ['Changed'] },
        close: { events: ['Closed'] },
      };
      const says = (id: string, name: string, time: string, properties: Properties) =>
        event('ann', name, time, { id, account: 'acme', properties });
      await store.append([
        says('1', 'Closed', '2024-01-10', { id: 'a' }),
        says('2', 'Changed', '2024-01-10', { id: 'b', weight: 7 }),
        says('3', 'Opened', '2024-01-10', { id: 'a' }),
        says('4', 'Opened', '2024-01-10', { id: 'b', weight: 1 }),
      ]);
      expect(await measured(store, spans(ticket, 'open', lifetime()), '2024-02-01')).toEqual({ acme: 1 });
      expect(await measured(store, spans(ticket, { sum: 'weight' }, lifetime()), '2024-02-01')).toEqual({ acme: 7 });
      expect(await measured(store, spans(ticket, { quantile: 0.5 }, lifetime()), '2024-02-01')).toEqual({ acme: 0 });
    });

    test('counts a cancellation when it takes effect', async ({ store }) => {
      const subscription = {
        key: 'id',
        open: { events: ['Started'] },
        close: { events: ['Cancelled'] },
        effectiveAt: 'effectiveAt',
      };
      await store.append([
        event(null, 'Cancelled', '2024-01-20', { account: 'acme', properties: { effectiveAt: '2024-02-01' } }),
        event(null, 'Started', '2024-01-01', { account: 'acme', properties: { id: 's' } }),
      ]);
      const running = spans(subscription, 'open', lifetime());
      expect(await measured(store, running, '2024-01-31')).toEqual({ acme: 1 });
      expect(await measured(store, running, '2024-02-01')).toEqual({ acme: 1 });
      expect(await measured(store, running, '2024-02-01T00:00:00.001Z')).toEqual({ acme: 0 });
    });
  });

  describe('the latest answer', () => {
    test('counts each user once, under the latest key, and nameless answers by themselves', async ({ store }) => {
      const says = (user: string | null, time: string, score: Json, account = 'acme', id?: string) =>
        event(user, 'Survey Responded', time, { account, properties: { score }, ...(id === undefined ? {} : { id }) });
      await store.append([
        says('ann', '2024-01-20', 9),
        says('ann', '2024-01-10', 3),
        says('bob', '2024-01-10', 10, 'acme', 'a'),
        says('bob', '2024-01-10', 2, 'acme', 'b'),
        says('cyd', '2024-01-10', 7),
        says('cyd', '2024-01-11', null),
        says(null, '2024-01-10', 9),
        says(null, '2024-01-11', 9),
        says('ann', '2024-01-25', 0, 'zeta'),
      ]);
      const latest = countByKey({ property: 'score' }, { events: ['Survey Responded'] }, lifetime(), 'latest');
      const counts = (entries: Readonly<Record<string, number>>) => new Map(Object.entries(entries));
      expect(await measured(store, latest, '2024-02-01')).toEqual({
        acme: counts({ 2: 1, 7: 1, 9: 3 }),
        zeta: counts({ 0: 1 }),
      });
      expect(await measured(store, latest, '2024-02-01', { kind: 'portfolio' })).toEqual({
        '': counts({ 0: 1, 2: 1, 7: 1, 9: 2 }),
      });
      expect(await measured(store, latest, '2024-01-11', { kind: 'user' })).toEqual({
        ann: counts({ 3: 1 }),
        bob: counts({ 2: 1 }),
        cyd: counts({ 7: 1 }),
      });
    });
  });

  describe('families', () => {
    const parent = (account: string, of: Json, time = '2024-01-01') => traits('account', account, { parent: of }, time);
    const family = (depth?: number): Level => ({
      kind: 'family',
      parent: 'parent',
      ...(depth === undefined ? {} : { depth }),
    });

    test('are a parent and all below it, one depth at a time', async ({ store }) => {
      await store.append([
        ...['top', 'middle', 'leaf', '7', 'alone'].map((account) => event('ann', 'Opened', '2024-01-10', { account })),
        event('bob', 'Opened', '2024-01-10'),
        parent('middle', 'top'),
        parent('leaf', 'middle'),
        parent('top', 'nobody'),
        parent('alone', ['top']),
        parent('child of seven', 7),
      ]);
      expect(await measured(store, events, '2024-02-01', family())).toEqual({ top: 3, 7: 1 });
      expect(await measured(store, events, '2024-02-01', family(1))).toEqual({ middle: 2 });
      expect(await measured(store, events, '2024-02-01', family(2))).toEqual({});
      expect(await measured(store, distinct('user', everything, lifetime()), '2024-02-01', family(0))).toEqual({ top: 1, 7: 1 }); // prettier-ignore
    });

    test('are those as of then, and a circle is none', async ({ store }) => {
      await store.append([
        ...['a', 'b', 'c'].map((account) => event('ann', 'Opened', '2024-01-10', { account })),
        parent('b', 'a', '2024-01-01'),
        parent('c', 'b', '2024-01-02'),
        parent('a', 'b', '2024-01-20'),
      ]);
      expect(await measured(store, events, '2024-01-15', family(0))).toEqual({ a: 3 });
      expect(await measured(store, events, '2024-01-15', family(1))).toEqual({ b: 2 });
      expect(await measured(store, events, '2024-02-01', family(0))).toEqual({ b: 2 });
      expect(await measured(store, events, '2024-02-01', family(1))).toEqual({});
    });

    test('have the traits of their parent, and its first days', async ({ store }) => {
      await store.append([
        traits('account', 'top', { seats: 5, signupAt: '2024-01-09' }, '2024-01-01'),
        traits('account', 'leaf', { seats: 70, signupAt: '2024-01-01', parent: 'top' }, '2024-01-01'),
        event('ann', 'Opened', '2024-01-02', { account: 'leaf' }),
        event('ann', 'Opened', '2024-01-10', { account: 'leaf' }),
      ]);
      expect(await measured(store, trait('seats'), '2024-02-01', family())).toEqual({ top: 5 });
      const first = count(everything, firstDays(3, since('signupAt')));
      expect(await measured(store, first, '2024-02-01', family())).toEqual({ top: 1 });
    });

    test(
      'are of users where every user is an account',
      async ({ store }) => {
        await store.append([
          event('ann', 'Opened', '2024-01-10'),
          event('bob', 'Opened', '2024-01-10'),
          traits('user', 'bob', { parent: 'ann' }, '2024-01-01'),
        ]);
        expect(await measured(store, events, '2024-02-01', family())).toEqual({ ann: 2 });
      },
      { zone: 'UTC', accounts: 'users' },
    );
  });

  describe('snapshots', () => {
    test('do not see what is appended later', async ({ store }) => {
      await store.append([event('ann', 'Opened', '2024-01-10', { account: 'acme' })]);
      const snapshot = await store.snapshot();
      await store.append([
        event('ann', 'Opened', '2024-01-11', { account: 'acme' }),
        traits('account', 'acme', { plan: 'pro' }, '2024-01-01'),
      ]);
      expect(await snapshot.recent('account', 'acme', at('2024-02-01'), 10)).toHaveLength(1);
      expect(await snapshot.traitNames('account')).toEqual([]);
      await snapshot.close();
      expect(await measured(store, events, '2024-02-01')).toEqual({ acme: 2 });
    });

    test('show the latest events that say something', async ({ store }) => {
      const said = (id: string, time: string, properties: Properties, account = 'acme') =>
        event('ann', 'Survey Responded', time, { id, account, properties });
      await store.append([
        said('1', '2024-01-10', { comment: 'slow' }),
        said('2', '2024-01-11', { comment: null, score: 3 }),
        said('3', '2024-01-12', { reason: ['price'] }, 'zeta'),
        said('4', '2024-01-13T00:00:00Z', { comment: '' }),
        event('ann', 'Opened', '2024-01-12', { account: 'acme', properties: { comment: 'no answer' } }),
      ]);
      const snapshot = await store.snapshot();
      const asOf = at('2024-02-01');
      const filter: Filter = { events: ['Survey Responded'] };
      const ids = async (
        of: 'account' | 'portfolio',
        limit: number,
        properties: readonly string[],
        window: Window = lifetime(),
      ) => {
        const resolved = resolveWindow(window, asOf, zoneOf('UTC'));
        if (resolved.kind !== 'days') throw new Error('a window of fixed days');
        const subject = of === 'account' ? 'acme' : '';
        return (await snapshot.recent(of, subject, asOf, limit, { filter, window: resolved, properties })).map(
          ({ id }) => id,
        );
      };
      expect(await ids('account', 9, ['comment'])).toEqual(['4', '1']);
      expect(await ids('account', 1, ['comment'])).toEqual(['4']);
      expect(await ids('portfolio', 9, ['comment', 'reason'])).toEqual(['4', '3', '1']);
      expect(await ids('portfolio', 9, ['comment', 'score'], last('20d'))).toEqual(['4']);
      expect(await ids('portfolio', 9, [])).toEqual([]);
      expect((await snapshot.recent('portfolio', '', asOf, 2)).map(({ id }) => id)).toHaveLength(2);
      await snapshot.close();
    });

    test('live side by side', async ({ store }) => {
      const early = await store.snapshot();
      await store.append([event('ann', 'Opened', '2024-01-10', { account: 'acme' })]);
      const late = await store.snapshot();
      expect(await early.recent('account', 'acme', at('2024-02-01'), 10)).toHaveLength(0);
      expect(await late.recent('account', 'acme', at('2024-02-01'), 10)).toHaveLength(1);
      await early.close();
      expect(await late.recent('user', 'ann', at('2024-02-01'), 10)).toHaveLength(1);
      await late.close();
    });
  });

  describe('erasure', () => {
    const world = [
      member('ann', 'acme', '2024-01-01', 'm1'),
      member('ann', 'zeta', '2024-01-15', 'm2'),
      event('ann', 'Opened', '2024-01-10', { id: 'e1' }),
      event('ann', 'Opened', '2024-01-20', { id: 'e2' }),
      event('bob', 'Opened', '2024-01-20', { id: 'e3', account: 'acme' }),
      traits('account', 'acme', { plan: 'pro' }, '2024-01-01', 't1'),
      traits('user', 'ann', { name: 'Ann' }, '2024-01-01', 't2'),
    ];

    test('of an account takes its events and traits, and leaves those of others', async ({ store, reopen }) => {
      await store.append(world);
      expect(await store.erase({ kind: 'account', id: 'acme' })).toMatchObject({ events: 2 });
      expect(await measured(store, events, '2024-02-01')).toEqual({ zeta: 1 });
      expect(await measured(store, events, '2024-02-01', { kind: 'user' })).toEqual({ ann: 1 });
      expect(await store.append(world)).toEqual({ accepted: 0, duplicates: 7 });
      const again = await reopen();
      expect(await measured(again, events, '2024-02-01')).toEqual({ zeta: 1 });
      expect(await again.append(world)).toEqual({ accepted: 0, duplicates: 7 });
      expect(await again.stats()).toEqual({
        events: 1,
        accounts: 1,
        users: 1,
        from: at('2024-01-20'),
        to: at('2024-01-20'),
      });
    });

    test('of a user takes the user out of every account', async ({ store }) => {
      await store.append(world);
      expect(await store.erase({ kind: 'user', id: 'ann' })).toMatchObject({ events: 2 });
      expect(await measured(store, distinct('user', everything, lifetime()), '2024-02-01')).toEqual({ acme: 1 });
      const snapshot = await store.snapshot();
      expect(await snapshot.traitNames('user')).toEqual([]);
      expect(await snapshot.recent('user', 'ann', at('2024-02-01'), 10)).toEqual([]);
      await snapshot.close();
      expect(await store.append(world)).toEqual({ accepted: 0, duplicates: 7 });
      await store.append([event('ann', 'Opened', '2024-01-25')]);
      expect(await measured(store, events, '2024-02-01')).toEqual({ acme: 1 });
    });

    test('of nobody is no error', async ({ store }) => {
      expect(await store.erase({ kind: 'user', id: 'nobody' })).toMatchObject({ events: 0 });
    });
  });

  describe('the calendar', () => {
    const night = [
      event('ann', 'Opened', '2024-03-09T23:30:00-05:00', { account: 'acme' }),
      event('ann', 'Opened', '2024-03-10T00:00:00-05:00', { account: 'acme' }),
      event('ann', 'Opened', '2024-03-10T23:59:59.999-04:00', { account: 'acme' }),
      event('ann', 'Opened', '2024-03-11T00:00:00-04:00', { account: 'acme' }),
    ];
    test(
      'cuts days at midnight of the zone on both sides of a change of clocks',
      async ({ store }) => {
        await store.append(night);
        const zone = 'America/New_York';
        expect(
          await measured(store, distinct('day', everything, lifetime()), '2024-04-01', { kind: 'account' }, zone),
        ).toEqual({ acme: 3 });
        expect(
          await measured(store, count(everything, last('1d')), '2024-03-11T00:00:00-04:00', { kind: 'account' }, zone),
        ).toEqual({ acme: 2 });
      },
      { zone: 'America/New_York' },
    );
  });

  describe('opening', () => {
    it('refuses another zone than the one it was made with', { timeout: 60_000 }, async () => {
      const opened = await open({ zone: 'Europe/Berlin' });
      try {
        expect(opened.store.zone).toBe('Europe/Berlin');
        await rejectsWith(opened.reopen({ zone: 'Asia/Kathmandu' }), 'RAPPORT_STORE_ZONE_CHANGED');
        expect((await opened.reopen()).zone).toBe('Europe/Berlin');
      } finally {
        await opened.dispose();
      }
    });

    test('says where it is, and nothing secret', async ({ store }) => {
      await store.declare(['amount', `"; drop table events; --`, '$x.y', '']);
      expect(store.location).toMatch(/^[a-z]+:/);
      expect(store.location).not.toMatch(/\/\/[^/]*@/);
    });

    test(
      'can make every user an account of its own',
      async ({ store }) => {
        await store.append([
          event('ann', 'Opened', '2024-01-10', { account: 'acme' }),
          event(null, 'Opened', '2024-01-10', { account: 'acme' }),
          traits('user', 'ann', { plan: 'plus' }, '2024-01-01'),
        ]);
        expect(await measured(store, events, '2024-02-01')).toEqual({ ann: 1 });
        expect(await measured(store, events, '2024-02-01', { kind: 'portfolio', by: 'plan' })).toEqual({ plus: 1 });
        expect(await measured(store, events, '2024-02-01', { kind: 'portfolio' })).toEqual({ '': 2 });
      },
      { zone: 'UTC', accounts: 'users' },
    );
  });
}
