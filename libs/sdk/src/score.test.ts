import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refuseConfig } from './index.js';
import { addingUp, type Component, mustTotal100, weightedMean } from './score.js';

const components = (...given: readonly (readonly [weight: number, score: number | null])[]): Component[] =>
  given.map(([weight, score], i) => ({ name: `c${i}`, weight, score }));
const example = components([50, 80], [20, 50], [20, 100], [10, null]);
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

describe('a weighted mean', () => {
  it('gives the weight of a missing component to the others, with what each of them gave', () => {
    const { value, coverage, contributions, missing } = weightedMean(example, 'reweight');
    expect(value).toBeCloseTo(77.7778, 4);
    expect({ coverage, missing }).toEqual({ coverage: 90, missing: ['c3'] });
    expect(Object.entries(contributions).map(([name, points]) => [name, Number(points.toFixed(3))])).toEqual([
      ['c0', 44.444],
      ['c1', 11.111],
      ['c2', 22.222],
    ]);
  });

  it('counts it as 0, or has no value, as the policy says', () => {
    expect(weightedMean(example, 'zero')).toMatchObject({ value: 70, contributions: { c0: 40, c1: 10, c2: 20 } });
    expect(weightedMean(example, 'null')).toEqual({
      value: null,
      coverage: 90,
      contributions: {},
      missing: ['c3'],
      n: 3,
    });
    expect(weightedMean(example.slice(0, 3), 'null')).toMatchObject({ coverage: 100, missing: [] });
  });

  it.each(['reweight', 'zero', 'null'] as const)('of nothing is nothing: %s', (policy) => {
    expect(weightedMean(components([50, null], [50, null]), policy)).toMatchObject({ value: null, coverage: 0 });
    expect(weightedMean(components([0, 80], [50, null]), policy)).toMatchObject({ value: null, coverage: 0 });
    expect(weightedMean([], policy)).toMatchObject({ value: null, coverage: null, n: 0 });
  });

  it('takes no notice of what has no weight', () => {
    expect(weightedMean(components([50, 80], [0, 10], [0, null]), 'null')).toEqual({
      value: 80,
      coverage: 100,
      contributions: { c0: 80 },
      missing: [],
      n: 1,
    });
  });

  it('is the score where all components have the same, so that no band is missed by a rounding', () => {
    for (const score of [80, 40, 100, 0]) {
      expect(weightedMean(components([0.1, score], [0.2, score], [0.7, score], [0.3, null]), 'reweight').value).toBe(
        score,
      );
    }
  });

  const component = fc.tuple(
    fc.oneof(fc.integer({ min: 0, max: 100 }), fc.double({ min: 1e-3, max: 1e3, noNaN: true })),
    fc.option(fc.oneof(fc.integer({ min: 0, max: 100 }), fc.double({ min: 0, max: 100, noNaN: true })), { freq: 4 }),
  );
  it('is what its contributions add up to, exactly, in any order, and lies within the scores’ range', () => {
    fc.assert(
      fc.property(
        fc.array(component, { maxLength: 12 }),
        fc.constantFrom('reweight' as const, 'zero' as const),
        fc.nat(),
        (given, policy, turn) => {
          const { value, contributions } = weightedMean(components(...given), policy);
          if (value === null) return;
          const points = Object.values(contributions);
          const order = points.map((_, i) => points[(i + turn) % points.length] ?? NaN);
          expect(sum(order)).toBe(value);
          expect(sum(points.toReversed())).toBe(value);
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(100);
        },
      ),
      { numRuns: 500, seed: 1 },
    );
  });
});

describe('numbers that add up', () => {
  it('leaves whole numbers as they are', () => {
    const entries = new Map([
      ['Report Shared', 110],
      ['Report Viewed', 68],
      ['late: Invite Sent', -15],
    ]);
    expect(addingUp(163, entries)).toEqual({ value: 163, contributions: Object.fromEntries(entries) });
    expect(addingUp(0, new Map())).toEqual({ value: 0, contributions: {} });
    expect(addingUp(0, new Map([['a', -0]]))).toEqual({ value: 0, contributions: { a: 0 } });
  });

  it('adds up with entries of both signs and of very different sizes, and changes them by a rounding only', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 }), (numbers) => {
        const size = sum(numbers.map(Math.abs));
        const { value, contributions } = addingUp(sum(numbers), new Map(numbers.map((number, i) => [`e${i}`, number])));
        const points = Object.values(contributions);
        expect(sum(points)).toBe(value);
        expect(sum(points.toSorted((a, b) => a - b))).toBe(value);
        expect(Math.abs(value - sum(numbers))).toBeLessThanOrEqual(size * 1e-14);
        points.forEach((point, i) => {
          expect(Math.abs(point - (numbers[i] ?? NaN))).toBeLessThanOrEqual(size * 1e-14 * numbers.length);
        });
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});

it('refuses a configuration with the place and a sentence', () => {
  expect(() => refuseConfig('/components', 'there is none.')).toThrow(
    'RAPPORT_SDK_CONFIG: /components: there is none.',
  );
  expect(() => {
    mustTotal100('/components', [50, 20, 20]);
  }).toThrow('RAPPORT_SDK_CONFIG: /components: the weights total 90 %, and must total 100 %.');
  expect(() => {
    mustTotal100('/components', [0.1, 0.2, 99.7]);
  }).not.toThrow();
});
