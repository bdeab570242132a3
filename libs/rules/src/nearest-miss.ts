import { shown, told } from './explanation.js';
import { irOf, leafOf, nextDown, nextUp, partsOf, type ResolvedCondition, type RuleLeaf, type RuleNode } from './ir.js';
import type { RuleJoint } from './joint.js';
import { dateOf, EARLIEST, LATEST, readInstant, readTime, type Moment } from '@rapport/sdk/time';
import { durationOf, readingOf, type OperatorSet, type Verdict } from './operator.js';
import type { TimeSpan } from './time-span.js';

/** The least change of one fact that would make a rule true. */
export interface NearestMiss {
  /** JSON Pointer of the leaf that the change is about. */
  readonly pointer: string;
  readonly fact: string;
  /** The fact's value; null where it is missing. */
  readonly value: unknown;
  /** A value of the fact with which the rule is true; times in ISO 8601, dates where the fact is one. Null where it must not be known. */
  readonly wanted: unknown;
  /**
   * How far that is: of numbers relative to the threshold, of times to the leaf's window (30 days where it has none); 1 for anything else,
   * such as another plan or a value that is missing.
   */
  readonly distance: number;
  /** `in if stickiness ≥ 0.2; it is 0.17` */
  readonly text: string;
}

interface Change {
  readonly leaf: RuleLeaf;
  /** The fact whose value is the leaf's threshold; null where that is written down. */
  readonly than: string | null;
  readonly wanted: unknown;
  /** Whether the leaf holds then. */
  readonly holds: boolean;
  readonly distance: number;
}

const DAY = 86_400_000;
/** Changes that are tried, cheapest first; so that a rule of thousands of leaves does not take thousands times as long. */
const MOST_TRIED = 256;
/** A text that is unlikely to be anything in particular. */
const OTHER = 'another value';

/** Kleene's verdict of a node. */
function verdictOf(node: RuleNode, valueOf: (fact: string) => unknown): Verdict {
  if (node.kind === 'leaf') return node.test(valueOf(node.fact));
  if (node.kind === 'joint') return node.test(node.facts.map(({ fact }) => valueOf(fact)));
  if (node.kind === 'not') {
    const child = verdictOf(node.child, valueOf);
    return child === null ? null : !child;
  }
  const decisive = node.kind === 'any';
  let verdict: Verdict = !decisive;
  for (const child of node.children) {
    const found = verdictOf(child, valueOf);
    if (found === decisive) return decisive;
    if (found === null) verdict = null;
  }
  return verdict;
}

/** Numbers at and next to both ends of an interval, where it has them. One of them is the nearest that is inside, or outside. */
function edges(from: number, to: number): readonly number[] {
  const ends = [from, to].filter((end) => Number.isFinite(end) && Math.abs(end) < Number.MAX_VALUE);
  return ends.flatMap((end) => [end, nextDown(end), nextUp(end)]);
}
/** The same of instants: whole milliseconds. */
const instantEdges = ({ from, until }: TimeSpan): readonly string[] =>
  [from - 1, from, until - 1, until]
    .filter((at) => at >= EARLIEST && at < LATEST)
    .map((at) => new Date(at).toISOString());
/** The same of calendar days. */
const dayEdges = ({ first, last }: TimeSpan): readonly string[] =>
  [first - 1, first, last, last + 1].filter((day) => day >= EARLIEST / DAY && day < LATEST / DAY).map(dateOf);

/** Values that may turn a leaf, whose fact now has this value. */
function valuesFor({ question, value: threshold }: RuleLeaf, current: unknown, { zone }: Moment): readonly unknown[] {
  switch (question.kind) {
    case 'interval':
      if (!question.days) return edges(question.from, question.to);
      // What is a day stays one.
      return readTime(current, zone)?.kind === 'day' ? dayEdges(question.days) : instantEdges(question.days);
    case 'among': {
      const members = [...question.members];
      return [
        ...members,
        ...members.flatMap((one) => (typeof one === 'number' ? edges(one, one) : [])),
        true,
        false,
        OTHER,
      ];
    }
    case 'boolean':
      return [true, false];
    case 'known':
      return [null, OTHER];
    case 'test': {
      const items: readonly unknown[] = Array.isArray(threshold) ? threshold : [threshold];
      const held: readonly unknown[] = Array.isArray(current) ? current : [];
      const without = held.filter((item) => !items.includes(item));
      return [threshold, [...held, items[0]], [...new Set([...held, ...items])], without, OTHER];
    }
  }
}

/** An amount without regard to its sign; 0 for what is next to 0. */
const sizeOf = (value: number): number => (Math.abs(value) > Number.MIN_VALUE ? Math.abs(value) : 0);

function distanceOf(
  { question, reading, value: threshold }: RuleLeaf,
  current: unknown,
  wanted: unknown,
  { zone }: Moment,
): number {
  if (question.kind !== 'interval' && typeof wanted !== 'number') return 1;
  const amountOf = (value: unknown) =>
    reading === 'time' ? readInstant(value, zone) : typeof value === 'number' && Number.isFinite(value) ? value : null;
  const [here, there] = [amountOf(current), amountOf(wanted)];
  if (here === null || there === null) return 1;
  const scale = reading === 'time' ? (durationOf(threshold) ?? 30 * DAY) : sizeOf(there) || sizeOf(here) || 1;
  return Math.abs(there - here) / scale;
}

/** A comparison of two facts as a leaf, the other's value its threshold; null where that is none, or the part is another joint. */
function leafFor(
  joint: RuleJoint,
  valueOf: (fact: string) => unknown,
  now: Moment,
): Omit<Change, 'wanted' | 'holds' | 'distance'> | null {
  const [one, other] = joint.facts;
  if (joint.question.kind !== 'pair' || !one || !other || one.fact === other.fact) return null;
  const { operator, pointer } = joint;
  const value = valueOf(other.fact);
  if (readingOf(operator, value) === null) return null;
  return { leaf: leafOf({ fact: one.fact, operator, value }, now, pointer), than: other.fact };
}

/** Changes of the leaf's fact that turn the leaf, in no order. */
function changesOf(leaf: RuleLeaf, current: unknown, now: Moment, than: string | null = null): readonly Change[] {
  const before = leaf.test(current);
  return valuesFor(leaf, current, now).flatMap((wanted) => {
    const holds = leaf.test(wanted);
    if (holds === null || holds === before) return [];
    return [{ leaf, than, wanted, holds, distance: distanceOf(leaf, current, wanted, now) }];
  });
}

function textOf({ leaf, than, holds }: Change, current: unknown, more?: OperatorSet): string {
  const asked = told(leaf.operator, than === null ? leaf.value : { fact: than }, holds, more);
  const condition = `in if ${leaf.fact} ${asked}${than === null ? '' : ` (${shown(leaf.value)})`}`;
  if (current === null) return `${condition}; it is missing`;
  // A number that would look like the threshold when rounded is told in full.
  const short = shown(current);
  return `${condition}; it is ${typeof current === 'number' && short === shown(leaf.value) ? String(current) : short}`;
}

/**
 * The least change of one fact that would make a valid condition true; null when it is true already, or when no change of a single fact
 * would do: of two facts that are compared, the first is changed, and of a condition of json-rules-engine none. Of changes equally far the first in the document. The change is tried out on the whole condition before it is claimed.
 *
 * @param now the moment that `withinNext` and `withinLast` count from, in the zone that times are read in
 * @param more operators beside Rapport's own
 * @param pointer JSON Pointer of the condition, for the one in the result to begin with
 */
export function nearestMiss(
  condition: ResolvedCondition,
  facts: Readonly<Record<string, unknown>>,
  now: Moment,
  more?: OperatorSet,
  pointer = '',
): NearestMiss | null {
  const root = irOf(condition, now, pointer, more);
  const valueOf = (fact: string): unknown => (Object.hasOwn(facts, fact) ? (facts[fact] ?? null) : null);
  if (verdictOf(root, valueOf) === true) return null;
  const changes = [...new Set(partsOf(root))].flatMap((part) => {
    if (part.kind === 'leaf') return changesOf(part, valueOf(part.fact), now);
    const found = leafFor(part, valueOf, now);
    return found ? changesOf(found.leaf, valueOf(found.leaf.fact), now, found.than) : [];
  });
  const cheapest = changes.sort((a, b) => (a.distance < b.distance ? -1 : a.distance > b.distance ? 1 : 0));
  const change = cheapest
    .slice(0, MOST_TRIED)
    .find(({ leaf, wanted }) => verdictOf(root, (fact) => (fact === leaf.fact ? wanted : valueOf(fact))) === true);
  if (!change) return null;
  const { leaf, wanted, distance } = change;
  const { pointer: place, fact } = leaf;
  const value = valueOf(fact);
  return { pointer: place, fact, value, wanted, distance, text: textOf(change, value, more) };
}
