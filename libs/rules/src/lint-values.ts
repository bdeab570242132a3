import { dateOf, EARLIEST, LATEST, type Moment } from '@rapport/sdk/time';
import type { FactCatalogue, FactDescription } from './catalogue.js';
import { nextDown, nextUp, type RuleLeaf } from './ir.js';
import type { OperatorSet } from './operator.js';

/*
 * One fact, and values that stand for all that it can have: whatever the fact is, one of these is told apart from the others in the same
 * way by every leaf. Numbers and times are cut into intervals at the thresholds; texts into those that are named, those that begin in a
 * way that is named, and one that is neither; lists into the sets of items that are named.
 */

export interface LintSetting {
  /** The moment that `withinNext` and `withinLast` count from, in the zone that times are read in. */
  readonly now: Moment;
  readonly catalogue: FactCatalogue | null;
  /** Values of a fact that the document names, in its rules and its tests. */
  readonly examples: (fact: string) => readonly unknown[];
  /** Operators beside Rapport's own. */
  readonly operators: OperatorSet | undefined;
}

export interface Representatives {
  readonly fact: string;
  /** The last is null: unknown. Null as a whole when there would be more than can be tried. */
  readonly values: readonly unknown[] | null;
  /** Why these do not stand for all values, in words; null when they do. */
  readonly doubt: string | null;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** One fact, and all that a document asks and the catalogue says of it. */
interface About {
  readonly fact: string;
  readonly leaves: readonly RuleLeaf[];
  readonly known: FactDescription | null;
  readonly range: Range;
  readonly setting: LintSetting;
}

/** The range of a fact, from the catalogue; of a fact derived from a metric, from the metric's. */
export function rangeOf(fact: string, catalogue: FactCatalogue | null): Range {
  const { minimum = -Number.MAX_VALUE, maximum = Number.MAX_VALUE } = catalogue?.describe?.(fact) ?? {};
  const [, metric, derived] = /^(.+)\.(previous|change|changeRate)$/.exec(fact) ?? [];
  const about = metric === undefined ? null : (catalogue?.describe?.(metric) ?? null);
  if (derived === 'previous') return { from: about?.minimum ?? minimum, to: about?.maximum ?? maximum };
  // A value that is never negative cannot fall by more than all of it.
  if (derived === 'changeRate' && (about?.minimum ?? -1) >= 0) return { from: -1, to: maximum };
  if (derived === 'change' && about?.minimum !== undefined && about.maximum !== undefined)
    return { from: about.minimum - about.maximum, to: about.maximum - about.minimum };
  return { from: minimum, to: maximum };
}

/** The cells that closed intervals cut a range into: each is wholly inside or wholly outside of every interval. */
function cellsOf(intervals: readonly Range[], { from, to }: Range): readonly Range[] {
  const starts = new Set([from]);
  for (const interval of intervals)
    for (const start of [interval.from, nextUp(interval.to)]) if (start > from && start <= to) starts.add(start);
  const sorted = [...starts].sort((a, b) => a - b);
  return sorted.map((start, i) => ({ from: start, to: i + 1 < sorted.length ? nextDown(sorted[i + 1] ?? to) : to }));
}

/** The number of a cell that is the quickest to say; null when it needs a whole one and has none. */
function simplest({ from, to }: Range, whole: boolean): number | null {
  if (from <= 0 && 0 <= to) return 0;
  const [round, near] = from > 0 ? [Math.ceil, from] : [Math.floor, to];
  for (let scale = 1; scale <= (whole ? 1 : 1e15); scale *= 10) {
    const candidate = round(near * scale) / scale;
    if (from <= candidate && candidate <= to) return candidate;
  }
  return whole ? null : near;
}

const DAY = 86_400_000;
const ALL_TIME: Range = { from: EARLIEST, to: LATEST - 1 };
const ALL_DAYS: Range = { from: EARLIEST / DAY, to: LATEST / DAY - 1 };
const units = [DAY, 3_600_000, 60_000, 1_000, 1];

/** The instant of a cell that is now, or the roundest near to now; null when it has no whole millisecond. */
function roundest({ from, to }: Range, now: number): string | null {
  if (from <= now && now <= to) return new Date(now).toISOString();
  const [round, near] = from > now ? [Math.ceil, from] : [Math.floor, to];
  const instant = units.map((unit) => round(near / unit) * unit).find((each) => from <= each && each <= to);
  return instant === undefined ? null : new Date(instant).toISOString();
}

/** Text that begins with a prefix, is none of the texts, and does not begin with a longer one of the prefixes. */
function otherText(prefix: string, texts: ReadonlySet<string>, prefixes: readonly string[]): string {
  const taken = (text: string) =>
    texts.has(text) || prefixes.some((other) => other.length > prefix.length && text.startsWith(other));
  // Each text and each prefix takes one letter at most, so that one is left.
  const letters = Array.from({ length: texts.size + prefixes.length + 1 }, (_, i) => String.fromCodePoint(0x61 + i));
  return ['', 'other', ...letters].map((more) => prefix + more).find((text) => text !== '' && !taken(text)) ?? prefix;
}

const operandsOf = (leaves: readonly RuleLeaf[]): readonly unknown[] =>
  leaves.flatMap(({ value }): readonly unknown[] => (Array.isArray(value) ? value : [value]));
const membersOf = (leaves: readonly RuleLeaf[]): readonly unknown[] =>
  leaves.flatMap(({ question }) => (question.kind === 'among' ? [...question.members] : []));
const intervalsOf = (leaves: readonly RuleLeaf[]): readonly Range[] =>
  leaves.flatMap(({ question }) => (question.kind === 'interval' ? [question] : []));
const isText = (value: unknown) => typeof value === 'string';
const isNumber = (value: unknown) => typeof value === 'number';

const isRelative = ({ operator }: RuleLeaf) => operator === 'withinNext' || operator === 'withinLast';
const isTime = ({ question }: RuleLeaf) => question.kind === 'interval' && question.days !== undefined;
const isNumeric = ({ question }: RuleLeaf) => question.kind === 'interval' && question.days === undefined;
const isPrefix = ({ operator }: RuleLeaf) => operator === 'startsWith';
const isOfList = ({ operator }: RuleLeaf) => ['contains', 'doesNotContain', 'hasAll', 'hasAny'].includes(operator);
/** Whether only trying tells what a leaf says of a value: a pattern, and any operator of a plugin. */
const isOpaque = (leaf: RuleLeaf) => leaf.question.kind === 'test' && !isPrefix(leaf) && !isOfList(leaf);

function numbersFor({ leaves, known, range }: About): readonly unknown[] {
  const named = membersOf(leaves).filter(isNumber);
  const intervals = [
    ...intervalsOf(leaves.filter(isNumeric)),
    ...named.map((number) => ({ from: number, to: number })),
  ];
  if (intervals.length === 0) return [];
  return cellsOf(intervals, range).flatMap((cell) => simplest(cell, known?.integer === true) ?? []);
}

/** The cells that the leaves cut the calendar days into. */
function daysCut(leaves: readonly RuleLeaf[]): readonly Range[] {
  const starts = new Set([ALL_DAYS.from]);
  for (const { question } of leaves) {
    if (question.kind !== 'interval' || !question.days) continue;
    const { first, last } = question.days;
    for (const start of [first, last + 1]) if (start > ALL_DAYS.from && start <= ALL_DAYS.to) starts.add(start);
  }
  const sorted = [...starts].sort((a, b) => a - b);
  return sorted.map((from, i) => ({ from, to: (sorted[i + 1] ?? ALL_DAYS.to + 1) - 1 }));
}

function timesFor({ leaves, setting }: About): readonly unknown[] {
  const intervals = intervalsOf(leaves.filter(isTime));
  if (intervals.length === 0) return [];
  const { at, zone } = setting.now;
  const instants = cellsOf(intervals, ALL_TIME).flatMap((cell) => roundest(cell, at) ?? []);
  const today = zone.dayOf(at);
  const days = daysCut(leaves.filter(isTime)).map(({ from, to }) => dateOf(Math.min(Math.max(today, from), to)));
  return [...instants, ...days];
}

function textsFor({ fact, leaves, known, setting }: About): readonly unknown[] {
  const texts = new Set(membersOf(leaves).filter(isText));
  const prefixes = operandsOf(leaves.filter(isPrefix)).filter(isText);
  const opaque = leaves.some(isOpaque);
  if (texts.size + prefixes.length === 0 && !opaque) return [];
  if (known?.values) return known.values;
  const others = ['', ...prefixes].map((prefix) => otherText(prefix, texts, prefixes));
  return [...new Set([...texts, ...others, ...(opaque ? setting.examples(fact).filter(isText) : [])])];
}

function booleansFor({ leaves, known }: About): readonly unknown[] {
  const asked = leaves.some(
    (leaf) => leaf.question.kind === 'boolean' || (known?.type === 'boolean' && isOpaque(leaf)),
  );
  return asked || membersOf(leaves).some((member) => typeof member === 'boolean') ? [true, false] : [];
}

/** Every set of the items that leaves name; null when there are too many. */
function listsFor({ leaves, known }: About, most: number): readonly unknown[] | null {
  const about = leaves.filter(isOfList);
  if (about.length === 0) return [];
  const items = [...new Set(operandsOf(about))].filter(
    (item) => !known?.values || known.values.some((one) => one === item),
  );
  if (2 ** items.length > most) return null;
  return Array.from({ length: 2 ** items.length }, (_, set) => items.filter((_item, bit) => (set >> bit) & 1));
}

/** Something known: all that `isKnown` asks. An empty list is of no other type that a leaf may ask for. */
function anythingFor({ leaves, known, range, setting }: About): unknown {
  switch (known?.type) {
    case 'number':
      return simplest(range, known.integer === true) ?? range.from;
    case 'text':
      return known.values?.[0] ?? 'other';
    case 'time':
      return new Date(setting.now.at).toISOString();
    case 'boolean':
      return true;
    default:
      return known?.type !== 'list' && leaves.every(({ question }) => question.kind === 'known') ? true : [];
  }
}

function doubtOf({ fact, leaves, known }: About, kinds: number): string | null {
  const times = leaves.filter(isTime);
  if (times.some(isRelative) && !times.every(isRelative))
    return `it depends on the day, because "${fact}" is compared with fixed times and with times counted from now`;
  if (times.length > 0 && kinds > 1) return `"${fact}" is read as a time and as something else`;
  const opaque = leaves.find(isOpaque);
  const allTried = known?.type === 'boolean' || (known?.type === 'text' && known.values !== undefined);
  if (opaque && !allTried)
    return `not every value can be tried with "${opaque.operator}"; a test of the document that has such a "${fact}" would show it`;
  return null;
}

/** Values that stand for all values of one fact, as far as these leaves tell them apart; at most `most`. */
export function representativesOf(
  fact: string,
  leaves: readonly RuleLeaf[],
  setting: LintSetting,
  most: number,
): Representatives {
  const known = setting.catalogue?.describe?.(fact) ?? null;
  const about: About = { fact, leaves, known, range: rangeOf(fact, setting.catalogue), setting };
  const ofType = { number: numbersFor, time: timesFor, text: textsFor, boolean: booleansFor };
  const types = Object.entries(ofType).filter(([type]) => !known || known.type === 'any' || known.type === type);
  const scalars = types.map(([, valuesFor]) => valuesFor(about)).filter((values) => values.length > 0);
  const lists = !known || known.type === 'any' || known.type === 'list' ? listsFor(about, most) : [];
  const doubt = doubtOf(about, scalars.length + (lists?.length === 0 ? 0 : 1));
  if (lists === null) return { fact, values: null, doubt };
  // What only trying tells is tried with what the document's tests have, of whatever type.
  const tried = leaves.some(isOpaque) ? setting.examples(fact).filter((value) => (value ?? null) !== null) : [];
  const values = [...new Set([...scalars.flat(), ...lists, ...tried])];
  const asksWhetherKnown = leaves.some(({ question }) => question.kind === 'known');
  const untyped = !known || known.type === 'any';
  if (asksWhetherKnown && (values.length === 0 || (untyped && lists.length === 0))) values.push(anythingFor(about));
  return { fact, values: values.length < most ? [...values, null] : null, doubt };
}
