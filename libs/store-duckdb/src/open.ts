import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { DuckDBConnection } from '@duckdb/node-api';
import { StoreError } from '@rapport/store';
import { rows } from './rows.js';
import { SCHEMA_VERSION, TABLES, identity, insertSettings, migrate, transaction } from './schema.js';

export interface OpenFile {
  readonly path: string;
  readonly writer: DuckDBConnection;
  connect(): Promise<DuckDBConnection>;
  /** Folds the log into the file and lets go of it. */
  close(): Promise<void>;
}
export interface FileOptions {
  readonly path: string;
  readonly zone: string;
  readonly accounts: 'groups' | 'users';
  readonly memoryLimit: string;
  readonly threads: number | undefined;
}

// The operating system's lock keeps other processes out; it does not see a second opening in this one.
const openPaths = new Set<string>();

/** Opens or creates the file. Throws `RAPPORT_STORE_LOCKED`, `_NOT_OURS`, `_OPEN`, `_VERSION`, `_ZONE_CHANGED`, `_ACCOUNTS_CHANGED`. */
export async function openFile(options: FileOptions): Promise<OpenFile> {
  const path = await resolvedPath(options.path);
  if (openPaths.has(path)) throw locked(path, 'this process');
  openPaths.add(path);
  let instance: DuckDBInstance | undefined;
  try {
    instance = await openInstance(path, options);
    const writer = await instance.connect();
    await prepare(writer, path, options);
    const opened = instance;
    return {
      path,
      writer,
      connect: () => opened.connect(),
      async close() {
        // Refused while a snapshot reads; then the log is folded in at the next opening.
        await writer.run('CHECKPOINT').catch(() => undefined);
        writer.closeSync();
        opened.closeSync();
        openPaths.delete(path);
      },
    };
  } catch (error) {
    instance?.closeSync();
    openPaths.delete(path);
    throw error;
  }
}

async function resolvedPath(path: string): Promise<string> {
  try {
    return join(await realpath(dirname(path)), basename(path));
  } catch (cause) {
    throw new StoreError(
      'RAPPORT_STORE_OPEN',
      `the folder of "${path}" is not there; create it, or name another path`,
      {
        cause,
      },
    );
  }
}

async function openInstance(path: string, options: FileOptions): Promise<DuckDBInstance> {
  try {
    return await DuckDBInstance.create(path, {
      memory_limit: options.memoryLimit,
      preserve_insertion_order: 'false',
      checkpoint_threshold: '64MB',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const holder = /PID (\d+)/.exec(message)?.[1];
    if (message.includes('Could not set lock')) {
      throw locked(path, holder === undefined ? 'another process' : `process ${holder}`, cause);
    }
    if (/not a valid DuckDB|corrupt|checksum|serializ|INTERNAL|storage version|version number/i.test(message)) {
      throw notOurs(path, cause);
    }
    throw new StoreError(
      'RAPPORT_STORE_OPEN',
      `"${path}" cannot be opened (${message.split('\n')[0] ?? ''}); check that it is a file that may be read and written`,
      { cause },
    );
  }
}

const locked = (path: string, holder: string, cause?: unknown) =>
  new StoreError(
    'RAPPORT_STORE_LOCKED',
    `"${path}" is open in ${holder}, and one process at a time can have it; stop that process, or talk to it over its HTTP API`,
    { cause },
  );

const notOurs = (path: string, cause?: unknown) =>
  new StoreError(
    'RAPPORT_STORE_NOT_OURS',
    `"${path}" is not a Rapport store, or is damaged; name another path, or restore the file from a backup`,
    { cause },
  );

async function prepare(connection: DuckDBConnection, path: string, options: FileOptions): Promise<void> {
  const tables = await rows(
    connection,
    `SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND NOT internal`,
    { name: 'text' },
  );
  if (tables.length === 0) {
    const settings = { rapport: String(SCHEMA_VERSION), zone: options.zone, accounts: options.accounts };
    await transaction(connection, async () => {
      await connection.run(TABLES);
      await insertSettings(connection, { ...settings, ...identity() });
    });
    return;
  }
  const meta = await settingsOf(
    connection,
    tables.some(({ name }) => name === 'meta'),
  );
  const version = Number(meta.get('rapport'));
  if (!Number.isInteger(version)) throw notOurs(path);
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      'RAPPORT_STORE_VERSION',
      `"${path}" was written by a later version of Rapport (layout ${String(version)}, this one knows ${String(SCHEMA_VERSION)}); upgrade @rapport/store-duckdb`,
    );
  }
  const zone = meta.get('zone') ?? '';
  if (zone !== options.zone) {
    throw new StoreError(
      'RAPPORT_STORE_ZONE_CHANGED',
      `"${path}" cuts its days in ${zone}, not ${options.zone}; set the time zone back to "${zone}", or import the events into a new store`,
    );
  }
  const accounts = meta.get('accounts') ?? 'groups';
  if (accounts !== options.accounts) {
    throw new StoreError(
      'RAPPORT_STORE_ACCOUNTS_CHANGED',
      `"${path}" takes its accounts from ${accounts}, not ${options.accounts}; set accounts back to "${accounts}", or import the events into a new store`,
    );
  }
  await migrate(connection, version);
}

async function settingsOf(connection: DuckDBConnection, present: boolean): Promise<ReadonlyMap<string, string>> {
  if (!present) return new Map();
  // Another program's table may be called meta too.
  const read = rows(connection, 'SELECT key, value FROM meta', { key: 'text', value: 'text' }).catch(() => []);
  return new Map((await read).map(({ key, value }) => [key ?? '', value ?? '']));
}
