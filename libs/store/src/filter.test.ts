import { allOf, anyOf, atLeast, below, equal, exists, not, oneOf, type Where } from '@rapport/sdk';
import { describe, expect, it } from 'vitest';
import { compareCodePoints, compareCodeUnits, compileFilter, compileWhere } from './filter.js';
import type { Properties } from './message.js';

describe('a condition', () => {
  it.each<[string, Where, Properties, boolean]>([
    ['equal number', equal('a', 1), { a: 1 }, true],
    ['equal is strict about types', equal('a', 1), { a: '1' }, false],
    ['equal on a missing property', equal('a', 1), {}, false],
    ['not equal on a missing property', not(equal('a', 1)), {}, true],
    ['in', oneOf('a', [1, 'x', true]), { a: 'x' }, true],
    ['in, another type', oneOf('a', [1, 'x']), { a: true }, false],
    ['in nothing', oneOf('a', []), { a: 1 }, false],
    ['in, missing', oneOf('a', [1]), {}, false],
    ['less than', below('a', 2), { a: 1 }, true],
    ['less than, at the edge', below('a', 2), { a: 2 }, false],
    ['less than, text against number', below('a', 2), { a: '1' }, false],
    ['at least, text', atLeast('a', 'b'), { a: 'b' }, true],
    ['at least, null', atLeast('a', 0), { a: null }, false],
    ['booleans have no order', { property: 'a', operator: 'greaterThan', value: false }, { a: true }, false],
    ['exists, false value', exists('a'), { a: false }, true],
    ['exists, list', exists('a'), { a: [] }, true],
    ['exists, null', exists('a'), { a: null }, false],
    ['inherited properties are not there', exists('toString'), {}, false],
    ['own __proto__', equal('__proto__', 1), Object.fromEntries([['__proto__', 1]]), true],
    ['all of nothing', allOf(), {}, true],
    ['any of nothing', anyOf(), {}, false],
    ['nested', allOf(anyOf(equal('a', 1), equal('a', 2)), not(exists('b'))), { a: 2 }, true],
  ])('%s', (_, where, properties, expected) => {
    expect(compileWhere(where)(properties)).toBe(expected);
  });
});

it('takes any of the named events, and every name when none is named', () => {
  expect(compileFilter({})('Any', {})).toBe(true);
  expect(compileFilter({ events: [] })('Any', {})).toBe(false);
  expect(compileFilter({ events: ['A', 'B'], where: exists('x') })('B', { x: 1 })).toBe(true);
  expect(compileFilter({ events: ['A', 'B'], where: exists('x') })('B', {})).toBe(false);
});

it('orders text by code point or by code unit', () => {
  const texts = ['\u{1F4BC}', '\uFF5E', 'b', 'a', '', 'ab'];
  expect([...texts].sort(compareCodePoints)).toEqual(['', 'a', 'ab', 'b', '\uFF5E', '\u{1F4BC}']);
  expect([...texts].sort(compareCodeUnits)).toEqual(['', 'a', 'ab', 'b', '\u{1F4BC}', '\uFF5E']);
  expect([...texts].sort(compareCodePoints)).toEqual(
    [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
});
