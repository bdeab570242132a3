import { createHash } from 'node:crypto';
import { Binary } from 'mongodb';
import { inBatches } from './batches.js';
import type { Collections } from './collections.js';

/*
 * What runs leave, by content: a run that found what an earlier one found adds references, and no bytes. A blob's `fence` is that of the latest run that
 * wrote or wanted it, so that what is unused can go while a run that may want it is under way.
 */
const BLOB_BYTES = 8 * 1024 * 1024;

/** Names a blob: the hash of its content (in databases of an earlier version: a path). */
export type BlobKey = string;
const partId = (key: BlobKey, part: number) => `${key}/${String(part)}`;
const keyOf = (id: string): BlobKey => id.slice(0, id.lastIndexOf('/'));

export interface Blobs {
  put(fence: number, contents: readonly Buffer[]): Promise<readonly BlobKey[]>;
  /** Null when one of them is not there (any more). */
  get(keys: readonly BlobKey[]): Promise<ReadonlyMap<BlobKey, Buffer> | null>;
  /** Removes blobs that are not used and that no run from `fence` on wants; returns how many bytes. With `dryRun` removes nothing. */
  dropUnused(used: ReadonlySet<BlobKey>, fence: number, dryRun?: boolean): Promise<number>;
}

export function createBlobs({ blobs }: Collections): Blobs {
  return {
    async put(fence, contents) {
      const keys = contents.map((content) => createHash('sha256').update(content).digest('base64url'));
      const parts = new Map(keys.flatMap((key, i) => partsOf(key, contents[i] ?? Buffer.alloc(0))));
      await inBatches([...parts.keys()], async (ids) => {
        // What is there is taken for this run first; from then on it stays.
        await blobs.updateMany({ _id: { $in: [...ids] }, fence: { $lt: fence } }, { $set: { fence } });
        const there = await blobs
          .find({ _id: { $in: [...ids] }, fence: { $gte: fence } }, { projection: { _id: 1 } })
          .toArray();
        for (const { _id } of there) parts.delete(_id);
      });
      await inBatches([...parts], (batch) =>
        blobs.bulkWrite(
          batch.map(([_id, bytes]) => ({
            updateOne: {
              filter: { _id },
              update: { $max: { fence }, $setOnInsert: { bytes: bytes.length, data: new Binary(bytes) } },
              upsert: true,
            },
          })),
          { ordered: false },
        ),
      );
      return keys;
    },

    async get(keys) {
      const found = new Map<BlobKey, Buffer>();
      let part = 0;
      for (let missing = [...new Set(keys)]; missing.length > 0; part++) {
        const longer: BlobKey[] = [];
        await inBatches(missing, async (batch) => {
          const ids = batch.map((key) => partId(key, part));
          for await (const { _id, data } of blobs.find({ _id: { $in: ids } })) {
            const bytes = Buffer.from(data.value());
            const before = found.get(keyOf(_id));
            found.set(keyOf(_id), before ? Buffer.concat([before, bytes]) : bytes);
            if (bytes.length === BLOB_BYTES) longer.push(keyOf(_id));
          }
        });
        missing = longer;
      }
      return keys.every((key) => found.has(key)) ? found : null;
    },

    async dropUnused(used, fence, dryRun = false) {
      let dropped = 0;
      const unused: string[] = [];
      for await (const { _id, bytes = 0 } of blobs.find({ fence: { $lt: fence } }, { projection: { data: 0 } })) {
        if (used.has(keyOf(_id))) continue;
        dropped += bytes;
        unused.push(_id);
      }
      if (!dryRun)
        await inBatches(unused, (ids) => blobs.deleteMany({ _id: { $in: [...ids] }, fence: { $lt: fence } }));
      return dropped;
    },
  };
}

/** At least one part, so that an empty content is there too. */
function partsOf(key: BlobKey, content: Buffer): [id: string, bytes: Buffer][] {
  return Array.from({ length: Math.max(1, Math.ceil(content.length / BLOB_BYTES)) }, (_, part) => [
    partId(key, part),
    content.subarray(part * BLOB_BYTES, (part + 1) * BLOB_BYTES),
  ]);
}
