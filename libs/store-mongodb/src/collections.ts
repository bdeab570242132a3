import type { Collection, Db, IndexDescriptionInfo } from 'mongodb';
import { StoreError } from '@rapport/store';
import type { MessageDocument } from './document.js';
import type {
  BlobDocument,
  DeliveryDocument,
  FrameDocument,
  RunDocument,
  TransitionDocument,
} from './result-document.js';

/** Appends under way: their numbers, and since when (epoch ms by the writer's clock). */
export interface AppendsState {
  readonly _id: 'appends';
  readonly next: number;
  readonly open: readonly OpenAppend[];
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
  readonly evaluated: readonly string[];
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
  /** Three documents of the collection `state`. */
  readonly workspace: Collection<WorkspaceState>;
  readonly appends: Collection<AppendsState>;
  readonly lease: Collection<RunsState>;
  readonly messages: Collection<MessageDocument>;
  readonly scratch: Collection<ScratchDocument>;
  readonly runs: Collection<RunDocument>;
  readonly frames: Collection<FrameDocument>;
  readonly blobs: Collection<BlobDocument>;
  readonly transitions: Collection<TransitionDocument>;
  readonly staged: Collection<DeliveryDocument & { readonly fence: number }>;
  readonly deliveries: Collection<DeliveryDocument>;
}
export const collectionsOf = (db: Db): Collections => ({
  workspace: db.collection('state'),
  appends: db.collection('state'),
  lease: db.collection('state'),
  messages: db.collection('messages'),
  scratch: db.collection('scratch'),
  runs: db.collection('runs'),
  frames: db.collection('frames'),
  blobs: db.collection('blobs'),
  transitions: db.collection('transitions'),
  staged: db.collection('staged_deliveries'),
  deliveries: db.collection('deliveries'),
});

interface Index {
  readonly key: Readonly<Record<string, 1 | -1>>;
  /** Only documents that have the field. */
  readonly sparse?: true;
  readonly expireAfterSeconds?: number;
}
const INDEXES: { readonly [K in keyof Collections]?: Readonly<Record<string, Index>> } = {
  messages: {
    rapport_name_time: { key: { name: 1, time: 1 } },
    rapport_time: { key: { time: 1 } },
    rapport_account_time: { key: { account: 1, time: -1 } },
    rapport_attribution_time: { key: { 'attributions.account': 1, time: -1 } },
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
    !found.unique &&
    !found.partialFilterExpression;
  if (!same) {
    throw indexError(
      collection,
      String(found.name),
      `it is on ${JSON.stringify(found.key)}, not on ${JSON.stringify(wanted.key)}`,
    );
  }
}

const indexError = (collection: string, name: string, reason: string) =>
  new StoreError(
    'RAPPORT_STORE_INDEX',
    `index "${name}" of collection "${collection}" is not what Rapport needs (${reason}); drop it with db.${collection}.dropIndex("${name}") and start again`,
  );
