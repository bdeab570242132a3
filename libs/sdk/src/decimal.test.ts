import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asDecimal, decimalPlaces, NO_DECIMAL, total } from './decimal.js';

describe('a total', () => {
  it('is exact to the cent, where adding doubles is not', () => {
    const prices = Array.from({ length: 4000 }, (_, i) => ((i * 37) % 3860) / 100);
    const cents = prices.reduce((sum, price) => sum + Math.round(price * 100), 0);
    expect(prices.reduce((sum, price) => sum + price, 0)).not.toBe(cents / 100);
    expect(total(prices)).toBe(cents / 100);
    expect(total([0.1, 0.2])).toBe(0.3);
    expect(total([77.1, -33.3])).toBe(43.8);
  });

  it('of decimals is their decimal sum, in any order and grouping', () => {
    const amount = fc.tuple(fc.integer({ min: -1e5, max: 1e5 }), fc.constantFrom(1, 10, 100, 1000, 1e5, 1e8));
    fc.assert(
      fc.property(fc.array(amount, { maxLength: 50 }), fc.nat(50), (amounts, at) => {
        const values = amounts.map(([units, scale]) => units / scale);
        const exact = amounts.reduce((sum, [units, scale]) => sum + BigInt(units) * BigInt(1e8 / scale), 0n);
        fc.pre(values.reduce((sum, value) => sum + Math.abs(value), 0) * 1e8 < 1e15);
        const expected = Number(exact) / 1e8;
        expect(total(values)).toBe(expected + 0);
        expect(total(values.toReversed())).toBe(expected + 0);
        const [one, two] = [values.slice(0, at), values.slice(at)];
        expect(total([total(one), total(two)])).toBe(expected + 0);
      }),
    );
  });

  it('of other numbers is the same in any order, and nothing for none', () => {
    const thirds = Array.from({ length: 999 }, (_, i) => ((i * 7919) % 1000) / 7 - 40);
    expect(total(thirds)).toBe(total(thirds.toReversed()));
    expect(total(thirds)).toBeCloseTo(
      thirds.reduce((sum, each) => sum + each, 0),
      6,
    );
    expect(total([])).toBe(0);
    expect(Object.is(total([-0, -0]), 0)).toBe(true);
  });

  it('keeps what 15 digits do not hold', () => {
    expect(total([2 ** 53 - 1])).toBe(2 ** 53 - 1);
    expect(total([1 / 3])).toBe(1 / 3);
    expect(total([1e21, 0.1])).toBe(1e21);
  });
});

it.each([
  [0, 0],
  [-12, 0],
  [0.1, 2],
  [77183.6, 2],
  [0.0007, 4],
  [-0.123456, 6],
  [1e-8, 8],
  [1e15, 0],
  [1e13 + 0.25, NO_DECIMAL],
  [1e-9, NO_DECIMAL],
  [1 / 3, NO_DECIMAL],
  [0.1 + 0.2, NO_DECIMAL],
])('%d has %d decimal places', (value, places) => {
  expect(decimalPlaces(value)).toBe(places);
});

it('a sum is rounded to the places of its values, and not where they are no decimals', () => {
  expect(asDecimal(77183.60000000002, 2)).toBe(77183.6);
  expect(asDecimal(77183.60000000002, NO_DECIMAL)).toBe(77183.60000000002);
});
