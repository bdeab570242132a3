import { StoreError } from './error.js';
import { compareCodeUnits } from './filter.js';
import type { DocumentVersion } from './ports.js';

/** Order of versions: by key (code units) and number. */
export const compareVersions = (a: DocumentVersion, b: DocumentVersion): number =>
  compareCodeUnits(a.key, b.key) || a.number - b.number;

/** What every store throws when a version is put after one that is not the latest. */
export const documentConflict = (key: string, after: number): StoreError =>
  new StoreError(
    'RAPPORT_STORE_DOCUMENT_CONFLICT',
    `number ${String(after)} is not the latest version of "${key}"; read its versions again, and put yours after the latest`,
  );
