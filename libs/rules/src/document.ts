import { parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import type { OperatorSet } from './operator.js';
import { locator, positionsIn, type Position } from './position.js';
import { pointerToken, type Problem } from './problem.js';
import { didYouMean } from './suggestion.js';
import { checkPlaybook, checkSegment, MAX_JSON_DEPTH, type Checked } from './validation.js';

/** A problem and where in the text it is. */
export type PlacedProblem = Problem & Position;

export type ReadDocument =
  | { readonly ok: true; readonly document: SegmentDocument | PlaybookDocument }
  | { readonly ok: false; readonly problems: readonly PlacedProblem[] };

export interface ReadOptions {
  /** Most bytes of UTF-8 that the text may have; 1,000,000 when left out. */
  readonly maxBytes?: number;
  /** Operators that there are beside Rapport's own. */
  readonly operators?: OperatorSet;
}

const MAX_BYTES = 1_000_000;
const MOST_PROBLEMS = 100;

/** The offset at which a JSON text nests deeper than `most`; null when it does not. A loop: no text can exhaust the stack. */
function tooDeepAt(text: string, most: number): number | null {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (inString) {
      if (character === '\\') i++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') {
      if (++depth > most) return i;
    } else if (character === '}' || character === ']') depth--;
  }
  return null;
}

/** Keys that an object has twice: JSON.parse would silently drop all but the last. */
function duplicatesIn(node: Node, pointer: string): readonly (Problem & { readonly offset: number })[] {
  const seen = new Set<unknown>();
  return (node.children ?? []).flatMap((child, i) => {
    if (node.type === 'array') return duplicatesIn(child, `${pointer}/${String(i)}`);
    const [key, value] = child.children ?? [];
    if (!key || !value) return [];
    const name = String(key.value);
    const place = `${pointer}/${pointerToken(name)}`;
    const message = `"${name}" is there twice; keep one.`;
    const twice = seen.has(name)
      ? [{ code: 'RAPPORT_RULES_DUPLICATE_KEY', pointer: place, message, offset: key.offset }]
      : [];
    seen.add(name);
    return [...twice, ...duplicatesIn(value, place)];
  });
}

/**
 * Checks a document of either kind: its shape, conditions and values; not whether what it names exists (see `checkFacts`). Codes beside those of `checkSegment` and
 * `checkPlaybook`: `RAPPORT_RULES_KIND`.
 */
export function checkDocument(value: unknown, operators?: OperatorSet): Checked<SegmentDocument | PlaybookDocument> {
  const kind: unknown =
    typeof value === 'object' && value !== null && Object.hasOwn(value, 'kind')
      ? Reflect.get(value, 'kind')
      : undefined;
  if (kind === 'segment') return checkSegment(value, operators);
  if (kind === 'playbook') return checkPlaybook(value, operators);
  const meant = typeof kind === 'string' ? didYouMean(kind, ['segment', 'playbook']) : '';
  const message = `"kind" must be "segment" or "playbook"${kind === undefined ? '; it is missing' : ''}.${meant}`;
  return { ok: false, problems: [{ code: 'RAPPORT_RULES_KIND', pointer: '/kind', message }] };
}

const words = (code: string) => code.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();

export type ReadJson =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problems: readonly PlacedProblem[] };

/**
 * Reads JSON without comments in which no object has a key twice. At most a hundred problems, with line and column: `RAPPORT_RULES_SIZE`,
 * `_JSON`, `_DEPTH`, `_DUPLICATE_KEY`. Whatever the text is, nothing is thrown.
 *
 * @param maxDepth most levels of objects and lists; those of a document when left out
 */
export function readJson(given: string, maxBytes = MAX_BYTES, maxDepth = MAX_JSON_DEPTH): ReadJson {
  const text = withoutMark(given);
  const refuse = (code: string, message: string, position: Position = { line: 1, column: 1 }): ReadJson => ({
    ok: false,
    problems: [{ code, pointer: '', message, ...position }],
  });
  // No character takes less than a byte, so that a huge text is refused without being encoded.
  if (text.length > maxBytes || new TextEncoder().encode(text).length > maxBytes)
    return refuse('RAPPORT_RULES_SIZE', `the document has more than ${String(maxBytes)} bytes. Split it into several.`);
  const at = positionsIn(text);
  const deep = tooDeepAt(text, maxDepth);
  if (deep !== null)
    return refuse(
      'RAPPORT_RULES_DEPTH',
      `the document nests deeper than ${String(maxDepth)} levels; split the rule.`,
      at(deep),
    );
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  const [error] = errors;
  if (error || !tree)
    return refuse(
      'RAPPORT_RULES_JSON',
      `this is not JSON: ${words(error ? printParseErrorCode(error.error) : 'ValueExpected')}.`,
      at(error?.offset ?? 0),
    );
  const duplicates = duplicatesIn(tree, '');
  if (duplicates.length > 0)
    return {
      ok: false,
      problems: duplicates.slice(0, MOST_PROBLEMS).map(({ offset, ...problem }) => ({ ...problem, ...at(offset) })),
    };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (failure) {
    // What the other parser lets pass, such as a control character in a string.
    return refuse(
      'RAPPORT_RULES_JSON',
      `this is not JSON: ${failure instanceof Error ? failure.message : String(failure)}.`,
    );
  }
}

/** Editors do not count a byte order mark. */
const withoutMark = (text: string): string => (text.startsWith('\uFEFF') ? text.slice(1) : text);

/**
 * Reads the text of a segment or playbook. Returns the checked document (facts are not looked up: see `checkFacts`), or what is wrong with it,
 * each with line and column; at most a hundred problems. Codes beside those of the checks: those of `readJson`, and `RAPPORT_RULES_KIND`.
 */
export function readDocument(text: string, { maxBytes = MAX_BYTES, operators }: ReadOptions = {}): ReadDocument {
  const json = readJson(text, maxBytes);
  if (!json.ok) return json;
  const checked = checkDocument(json.value, operators);
  if (checked.ok) return checked;
  const place = locator(withoutMark(text));
  return {
    ok: false,
    problems: checked.problems.slice(0, MOST_PROBLEMS).map((problem) => ({ ...problem, ...place(problem.pointer) })),
  };
}
