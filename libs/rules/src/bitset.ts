import type { Verdict } from './operator.js';

/*
 * The tight loops of the columnar predicate. Verdicts on subjects travel as two bitsets, 32 subjects a word: the bits of those for whom it is
 * true, and of those for whom it is unknown; no subject has both. Bits past the last subject may be anything.
 */

export interface VerdictBits {
  readonly holds: Uint32Array;
  readonly unknown: Uint32Array;
}

/** Words for so many bits. */
export const wordsOf = (count: number): number => (count + 31) >>> 5;

export const hasBit = (bits: Uint32Array, i: number): boolean => (((bits[i >>> 5] ?? 0) >>> (i & 31)) & 1) === 1;

/** Where a number column has no value: null, or not finite. */
export function unknownNumbers(
  values: Float64Array,
  valid: Uint8Array,
  start: number,
  count: number,
  unknown: Uint32Array,
): void {
  const stop = start + count;
  for (let w = 0, i = start; i < stop; w++) {
    const end = Math.min(i + 32, stop);
    let bits = 0;
    for (let b = 0; i < end; i++, b++) {
      const value = values[i] as number;
      // A finite number less itself is 0; of any other it is NaN.
      bits |= ((valid[i] as number) & Number(value - value === 0)) << b;
    }
    unknown[w] = ~bits;
  }
}

/** Which known numbers lie within `from … to`, both included; or which do not. No branch depends on the data, so none is mispredicted. */
export function numbersWithin(
  values: Float64Array,
  start: number,
  count: number,
  { from, to, inside }: { readonly from: number; readonly to: number; readonly inside: boolean },
  { holds, unknown }: VerdictBits,
): void {
  const stop = start + count;
  const turn = inside ? 0 : -1;
  for (let w = 0, i = start; i < stop; w++) {
    const end = Math.min(i + 32, stop);
    let bits = 0;
    for (let b = 0; i < end; i++, b++) {
      const value = values[i] as number;
      bits |= (Number(from <= value) & Number(value <= to)) << b;
    }
    holds[w] = (bits ^ turn) & ~(unknown[w] as number);
  }
}

/** What a table of verdicts holds. `FAILED` is unknown too. */
export const FALSE = 0;
export const TRUE = 1;
export const UNKNOWN = 2;
export const FAILED = 6;

export const codeOf = (verdict: Verdict): number => (verdict === null ? UNKNOWN : verdict ? TRUE : FALSE);

/** Looks each code up in a table that begins with the verdict on −1. Returns all entries met, or-ed. */
export function lookedUp(
  codes: Int32Array,
  start: number,
  count: number,
  table: Uint8Array,
  { holds, unknown }: VerdictBits,
): number {
  const stop = start + count;
  let met = 0;
  for (let w = 0, i = start; i < stop; w++) {
    const end = Math.min(i + 32, stop);
    let yes = 0;
    let none = 0;
    for (let b = 0; i < end; i++, b++) {
      const entry = table[(codes[i] as number) + 1] as number;
      met |= entry;
      yes |= (entry & 1) << b;
      none |= ((entry >>> 1) & 1) << b;
    }
    holds[w] = yes;
    unknown[w] = none;
  }
  return met;
}

/** Sets the bits of `count` subjects from one verdict code each. */
export function gathered(count: number, codeAt: (i: number) => number, { holds, unknown }: VerdictBits): void {
  for (let w = 0, i = 0; i < count; w++) {
    const end = Math.min(i + 32, count);
    let yes = 0;
    let none = 0;
    for (let b = 0; i < end; i++, b++) {
      const code = codeAt(i);
      yes |= (code & 1) << b;
      none |= ((code >>> 1) & 1) << b;
    }
    holds[w] = yes;
    unknown[w] = none;
  }
}

/** Kleene's `all` over the first `words` words. */
export function allOf(words: number, children: readonly VerdictBits[], { holds, unknown }: VerdictBits): void {
  for (let w = 0; w < words; w++) {
    let yes = -1;
    let notFalse = -1;
    for (const child of children) {
      const bits = child.holds[w] as number;
      yes &= bits;
      notFalse &= bits | (child.unknown[w] as number);
    }
    holds[w] = yes;
    unknown[w] = notFalse & ~yes;
  }
}

/** Kleene's `any`. */
export function anyOf(words: number, children: readonly VerdictBits[], { holds, unknown }: VerdictBits): void {
  for (let w = 0; w < words; w++) {
    let yes = 0;
    let none = 0;
    for (const child of children) {
      yes |= child.holds[w] as number;
      none |= child.unknown[w] as number;
    }
    holds[w] = yes;
    unknown[w] = none & ~yes;
  }
}

/** Kleene's `not`: what is unknown stays so. */
export function notOf(words: number, child: VerdictBits, holds: Uint32Array): void {
  for (let w = 0; w < words; w++) holds[w] = ~((child.holds[w] as number) | (child.unknown[w] as number));
}
