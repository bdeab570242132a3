import type { Filter, Qualification, Spans } from '@rapport/sdk';
import type { Column } from './column.js';
import { keyedColumn, numberColumn, textColumn } from './column.js';
import { carryingAny, compareCodeUnits, compileFilter } from './filter.js';
import { groupBy } from './group.js';
import { hierarchyOf } from './hierarchy.js';
import type { Json, Message, Properties } from './message.js';
import type { Level, Plan, ResolvedMeasure, ResolvedWindow, StreamQuery } from './plan.js';
import { columnTypeOf, subjectKindOf } from './plan.js';
import type { EventStore, RecentEvent, Snapshot, StoreOptions, StreamedEvent } from './ports.js';
import { ownValue, read, readKey, readNumber, readTime } from './reading.js';
import type { Zone } from './zone.js';
import { zone as zoneOf } from './zone.js';

/*
 * The measure algebra spelled out over plain arrays: slow, obvious, and what every store is held against. Nothing is shared
 * between measures, nothing is cached; every answer starts from the raw messages.
 */

/** An event with the account it belongs to and the day it fell on. */
interface Seen {
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
type Kind = 'account' | 'user';
type Value = number | string | null | ReadonlyMap<string, number> | ReadonlyMap<number, number>;

const byOrder = (a: { time: number; id: string }, b: { time: number; id: string }) =>
  a.time - b.time || compareCodeUnits(a.id, b.id);
const sorted = (ids: Iterable<string>) => [...ids].sort(compareCodeUnits);

/** How many oracles there are: states of one mean nothing to another. */
let oracles = 0;

/** An in-memory `EventStore` that is obviously right, for tests and for metrics under test. Throws `RAPPORT_STORE_ZONE` for an unknown zone. */
export function createOracle(options: StoreOptions): EventStore {
  const zone = zoneOf(options.zone);
  const usersAreAccounts = options.accounts === 'users';
  const known = new Set<string>();
  let messages: readonly Message[] = [];
  const oracle = ++oracles;
  let erasures = 0;
  const worldAt = (asOf: number) => observe(messages, asOf, zone, usersAreAccounts);

  return {
    append(batch) {
      const fresh = batch.filter((message) => !known.has(message.id) && known.add(message.id));
      messages = [...messages, ...structuredClone(fresh)];
      return Promise.resolve({ accepted: fresh.length, duplicates: batch.length - fresh.length });
    },
    snapshot() {
      return Promise.resolve(snapshotOf(messages, erasures));
    },
    erase({ kind, id }) {
      const gone = new Set(
        worldAt(Infinity)
          .events.filter((event) => event[kind] === id)
          .map((event) => event.id),
      );
      const is = (of: Kind, subject: string) => subject === id && (of === kind || (usersAreAccounts && of === 'user'));
      messages = messages.map(({ event, traits, member, ...message }) => ({
        ...message,
        ...(event && !gone.has(message.id) ? { event } : {}),
        ...(traits && !is(traits.of, traits.subject) ? { traits } : {}),
        ...(member && !is('user', member.user) && !is('account', member.account) ? { member } : {}),
      }));
      erasures++;
      return Promise.resolve({ events: gone.size });
    },
    stats() {
      const { events, subjects } = worldAt(Infinity);
      return Promise.resolve({
        events: events.length,
        accounts: subjects('account').length,
        users: subjects('user').length,
        from: events[0]?.time ?? null,
        to: events.at(-1)?.time ?? null,
      });
    },
  };

  function snapshotOf(frozen: readonly Message[], erased: number): Snapshot {
    const world = (asOf: number) => observe(frozen, asOf, zone, usersAreAccounts);
    const stateAfter = (count: number) => [oracle, erased, count].join(' ');
    return {
      state: stateAfter(frozen.length),
      measure: (plans) => Promise.resolve(plans.map((plan) => measure(plan, world(plan.asOf), zone))),
      async *stream(query) {
        await Promise.resolve();
        const batch = stream(query, world(query.asOf), zone);
        if (batch.length > 0) yield batch;
      },
      traits(of, asOf, subject) {
        const all = world(asOf).traits(of);
        const wanted = sorted(all.keys()).filter(
          (id) => (subject === undefined || id === subject) && all.get(id)?.size,
        );
        return Promise.resolve(new Map(wanted.map((id) => [id, Object.fromEntries(all.get(id) ?? [])])));
      },
      traitNames(of) {
        const kind = usersAreAccounts ? 'user' : of;
        const names = frozen
          .flatMap(({ traits }) => (traits?.of === kind ? Object.entries(traits.values) : []))
          .filter(([, value]) => value !== null);
        return Promise.resolve(sorted(new Set(names.map(([name]) => name))));
      },
      recent(of, subject, asOf, limit, only) {
        const matches = only ? matching(carryingAny(only.filter, only.properties)) : () => true;
        const events = world(asOf).events.filter(
          (event) =>
            (of === 'portfolio' || event[of] === subject) &&
            matches(event) &&
            (!only || within(only.window, event.time)),
        );
        return Promise.resolve(
          events
            .reverse()
            .slice(0, limit)
            .map(({ id, time, name, user, account, properties }): RecentEvent => ({
              id,
              time,
              event: name,
              user,
              account,
              properties,
            })),
        );
      },
      changes(since, asOf, effectiveAt) {
        const count = Number(since.state.split(' ')[2]);
        const told = since.state === stateAfter(count) && count <= frozen.length;
        if (!told || since.asOf > asOf || zone.dayOf(since.asOf - 1) !== zone.dayOf(asOf - 1))
          return Promise.resolve(null);
        const fresh = new Set(frozen.slice(count).map(({ id }) => id));
        const passed = (instant: number | null) => instant !== null && instant >= since.asOf && instant < asOf;
        const isNew = ({ id, time }: { readonly id: string; readonly time: number }) => fresh.has(id) || passed(time);
        const accounts = new Set<string | null>();
        const users = new Set<string | null>();

        for (const event of world(asOf).events) {
          const takesEffect = effectiveAt.some((name) => passed(readTime(ownValue(event.properties, name))));
          if (!isNew(event) && !takesEffect) continue;
          accounts.add(event.account);
          users.add(event.user);
        }
        const messages = frozen.filter(({ time }) => time < asOf);
        const members = messages.flatMap(({ member }) => member ?? []);
        for (const { traits, member } of messages.filter(isNew)) {
          if (traits) (traits.of === 'user' ? users : accounts).add(traits.subject);
          if (!member) continue;
          users.add(member.user);
          // Events that name no account may have moved between the accounts of their user.
          for (const { user, account } of members) if (user === member.user) accounts.add(account);
        }
        const named = (ids: ReadonlySet<string | null>) => sorted([...ids].filter((id) => id !== null));
        return Promise.resolve({ accounts: named(usersAreAccounts ? users : accounts), users: named(users) });
      },
      close: () => Promise.resolve(),
    };
  }
}

interface World {
  /** In order. */
  readonly events: readonly Seen[];
  readonly subjects: (kind: Kind) => readonly string[];
  traits(kind: Kind): ReadonlyMap<string, ReadonlyMap<string, Json>>;
}

/** What is known as of an instant. */
function observe(all: readonly Message[], asOf: number, zone: Zone, usersAreAccounts: boolean): World {
  const messages = all.filter((message) => message.time < asOf).sort(byOrder);
  const memberships = groupBy(
    messages.flatMap(({ time, member }) => (member ? [{ time, ...member }] : [])),
    ({ user }) => user,
  );
  const accountAt = (user: string, instant: number) =>
    memberships.get(user)?.findLast(({ time }) => time <= instant)?.account ?? null;
  const accountOf = ({ time, event }: Message & { event: NonNullable<Message['event']> }) => {
    if (usersAreAccounts) return event.user;
    return event.account ?? (event.user === null ? null : accountAt(event.user, time));
  };
  const events = messages
    .filter((message): message is Message & { event: NonNullable<Message['event']> } => message.event !== undefined)
    .map((message): Seen => {
      const { id, time, event } = message;
      return { ...event, id, time, day: zone.dayOf(time), account: accountOf(message) };
    });

  const traitMessages = (kind: Kind) =>
    messages.flatMap(({ traits }) => (traits?.of === (usersAreAccounts ? 'user' : kind) ? [traits] : []));
  const latest = (kind: Kind) => {
    const subjects = new Map<string, Map<string, Json>>();
    for (const { subject, values } of traitMessages(kind)) {
      const traits = subjects.get(subject) ?? new Map<string, Json>();
      subjects.set(subject, traits);
      for (const [name, value] of Object.entries(values)) {
        if (value === null) traits.delete(name);
        else traits.set(name, value);
      }
    }
    return subjects;
  };
  const userTraits = latest('user');
  const accountTraits = latest('account');
  return {
    events,
    subjects(kind) {
      const as = usersAreAccounts ? 'user' : kind;
      const ids = [
        ...events.map((event) => event[as]),
        ...traitMessages(kind).map((traits) => traits.subject),
        ...messages.map(({ member }) => member?.[as] ?? null),
      ];
      return sorted(new Set(ids.filter((id) => id !== null)));
    },
    traits: (kind) => (kind === 'user' || usersAreAccounts ? userTraits : accountTraits),
  };
}

/** The subjects of a plan and, per event, the one of its level that it belongs to (null: none). */
function subjectsOf(
  plan: { readonly level: Level; readonly subjects?: readonly string[] },
  world: World,
): { subjects: readonly string[]; readonly of: (event: Seen) => string | null } {
  const { subjects, of } = membersOf(plan.level, world);
  const wanted = plan.subjects && new Set(plan.subjects);
  return { subjects: wanted ? subjects.filter((subject) => wanted.has(subject)) : subjects, of };
}

function membersOf(
  level: Level,
  world: World,
): { subjects: readonly string[]; readonly of: (event: Seen) => string | null } {
  const traits = world.traits('account');
  const key = (account: string, trait: string) => readKey(traits.get(account)?.get(trait));
  if (level.kind === 'family') {
    const { parent, depth = 0 } = level;
    const heads = hierarchyOf(world.subjects('account'), (account) => key(account, parent)).familiesAt(depth);
    return {
      subjects: sorted(new Set(heads.values())),
      of: ({ account }) => (account === null ? null : (heads.get(account) ?? null)),
    };
  }
  if (level.kind !== 'portfolio') return { subjects: world.subjects(level.kind), of: (event) => event[level.kind] };
  const { by } = level;
  if (by === undefined) return { subjects: [''], of: () => '' };
  const group = (account: string) => key(account, by) ?? '';
  return {
    subjects: sorted(new Set(world.subjects('account').map(group))),
    of: ({ account }) => (account === null ? null : group(account)),
  };
}

/** Traits of a level's subjects; a family's are those of its parent. */
const traitsOf = (level: Level, world: World): ReadonlyMap<string, ReadonlyMap<string, Json>> => {
  const kind = subjectKindOf(level);
  return kind === null ? new Map() : world.traits(kind);
};

/** A subject's own window; null when it has none, because it lacks the trait that the window begins at. */
function windowOf(
  window: ResolvedWindow,
  plan: { readonly level: Level; readonly asOf: number },
  subject: string,
  world: World,
  zone: Zone,
): Days | null {
  if (window.kind === 'days') return window;
  const since = readTime(traitsOf(plan.level, world).get(subject)?.get(window.trait));
  if (since === null) return null;
  const from = zone.dayOf(since);
  const today = zone.dayOf(plan.asOf - 1);
  const to = Math.min(today, from + window.days - 1);
  return {
    kind: 'days',
    from,
    to,
    start: Math.min(plan.asOf, zone.startOfDay(from)),
    end: Math.min(plan.asOf, zone.startOfDay(from + window.days)),
  };
}

const within = (window: Days, instant: number) =>
  (window.start === null || instant >= window.start) && instant < window.end;
const dayWithin = (window: Days, day: number) => (window.from === null || day >= window.from) && day <= window.to;

function measure(plan: Plan, world: World, zone: Zone): { subjects: readonly string[]; columns: readonly Column[] } {
  const { subjects, of } = subjectsOf(plan, world);
  const eventsOf = groupBy(world.events, of);
  const value = (node: ResolvedMeasure, subject: string): Value => {
    if (node.node === 'trait') return read(traitsOf(plan.level, world).get(subject)?.get(node.name), node.as);
    const window = windowOf(node.window, plan, subject, world, zone);
    return window === null ? nothing(node) : evaluate(node, eventsOf.get(subject) ?? [], window, plan.level.kind);
  };
  return {
    subjects,
    columns: plan.measures.map((node) =>
      columnOf(
        node,
        subjects.map((subject) => value(node, subject)),
      ),
    ),
  };
}

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

function stream(query: StreamQuery, world: World, zone: Zone): readonly StreamedEvent[] {
  const { subjects, of } = subjectsOf(query, world);
  const matches = matching(query.filter);
  const eventsOf = groupBy(world.events.filter(matches), of);
  return subjects.flatMap((subject) => {
    const window = windowOf(query.window, query, subject, world, zone);
    const events = (eventsOf.get(subject) ?? []).filter((event) => window !== null && within(window, event.time));
    return events.map(({ time, name, user, properties }) => {
      const named = query.properties.filter((property) => Object.hasOwn(properties, property));
      return {
        subject,
        time,
        event: name,
        user,
        properties: Object.fromEntries(named.map((property) => [property, ownValue(properties, property) ?? null])),
      };
    });
  });
}

function matching(filter: Filter): (event: Seen) => boolean {
  const holds = compileFilter(filter);
  return (event) => holds(event.name, event.properties);
}

/** One measure over one subject's events, in order. */
function evaluate(
  node: Exclude<ResolvedMeasure, { node: 'trait' }>,
  all: readonly Seen[],
  window: Days,
  level: Level['kind'],
): Value {
  if (node.node === 'spans') return evaluateSpans(node, all, window, level);
  const matched = all.filter(matching(node.filter));
  const inside = matched.filter((event) => within(window, event.time));
  const numbers = (property: string) =>
    inside.map((event) => readNumber(ownValue(event.properties, property))).filter((value) => value !== null);
  switch (node.node) {
    case 'count':
      return inside.length;
    case 'sum':
      return total(numbers(node.property));
    case 'min':
      return numbers(node.property).reduce<number | null>((least, value) => Math.min(least ?? value, value), null);
    case 'max':
      return numbers(node.property).reduce<number | null>((most, value) => Math.max(most ?? value, value), null);
    case 'mean': {
      const values = numbers(node.property);
      const sum = total(values);
      return sum === null ? null : sum / values.length;
    }
    case 'quantile':
      return quantileOf(numbers(node.property), node.q);
    case 'distinct':
      switch (node.of) {
        case 'user':
          return new Set(
            countedDays(all, node)
              .filter(({ day }) => dayWithin(window, day))
              .map(({ user }) => user),
          ).size;
        case 'newUser': {
          const firstDays = groupBy(countedDays(all, node), ({ user }) => user).values();
          return [...firstDays].filter((days) => dayWithin(window, Math.min(...days.map(({ day }) => day)))).length;
        }
        case 'day': {
          const days = node.qualifying?.length ? countedDays(all, node) : inside;
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
    case 'first':
    case 'last': {
      const { of } = node;
      const values = inside
        .map((event) => (of === 'time' ? event.time : read(ownValue(event.properties, of.property), of.as)))
        .filter((value) => value !== null);
      return (node.node === 'first' ? values[0] : values.at(-1)) ?? null;
    }
    case 'countByKey': {
      const { key } = node;
      const keyOf = (event: Seen) => (key === 'event' ? event.name : readKey(ownValue(event.properties, key.property)));
      const counts = new Map<string, number>();
      const counted = node.of === 'latest' ? latestOfUsers(inside.filter((event) => keyOf(event) !== null)) : inside;
      for (const [name, events] of groupBy(counted, keyOf)) {
        const n = node.of === 'users' ? usersOf(events).size : events.length;
        if (name !== null && n > 0) counts.set(name, n);
      }
      return counts;
    }
    case 'sessions': {
      const durations = sessionsOf(matched, node.idleMinutes)
        .filter(({ start }) => within(window, start))
        .map(({ start, end }) => (end - start) / 1000);
      return node.of === 'count'
        ? durations.length
        : node.of === 'seconds'
          ? total(durations)
          : quantileOf(durations, node.of.quantile);
    }
    case 'activeTime': {
      let active = 0;
      for (const events of streamsOf(matched, ({ account, user }) => [account, user])) {
        events.forEach((event, i) => {
          const gap = event.time - (events[i - 1] ?? event).time;
          if (within(window, event.time) && gap <= node.idleMinutes * 60_000) active += gap;
        });
      }
      return active / 1000;
    }
    case 'series': {
      const { of } = node;
      if (of === 'users') {
        const days = countedDays(all, node).filter(({ day }) => dayWithin(window, day));
        return new Map([...groupBy(days, ({ day }) => day)].map(([day, users]) => [day, users.length]));
      }
      const days = new Map<number, number>();
      for (const [day, events] of groupBy(inside, (event) => event.day)) {
        const value =
          of === 'events'
            ? events.length
            : total(
                events
                  .map((event) => readNumber(ownValue(event.properties, of.sum)))
                  .filter((number) => number !== null),
              );
        if (value !== null) days.set(day, value);
      }
      return days;
    }
    case 'meanPerDay': {
      const days = countedDays(all, node).filter(({ day }) => dayWithin(window, day));
      const from = window.from ?? Math.min(...days.map(({ day }) => day));
      return days.length === 0 ? 0 : days.length / (window.to - from + 1);
    }
  }
}

const usersOf = (events: readonly Seen[]) => new Set(events.map((event) => event.user).filter((user) => user !== null));

/** The latest event of each user; events without a user are all kept. */
const latestOfUsers = (events: readonly Seen[]) =>
  events.filter(({ user }, i) => user === null || !events.slice(i + 1).some((later) => later.user === user));

const total = (values: readonly number[]) =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);

/** Quantile by linear interpolation between neighbours (Hyndman and Fan's type 7); null for no values. */
export function quantileOf(values: readonly number[], q: number): number | null {
  const ascending = [...values].sort((a, b) => a - b);
  const position = (ascending.length - 1) * q;
  const below = ascending[Math.floor(position)];
  const above = ascending[Math.ceil(position)];
  return below === undefined || above === undefined
    ? null
    : below + (above - below) * (position - Math.floor(position));
}

/** The days on which each user counts: with a matching event, and with every qualification met by the user's events of that day. */
function countedDays(
  all: readonly Seen[],
  node: { readonly filter: Filter; readonly qualifying?: readonly Qualification[] },
) {
  const matches = matching(node.filter);
  const tests = (node.qualifying ?? []).map((qualification) => ({
    matches: matching(qualification),
    atLeast: qualification.atLeast,
  }));
  const counted: { readonly user: string; readonly day: number }[] = [];
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
const streamsOf = (events: readonly Seen[], key: (event: Seen) => readonly (string | null)[]) =>
  groupBy(
    events.filter((event) => event.user !== null),
    (event) => JSON.stringify(key(event)),
  ).values();

const DAY_MS = 86_400_000;
function sessionsOf(events: readonly Seen[], idleMinutes: number): { start: number; end: number }[] {
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
  all: readonly Seen[],
  window: Days,
  level: Level['kind'],
): number | null {
  // In a portfolio or a family each account keeps its own spans; a user's are its own in whatever account they happen.
  const owners = level === 'user' ? [all] : [...groupBy(all, (event) => event.account).values()];
  const sum = typeof node.of === 'object' && 'sum' in node.of ? node.of.sum : null;
  let opened = 0;
  let open = 0;
  const durations: number[] = [];
  const carried: number[] = [];
  for (const events of owners) {
    const running = new Map<string, { since: number; value: number | null }>();
    for (const step of stepsOf(node.spans, events)) {
      if (step.time >= window.end) break;
      const value = sum === null ? null : readNumber(ownValue(step.properties, sum));
      const span = step.key === null ? undefined : running.get(step.key);
      if (step.kind === OPEN && step.key !== null && !span) {
        running.set(step.key, { since: step.time, value });
        if (within(window, step.time)) opened++;
      } else if (step.kind === CHANGE && span) {
        span.value = value ?? span.value;
      } else if (step.kind === CLOSE) {
        for (const key of step.key === null ? [...running.keys()] : [step.key]) {
          const closing = running.get(key);
          running.delete(key);
          if (closing && within(window, step.time)) durations.push((step.time - closing.since) / 1000);
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
      return 'sum' in node.of ? total(carried) : quantileOf(durations, node.of.quantile);
  }
}

/** What happens to an owner's spans, at its effective instant; at one instant opening, changing, closing; then by message id. */
function stepsOf(definition: Spans, events: readonly Seen[]): readonly Step[] {
  const opens = matching(definition.open);
  const changes = definition.change ? matching(definition.change) : () => false;
  const closes = matching(definition.close);
  const steps = events.flatMap((event): Step[] => {
    const { id, time, properties } = event;
    const key = readKey(ownValue(properties, definition.key));
    const effective =
      definition.effectiveAt === undefined ? null : readTime(ownValue(properties, definition.effectiveAt));
    return [
      ...(opens(event) ? [{ id, time, kind: OPEN, key: key ?? '', properties } as const] : []),
      ...(changes(event) ? [{ id, time, kind: CHANGE, key: key ?? '', properties } as const] : []),
      ...(closes(event) ? [{ id, time: effective ?? time, kind: CLOSE, key, properties } as const] : []),
    ];
  });
  return steps.sort((a, b) => a.time - b.time || a.kind - b.kind || compareCodeUnits(a.id, b.id));
}
