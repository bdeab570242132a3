import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column, Json, Level, ResolvedMeasure, ResolvedWindow, Zone } from '@rapport/store';
import { compareCodeUnits, readKey, readTime } from '@rapport/store';
import type { Vocabulary } from './predicate.js';
import { columns } from './rows.js';
import { allOf, text, whole } from './sql.js';
import { tableWriter } from './writer.js';

/** One snapshot's connection while it answers one call. */
export interface Reader extends Vocabulary {
  readonly connection: DuckDBConnection;
  readonly zone: Zone;
  readonly usersAreAccounts: boolean;
  /** What to select from, under the name `e`: the events with the columns of every property of the call. */
  readonly events: string;
  /** Name for a temp table that lives as long as the call. */
  temporary(): string;
}

/** One level as of one instant: its subjects, and how events find theirs. */
export interface View {
  readonly reader: Reader;
  readonly level: Level;
  readonly asOf: number;
  /** In order. */
  readonly subjects: readonly string[];
  /** Position in `subjects` by the number that `subject` yields; −1 for none. */
  readonly positions: Int32Array;
  /** The same by the number of an account (at the user level: of a user). */
  readonly ownerPositions: Int32Array;
  /** SQL for the subject of the row of `alias` (which has `account` and `usr`), the join that it needs, and which rows have one. */
  scope(alias: string): { readonly subject: string; readonly join: string; readonly where: string };
  /** The temp table (subject, first) with the first day of each subject's `sinceTrait` window, and the least of these days. */
  since(trait: string): Promise<Since>;
  /** Latest JSON value of a trait by the subject's number. */
  trait(name: string): Promise<TraitValues>;
}
export interface Since {
  readonly table: string;
  readonly least: number;
}
export interface TraitValues {
  readonly subjects: Float64Array;
  readonly values: readonly Json[];
}

export async function openView(reader: Reader, level: Level, asOf: number): Promise<View> {
  const traitValues = new Map<string, Promise<TraitValues>>();
  const sinceTables = new Map<string, Promise<Since>>();
  const kind = level.kind === 'user' || reader.usersAreAccounts ? 'user' : 'account';
  const trait = (name: string) => {
    let values = traitValues.get(name);
    if (!values) traitValues.set(name, (values = readTrait(reader, kind, name, asOf)));
    return values;
  };
  const since = (name: string) => {
    let table = sinceTables.get(name);
    if (!table) sinceTables.set(name, (table = trait(name).then((values) => sinceTable(reader, values))));
    return table;
  };
  const base = { reader, level, asOf, trait, since };

  if (level.kind !== 'portfolio') {
    const subject = level.kind === 'user' ? 'usr' : 'account';
    const { subjects, positions } = await subjectsOf(reader, kind, asOf);
    return {
      ...base,
      subjects,
      positions,
      ownerPositions: positions,
      scope: (alias) => ({ subject: `${alias}.${subject}`, join: '', where: `${alias}.${subject} IS NOT NULL` }),
    };
  }
  if (level.by === undefined) {
    const scope = { subject: '0', join: '', where: 'true' };
    const positions = new Int32Array(1);
    return { ...base, subjects: [''], positions, ownerPositions: positions, scope: () => scope };
  }
  const groups = await groupsOf(reader, kind, asOf, await trait(level.by));
  return {
    ...base,
    subjects: groups.subjects,
    positions: Int32Array.from(groups.subjects, (_, position) => position),
    ownerPositions: groups.ownerPositions,
    scope: (alias) => ({
      subject: `${groups.table}.grp`,
      join: `JOIN ${groups.table} ON ${groups.table}.account = ${alias}.account`,
      where: 'true',
    }),
  };
}

/** Everyone named before `asOf`, in code-unit order. */
async function subjectsOf(reader: Reader, kind: 'account' | 'user', asOf: number) {
  const sql = `
    SELECT s.idx::DOUBLE, s.id FROM ${kind}s s
    JOIN (SELECT idx FROM ${kind}_sightings GROUP BY idx HAVING min(time) < ${whole(asOf)}) USING (idx)
    ORDER BY s.id`;
  const [indexes, ids] = (await columns(reader.connection, sql, ['number', 'text'])).columns;
  const order = inCodeUnitOrder(ids as readonly string[]);
  const subjects = order ? order.map((row) => ids[row] ?? '') : (ids as readonly string[]);
  const positions = new Int32Array(indexes.values.reduce((most, index) => Math.max(most, index), -1) + 1).fill(-1);
  subjects.forEach((_, position) => {
    positions[indexes.values[order ? (order[position] ?? 0) : position] ?? 0] = position;
  });
  return { subjects, positions };
}

/** Null when the ids are in order already, as DuckDB's order by code point nearly always is; else the rows in order. */
function inCodeUnitOrder(ids: readonly string[]): readonly number[] | null {
  let ordered = true;
  for (let i = 1; i < ids.length && ordered; i++) ordered = (ids[i - 1] ?? '') < (ids[i] ?? '');
  if (ordered) return null;
  return ids.map((_, row) => row).sort((a, b) => compareCodeUnits(ids[a] ?? '', ids[b] ?? ''));
}

async function groupsOf(reader: Reader, kind: 'account' | 'user', asOf: number, by: TraitValues) {
  const { positions } = await subjectsOf(reader, kind, asOf);
  const groupOf = new Map<number, string>();
  positions.forEach((position, index) => {
    if (position >= 0) groupOf.set(index, '');
  });
  by.subjects.forEach((index, row) => {
    if (groupOf.has(index)) groupOf.set(index, readKey(by.values[row]) ?? '');
  });
  const subjects = [...new Set(groupOf.values())].sort(compareCodeUnits);
  const position = new Map(subjects.map((group, at) => [group, at]));
  const table = reader.temporary();
  await reader.connection.run(`CREATE TEMP TABLE ${table} (account INTEGER, grp INTEGER)`);
  const writer = await tableWriter(reader.connection, `temp.${table}`, ['integer', 'integer']);
  const ownerPositions = new Int32Array(positions.length).fill(-1);
  for (const [index, group] of groupOf) {
    ownerPositions[index] = position.get(group) ?? -1;
    writer.add([index, position.get(group)]);
  }
  writer.close();
  return { subjects, table, ownerPositions };
}

async function readTrait(reader: Reader, kind: 'account' | 'user', name: string, asOf: number): Promise<TraitValues> {
  const sql = `
    SELECT subject::DOUBLE, arg_max(value, {time: time, id: id}) FROM traits
    WHERE kind = ${kind === 'account' ? '0' : '1'} AND name = ${text(name)} AND time < ${whole(asOf)} GROUP BY subject`;
  const [subjects, values] = (await columns(reader.connection, sql, ['number', 'text'])).columns;
  return { subjects: subjects.values, values: values.map((value) => JSON.parse(value ?? 'null') as Json) };
}

async function sinceTable(reader: Reader, { subjects, values }: TraitValues): Promise<Since> {
  const table = reader.temporary();
  await reader.connection.run(`CREATE TEMP TABLE ${table} (subject INTEGER, first INTEGER)`);
  const writer = await tableWriter(reader.connection, `temp.${table}`, ['integer', 'integer']);
  let least = Infinity;
  subjects.forEach((subject, row) => {
    const instant = readTime(values[row]);
    if (instant === null) return;
    const day = reader.zone.dayOf(instant);
    least = Math.min(least, day);
    writer.add([subject, day]);
  });
  writer.close();
  return { table, least };
}

/** A measure and where its answer goes. */
export interface Want<M extends ResolvedMeasure = ResolvedMeasure> {
  readonly view: View;
  readonly measure: M;
  readonly answer: (column: Column) => void;
}

/** Windows as SQL over a relation's `day`, with the joins that `sinceTrait` windows need. */
export interface Windows {
  /** Joins onto a relation whose subject is given by an expression. */
  joins(subject: string): string;
  condition(window: ResolvedWindow, day: string): string;
  /** First day of the subject's window that begins at a trait. */
  first(trait: string): string;
  /** First and last day that any of the windows reaches; null when one reaches back without end. */
  readonly from: number | null;
  readonly to: number;
}

export async function windowsOf(view: View, windows: readonly ResolvedWindow[]): Promise<Windows> {
  const today = view.reader.zone.dayOf(view.asOf - 1);
  const sinces = new Map<string, Since>();
  for (const window of windows) {
    if (window.kind === 'sinceTrait') sinces.set(window.trait, await view.since(window.trait));
  }
  const froms = windows.map((window) =>
    window.kind === 'days' ? window.from : (sinces.get(window.trait)?.least ?? null),
  );
  const first = (trait: string) => `${sinces.get(trait)?.table ?? ''}.first`;
  return {
    first,
    joins: (subject) =>
      [...sinces.values()].map(({ table }) => `LEFT JOIN ${table} ON ${table}.subject = ${subject}`).join(' '),
    condition(window, day) {
      if (window.kind === 'sinceTrait') {
        const from = first(window.trait);
        return `coalesce(${day} BETWEEN ${from} AND ${from} + ${whole(window.days - 1)}, false)`;
      }
      return allOf([
        window.from === null ? 'true' : `${day} >= ${whole(window.from)}`,
        window.to >= today ? 'true' : `${day} <= ${whole(window.to)}`,
      ]);
    },
    from: froms.includes(null) ? null : Math.min(...froms.map((from) => from ?? 0)),
    to: Math.max(...windows.map((window) => (window.kind === 'days' ? window.to : today))),
  };
}

/** Rows that a scan has to look at: before `asOf`, within days, of names and properties that anything asks for. */
export function scanned(
  asOf: number,
  range: { readonly from: number | null; readonly to: number },
  filters: readonly string[],
): string {
  const distinct = [...new Set(filters)];
  return allOf([
    `e.time < ${whole(asOf)}`,
    range.from === null || !Number.isFinite(range.from)
      ? range.from === null
        ? 'true'
        : 'false'
      : `e.day >= ${whole(range.from)}`,
    `e.day <= ${whole(range.to)}`,
    distinct.includes('true') ? 'true' : `(${distinct.join(' OR ')})`,
  ]);
}
