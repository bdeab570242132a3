import { StoreError } from './error.js';
import { compareCodeUnits } from './filter.js';
import type { DocumentStore, DocumentVersion } from './ports.js';

/** Order of versions: by key (code units) and number. */
export const compareVersions = (a: DocumentVersion, b: DocumentVersion): number =>
  compareCodeUnits(a.key, b.key) || a.number - b.number;

/** What every store throws when a version is put after one that is not the latest. */
export const documentConflict = (key: string, after: number): StoreError =>
  new StoreError(
    'RAPPORT_STORE_DOCUMENT_CONFLICT',
    `number ${String(after)} is not the latest version of "${key}"; read its versions again, and put yours after the latest`,
  );

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
