import type { DuckDBConnection } from '@duckdb/node-api';
import type { Filter } from '@rapport/sdk';
import type { Frame, PlacedEvent, Plan, Properties, ResolvedMeasure } from '@rapport/store';
import { compareCodeUnits, filtersOf, measureSubjects, numberColumn } from '@rapport/store';
import { measureView } from './measure.js';
import { originalId } from './order.js';
import { filterSql } from './predicate.js';
import { columns } from './rows.js';
import { allOf, among, anyOf, whole } from './sql.js';
import { daysBefore } from './streams.js';
import type { Reader, View } from './view.js';
import { openView, windowsOf } from './view.js';
import { propertiesIn, traitsIn } from './wanted.js';

/*
 * Few subjects' events lie everywhere in the table. A scan that picks rows from everywhere pays for a column of text as if it read all of it, and then
 * every statement costs more to plan than to run. So their events are picked once, message ids only where they decide, session ids only of the days
 * that sessions are asked of, and the measures are worked out here, as the oracle does it, from the events that any of them looks at. What looks at
 * all events that ever were, SQL answers.
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
  const view = await openView(reader, { ...plan, traits: traitsIn(plan.measures) });
  const numbers = [...view.positions.keys()].filter((number) => (view.positions[number] ?? -1) >= 0);
  const table = reader.temporary();
  const picked = 'e.rowid AS row, e.time, e.day, e.name, e.usr, e.account, e.properties';
  const its = allOf([among(view.scope('e').subject, numbers), `e.time < ${whole(view.asOf)}`]);
  await reader.connection.run(`CREATE TEMP TABLE ${table} AS SELECT ${picked} FROM events e WHERE ${its}`);
  const only: View = { ...view, reader: { ...reader, events: `${table} e` } };
  const everything = plan.measures.filter(isAboutEverything);
  const rest = plan.measures.filter((measure) => !isAboutEverything(measure));
  const events = await readEvents(only, rest, its, nameOf);
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

/** SQL for the events that measures look at, for those whose properties they read, and the join that both need. */
async function looksOf(view: View, measures: readonly EventMeasure[]) {
  const looks: string[] = [];
  const reading: string[] = [];
  for (const measure of measures) {
    const filters = filtersOf(measure);
    const names = filters.some(({ events }) => !events)
      ? 'true'
      : filterSql({ events: filters.flatMap(({ events }) => events ?? []) }, view.reader);
    const from = firstDay(measure);
    const own = from === 'own' && (await windowsOf(view, [measure.window])).narrowed('e.day', earlier(measure));
    const look = allOf([names, own || (typeof from === 'number' ? `e.day >= ${whole(from)}` : 'true')]);
    looks.push(look);
    if (propertiesIn([measure]).length > 0) reading.push(look);
  }
  const either = (some: readonly string[]) => (some.includes('true') ? 'true' : anyOf([...new Set(some)]));
  const windows = measures.filter((measure) => firstDay(measure) === 'own').map(({ window }) => window);
  const its = await windowsOf(view, windows);
  return { looks: either(looks), reading: either(reading), join: its.joins(view.scope('e').subject) };
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
  const { looks, reading, join } = await looksOf(view, measures);
  const selected = ['row', 'time', 'day', 'name', 'usr', 'account'].map((column) => `e.${column}::DOUBLE`);
  const kinds = ['number', 'number', 'number', 'number', 'number', 'number', 'text'] as const;
  const sql = `
    SELECT ${selected.join(', ')}, CASE WHEN ${reading} THEN e.properties END FROM ${view.reader.events} ${join}
    WHERE ${looks} LIMIT ${whole(MOST_EVENTS + 1)}`;
  const found = (await columns(connection, sql, kinds)).columns;
  const [rows, times, days, names, users, accounts, json] = found;
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
      session: null,
      time: times.values[i] ?? 0,
      day: days.values[i] ?? 0,
      name: nameOf(names.values[i]),
      // Which user or account it is does not matter, only whether it is the same.
      user: users.valid[i] ? String(users.values[i]) : null,
      account: accounts.valid[i] ? String(accounts.values[i]) : null,
      properties: asked ? (JSON.parse(written) as Properties) : nothing,
    };
  });

  const textOf = async (column: 'id' | 'session', where: string) => {
    if (where === 'false') return new Map<number, string | null>();
    const sql = `SELECT e.rowid::DOUBLE, e.${column} FROM events e WHERE ${allOf([its, where])}`;
    const [at, texts] = (await columns(connection, sql, ['number', 'text'])).columns;
    return new Map(texts.map((text, row) => [at.values[row] ?? 0, text]));
  };
  const decided = namesDecidedById(measures);
  const tied = tiesOf(read.filter(({ name }) => decided?.has(name) ?? true));
  const ids = await textOf('id', tied ? `e.time BETWEEN ${whole(tied.from)} AND ${whole(tied.to)}` : 'false');
  const sessions = await textOf('session', await sessionsAskedOf(view, measures));
  const events = new Map<string, PlacedEvent[]>(view.subjects.map((id) => [id, []]));
  for (const event of read) {
    const id = originalId(ids.get(event.row) ?? '');
    events.get(subjectOf(view, event.owner))?.push({ ...event, id, session: sessions.get(event.row) ?? null });
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

/** SQL for the events whose session ids are asked for. */
async function sessionsAskedOf(view: View, measures: readonly EventMeasure[]): Promise<string> {
  const its = measures.filter(
    (measure) => measure.node === 'sessions' || (measure.node === 'distinct' && measure.of === 'session'),
  );
  if (its.length === 0) return 'false';
  const { from } = await windowsOf(view, its.map(({ window }) => window)); // prettier-ignore
  if (from === null) return 'e.session IS NOT NULL';
  const before = Math.max(...its.map(earlier));
  return Number.isFinite(from) ? `e.session IS NOT NULL AND e.day >= ${whole(from - before)}` : 'false';
}

/** Names of the events of which a tie in time is decided by message id; null for all. */
function namesDecidedById(measures: readonly EventMeasure[]): ReadonlySet<string> | null {
  const filters = measures.flatMap((measure): readonly Filter[] => {
    switch (measure.node) {
      case 'first':
      case 'last':
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
