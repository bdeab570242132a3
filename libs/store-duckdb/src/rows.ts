import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';

/*
 * Results as columns. Queries cast every number to DOUBLE: copying a chunk's doubles costs a memcpy, a BIGINT costs a BigInt per value.
 */

export interface Numbers {
  readonly values: Float64Array;
  /** 1 where there is a value. */
  readonly valid: Uint8Array;
}
interface Kinds {
  number: Numbers;
  text: readonly (string | null)[];
  blob: readonly (Uint8Array | null)[];
}
export type Kind = keyof Kinds;
type ColumnsOf<K extends readonly Kind[]> = { readonly [I in keyof K]: Kinds[K[I]] };

/** Runs a query and reads its columns: DOUBLE as `number`, VARCHAR as `text`, BLOB as `blob`. */
export async function columns<const K extends readonly Kind[]>(
  connection: DuckDBConnection,
  sql: string,
  kinds: K,
): Promise<{ readonly rows: number; readonly columns: ColumnsOf<K> }> {
  const result = await connection.run(sql);
  const chunks = await result.fetchAllChunks();
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rowCount, 0);
  const read = kinds.map((kind, index) => {
    switch (kind) {
      case 'number':
        return numbers(chunks, index, rows);
      case 'text':
        return texts(chunks, index);
      case 'blob':
        return blobs(chunks, index);
    }
  });
  return { rows, columns: read as ColumnsOf<K> };
}

function numbers(chunks: readonly DuckDBDataChunk[], column: number, rows: number): Numbers {
  const values = new Float64Array(rows);
  const valid = new Uint8Array(rows).fill(1);
  let offset = 0;
  for (const chunk of chunks) {
    const count = chunk.rowCount;
    const vector = duckdb.data_chunk_get_vector(chunk.chunk, column);
    const data = duckdb.vector_get_data(vector, count * 8);
    values.set(new Float64Array(data.buffer, data.byteOffset, count), offset);
    const bits = validity(chunk, column);
    if (bits) {
      for (let i = 0; i < count; i++) {
        if (!((bits[i >> 3] ?? 0) & (1 << (i & 7)))) {
          values[offset + i] = 0;
          valid[offset + i] = 0;
        }
      }
    }
    offset += count;
  }
  return { values, valid };
}

/** The validity bits of a chunk's column; null when every row is valid. */
export function validity(chunk: DuckDBDataChunk, column: number): Uint8Array | null {
  const vector = duckdb.data_chunk_get_vector(chunk.chunk, column);
  const bits: Uint8Array | null = duckdb.vector_get_validity(vector, Math.ceil(chunk.rowCount / 64) * 8);
  return bits;
}

function texts(chunks: readonly DuckDBDataChunk[], column: number): (string | null)[] {
  const values: (string | null)[] = [];
  for (const chunk of chunks) {
    const vector = chunk.getColumnVector(column);
    const bits = validity(chunk, column);
    for (let i = 0; i < chunk.rowCount; i++) {
      const there = !bits || (bits[i >> 3] ?? 0) & (1 << (i & 7));
      values.push(there ? (vector.getItem(i) as string) : null);
    }
  }
  return values;
}

function blobs(chunks: readonly DuckDBDataChunk[], column: number): (Uint8Array | null)[] {
  const values: (Uint8Array | null)[] = [];
  for (const chunk of chunks) {
    const vector = chunk.getColumnVector(column);
    for (let i = 0; i < chunk.rowCount; i++) {
      const item = vector.getItem(i) as { readonly bytes: Uint8Array } | null;
      values.push(item && item.bytes);
    }
  }
  return values;
}

type Row<S extends Readonly<Record<string, 'number' | 'text' | 'blob'>>> = {
  readonly [N in keyof S]: S[N] extends 'number'
    ? number | null
    : S[N] extends 'blob'
      ? Uint8Array | null
      : string | null;
};

/** Runs a query and reads its rows, for results of a few thousand rows at most. The shape names the columns in order. */
export async function rows<const S extends Readonly<Record<string, Kind>>>(
  connection: DuckDBConnection,
  sql: string,
  shape: S,
): Promise<readonly Row<S>[]> {
  const names = Object.keys(shape);
  const read = await columns(connection, sql, Object.values(shape));
  return Array.from({ length: read.rows }, (_, i) => {
    const row = names.map((name, c) => {
      const column = read.columns[c];
      if (column === undefined) return [name, null];
      if ('values' in column && 'valid' in column) return [name, column.valid[i] ? column.values[i] : null];
      return [name, column[i] ?? null];
    });
    return Object.fromEntries(row) as Row<S>;
  });
}
