import { EARLIEST, LATEST, readInstant } from '@rapport/sdk/time';
import type { PropertyColumns } from './properties.js';
import { columns } from './rows.js';
import { whole } from './sql.js';
import type { Reader } from './view.js';
import { tableWriter } from './writer.js';

/** A property of the events `e` read as a time, in SQL: the join that it needs, and its instant as DOUBLE epoch ms or NULL. */
export interface TimeSql {
  readonly join: string;
  readonly value: string;
}

/**
 * Texts are read in JavaScript, so that there is one reading of a time and not two: each distinct one that may be a time is read once, into a
 * table that events are joined with.
 */
export async function timeSql(reader: Reader, { number, text }: PropertyColumns): Promise<TimeSql> {
  const { connection, zone, events } = reader;
  const table = reader.temporary();
  await connection.run(`CREATE TEMP TABLE ${table} (text VARCHAR, instant DOUBLE)`);
  const writer = await tableWriter(connection, `temp.${table}`, ['text', 'double']);
  // A time begins with a digit.
  const sql = `SELECT DISTINCT ${text} FROM ${events} WHERE ${text} >= '0' AND ${text} < ':'`;
  const [texts] = (await columns(connection, sql, ['text'])).columns;
  for (const written of texts) {
    const instant = readInstant(written, zone);
    if (instant !== null) writer.add([written, instant]);
  }
  writer.close();
  const inRange = `${number} >= ${whole(EARLIEST)} AND ${number} < ${whole(LATEST)}`;
  return {
    join: `LEFT JOIN ${table} ON ${table}.text = ${text}`,
    value: `coalesce(${table}.instant, CASE WHEN ${inRange} THEN floor(${number}) END)`,
  };
}
