import { dirname } from 'node:path';
import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { checkPlaybook, checkSegment, readDocument, type Problem } from '@rapport/rules';
import type { RefusedPlugin } from '../api.js';
import { canonical, sha256 } from '../canonical.js';
import type { Candidate } from '../manifest.js';

/** A segment or playbook as a file of the workspace. */
export interface DocumentFile {
  /** Path, for messages and as its name. */
  readonly file: string;
  readonly text: string;
}

/** A document's version is its content: two documents that say the same have the same version, whoever wrote them when. */
export const documentVersion = (document: unknown): string => `0.0.0-r${sha256(canonical(document)).slice(0, 12)}`;

export type Parsed =
  | { readonly ok: true; readonly document: SegmentDocument | PlaybookDocument }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads a document of either kind: its shape, conditions and values; not whether what it names exists. */
export function checkShape(value: unknown): Parsed {
  const kind = typeof value === 'object' && value !== null && Object.hasOwn(value, 'kind') ? (value as { kind: unknown }).kind : undefined; // prettier-ignore
  if (kind === 'segment') return checkSegment(value);
  if (kind === 'playbook') return checkPlaybook(value);
  const message = `"kind" must be "segment" or "playbook"${kind === undefined ? '; it is missing' : ''}.`;
  return { ok: false, problems: [{ code: 'RAPPORT_RULES_KIND', pointer: '/kind', message }] };
}

/** A file as something to load. Codes: `RAPPORT_RULES_SIZE`, `RAPPORT_RULES_JSON` and the like for a text that is no document, else `RAPPORT_PLUGIN_DOCUMENT`. */
export function readDocumentFile({
  file,
  text,
}: DocumentFile): { readonly candidate: Candidate; readonly document: unknown } | RefusedPlugin {
  const read = readDocument(text);
  if (!read.ok) {
    const [first] = read.problems;
    const told = read.problems
      .slice(0, 3)
      .map(
        ({ code, line, column, pointer, message }) =>
          `${String(line)}:${String(column)} ${pointer}: ${message} (${code})`,
      );
    // What cannot even be read says so itself; what is read and wrong is a document that a package might have as well.
    const isText = first !== undefined && (first.pointer === '' || first.code === 'RAPPORT_RULES_KIND');
    const code = isText ? first.code : 'RAPPORT_PLUGIN_DOCUMENT';
    return { name: file, code, message: `${file}: ${told.join(' ')}` };
  }
  const { document } = read;
  const { kind, id } = document;
  const manifest = { kind, id, sdk: '*' };
  return {
    candidate: { name: file, version: documentVersion(document), dir: dirname(file), json: {}, manifest },
    document,
  };
}
