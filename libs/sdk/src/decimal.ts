/*
 * Sums of money. A price of 0.1 is a double that is not quite 0.1, and thousands of them add up to 77183.60000000002. Where all values are decimals,
 * so is their sum, and it is found exactly.
 */

/** Decimal places that are looked for, and ten to that power. */
export const DECIMAL_SCALES = [
  [0, 1],
  [2, 1e2],
  [4, 1e4],
  [6, 1e6],
  [8, 1e8],
] as const;
/** `decimalPlaces` of a number that is no decimal of up to 8 places. */
export const NO_DECIMAL = 99;
/** Doubles hold every decimal of 15 digits. */
export const MOST_UNITS = 1e15;

/** 0, 2, 4, 6 or 8: so many decimal places write the number exactly, in 15 digits at most. `NO_DECIMAL` where none of them do. */
export function decimalPlaces(value: number): number {
  for (const [places, scale] of DECIMAL_SCALES) {
    const units = Math.round(value * scale);
    if (units / scale === value) return Math.abs(units) <= MOST_UNITS ? places : NO_DECIMAL;
  }
  return NO_DECIMAL;
}

/**
 * A sum without the noise of floating point: the nearest decimal with so many places. For a sum that was added up in some order, of values with at most that
 * many; with `NO_DECIMAL`, or beyond 15 digits, the sum as it is.
 */
export function asDecimal(sum: number, places: number): number {
  const scale = DECIMAL_SCALES.find(([known]) => known >= places)?.[1];
  if (scale === undefined) return sum;
  const units = Math.round(sum * scale);
  // Adding 0 makes a 0 of −0.
  return Math.abs(units) <= MOST_UNITS ? units / scale + 0 : sum;
}

/**
 * Sum of numbers, the same in any order; 0 for none. Exact where the values are decimals of up to 8 places, as amounts of money are, and have 15 digits at most
 * when they are added regardless of sign: `total([0.1, 0.2])` is 0.3. Other values are added in ascending order by Kahan's summation.
 */
export function total(values: Iterable<number>): number {
  const all = Float64Array.from(values);
  let places = 0;
  for (const value of all) places = Math.max(places, decimalPlaces(value));
  return asDecimal(kahanSum(all.sort()), places);
}

function kahanSum(ascending: Float64Array): number {
  let sum = 0;
  let error = 0;
  for (const value of ascending) {
    const corrected = value - error;
    const next = sum + corrected;
    error = next - sum - corrected;
    sum = next;
  }
  return sum;
}
