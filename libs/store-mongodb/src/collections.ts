import type { Collection, Db, IndexDescriptionInfo } from 'mongodb';
import { MongoServerError } from 'mongodb';
import { StoreError } from '@rapport/store';
import type { MessageDocument } from './document.js';
import type {
  BlobDocument,
  DeliveryDocument,
  DocumentVersionDocument,
  FrameDocument,
  HistoryDocument,
  HistorySubjectsDocument,
  HistoryValuesDocument,
  RunDocument,
  TransitionDocument,
} from './result-document.js';

/** Appends under way: their numbers, and since when (epoch ms by the writer's clock). */
export interface AppendsState {
  readonly _id: 'appends';
  readonly next: number;
  readonly open: readonly OpenAppend[];
  /** Grows when an erasure begins and when it ends. */
  readonly erasures?: number;
  /** Subjects (`<kind>/<stored id>`) whose erasure has begun and not ended. */
  readonly erasing?: readonly string[];
}
export interface OpenAppend {
  readonly number: number;
  readonly since: number;
  /** Another process has taken its messages over: see append.ts. */
  readonly taken?: boolean;
}
export interface WorkspaceState {
  readonly _id: 'workspace';
  readonly format: 1;
  readonly zone: string;
  readonly accounts: 'groups' | 'users';
  /** How texts were read as times when messages were stored: see times.ts. */
  readonly times?: number;
  /** Tells this database from others, in the `state` of snapshots. */
  readonly id: string;
}
export interface RunsState {
  readonly _id: 'runs';
  /** Grows by one per lease. Everything a run writes carries its lease's number. */
  readonly fence: number;
  readonly lease: {
    readonly token: string;
    readonly holder: string;
    readonly until: number;
    readonly fence: number;
    readonly startedAt: number;
  } | null;
  /** Leases that ended without a commit: what they wrote does not count. */
  readonly dead: readonly number[];
  readonly current: RunDocument | null;
  /** Fence of the last run whose deliveries were moved to the outbox. */
  readonly released: number;
  /** The erasure epoch; absent for 0. */
  readonly epoch?: number;
}

export interface HistoryState {
  readonly _id: 'history';
  /** Number of the last put of a day's history. */
  readonly put: number;
}

/** What a measure joins events with for the time of one call: a subject's group, or its own window. */
export interface ScratchDocument {
  readonly _id: string;
  readonly call: string;
  readonly createdAt: Date;
  readonly group?: string;
  readonly from?: number;
  readonly to?: number;
  readonly start?: number;
  readonly end?: number;
}

export interface Collections {
  /** Four documents of the collection `state`. */
  readonly workspace: Collection<WorkspaceState>;
  readonly appends: Collection<AppendsState>;
  readonly lease: Collection<RunsState>;
  readonly historyState: Collection<HistoryState>;
  readonly messages: Collection<MessageDocument>;
  readonly scratch: Collection<ScratchDocument>;
  readonly runs: Collection<RunDocument>;
  readonly frames: Collection<FrameDocument>;
  readonly blobs: Collection<BlobDocument>;
  readonly transitions: Collection<TransitionDocument>;
  readonly staged: Collection<DeliveryDocument & { readonly fence: number }>;
  readonly deliveries: Collection<DeliveryDocument>;
  readonly history: Collection<HistoryDocument>;
  readonly historyValues: Collection<HistoryValuesDocument>;
  readonly historySubjects: Collection<HistorySubjectsDocument>;
  readonly documentVersions: Collection<DocumentVersionDocument>;
}
export const collectionsOf = (db: Db): Collections => ({
  workspace: db.collection('state'),
  appends: db.collection('state'),
  lease: db.collection('state'),
  historyState: db.collection('state'),
  messages: db.collection('messages'),
  scratch: db.collection('scratch'),
  runs: db.collection('runs'),
  frames: db.collection('frames'),
  blobs: db.collection('blobs'),
  transitions: db.collection('transitions'),
  staged: db.collection('staged_deliveries'),
  deliveries: db.collection('deliveries'),
  history: db.collection('history'),
  historyValues: db.collection('history_values'),
  historySubjects: db.collection('history_subjects'),
  documentVersions: db.collection('document_versions'),
});

interface Index {
  readonly key: Readonly<Record<string, 1 | -1>>;
  /** Only documents that have the field. */
  readonly sparse?: true;
  readonly unique?: true;
  readonly expireAfterSeconds?: number;
  /** Only documents that match it. */
  readonly partialFilterExpression?: Readonly<Record<string, { readonly $gt: number }>>;
}
const INDEXES: { readonly [K in keyof Collections]?: Readonly<Record<string, Index>> } = {
  messages: {
    rapport_name_time: { key: { name: 1, time: 1 } },
    rapport_time: { key: { time: 1 } },
    rapport_account_time: { key: { account: 1, time: -1 } },
    rapport_attribution_time: { key: { 'attributions.account': 1, time: -1 } },
    rapport_attribution_batch: {
      key: { 'attributions.batch': 1 },
      partialFilterExpression: { 'attributions.batch': { $gt: 0 } }, // 0 is what was known at once, and the most
    },
    rapport_user_time: { key: { user: 1, time: -1 } },
    rapport_member_user: { key: { 'member.user': 1 }, sparse: true },
    rapport_member_account: { key: { 'member.account': 1 }, sparse: true },
    rapport_traits: { key: { 'traits.of': 1, 'traits.subject': 1 }, sparse: true },
    rapport_erased: { key: { erased: 1 }, sparse: true },
    rapport_batch: { key: { batch: 1 } },
  },
  scratch: {
    rapport_expire: { key: { createdAt: 1 }, expireAfterSeconds: 86_400 },
    rapport_call: { key: { call: 1 } },
  },
  frames: { rapport_fence: { key: { fence: 1 } } },
  blobs: { rapport_fence: { key: { fence: 1 } } },
  transitions: {
    rapport_fence: { key: { fence: -1, position: -1 } },
    rapport_segment: { key: { segment: 1, subject: 1, fence: -1 } },
    rapport_subject: { key: { subject: 1, fence: -1 } },
  },
  staged: { rapport_fence: { key: { fence: 1 } } },
  deliveries: {
    rapport_due: { key: { state: 1, dueAt: 1, _id: 1 } },
    rapport_subject: { key: { 'subject.id': 1 } },
  },
  history: {
    rapport_level_day: { key: { level: 1, day: 1 } },
    rapport_list: { key: { list: 1 } },
  },
  historySubjects: {
    rapport_range: { key: { kind: 1, list: 1, least: 1, greatest: 1 } },
    rapport_hash: { key: { hash: 1 }, sparse: true },
  },
  documentVersions: { rapport_key_number: { key: { key: 1, number: 1 }, unique: true } },
};

/**
 * Creates the indexes that are missing. Throws `RAPPORT_STORE_INDEX`, naming the index, when one of that name is there but is
 * another one: queries would be slow, and nobody would know why.
 */
export async function ensureIndexes(db: Db, collections: Collections): Promise<void> {
  await Promise.all(
    Object.entries(INDEXES).map(async ([name, indexes]) => {
      const collection = db.collection(collections[name as keyof Collections].collectionName);
      const present = await collection.indexes().catch((): IndexDescriptionInfo[] => []);
      for (const [indexName, index] of Object.entries(indexes)) {
        const found = present.find((other) => other.name === indexName);
        if (found) check(collection.collectionName, found, index);
        else await create(collection, indexName, index);
      }
    }),
  );
}

async function create(collection: Collection, name: string, { key, ...options }: Index): Promise<void> {
  try {
    await collection.createIndex(key, { name, ...options }, {});
  } catch (error) {
    throw indexError(collection.collectionName, name, error instanceof Error ? error.message : String(error));
  }
}

function check(collection: string, found: IndexDescriptionInfo, wanted: Index): void {
  const same =
    JSON.stringify(Object.entries(found.key)) === JSON.stringify(Object.entries(wanted.key)) &&
    (found.sparse ?? false) === (wanted.sparse ?? false) &&
    found.expireAfterSeconds === wanted.expireAfterSeconds &&
    JSON.stringify(found['partialFilterExpression']) === JSON.stringify(wanted.partialFilterExpression) &&
    (found.unique ?? false) === (wanted.unique ?? false);
  if (!same) {
    throw indexError(
      collection,
      String(found.name),
      `it is on ${JSON.stringify(found.key)}, not on ${JSON.stringify(wanted.key)}`,
    );
  }
}

const DUPLICATE_KEY = 11_000;

/** Whether the server refused a document because one with the same unique key is there. */
export const isDuplicateKey = (error: unknown): boolean =>
  error instanceof MongoServerError && error.code === DUPLICATE_KEY;

const indexError = (collection: string, name: string, reason: string) =>
  new StoreError(
    'RAPPORT_STORE_INDEX',
    `index "${name}" of collection "${collection}" is not what Rapport needs (${reason}); drop it with db.${collection}.dropIndex("${name}") and start again`,
  );
