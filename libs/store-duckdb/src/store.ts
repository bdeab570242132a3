import type { DuckDBConnection } from '@duckdb/node-api';
import type { Message, Snapshot, Store, StoreOptions } from '@rapport/store';
import { zone as zoneOf } from '@rapport/sdk/time';
import { StoreError } from '@rapport/store';
import { readEpoch, readState } from './changes.js';
import { deliveryStore } from './deliveries.js';
import { documentStore } from './documents.js';
import { eraseSubject } from './erase.js';
import { historyStore } from './history.js';
import type { Appended, Ingest } from './ingest.js';
import { openIngest } from './ingest.js';
import { knownIds, type KnownIds } from './known.js';
import { openFile } from './open.js';
import { declareProperties } from './properties.js';
import { queue } from './queue.js';
import { retentionStore } from './retention.js';
import { resultStore } from './results.js';
import { rows } from './rows.js';
import { transaction } from './schema.js';
import { openSnapshot } from './snapshot.js';

export interface DuckdbOptions extends StoreOptions {
  /** The file; made when it is not there. Its folder must be. */
  readonly path: string;
  /** Memory that DuckDB may take before it spills to disk, such as `2GB` (default). */
  readonly memoryLimit?: string;
  /** Threads of one query; default one per core. */
  readonly threads?: number;
}

interface Waiting {
  readonly batch: readonly Message[];
  readonly resolve: (report: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Changes after which the log is folded into the file, however short it is: a process that was killed replays it at the next opening, and
 * replaying costs by the commit, not by the byte (docs/benchmarks.md).
 */
const CHECKPOINT_CHANGES = 100;
/** Messages of one commit, at most: bounds memory and how long an append waits for others. */
const COMMIT_MESSAGES = 50_000;

/**
 * Opens a workspace's file, or makes it.
 *
 * Throws `RAPPORT_STORE_LOCKED` (open elsewhere), `RAPPORT_STORE_NOT_OURS` (not a Rapport store, or damaged), `RAPPORT_STORE_OPEN` (no such
 * folder, no permission), `RAPPORT_STORE_VERSION` (written by a later version), `RAPPORT_STORE_ZONE` (no such time zone),
 * `RAPPORT_STORE_ZONE_CHANGED` and `RAPPORT_STORE_ACCOUNTS_CHANGED` (made with other options).
 */
export async function openDuckdbStore(options: DuckdbOptions): Promise<Store> {
  const zone = zoneOf(options.zone);
  const usersAreAccounts = options.accounts === 'users';
  const file = await openFile({
    path: options.path,
    zone: options.zone,
    accounts: options.accounts ?? 'groups',
    memoryLimit: options.memoryLimit ?? '2GB',
    threads: options.threads,
  });
  const { writer } = file;
  const reader = await file.connect();
  const writes = queue();
  const snapshots = new Set<Snapshot>();
  let open = true;
  /** Message ids that were ever accepted. Nothing takes one out. */
  let known: KnownIds | undefined;
  let ingest: Ingest | undefined;
  /** Counts changes that a snapshot must not see. */
  let changes = 0;
  /** Changes since the log was last folded into the file. */
  let unfolded = 0;
  let waiting: Waiting[] = [];

  const assertOpen = () => {
    if (!open) throw new StoreError('RAPPORT_STORE_CLOSED', `the store at "${file.path}" is closed; open it again`);
  };
  const exclusive = <T>(task: () => Promise<T>): Promise<T> =>
    writes.run(() => {
      assertOpen();
      return task();
    });
  /** A change of the file. What fails leaves the file, and what ingest remembers of it, as it was. */
  const change = <T>(task: () => Promise<T>): Promise<T> =>
    exclusive(async () => {
      const value = await task();
      if (++unfolded >= CHECKPOINT_CHANGES) await checkpoint();
      return value;
    });

  /** Folds the log into the file. Refused while a snapshot reads; the next commit tries again. */
  async function checkpoint(): Promise<void> {
    await writer.run('CHECKPOINT').then(
      () => (unfolded = 0),
      () => undefined,
    );
  }

  async function append(batches: readonly (readonly Message[])[]): Promise<readonly Appended[]> {
    known ??= await knownIds(writer);
    ingest ??= await openIngest(writer, zone, usersAreAccounts, known);
    try {
      const reports = await ingest.append(batches);
      if (reports.some(({ accepted }) => accepted > 0)) changes++;
      return reports;
    } catch (error) {
      // It may remember what was not written. Message ids it notes only once they are.
      ingest = undefined;
      throw error;
    }
  }

  /** Commits what is waiting, together. */
  async function flush(): Promise<void> {
    let messages = 0;
    let taken = 0;
    for (const { batch } of waiting) {
      if (taken > 0 && messages + batch.length > COMMIT_MESSAGES) break;
      messages += batch.length;
      taken++;
    }
    const group = waiting.slice(0, taken);
    waiting = waiting.slice(taken);
    if (group.length === 0) return;
    try {
      const reports = await change(() => append(group.map(({ batch }) => batch)));
      group.forEach(({ resolve }, i) => {
        resolve(reports[i] ?? { accepted: 0, duplicates: 0 });
      });
    } catch (error) {
      if (group.length === 1) group[0]?.reject(error);
      // One bad batch must not take others down with it.
      else
        for (const { batch, resolve, reject } of group)
          await change(() => append([batch])).then(([report]) => {
            resolve(report ?? { accepted: 0, duplicates: 0 });
          }, reject);
    }
  }

  async function declare(properties: readonly string[]): Promise<void> {
    const declared = await declareProperties(writer, properties);
    if (declared) await ingest?.declared();
  }

  async function snapshot(): Promise<Snapshot> {
    const connection = await file.connect();
    let seen = changes;
    const begin = async () => {
      await connection.run('BEGIN TRANSACTION READ ONLY');
      // DuckDB takes a snapshot at the first read, not at BEGIN.
      const state = await readState(connection);
      seen = changes;
      return state;
    };
    const taken = openSnapshot({
      connection,
      zone,
      usersAreAccounts,
      state: await begin(),
      declare: (properties) =>
        change(async () => {
          await declare(properties);
          if (seen !== changes) return;
          // Nothing but columns is new: the same data, now with them.
          await connection.run('ROLLBACK');
          await begin();
        }),
      closed: () => snapshots.delete(taken),
    });
    snapshots.add(taken);
    return taken;
  }

  const reading = () => {
    assertOpen();
    return reader;
  };
  const connections = { writer, queue: { run: change, idle: writes.idle }, reader: reading };
  const results = resultStore(connections);
  const deliveries = deliveryStore(writer, connections.queue, reading);

  return {
    location: `duckdb:${file.path}`,
    zone: zone.name,
    ...results,
    ...deliveries,
    ...historyStore(connections),
    ...documentStore(connections),
    ...retentionStore(connections),

    append(batch) {
      return new Promise<Appended>((resolve, reject) => {
        waiting.push({ batch, resolve, reject });
        void writes.run(() => Promise.resolve()).then(flush);
      });
    },
    snapshot: () => exclusive(snapshot),
    erase: (subject) =>
      change(async () => {
        const erased = await transaction(writer, () => eraseSubject(writer, subject, usersAreAccounts));
        ingest = undefined;
        changes++;
        return erased;
      }),
    async epoch() {
      return readEpoch(reading());
    },
    async stats() {
      return readStats(reading(), usersAreAccounts);
    },
    declare: (properties) => change(() => declare(properties)),

    async close() {
      if (!open) return;
      while (waiting.length > 0) await flush();
      await writes.idle();
      for (const taken of snapshots) await taken.close();
      open = false;
      await writes.idle();
      reader.closeSync();
      await file.close();
    },
  };
}

async function readStats(connection: DuckDBConnection, usersAreAccounts: boolean) {
  const accounts = usersAreAccounts ? 'user_sightings' : 'account_sightings';
  const sql = `
    SELECT count(*)::DOUBLE, min(time)::DOUBLE, max(time)::DOUBLE,
      (SELECT count(DISTINCT idx) FROM ${accounts})::DOUBLE, (SELECT count(DISTINCT idx) FROM user_sightings)::DOUBLE
    FROM events`;
  const shape = { events: 'number', from: 'number', to: 'number', accounts: 'number', users: 'number' } as const;
  const [found] = await rows(connection, sql, shape);
  return {
    events: found?.events ?? 0,
    accounts: found?.accounts ?? 0,
    users: found?.users ?? 0,
    from: found?.from ?? null,
    to: found?.to ?? null,
  };
}
