import type { DuckDBConnection } from '@duckdb/node-api';
import type { Json, Properties } from '@rapport/store';
import { ownValue, readKey, readNumber, readText } from '@rapport/store';
import { rows } from './rows.js';
import { transaction } from './schema.js';
import { text, whole } from './sql.js';
import type { Value, WriterColumn } from './writer.js';
import { tableWriter } from './writer.js';

/*
 * A declared property has three columns in `events`, numbered because property names are hostile: n<i> its value as a number, t<i> as text, and
 * o<i> what neither says: 'true' or 'false', '[]' for a list or an object, and the written form of a number that DuckDB would write differently.
 * All of it is read in JavaScript, at ingest and when a property is declared late, so there is one reading of a value and not two.
 */

/** Columns make scans wide in memory at ingest; properties beyond this many are read from the JSON when measured. */
export const MAX_DECLARED = 200;
export const COLUMN_KINDS: readonly WriterColumn[] = ['double', 'text', 'text'];

/** SQL expressions over one property of an event. */
export interface PropertyColumns {
  readonly number: string;
  readonly text: string;
  readonly other: string;
}
export const propertyColumns = (index: number | string): PropertyColumns => ({
  number: `n${String(index)}`,
  text: `t${String(index)}`,
  other: `o${String(index)}`,
});

const columnNames = ({ number, text: asText, other }: PropertyColumns): readonly string[] => [number, asText, other];

/** The same of the events `e`. */
export const eventColumns = (index: number | string): PropertyColumns => {
  const { number, text: asText, other } = propertyColumns(index);
  return { number: `e.${number}`, text: `e.${asText}`, other: `e.${other}` };
};

/** Values of a property's three columns, pushed onto a row. */
export function pushColumns(row: Value[], value: Json | undefined): void {
  if (value === undefined || value === null) {
    row.push(null, null, null);
    return;
  }
  const number = readNumber(value);
  const plain = number !== null && Number.isInteger(number) && Math.abs(number) < 1e15;
  row.push(number, readText(value), plain || typeof value === 'string' ? null : (readKey(value) ?? '[]'));
}

/** The value as a key (`readKey`), in SQL. */
export const keySql = ({ number, text: asText, other }: PropertyColumns): string =>
  `coalesce(${asText}, CASE WHEN ${other} IS NULL THEN ${number}::BIGINT::VARCHAR WHEN ${other} <> '[]' THEN ${other} END)`;

/** Index by property, of the properties that have columns as the connection sees them. */
export async function declaredProperties(connection: DuckDBConnection): Promise<Map<string, number>> {
  const shape = { idx: 'number', property: 'text' } as const;
  const stored = await rows(connection, 'SELECT idx::DOUBLE, property FROM property_columns ORDER BY idx', shape);
  return new Map(stored.map(({ idx, property }) => [property ?? '', idx ?? 0]));
}

/** How many properties `events` has columns for, named yet or not. Columns are added by threes, and named in the order they were added. */
export async function physicalColumns(connection: DuckDBConnection): Promise<number> {
  const sql = `
    SELECT count(*)::DOUBLE FROM duckdb_columns()
    WHERE database_name = current_database() AND table_name = 'events' AND column_name[1] = 'o' AND try_cast(column_name[2:] AS INTEGER) IS NOT NULL`;
  const [found] = await rows(connection, sql, { count: 'number' });
  return found?.count ?? 0;
}

/** Rows read at a time when properties are taken out of the JSON: bounds what is in memory. */
const PAGE = 500_000;

/**
 * Reads properties out of the events' JSON into a temp table `name`: the event's rowid, then three columns per property, for
 * events that have at least one of them.
 */
export async function extractProperties(
  connection: DuckDBConnection,
  name: string,
  properties: ReadonlyMap<string, number | string>,
): Promise<void> {
  const names = [...properties.values()].flatMap((index) => columnNames(propertyColumns(index)));
  const types = names.map((column) => `${column} ${column.startsWith('n') ? 'DOUBLE' : 'VARCHAR'}`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${name} (event BIGINT, ${types.join(', ')})`);
  const has = [...properties.keys()]
    .map((property) => `contains(properties, ${text(`${JSON.stringify(property)}:`)})`)
    .join(' OR ');
  const [range] = await rows(connection, 'SELECT max(rowid)::DOUBLE FROM events', { last: 'number' });
  const writer = await tableWriter(connection, `temp.${name}`, [
    'bigint',
    ...[...properties].flatMap(() => COLUMN_KINDS),
  ]);
  const row: Value[] = [];
  for (let from = 0; from <= (range?.last ?? -1); from += PAGE) {
    const page = `rowid >= ${whole(from)} AND rowid < ${whole(from + PAGE)}`;
    const result = await connection.run(`SELECT rowid::DOUBLE, properties FROM events WHERE ${page} AND (${has})`);
    for (const chunk of await result.fetchAllChunks()) {
      const ids = chunk.getColumnVector(0);
      const json = chunk.getColumnVector(1);
      for (let i = 0; i < chunk.rowCount; i++) {
        const values = JSON.parse(json.getItem(i) as string) as Properties;
        row.length = 0;
        row.push(ids.getItem(i) as number);
        for (const property of properties.keys()) pushColumns(row, ownValue(values, property));
        writer.add(row);
      }
    }
  }
  writer.close();
}

/** Gives properties their columns and fills them for the events that are there. Durable when it resolves; safe to break off anywhere. */
export async function declareProperties(connection: DuckDBConnection, wanted: readonly string[]): Promise<boolean> {
  const declared = await declaredProperties(connection);
  const missing = [...new Set(wanted)]
    .filter((property) => !declared.has(property))
    .slice(0, Math.max(0, MAX_DECLARED - declared.size));
  if (missing.length === 0) return false;
  const indexes = new Map(missing.map((property, i) => [property, declared.size + i]));
  // Columns first, in a transaction of their own: they count only once the registry names them, and by then they are filled.
  // (ALTER … USING would fill them faster, but DuckDB 1.5 cannot replay it from the log after a crash.)
  await transaction(connection, async () => {
    for (const index of indexes.values()) {
      const columns = propertyColumns(index);
      await connection.run(`ALTER TABLE events ADD COLUMN IF NOT EXISTS ${columns.number} DOUBLE`);
      await connection.run(`ALTER TABLE events ADD COLUMN IF NOT EXISTS ${columns.text} VARCHAR`);
      await connection.run(`ALTER TABLE events ADD COLUMN IF NOT EXISTS ${columns.other} VARCHAR`);
    }
  });
  await transaction(connection, async () => {
    await extractProperties(connection, 'declared', indexes);
    const set = [...indexes.values()].flatMap((index) =>
      columnNames(propertyColumns(index)).map((column) => `${column} = declared.${column}`),
    );
    await connection.run(`UPDATE events SET ${set.join(', ')} FROM declared WHERE events.rowid = declared.event`);
    await connection.run('DROP TABLE temp.declared');
    const values = [...indexes].map(([property, index]) => `(${String(index)}, ${text(property)})`);
    await connection.run(`INSERT INTO property_columns VALUES ${values.join(', ')}`);
  });
  return true;
}
