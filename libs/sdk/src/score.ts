import { type Static, Type } from 'typebox';
import { refuseConfig } from './refuse-config.js';

/* What scores that are made of other numbers have in common. */

/** One of the numbers that a score is made of. */
export interface Component {
  readonly name: string;
  /** Relative to the others' weights; with 0 it plays no part. */
  readonly weight: number;
  /** Null: it is missing. */
  readonly score: number | null;
}

/** Configuration option: what becomes of a score when a component has no value. */
export const missingOption = () =>
  Type.Union([Type.Literal('reweight'), Type.Literal('zero'), Type.Literal('null')], {
    default: 'reweight',
    description:
      'When a component has no value: its weight goes to the others (`reweight`), it scores 0 (`zero`), or there is no score (`null`).',
  });
export type Missing = Static<ReturnType<typeof missingOption>>;

export interface WeightedMean {
  /** Null when no component with a weight has a value, or one is missing and must not be. */
  readonly value: number | null;
  /** Per cent of the weight whose components have a value; null when nothing has a weight. */
  readonly coverage: number | null;
  /** What each component gave; they add up to the value exactly, in any order. Empty without one. */
  readonly contributions: Readonly<Record<string, number>>;
  /** Names of the components that have no value. */
  readonly missing: readonly string[];
  /** How many components have one. */
  readonly n: number;
}

/** Σ weight × score ÷ Σ weight: components `50·80, 20·50, 20·100` and one of weight 10 that is missing give 77.78 at 90 % coverage. */
export function weightedMean(components: readonly Component[], policy: Missing): WeightedMean {
  const missing: string[] = [];
  let [n, all, present, sum, lowest, highest] = [0, 0, 0, 0, Infinity, -Infinity];
  for (const { name, weight, score } of components) {
    if (weight === 0) continue;
    all += weight;
    if (score === null) {
      missing.push(name);
      continue;
    }
    n++;
    present += weight;
    sum += weight * score;
    lowest = Math.min(lowest, score);
    highest = Math.max(highest, score);
  }
  const coverage = all === 0 ? null : present === all ? 100 : (100 * present) / all;
  if (n === 0 || (policy === 'null' && missing.length > 0))
    return { value: null, coverage, contributions: {}, missing, n };
  const base = policy === 'zero' ? all : present;
  // A mean lies among what it is the mean of; rounding must not carry it across the edge of a band.
  const mean = Math.min(highest, base === present ? Math.max(lowest, sum / base) : sum / base);
  const entries = new Map<string, number>();
  for (const { name, weight, score } of components)
    if (score !== null && weight !== 0) entries.set(name, (weight * score) / base);
  return { ...addingUp(mean, entries), coverage, missing, n };
}

/** Exponent of the least double above 0. */
const SMALLEST = -1074;

/**
 * A value and the entries it is the sum of, so that they add up exactly, in whatever order they are added. For `contributions`: sums of
 * doubles depend on the order, and tables come back from a store in another one.
 *
 * All are rounded to one grain, some 2⁻⁵¹ of their sum, of which a double holds every multiple that can occur; what rounding leaves goes to the
 * largest entry. Whole numbers stay as they are.
 */
export function addingUp(
  value: number,
  entries: ReadonlyMap<string, number>,
): { readonly value: number; readonly contributions: Readonly<Record<string, number>> } {
  let size = 0;
  for (const entry of entries.values()) size += Math.abs(entry);
  const grain = 2 ** Math.max(Math.floor(Math.log2(size)) - 51, SMALLEST);
  // Adding 0 makes a 0 of −0.
  const rounded = (number: number) => Math.round(number / grain) * grain + 0;
  const total = rounded(value);
  const contributions: [name: string, points: number][] = [];
  let largest: [name: string, points: number] | null = null;
  let rest = total;
  for (const [name, entry] of entries) {
    const contribution: [string, number] = [name, rounded(entry)];
    contributions.push(contribution);
    rest -= contribution[1];
    if (!largest || Math.abs(contribution[1]) > Math.abs(largest[1])) largest = contribution;
  }
  if (largest) largest[1] += rest;
  return { value: total, contributions: Object.fromEntries(contributions) };
}

/** Insists on weights that total 100 %. Throws `RAPPORT_SDK_CONFIG`. */
export function mustTotal100(pointer: string, weights: readonly number[]): void {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (Math.abs(total - 100) > 1e-9)
    refuseConfig(pointer, `the weights total ${Number(total.toPrecision(12))} %, and must total 100 %.`);
}
