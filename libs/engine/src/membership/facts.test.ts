import { describe, expect, it } from 'vitest';
import { evaluate, usesOf } from '@rapport/rules';
import { utc } from '@rapport/sdk/time';
import { numberColumn, textColumn } from '@rapport/store';
import { factTable } from './facts.js';

describe('the facts of a subject', () => {
  const due = '2026-01-01';
  const table = factTable(
    {
      frame: { subjects: ['a'], columns: [textColumn([JSON.stringify(due)]), textColumn([due]), textColumn([due])] },
      traits: new Map([['json due', 0], ['text due', 1], ['text other', 2]]),
      results: { level: { kind: 'account' }, subjects: ['a'], columns: { last: numberColumn([2e12]), first: numberColumn([1e12]) } },
    },
    new Map([['a', { due, other: due }]]),
  ); // prettier-ignore

  it('are told as they are in the data, also where they are read as a time', () => {
    const condition = { fact: 'trait.due', operator: 'after', value: '2020-01-01' };
    expect(table.factsAt(usesOf(condition), 0)).toEqual({ 'trait.due': due });
  });

  it.each([
    ['trait.due', 'equal', 'trait.other', { 'trait.due': due, 'trait.other': due }],
    ['last', 'greaterThan', 'first', { last: 2e12, first: 1e12 }],
  ])('decide the same again where %s is read in two ways', (fact, operator, other, facts) => {
    const condition = {
      all: [
        { fact, operator: 'after', value: '1970-01-02' },
        { fact, operator, value: { fact: other } },
      ],
    };
    expect(table.factsAt(usesOf(condition), 0)).toEqual(facts);
    expect(evaluate(condition, facts, { at: 0, zone: utc })).toBe(true);
  });
});
