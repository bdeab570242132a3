import type { ResolvedMeasure } from '@rapport/store';
import { compareCodeUnits } from '@rapport/store';
import { keyedAnswer, numberAnswer } from './answers.js';
import { filterSql } from './predicate.js';
import { keySql } from './properties.js';
import type { Numbers } from './rows.js';
import { columns } from './rows.js';
import { allOf } from './sql.js';
import type { View, Want, Windows } from './view.js';
import { scanned, windowsOf } from './view.js';

/** Measures that look at the subject's events by a key: an event name, a session, a property's value. */
export type KeyMeasure =
  | Extract<ResolvedMeasure, { node: 'countByKey' }>
  | (Extract<ResolvedMeasure, { node: 'distinct' }> & {
      readonly of: 'session' | 'event' | { readonly property: string };
    });

type KeyWant = Want<KeyMeasure>;
const keyOf = ({ measure }: KeyWant) => (measure.node === 'distinct' ? measure.of : measure.key);
const ofLatest = ({ measure }: KeyWant) => measure.node === 'countByKey' && measure.of === 'latest';
const ofUsers = ({ measure }: KeyWant) => measure.node === 'countByKey' && measure.of === 'users';

/**
 * Answers them in one scan per key: events and users are counted by subject and key, everything else follows from that. Latest answers are
 * picked in a scan of their own.
 */
export async function measureKeys(view: View, wants: readonly KeyWant[]): Promise<void> {
  const groups = new Map<string, KeyWant[]>();
  for (const want of wants) {
    const group = JSON.stringify(ofLatest(want) ? want.measure : keyOf(want));
    groups.set(group, [...(groups.get(group) ?? []), want]);
  }
  for (const group of groups.values()) await measureKey(view, group);
}

async function measureKey(view: View, wants: readonly KeyWant[]): Promise<void> {
  const [first] = wants;
  if (!first) return;
  const { reader } = view;
  const key = keyOf(first);
  const table = reader.temporary();
  const countsOf = ofLatest(first) ? latestSql : countsSql;
  await reader.connection.run(`CREATE TEMP TABLE ${table} AS ${await countsOf(view, wants, keyExpression(view, key))}`);

  const distinct = wants.flatMap((want, i) => (want.measure.node === 'distinct' ? [{ want, i }] : []));
  if (distinct.length > 0) {
    const counts = distinct.map(({ i }) => `(count(*) FILTER (WHERE v${String(i)} > 0))::DOUBLE`);
    const sql = `SELECT s::DOUBLE, ${counts.join(', ')} FROM ${table} GROUP BY s`;
    const kinds = distinct.map(() => 'number' as const);
    const [subjects, ...values] = (await columns(reader.connection, sql, ['number', ...kinds])).columns;
    distinct.forEach(({ want }, d) => {
      want.answer(numberAnswer(view, subjects.values, values[d] as Numbers, 0));
    });
  }

  const keyed = wants.flatMap((want, i) => (want.measure.node === 'countByKey' ? [{ want, i }] : []));
  if (keyed.length === 0) return;
  const dictionary = key === 'event' ? await eventNames(view) : await keysOf(view, table);
  const sql = `SELECT s::DOUBLE, ${dictionary.code}, ${keyed.map(({ i }) => `v${String(i)}::DOUBLE`).join(', ')} FROM ${table} ${dictionary.join}`;
  const kinds = keyed.map(() => 'number' as const);
  const [subjects, codes, ...values] = (await columns(reader.connection, sql, ['number', 'number', ...kinds])).columns;
  const ranked = codes.values.map((code) => dictionary.ranks[code] ?? 0);
  keyed.forEach(({ want }, k) => {
    const counts = (values[k] as Numbers).values;
    want.answer(keyedAnswer(view, subjects.values, ranked, counts, dictionary.keys, (row) => (counts[row] ?? 0) > 0));
  });
}

function keyExpression(view: View, key: 'event' | 'session' | { readonly property: string }): string {
  switch (key) {
    case 'event':
      return 'e.name';
    case 'session':
      return 'e.session';
    default:
      return keySql(view.reader.property(key.property));
  }
}

/** Per subject `s` and key `k`: what each want counts, as v0, v1, … */
async function countsSql(view: View, wants: readonly KeyWant[], key: string): Promise<string> {
  const windows: Windows = await windowsOf(
    view,
    wants.map(({ measure }) => measure.window),
  );
  const scope = view.scope('e');
  const filters = wants.map(({ measure }) => filterSql(measure.filter, view.reader));
  const counts = wants.map(({ measure }, i) => {
    const condition = allOf([filters[i] ?? 'true', windows.condition(measure.window, 'e.day')]);
    return `(count(*)${condition === 'true' ? '' : ` FILTER (WHERE ${condition})`})::INTEGER AS v${String(i)}`;
  });
  const rows = allOf([scope.where, scanned(view.asOf, windows, filters), `${key} IS NOT NULL`]);
  const from = `${view.reader.events} ${scope.join} ${windows.joins(scope.subject)}`;
  const byKey = (by: string) =>
    `SELECT ${scope.subject} AS s, ${key} AS k, ${[by, ...counts].filter(Boolean).join(', ')} FROM ${from} WHERE ${rows} GROUP BY ALL`;
  if (!wants.some(ofUsers)) return byKey('');
  // Users are told apart in the same scan; events then add up over them.
  const summed = wants.map((want, i) => {
    const value = `v${String(i)}`;
    return ofUsers(want)
      ? `(count(*) FILTER (WHERE usr IS NOT NULL AND ${value} > 0))::INTEGER AS ${value}`
      : `sum(${value})::INTEGER AS ${value}`;
  });
  return `SELECT s, k, ${summed.join(', ')} FROM (${byKey('e.usr')}) GROUP BY s, k`;
}

/** The same for one want of latest answers: users, and events without a user, by the key of their latest event that has one. */
async function latestSql(view: View, [want]: readonly KeyWant[], key: string): Promise<string> {
  if (!want) return '';
  const { window, filter } = want.measure;
  const windows = await windowsOf(view, [window]);
  const scope = view.scope('e');
  const matched = filterSql(filter, view.reader);
  const rows = allOf([
    scope.where,
    scanned(view.asOf, windows, [matched]),
    windows.condition(window, 'e.day'),
    `${key} IS NOT NULL`,
  ]);
  return `
    SELECT s, k, count(*)::INTEGER AS v0 FROM (
      SELECT ${scope.subject} AS s, e.usr, CASE WHEN e.usr IS NULL THEN e.id END AS alone, arg_max(${key}, {time: e.time, id: e.id}) AS k
      FROM ${view.reader.events} ${scope.join} ${windows.joins(scope.subject)}
      WHERE ${rows} GROUP BY ALL
    ) GROUP BY s, k`;
}

/** Keys in code-unit order, and the rank of each code that rows carry. */
interface Dictionary {
  readonly code: string;
  readonly join: string;
  readonly keys: readonly string[];
  readonly ranks: Float64Array;
}

async function eventNames(view: View): Promise<Dictionary> {
  const sql = 'SELECT idx::DOUBLE, name FROM names';
  const [codes, names] = (await columns(view.reader.connection, sql, ['number', 'text'])).columns;
  return { code: 'k::DOUBLE', join: '', ...inOrder(codes.values, names) };
}

async function keysOf(view: View, table: string): Promise<Dictionary> {
  const { connection } = view.reader;
  const codes = view.reader.temporary();
  await connection.run(
    `CREATE TEMP TABLE ${codes} AS SELECT k, (row_number() OVER () - 1)::INTEGER AS code FROM (SELECT DISTINCT k FROM ${table})`,
  );
  const [code, keys] = (await columns(connection, `SELECT code::DOUBLE, k FROM ${codes}`, ['number', 'text'])).columns;
  return { code: 'code::DOUBLE', join: `JOIN ${codes} USING (k)`, ...inOrder(code.values, keys) };
}

function inOrder(codes: Float64Array, keys: readonly (string | null)[]) {
  const order = keys.map((_, row) => row).sort((a, b) => compareCodeUnits(keys[a] ?? '', keys[b] ?? ''));
  const ranks = new Float64Array(codes.reduce((most, code) => Math.max(most, code), -1) + 1);
  order.forEach((row, rank) => {
    ranks[codes[row] ?? 0] = rank;
  });
  return { keys: order.map((row) => keys[row] ?? ''), ranks };
}
