import { readInstant, zone as zoneOf, type Zone } from '@rapport/sdk/time';
import type {
  EventStore,
  Frame,
  Json,
  Level,
  Message,
  PlacedEvent,
  Plan,
  RecentEvent,
  Snapshot,
  StoreOptions,
  StreamedEvent,
  StreamQuery,
} from '@rapport/store';
import {
  carryingAny,
  compareCodeUnits,
  groupBy,
  hierarchyOf,
  matching,
  measureSubjects,
  ownValue,
  readKey,
  subjectKindOf,
  windowOf,
  isWithin,
} from '@rapport/store';

/*
 * A store spelled out over plain arrays: slow, obvious, and what every other one is held against. Nothing is kept but the messages; every answer
 * starts from them.
 */

type Kind = 'account' | 'user';

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
      const counts = { traits: 0, members: 0 };
      messages = messages.map(({ event, traits, member, ...message }) => {
        const ofTraits = traits !== undefined && is(traits.of, traits.subject);
        const ofMember = member !== undefined && (is('user', member.user) || is('account', member.account));
        if (ofTraits) counts.traits++;
        if (ofMember) counts.members++;
        return {
          ...message,
          ...(event && !gone.has(message.id) ? { event } : {}),
          ...(traits && !ofTraits ? { traits } : {}),
          ...(member && !ofMember ? { member } : {}),
        };
      });
      erasures++;
      const none = { results: 0, history: 0, memberships: 0, transitions: 0, deliveries: 0 };
      return Promise.resolve({ events: gone.size, ...counts, ...none });
    },
    epoch: () => Promise.resolve(erasures),
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
      epoch: erased,
      async *messagesOf({ kind, id }) {
        await Promise.resolve();
        const { events } = world(Infinity);
        const placed = new Map(events.map((event) => [event.id, event]));
        const is = (of: Kind, subject: string | null) =>
          subject === id && (of === kind || (usersAreAccounts && of === 'user'));
        const ordered = [...frozen].sort(byOrder);
        const members = ordered.flatMap(({ id, time, member }) =>
          member && (is('user', member.user) || is('account', member.account)) ? [{ id, time, member }] : [],
        );
        const traits = ordered.flatMap(({ id, time, traits }) =>
          traits && is(traits.of, traits.subject) ? [{ id, time, traits }] : [],
        );
        const its = ordered.flatMap(({ id, time, event }) => {
          const { account = null, user = null } = placed.get(id) ?? {};
          return event && (is('user', user) || is('account', account))
            ? [{ id, time, event: { ...event, account } }]
            : [];
        });
        const all: readonly Message[] = [...members, ...traits, ...its];
        if (all.length > 0) yield all;
      },
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
            (!only || isWithin(only.window, event.time)),
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
        const events = new Set<string>();
        let from = Infinity;
        let onlyEvents = true;

        for (const event of world(asOf).events) {
          const takesEffect = effectiveAt.some((name) => passed(readInstant(ownValue(event.properties, name), zone)));
          if (!isNew(event) && !takesEffect) continue;
          accounts.add(event.account);
          users.add(event.user);
          events.add(event.name);
          from = Math.min(from, event.day);
          onlyEvents &&= !takesEffect;
        }
        const messages = frozen.filter(({ time }) => time < asOf);
        const members = messages.flatMap(({ member }) => member ?? []);
        for (const { traits, member } of messages.filter(isNew)) {
          if (traits || member) onlyEvents = false;
          if (traits) (traits.of === 'user' ? users : accounts).add(traits.subject);
          if (!member) continue;
          users.add(member.user);
          // Events that name no account may have moved between the accounts of their user.
          for (const { user, account } of members) if (user === member.user) accounts.add(account);
        }
        const named = (ids: ReadonlySet<string | null>) => sorted([...ids].filter((id) => id !== null));
        return Promise.resolve({
          accounts: named(usersAreAccounts ? users : accounts),
          users: named(users),
          ...(onlyEvents ? { events: { names: sorted(events), from } } : {}),
        });
      },
      close: () => Promise.resolve(),
    };
  }
}

interface World {
  /** In order. */
  readonly events: readonly PlacedEvent[];
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
    .map((message): PlacedEvent => {
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
): { subjects: readonly string[]; readonly of: (event: PlacedEvent) => string | null } {
  const { subjects, of } = membersOf(plan.level, world);
  const wanted = plan.subjects && new Set(plan.subjects);
  return { subjects: wanted ? subjects.filter((subject) => wanted.has(subject)) : subjects, of };
}

function membersOf(
  level: Level,
  world: World,
): { subjects: readonly string[]; readonly of: (event: PlacedEvent) => string | null } {
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

function measure(plan: Plan, world: World, zone: Zone): Frame {
  const { subjects, of } = subjectsOf(plan, world);
  const eventsOf = groupBy(world.events, of);
  const traits = traitsOf(plan.level, world);
  const known = {
    subjects,
    eventsOf: (subject: string) => eventsOf.get(subject) ?? [],
    trait: (subject: string, name: string) => traits.get(subject)?.get(name),
  };
  return measureSubjects(plan, known, zone);
}

function stream(query: StreamQuery, world: World, zone: Zone): readonly StreamedEvent[] {
  const { subjects, of } = subjectsOf(query, world);
  const matches = matching(query.filter);
  const eventsOf = groupBy(world.events.filter(matches), of);
  const traits = traitsOf(query.level, world);
  return subjects.flatMap((subject) => {
    const window = windowOf(query.window, query.asOf, (name) => traits.get(subject)?.get(name), zone);
    const events = (eventsOf.get(subject) ?? []).filter((event) => window !== null && isWithin(window, event.time));
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
