import { hash } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import { DuckDBDataChunk, HUGEINT } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { columns } from './rows.js';
import { tableWriter } from './writer.js';

/*
 * Which message ids were ever accepted. The truth is the table `message_ids`; a Bloom filter in memory answers "certainly new" for nearly all
 * new ids, so that only ids that may be known cost a scan of the table. Measured against a primary key on the same table: docs/decisions/0004.
 */

const BITS_PER_ID = 40;

/** 128-bit keys of message ids, four words each, end to end. */
export type Keys = Uint32Array;

export interface KnownIds {
  /** Positions in `keys` whose id was accepted before. */
  known(keys: Keys): Promise<ReadonlySet<number>>;
  /** Notes ids as accepted, once their commit is durable. */
  add(keys: Keys): void;
}

/** The keys of ids: the first 128 bits of their SHA-256. */
export function messageKeys(ids: readonly string[]): Keys {
  const words = new Uint32Array(ids.length * 4);
  for (let i = 0; i < ids.length; i++) {
    const digest = hash('sha256', ids[i] ?? '', 'binary');
    for (let w = 0; w < 4; w++) {
      const at = 4 * w;
      words[4 * i + w] =
        digest.charCodeAt(at) |
        (digest.charCodeAt(at + 1) << 8) |
        (digest.charCodeAt(at + 2) << 16) |
        (digest.charCodeAt(at + 3) << 24);
    }
  }
  return words;
}

const ROWS = 2048;

/** Appends keys to a table of one HUGEINT column, inside the connection's transaction. */
export async function writeKeys(connection: DuckDBConnection, table: string, keys: Keys): Promise<void> {
  const appender = await connection.createAppender(table);
  for (let from = 0; from < keys.length; from += 4 * ROWS) {
    const rows = Math.min(ROWS, (keys.length - from) / 4);
    const chunk = DuckDBDataChunk.create([HUGEINT], rows);
    const vector = duckdb.data_chunk_get_vector(chunk.chunk, 0);
    duckdb.copy_data_to_vector(vector, 0, keys.buffer as ArrayBuffer, keys.byteOffset + from * 4, rows * 16);
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

/** Reads the table once. About 5 to 20 bytes of memory per id. */
export async function knownIds(connection: DuckDBConnection): Promise<KnownIds> {
  const { columns: stored } = await columns(connection, 'SELECT count(*)::DOUBLE FROM message_ids', ['number']);
  let count = stored[0].values[0] ?? 0;
  let filter = bloom(count * 2);
  let full = false;
  const load = async () => {
    const result = await connection.run('SELECT id FROM message_ids');
    for (const chunk of await result.fetchAllChunks()) {
      const rows = chunk.rowCount;
      const data = duckdb.vector_get_data(duckdb.data_chunk_get_vector(chunk.chunk, 0), rows * 16);
      filter.add(new Uint32Array(data.buffer, data.byteOffset, rows * 4));
    }
  };
  if (count > 0) await load();

  return {
    async known(keys) {
      if (full) {
        filter = bloom(count * 2);
        await load();
        full = false;
      }
      const maybe: number[] = [];
      for (let position = 0; position < keys.length / 4; position++) {
        if (filter.has(keys, position * 4)) maybe.push(position);
      }
      if (maybe.length === 0) return new Set();
      await connection.run('CREATE OR REPLACE TEMP TABLE probed (id HUGEINT, position INTEGER)');
      const writer = await tableWriter(connection, 'temp.probed', ['hugeint', 'integer']);
      for (const position of maybe) writer.add([keys.subarray(position * 4, position * 4 + 4), position]);
      writer.close();
      const sql = 'SELECT position::DOUBLE FROM temp.probed SEMI JOIN message_ids USING (id)';
      const found = await columns(connection, sql, ['number']);
      return new Set(found.columns[0].values);
    },
    add(keys) {
      filter.add(keys);
      count += keys.length / 4;
      full = count > filter.capacity;
    },
  };
}

interface Bloom {
  readonly capacity: number;
  add(keys: Keys): void;
  has(keys: Keys, at: number): boolean;
}

/**
 * A Bloom filter in blocks of 512 bits: a digest's first word names the block, nine bits in it follow from the other three, so that an id costs
 * one cache miss and not nine.
 */
function bloom(wanted: number): Bloom {
  const blocks = 2 ** Math.min(23, Math.max(11, Math.ceil(Math.log2((wanted * BITS_PER_ID) / 512))));
  const bits = new Uint32Array(blocks * 16);
  const mask = blocks - 1;
  return {
    // Beyond the largest filter, more ids only cost more look-ups.
    capacity: blocks === 2 ** 23 ? Infinity : Math.floor((blocks * 512) / BITS_PER_ID),
    add(keys) {
      for (let at = 0; at < keys.length; at += 4) {
        const block = ((keys[at] ?? 0) & mask) * 16;
        for (let w = 1; w < 4; w++) {
          const word = keys[at + w] ?? 0;
          for (let shift = 0; shift < 27; shift += 9) {
            const bit = (word >>> shift) & 511;
            const index = block + (bit >>> 5);
            bits[index] = (bits[index] ?? 0) | (1 << (bit & 31));
          }
        }
      }
    },
    has(keys, at) {
      const block = ((keys[at] ?? 0) & mask) * 16;
      for (let w = 1; w < 4; w++) {
        const word = keys[at + w] ?? 0;
        for (let shift = 0; shift < 27; shift += 9) {
          const bit = (word >>> shift) & 511;
          if (!((bits[block + (bit >>> 5)] ?? 0) & (1 << (bit & 31)))) return false;
        }
      }
      return true;
    },
  };
}
