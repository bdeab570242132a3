import type { Message, Properties, Snapshot, Store, StreamedEvent } from '@rapport/store';
import { StoreError, valueAt } from '@rapport/store';
import { createOracle } from '@rapport/store-testkit';
import type { Collection } from 'mongodb';
import { MongoClient } from 'mongodb';
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { batchOf, commitOf, EVENTS_PER_BATCH, historyOf, MEMBERS_PER_RUN } from './crash.test.data.js';
import type { AppendsState, WorkspaceState } from './collections.js';
import { openMongodbStore } from './index.js';
import type { HistorySubjectsDocument } from './result-document.js';

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

describe.skipIf(uri === '')('with a server', () => {
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

  it('answers alike for few subjects and for more than it names to MongoDB', async () => {
    await withDatabase(async (name) => {
      const store = await openMongodbStore({ zone: 'UTC', uri, database: name });
      await store.append([...batchOf(0), ...batchOf(1)]);
      const snapshot = await store.snapshot();
      const asOf = Date.UTC(2024, 1, 1);
      const window = { kind: 'days', from: null, to: 20_000, start: null, end: asOf } as const;
      const level = { kind: 'account' } as const;
      const measures = [{ node: 'count', filter: {}, window }] as const;
      const few = ['a1', 'nobody'];
      const many = [...few, ...Array.from({ length: 10_000 }, (_, i) => `nobody-${String(i)}`)];
      const plan = { level, asOf, measures };
      const [whole, some, most] = await snapshot.measure([
        plan,
        { ...plan, subjects: few },
        { ...plan, subjects: many },
      ]);
      expect(whole?.subjects).toEqual(['a0', 'a1']);
      expect(some?.subjects).toEqual(['a1']);
      expect(some?.columns.map((column) => valueAt(column, 0))).toEqual(
        whole?.columns.map((column) => valueAt(column, 1)),
      );
      expect(most).toEqual(some);
      const streamed = async (subjects: readonly string[]) => {
        const query = { level, asOf, filter: {}, window, properties: ['k'], subjects };
        const events: StreamedEvent[] = [];
        for await (const batch of snapshot.stream(query)) events.push(...batch);
        return events;
      };
      expect((await streamed(few)).map(({ subject }) => subject)).toContain('a1');
      expect(await streamed(many)).toEqual(await streamed(few));
      await store.close();
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

  describe('changes', () => {
    const asOf = Date.UTC(2024, 0, 20, 18);
    const said = (user: string, account: string, properties: Properties = {}): Message => ({
      id: `${user} ${account}`,
      time: Date.UTC(2024, 0, 10),
      event: { name: 'Opened', user, account, session: null, properties },
    });
    const withState = (use: (store: Store, state: Collection<AppendsState>) => Promise<void>) =>
      withDatabase(async (name, client) => {
        const store = await openMongodbStore({ zone: 'UTC', uri, database: name });
        await use(store, client.db(name).collection<AppendsState>('state'));
        await store.close();
      });

    it('name what was under way when the earlier snapshot was taken', async () => {
      await withState(async (store, state) => {
        await store.append([said('ann', 'acme')]);
        // As it was just before the append ended.
        await state.updateOne({ _id: 'appends' }, { $push: { open: { number: 1, since: Date.now() } } });
        const before = await store.snapshot();
        expect(await before.recent('user', 'ann', asOf, 9)).toEqual([]);
        await store.append([said('bob', 'beta')]);
        const between = await store.snapshot();
        await state.updateOne({ _id: 'appends' }, { $pull: { open: { number: 1 } } });
        const after = await store.snapshot();
        const since = (snapshot: Snapshot) => after.changes({ state: snapshot.state, asOf }, asOf, []);
        expect(await since(between)).toEqual({ accounts: ['acme'], users: ['ann'] });
        expect(await since(before)).toEqual({ accounts: ['acme', 'beta'], users: ['ann', 'bob'] });
        expect(await since(after)).toEqual({ accounts: [], users: [] });
      });
    });

    it('name what was taken over from a killed writer', async () => {
      await withState(async (store, state) => {
        await store.append([said('ann', 'acme')]);
        await state.updateOne({ _id: 'appends' }, { $push: { open: { number: 1, since: Date.now() - 61_000 } } });
        const before = await store.snapshot();
        await store.append([said('bob', 'beta')]);
        const after = await store.snapshot();
        expect(await after.changes({ state: before.state, asOf }, asOf, [])).toEqual({
          accounts: ['acme', 'beta'],
          users: ['ann', 'bob'],
        });
      });
    });

    it('name what another append moved to an account that was known before', async () => {
      await withDatabase(async (name, client) => {
        const store = await openMongodbStore({ zone: 'UTC', uri, database: name });
        await store.append([{ id: 'm', time: 0, member: { user: 'ann', account: 'acme' } }]);
        const event = { name: 'Opened', user: 'ann', account: null, session: null, properties: {} };
        await store.append([{ id: 'e', time: 1, event }]);
        // As if it had been for a third append, of repeats only, to find the membership, and it had not ended.
        const db = client.db(name);
        await db.collection('messages').updateOne({ id: 'e' }, { $set: { 'attributions.0.batch': 3 } });
        const state = db.collection<AppendsState>('state');
        await state.updateOne({ _id: 'appends' }, { $set: { next: 3, open: [{ number: 3, since: Date.now() }] } });
        const before = await store.snapshot();
        expect(await before.recent('account', 'acme', asOf, 9)).toEqual([]);
        await state.updateOne({ _id: 'appends' }, { $set: { open: [] } });
        const after = await store.snapshot();
        expect(await after.recent('account', 'acme', asOf, 9)).toHaveLength(1);
        expect(await after.changes({ state: before.state, asOf }, asOf, [])).toEqual({
          accounts: ['acme'],
          users: ['ann'],
        });
        await store.close();
      });
    });

    it('cannot be told until an erasure that was cut short is repeated', async () => {
      await withState(async (store, state) => {
        await store.append([said('ann', 'acme')]);
        await state.updateOne({ _id: 'appends' }, { $set: { erasing: ['user/ann'] } });
        const changes = async () => {
          const { state: of } = await store.snapshot();
          return (await store.snapshot()).changes({ state: of, asOf }, asOf, []);
        };
        expect(await changes()).toBeNull();
        await store.erase({ kind: 'user', id: 'ann' });
        expect(await changes()).toEqual({ accounts: [], users: [] });
      });
    });

    it('find what takes effect by an index', async () => {
      await withDatabase(async (name, client) => {
        const store = await openMongodbStore({ zone: 'UTC', uri, database: name });
        await store.append([
          said('ann', 'acme', { 'ends.at': '2024-01-20T12:00:00Z' }),
          said('bob', 'beta', { 'ends.at': asOf - 0.5 }),
          said('cyd', 'gamma', { 'ends.at': asOf }),
        ]);
        const snapshot = await store.snapshot();
        const since = { state: snapshot.state, asOf: asOf - 6 * 3_600_000 };
        expect(await snapshot.changes(since, asOf, ['ends.at'])).toEqual({
          accounts: ['acme', 'beta'],
          users: ['ann', 'bob'],
        });
        const indexes = await client.db(name).collection('messages').indexes();
        expect(indexes.map((index) => index.name)).toEqual(
          expect.arrayContaining(['rapport_at.ends%2eat', 'rapport_num.ends%2eat']),
        );
        await store.close();
      });
    });

    it('are told of a database that was made before it had an id', async () => {
      await withDatabase(async (name, client) => {
        const opened = async () => openMongodbStore({ zone: 'UTC', uri, database: name });
        await (await opened()).close();
        const state = client.db(name).collection<WorkspaceState>('state');
        await state.updateOne({ _id: 'workspace' }, { $unset: { id: '' } });
        const [one, two] = [await opened(), await opened()];
        const since = { state: (await one.snapshot()).state, asOf };
        expect(await (await two.snapshot()).changes(since, asOf, [])).toEqual({ accounts: [], users: [] });
        await Promise.all([one.close(), two.close()]);
      });
    });
  });

  it('reads the times again of a database that another reader has read', async () => {
    await withDatabase(async (name, client) => {
      const opened = async () => openMongodbStore({ zone: 'America/Los_Angeles', uri, database: name });
      const store = await opened();
      const properties = { day: '2026-07-01', python: '2026-07-01T00:00:00.000000+00:00', no: '07/01/2026' };
      await store.append([
        { id: 'one', time: 0, event: { name: 'Said', user: 'ann', account: 'acme', session: null, properties } },
      ]);
      await store.close();
      const db = client.db(name);
      const messages = db.collection<{ at?: Record<string, number> }>('messages');
      const right = (await messages.findOne({}))?.at;
      expect(right).toEqual({ day: Date.UTC(2026, 6, 1, 7), python: Date.UTC(2026, 6, 1) });
      await messages.updateOne({}, { $set: { at: { day: Date.UTC(2026, 6, 1) } } });
      await (await opened()).close();
      expect((await messages.findOne({}))?.at).toEqual({ day: Date.UTC(2026, 6, 1) });
      await db.collection<WorkspaceState>('state').updateOne({ _id: 'workspace' }, { $unset: { times: '' } });
      await (await opened()).close();
      expect((await messages.findOne({}))?.at).toEqual(right);
    });
  });

  describe('history', () => {
    const query = { level: { kind: 'account' }, metrics: ['score', 'nps'], from: 0, to: 1e6 } as const;
    /** The number that each metric's values are, all of them. */
    const putsOf = async (store: Store) => {
      const days = await store.history(query);
      const metrics = days.flatMap((day) => Object.values(day.metrics).map((metric) => ({ ...metric, day })));
      return metrics.map(({ origin, values, day }) => {
        const put = values.values[0] ?? 0;
        expect(historyOf(put).metrics['score']).toEqual({ origin, values });
        expect(day.subjects).toEqual(historyOf(put).subjects);
        return put;
      });
    };
    /** How many documents a collection has after one more put: nothing is left of earlier ones. */
    const countsAfter = async (store: Store, client: MongoClient, name: string, collections: readonly string[]) => {
      await store.putHistory([historyOf(1000)], 0);
      expect(await putsOf(store)).toEqual([1000, 1000]);
      return Promise.all(collections.map((collection) => client.db(name).collection(collection).countDocuments()));
    };

    it('of a day is whole when its writer is killed', async () => {
      await withDatabase(async (name, client) => {
        for (const delay of [5, 60, 170]) {
          const last = Number((await killed('history', name, delay)).at(-1));
          const store = await openMongodbStore({ zone: 'UTC', uri, database: name });
          for (const put of await putsOf(store)) expect([last, last + 1]).toContain(put);
          expect(await countsAfter(store, client, name, ['history', 'history_values'])).toEqual([2, 2 * 3]);
          await store.close();
        }
      });
    });

    it('of a day is whole while it is put by two and read by others', async () => {
      await withDatabase(async (name, client) => {
        const [one, two, three] = await Promise.all(
          [1, 2, 3].map(() => openMongodbStore({ zone: 'UTC', uri, database: name })),
        );
        if (!one || !two || !three) throw new Error('not opened');
        const write = async (store: Store, first: number) => {
          for (let put = first; put < 30; put += 2) await store.putHistory([historyOf(put)], 0);
        };
        const read = async (store: Store) => {
          for (let i = 0; i < 30; i++) expect((await putsOf(store)).length).toBeLessThanOrEqual(2);
        };
        await Promise.all([write(one, 1), write(two, 2), read(three)]);
        const collections = ['history', 'history_values', 'history_subjects'];
        expect(await countsAfter(three, client, name, collections)).toEqual([2, 2 * 3, 3]);
        await Promise.all([one, two, three].map((store) => store.close()));
      });
    });

    it('shares a list of subjects, and leaves nothing of an erased one', async () => {
      await withDatabase(async (name, client) => {
        const store = await openMongodbStore({ zone: 'UTC', uri, database: name });
        await store.putHistory(
          [1, 2, 3].map((day) => ({ ...historyOf(7), day })),
          0,
        );
        const lists = client.db(name).collection<HistorySubjectsDocument>('history_subjects');
        expect(await lists.countDocuments()).toBe(3);
        await store.erase({ kind: 'account', id: 'a0000' });
        expect((await lists.find().toArray()).map(({ least, data }) => least + data.toString()).join('')).not.toContain(
          'a0000',
        );
        const days = await store.history(query);
        expect(days.map(({ subjects }) => subjects.length)).toEqual([2500, 2500, 2500]);
        // The same subjects put again are another list.
        await store.putHistory([{ ...historyOf(7), day: 4 }], await store.epoch());
        expect(await store.history({ ...query, subject: 'a0000' })).toHaveLength(1);
        await store.close();
      });
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
        expect(await store.latestRun()).toMatchObject({ number: 1, manifest: { zone: '1' } });
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
          expect(latest === 0 || (await store.latestRun())?.manifest.zone === String(latest)).toBe(true);
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
async function killed(task: 'append' | 'commit' | 'history', name: string, delay: number): Promise<readonly string[]> {
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
