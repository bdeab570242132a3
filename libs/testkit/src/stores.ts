import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventStore, StoreOptions } from '@rapport/store';
import { createOracle } from '@rapport/store-testkit';
import { TestkitError } from './error.js';

/** A kind of store that a metric can be held against: opened anew for each world, and thrown away afterwards. */
export interface TrialStore {
  readonly name: string;
  open(options: StoreOptions): Promise<{ readonly store: EventStore; readonly dispose: () => Promise<void> }>;
}

/** In memory, slow and obvious. */
export const oracleStore: TrialStore = {
  name: 'the oracle',
  open: (options) => Promise.resolve({ store: createOracle(options), dispose: () => Promise.resolve() }),
};

/**
 * The stores that a metric can be held against here: DuckDB where it is installed, MongoDB where `MONGODB_URI` is set too. Throws `RAPPORT_TESTKIT_STORE` when
 * `CI_REQUIRE_MONGODB=1` asks for a MongoDB that there is not.
 *
 * @param tell hears of those that are left out
 */
export async function realStores(tell: (sentence: string) => void): Promise<readonly TrialStore[]> {
  const found = [await duckdb(tell), await mongodb(tell)];
  return found.filter((store) => store !== null);
}

async function duckdb(tell: (sentence: string) => void): Promise<TrialStore | null> {
  const module = await import('@rapport/store-duckdb').catch((error: unknown) => {
    tell(`DuckDB is left out: ${reasonOf(error)}; install @rapport/store-duckdb`);
    return null;
  });
  if (!module) return null;
  return {
    name: 'DuckDB',
    async open(options) {
      const folder = await mkdtemp(join(tmpdir(), 'rapport-testkit-'));
      const store = await module.openDuckdbStore({ ...options, path: join(folder, 'trial.duckdb') });
      return {
        store,
        async dispose() {
          await store.close();
          await rm(folder, { recursive: true });
        },
      };
    },
  };
}

async function mongodb(tell: (sentence: string) => void): Promise<TrialStore | null> {
  const uri = process.env['MONGODB_URI'];
  if (uri === undefined) {
    if (process.env['CI_REQUIRE_MONGODB'] === '1') {
      throw new TestkitError(
        'RAPPORT_TESTKIT_STORE',
        'CI_REQUIRE_MONGODB=1, but MONGODB_URI is not set; start a server, or unset the one',
      );
    }
    tell('MongoDB is left out: MONGODB_URI is not set');
    return null;
  }
  const module = await import('@rapport/store-mongodb').catch((error: unknown) => {
    tell(`MongoDB is left out: ${reasonOf(error)}; install @rapport/store-mongodb`);
    return null;
  });
  if (!module) return null;
  return {
    name: 'MongoDB',
    async open(options) {
      const database = `rapport_testkit_${randomUUID().replaceAll('-', '')}`;
      const store = await module.openMongodbStore({ ...options, uri, database });
      return {
        store,
        async dispose() {
          await store.close();
          await module.dropMongodbStore({ uri, database });
        },
      };
    },
  };
}

const reasonOf = (error: unknown) => (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
