import { dirname } from 'node:path';
import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { checkPlaybook, checkSegment, type Problem } from '@rapport/rules';
import type { RefusedPlugin } from '../api.js';
import { canonical, sha256 } from '../canonical.js';
import type { Candidate } from '../manifest.js';

/** A segment or playbook as a file of the workspace. */
export interface DocumentFile {
  /** Path, for messages and as its name. */
  readonly file: string;
  readonly text: string;
}

const MOST_CHARACTERS = 1_000_000;

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

/** A file as something to load. Codes: `RAPPORT_RULES_SIZE`, `RAPPORT_RULES_JSON`, `RAPPORT_RULES_KIND`, `RAPPORT_PLUGIN_DOCUMENT`. */
export function readDocumentFile({
  file,
  text,
}: DocumentFile): { readonly candidate: Candidate; readonly document: unknown } | RefusedPlugin {
  const refuse = (code: string, sentence: string): RefusedPlugin => ({
    name: file,
    code,
    message: `${file}: ${sentence}`,
  });
  if (text.length > MOST_CHARACTERS)
    return refuse('RAPPORT_RULES_SIZE', `it has more than ${String(MOST_CHARACTERS)} characters. Split the rule.`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return refuse('RAPPORT_RULES_JSON', `it is not JSON (${error instanceof Error ? error.message : String(error)}).`);
  }
  const checked = checkShape(document);
  if (!checked.ok) {
    const [first] = checked.problems;
    const code = first?.code === 'RAPPORT_RULES_KIND' ? first.code : 'RAPPORT_PLUGIN_DOCUMENT';
    const told = checked.problems.slice(0, 3).map(({ code, pointer, message }) => `${pointer}: ${message} (${code})`);
    return refuse(code, told.join(' '));
  }
  const { kind, id } = checked.document;
  const version = documentVersion(checked.document);
  const manifest = { kind, id, sdk: '*' };
  return { candidate: { name: file, version, dir: dirname(file), json: {}, manifest }, document };
}
