import type { Condition, PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { compileConditions } from './compat/document.js';
import { usesOf } from './condition.js';
import type { ResolvedCondition } from './ir.js';
import type { FactUse } from './joint.js';
import type { OperatorSet } from './operator.js';
import { namedPointer } from './problem.js';
import { referencesIn, writtenIn, type WrittenCondition } from './reference.js';

/** A condition of a document that stands by itself, and its place in the document. */
export interface PlacedCondition {
  readonly condition: ResolvedCondition;
  /** JSON Pointer. */
  readonly pointer: string;
}

/** The rules of a document, ready to be read. */
export interface DocumentRules {
  /** What lets in: of a segment with bands one for each, by its id; else one, called `in`. Also a playbook's own rule. */
  readonly enters: readonly (PlacedCondition & { readonly id: string })[];
  readonly exit: PlacedCondition | null;
  /** Named conditions of a strict document. */
  readonly named: readonly PlacedCondition[];
  /** Pointers of named conditions that no rule comes to. */
  readonly unused: readonly string[];
}

type Document = SegmentDocument | PlaybookDocument;

const known = new WeakMap<Document, DocumentRules>();

/**
 * The rules of a valid document: named conditions put in place, those of a `compat` document made ready. Kept for each document object, which must not be
 * changed. Throws a TypeError that begins with `RAPPORT_RULES_` for a document that the checks refuse.
 */
export function rulesOf(document: Document): DocumentRules {
  const found = known.get(document);
  if (found) return found;
  const { problems, unused } = referencesIn(document);
  refuse(problems);
  const written = writtenIn(document);
  const { conditions, named } = document.mode === 'compat' ? compiled(document, written) : inPlace(document, written);
  const placed = written.map(({ pointer }, i): PlacedCondition => ({
    pointer,
    condition: conditions[i] ?? { all: [] },
  }));
  const bands = document.kind === 'segment' ? (document.bands ?? []) : [];
  const enters = placed.filter(({ pointer }) => pointer !== '/exit');
  const rules: DocumentRules = {
    enters: enters.map((rule, i) => ({ ...rule, id: bands[i]?.id ?? 'in' })),
    exit: placed.find(({ pointer }) => pointer === '/exit') ?? null,
    named,
    unused: unused.map(namedPointer),
  };
  known.set(document, rules);
  return rules;
}

function refuse(problems: ReturnType<typeof referencesIn>['problems']): void {
  const [first] = problems;
  if (first) throw new TypeError(`${first.code}: ${first.pointer}: ${first.message}`);
}

interface Resolved {
  readonly conditions: readonly ResolvedCondition[];
  readonly named: readonly PlacedCondition[];
}

function compiled(document: Extract<Document, { mode: 'compat' }>, written: readonly WrittenCondition[]): Resolved {
  const { conditions, problems } = compileConditions(written, document, null);
  refuse(problems);
  return { conditions: conditions.map((compat) => ({ compat })), named: [] };
}

function inPlace(document: Document, written: readonly WrittenCondition[]): Resolved {
  const named = document.conditions ?? {};
  const names = new Map<string, ResolvedCondition>();
  const meaning = (name: string): ResolvedCondition | undefined => {
    const its = Object.hasOwn(named, name) ? named[name] : undefined;
    const means = names.get(name) ?? (its && resolved(its));
    if (means) names.set(name, means);
    return means;
  };
  const resolved = (condition: Condition): ResolvedCondition => {
    if ('all' in condition) return { all: condition.all.map(resolved) };
    if ('any' in condition) return { any: condition.any.map(resolved) };
    if ('not' in condition) return { not: resolved(condition.not) };
    if (!('condition' in condition)) return condition;
    const means = meaning(condition.condition);
    return means ? { ...condition, means } : condition;
  };
  return {
    conditions: written.map(({ condition }) => resolved(condition as Condition)),
    named: Object.keys(named).map((name) => ({
      pointer: namedPointer(name),
      condition: meaning(name) ?? { condition: name },
    })),
  };
}

/** Every rule of a document with the place it stands at, ready for whatever reads conditions. */
export function conditionsOf(document: Document): readonly PlacedCondition[] {
  const { enters, exit } = rulesOf(document);
  return [...enters, ...(exit ? [exit] : [])].map(({ condition, pointer }) => ({ condition, pointer }));
}

/** Every use of a fact in a document, in document order: what the planner has to provide, and as what. */
export const factsOf = (document: Document, more?: OperatorSet): readonly FactUse[] =>
  conditionsOf(document).flatMap(({ condition, pointer }) => usesOf(condition, pointer, more));
