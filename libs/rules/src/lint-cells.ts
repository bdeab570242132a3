import { compile, type FactReader } from './condition.js';
import { irOf, leavesOf, type ResolvedCondition, type RuleLeaf } from './ir.js';
import { rangeOf, representativesOf, type LintSetting, type Representatives } from './lint-values.js';
import type { Verdict } from './operator.js';

/** A subject that lint thought of: its facts. */
export type Sample = Readonly<Record<string, unknown>>;

/** Subjects that stand for all that there can be, as far as some conditions tell them apart. */
export interface Cells {
  /** How many there are. */
  readonly size: number;
  readonly sampleAt: (cell: number) => Sample;
  /** The real predicate over the cells. */
  readonly test: (condition: ResolvedCondition) => (cell: number) => Verdict;
  /** Why what is found in none of them may be found elsewhere; null when it cannot. */
  readonly doubt: string | null;
  /** Whether a subject can be as this one: false where facts that rest on each other contradict each other or may. */
  readonly isPossible: (cell: number) => boolean;
}

/** Most subjects that are tried for one question. */
export const MOST_CELLS = 10_000;

/** What is never so of any subject: what is derived from an unknown value is unknown, and a subject is in one band of a segment at most. */
function contradicts(facts: ReadonlyMap<string, unknown>): boolean {
  const bands = new Set<string>();
  for (const [fact, value] of facts) {
    const derived = /^(.+)\.(?:change|changeRate)$/.exec(fact);
    if (derived && value !== null)
      for (const base of [derived[1] ?? '', `${derived[1] ?? ''}.previous`]) if (facts.get(base) === null) return true;
    const band = /^segment\.([^.]+)\..+$/.exec(fact);
    if (!band || value !== true) continue;
    if (bands.has(band[1] ?? '')) return true;
    bands.add(band[1] ?? '');
  }
  return false;
}

/**
 * Whether a metric's value and what is derived from it can be so together: what follows from two of them must be in the metric's range.
 * Three of them, or both kinds of change, are not looked into.
 */
function canBe(facts: ReadonlyMap<string, unknown>, metric: string, { catalogue }: LintSetting): boolean {
  const [value, previous, change, rate] = ['', '.previous', '.change', '.changeRate'].map((name) => {
    const fact = facts.get(metric + name);
    return typeof fact === 'number' ? fact : null;
  }) as [number | null, number | null, number | null, number | null];
  const known = [value, previous, change, rate].filter((one) => one !== null).length;
  if (known < 2) return true;
  if (known > 2 || (change !== null && rate !== null)) return false;
  const { from, to } = rangeOf(metric, catalogue);
  const within = (number: number) => from <= number && number <= to;
  if (value === null) return within((previous ?? 0) + (change ?? (rate ?? 0) * Math.abs(previous ?? 0)));
  if (change !== null) return within(value - change);
  if (rate === null) return true;
  const [above, below] = [value / (1 + rate), value / (1 - rate)];
  return (above > 0 && within(above)) || (below < 0 && within(below));
}

/** The metric that a fact is, or is derived from. */
const metricOf = (fact: string): string => fact.replace(/\.(?:previous|change|changeRate)$/, '');
const isOfBand = (fact: string): boolean => /^segment\.[^.]+\./.test(fact);

/** The values that stand for each fact of some conditions; null when together they are more than `MOST_CELLS`. */
function factsOf(conditions: readonly ResolvedCondition[], setting: LintSetting): readonly Representatives[] | null {
  const byFact = new Map<string, RuleLeaf[]>();
  for (const leaf of new Set(
    conditions.flatMap((condition) => leavesOf(irOf(condition, setting.now, '', setting.operators))),
  )) {
    const leaves = byFact.get(leaf.fact) ?? [];
    leaves.push(leaf);
    byFact.set(leaf.fact, leaves);
  }
  const facts: Representatives[] = [];
  let size = 1;
  for (const [fact, leaves] of byFact) {
    const found = representativesOf(fact, leaves, setting, MOST_CELLS);
    size *= found.values?.length ?? Number.POSITIVE_INFINITY;
    if (size > MOST_CELLS) return null;
    facts.push(found);
  }
  return facts;
}

/** The cells that some conditions together tell apart; null when there are more than `MOST_CELLS`. */
export function cellsOf(conditions: readonly ResolvedCondition[], setting: LintSetting): Cells | null {
  const facts = factsOf(conditions, setting);
  if (!facts) return null;
  // A cell is a number whose digits choose the values; each fact has a place, as in a number system.
  const columns = new Map<string, (place: number) => unknown>();
  let size = 1;
  for (const { fact, values } of facts) {
    const [known, step] = [values ?? [], size];
    columns.set(fact, (place) => known[Math.floor(place / step) % known.length]);
    size *= known.length;
  }
  const subjectAt = (place: number): ReadonlyMap<string, unknown> =>
    new Map(Array.from(columns, ([fact, valueAt]) => [fact, valueAt(place)]));
  const metrics = new Set(facts.map(({ fact }) => metricOf(fact)));
  const related = metrics.size < facts.length || facts.some(({ fact }) => isOfBand(fact));
  const all = Array.from({ length: size }, (_, place) => place);
  const places = related ? all.filter((place) => !contradicts(subjectAt(place))) : all;
  const reader: FactReader = (fact) => {
    const valueAt = columns.get(fact) ?? (() => null);
    return (cell) => valueAt(places[cell] ?? 0);
  };
  const subjectOf = (cell: number) => subjectAt(places[cell] ?? 0);
  return {
    size: places.length,
    sampleAt: (cell) => Object.fromEntries(subjectOf(cell)),
    test: (condition) => compile(condition, reader, setting.now, setting.operators),
    doubt: facts.find(({ doubt }) => doubt !== null)?.doubt ?? null,
    isPossible: (cell) => !related || [...metrics].every((metric) => canBe(subjectOf(cell), metric, setting)),
  };
}
