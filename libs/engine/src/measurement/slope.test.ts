import { describe, expect, it } from 'vitest';
import { numberColumn } from '@rapport/store';
import { slopeOf, slopes } from './slope.js';

describe('a slope', () => {
  it('is the growth per day of the least-squares line', () => {
    expect(slopeOf([20, 21, 22, 23].map((day) => ({ day, value: 3 * day - 7 })))).toBe(3);
    // Days −1.5 … 1.5 from the middle, values 1, 2, 2, 5: (−1.5·−1.5 + −0.5·−0.5 + 0.5·−0.5 + 1.5·2.5) / 5 = 6/5.
    expect(slopeOf([1, 2, 2, 5].map((value, day) => ({ day, value })))).toBeCloseTo(1.2, 12);
  });

  it('lets days without a value out, and counts the days between', () => {
    const points = [
      { day: 19_000, value: 10 },
      { day: 19_001, value: null },
      { day: 19_004, value: 12 },
    ];
    expect(slopeOf(points)).toBe(0.5);
  });

  it('is null below two points', () => {
    expect(slopeOf([])).toBeNull();
    expect(slopeOf([{ day: 1, value: 1 }])).toBeNull();
    expect(slopeOf([{ day: 1, value: 1 }, { day: 2, value: null }])).toBeNull(); // prettier-ignore
    expect(slopeOf([{ day: 1, value: 1 }, { day: 1, value: 2 }])).toBeNull(); // prettier-ignore
  });

  it('comes for all subjects at once, in their order', () => {
    const column = slopes(
      ['a', 'b', 'c', 'd'],
      [
        { day: 3, subjects: ['d', 'b', 'a', 'gone'], values: numberColumn([1, 5, null, 9]) },
        { day: 1, subjects: ['a', 'b', 'd'], values: numberColumn([2, 1, 4]) },
      ],
    );
    expect(column).toEqual(numberColumn([null, 2, null, -1.5]));
  });
});
