import fc from 'fast-check';
import { type Zone, zone as zoneOf } from '@rapport/sdk/time';
import type { Json, Properties } from '@rapport/store';
import { resolveWindow } from '@rapport/store';
import { type Call, group, identify, track } from './call.js';
import type { Vocabulary } from './vocabulary.js';

/*
 * Small worlds made to hurt: few users in two accounts, instants on the edges of the metric's windows and one millisecond beside them, gaps at
 * its timeouts, ties, days on which clocks change, values of the wrong type.
 */

/** A world to try a metric in. */
export interface Trial {
  readonly zone: string;
  readonly accounts: 'groups' | 'users';
  /** Epoch ms. */
  readonly asOf: number;
  /** In no order; those at or after `asOf` must not matter. */
  readonly calls: readonly Call[];
}

/** Values that properties and traits take, where the usual ones will not do. */
export interface Values {
  readonly properties?: Readonly<Record<string, readonly Json[]>>;
  readonly traits?: Readonly<Record<string, readonly Json[]>>;
}

/** Zones, each with a day about which its calendar does something. */
export const PLACES = [
  ['UTC', '2024-02-29'],
  ['Europe/Berlin', '2024-03-31'],
  ['America/New_York', '2024-11-03'],
  ['Asia/Kathmandu', '2023-12-31'],
  ['Pacific/Apia', '2011-12-30'], // a day that does not exist there
  ['America/Sao_Paulo', '2018-11-04'], // a day without its first hour
  ['Australia/Lord_Howe', '2024-04-07'], // clocks go back by half an hour
] as const;
export type Place = (typeof PLACES)[number];

const DAY = 86_400_000;
const HOUR = 3_600_000;
const USERS = ['ann', 'bob', 'eve'];
const ACCOUNTS = ['acme', 'zeta'];
/** By which trait the portfolio is broken down. */
export const GROUP = 'plan';

/** Where and when a trial takes place. */
export interface Setting {
  readonly place: Place;
  /** Days from the day on which the place's calendar changes to that of `asOf`, and ms into it. */
  readonly later: number;
  readonly into: number;
  readonly accounts: Trial['accounts'];
}
const settings: fc.Arbitrary<Setting> = fc.record({
  place: fc.constantFrom(...PLACES),
  later: fc.constantFrom(1, 1, 2, 8, 20, 40),
  into: fc.constantFrom(0, 0, 0, 1, 11 * HOUR, 13 * HOUR + 37, DAY - HOUR - 1),
  accounts: fc.constantFrom('groups', 'groups', 'groups', 'users'),
});

/**
 * Random trials, made by `making`: a few users in two accounts, or many accounts and users with one event each.
 *
 * @param setting where all of them take place; default: anywhere
 */
export const trialsOf = (
  vocabulary: Vocabulary,
  values: Values,
  making: 'few' | 'singles' = 'few',
  setting?: Setting,
): fc.Arbitrary<Trial> =>
  (setting ? fc.constant(setting) : settings).chain(({ place: [name, date], later, into, accounts }) => {
    const zone = zoneNamed(name);
    const change = zone.dayOf(Date.parse(date) + DAY / 2);
    const asOf = zone.startOfDay(change + later) + into;
    const make = making === 'singles' ? singlesOf : callsOf;
    return make(vocabulary, values, edgesOf(vocabulary, asOf, zone, change), asOf).map((calls): Trial => ({
      zone: name,
      accounts,
      asOf,
      calls,
    }));
  });

const zones = new Map<string, Zone>();
/** A zone that remembers its offsets. */
export function zoneNamed(name: string): Zone {
  const zone = zones.get(name) ?? zoneOf(name);
  zones.set(name, zone);
  return zone;
}

/** The instants that the metric's windows turn on, and those one millisecond beside them. */
export function edgesOf(
  vocabulary: Vocabulary,
  asOf: number,
  zone: Zone,
  ...more: readonly number[]
): readonly number[] {
  const today = zone.dayOf(asOf - 1);
  const ages = [0, 1, ...[...vocabulary.ages].flatMap((days) => [days - 1, days, days + 1, 2 * days])];
  const windows = vocabulary.windows.map((window) => resolveWindow(window, asOf, zone));
  const days = new Set([
    ...[today - 1, today, today + 1, ...more, ...more.map((day) => day + 1)],
    ...ages.filter((age) => age >= 0 && age < 10_000).map((age) => today - Math.ceil(age)),
    ...windows.flatMap((window) => (window.kind === 'days' ? [window.from ?? today, window.to + 1] : [])),
  ]);
  const edges = [...[...days].map((day) => zone.startOfDay(day)), asOf];
  return [...new Set(edges.flatMap((edge) => [edge - 1, edge, edge + 1]))].sort((a, b) => a - b);
}

const small = <T>(values: readonly T[]) => fc.constantFrom(...values);
const often = <T>(arbitrary: fc.Arbitrary<T>, freq: number) => fc.option(arbitrary, { freq });

/** Identifies a call: order by id is not order of time or of the list. */
const idOf = (i: number) => `m${String((i * 89) % 251).padStart(3, '0')}`;
type Unnamed = (id: string) => Call;
/** What an event says about its account and session; null: nothing. */
interface Where {
  readonly account: string | null;
  readonly session: string | null;
}

/** What calls are made of. */
function piecesOf(vocabulary: Vocabulary, values: Values, edges: readonly number[], asOf: number) {
  // A third of the time is before every window: who was there already is not new.
  const span = Math.min(asOf - Math.min(asOf - 30 * DAY, ...edges), 800 * DAY);
  const earliest = asOf - Math.ceil(1.5 * span);
  const time = fc.oneof(
    { weight: 4, arbitrary: small(edges) },
    { weight: 2, arbitrary: fc.integer({ min: asOf - 3 * DAY, max: asOf - 1 }) },
    { weight: 3, arbitrary: fc.integer({ min: earliest, max: asOf - 1 }) },
  );
  const property = (name: string) =>
    valueOf(vocabulary, name, values.properties?.[name], vocabulary.properties.get(name) ?? [], time);
  const properties = recordOf([...vocabulary.properties.keys(), ...Object.keys(values.properties ?? {})], property);
  const traits = recordOf([...vocabulary.traits, ...Object.keys(values.traits ?? {})], (name) =>
    valueOf(vocabulary, name, values.traits?.[name], vocabulary.traitValues.get(name) ?? [], time),
  );
  return { earliest, time, properties, traits, event: small([...vocabulary.events]) };
}

function callsOf(
  vocabulary: Vocabulary,
  values: Values,
  edges: readonly number[],
  asOf: number,
): fc.Arbitrary<readonly Call[]> {
  const { earliest, time, properties, traits, event } = piecesOf(vocabulary, values, edges, asOf);
  const where: fc.Arbitrary<Where> = fc.record({
    account: often(small(ACCOUNTS), 4),
    session: often(small(['s1', 's2']), 1),
  });

  const single = fc
    .record({ who: often(small(USERS), 9), event, time, properties, where })
    .map(({ who, event, time, properties, where }): readonly Unnamed[] => [
      (id) => track(who, event, time, properties, { id, ...present(where) }),
    ]);
  const gap = small([0, 1, 60_000, ...[...vocabulary.gaps, DAY].flatMap((idle) => [idle - 1, idle, idle + 1])]);
  const burst = fc
    .record({
      who: small(USERS),
      start: time,
      where,
      steps: fc.array(fc.record({ event, properties, gap }), { minLength: 2, maxLength: 6, size: 'max' }),
    })
    .map(({ who, start, where, steps }) => {
      let at = start;
      return steps.map(({ event, properties, gap }): Unnamed => {
        const time = at;
        at += gap;
        return (id) => track(who, event, time, properties, { id, ...present(where) });
      });
    });
  const grouped = fc
    .record({ account: small(ACCOUNTS), traits, time, member: often(small(USERS), 3) })
    .map(({ account, traits, time, member }): readonly Unnamed[] => [
      (id) => ({ ...group(account, traits, time, member ?? undefined), messageId: id }),
    ]);
  const identified = fc
    .record({ user: small(USERS), traits, time })
    .map(({ user, traits, time }): readonly Unnamed[] => [
      (id) => ({ ...identify(user, traits, time), messageId: id }),
    ]);
  // A subject of each kind that is known, and nothing more.
  const quiet: readonly Unnamed[] = [
    (id) => ({ ...group('quiet', {}, earliest, 'quiet'), messageId: id }),
    (id) => ({ ...identify('quiet', {}, earliest), messageId: id }),
  ];
  const strokes = fc.oneof(
    { weight: 5, arbitrary: single },
    { weight: 4, arbitrary: burst },
    ...(vocabulary.spans.length > 0 ? [{ weight: 4, arbitrary: lives(vocabulary, time, properties, where) }] : []),
    { weight: 3, arbitrary: grouped },
    { weight: 1, arbitrary: identified },
  );
  return fc
    .array(strokes, { minLength: 4, maxLength: 20, size: 'max' })
    .map((made) => [...quiet, ...made.flat()].map((call, i) => call(idOf(i))));
}

/** Something that is opened and closed later, which single events seldom make. */
const lives = (
  { spans, keys }: Vocabulary,
  time: fc.Arbitrary<number>,
  properties: fc.Arbitrary<Properties>,
  where: fc.Arbitrary<Where>,
): fc.Arbitrary<readonly Unnamed[]> =>
  small(spans).chain(({ open, close }) =>
    fc
      .record({
        who: small(USERS),
        where,
        times: fc.tuple(time, time),
        opening: small(open),
        closing: small(close),
        opened: properties,
        closed: properties,
      })
      .map(({ who, where, times: [a, b], opening, closing, opened, closed }) => {
        const key = Object.fromEntries(Object.entries(opened).filter(([property]) => keys.has(property)));
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        return [
          (id: string) => track(who, opening, from, opened, { id, ...present(where) }),
          (id: string) => track(who, closing, to, { ...closed, ...key }, { id, ...present(where) }),
        ];
      }),
  );

function singlesOf(
  vocabulary: Vocabulary,
  values: Values,
  edges: readonly number[],
  asOf: number,
): fc.Arbitrary<readonly Call[]> {
  const { earliest, properties, traits, event } = piecesOf(vocabulary, values, edges, asOf);
  return fc
    .array(fc.record({ event, time: small(edges), properties, traits }), { minLength: 50, maxLength: 50, size: 'max' })
    .map((singles) =>
      singles.flatMap(({ event, time, properties, traits }, i) => [
        { ...group(`a${i}`, traits, earliest), messageId: `a${i}` },
        { ...identify(`u${i}`, traits, earliest), messageId: `u${i}` },
        track(`u${i}`, event, time, properties, { id: `e${i}`, account: `a${i}` }),
      ]),
    );
}

const present = ({ account, session }: Where) => ({
  ...(account === null ? {} : { account }),
  ...(session === null ? {} : { session }),
});

const recordOf = (names: Iterable<string>, value: (name: string) => fc.Arbitrary<Json>): fc.Arbitrary<Properties> =>
  fc
    .tuple(
      ...[...new Set(names)].map((name) =>
        often(
          value(name).map((json) => [name, json] as const),
          6,
        ),
      ),
    )
    .map((entries) => Object.fromEntries(entries.filter((entry) => entry !== null)));

function valueOf(
  { instants, numbers, keys }: Vocabulary,
  name: string,
  given: readonly Json[] | undefined,
  compared: Iterable<Json>,
  time: fc.Arbitrary<number>,
): fc.Arbitrary<Json> {
  if (given) return small(given);
  if (instants.has(name)) {
    return fc.oneof(
      { weight: 8, arbitrary: time.map((at) => new Date(at).toISOString()) },
      { weight: 2, arbitrary: time },
      { weight: 1, arbitrary: fc.constant('soon') },
    );
  }
  if (keys.has(name)) return small<Json>(['k1', 'k1', 'k2', 7]);
  const known = [...compared].flatMap((value): readonly Json[] =>
    typeof value === 'number' ? [value - 1, value, value, value + 1] : [value],
  );
  const number = fc.integer({ min: 0, max: 10 });
  const odd = small<Json>(['a', 'b', null, 0.5]);
  return fc.oneof<fc.WeightedArbitrary<Json>[]>(
    ...(known.length > 0 ? [{ weight: 6, arbitrary: small(known) }] : []),
    { weight: numbers.has(name) ? 6 : 3, arbitrary: number },
    { weight: numbers.has(name) ? 1 : 2, arbitrary: odd },
  );
}

/** Worlds of one setting as one, each with accounts, users and messages of its own. */
export const together = (trials: readonly Trial[]): Trial =>
  trials
    .map((trial, i) => ({ ...trial, calls: trial.calls.map((call) => renamed(call, (id) => `${i}.${id}`)) }))
    .reduce((all, { calls }) => ({ ...all, calls: [...all.calls, ...calls] }));

/** A call of other accounts, users and messages. */
export function renamed(call: Call, as: (id: string) => string): Call {
  const messageId = as(call.messageId ?? '');
  switch (call.type) {
    case 'identify':
      return { ...call, messageId, userId: as(call.userId) };
    case 'group':
      return {
        ...call,
        messageId,
        groupId: as(call.groupId),
        ...(call.userId === undefined ? {} : { userId: as(call.userId) }),
      };
    case 'track': {
      const { groupId, ...context } = call.context ?? {};
      return {
        ...call,
        messageId,
        ...(call.userId === undefined ? {} : { userId: as(call.userId) }),
        context: { ...context, ...(groupId === undefined ? {} : { groupId: as(groupId) }) },
      };
    }
  }
}
