import { total } from '@rapport/sdk';
import jStat from 'jstat';

/** Least and greatest value of a confidence interval. */
export type Interval = readonly [low: number, high: number];

/** What is known of a sample of values. */
export interface SampleSummary {
  readonly n: number;
  /** Null for an empty sample. */
  readonly mean: number | null;
  /** 95 % confidence interval of the mean, by Student's t. Null below two values, and where all are equal: they say nothing about the spread. */
  readonly interval: Interval | null;
  /** Mean of the two in the middle where their number is even. Null for an empty sample. */
  readonly median: number | null;
  /** Standard deviation of the sample (divided by n − 1). Null below two values. */
  readonly deviation: number | null;
}

/** Share on each side of a two-sided 95 % interval's upper end. */
const UPPER = 0.975;

/** Size, mean with its 95 % interval, median and deviation of a sample. The order of the values does not matter, to the last bit. */
export function summarize(sample: readonly number[]): SampleSummary {
  const values = Float64Array.from(sample).sort();
  const n = values.length;
  if (n === 0) return { n, mean: null, interval: null, median: null, deviation: null };
  const at = (i: number) => values[i] ?? 0;
  const mean = total(values) / n;
  const median = n % 2 === 1 ? at((n - 1) / 2) : (at(n / 2 - 1) + at(n / 2)) / 2;
  if (n === 1) return { n, mean, interval: null, median, deviation: null };
  const deviation = Math.sqrt(total(values.map((value) => (value - mean) ** 2)) / (n - 1));
  return { n, mean, interval: around(mean, deviation / Math.sqrt(n), n - 1, Math.abs(mean)), median, deviation };
}

/** The difference of two means. */
export interface Difference {
  /** Mean of the second sample less that of the first; null when one of them is empty. */
  readonly difference: number | null;
  /** 95 % confidence interval of the difference, by Welch's t; null when one of the samples has fewer than two values, or neither has any spread. */
  readonly interval: Interval | null;
}

/**
 * How much greater the second sample's mean is, with Welch's 95 % interval: the samples may differ in size and in spread. An interval without 0 in it says that the
 * difference is more than chance.
 *
 * Source: Welch 1947, degrees of freedom by Satterthwaite's equation.
 */
export function differenceOf(first: SampleSummary, second: SampleSummary): Difference {
  if (first.mean === null || second.mean === null) return { difference: null, interval: null };
  const difference = second.mean - first.mean;
  if (first.deviation === null || second.deviation === null) return { difference, interval: null };
  const [a, b] = [first.deviation ** 2 / first.n, second.deviation ** 2 / second.n];
  const size = Math.max(Math.abs(first.mean), Math.abs(second.mean));
  const freedom = (a + b) ** 2 / (a ** 2 / (first.n - 1) + b ** 2 / (second.n - 1));
  return { difference, interval: around(difference, Math.sqrt(a + b), freedom, size) };
}

/**
 * Values that are all the same, as in two small groups, do not tell how far others would be from them: they have no interval, rather than one without
 * width. What counts as the same is what R's `t.test` calls essentially constant.
 */
function around(centre: number, standardError: number, degreesOfFreedom: number, size: number): Interval | null {
  if (standardError <= 10 * Number.EPSILON * size) return null;
  const reach = jStat.studentt.inv(UPPER, degreesOfFreedom) * standardError;
  return [centre - reach, centre + reach];
}
