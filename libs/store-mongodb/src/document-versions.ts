import type { DocumentStore, Json } from '@rapport/store';
import { documentConflict } from '@rapport/store';
import type { Collections } from './collections.js';
import { isDuplicateKey } from './collections.js';
import { decodeText, encodeId } from './text.js';

/** Versions of documents. Of two that are put at once the unique index on key and number lets one in. */
export function createDocumentVersions({ documentVersions }: Collections): DocumentStore {
  return {
    async putDocument(version, after) {
      const key = encodeId(version.key);
      const latest = await documentVersions.findOne({ key }, { sort: { number: -1 } });
      if ((latest?.number ?? 0) !== after) throw documentConflict(version.key, after);
      const put = { ...version, number: after + 1 };
      try {
        await documentVersions.insertOne({ ...put, key, document: JSON.stringify(put.document) });
      } catch (error) {
        throw isDuplicateKey(error) ? documentConflict(version.key, after) : error;
      }
      return put;
    },

    async documents(key) {
      const found = await documentVersions
        .find(key === undefined ? {} : { key: encodeId(key) }, { projection: { _id: 0 } })
        .sort({ key: 1, number: 1 })
        .toArray();
      return found.map((version) => ({
        ...version,
        key: decodeText(version.key),
        document: JSON.parse(version.document) as Json,
      }));
    },
  };
}
