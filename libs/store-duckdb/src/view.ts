import type { DuckDBConnection } from '@duckdb/node-api';
import { type Zone, dayOf, readTime } from '@rapport/sdk/time';
import type { Column, Json, Level, ResolvedMeasure, ResolvedWindow } from '@rapport/store';
import { compareCodeUnits, hierarchyOf, readKey } from '@rapport/store';
import type { Vocabulary } from './predicate.js';
import { columns } from './rows.js';
import { allOf, among, anyOf, text, whole } from './sql.js';
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
  /** Latest JSON value of a trait by the number of the account or user. */
  trait(name: string): TraitValues;
}
export interface Since {
  readonly table: string;
  readonly least: number;
}
export interface TraitValues {
  readonly subjects: readonly number[];
  readonly values: readonly Json[];
}
/** Accounts or users, in order, and their positions by number. */
type Everyone = Pick<View, 'subjects' | 'positions'>;

/** What a view shows. */
export interface ViewQuery {
  readonly level: Level;
  readonly asOf: number;
  /** The subjects that are asked for, of accounts or users; all where absent. */
  readonly subjects?: readonly string[] | undefined;
  /** Traits that will be asked for. */
  readonly traits: readonly string[];
}

export async function openView(reader: Reader, query: ViewQuery): Promise<View> {
  const { level, asOf } = query;
  const kind = level.kind === 'user' || reader.usersAreAccounts ? 'user' : 'account';
  const everyone = await subjectsOf(reader, kind, asOf, query.subjects);
  const names = new Set(query.traits);
  if (level.kind === 'family') names.add(level.parent);
  if (level.kind === 'portfolio' && level.by !== undefined) names.add(level.by);
  const traits = await readTraits(reader, kind, [...names], asOf, query.subjects && numbersIn(everyone.positions));
  const trait = (name: string): TraitValues => traits.get(name) ?? { subjects: [], values: [] };
  const sinceTables = new Map<string, Promise<Since>>();
  const since = (name: string) => {
    let table = sinceTables.get(name);
    if (!table) sinceTables.set(name, (table = sinceTable(reader, trait(name))));
    return table;
  };
  const base = { reader, level, asOf, trait, since };

  switch (level.kind) {
    case 'account':
    case 'user': {
      const subject = level.kind === 'user' ? 'usr' : 'account';
      return {
        ...base,
        ...everyone,
        ownerPositions: everyone.positions,
        scope: (alias) => ({ subject: `${alias}.${subject}`, join: '', where: `${alias}.${subject} IS NOT NULL` }),
      };
    }
    case 'portfolio': {
      if (level.by === undefined) {
        const scope = { subject: '0', join: '', where: 'true' };
        const positions = new Int32Array(1);
        return { ...base, subjects: [''], positions, ownerPositions: positions, scope: () => scope };
      }
      const { subjects, groups } = groupsOf(everyone, trait(level.by));
      const positions = Int32Array.from(subjects, (_, position) => position);
      return { ...base, subjects, positions, ownerPositions: groups, scope: await accountScope(reader, groups) };
    }
    case 'family': {
      const { subjects, positions, heads } = familiesOf(everyone, trait(level.parent), level.depth ?? 0);
      const ownerPositions = heads.map((head) => (head < 0 ? -1 : (positions[head] ?? -1)));
      return { ...base, subjects, positions, ownerPositions, scope: await accountScope(reader, heads) };
    }
  }
}

/** The scope where accounts belong to what their numbers say; −1 is nothing. */
async function accountScope(reader: Reader, belongs: Int32Array): Promise<View['scope']> {
  const table = reader.temporary();
  await reader.connection.run(`CREATE TEMP TABLE ${table} (account INTEGER, subject INTEGER)`);
  const writer = await tableWriter(reader.connection, `temp.${table}`, ['integer', 'integer']);
  belongs.forEach((subject, account) => {
    if (subject >= 0) writer.add([account, subject]);
  });
  writer.close();
  const join = (alias: string) => `JOIN ${table} ON ${table}.account = ${alias}.account`;
  return (alias) => ({ subject: `${table}.subject`, join: join(alias), where: 'true' });
}

/** Everyone named before `asOf`, or those asked for, in code-unit order. */
async function subjectsOf(reader: Reader, kind: 'account' | 'user', asOf: number, only?: readonly string[]) {
  const sql = `
    SELECT s.idx::DOUBLE, s.id FROM ${kind}s s JOIN ${kind}_sightings g USING (idx)
    ${only ? `WHERE s.id IN (${[...new Set(only)].map(text).join(', ') || 'NULL'})` : ''} GROUP BY s.idx, s.id HAVING min(g.time) < ${whole(asOf)} ORDER BY s.id`;
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

/** The number of each account's group, by the account's; the accounts that there are not have −1. */
function groupsOf({ positions }: Everyone, by: TraitValues) {
  const keys = keysOf(by);
  const group = (account: number) => keys.get(account) ?? '';
  const subjects = [...new Set(numbersIn(positions).map(group))].sort(compareCodeUnits);
  const numbers = new Map(subjects.map((name, number) => [name, number]));
  return {
    subjects,
    groups: positions.map((position, account) => (position < 0 ? -1 : (numbers.get(group(account)) ?? -1))),
  };
}

/** The parents of a depth, and the number of the one that each account is below, by its own. */
function familiesOf({ subjects: accounts, positions: ranks }: Everyone, parent: TraitValues, depth: number) {
  const parents = keysOf(parent);
  const numbers = new Map<string, number>();
  ranks.forEach((rank, number) => {
    if (rank >= 0) numbers.set(accounts[rank] ?? '', number);
  });
  const families = hierarchyOf(accounts, (account) => parents.get(numbers.get(account) ?? -1) ?? null).familiesAt(
    depth,
  );
  const subjects = [...new Set(families.values())].sort(compareCodeUnits);
  const positions = new Int32Array(ranks.length).fill(-1);
  for (const [position, head] of subjects.entries()) positions[numbers.get(head) ?? 0] = position;
  const heads = new Int32Array(ranks.length).fill(-1);
  for (const [account, head] of families) heads[numbers.get(account) ?? 0] = numbers.get(head) ?? -1;
  return { subjects, positions, heads };
}

const keysOf = ({ subjects, values }: TraitValues): ReadonlyMap<number, string | null> =>
  new Map(values.map((value, row) => [subjects[row] ?? -1, readKey(value)]));

/** The numbers that have a position. */
const numbersIn = (positions: Int32Array): readonly number[] =>
  Array.from(positions, (position, number) => (position < 0 ? -1 : number)).filter((number) => number >= 0);

async function readTraits(
  reader: Reader,
  kind: 'account' | 'user',
  names: readonly string[],
  asOf: number,
  only: readonly number[] | undefined,
): Promise<ReadonlyMap<string, TraitValues>> {
  const found = new Map(names.map((name) => [name, { subjects: [] as number[], values: [] as Json[] }]));
  if (names.length === 0) return found;
  const wanted = allOf([
    `kind = ${kind === 'account' ? '0' : '1'}`,
    `name IN (${names.map(text).join(', ')})`,
    `time < ${whole(asOf)}`,
    only ? among('subject', only) : 'true',
  ]);
  const sql = `SELECT name, subject::DOUBLE, arg_max(value, {time: time, id: id}) FROM traits WHERE ${wanted} GROUP BY name, subject`;
  const [traits, subjects, values] = (await columns(reader.connection, sql, ['text', 'number', 'text'])).columns;
  traits.forEach((name, row) => {
    const its = found.get(name ?? '');
    its?.subjects.push(subjects.values[row] ?? 0);
    its?.values.push(JSON.parse(values[row] ?? 'null') as Json);
  });
  return found;
}

async function sinceTable(reader: Reader, { subjects, values }: TraitValues): Promise<Since> {
  const table = reader.temporary();
  await reader.connection.run(`CREATE TEMP TABLE ${table} (subject INTEGER, first INTEGER)`);
  const writer = await tableWriter(reader.connection, `temp.${table}`, ['integer', 'integer']);
  let least = Infinity;
  subjects.forEach((subject, row) => {
    const time = readTime(values[row], reader.zone);
    if (time === null) return;
    const day = dayOf(time, reader.zone);
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
  /** The days that the windows reach, where each begins at a trait, with some days before; else any. */
  narrowed(day: string, before?: number): string;
  /** First and last day that any of the windows reaches; null when one reaches back without end. */
  readonly from: number | null;
  readonly to: number;
}

type SinceTrait = Extract<ResolvedWindow, { kind: 'sinceTrait' }>;

/** SQL for the days of a window that begins at a subject's own day, with some days before; `goesOn`: and all after it. */
export const daysFrom = (day: string, first: string, days: number, before: number, goesOn = false): string => {
  const from = before > 0 ? `${first} - ${whole(before)}` : first;
  return `coalesce(${day} ${goesOn ? `>= ${from}` : `BETWEEN ${from} AND ${first} + ${whole(days - 1)}`}, false)`;
};

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
  const reachedDays = ({ trait, days }: SinceTrait, day: string, before: number) =>
    daysFrom(day, first(trait), days, before);
  return {
    first,
    joins: (subject) =>
      [...sinces.values()].map(({ table }) => `LEFT JOIN ${table} ON ${table}.subject = ${subject}`).join(' '),
    narrowed: (day, before = 0) =>
      windows.some(({ kind }) => kind === 'days')
        ? 'true'
        : anyOf([
            ...new Set(windows.flatMap((window) => (window.kind === 'days' ? [] : [reachedDays(window, day, before)]))),
          ]),
    condition(window, day) {
      if (window.kind === 'sinceTrait') {
        return reachedDays(window, day, 0);
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

/** How a scan for one view keeps to the days, and some before, that its subjects' own windows reach; it keeps to none for others. */
export function ownDays(
  windows: ReadonlyMap<View, Windows>,
  before = 0,
): { readonly join: string; readonly where: string } {
  const [[view, its] = [], ...others] = windows;
  const where = its?.narrowed('e.day', before) ?? 'true';
  if (!view || !its || where === 'true' || others.length > 0) return { join: '', where: 'true' };
  const { join, subject } = view.scope('e');
  return { join: `${join} ${its.joins(subject)}`, where };
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
