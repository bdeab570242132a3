import type { Filter } from '@rapport/sdk';
import type { Plan, Properties, ResolvedMeasure } from '@rapport/store';
import { ownValue } from '@rapport/store';
import { COLUMN_KINDS, eventColumns, propertyColumns, pushColumns } from './properties.js';
import { columns } from './rows.js';
import { allOf, among, whole } from './sql.js';
import { widened } from './streams.js';
import type { View } from './view.js';
import { windowsOf } from './view.js';
import type { Value } from './writer.js';
import { tableWriter } from './writer.js';

/*
 * Few subjects' events lie everywhere in the table, and a scan that picks rows from everywhere pays for a column of text as if it read all of it. So
 * numbers and the JSON are read once, session ids only of the days that sessions are asked of, message ids only where they decide, and what was read
 * becomes a table of its own.
 */

const KINDS = ['text', 'bigint', 'integer', 'integer', 'integer', 'integer', 'text'] as const;

/** The view over a copy of its subjects' events, with what the plan's measures look at. */
export async function copied(view: View, { measures }: Plan, properties: readonly string[]): Promise<View> {
  const { reader } = view;
  const { connection } = reader;
  const numbers = [...view.positions.keys()].filter((number) => (view.positions[number] ?? -1) >= 0);
  const its = allOf([among(view.scope('e').subject, numbers), `e.time < ${whole(view.asOf)}`]);
  const selected = ['rowid', 'time', 'day', 'name', 'usr', 'account'].map((column) => `e.${column}::DOUBLE`);
  const sql = `SELECT ${selected.join(', ')}, e.properties FROM events e WHERE ${its}`;
  const kinds = ['number', 'number', 'number', 'number', 'number', 'number', 'text'] as const;
  const [rows, times, days, names, users, accounts, json] = (await columns(connection, sql, kinds)).columns;

  const textOf = async (column: 'id' | 'session', where: string) => {
    const found = await columns(connection, `SELECT e.rowid::DOUBLE, e.${column} FROM events e WHERE ${allOf([its, where])}`, ['number', 'text']); // prettier-ignore
    const [at, texts] = found.columns;
    return new Map(texts.map((text, row) => [at.values[row] ?? 0, text]));
  };
  const sessions = await textOf('session', await withSessions(view, measures));
  const owners = view.level.kind === 'user' ? users : accounts;
  const tied = tiesOf(times.values, owners.values, users.valid, whereIdsDecide(view, measures), names.values);
  const ids = await textOf('id', tied ? `e.time BETWEEN ${whole(tied.from)} AND ${whole(tied.to)}` : 'false');

  const table = reader.temporary();
  const refs = new Map(properties.map((name, i) => [name, i]));
  const types = properties.map((_, i) => {
    const { number, text, other } = propertyColumns(i);
    return `, ${number} DOUBLE, ${text} VARCHAR, ${other} VARCHAR`;
  });
  await connection.run(`
    CREATE TEMP TABLE ${table}
      (id VARCHAR, time BIGINT, day INTEGER, name INTEGER, usr INTEGER, account INTEGER, session VARCHAR ${types.join('')})`);
  const writer = await tableWriter(connection, `temp.${table}`, [...KINDS, ...properties.flatMap(() => COLUMN_KINDS)]);
  const keys = properties.map((name) => `${JSON.stringify(name)}:`);
  const nothing: Properties = {};
  const row: Value[] = [];
  json.forEach((written, i) => {
    const at = rows.values[i] ?? 0;
    row.length = 0;
    row.push(ids.get(at), times.values[i], days.values[i], names.values[i]);
    row.push(users.valid[i] ? users.values[i] : null, accounts.valid[i] ? accounts.values[i] : null, sessions.get(at));
    const values = written !== null && keys.some((key) => written.includes(key)) ? (JSON.parse(written) as Properties) : nothing; // prettier-ignore
    for (const name of properties) pushColumns(row, ownValue(values, name));
    writer.add(row);
  });
  writer.close();
  const property = (name: string) => eventColumns(refs.get(name) ?? '');
  return { ...view, reader: { ...reader, events: `${table} e`, few: true, property } };
}

type Sessions = Extract<ResolvedMeasure, { node: 'sessions' | 'distinct' }>;

/** SQL for the events whose session ids are asked for. */
async function withSessions(view: View, measures: readonly ResolvedMeasure[]): Promise<string> {
  const its = measures.filter(
    (measure): measure is Sessions =>
      measure.node === 'sessions' || (measure.node === 'distinct' && measure.of === 'session'),
  );
  if (its.length === 0) return 'false';
  const windows = await windowsOf(view, its.map(({ window }) => window)); // prettier-ignore
  const idle = Math.max(...its.map((measure) => ('idleMinutes' in measure ? measure.idleMinutes : 0)));
  const { from } = widened(windows, idle, windows.to);
  return allOf(['e.session IS NOT NULL', from === null ? 'true' : Number.isFinite(from) ? `e.day >= ${whole(from)}` : 'false']); // prettier-ignore
}

/** Names of the events among which a tie in time is decided by message id; null for all. */
function whereIdsDecide(view: View, measures: readonly ResolvedMeasure[]): ReadonlySet<number | undefined> | null {
  const filters = measures.flatMap((measure): Filter[] => {
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
  return new Set(filters.flatMap(({ events }) => events ?? []).map((name) => view.reader.name(name)));
}

/** First and last instant at which an owner has several events, or one without a user, of the names; null when there is none. */
function tiesOf(
  times: Float64Array,
  owners: Float64Array,
  named: Uint8Array,
  names: ReadonlySet<number | undefined> | null,
  nameOf: Float64Array,
): { readonly from: number; readonly to: number } | null {
  const seen = new Set<string>();
  let [from, to] = [Infinity, -Infinity];
  times.forEach((time, i) => {
    if (names && !names.has(nameOf[i])) return;
    const key = `${String(owners[i])} ${String(time)}`;
    if (named[i] && !seen.has(key)) seen.add(key);
    else [from, to] = [Math.min(from, time), Math.max(to, time)];
  });
  return from <= to ? { from, to } : null;
}
