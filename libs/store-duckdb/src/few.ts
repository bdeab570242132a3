import type { DuckDBConnection } from '@duckdb/node-api';
import type { Filter } from '@rapport/sdk';
import { dayOf, readTime } from '@rapport/sdk/time';
import type { Frame, PlacedEvent, Plan, Properties, ResolvedMeasure } from '@rapport/store';
import { compareCodeUnits, filtersOf, isSettledBy, measureSubjects, numberColumn } from '@rapport/store';
import { measureView } from './measure.js';
import { originalId } from './order.js';
import { filterSql } from './predicate.js';
import { columns } from './rows.js';
import { allOf, among, anyOf, whole } from './sql.js';
import { daysBefore } from './streams.js';
import type { Reader, View } from './view.js';
import { daysFrom, openView } from './view.js';
import { propertiesIn, traitsIn } from './wanted.js';

/*
 * Few subjects' events lie everywhere in the table. A scan that picks rows from everywhere pays for a column of text as if it read all of it, and then
 * every statement costs more to plan than to run. So what any measure looks at is picked once, message ids only where they decide, and the measures are
 * worked out here, as the oracle does it. What looks at all events that ever were, SQL answers from a few narrow columns.
 */

/** Events beyond which SQL is faster, and what is held here is too much. */
const MOST_EVENTS = 250_000;

type EventMeasure = Exclude<ResolvedMeasure, { node: 'trait' }>;

/** Whether SQL has to answer it: only counts and first days need so many events, and both are one statement. */
const isAboutEverything = (measure: ResolvedMeasure): boolean => {
  if (measure.node !== 'count' && !(measure.node === 'distinct' && !measure.qualifying?.length)) return false;
  if (measure.filter.events || measure.filter.where) return false;
  return firstDay(measure) === null && (measure.node === 'count' || measure.of === 'user' || measure.of === 'newUser');
};

/** Answers a plan for some subjects; null where they have more events than are worth holding. */
export async function measureFew(given: Reader, plan: Plan): Promise<Frame | null> {
  const { name, nameOf } = await eventNames(given.connection);
  const reader = { ...given, name };
  const view = await viewOf(reader, plan);
  const numbers = [...view.positions.keys()].filter((number) => (view.positions[number] ?? -1) >= 0);
  const its = allOf([among(view.scope('e').subject, numbers), `e.time < ${whole(view.asOf)}`]);
  const everything = plan.measures.filter(isAboutEverything);
  const rest = plan.measures.filter((measure) => !isAboutEverything(measure));
  const events = await readEvents(view, rest, its, nameOf);
  if (!events) return null;
  const traits = new Map(
    traitsIn(plan.measures).map((trait) => {
      const { subjects, values } = view.trait(trait);
      return [trait, new Map(subjects.map((number, row) => [subjectOf(view, number), values[row] ?? null]))];
    }),
  );
  const known = {
    subjects: view.subjects,
    eventsOf: (subject: string) => events.get(subject) ?? [],
    trait: (subject: string, trait: string) => traits.get(trait)?.get(subject),
  };
  const only: View = { ...view, reader: { ...reader, events: `(SELECT * FROM events e WHERE ${its}) e` } };
  const counted = await measureView(only, everything);
  const found = measureSubjects({ ...plan, measures: rest }, known, reader.zone).columns;
  return {
    subjects: view.subjects,
    columns: plan.measures.map(
      (measure) =>
        (isAboutEverything(measure) ? counted.get(JSON.stringify(measure)) : found[rest.indexOf(measure)]) ??
        numberColumn([]),
    ),
  };
}

const subjectOf = (view: View, number: number): string => view.subjects[view.positions[number] ?? -1] ?? '';

/** The plan's subjects, with the values of traits that it gives. */
async function viewOf(reader: Reader, { traits = {}, ...plan }: Plan): Promise<View> {
  const isGiven = (trait: string) => Object.hasOwn(traits, trait);
  const view = await openView(reader, { ...plan, traits: traitsIn(plan.measures).filter((trait) => !isGiven(trait)) });
  const rows = new Map(plan.subjects?.map((subject, row) => [subject, row]));
  const numbers = [...view.positions.keys()].filter((number) => rows.has(subjectOf(view, number)));
  return {
    ...view,
    trait: (name) =>
      isGiven(name)
        ? {
            subjects: numbers,
            values: numbers.map((number) => traits[name]?.[rows.get(subjectOf(view, number)) ?? -1] ?? null),
          }
        : view.trait(name),
  };
}

/** The first day that a measure looks at; null for the beginning, `own` for one that each subject has. */
function firstDay(measure: EventMeasure): number | 'own' | null {
  if (measure.node === 'spans' || (measure.node === 'distinct' && measure.of === 'newUser')) return null;
  const { window } = measure;
  if (window.kind === 'sinceTrait') return 'own';
  return window.from === null ? null : window.from - earlier(measure);
}

/** How many days earlier what it measures may have begun. */
const earlier = (measure: EventMeasure): number =>
  measure.node === 'sessions' || measure.node === 'activeTime' ? daysBefore(measure) : 0;

/** The first days of the windows that subjects have for themselves, as joins, and SQL for the days that a measure looks at. */
function ownFirstDays(view: View) {
  const joins = new Map<string, string>();
  const { subject } = view.scope('e');
  return {
    joins,
    within(window: Extract<EventMeasure['window'], { kind: 'sinceTrait' }>, before: number, goesOn: boolean): string {
      const { subjects, values } = view.trait(window.trait);
      const firsts = subjects.flatMap((number, row) => {
        const { zone } = view.reader;
        const time = readTime(values[row], zone);
        return time === null ? [] : [`(${whole(number)}, ${whole(dayOf(time, zone))})`];
      });
      if (firsts.length === 0) return 'false';
      const name = `own${String([...joins.keys(), window.trait].indexOf(window.trait))}`;
      joins.set(
        window.trait,
        `LEFT JOIN (VALUES ${firsts.join(', ')}) ${name}(subject, first) ON ${name}.subject = ${subject}`,
      );
      return daysFrom('e.day', `${name}.first`, window.days, before, goesOn);
    },
  };
}

/** SQL for the events that measures look at, for those whose properties and those whose session ids they read, and the joins that these need. */
function looksOf(view: View, measures: readonly EventMeasure[]) {
  const looks: string[] = [];
  const reading: string[] = [];
  const sessions: string[] = [];
  const own = ownFirstDays(view);
  for (const measure of measures) {
    const filters = filtersOf(measure);
    const names = filters.some(({ events }) => !events)
      ? 'true'
      : filterSql({ events: filters.flatMap(({ events }) => events ?? []) }, view.reader);
    const from = firstDay(measure);
    const days =
      from === 'own' && measure.window.kind === 'sinceTrait'
        ? own.within(measure.window, earlier(measure), !isSettledBy(measure))
        : typeof from === 'number'
          ? `e.day >= ${whole(from)}`
          : 'true';
    const look = allOf([names, days]);
    looks.push(look);
    if (propertiesIn([measure]).length > 0) reading.push(look);
    if (measure.node === 'sessions' || (measure.node === 'distinct' && measure.of === 'session')) sessions.push(look);
  }
  const either = (some: readonly string[]) => (some.includes('true') ? 'true' : anyOf([...new Set(some)]));
  return {
    looks: either(looks),
    reading: either(reading),
    sessions: either(sessions),
    join: [...own.joins.values()].join(' '),
  };
}

/** Events in order, by subject. */
async function readEvents(
  view: View,
  asked: readonly ResolvedMeasure[],
  its: string,
  nameOf: (index: number | undefined) => string,
): Promise<ReadonlyMap<string, readonly PlacedEvent[]> | null> {
  const { connection } = view.reader;
  const measures = asked.filter((measure) => measure.node !== 'trait');
  const { looks, reading, sessions, join } = looksOf(view, measures);
  const selected = ['rowid', 'time', 'day', 'name', 'usr', 'account'].map((column) => `e.${column}::DOUBLE`);
  const kinds = ['number', 'number', 'number', 'number', 'number', 'number', 'text', 'text'] as const;
  const sql = `
    SELECT ${selected.join(', ')}, CASE WHEN ${reading} THEN e.properties END, CASE WHEN ${sessions} THEN e.session END
    FROM events e ${join} WHERE ${allOf([its, looks])} LIMIT ${whole(MOST_EVENTS + 1)}`;
  const found = (await columns(connection, sql, kinds)).columns;
  const [rows, times, days, names, users, accounts, json, session] = found;
  if (json.length > MOST_EVENTS) return null;

  const keys = propertiesIn(measures).map((name) => `${JSON.stringify(name)}:`);
  const nothing: Properties = {};
  const owners = view.level.kind === 'user' ? users : accounts;
  const read = json.map((written, i) => {
    const asked = written !== null && keys.some((key) => written.includes(key));
    return {
      row: rows.values[i] ?? 0,
      owner: owners.values[i] ?? -1,
      id: '',
      session: session[i] ?? null,
      time: times.values[i] ?? 0,
      day: days.values[i] ?? 0,
      name: nameOf(names.values[i]),
      // Which user or account it is does not matter, only whether it is the same.
      user: users.valid[i] ? String(users.values[i]) : null,
      account: accounts.valid[i] ? String(accounts.values[i]) : null,
      properties: asked ? (JSON.parse(written) as Properties) : nothing,
    };
  });

  const decided = namesDecidedById(measures);
  const tied = tiesOf(read.filter(({ name }) => decided?.has(name) ?? true));
  const ids = new Map<number, string>();
  if (tied) {
    const between = `e.time BETWEEN ${whole(tied.from)} AND ${whole(tied.to)}`;
    const sql = `SELECT e.rowid::DOUBLE, e.id FROM events e WHERE ${allOf([its, between])}`;
    const [at, texts] = (await columns(connection, sql, ['number', 'text'])).columns;
    texts.forEach((id, row) => ids.set(at.values[row] ?? 0, originalId(id ?? '')));
  }
  const events = new Map<string, PlacedEvent[]>(view.subjects.map((id) => [id, []]));
  for (const event of read) {
    events.get(subjectOf(view, event.owner))?.push({ ...event, id: ids.get(event.row) ?? '' });
  }
  for (const list of events.values()) list.sort((a, b) => a.time - b.time || compareCodeUnits(a.id, b.id));
  return events;
}

/** All event names, by index and back: events of any name are read here. */
async function eventNames(connection: DuckDBConnection) {
  const sql = 'SELECT idx::DOUBLE, name FROM names';
  const [indexes, names] = (await columns(connection, sql, ['number', 'text'])).columns;
  const byName = new Map(names.map((name, row) => [name, indexes.values[row] ?? 0]));
  const byIndex = new Map([...byName].map(([name, index]) => [index, name ?? '']));
  return {
    name: (name: string) => byName.get(name),
    nameOf: (index: number | undefined) => byIndex.get(index ?? -1) ?? '',
  };
}

/** Names of the events of which a tie in time is decided by message id; null for all. */
function namesDecidedById(measures: readonly EventMeasure[]): ReadonlySet<string> | null {
  const filters = measures.flatMap((measure): readonly Filter[] => {
    switch (measure.node) {
      case 'earliest':
      case 'latest':
        return measure.of === 'time' ? [] : [measure.filter];
      case 'countByKey':
        return measure.of === 'latest' ? [measure.filter] : [];
      case 'spans':
        return typeof measure.of === 'object' && 'sum' in measure.of ? filtersOf(measure) : [];
      default:
        return [];
    }
  });
  if (filters.some(({ events }) => !events)) return null;
  return new Set(filters.flatMap(({ events }) => events ?? []));
}

/** First and last instant at which an owner has several of the events; null when there is none. */
function tiesOf(
  events: readonly { readonly time: number; readonly owner: number }[],
): { readonly from: number; readonly to: number } | null {
  const seen = new Set<string>();
  let [from, to] = [Infinity, -Infinity];
  for (const { time, owner } of events) {
    const key = `${String(owner)} ${String(time)}`;
    if (seen.has(key)) [from, to] = [Math.min(from, time), Math.max(to, time)];
    seen.add(key);
  }
  return from <= to ? { from, to } : null;
}
