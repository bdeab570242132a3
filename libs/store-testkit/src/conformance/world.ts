import type { Filter, Node, Qualification, Spans, Where, Window } from '@rapport/sdk';
import fc from 'fast-check';
import type { Json, Level, MeasureNode, Message, Properties, StoreOptions } from '@rapport/store';
import { zone as zoneOf } from '@rapport/sdk/time';

/*
 * Small worlds made to hurt: few users in several accounts, equal instants, events on the edge of days and windows and one
 * millisecond beside it, days on which clocks change, values of the wrong type, names that upset databases.
 */

export interface World {
  readonly options: StoreOptions;
  /** In order of arrival. */
  readonly batches: readonly (readonly Message[])[];
  /** Each is asked all the measures. */
  readonly questions: readonly { readonly level: Level; readonly asOf: number }[];
  readonly measures: readonly MeasureNode[];
  /** Picks subjects where only some are asked for. */
  readonly some: number;
  /** How long before an instant changes are asked since, ms; the beginning of its day at most. */
  readonly ago: number;
  readonly stream: { readonly filter: Filter; readonly window: Window; readonly properties: readonly string[] };
}

/** Zones, each with a date (UTC) about which its calendar does something. */
const PLACES: readonly (readonly [zone: string, year: number, month: number, day: number])[] = [
  ['UTC', 2024, 2, 29],
  ['America/New_York', 2024, 3, 10],
  ['America/New_York', 2024, 11, 3],
  ['Europe/Berlin', 2024, 3, 31],
  ['Europe/Berlin', 2023, 10, 29],
  ['Asia/Kathmandu', 2023, 12, 31],
  ['Pacific/Apia', 2011, 12, 30], // a day that does not exist there
  ['America/Sao_Paulo', 2018, 11, 4], // a day without its first hour
  ['Australia/Lord_Howe', 2024, 4, 7], // clocks go back by half an hour
];
const DAY = 86_400_000;
const MINUTE = 60_000;

/** Gaps on both sides of the idle timeouts, and of the 24 hours of an explicit session. */
const GAPS = [
  0,
  1,
  20_000,
  ...[1, 5, 30].flatMap((minutes) => [minutes * MINUTE, minutes * MINUTE + 1]),
  10 * MINUTE,
  DAY,
  DAY + 1,
];

const USERS = ['ann', "o'brien", '__proto__', 'Zoë ✓'];
const ACCOUNTS = ['acme', 'a"b\\c', '__proto__', '💼 & co', '\uFF5E wave', '7'];
const SESSIONS = ['s1', 's2', 'constructor'];
const NAMES = [
  'Opened',
  'Feature Used',
  'Ticket Opened',
  'Ticket Changed',
  'Ticket Closed',
  `it's "$odd".name`,
  '__proto__',
  'ОТКРЫТО',
];
const USUAL = ['amount', 'feature', 'ticketId', 'effectiveAt'];
const ODD = ['$cost', 'a.b', '__proto__', '', `it's "q"`, 'größe'];
const PROPERTIES = [...USUAL, ...ODD];
const TRAITS = ['plan', 'seats', 'signupAt', 'parent', '__proto__', '$tier.x'];

const NUMBERS = [0, 1, 2, 3, 5, 10, -2.5, 0.1, 0.2, 1234.55, 0.0007, 1 / 3, 1_000_000, 1e21];
const TEXTS = [
  '',
  'a',
  'A',
  'b',
  'é',
  '12',
  'true',
  'null',
  `"'`,
  '$amount',
  '😀',
  'plan pro',
  '2024-02-30',
  '2024-03-10T12:00:00',
];
const oddJson = fc.constantFrom<Json>(null, [], [1], {}, { $gt: 1 }, { 'a.b': null, __proto__x: [true] }, true, false);

/** A value in `often` of ten cases, else null. */
const maybe = <T>(often: number, value: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: often, arbitrary: value }, { weight: 10 - often, arbitrary: fc.constant(null) });

const small = <T>(values: readonly T[]) => fc.constantFrom(...values);

/** Instants about an anchor: mostly the last days before it, on edges of days, and steps that idle timeouts and ties care about. */
function instants(anchor: number, zone: string): fc.Arbitrary<number> {
  const calendar = zoneOf(zone);
  const today = calendar.dayOf(anchor);
  const days = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -3, max: 1 }) },
    { weight: 3, arbitrary: fc.constantFrom(-6, -7, -8, -13, -14, -29, -30, -31, -59, -60) },
    { weight: 1, arbitrary: fc.integer({ min: -400, max: 3 }) },
  );
  const steps = fc.oneof(
    { weight: 3, arbitrary: small([-1, 0, 0, 1]) },
    { weight: 4, arbitrary: small(GAPS) },
    { weight: 2, arbitrary: small([60, 90, 119, 120, 121, 180, 1000, 1439].map((minutes) => minutes * MINUTE)) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: DAY }) },
  );
  return fc.tuple(days, steps).map(([day, step]) => calendar.startOfDay(today + day) + step);
}

const isoOf = (instant: number, style: number): Json => {
  const iso = new Date(instant).toISOString();
  switch (style) {
    case 0:
      return instant;
    case 1:
      return iso;
    case 2:
      return iso.slice(0, 10);
    case 3:
      return iso.slice(0, 19);
    case 4:
      return `${new Date(instant + 330 * MINUTE).toISOString().slice(0, 22)}+05:30`;
    case 5:
      return `${iso.slice(0, 10)} ${iso.slice(11, -1)}789+00`;
    default:
      return `${iso.slice(5, 7)}/${iso.slice(8, 10)}/${iso.slice(0, 4)}`; // not a notation that is read
  }
};

const value = (time: fc.Arbitrary<number>): fc.Arbitrary<Json> =>
  fc.oneof(
    { weight: 4, arbitrary: small<Json>(NUMBERS) },
    { weight: 4, arbitrary: small<Json>(TEXTS) },
    {
      weight: 2,
      arbitrary: fc.tuple(time, fc.integer({ min: 0, max: 6 })).map(([instant, style]) => isoOf(instant, style)),
    },
    { weight: 2, arbitrary: oddJson },
  );

/** An object with own properties of any name (`__proto__` too): the usual ones often, the odd ones now and then. */
const record = (
  usual: readonly string[],
  odd: readonly string[],
  values: (name: string) => fc.Arbitrary<Json>,
): fc.Arbitrary<Properties> =>
  fc
    .tuple(
      ...usual.map((name) =>
        maybe(
          7,
          values(name).map((json) => [name, json] as const),
        ),
      ),
      ...odd.map((name) =>
        maybe(
          2,
          values(name).map((json) => [name, json] as const),
        ),
      ),
    )
    .map((entries) => Object.fromEntries(entries.filter((entry) => entry !== null)));

/** What happens in one stroke: a single message, or some events of one user in quick succession. */
function strokes(
  time: fc.Arbitrary<number>,
  users: readonly string[],
  accounts: readonly string[],
): fc.Arbitrary<readonly Message[]> {
  const id = fc.integer({ min: 0, max: 3000 }).map((n) => `${['m', 'M', 'é', "m'", 'm ', '０'][n % 6] ?? ''}${n}`);
  const instant = fc.tuple(time, fc.integer({ min: 0, max: 6 })).map(([at, style]) => isoOf(at, style));
  const properties = record(USUAL, ODD, (name) => {
    switch (name) {
      case 'amount':
        return fc.oneof({ weight: 5, arbitrary: small<Json>(NUMBERS) }, { weight: 1, arbitrary: value(time) });
      case 'feature':
        return fc.oneof({ weight: 5, arbitrary: small<Json>(TEXTS) }, { weight: 1, arbitrary: value(time) });
      case 'ticketId':
        return fc.oneof({ weight: 6, arbitrary: small<Json>(['T1', 'T2', '', 7]) }, { weight: 1, arbitrary: oddJson });
      case 'effectiveAt':
        return fc.oneof({ weight: 4, arbitrary: instant }, { weight: 1, arbitrary: value(time) });
      default:
        return value(time);
    }
  });
  const name = small([...NAMES, 'Ticket Opened', 'Ticket Changed', 'Ticket Closed']);
  const account = maybe(5, small(accounts));
  const session = maybe(3, small(SESSIONS));
  const single = fc.record({
    id,
    time,
    event: fc.record({ name, user: maybe(9, small(users)), account, session, properties }),
  });
  const burst = fc
    .record({
      start: time,
      user: small(users),
      first: account,
      session,
      steps: fc.array(fc.record({ id, gap: small(GAPS), name, properties, elsewhere: maybe(3, small(accounts)) }), {
        minLength: 2,
        maxLength: 8,
        size: 'max',
      }),
    })
    .map(({ start, user, first, session, steps }) => {
      let at = start;
      return steps.map(({ id, gap, name, properties, elsewhere }): Message => {
        at += gap;
        return { id, time: at, event: { name, user, account: elsewhere ?? first, session, properties } };
      });
    });
  const traitValues = record(['plan', 'seats', 'signupAt', 'parent'], ['__proto__', '$tier.x'], (name) => {
    switch (name) {
      case 'signupAt':
        return fc.oneof({ weight: 6, arbitrary: instant }, { weight: 1, arbitrary: oddJson });
      case 'parent':
        // Users are accounts where every user is one. Few of them, so that there are chains and circles.
        return fc.oneof(
          { weight: 6, arbitrary: small<Json>([...accounts, ...users, 7]) },
          { weight: 1, arbitrary: oddJson },
        );
      default:
        return fc.oneof(
          { weight: 4, arbitrary: small<Json>(['pro', 'free', '', 3, true, 0.1, null]) },
          { weight: 1, arbitrary: value(time) },
        );
    }
  });
  const member = fc.record({ user: small(users), account: small(accounts) });
  const accountTraits = fc.record({
    of: fc.constant('account' as const),
    subject: small(accounts),
    values: traitValues,
  });
  const userTraits = fc.record({ of: fc.constant('user' as const), subject: small(users), values: traitValues });
  const one = (message: fc.Arbitrary<Message>) => message.map((alone) => [alone]);
  return fc.oneof(
    { weight: 6, arbitrary: one(single) },
    { weight: 5, arbitrary: burst },
    { weight: 2, arbitrary: one(fc.record({ id, time, member })) },
    { weight: 2, arbitrary: one(fc.record({ id, time, member, traits: accountTraits })) },
    { weight: 2, arbitrary: one(fc.record({ id, time, traits: accountTraits })) },
    { weight: 3, arbitrary: one(fc.record({ id, time, traits: userTraits })) },
  );
}

/** Values that conditions compare with: order by code unit and by code point is the same for these. */
const scalars = fc.oneof(
  small<string | number | boolean>([...NUMBERS]),
  small<string | number | boolean>(['', 'a', 'b', 'é', '12', 'true', true, false]),
);

const where: fc.Arbitrary<Where> = fc.letrec<{ where: Where }>((tie) => ({
  where: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    fc.record({
      property: small(PROPERTIES),
      operator: small(['equal', 'lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive'] as const),
      value: scalars,
    }),
    fc.record({
      property: small(PROPERTIES),
      operator: fc.constant('in' as const),
      value: fc.array(scalars, { maxLength: 3 }),
    }),
    fc.record({ property: small(PROPERTIES), operator: fc.constant('exists' as const) }),
    fc.record({ all: fc.array(tie('where'), { maxLength: 2 }) }),
    fc.record({ any: fc.array(tie('where'), { maxLength: 2 }) }),
    fc.record({ not: tie('where') }),
  ),
})).where;

const names = fc.subarray(NAMES, { minLength: 1 });
const filter: fc.Arbitrary<Filter> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  { weight: 8, arbitrary: fc.record({ events: names }) },
  { weight: 4, arbitrary: fc.record({ where }) },
  { weight: 2, arbitrary: fc.record({ events: names, where }) },
  { weight: 1, arbitrary: fc.constant({ events: [] }) },
);

const fixedWindow: fc.Arbitrary<Window> = fc.oneof(
  fc.record({ kind: fc.constant('last' as const), days: small([1, 2, 7, 14, 30]) }),
  fc.record({ kind: fc.constant('preceding' as const), days: small([1, 7, 30]) }),
  fc.record({
    kind: fc.constant('calendar' as const),
    unit: small(['week', 'month', 'quarter', 'year'] as const),
    offset: small([0, 0, -1, -2, 1]),
  }),
  fc.record({
    kind: fc.constant('complete' as const),
    unit: small(['week', 'month', 'quarter', 'year'] as const),
    back: small([1, 1, 2]),
  }),
);
const firstDays: fc.Arbitrary<Window> = fc.record({
  kind: fc.constant('firstDays' as const),
  days: small([1, 3, 7]),
  since: fc.constant({ trait: 'signupAt' }),
});
const window: fc.Arbitrary<Window> = fc.oneof(
  { weight: 5, arbitrary: fixedWindow },
  { weight: 2, arbitrary: fc.constant({ kind: 'lifetime' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('before' as const),
      edge: small(['start', 'end'] as const),
      of: fixedWindow,
    }),
  },
  { weight: 2, arbitrary: firstDays },
);

type NodeOf<N> = Extract<Node, { readonly node: N }>;

/** Every kind of measure once, over a few windows and filters that they share. */
function measures(): fc.Arbitrary<readonly MeasureNode[]> {
  return fc
    .record({
      windows: fc.array(window, { minLength: 2, maxLength: 4 }),
      filters: fc.array(filter, { minLength: 2, maxLength: 4 }),
    })
    .chain(({ windows, filters }) => {
      const over = { filter: small(filters), window: small(windows) };
      const is = <const T>(literal: T) => fc.constant(literal);
      const property = small(['amount', 'amount', 'amount', ...PROPERTIES]);
      const qualifying: fc.Arbitrary<readonly Qualification[]> = fc.array(
        fc
          .tuple(small([...filters, { events: ['Opened'] }]), small([0, 1, 1, 2, 3]))
          .map(([base, atLeast]) => ({ ...base, atLeast })),
        { minLength: 1, maxLength: 2 },
      );
      const spans: fc.Arbitrary<Spans> = fc
        .record({
          key: small(['ticketId', 'ticketId', 'feature']),
          open: small<Filter>([{ events: ['Ticket Opened'] }, { events: ['Ticket Opened', 'Opened'] }]),
          close: small<Filter>([
            { events: ['Ticket Closed'] },
            { events: ['Ticket Closed', 'Ticket Opened'] },
            ...filters,
          ]),
          change: small<Filter | null>([
            null,
            { events: ['Ticket Changed'] },
            { events: ['Ticket Changed', 'Ticket Opened'] },
          ]),
          effectiveAt: small([null, 'effectiveAt']),
        })
        .map(({ change, effectiveAt, ...rest }) => ({
          ...rest,
          ...(change ? { change } : {}),
          ...(effectiveAt === null ? {} : { effectiveAt }),
        }));
      const edged = small([...windows, { kind: 'lifetime' as const }, { kind: 'preceding' as const, days: 1 }]);
      const q = small([0, 0.25, 0.5, 0.9, 1]);
      const idleMinutes = small([1, 5, 30]);
      const distinct = (of: NodeOf<'distinct'>['of']) => fc.record({ node: is('distinct'), of: is(of), ...over });
      const distinctQualifying = (of: NodeOf<'distinct'>['of']) =>
        fc.record({ node: is('distinct'), of: is(of), ...over, qualifying });
      const edge = (node: 'earliest' | 'latest', as: 'number' | 'text' | 'time') =>
        fc.record({
          node: is(node),
          of: fc.record({ property: as === 'time' ? small(['effectiveAt', 'amount']) : property, as: is(as) }),
          ...over,
        });
      const all: readonly fc.Arbitrary<MeasureNode>[] = [
        fc.record({ node: is('count'), ...over }),
        ...(['sum', 'min', 'max', 'mean'] as const).map((node) => fc.record({ node: is(node), property, ...over })),
        fc.record({ node: is('quantile'), property, q, ...over }),
        ...(['user', 'newUser', 'session', 'day', 'event'] as const).map(distinct),
        fc.record({ node: is('distinct'), of: fc.record({ property }), ...over }),
        ...(['user', 'newUser', 'day'] as const).map(distinctQualifying),
        ...(['earliest', 'latest'] as const).flatMap((node) => [
          edge(node, 'number'),
          edge(node, 'text'),
          edge(node, 'time'),
          fc.record({ node: is(node), of: is('time'), ...over }),
        ]),
        ...(['events', 'users', 'latest'] as const).flatMap((of) => [
          fc.record({ node: is('countByKey'), key: is('event'), of: is(of), ...over }),
          fc.record({ node: is('countByKey'), key: fc.record({ property }), of: is(of), ...over }),
        ]),
        ...(['count', 'seconds'] as const).map((of) =>
          fc.record({ node: is('sessions'), of: is(of), idleMinutes, ...over }),
        ),
        fc.record({ node: is('sessions'), of: fc.record({ quantile: q }), idleMinutes, ...over }),
        fc.record({ node: is('activeTime'), idleMinutes, ...over }),
        fc.record({ node: is('activeTime'), idleMinutes: is(5), filter: is({}), window: edged }),
        fc.record({ node: is('count'), filter: is({}), window: firstDays }),
        ...(['opened', 'closed', 'open', 'open'] as const).map((of) =>
          fc.record({ node: is('spans'), spans, of: is(of), window: edged }),
        ),
        fc.record({ node: is('spans'), spans, of: fc.record({ sum: is('amount') }), window: edged }),
        fc.record({ node: is('spans'), spans, of: fc.record({ sum: property }), window: over.window }),
        fc.record({
          node: is('spans'),
          spans,
          of: fc.record({ sum: is('amount'), atLeast: small([-2.5, 0, 3]) }),
          window: edged,
        }),
        fc.record({ node: is('spans'), spans, of: fc.record({ quantile: q }), window: over.window }),
        ...(['events', 'users'] as const).map((of) => fc.record({ node: is('series'), of: is(of), ...over })),
        fc.record({ node: is('series'), of: is('users'), ...over, qualifying }),
        fc.record({ node: is('series'), of: fc.record({ sum: property }), ...over }),
        fc.record({ node: is('meanPerDay'), ...over }),
        fc.record({ node: is('meanPerDay'), ...over, qualifying }),
        ...(['number', 'text', 'time', 'json'] as const).map((as) =>
          fc.record({ node: is('trait'), name: as === 'time' ? is('signupAt') : small(TRAITS), as: is(as) }),
        ),
      ];
      return fc.tuple(...all);
    });
}

/** Consecutive batches of one arrival. */
function cutAt(messages: readonly Message[], cuts: readonly number[]): readonly (readonly Message[])[] {
  const edges = [0, ...[...cuts].sort((a, b) => a - b), messages.length];
  return edges.slice(1).map((end, i) => messages.slice(edges[i], end));
}

const ALL_LEVELS: readonly Level[] = [
  { kind: 'account' },
  { kind: 'user' },
  { kind: 'portfolio' },
  { kind: 'portfolio', by: 'plan' },
  { kind: 'family', parent: 'parent', depth: 0 },
];
const SOME_LEVELS: readonly (readonly Level[])[] = [
  [{ kind: 'account' }],
  [{ kind: 'user' }],
  [{ kind: 'portfolio' }],
  [{ kind: 'portfolio', by: '__proto__' }],
  [{ kind: 'family', parent: 'parent', depth: 1 }],
];

/** The worlds. */
export const worlds: fc.Arbitrary<World> = fc
  .tuple(small(PLACES), fc.boolean())
  .chain(([[zone, year, month, day], late]) => {
    const anchor = Date.UTC(year, month - 1, day, 12) + (late ? DAY : 0);
    const anywhere = instants(anchor, zone);
    return fc.tuple(
      fc.constant({ zone, anchor, anywhere }),
      fc.array(anywhere, { minLength: 4, maxLength: 8, size: 'max' }),
    );
  })
  .chain(([{ zone, anchor, anywhere }, pool]) => {
    // Many things happen at one instant, and what is asked for begins and ends there.
    const time = fc.oneof({ weight: 3, arbitrary: small(pool) }, { weight: 2, arbitrary: anywhere });
    const edge = fc.tuple(small(pool), small([0, 1])).map(([instant, after]) => instant + after);
    return fc.record({
      options: fc.record({
        zone: fc.constant(zone),
        accounts: small(['groups', 'groups', 'groups', 'users'] as const),
      }),
      batches: fc
        .tuple(
          fc.subarray(USERS, { minLength: 1, maxLength: 3 }),
          fc.subarray(ACCOUNTS, { minLength: 1, maxLength: 3 }),
        )
        .chain(([users, accounts]) => fc.array(strokes(time, users, accounts), { maxLength: 45, size: 'max' }))
        .chain((all) =>
          fc.tuple(
            fc.constant(all.flat()),
            fc.array(fc.nat({ max: all.flat().length }), { minLength: 0, maxLength: 3 }),
          ),
        )
        .map(([messages, cuts]) => cutAt(messages, cuts)),
      questions: fc
        .tuple(edge, fc.oneof(fc.constant(anchor + 2 * DAY), time), small<readonly Level[]>(SOME_LEVELS))
        .map(([early, late, some]) => [
          ...ALL_LEVELS.map((level) => ({ level, asOf: late })),
          ...some.map((level) => ({ level, asOf: early })),
        ]),
      measures: measures(),
      some: fc.nat({ max: 255 }),
      ago: fc.oneof(small(GAPS), fc.nat({ max: DAY })),
      stream: fc.record({ filter, window, properties: fc.subarray(PROPERTIES) }),
    });
  });
