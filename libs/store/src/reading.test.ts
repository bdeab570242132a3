import { describe, expect, it } from 'vitest';
import { ownValue, read, readKey, readNumber, readText, readTime } from './reading.js';

describe('readTime', () => {
  it.each([
    ['2024-02-29', Date.UTC(2024, 1, 29)],
    ['2024-02-29T12:30:15', Date.UTC(2024, 1, 29, 12, 30, 15)],
    ['2024-02-29T12:30:15Z', Date.UTC(2024, 1, 29, 12, 30, 15)],
    ['2024-02-29T12:30:15.5Z', Date.UTC(2024, 1, 29, 12, 30, 15, 500)],
    ['2024-02-29T12:30:15.123+05:45', Date.UTC(2024, 1, 29, 6, 45, 15, 123)],
    ['2024-02-29T00:00:00-05:00', Date.UTC(2024, 1, 29, 5)],
    ['0000-01-01', -62_167_219_200_000],
    ['9999-12-31T23:59:59.999Z', 253_402_300_799_999],
    [1_700_000_000_000, 1_700_000_000_000],
    [1.9, 1],
    [-1.1, -2],
    [0, 0],
  ])('reads %s', (value, expected) => {
    expect(readTime(value)).toBe(expected);
  });

  it.each([
    '2023-02-29',
    '2024-13-01',
    '2024-00-10',
    '2024-01-32',
    '2024-1-1',
    '24-01-01',
    '',
    ' 2024-01-01',
    '2024-01-01 12:00:00',
    '2024-01-01T12:00',
    '2024-01-01T24:00:00Z',
    '2024-01-01T12:60:00Z',
    '2024-01-01T12:00:60Z',
    '2024-01-01T12:00:00.1234Z',
    '2024-01-01T12:00:00z',
    '2024-01-01T12:00:00+5',
    '2024-01-01T12:00:00+24:00',
    '2024-01-01Z',
    '1700000000000',
    'soon',
    '0000-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    1e300,
    -1e300,
    NaN,
    Infinity,
    null,
    undefined,
    true,
    [],
    {},
  ])('takes %s for missing', (value) => {
    // prettier-ignore
    expect(readTime(value)).toBeNull();
  });
});

it('reads only finite JSON numbers as numbers', () => {
  expect([1, 0, -2.5, 1e21].map(readNumber)).toEqual([1, 0, -2.5, 1e21]);
  expect(Object.is(readNumber(-0), 0)).toBe(true);
  expect(['1', true, null, undefined, [], {}, NaN, Infinity].map(readNumber)).toEqual(Array(8).fill(null));
});

it('reads only strings as text', () => {
  expect(['', 'é', 1, true, null, undefined, [], {}].map(readText)).toEqual([
    '',
    'é',
    null,
    null,
    null,
    null,
    null,
    null,
  ]);
});

it('reads every scalar as a key', () => {
  expect(['', '12', 12, 0.1, -0, 1e21, 1e-7, true, false].map(readKey)).toEqual([
    '',
    '12',
    '12',
    '0.1',
    '0',
    '1e+21',
    '1e-7',
    'true',
    'false',
  ]);
  expect([null, undefined, [], {}, NaN].map(readKey)).toEqual([null, null, null, null, null]);
});

it('reaches own properties only', () => {
  expect(ownValue({}, 'constructor')).toBeUndefined();
  expect(ownValue({}, '__proto__')).toBeUndefined();
  expect(ownValue(Object.fromEntries([['__proto__', 1]]), '__proto__')).toBe(1);
});

it('reads as asked', () => {
  expect([read('2024-01-01', 'number'), read('2024-01-01', 'text'), read('2024-01-01', 'time')]).toEqual([
    null,
    '2024-01-01',
    Date.UTC(2024, 0, 1),
  ]);
});
