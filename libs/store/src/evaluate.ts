import { total, type Filter, type Qualification, type Spans } from '@rapport/sdk';
import { dayOf, readInstant, readTime, type Zone } from '@rapport/sdk/time';
import type { Column, Frame } from './column.js';
import { keyedColumn, numberColumn, textColumn } from './column.js';
import { compareCodeUnits, compileFilter } from './filter.js';
import { groupBy } from './group.js';
import type { Json, Properties } from './message.js';
import type { Level, Plan, ResolvedMeasure, ResolvedWindow } from './plan.js';
import { columnTypeOf } from './plan.js';
import { ownValue, read, readKey, readNumber } from './reading.js';

/*
 * Every measure over plain arrays of events. The oracle runs it, and so do stores for a few subjects, so it lives here and not with the tests.
 * Measures of one subject share what they both ask of its events, and nothing else.
 */

/** An event with the account it belongs to and the day it fell on. */
export interface PlacedEvent {
  readonly id: string;
  readonly time: number;
  readonly day: number;
  readonly name: string;
  readonly user: string | null;
  readonly account: string | null;
  readonly session: string | null;
  readonly properties: Properties;
}
type Days = Extract<ResolvedWindow, { kind: 'days' }>;
type Value = number | string | null | ReadonlyMap<string, number> | ReadonlyMap<number, number>;

/** The subjects of a plan, in order, and what is known of each as of then. */
export interface KnownSubjects {
  readonly subjects: readonly string[];
  /** In order. */
  eventsOf(subject: string): readonly PlacedEvent[];
  /** Undefined for none, and for portfolios. */
  trait(subject: string, name: string): Json | undefined;
}

/** Answers a plan. */
export function measureSubjects(plan: Omit<Plan, 'subjects'>, known: KnownSubjects, zone: Zone): Frame {
  const { subjects } = known;
  const events = new Map(subjects.map((subject) => [subject, remembering(known.eventsOf(subject))]));
  const value = (node: ResolvedMeasure, subject: string): Value => {
    if (node.node === 'trait') return read(known.trait(subject, node.name), node.as, zone);
    const window = windowOf(node.window, plan.asOf, (name) => known.trait(subject, name), zone);
    const its = events.get(subject);
    return window === null || !its ? nothing(node) : evaluate(node, its, window, plan.level.kind, zone);
  };
  const columns = plan.measures.map((node) => columnOf(node, subjects.map((subject) => value(node, subject)))); // prettier-ignore
  return { subjects, columns };
}

/** One subject's events, in order; what is worked out of them is remembered. */
interface SubjectEvents {
  readonly all: readonly PlacedEvent[];
  readonly once: <T>(what: readonly unknown[], work: () => T) => T;
}

function remembering(all: readonly PlacedEvent[]): SubjectEvents {
  const known = new Map<string, unknown>();
  return {
    all,
    once<T>(what: readonly unknown[], work: () => T) {
      const key = what.map(written).join('\n');
      if (!known.has(key)) known.set(key, work());
      return known.get(key) as T;
    },
  };
}

const texts = new WeakMap<object, string>();
/** A value as JSON; that of an object, which measures and filters are, is kept. */
function written(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const known = texts.get(value);
  if (known !== undefined) return known;
  const text = JSON.stringify(value);
  texts.set(value, text);
  return text;
}

const matchedOf = ({ all, once }: SubjectEvents, filter: Filter) =>
  once(['matched', filter], () => all.filter(matching(filter)));

function columnOf(node: ResolvedMeasure, values: readonly Value[]): Column {
  switch (columnTypeOf(node)) {
    case 'number':
      return numberColumn(values as (number | null)[]);
    case 'text':
      return textColumn(values as (string | null)[]);
    case 'keyed':
      return node.node === 'series'
        ? keyedColumn('days', values as ReadonlyMap<number, number>[])
        : keyedColumn('text', values as ReadonlyMap<string, number>[]);
  }
}

/** The answer for a subject without a window. */
function nothing(node: ResolvedMeasure): Value {
  switch (node.node) {
    case 'count':
    case 'distinct':
    case 'activeTime':
    case 'meanPerDay':
      return 0;
    case 'countByKey':
    case 'series':
      return new Map<string, number>();
    case 'sessions':
      return node.of === 'count' ? 0 : null;
    case 'spans':
      return typeof node.of === 'string' ? 0 : null;
    default:
      return null;
  }
}

/** A subject's own window; null when it has none, because it lacks the trait that the window begins at. */
export function windowOf(
  window: ResolvedWindow,
  asOf: number,
  trait: (name: string) => Json | undefined,
  zone: Zone,
): Days | null {
  if (window.kind === 'days') return window;
  const since = readTime(trait(window.trait), zone);
  if (since === null) return null;
  const from = dayOf(since, zone);
  const today = zone.dayOf(asOf - 1);
  const to = Math.min(today, from + window.days - 1);
  return {
    kind: 'days',
    from,
    to,
    start: Math.min(asOf, zone.startOfDay(from)),
    end: Math.min(asOf, zone.startOfDay(from + window.days)),
  };
}

export const isWithin = (window: Days, instant: number) =>
  (window.start === null || instant >= window.start) && instant < window.end;
const dayWithin = (window: Days, day: number) => (window.from === null || day >= window.from) && day <= window.to;

const compiled = new WeakMap<Filter, (event: PlacedEvent) => boolean>();
export function matching(filter: Filter): (event: PlacedEvent) => boolean {
  const known = compiled.get(filter);
  if (known) return known;
  const holds = compileFilter(filter);
  const matches = ({ name, properties }: PlacedEvent) => holds(name, properties);
  compiled.set(filter, matches);
  return matches;
}

/** One measure over one subject's events, in order. */
function evaluate(
  node: Exclude<ResolvedMeasure, { node: 'trait' }>,
  events: SubjectEvents,
  window: Days,
  level: Level['kind'],
  zone: Zone,
): Value {
  if (node.node === 'spans') return evaluateSpans(node, events, window, level, zone);
  const matched = matchedOf(events, node.filter);
  const inside = events.once(['inside', node.filter, window], () =>
    matched.filter((event) => isWithin(window, event.time)),
  );
  const numbers = (property: string) =>
    inside.map((event) => readNumber(ownValue(event.properties, property))).filter((value) => value !== null);
  switch (node.node) {
    case 'count':
      return inside.length;
    case 'sum':
      return sumOf(numbers(node.property));
    case 'min':
      return numbers(node.property).reduce<number | null>((least, value) => Math.min(least ?? value, value), null);
    case 'max':
      return numbers(node.property).reduce<number | null>((most, value) => Math.max(most ?? value, value), null);
    case 'mean': {
      const values = numbers(node.property);
      const sum = sumOf(values);
      return sum === null ? null : sum / values.length;
    }
    case 'quantile':
      return quantileOf(numbers(node.property), node.q);
    case 'distinct':
      switch (node.of) {
        case 'user':
          return new Set(
            countedDays(events, node)
              .filter(({ day }) => dayWithin(window, day))
              .map(({ user }) => user),
          ).size;
        case 'newUser': {
          const firstDays = groupBy(countedDays(events, node), ({ user }) => user).values();
          return [...firstDays].filter((days) => dayWithin(window, Math.min(...days.map(({ day }) => day)))).length;
        }
        case 'day': {
          const days = node.qualifying?.length ? countedDays(events, node) : inside;
          return new Set(days.map(({ day }) => day).filter((day) => dayWithin(window, day))).size;
        }
        case 'session':
          return new Set(inside.map((event) => event.session).filter((session) => session !== null)).size;
        case 'event':
          return new Set(inside.map((event) => event.name)).size;
        default: {
          const { property } = node.of;
          return new Set(
            inside.map((event) => readKey(ownValue(event.properties, property))).filter((key) => key !== null),
          ).size;
        }
      }
    case 'earliest':
    case 'latest': {
      const { of } = node;
      const values = inside
        .map((event) => (of === 'time' ? event.time : read(ownValue(event.properties, of.property), of.as, zone)))
        .filter((value) => value !== null);
      return (node.node === 'earliest' ? values[0] : values.at(-1)) ?? null;
    }
    case 'countByKey': {
      const { key } = node;
      const keyOf = (event: PlacedEvent) =>
        key === 'event' ? event.name : readKey(ownValue(event.properties, key.property));
      const counts = new Map<string, number>();
      const counted = node.of === 'latest' ? latestOfUsers(inside.filter((event) => keyOf(event) !== null)) : inside;
      for (const [name, its] of groupBy(counted, keyOf)) {
        const n = node.of === 'users' ? usersOf(its).size : its.length;
        if (name !== null && n > 0) counts.set(name, n);
      }
      return counts;
    }
    case 'sessions': {
      const sessions = events.once(['sessions', node.filter, node.idleMinutes], () =>
        sessionsOf(matched, node.idleMinutes),
      );
      const durations = sessions.filter(({ start }) => isWithin(window, start)).map(({ start, end }) => end - start);
      return node.of === 'count'
        ? durations.length
        : node.of === 'seconds'
          ? inSeconds(sumOf(durations))
          : inSeconds(quantileOf(durations, node.of.quantile));
    }
    case 'activeTime': {
      let active = 0;
      const streams = events.once(['streams', node.filter], () =>
        streamsOf(matched, ({ account, user }) => [account, user]),
      );
      for (const stream of streams) {
        stream.forEach((event, i) => {
          const gap = event.time - (stream[i - 1] ?? event).time;
          if (isWithin(window, event.time) && gap <= node.idleMinutes * 60_000) active += gap;
        });
      }
      return active / 1000;
    }
    case 'series': {
      const { of } = node;
      if (of === 'users') {
        const days = countedDays(events, node).filter(({ day }) => dayWithin(window, day));
        return new Map([...groupBy(days, ({ day }) => day)].map(([day, users]) => [day, users.length]));
      }
      const days = new Map<number, number>();
      for (const [day, its] of groupBy(inside, (event) => event.day)) {
        const value =
          of === 'events'
            ? its.length
            : sumOf(
                its.map((event) => readNumber(ownValue(event.properties, of.sum))).filter((number) => number !== null),
              );
        if (value !== null) days.set(day, value);
      }
      return days;
    }
    case 'meanPerDay': {
      const days = countedDays(events, node).filter(({ day }) => dayWithin(window, day));
      const from = window.from ?? Math.min(...days.map(({ day }) => day));
      return days.length === 0 ? 0 : days.length / (window.to - from + 1);
    }
  }
}

const usersOf = (events: readonly PlacedEvent[]) =>
  new Set(events.map((event) => event.user).filter((user) => user !== null));

/** The latest event of each user; events without a user are all kept. */
function latestOfUsers(events: readonly PlacedEvent[]): readonly PlacedEvent[] {
  const latest = new Map(events.map((event) => [event.user, event]));
  return events.filter((event) => event.user === null || latest.get(event.user) === event);
}

/** `total` of the SDK; null for no values. What a store adds up need not be compared with a tolerance when it is finished by `asDecimal`. */
export const sumOf = (values: readonly number[]): number | null => (values.length === 0 ? null : total(values));

/** Whole milliseconds are added and compared exactly; the seconds come last. */
const inSeconds = (ms: number | null) => (ms === null ? null : ms / 1000);

/** Quantile by linear interpolation between neighbours (Hyndman and Fan's type 7); null for no values. */
export function quantileOf(values: readonly number[], q: number): number | null {
  const ascending = [...values].sort((a, b) => a - b);
  const position = (ascending.length - 1) * q;
  const [below, above] = [ascending[Math.floor(position)], ascending[Math.ceil(position)]];
  if (below === undefined || above === undefined) return null;
  // Written as DuckDB's quantile_cont is, so that the last bit agrees.
  const share = position - Math.floor(position);
  return below * (1 - share) + above * share;
}

/** The days on which each user counts: with a matching event, and with every qualification met by the user's events of that day. */
function countedDays(
  { all, once }: SubjectEvents,
  { filter, qualifying = [] }: { readonly filter: Filter; readonly qualifying?: readonly Qualification[] },
): readonly CountedDay[] {
  return once(['days', filter, qualifying], () => daysCounted(all, filter, qualifying));
}

interface CountedDay {
  readonly user: string;
  readonly day: number;
}

function daysCounted(
  all: readonly PlacedEvent[],
  filter: Filter,
  qualifying: readonly Qualification[],
): readonly CountedDay[] {
  const matches = matching(filter);
  const tests = qualifying.map((qualification) => ({
    matches: matching(qualification),
    atLeast: qualification.atLeast,
  }));
  const counted: CountedDay[] = [];
  for (const [user, events] of groupBy(all, (event) => event.user)) {
    if (user === null) continue;
    for (const [day, ofDay] of groupBy(events, (event) => event.day)) {
      const qualifies = tests.every((test) => ofDay.filter(test.matches).length >= test.atLeast);
      if (qualifies && ofDay.some(matches)) counted.push({ user, day });
    }
  }
  return counted;
}

/** Events of users, split into streams by a key; each in order. */
const streamsOf = (events: readonly PlacedEvent[], key: (event: PlacedEvent) => readonly (string | null)[]) => [
  ...groupBy(
    events.filter((event) => event.user !== null),
    (event) => key(event).join('\0'), // no id is empty, and none holds U+0000
  ).values(),
];

const DAY_MS = 86_400_000;
function sessionsOf(events: readonly PlacedEvent[], idleMinutes: number): { start: number; end: number }[] {
  const sessions: { start: number; end: number }[] = [];
  for (const stream of streamsOf(events, ({ account, user, session }) => [account, user, session])) {
    let current: { start: number; end: number } | undefined;
    for (const { time, session } of stream) {
      if (current && time - current.end <= (session === null ? idleMinutes * 60_000 : DAY_MS)) current.end = time;
      else sessions.push((current = { start: time, end: time }));
    }
  }
  return sessions;
}

interface Step {
  readonly id: string;
  readonly time: number;
  readonly kind: 0 | 1 | 2;
  /** Null: every open span. */
  readonly key: string | null;
  readonly properties: Properties;
}
const OPEN = 0;
const CHANGE = 1;
const CLOSE = 2;

function evaluateSpans(
  node: Extract<ResolvedMeasure, { node: 'spans' }>,
  { all, once }: SubjectEvents,
  window: Days,
  level: Level['kind'],
  zone: Zone,
): number | null {
  // In a portfolio or a family each account keeps its own spans; a user's are its own in whatever account they happen.
  const owners = once(['spans', node.spans], () =>
    (level === 'user' ? [all] : [...groupBy(all, (event) => event.account).values()]).map((events) =>
      stepsOf(node.spans, events, zone),
    ),
  );
  const sum = typeof node.of === 'object' && 'sum' in node.of ? node.of : null;
  let opened = 0;
  let open = 0;
  const durations: number[] = [];
  const carried: number[] = [];
  for (const steps of owners) {
    const running = new Map<string, { since: number; value: number | null }>();
    for (const step of steps) {
      if (step.time >= window.end) break;
      const given = sum === null ? null : readNumber(ownValue(step.properties, sum.sum));
      const value = given !== null && given < (sum?.atLeast ?? -Infinity) ? null : given;
      const span = step.key === null ? undefined : running.get(step.key);
      if (step.kind === OPEN && step.key !== null && !span) {
        running.set(step.key, { since: step.time, value });
        if (isWithin(window, step.time)) opened++;
      } else if (step.kind === CHANGE && span) {
        span.value = value ?? span.value;
      } else if (step.kind === CLOSE) {
        for (const key of step.key === null ? [...running.keys()] : [step.key]) {
          const closing = running.get(key);
          running.delete(key);
          if (closing && isWithin(window, step.time)) durations.push(step.time - closing.since);
        }
      }
    }
    open += running.size;
    carried.push(...[...running.values()].map((span) => span.value).filter((value) => value !== null));
  }
  switch (node.of) {
    case 'opened':
      return opened;
    case 'closed':
      return durations.length;
    case 'open':
      return open;
    default:
      return 'sum' in node.of ? sumOf(carried) : inSeconds(quantileOf(durations, node.of.quantile));
  }
}

/** What happens to an owner's spans, at its effective instant; at one instant opening, changing, closing; then by message id. */
function stepsOf(definition: Spans, events: readonly PlacedEvent[], zone: Zone): readonly Step[] {
  const opens = matching(definition.open);
  const changes = definition.change ? matching(definition.change) : () => false;
  const closes = matching(definition.close);
  const steps = events.flatMap((event): Step[] => {
    const { id, time, properties } = event;
    const key = readKey(ownValue(properties, definition.key));
    const effective =
      definition.effectiveAt === undefined ? null : readInstant(ownValue(properties, definition.effectiveAt), zone);
    return [
      ...(opens(event) ? [{ id, time, kind: OPEN, key: key ?? '', properties } as const] : []),
      ...(changes(event) ? [{ id, time, kind: CHANGE, key: key ?? '', properties } as const] : []),
      ...(closes(event) ? [{ id, time: effective ?? time, kind: CLOSE, key, properties } as const] : []),
    ];
  });
  return steps.sort((a, b) => a.time - b.time || a.kind - b.kind || compareCodeUnits(a.id, b.id));
}
