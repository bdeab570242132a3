import { describe, expect, it } from 'vitest';
import { utc, zone } from '@rapport/sdk/time';
import { timeReadings } from '@rapport/sdk/time-readings';
import type { Json } from './message.js';
import { ownValue, read, readKey, readNumber, readText } from './reading.js';

describe('times', () => {
  it.each(timeReadings)('$value in $zone is $from', ({ value, zone: name, from }) => {
    expect(read(value, 'time', zone(name))).toBe(from === null ? null : Date.parse(from));
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
  const asked = (value: Json | undefined) =>
    (['number', 'text', 'time', 'json'] as const).map((as) => read(value, as, utc));
  expect(asked('2024-01-01')).toEqual([null, '2024-01-01', Date.UTC(2024, 0, 1), '"2024-01-01"']);
  expect(asked(2)).toEqual([2, null, 2, '2']);
  expect(asked({ a: [1] })).toEqual([null, null, null, '{"a":[1]}']);
  expect([asked(null), asked(undefined)]).toEqual(Array(2).fill([null, null, null, null]));
});
