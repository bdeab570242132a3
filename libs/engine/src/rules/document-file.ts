import { dirname } from 'node:path';
import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { readDocument, type OperatorSet } from '@rapport/rules';
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

export interface ReadFile {
  readonly candidate: Candidate;
  readonly document: unknown;
  /** Whether it uses operators that are not Rapport's own, so that it must be read again when it is known which there are. */
  readonly unsettled: boolean;
}

/**
 * A file as something to load. Codes: `RAPPORT_RULES_SIZE`, `RAPPORT_RULES_JSON` and the like for a text that is no document, else `RAPPORT_PLUGIN_DOCUMENT`.
 *
 * @param operators those that plugins bring; left out while they are not known
 */
export function readDocumentFile({ file, text }: DocumentFile, operators?: OperatorSet): ReadFile | RefusedPlugin {
  const read = readDocument(text, operators ? { operators } : {});
  const unsettled = !read.ok && !operators && read.problems.every(({ code }) => code === 'RAPPORT_RULES_OPERATOR');
  if (!read.ok && !unsettled) {
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
  // What has no other fault than its operators has the shape of a document.
  const document = read.ok
    ? read.document
    : (JSON.parse(text.replace(/^\uFEFF/, '')) as SegmentDocument | PlaybookDocument);
  const { kind, id } = document;
  const manifest = { kind, id, sdk: '*' };
  return {
    candidate: { name: file, version: documentVersion(document), dir: dirname(file), json: {}, manifest },
    document,
    unsettled,
  };
}
