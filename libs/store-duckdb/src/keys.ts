import type { ResolvedMeasure } from '@rapport/store';
import { compareCodeUnits } from '@rapport/store';
import { keyedAnswer, numberAnswer } from './answers.js';
import { filterSql } from './predicate.js';
import { keySql } from './properties.js';
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
const ofUsers = ({ measure }: KeyWant) => measure.node === 'countByKey' && measure.of === 'users';

/** Answers them in one scan per key: events and users are counted by subject and key, everything else follows from that. */
export async function measureKeys(view: View, wants: readonly KeyWant[]): Promise<void> {
  const groups = new Map<string, KeyWant[]>();
  for (const want of wants) {
    const group = JSON.stringify([keyOf(want), ofUsers(want)]);
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
  const windows = await windowsOf(
    view,
    wants.map(({ measure }) => measure.window),
  );
  const counted = ofUsers(first) ? countUsers : countEvents;
  await reader.connection.run(
    `CREATE TEMP TABLE ${table} AS ${counted(view, wants, windows, keyExpression(view, key))}`,
  );

  const distinct = wants.flatMap((want, i) => (want.measure.node === 'distinct' ? [{ want, i }] : []));
  if (distinct.length > 0) {
    const counts = distinct.map(({ i }) => `(count(*) FILTER (WHERE v${String(i)} > 0))::DOUBLE`);
    const sql = `SELECT s::DOUBLE, ${counts.join(', ')} FROM ${table} GROUP BY s`;
    const [subjects, ...values] = (
      await columns(reader.connection, sql, ['number', ...distinct.map(() => 'number' as const)])
    ).columns;
    distinct.forEach(({ want }, d) => {
      const column = values[d];
      if (column) want.answer(numberAnswer(view, subjects.values, column, 0));
    });
  }

  const keyed = wants.flatMap((want, i) => (want.measure.node === 'countByKey' ? [{ want, i }] : []));
  if (keyed.length === 0) return;
  const dictionary = await dictionaryOf(view, table, key === 'event');
  for (const { want, i } of keyed) {
    const value = `v${String(i)}`;
    const sql = `SELECT s::DOUBLE, code::DOUBLE, ${value}::DOUBLE FROM ${table} JOIN ${dictionary.table} USING (k) WHERE ${value} > 0`;
    const [subjects, codes, values] = (await columns(reader.connection, sql, ['number', 'number', 'number'])).columns;
    const ranked = codes.values.map((code) => dictionary.ranks[code] ?? 0);
    want.answer(keyedAnswer(view, subjects.values, ranked, values.values, dictionary.keys));
  }
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

const conditions = (view: View, wants: readonly KeyWant[], windows: Windows) =>
  wants.map(({ measure }) => {
    const filter = filterSql(measure.filter, view.reader);
    return { filter, all: allOf([filter, windows.condition(measure.window, 'e.day')]) };
  });

function countEvents(view: View, wants: readonly KeyWant[], windows: Windows, key: string): string {
  const scope = view.scope('e');
  const tests = conditions(view, wants, windows);
  const counts = tests.map(({ all }, i) => `(count(*) FILTER (WHERE ${all}))::INTEGER AS v${String(i)}`);
  const rows = scanned(
    view.asOf,
    windows,
    tests.map(({ filter }) => filter),
  );
  return `
    SELECT ${scope.subject} AS s, ${key} AS k, ${counts.join(', ')}
    FROM ${view.reader.events} ${scope.join} ${windows.joins(scope.subject)}
    WHERE ${allOf([scope.where, rows, `${key} IS NOT NULL`])} GROUP BY ALL`;
}

function countUsers(view: View, wants: readonly KeyWant[], windows: Windows, key: string): string {
  const scope = view.scope('e');
  const tests = conditions(view, wants, windows);
  const flags = tests.map(({ all }, i) => `bool_or(${all}) AS f${String(i)}`);
  const counts = tests.map((_, i) => `(count(*) FILTER (WHERE f${String(i)}))::INTEGER AS v${String(i)}`);
  const rows = scanned(
    view.asOf,
    windows,
    tests.map(({ filter }) => filter),
  );
  return `
    SELECT s, k, ${counts.join(', ')} FROM (
      SELECT ${scope.subject} AS s, ${key} AS k, e.usr, ${flags.join(', ')}
      FROM ${view.reader.events} ${scope.join} ${windows.joins(scope.subject)}
      WHERE ${allOf([scope.where, rows, `${key} IS NOT NULL`, 'e.usr IS NOT NULL'])} GROUP BY ALL
    ) GROUP BY s, k`;
}

/** The keys of a table in code-unit order, with the rank of each key's code. */
async function dictionaryOf(view: View, table: string, names: boolean) {
  const { connection } = view.reader;
  const codes = view.reader.temporary();
  await connection.run(
    `CREATE TEMP TABLE ${codes} AS SELECT k, (row_number() OVER () - 1)::INTEGER AS code FROM (SELECT DISTINCT k FROM ${table})`,
  );
  const sql = names
    ? `SELECT code::DOUBLE, name FROM ${codes} JOIN names ON idx = k`
    : `SELECT code::DOUBLE, k FROM ${codes}`;
  const [code, texts] = (await columns(connection, sql, ['number', 'text'])).columns;
  const order = texts.map((_, row) => row).sort((a, b) => compareCodeUnits(texts[a] ?? '', texts[b] ?? ''));
  const ranks = new Float64Array(order.length);
  order.forEach((row, rank) => {
    ranks[code.values[row] ?? 0] = rank;
  });
  return { table: codes, keys: order.map((row) => texts[row] ?? ''), ranks };
}
