/*
 * A counter-based generator: every draw follows from the seed and the place it is drawn for (stream, account, day, user), so
 * nothing about the past has to be kept in order to draw it again.
 */

/** Mixes one more number into a hash. */
export function mix(hash: number, value: number): number {
  let t = Math.imul(hash ^ value, 0x9e3779b1);
  t = Math.imul(t ^ (t >>> 16), 0x21f0aaad);
  t = Math.imul(t ^ (t >>> 15), 0x735a2d97);
  return t ^ (t >>> 15);
}

/** Uniform number in [0, 1) of a hash. */
export const share = (hash: number): number => (hash >>> 0) / 4_294_967_296;

/** A sequence of draws that begins at a hash. */
export interface Dice {
  /** Begins again at that hash. */
  place(hash: number): void;
  /** Uniform in [0, 1). */
  uniform(): number;
  /** True with that probability. */
  chance(probability: number): boolean;
  /** Whole number in [0, n). */
  below(n: number): number;
  /** Standard normal. */
  normal(): number;
  /** Exponential with that mean. */
  exponential(mean: number): number;
  pick<T>(from: readonly [T, ...T[]]): T;
}

export function dice(): Dice {
  let state = 0;
  const uniform = () => {
    state = (state + 0x9e3779b9) | 0;
    let t = state ^ (state >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return ((t ^ (t >>> 15)) >>> 0) / 4_294_967_296;
  };
  return {
    place: (hash) => {
      state = hash;
    },
    uniform,
    chance: (probability) => uniform() < probability,
    below: (n) => Math.floor(uniform() * n),
    // Sum of four uniforms: near enough to a bell, and the same bits on every machine (no logarithm, no cosine).
    normal: () => (uniform() + uniform() + uniform() + uniform() - 2) * 1.7320508,
    exponential: (mean) => -mean * Math.log(1 - uniform()),
    pick: (from) => from[Math.floor(uniform() * from.length)] ?? from[0],
  };
}
