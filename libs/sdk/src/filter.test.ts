import { expect, it } from 'vitest';
import { allOf, anyOf, atLeast, atMost, below, equal, exists, narrowedTo, not, oneOf } from './index.js';

it('builds conditions as plain data', () => {
  expect(equal('plan', 'pro')).toEqual({ property: 'plan', operator: 'equal', value: 'pro' });
  expect(oneOf('plan', ['pro', 'team'])).toEqual({ property: 'plan', operator: 'in', value: ['pro', 'team'] });
  expect(atLeast('score', 4)).toEqual({ property: 'score', operator: 'greaterThanInclusive', value: 4 });
  expect(atMost('score', 5)).toEqual({ property: 'score', operator: 'lessThanInclusive', value: 5 });
  expect(below('score', 7)).toEqual({ property: 'score', operator: 'lessThan', value: 7 });
  expect(exists('ticketId')).toEqual({ property: 'ticketId', operator: 'exists' });
});

it('nests them', () => {
  const condition = allOf(anyOf(equal('a', 1), not(exists('b'))), atLeast('c', 2));
  expect(condition).toEqual({
    all: [
      {
        any: [{ property: 'a', operator: 'equal', value: 1 }, { not: { property: 'b', operator: 'exists' } }],
      },
      { property: 'c', operator: 'greaterThanInclusive', value: 2 },
    ],
  });
  expect(JSON.parse(JSON.stringify(condition))).toEqual(condition);
});

it('names events, where no name is every event', () => {
  expect(narrowedTo(['Signed In', 'Feature Used'])).toEqual({ events: ['Signed In', 'Feature Used'] });
  expect(narrowedTo([])).toEqual({});
});
