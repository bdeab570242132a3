import type { DuckDBConnection, DuckDBType } from '@duckdb/node-api';
import { BIGINT, BLOB, BOOLEAN, DOUBLE, DuckDBDataChunk, HUGEINT, INTEGER, VARCHAR } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';

/*
 * Rows into a table through DuckDB's appender, a chunk at a time. Fixed-width columns are filled as typed arrays and copied whole,
 * because the vectors of @duckdb/node-api spend a BigInt per null.
 */

const ROWS = 2048;

export type WriterColumn = 'integer' | 'bigint' | 'double' | 'boolean' | 'hugeint' | 'text' | 'blob';
/** A `hugeint` is four 32-bit words, lowest first; a `bigint` is a safe whole number. */
export type Value = number | string | boolean | Uint32Array | Uint8Array | null | undefined;

export interface TableWriter {
  /** Adds a row; the array is read at once and may be reused. */
  add(row: readonly Value[]): void;
  /** Hands everything to the table, inside the connection's transaction. */
  close(): void;
}

const TYPES: Readonly<Record<WriterColumn, DuckDBType>> = {
  integer: INTEGER,
  bigint: BIGINT,
  double: DOUBLE,
  boolean: BOOLEAN,
  hugeint: HUGEINT,
  text: VARCHAR,
  blob: BLOB,
};

/** Opens a writer for a table's columns in their physical order. */
export async function tableWriter(
  connection: DuckDBConnection,
  table: string,
  kinds: readonly WriterColumn[],
): Promise<TableWriter> {
  const appender = table.startsWith('temp.')
    ? await connection.createAppender(table.slice(5), 'main', 'temp')
    : await connection.createAppender(table);
  const types = kinds.map((kind) => TYPES[kind]);
  const buffers = kinds.map(bufferOf);
  let count = 0;

  const flush = () => {
    if (count === 0) return;
    const chunk = DuckDBDataChunk.create(types, count);
    buffers.forEach((buffer, index) => {
      buffer.flush(duckdb.data_chunk_get_vector(chunk.chunk, index), count);
    });
    appender.appendDataChunk(chunk);
    count = 0;
  };
  return {
    add(row) {
      for (let c = 0; c < buffers.length; c++) buffers[c]?.set(count, row[c]);
      if (++count === ROWS) flush();
    },
    close() {
      flush();
      appender.closeSync();
    },
  };
}

interface Buffer {
  set(row: number, value: Value): void;
  flush(vector: duckdb.Vector, count: number): void;
}

function bufferOf(kind: WriterColumn): Buffer {
  const valid = new Uint8Array(ROWS / 8).fill(255);
  let nulls = false;
  const none = (row: number) => {
    valid[row >> 3] = (valid[row >> 3] ?? 0) & ~(1 << (row & 7));
    nulls = true;
  };
  const flushNulls = (vector: duckdb.Vector, count: number) => {
    if (!nulls) return;
    duckdb.vector_ensure_validity_writable(vector);
    duckdb.copy_data_to_vector_validity(vector, 0, valid.buffer, 0, Math.ceil(count / 64) * 8);
    valid.fill(255);
    nulls = false;
  };

  if (kind === 'text' || kind === 'blob') {
    const items = new Array<Value>(ROWS);
    return {
      set(row, value) {
        items[row] = value;
        if (value === null || value === undefined) none(row);
      },
      flush(vector, count) {
        for (let row = 0; row < count; row++) {
          const item = items[row];
          if (typeof item === 'string') duckdb.vector_assign_string_element(vector, row, item);
          else if (item instanceof Uint8Array) duckdb.vector_assign_string_element_len(vector, row, item);
        }
        flushNulls(vector, count);
      },
    };
  }

  const width = { integer: 4, bigint: 8, double: 8, boolean: 1, hugeint: 16 }[kind];
  const bytes = new ArrayBuffer(ROWS * width);
  const write = storing(kind, bytes);
  return {
    set(row, value) {
      if (value === null || value === undefined) none(row);
      else write(row, value);
    },
    flush(vector, count) {
      duckdb.copy_data_to_vector(vector, 0, bytes, 0, count * width);
      flushNulls(vector, count);
    },
  };
}

function storing(
  kind: Exclude<WriterColumn, 'text' | 'blob'>,
  bytes: ArrayBuffer,
): (row: number, value: Value) => void {
  switch (kind) {
    case 'integer': {
      const items = new Int32Array(bytes);
      return (row, value) => (items[row] = value as number);
    }
    case 'double': {
      const items = new Float64Array(bytes);
      return (row, value) => (items[row] = value as number);
    }
    case 'boolean': {
      const items = new Uint8Array(bytes);
      return (row, value) => (items[row] = value ? 1 : 0);
    }
    case 'bigint': {
      const items = new Int32Array(bytes);
      return (row, value) => {
        const high = Math.floor((value as number) / 0x1_0000_0000);
        items[2 * row] = (value as number) - high * 0x1_0000_0000;
        items[2 * row + 1] = high;
      };
    }
    case 'hugeint': {
      const items = new Uint32Array(bytes);
      return (row, value) => {
        items.set(value as Uint32Array, row * 4);
      };
    }
  }
}
