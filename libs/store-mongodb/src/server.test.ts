import type { Message, Store } from '@rapport/store';
import { createOracle, StoreError } from '@rapport/store';
import { MongoClient } from 'mongodb';
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { batchOf, commitOf, EVENTS_PER_BATCH, MEMBERS_PER_RUN } from './crash.test.data.js';
import type { AppendsState } from './collections.js';
import { openMongodbStore } from './index.js';

const uri = process.env['MONGODB_URI'] ?? '';

describe('opening', () => {
  const failure = async (bad: string, database?: string): Promise<Error> => {
    try {
      await openMongodbStore({ zone: 'UTC', uri: bad, ...(database !== undefined && { database }) });
    } catch (error) {
      if (error instanceof StoreError) return error;
      throw error;
    }
    throw new Error('it opened');
  };

  it('says which host does not answer, and nothing of the credentials', async () => {
    const error = await failure('mongodb://ann:s3cr%23t@127.0.0.1:1/rapport?serverSelectionTimeoutMS=200');
    expect(error).toMatchObject({ code: 'RAPPORT_STORE_UNREACHABLE' });
    expect(error.message).toContain('127.0.0.1:1');
    expect(error.message).not.toMatch(/ann|s3cr/);
  });
  it.each([
    'localhost/rapport',
    'postgres://localhost/rapport',
    'mongodb://localhost:27017',
    'mongodb://localhost:27017/?tls=true',
    'mongodb://localhost:x/rapport',
  ])('refuses %s', async (bad) => {
    expect(await failure(bad)).toMatchObject({ code: 'RAPPORT_STORE_URI' });
  });
  it('refuses a time zone that does not exist', async () => {
    await expect(openMongodbStore({ zone: 'Mars/Olympus', uri: 'mongodb://localhost/x' })).rejects.toThrow(
      'RAPPORT_STORE_ZONE',
    );
  });
  it.skipIf(uri === '')('says when the server refuses the credentials', async () => {
    const error = await failure(`${uri.replace('://', '://ann:s3cret@')}/rapport`);
    expect(error).toMatchObject({ code: 'RAPPORT_STORE_UNREACHABLE' });
    expect(error.message).not.toMatch(/ann:|s3cret/);
  });
});

describe.skipIf(uri === '')('with a server', { timeout: 120_000 }, () => {
  const database = () => `rapport_${randomUUID().replaceAll('-', '')}`;
  const withDatabase = async (use: (name: string, client: MongoClient) => Promise<void>) => {
    const client = new MongoClient(uri);
    const name = database();
    try {
      await use(name, client);
    } finally {
      await client.db(name).dropDatabase();
      await client.close();
    }
  };

  it('refuses an index that bears its name and is another', async () => {
    await withDatabase(async (name, client) => {
      await client.db(name).collection('messages').createIndex({ time: -1 }, { name: 'rapport_time' }, {});
      await expect(openMongodbStore({ zone: 'UTC', uri, database: name })).rejects.toThrow(
        /RAPPORT_STORE_INDEX: index "rapport_time".*dropIndex/,
      );
    });
  });

  it('makes its indexes', async () => {
    await withDatabase(async (name, client) => {
      await (await openMongodbStore({ zone: 'UTC', uri, database: name })).close();
      const indexes = await client.db(name).collection('messages').indexes();
      expect(indexes.map((index) => index.name)).toEqual(
        expect.arrayContaining(['rapport_name_time', 'rapport_time', 'rapport_user_time', 'rapport_account_time']),
      );
    });
  });

  it('attributes events alike, however two processes interleave them with memberships', async () => {
    await withDatabase(async (name) => {
      const stores = await Promise.all([1, 2].map(() => openMongodbStore({ zone: 'UTC', uri, database: name })));
      const oracle = createOracle({ zone: 'UTC' });
      const batches = Array.from({ length: 30 }, (_, i) => batchOf(i));
      for (const batch of batches) await oracle.append(batch);
      await Promise.all(
        stores.map(async (store, s) => {
          for (const [i, batch] of batches.entries()) if (i % 2 === s) await store.append(batch);
        }),
      );
      await expectAlike(stores[0], oracle, batches.flat());
      await Promise.all(stores.map((store) => store.close()));
    });
  });

  it('shows what a killed writer left when a minute has passed, whole', async () => {
    await withDatabase(async (name, client) => {
      const store = await openMongodbStore({ zone: 'UTC', uri, database: name });
      await store.append(batchOf(0));
      await store.close();
      // As it was just before the append ended, 61 s ago.
      await client
        .db(name)
        .collection<AppendsState>('state')
        .updateOne({ _id: 'appends' }, { $push: { open: { number: 1, since: Date.now() - 61_000 } } });
      const again = await openMongodbStore({ zone: 'UTC', uri, database: name });
      expect(await again.stats()).toMatchObject({ events: EVENTS_PER_BATCH });
      await again.close();
    });
  });

  it('loses no acknowledged event and counts none twice when writers are killed', async () => {
    await withDatabase(async (name) => {
      let sent = 0;
      for (const delay of [15, 140, 330]) {
        const acknowledged = await killed('append', name, delay);
        sent = Math.max(sent, acknowledged.length + 1);
        const store = await openMongodbStore({ zone: 'UTC', uri, database: name });
        expect((await store.stats()).events).toBeGreaterThanOrEqual(acknowledged.length * EVENTS_PER_BATCH);
        const batches = Array.from({ length: sent }, (_, i) => batchOf(i));
        for (const batch of batches) await store.append(batch);
        expect((await store.stats()).events).toBe(sent * EVENTS_PER_BATCH);
        const oracle = createOracle({ zone: 'UTC' });
        for (const batch of batches) await oracle.append(batch);
        await expectAlike(store, oracle, batches.flat());
        await store.close();
      }
    });
  });

  it('is there again when the server has been restarted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rapport-h2-'));
    const script = join(import.meta.dirname, '../../../tools/ci/start-mongodb.sh');
    const withServer = async (use: (store: Store) => Promise<void>) => {
      const said = execFileSync('bash', [script, '-f', join(folder, 'data')], { encoding: 'utf8' });
      const [, ownUri = '', pid = ''] = /MONGODB_URI=(\S+) MONGODB_PID=(\d+)/.exec(said) ?? [];
      const store = await openMongodbStore({ zone: 'UTC', uri: ownUri, database: 'rapport' });
      try {
        await use(store);
      } finally {
        await store.close();
        process.kill(Number(pid));
      }
    };
    try {
      await withServer(async (store) => {
        await store.append(batchOf(0));
        const lease = await store.begin('one', 0, 1000);
        await lease.commit(commitOf(1), 1);
      });
      await pause(500);
      await withServer(async (store) => {
        expect(await store.append(batchOf(0))).toMatchObject({ accepted: 0 });
        expect(await store.stats()).toMatchObject({ events: EVENTS_PER_BATCH });
        expect(await store.memberships()).toHaveLength(MEMBERS_PER_RUN);
        expect(await store.latestRun()).toMatchObject({ number: 1, provenance: { run: 1 } });
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('commits a run whole or not at all when the process is killed', async () => {
    await withDatabase(async (name) => {
      for (const delay of [10, 90, 210, 300]) {
        const noted = await killed('commit', name, delay);
        const store = await openMongodbStore({ zone: 'UTC', uri, database: name });
        const latest = (await store.latestRun())?.number ?? 0;
        const last = Number(noted.at(-1) ?? 0);
        expect([last, last + 1]).toContain(latest);
        const check = async () => {
          expect(await store.transitions({ limit: 1e6 })).toHaveLength(latest * MEMBERS_PER_RUN);
          expect(await store.memberships()).toHaveLength(latest * MEMBERS_PER_RUN);
          expect(await store.list({ limit: 1e6 })).toHaveLength(latest * MEMBERS_PER_RUN);
          expect(await store.evaluatedSegments()).toHaveLength(latest);
          expect((await store.results(latest, { kind: 'account' }))?.columns['score']).toMatchObject({
            type: 'number',
          });
          expect(await store.results(latest + 1, { kind: 'account' })).toBeNull();
        };
        await check();
        const lease = await store.begin('parent', 1e9, 1000);
        await lease.abandon();
        await check();
        await store.close();
      }
    });
  });
});

/** Runs the child until `delay` ms after its first acknowledgement, kills it with -9, and returns what it noted. */
async function killed(task: 'append' | 'commit', name: string, delay: number): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rapport-crash-'));
  const notes = join(folder, 'notes');
  const read = () => {
    try {
      return readFileSync(notes, 'utf8').split('\n').slice(0, -1);
    } catch {
      return [];
    }
  };
  const child = spawn(
    process.execPath,
    [
      '--conditions=@rapport/source',
      '--import',
      'tsx',
      join(import.meta.dirname, 'crash.test.child.ts'),
      task,
      uri,
      name,
      notes,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  while (read().length === 0 && child.exitCode === null) await pause(5);
  await pause(delay);
  child.kill('SIGKILL');
  await ended;
  const lines = read();
  rmSync(folder, { recursive: true });
  return lines;
}

/** Accounts of all events, one by one. */
async function expectAlike(
  store: Store | undefined,
  oracle: ReturnType<typeof createOracle>,
  messages: readonly Message[],
): Promise<void> {
  const users = [...new Set(messages.flatMap(({ event }) => event?.user ?? []))];
  const [actual, expected] = [await store?.snapshot(), await oracle.snapshot()];
  for (const user of users) {
    expect(await actual?.recent('user', user, Infinity, 1e6)).toEqual(
      await expected.recent('user', user, Infinity, 1e6),
    );
  }
}
