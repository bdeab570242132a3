import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { MAX_DEPTH } from './ir.js';
import { namedPointer, type Problem } from './problem.js';
import { didYouMean } from './suggestion.js';

/*
 * What named conditions refer to, and how much a document becomes when they are put in place. All of it is reckoned, nothing is put in place: a few
 * that each refer to the next one twice would be millions.
 */

/** A condition of a document as it is written, and where. */
export interface WrittenCondition {
  readonly condition: unknown;
  readonly pointer: string;
}

/** Most conditions of a document with references, once they are put in place. */
export const MAX_CONDITIONS = 10_000;
/** Most characters, roughly, of the same. */
const MAX_TEXT = 10_000_000;

type Document = SegmentDocument | PlaybookDocument;

/** Every condition of a document as it is written, with the place it stands at; named ones are not among them. */
export function writtenIn(document: Document): readonly WrittenCondition[] {
  if (document.kind === 'playbook')
    return 'when' in document.trigger ? [{ condition: document.trigger.when, pointer: '/trigger/when' }] : [];
  return [
    ...(document.enter ? [{ condition: document.enter, pointer: '/enter' }] : []),
    ...(document.exit ? [{ condition: document.exit, pointer: '/exit' }] : []),
    ...(document.bands ?? []).map((band, i) => ({ condition: band.enter, pointer: `/bands/${String(i)}/enter` })),
  ];
}

interface Reference {
  readonly name: string;
  readonly pointer: string;
  /** How deep it lies in the condition that it is in. */
  readonly depth: number;
}
/** How much a condition is. */
interface Size {
  readonly conditions: number;
  readonly text: number;
  readonly depth: number;
}
/** A condition without what it refers to. */
interface Part extends Size {
  readonly references: readonly Reference[];
}

/** Characters of a value, roughly. A loop, so that nothing exhausts the stack. */
function textOf(value: unknown): number {
  let characters = 0;
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    characters += typeof next === 'string' ? next.length + 2 : 8;
    if (typeof next === 'object' && next !== null)
      for (const [key, child] of Object.entries(next)) {
        characters += Array.isArray(next) ? 1 : key.length;
        left.push(child);
      }
  }
  return characters;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Looks at a condition of either mode, of whatever shape. Of several groups in one json-rules-engine takes the first of these. */
function partOf({ condition, pointer }: WrittenCondition): Part {
  const references: Reference[] = [];
  let conditions = 0;
  let deepest = 0;
  const look = (node: unknown, place: string, depth: number): void => {
    conditions += 1;
    deepest = Math.max(deepest, depth);
    if (!isObject(node)) return;
    const name = Object.hasOwn(node, 'condition') ? node['condition'] : undefined;
    if (typeof name === 'string') references.push({ name, pointer: `${place}/condition`, depth });
    const group = ['any', 'all', 'not'].find((key) => Object.hasOwn(node, key));
    if (group === undefined) return;
    const children = node[group];
    if (group === 'not') look(children, `${place}/not`, depth + 1);
    else if (Array.isArray(children))
      children.forEach((child: unknown, i) => look(child, `${place}/${group}/${String(i)}`, depth + 1));
  };
  look(condition, pointer, 0);
  return { references, conditions, text: textOf(condition), depth: deepest };
}

/** Names in an order in which each comes after those that it refers to; or the references of a circle, the first name at the end again. */
function ordered(parts: ReadonlyMap<string, Part>): {
  readonly order: readonly string[];
  readonly circle: readonly Reference[];
} {
  const order: string[] = [];
  const done = new Set<string>();
  for (const start of parts.keys()) {
    // The way from the start to where we are: each name, and its references that are still to be followed.
    const way: { readonly name: string; readonly by: Reference | null; readonly left: Reference[] }[] = [];
    const open = new Map<string, number>();
    const go = (name: string, by: Reference | null) => {
      open.set(name, way.length);
      way.push({ name, by, left: [...(parts.get(name)?.references ?? [])] });
    };
    if (!done.has(start)) go(start, null);
    for (let here = way.at(-1); here; here = way.at(-1)) {
      const next = here.left.pop();
      if (!next) {
        way.pop();
        open.delete(here.name);
        done.add(here.name);
        order.push(here.name);
        continue;
      }
      const met = open.get(next.name);
      if (met !== undefined) return { order, circle: [...way.slice(met + 1).flatMap(({ by }) => by ?? []), next] };
      if (parts.has(next.name) && !done.has(next.name)) go(next.name, next);
    }
  }
  return { order, circle: [] };
}

export interface References {
  /** A name that there is not; else a circle, or too deep, or too large. */
  readonly problems: readonly Problem[];
  /** Names of conditions that no rule of the document comes to. */
  readonly unused: readonly string[];
}

/** Most names that a message lists, most references that are told of, and of these most that are compared with the names there are. */
const MOST_LISTED = 20;
const MOST_TOLD = 100;
const MOST_SUGGESTED = 10;

/** References to what there is not. */
function undefinedAmong(references: readonly Reference[], names: readonly string[]): readonly Problem[] {
  const known = new Set(names);
  const listed = names.slice(0, MOST_LISTED).join(', ');
  const others = names.length > MOST_LISTED ? ` and ${String(names.length - MOST_LISTED)} others` : '';
  const named =
    names.length === 0 ? 'Name it in the document\'s "conditions"' : `Named in "conditions": ${listed}${others}`;
  return references
    .filter(({ name }) => !known.has(name))
    .slice(0, MOST_TOLD)
    .map(({ name, pointer }, i) => ({
      code: 'RAPPORT_RULES_REFERENCE',
      pointer,
      message: `there is no condition ${JSON.stringify(name)}.${i < MOST_SUGGESTED ? didYouMean(name, names) : ''} ${named}.`,
    }));
}

/** Follows what a document's conditions refer to. */
export function referencesIn(document: Document): References {
  const named: Readonly<Record<string, unknown>> = document.conditions ?? {};
  const rules = writtenIn(document).map((one) => ({ ...one, part: partOf(one) }));
  const parts = new Map(
    Object.keys(named).map((name) => [name, partOf({ condition: named[name], pointer: namedPointer(name) })]),
  );
  const missing =
    document.mode === 'compat' && document.allowUndefinedConditions === true
      ? []
      : undefinedAmong(
          [...rules.map(({ part }) => part), ...parts.values()].flatMap(({ references }) => references),
          [...parts.keys()],
        );
  const used = new Set<string>();
  const left = rules.flatMap(({ part }) => part.references);
  for (let next = left.pop(); next; next = left.pop()) {
    const part = parts.get(next.name);
    if (!part || used.has(next.name)) continue;
    used.add(next.name);
    for (const reference of part.references) left.push(reference);
  }
  const unused = [...parts.keys()].filter((name) => !used.has(name));

  if (missing.length > 0) return { unused, problems: missing };
  const { order, circle } = ordered(parts);
  const closing = circle.at(-1);
  if (closing) {
    const names = [closing.name, ...circle.map(({ name }) => name)].map((name) => JSON.stringify(name)).join(' → ');
    const message = `named conditions refer to each other in a circle: ${names}. Remove one of the references.`;
    return { unused, problems: [{ code: 'RAPPORT_RULES_CYCLE', pointer: closing.pointer, message }] };
  }

  const sizes = new Map<string, Size>();
  const sizeOf = (part: Part): Size =>
    part.references.reduce<Size>((sum, { name, depth }) => {
      const size = sizes.get(name) ?? { conditions: 0, text: 0, depth: 0 };
      return {
        conditions: sum.conditions + size.conditions,
        text: sum.text + size.text,
        depth: Math.max(sum.depth, depth + 1 + size.depth),
      };
    }, part);
  for (const name of order) {
    const part = parts.get(name);
    if (part) sizes.set(name, sizeOf(part));
  }
  const all = [
    ...rules.map(({ part, pointer }) => ({ pointer, size: sizeOf(part) })),
    ...unused.map((name) => ({ pointer: namedPointer(name), size: sizes.get(name) })),
  ];
  const deep = document.mode === 'compat' ? undefined : all.find(({ size }) => (size?.depth ?? 0) > MAX_DEPTH);
  if (deep) {
    const message = `conditions nest deeper than ${String(MAX_DEPTH)}, references put in place; split the rule into segments.`;
    return { unused, problems: [{ code: 'RAPPORT_RULES_DEPTH', pointer: deep.pointer, message }] };
  }
  if (parts.size === 0) return { unused, problems: [] };
  const sum = (of: 'conditions' | 'text') => all.reduce((total, { size }) => total + (size?.[of] ?? 0), 0);
  if (sum('conditions') <= MAX_CONDITIONS && sum('text') <= MAX_TEXT) return { unused, problems: [] };
  const largest = all.reduce((a, b) => ((b.size?.text ?? 0) > (a.size?.text ?? 0) ? b : a));
  const message = `there are more than ${String(MAX_CONDITIONS)} conditions or ${String(MAX_TEXT / 1e6)} MB, references put in place; refer to fewer, or split the rule into segments.`;
  return { unused, problems: [{ code: 'RAPPORT_RULES_SIZE', pointer: largest.pointer, message }] };
}
