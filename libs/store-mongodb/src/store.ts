import type { Store, StoreOptions } from '@rapport/store';
import { zone as zoneOf } from '@rapport/sdk/time';
import { StoreError } from '@rapport/store';
import { randomUUID } from 'node:crypto';
import { appends, createAppender } from './append.js';
import type { Collections, WorkspaceState } from './collections.js';
import { collectionsOf, ensureIndexes, isDuplicateKey } from './collections.js';
import { connect } from './connect.js';
import { dataStateOf } from './changes.js';
import { createDeliveries } from './deliveries.js';
import { createDocumentVersions } from './document-versions.js';
import { eraseSubject } from './erase.js';
import { createHistory } from './history.js';
import type { Visible } from './expression.js';
import type { Scope } from './measure/scope.js';
import { createResults, runsState } from './results.js';
import { createSnapshot, statsOf } from './snapshot.js';
import { rereadTimes, TIMES } from './times.js';

/**
 * Opens a workspace's database in MongoDB (5.0 or newer; a single server, a replica set or a sharded cluster), and makes it on first use.
 *
 * @param options.uri `mongodb://…` or `mongodb+srv://…`. Credentials never appear in `location` or in errors.
 * @param options.database default: the one that the URI names
 * @throws `RAPPORT_STORE_URI`, `RAPPORT_STORE_UNREACHABLE`, `RAPPORT_STORE_VERSION`, `RAPPORT_STORE_INDEX`, `RAPPORT_STORE_ZONE`,
 *   `RAPPORT_STORE_ZONE_CHANGED`, `RAPPORT_STORE_ACCOUNTS_CHANGED`
 */
export async function openMongodbStore(
  options: StoreOptions & { readonly uri: string; readonly database?: string },
): Promise<Store> {
  const zone = zoneOf(options.zone);
  const accounts = options.accounts ?? 'groups';
  const usersAreAccounts = accounts === 'users';
  const connection = await connect(options.uri, options.database);
  const collections = collectionsOf(connection.db);
  const appender = createAppender(collections, zone, usersAreAccounts, () => Date.now());
  let id: string;
  try {
    id = await initialise(
      collections,
      { _id: 'workspace', format: 1, zone: zone.name, accounts, times: TIMES },
      connection.location,
    );
    await ensureIndexes(connection.db, collections);
    await appender.recover();
    await rereadTimes(collections, zone);
  } catch (error) {
    await connection.close();
    throw connection.explain(error);
  }
  const results = createResults(collections);
  const epoch = async () => (await runsState(collections)).epoch ?? 0;
  const history = createHistory(collections, epoch);
  const versions = createDocumentVersions(collections);
  const deliveries = createDeliveries(collections, () => results.release());

  const explained = async <R>(work: Promise<R>): Promise<R> => {
    try {
      return await work;
    } catch (error) {
      throw connection.explain(error);
    }
  };
  async function* explainedStream<R>(work: AsyncIterable<R>): AsyncGenerator<R> {
    try {
      yield* work;
    } catch (error) {
      throw connection.explain(error);
    }
  }
  const seen = async () => dataStateOf(id, await explained(appends(collections)));
  const scopeOf = (visible: Visible): Scope => ({ collections, zone, usersAreAccounts, visible });
  return {
    location: connection.location,
    zone: zone.name,
    append: (batch) => explained(appender.append(batch)),
    async snapshot() {
      // Before the data: an erasure in between raises it.
      const of = await explained(epoch());
      const state = await seen();
      const reader = createSnapshot(scopeOf(state), state, of);
      return {
        state: reader.state,
        epoch: reader.epoch,
        messagesOf: (subject) => explainedStream(reader.messagesOf(subject)),
        measure: (plans) => explained(reader.measure(plans)),
        stream: (query) => explainedStream(reader.stream(query)),
        traits: (of, asOf, subject) => explained(reader.traits(of, asOf, subject)),
        traitNames: (of) => explained(reader.traitNames(of)),
        recent: (of, subject, asOf, limit, only) => explained(reader.recent(of, subject, asOf, limit, only)),
        changes: (...given) => explained(reader.changes(...given)),
        close: () => reader.close(),
      };
    },
    erase: (subject) => explained(eraseSubject(collections, { results, history }, usersAreAccounts, subject)),
    epoch: () => explained(epoch()),
    stats: async () => explained(statsOf(scopeOf(await seen()))),
    begin: (holder, now, leaseMs) => explained(results.begin(holder, now, leaseMs)),
    latestRun: () => explained(results.latestRun()),
    latestRunNumber: () => explained(results.latestRunNumber()),
    runs: (limit) => explained(results.runs(limit)),
    results: (run, level, columns) => explained(results.results(run, level, columns)),
    memberships: (query) => explained(results.memberships(query)),
    transitions: (query) => explained(results.transitions(query)),
    putHistory: (days, of) => explained(history.putHistory(days, of)),
    history: (query) => explained(history.history(query)),
    historyOrigins: (query) => explained(history.historyOrigins(query)),
    putDocument: (version, after) => explained(versions.putDocument(version, after)),
    documents: (key) => explained(versions.documents(key)),
    claim: (...given) => explained(deliveries.claim(...given)),
    delivered: (key, now) => explained(deliveries.delivered(key, now)),
    failed: (key, error, dueAt) => explained(deliveries.failed(key, error, dueAt)),
    replay: (key, now) => explained(deliveries.replay(key, now)),
    list: (query) => explained(deliveries.list(query)),
    prune: (what, dryRun) => explained(results.prune(what, dryRun)),
    // Properties are stored by type and measured in passes over whole ranges of events: an index per property would not be used.
    declare: () => Promise.resolve(),
    async close() {
      await appender.idle();
      await connection.close();
    },
  };
}

/** Writes the state's documents on first use, and checks that the workspace is the one that the options describe. Returns its id. */
async function initialise(
  collections: Collections,
  workspace: Omit<WorkspaceState, 'id'>,
  location: string,
): Promise<string> {
  const id = randomUUID();
  await insertOnce(() => collections.workspace.insertOne({ ...workspace, id }));
  await collections.workspace.updateOne({ _id: 'workspace', id: { $exists: false } }, { $set: { id } });
  await insertOnce(() => collections.appends.insertOne({ _id: 'appends', next: 0, open: [] }));
  await insertOnce(() =>
    collections.lease.insertOne({
      _id: 'runs',
      fence: 0,
      lease: null,
      dead: [],
      current: null,
      released: 0,
    }),
  );
  const found = await collections.workspace.findOne({ _id: 'workspace' });
  if (found?.format !== workspace.format) {
    throw new StoreError(
      'RAPPORT_STORE_FORMAT',
      `${location} was written by another version of Rapport; open it with that version, or use another database`,
    );
  }
  if (found.zone !== workspace.zone) {
    throw new StoreError(
      'RAPPORT_STORE_ZONE_CHANGED',
      `${location} cuts its days in ${found.zone}, not in ${workspace.zone}; open it with ${found.zone}, or import the events into a new database`,
    );
  }
  if (found.accounts !== workspace.accounts) {
    throw new StoreError(
      'RAPPORT_STORE_ACCOUNTS_CHANGED',
      `${location} was made with accounts: "${found.accounts}", not "${workspace.accounts}"; open it so, or import the events into a new database`,
    );
  }
  return found.id;
}

async function insertOnce(insert: () => Promise<unknown>): Promise<void> {
  try {
    await insert();
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
}
