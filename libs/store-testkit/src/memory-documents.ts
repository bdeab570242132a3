import type { DocumentStore, DocumentVersion } from '@rapport/store';
import { compareVersions, documentConflict } from '@rapport/store';

/** The plainest store of documents there could be: a list. For tests of what is above stores. */
export function memoryDocuments(): DocumentStore {
  let versions: readonly DocumentVersion[] = [];
  const about = (key: string) => versions.filter((version) => version.key === key);
  return {
    async putDocument(version, after) {
      if (about(version.key).length !== after) throw documentConflict(version.key, after);
      const put = JSON.parse(JSON.stringify({ ...version, number: after + 1 })) as DocumentVersion;
      versions = [...versions, put].sort(compareVersions);
      return Promise.resolve(put);
    },
    documents: (key) => Promise.resolve(key === undefined ? versions : about(key)),
  };
}
