import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import type { Moment } from '@rapport/sdk/time';
import { anyTime } from './moment.js';
import { operators as jsonRulesEngine } from './compat/operator.js';
import { compile, usesOf, valuesReader, type FactReader, type FactUse } from './condition.js';
import { irOf, partsOf, type ResolvedCondition, type RuleLeaf } from './ir.js';
import type { RuleJoint } from './joint.js';
import type { OperatorSet, Verdict } from './operator.js';
import { writtenIn } from './reference.js';
import { conditionsOf } from './resolution.js';

/** A rule as json-rules-engine takes it. */
export interface ReferenceRule {
  readonly conditions: unknown;
  /** For `engine.setCondition`. */
  readonly named: Readonly<Record<string, unknown>>;
  readonly allowUndefinedConditions: boolean;
  readonly allowUndefinedFacts: boolean;
}

/** A rule of a document beside what json-rules-engine is given in its place. */
export interface ComparableRule {
  /** JSON Pointer in the document. */
  readonly pointer: string;
  readonly uses: readonly FactUse[];
  readonly reference: ReferenceRule;
  /** Why json-rules-engine cannot say the same; null where it can. */
  readonly incomparable: string | null;
  /** The verdict of Rapport, and whether json-rules-engine must have the same: not where a strict rule lacks a fact, which json-rules-engine takes for false. */
  readonly evaluate: (
    reader: FactReader,
    now: Moment,
    more?: OperatorSet,
  ) => (subject: number) => { readonly verdict: Verdict; readonly agrees: boolean };
}

const isRoot = (condition: object): boolean =>
  ['all', 'any', 'not', 'condition'].some((key) => Object.hasOwn(condition, key));
/** A single comparison cannot be the root of a rule there. */
const asRoot = (condition: unknown): unknown =>
  typeof condition === 'object' && condition !== null && !isRoot(condition) ? { all: [condition] } : condition;

/** What a strict rule says that json-rules-engine has no words for, or other ones; null for nothing. */
function otherMeaning(part: RuleLeaf | RuleJoint): string | null {
  const { operator, pointer } = part;
  if (!Object.hasOwn(jsonRulesEngine, operator))
    return `"${operator}" at ${pointer} is no operator of json-rules-engine`;
  if (part.kind === 'joint')
    return operator === 'equal' || operator === 'notEqual'
      ? null
      : `"${operator}" at ${pointer} orders two facts, which json-rules-engine compares as they are`;
  return part.reading === 'time'
    ? `"${operator}" at ${pointer} compares times, which json-rules-engine takes for text`
    : null;
}

/** The rules of a valid document, each with what json-rules-engine would be asked. */
export function comparableRules(
  document: SegmentDocument | PlaybookDocument,
  more?: OperatorSet,
): readonly ComparableRule[] {
  const isCompat = document.mode === 'compat';
  const written = new Map(writtenIn(document).map(({ condition, pointer }) => [pointer, condition]));
  const named = Object.entries(document.conditions ?? {}).map(([name, condition]) => [
    name,
    isCompat ? condition : asRoot(condition),
  ]);
  const flags = {
    named: Object.fromEntries(named) as Readonly<Record<string, unknown>>,
    allowUndefinedConditions: isCompat && document.allowUndefinedConditions === true,
    allowUndefinedFacts: isCompat && document.allowUndefinedFacts === true,
  };
  return conditionsOf(document).map(({ condition, pointer }) => {
    const parts = isCompat ? [] : partsOf(irOf(condition, anyTime, pointer, more));
    const conditions = written.get(pointer);
    return {
      pointer,
      uses: usesOf(condition, pointer, more),
      reference: { conditions: isCompat ? conditions : asRoot(conditions), ...flags },
      incomparable: parts.map(otherMeaning).find((reason) => reason !== null) ?? null,
      evaluate(reader, now, operators) {
        const verdictOf = compile(condition, reader, now, operators);
        const isKnown = isCompat ? () => true : knownBy(condition, reader, now, operators);
        return (subject) => ({ verdict: verdictOf(subject), agrees: isKnown(subject) });
      },
    };
  });
}

/** Whether every comparison of a strict rule has a verdict on a subject. */
function knownBy(
  condition: ResolvedCondition,
  reader: FactReader,
  now: Moment,
  more?: OperatorSet,
): (subject: number) => boolean {
  const tests = partsOf(irOf(condition, now, '', more)).map((part): ((subject: number) => Verdict) => {
    if (part.kind === 'leaf') {
      const read = reader(part.fact, part.reading);
      return (subject) => part.test(read(subject));
    }
    const valuesOf = valuesReader(part, reader);
    return (subject) => part.test(valuesOf(subject));
  });
  return (subject) => tests.every((test) => test(subject) !== null);
}
