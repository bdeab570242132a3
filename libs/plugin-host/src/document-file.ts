import { dirname } from 'node:path';
import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { readDocument, type OperatorSet, type Problem } from '@rapport/rules';
import { canonical, sha256 } from './canonical.js';
import type { Candidate } from './manifest.js';
import type { RefusedPlugin } from './loaded-plugin.js';

/** A segment or playbook as a file of the workspace. */
export interface DocumentFile {
  /** Path, for messages and as its name. */
  readonly file: string;
  readonly text: string;
}

const ID = /^[a-z][a-z0-9-]{0,63}$/;

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
  const named = read.ok || operators ? null : whatUsesOperators(text, read.problems);
  if (!read.ok && !named) {
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
  const document = read.ok ? read.document : named;
  const { kind, id } = (document ?? {}) as SegmentDocument | PlaybookDocument;
  const manifest = { kind, id, sdk: '*' };
  return {
    candidate: { name: file, version: documentVersion(document), dir: dirname(file), json: {}, manifest },
    document,
    unsettled: named !== null,
  };
}

/** A text that names a document, and uses operators that are not Rapport's own; null for any other. */
function whatUsesOperators(text: string, problems: readonly Problem[]): unknown {
  if (!problems.some(({ code }) => code === 'RAPPORT_RULES_OPERATOR')) return null;
  const document = JSON.parse(text.replace(/^\uFEFF/, '')) as Partial<Record<'kind' | 'id', unknown>>;
  return typeof document.id === 'string' && ID.test(document.id) ? document : null;
}
