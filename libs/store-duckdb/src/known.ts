import { hash } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { columns } from './rows.js';
import { tableWriter } from './writer.js';

/*
 * Which message ids were ever accepted. The truth is the table `message_ids`; a Bloom filter in memory answers "certainly new" for nearly all
 * new ids, so that only ids that may be known cost a scan of the table. Measured against a primary key on the same table: docs/decisions/0004.
 */

const BITS_PER_ID = 20;
const PROBES = 8;

export interface KnownIds {
  /** Positions in `keys` whose id was accepted before. */
  known(keys: readonly Uint32Array[]): Promise<ReadonlySet<number>>;
  /** Notes ids as accepted, once their commit is durable. */
  add(keys: readonly Uint32Array[]): void;
}

/** 128-bit key of a message id: its MD5 as four words. */
export function messageKey(id: string): Uint32Array {
  const digest = hash('md5', id, 'binary');
  const words = new Uint32Array(4);
  for (let w = 0; w < 4; w++) {
    const at = 4 * w;
    words[w] =
      digest.charCodeAt(at) |
      (digest.charCodeAt(at + 1) << 8) |
      (digest.charCodeAt(at + 2) << 16) |
      (digest.charCodeAt(at + 3) << 24);
  }
  return words;
}

/** Reads the table once. About 4 bytes of memory per id. */
export async function knownIds(connection: DuckDBConnection): Promise<KnownIds> {
  const { columns: stored } = await columns(connection, 'SELECT count(*)::DOUBLE FROM message_ids', ['number']);
  let count = stored[0].values[0] ?? 0;
  let filter = bloom(count * 2);
  const load = async () => {
    const result = await connection.run('SELECT id FROM message_ids');
    for (const chunk of await result.fetchAllChunks()) {
      const rows = chunk.rowCount;
      const data = duckdb.vector_get_data(duckdb.data_chunk_get_vector(chunk.chunk, 0), rows * 16);
      const words = new Uint32Array(data.buffer, data.byteOffset, rows * 4);
      for (let row = 0; row < rows; row++) filter.add(words, row * 4);
    }
  };
  if (count > 0) await load();
  let full = false;

  return {
    async known(keys) {
      if (full) {
        filter = bloom(count * 2);
        await load();
        full = false;
      }
      const maybe: number[] = [];
      keys.forEach((key, position) => {
        if (filter.has(key)) maybe.push(position);
      });
      if (maybe.length === 0) return new Set();
      await connection.run('CREATE OR REPLACE TEMP TABLE probed (id HUGEINT, position INTEGER)');
      const writer = await tableWriter(connection, 'temp.probed', ['hugeint', 'integer']);
      for (const position of maybe) writer.add([keys[position], position]);
      writer.close();
      const sql = 'SELECT position::DOUBLE FROM temp.probed SEMI JOIN message_ids USING (id)';
      const found = await columns(connection, sql, ['number']);
      return new Set(found.columns[0].values);
    },
    add(keys) {
      for (const key of keys) filter.add(key, 0);
      count += keys.length;
      full = count > filter.capacity;
    },
  };
}

interface Bloom {
  readonly capacity: number;
  add(words: Uint32Array, at: number): void;
  has(key: Uint32Array): boolean;
}

function bloom(wanted: number): Bloom {
  const size = 2 ** Math.min(32, Math.max(20, Math.ceil(Math.log2(wanted * BITS_PER_ID))));
  const bits = new Uint32Array(size / 32);
  const mask = size - 1;
  // Enhanced double hashing over the digest's own words, which are already uniform.
  return {
    capacity: Math.floor(size / BITS_PER_ID),
    add(words, at) {
      let a = words[at] ?? 0;
      let b = words[at + 1] ?? 0;
      for (let i = 0; i < PROBES; i++) {
        const bit = (a & mask) >>> 0;
        bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
        a = (a + b) >>> 0;
        b = (b + i + 1) >>> 0;
      }
    },
    has(key) {
      let a = key[0] ?? 0;
      let b = key[1] ?? 0;
      for (let i = 0; i < PROBES; i++) {
        const bit = (a & mask) >>> 0;
        if (!((bits[bit >>> 5] ?? 0) & (1 << (bit & 31)))) return false;
        a = (a + b) >>> 0;
        b = (b + i + 1) >>> 0;
      }
      return true;
    },
  };
}
