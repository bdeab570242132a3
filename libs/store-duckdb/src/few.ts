import type { Filter } from '@rapport/sdk';
import type { Frame, Json, PlacedEvent, Plan, Properties, ResolvedMeasure } from '@rapport/store';
import { compareCodeUnits, measureSubjects } from '@rapport/store';
import { originalId } from './order.js';
import { columns } from './rows.js';
import { allOf, among, whole } from './sql.js';
import { earliestDay } from './streams.js';
import type { Reader, View } from './view.js';
import { openView, windowsOf } from './view.js';
import { propertiesOf, traitsIn } from './wanted.js';

/*
 * Few subjects' events lie everywhere in the table. A scan that picks rows from everywhere pays for a column of text as if it read all of it, and then
 * every statement costs more to plan than to run. So numbers and the JSON are read once, session ids only of the days that sessions are asked of,
 * message ids only where they decide, and the measures are worked out here, as the oracle does it.
 */

/** Events beyond which SQL is faster, and what is held here is too much. */
const MOST_EVENTS = 250_000;

/** Answers a plan for some subjects; null where they have more events than are worth holding. */
export async function measureFew(reader: Reader, plan: Plan): Promise<Frame | null> {
  const view = await openView(reader, { ...plan, traits: traitsIn(plan.measures) });
  const events = await readEvents(view, plan);
  if (!events) return null;
  const traits = new Map<string, ReadonlyMap<string, Json>>();
  const traitValues = (name: string): ReadonlyMap<string, Json> => {
    const { subjects, values } = view.trait(name);
    const its = subjects.map((number, row) => [subjectOf(view, number), values[row] ?? null] as const);
    return traits.get(name) ?? traits.set(name, new Map(its)).get(name) ?? new Map<string, Json>();
  };
  const known = {
    subjects: view.subjects,
    eventsOf: (subject: string) => events.get(subject) ?? [],
    trait: (subject: string, name: string) => traitValues(name).get(subject),
  };
  return measureSubjects(plan, known, reader.zone);
}

const subjectOf = (view: View, number: number): string => view.subjects[view.positions[number] ?? -1] ?? '';

/** Events in order, by subject. */
async function readEvents(view: View, plan: Plan): Promise<ReadonlyMap<string, readonly PlacedEvent[]> | null> {
  const { connection } = view.reader;
  const { subject } = view.scope('e');
  const numbers = [...view.positions.keys()].filter((number) => (view.positions[number] ?? -1) >= 0);
  const its = allOf([among(subject, numbers), `e.time < ${whole(view.asOf)}`]);
  const selected = ['rowid', 'time', 'day', 'name', 'usr', 'account'].map((column) => `e.${column}::DOUBLE`);
  const sql = `SELECT ${selected.join(', ')}, e.properties FROM events e WHERE ${its} LIMIT ${whole(MOST_EVENTS + 1)}`;
  const kinds = ['number', 'number', 'number', 'number', 'number', 'number', 'text'] as const;
  const [rows, times, days, names, users, accounts, json] = (await columns(connection, sql, kinds)).columns;
  if (json.length > MOST_EVENTS) return null;

  const textOf = async (column: 'id' | 'session', where: string) => {
    if (where === 'false') return new Map<number, string | null>();
    const read = `SELECT e.rowid::DOUBLE, e.${column} FROM events e WHERE ${allOf([its, where])}`;
    const [at, texts] = (await columns(connection, read, ['number', 'text'])).columns;
    return new Map(texts.map((text, row) => [at.values[row] ?? 0, text]));
  };
  const nameOf = await eventNames(view.reader);
  const sessions = await textOf('session', await sessionsAskedOf(view, plan.measures));
  const owners = view.level.kind === 'user' ? users : accounts;
  const decided = namesDecidedById(plan.measures);
  const tied = tiesOf(times.values, owners.values, (row) => decided?.has(nameOf(names.values[row])) ?? true);
  const ids = await textOf('id', tied ? `e.time BETWEEN ${whole(tied.from)} AND ${whole(tied.to)}` : 'false');

  const keys = propertiesOf([plan]).map((name) => `${JSON.stringify(name)}:`);
  const nothing: Properties = {};
  const events = new Map<string, PlacedEvent[]>(view.subjects.map((id) => [id, []]));
  json.forEach((written, i) => {
    const row = rows.values[i] ?? 0;
    const asked = written !== null && keys.some((key) => written.includes(key));
    events.get(subjectOf(view, owners.values[i] ?? -1))?.push({
      id: originalId(ids.get(row) ?? ''),
      time: times.values[i] ?? 0,
      day: days.values[i] ?? 0,
      name: nameOf(names.values[i]),
      // Which user or account it is does not matter, only whether it is the same.
      user: users.valid[i] ? String(users.values[i]) : null,
      account: accounts.valid[i] ? String(accounts.values[i]) : null,
      session: sessions.get(row) ?? null,
      properties: asked ? (JSON.parse(written) as Properties) : nothing,
    });
  });
  for (const list of events.values()) list.sort((a, b) => a.time - b.time || compareCodeUnits(a.id, b.id));
  return events;
}

async function eventNames({ connection }: Reader): Promise<(index: number | undefined) => string> {
  const sql = 'SELECT idx::DOUBLE, name FROM names';
  const [indexes, names] = (await columns(connection, sql, ['number', 'text'])).columns;
  const known: string[] = [];
  indexes.values.forEach((index, row) => (known[index] = names[row] ?? ''));
  return (index) => known[index ?? -1] ?? '';
}

type SessionMeasure = Extract<ResolvedMeasure, { node: 'sessions' | 'distinct' }>;

/** SQL for the events whose session ids are asked for. */
async function sessionsAskedOf(view: View, measures: readonly ResolvedMeasure[]): Promise<string> {
  const its = measures.filter(
    (measure): measure is SessionMeasure =>
      measure.node === 'sessions' || (measure.node === 'distinct' && measure.of === 'session'),
  );
  if (its.length === 0) return 'false';
  const windows = await windowsOf(view, its.map(({ window }) => window)); // prettier-ignore
  const from = earliestDay(windows, Math.max(...its.map((measure) => ('idleMinutes' in measure ? measure.idleMinutes : 0)))); // prettier-ignore
  if (from === null) return 'e.session IS NOT NULL';
  return Number.isFinite(from) ? `e.session IS NOT NULL AND e.day >= ${whole(from)}` : 'false';
}

/** Names of the events of which a tie in time is decided by message id; null for all. */
function namesDecidedById(measures: readonly ResolvedMeasure[]): ReadonlySet<string> | null {
  const filters = measures.flatMap((measure): readonly Filter[] => {
    switch (measure.node) {
      case 'first':
      case 'last':
        return measure.of === 'time' ? [] : [measure.filter];
      case 'countByKey':
        return measure.of === 'latest' ? [measure.filter] : [];
      case 'spans': {
        const { open, change, close } = measure.spans;
        return typeof measure.of === 'object' && 'sum' in measure.of ? [open, close, ...(change ? [change] : [])] : [];
      }
      default:
        return [];
    }
  });
  if (filters.some(({ events }) => !events)) return null;
  return new Set(filters.flatMap(({ events }) => events ?? []));
}

/** First and last instant at which an owner has several of the events that matter; null when there is none. */
function tiesOf(
  times: Float64Array,
  owners: Float64Array,
  matters: (row: number) => boolean,
): { readonly from: number; readonly to: number } | null {
  const seen = new Set<string>();
  let [from, to] = [Infinity, -Infinity];
  times.forEach((time, row) => {
    if (!matters(row)) return;
    const key = `${String(owners[row])} ${String(time)}`;
    if (seen.has(key)) [from, to] = [Math.min(from, time), Math.max(to, time)];
    seen.add(key);
  });
  return from <= to ? { from, to } : null;
}
