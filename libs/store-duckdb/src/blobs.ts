import { createHash } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import { columns } from './rows.js';
import { text, whole } from './sql.js';
import { tableWriter } from './writer.js';

/*
 * What runs leave is kept by its content: a run that found what an earlier one found adds references, and no bytes.
 */

const hashOf = (data: Uint8Array): string => createHash('sha256').update(data).digest('base64url').slice(0, 22);
const list = (items: readonly string[]) => items.join(', ') || 'NULL';

/** Numbers of blobs with these contents; those that are new are written. Inside a transaction. */
export async function putBlobs(connection: DuckDBConnection, contents: readonly Uint8Array[]): Promise<number[]> {
  const hashes = contents.map(hashOf);
  const known = new Map<string, number>();
  const sql = `SELECT idx::DOUBLE, hash FROM result_blobs WHERE hash IN (${list([...new Set(hashes)].map(text))})`;
  const [indexes, found] = (await columns(connection, sql, ['number', 'text'])).columns;
  found.forEach((hash, row) => known.set(hash ?? '', indexes.values[row] ?? 0));
  const last = await columns(connection, 'SELECT coalesce(max(idx), 0)::DOUBLE FROM result_blobs', ['number']);
  let next = last.columns[0].values[0] ?? 0;
  const writer = await tableWriter(connection, 'result_blobs', ['integer', 'text', 'blob']);
  hashes.forEach((hash, i) => {
    if (known.has(hash)) return;
    known.set(hash, ++next);
    writer.add([next, hash, contents[i]]);
  });
  writer.close();
  return hashes.map((hash) => known.get(hash) ?? 0);
}

export async function readBlobs(
  connection: DuckDBConnection,
  indexes: readonly number[],
): Promise<ReadonlyMap<number, Uint8Array>> {
  if (indexes.length === 0) return new Map();
  const sql = `SELECT idx::DOUBLE, data FROM result_blobs WHERE idx IN (${list([...new Set(indexes)].map(whole))})`;
  const [found, data] = (await columns(connection, sql, ['number', 'blob'])).columns;
  return new Map(data.map((bytes, row) => [found.values[row] ?? 0, bytes ?? new Uint8Array()]));
}

/** Removes what nothing refers to any more; returns how many bytes that were. Inside a transaction. */
export async function dropUnusedBlobs(connection: DuckDBConnection, used: ReadonlySet<number>): Promise<number> {
  const unused = `idx NOT IN (${list([...used].map(whole))})`;
  const where = used.size === 0 ? 'true' : unused;
  const sql = `SELECT coalesce(sum(octet_length(data)), 0)::DOUBLE FROM result_blobs WHERE ${where}`;
  const [bytes] = (await columns(connection, sql, ['number'])).columns;
  await connection.run(`DELETE FROM result_blobs WHERE ${where}`);
  return bytes.values[0] ?? 0;
}
