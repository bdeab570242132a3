import { describe, expect, it } from 'vitest';
import { differenceOf, summarize } from './sample.js';

/** Student's own data: extra hours of sleep with two drugs (R's `sleep`). */
const dextro = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
const laevo = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

describe('a sample', () => {
  it('has mean, median, deviation and Student’s interval, as R’s t.test gives them', () => {
    const { n, mean, median, deviation, interval } = summarize(dextro);
    expect(n).toBe(10);
    expect(mean).toBeCloseTo(0.75, 12);
    expect(median).toBeCloseTo(0.35, 12);
    expect(deviation).toBeCloseTo(1.78901, 5);
    // t(0.975; 9) = 2.262157
    const reach = (2.262157 * 1.78901) / Math.sqrt(10);
    expect(interval![0]).toBeCloseTo(0.75 - reach, 5);
    expect(interval![1]).toBeCloseTo(0.75 + reach, 5);
  });

  it.each([
    [2, 12.7062],
    [3, 4.3027],
    [5, 2.7764],
    [11, 2.2281],
    [31, 2.0423],
    [121, 1.9799],
    [100_001, 1.96],
  ])('of %i values reaches %f standard errors to each side, as the printed table says', (n, t) => {
    // Half of the values at −1, half at 1 (one at 0 if odd): mean 0.
    const values = Array.from({ length: n }, (_, i) => (n % 2 === 1 && i === 0 ? 0 : i % 2 === 0 ? 1 : -1));
    const { interval, deviation } = summarize(values);
    expect(interval![1] / (deviation! / Math.sqrt(n))).toBeCloseTo(t, 3);
  });

  it('says nothing about spread from one value, and nothing at all from none', () => {
    expect(summarize([4])).toEqual({ n: 1, mean: 4, median: 4, interval: null, deviation: null });
    expect(summarize([])).toEqual({ n: 0, mean: null, median: null, interval: null, deviation: null });
    expect(summarize([3, 3, 3])).toEqual({ n: 3, mean: 3, median: 3, interval: null, deviation: 0 });
    expect(summarize([0, 0])).toEqual({ n: 2, mean: 0, median: 0, interval: null, deviation: 0 });
    // Nor does noise in the last digits.
    expect(summarize([0.3, 0.1 + 0.2]).interval).toBeNull();
  });

  it('is the same to the last bit in any order', () => {
    const values = Array.from({ length: 500 }, (_, i) => ((i * 7919) % 1000) / 7);
    expect(summarize(values)).toEqual(summarize([...values].reverse()));
  });
});

describe('a difference of means', () => {
  it('has Welch’s interval, as R’s t.test(extra ~ group, data = sleep) gives it', () => {
    const { difference, interval } = differenceOf(summarize(dextro), summarize(laevo));
    expect(difference).toBeCloseTo(1.58, 12);
    expect(interval![0]).toBeCloseTo(-0.2054832, 6);
    expect(interval![1]).toBeCloseTo(3.3654832, 6);
  });

  it('turns its sign with the order', () => {
    const [one, two] = [summarize(dextro), summarize(laevo)];
    const [there, back] = [differenceOf(one, two), differenceOf(two, one)];
    expect(back.difference).toBe(-there.difference!);
    expect(back.interval![0]).toBeCloseTo(-there.interval![1], 12);
  });

  it('has no interval where one side has less than two values, or where nothing tells the spread', () => {
    expect(differenceOf(summarize([1]), summarize([2, 4]))).toEqual({ difference: 2, interval: null });
    expect(differenceOf(summarize([]), summarize([2, 4]))).toEqual({ difference: null, interval: null });
    expect(differenceOf(summarize([1, 1]), summarize([2, 2]))).toEqual({ difference: 1, interval: null });
    expect(differenceOf(summarize([70, 70]), summarize([70, 70 + 1e-14])).interval).toBeNull();
    // A spread on one side is enough, as in R: t.test(c(2, 3), c(1, 1)).
    const [low, high] = differenceOf(summarize([1, 1]), summarize([2, 3])).interval!;
    expect(low).toBeCloseTo(1.5 - 12.7062 * 0.5, 3);
    expect(high).toBeCloseTo(1.5 + 12.7062 * 0.5, 3);
  });
});
