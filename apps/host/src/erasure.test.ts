import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { DuckDBInstance } from '@duckdb/node-api';
import { backfill, createEngine, type Engine } from '@rapport/engine';
import type { Snapshot, Store } from '@rapport/store';
import { openDuckdbStore } from '@rapport/store-duckdb';
import { dropMongodbStore, openMongodbStore } from '@rapport/store-mongodb';
import { BSON, MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/*
 * Somebody is erased while a run or a backfill is at each of its steps. Afterwards their id is looked for in everything that the database holds.
 */

const ID = 'erase-me-4711';
const subject = { kind: 'account', id: ID } as const;
const DAY = 86_400_000;
const JUNE = Date.UTC(2026, 5, 1);

const root = mkdtempSync(join(tmpdir(), 'rapport-erasure-'));
function plugin(kind: string, id: string, code: string) {
  const dir = join(root, 'node_modules', `@test/${kind}-${id}`);
  mkdirSync(dir, { recursive: true });
  const json = { name: `@test/${kind}-${id}`, version: '1.0.0', type: 'module', main: 'index.js', keywords: ['rapport-plugin'], rapport: { kind, id, sdk: '>=2.0.0' } }; // prettier-ignore
  writeFileSync(join(dir, 'package.json'), JSON.stringify(json));
  writeFileSync(join(dir, 'index.js'), code);
}
const document = (kind: string, id: string, more: object) =>
  `const document = ${JSON.stringify({ kind, id, title: id, subject: 'account', ...more })};
   export default { kind: document.kind, id: document.id, document };`;
beforeAll(() => {
  plugin(
    'metric',
    'score',
    `export default {
      kind: 'metric', id: 'score', title: 'Score', description: 'A trait.', source: 'test', unit: 'count', range: [null, null],
      subjects: ['account'], config: { type: 'object', properties: {} }, parts: {},
      measures: () => ({ score: { node: 'trait', name: 'score', as: 'number' } }),
      compute: ({ score }) => score === null ? { noData: 'no-data' } : { value: score },
    };`,
  );
  plugin('segment', 'low', document('segment', 'low', { enter: { fact: 'score', operator: 'lessThan', value: 40 } }));
  plugin('action', 'note', `export default {
      kind: 'action', id: 'note', title: 'Note', description: 'Test.', config: { type: 'object', properties: {} },
      input: { type: 'object', properties: {} }, deliver: async () => ({ delivered: true }),
    };`); // prettier-ignore
  plugin('playbook', 'alarm', document('playbook', 'alarm', { trigger: { segment: 'low', on: 'enter' }, steps: [{ id: 'tell', action: 'note' }] })); // prettier-ignore
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A place for one store: how it is opened, and the text of everything in it. */
interface Place {
  open(): Promise<Store>;
  text(): Promise<string>;
  remove(): Promise<void>;
}

function duckdbPlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'rapport-erasure-'));
  const path = join(folder, 'w.duckdb');
  return {
    open: () => openDuckdbStore({ path, zone: 'UTC' }),
    async text() {
      const instance = await DuckDBInstance.create(path);
      const connection = await instance.connect();
      const rowsOf = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJS() as string[][];
      const tables = await rowsOf('SELECT table_name FROM duckdb_tables() WHERE NOT internal');
      const parts: string[] = [];
      for (const [table] of tables)
        for (const [row = ''] of await rowsOf(`SELECT t::VARCHAR FROM ${table ?? ''} t`)) parts.push(row);
      connection.closeSync();
      instance.closeSync();
      return parts.join('\n');
    },
    remove() {
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    },
  };
}

function mongodbPlace(uri: string): Place {
  const database = `rapport_${randomUUID().replaceAll('-', '')}`;
  return {
    open: () => openMongodbStore({ zone: 'UTC', uri, database }),
    async text() {
      const client = await new MongoClient(uri).connect();
      const parts: string[] = [];
      for (const { collectionName } of await client.db(database).collections())
        for await (const found of client.db(database).collection(collectionName).find())
          parts.push(Buffer.from(BSON.serialize(found)).toString('latin1'));
      await client.close();
      return parts.join('\n');
    },
    remove: () => dropMongodbStore({ uri, database }),
  };
}

const steps = ['before the snapshot', 'while it measures', 'while rules are evaluated', 'before the commit', 'before the history'] as const; // prettier-ignore
type Step = (typeof steps)[number];

/** The store, with somebody erased when `at.step` is next reached. */
function interrupted(store: Store, at: { step: Step | null }): Store {
  const when = async (step: Step) => {
    if (step !== at.step) return;
    at.step = null;
    await store.erase(subject);
  };
  const measuring = (snapshot: Snapshot): Snapshot => ({
    ...snapshot,
    async measure(plans) {
      const frames = await snapshot.measure(plans);
      await when('while it measures');
      return frames;
    },
  });
  return {
    ...store,
    async snapshot() {
      await when('before the snapshot');
      return measuring(await store.snapshot());
    },
    async memberships(query) {
      await when('while rules are evaluated');
      return store.memberships(query);
    },
    async begin(...asked) {
      const lease = await store.begin(...asked);
      return {
        ...lease,
        async commit(...what) {
          await when('before the commit');
          return lease.commit(...what);
        },
      };
    },
    async putHistory(...what) {
      await when('before the history');
      return store.putHistory(...what);
    },
  };
}

const uri = process.env['MONGODB_URI'];
const places: readonly (readonly [string, () => Place])[] = [
  ['DuckDB', duckdbPlace],
  ...(uri === undefined ? [] : [['MongoDB', () => mongodbPlace(uri)] as const]),
];

describe.each(places)('an account erased in %s', { timeout: 120_000 }, (_, placeOf) => {
  const clock = { now: () => JUNE + 2 * DAY };
  const scored = (account: string, score: number, at: number) => ({
    type: 'group', messageId: `group ${account} ${String(at)}`, timestamp: new Date(at).toISOString(), groupId: account, traits: { score },
  }); // prettier-ignore
  const used = (account: string, at: number) => ({
    type: 'track', messageId: `track ${account} ${String(at)}`, timestamp: new Date(at).toISOString(), userId: `user of ${account}`, event: 'Used', context: { groupId: account },
  }); // prettier-ignore
  const calls = [ID, 'stays'].flatMap((account) => [scored(account, 90, JUNE), used(account, JUNE + DAY), scored(account, 10, JUNE + DAY)]); // prettier-ignore

  const engineOn = (store: Store) =>
    createEngine({
      config: { workspace: 'test', hierarchy: { parent: 'parent' }, playbooks: { alarm: { enabled: true } } },
      store,
      pluginRoots: [root],
      clock,
    });
  /** Opens a store in which both accounts were fine yesterday, and are about to enter a segment. */
  async function prepared() {
    const place = placeOf();
    const store = await place.open();
    const at: { step: Step | null } = { step: null };
    const engine = await engineOn(interrupted(store, at));
    expect(engine.refused).toEqual([]);
    await engine.ingest(calls);
    await engine.run({ asOf: JUNE + 1 });
    return { place, store, engine, at };
  }
  async function expectGone(engine: Engine, store: Store, place: Place, runs: number) {
    expect(await engine.subject('account', ID)).toBeNull();
    const held = [];
    for await (const item of engine.dataOf(subject)) held.push(item);
    expect(held).toEqual([]);
    // The other one is all there.
    expect((await store.memberships({ segment: 'low' })).map((member) => member.subject)).toEqual(['stays']);
    expect((await store.list({ limit: 9 })).map((delivery) => delivery.subject.id)).toEqual(['stays']);
    expect((await store.latestRun())?.number).toBe(runs);
    // Message ids stay known.
    expect(await engine.ingest(calls)).toMatchObject({ accepted: 0, duplicates: calls.length });
    expect((await engine.evaluate({ asOf: JUNE + 2 * DAY })).frames[0]?.subjects).toEqual(['stays']);
    await engine.close();
    await store.close();
    const text = await place.text();
    expect(text).toContain('stays');
    expect(text).not.toContain(ID);
    await place.remove();
  }

  it.each(steps)('%s of a run is gone, and the run is there', async (step) => {
    const { place, store, engine, at } = await prepared();
    at.step = step;
    const report = await engine.run({ asOf: JUNE + 2 * DAY });
    expect(report.run.number).toBe(2);
    await expectGone(engine, store, place, 2);
  });

  it('after a run, out of what the engine holds', async () => {
    const { place, store, engine } = await prepared();
    await engine.run({ asOf: JUNE + 2 * DAY });
    expect(await engine.subject('account', ID)).not.toBeNull();
    const erased = await engine.erase(subject);
    expect(erased).toMatchObject({ events: 1, traits: 2, memberships: 1, transitions: 1, deliveries: 1 });
    await expectGone(engine, store, place, 2);
  });

  it.each(['while it measures', 'before the history'] as const)('%s of a backfill is gone', async (step) => {
    const { place, store, engine, at } = await prepared();
    await engine.run({ asOf: JUNE + 2 * DAY });
    at.step = step;
    const day = Math.floor(JUNE / DAY);
    const report = await backfill(engine, { from: day, to: day + 1, now: JUNE + 3 * DAY, force: true });
    expect(report).toMatchObject({ evaluated: 2, left: 0 });
    const level = { kind: 'account' } as const;
    const days = await store.history({ level, metrics: ['score'], from: day, to: day + 1 });
    expect(days.map(({ subjects }) => subjects)).toEqual([['stays'], ['stays']]);
    await expectGone(engine, store, place, 2);
  });
});
