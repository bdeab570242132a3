import type { Condition } from '@rapport/sdk';
import { dateOf, readDay, zone, type Moment } from '@rapport/sdk/time';
import { timeReadings } from '@rapport/sdk/time-readings';
import { describe, expect, it } from 'vitest';
import { columnar, verdictAt } from './columnar.js';
import { evaluate } from './condition.js';
import { nearestMiss } from './nearest-miss.js';
import { testOf, type Verdict } from './operator.js';
import { trace } from './trace.js';
import { runTests } from './verdict.js';

/** The verdict of a leaf on one value, in every way that there is to ask for it. */
function asked(operator: string, value: unknown, fact: unknown, now: Moment): Verdict {
  const rule: Condition = { fact: 't', operator, value };
  const [one] = columnar([rule], now).evaluate(1, () => () => fact);
  const [coded] = columnar([rule], now).evaluate(1, () => ({
    type: 'value',
    codes: Int32Array.of(0),
    dictionary: [fact],
  }));
  const verdicts = [
    evaluate(rule, { t: fact }, now),
    testOf(operator, value, now)(fact),
    trace(rule, { t: fact }, now).verdict,
    one && verdictAt(one, 0),
    coded && verdictAt(coded, 0),
  ];
  expect(new Set(verdicts).size, JSON.stringify([operator, value, fact, verdicts])).toBe(1);
  return verdicts[0] ?? null;
}

const iso = (at: number) => new Date(at).toISOString();

describe('a fact', () => {
  it.each(timeReadings)('$value in $zone is of kind $kind, from $from', ({ value, zone: name, kind, from, until }) => {
    const now = { at: 0, zone: zone(name) };
    const is = (operator: string, threshold: unknown) => asked(operator, threshold, value, now);
    if (kind === null) {
      expect([is('after', '2000-01-01'), is('withinNext', '1d'), is('between', ['2000-01-01', '3000-01-01'])]).toEqual([
        null,
        null,
        null,
      ]);
    } else if (kind === 'instant') {
      const at = Date.parse(from ?? '');
      expect([is('before', iso(at)), is('after', iso(at))]).toEqual([false, false]);
      expect([is('before', iso(at + 1)), is('after', iso(at - 1)), is('between', [iso(at), iso(at)])]).toEqual([
        true,
        true,
        true,
      ]);
    } else {
      const day = readDay(String(value)) ?? 0;
      expect([is('before', value), is('after', value), is('between', [value, value])]).toEqual([false, false, true]);
      expect([is('before', dateOf(day + 1)), is('after', dateOf(day - 1))]).toEqual([true, true]);
      // With an instant it is compared by the day that this is in.
      const length = Date.parse(until ?? '') - Date.parse(from ?? '');
      for (const inside of length > 0 ? [from, iso(Date.parse(until ?? '') - 1)] : [])
        expect([is('before', inside), is('after', inside), is('lessThanInclusive', inside)]).toEqual([false, false, true]); // prettier-ignore
      expect([is('before', until), is('after', iso(Date.parse(from ?? '') - 1))]).toEqual([true, true]);
    }
  });
});

describe.each(['America/Los_Angeles', 'Pacific/Kiritimati', 'Europe/Berlin', 'Asia/Kathmandu', 'UTC'])(
  'in %s',
  (name) => {
    const its = zone(name);
    const day = readDay('2026-03-29') ?? 0;
    const start = its.startOfDay(day);
    const over = its.startOfDay(day + 1);
    const is = (operator: string, value: string, at: number, fact = dateOf(day)) =>
      asked(operator, value, fact, { at, zone: its });

    it('a day is due until it is over, and then it is past', () => {
      for (const at of [start, start + 1, over - 1]) {
        expect([is('withinNext', '1d', at), is('withinLast', '30d', at)]).toEqual([true, false]);
      }
      expect([is('withinNext', '1d', over), is('withinLast', '30d', over)]).toEqual([false, true]);
    });

    it('days ahead and days past are counted as days', () => {
      const first = its.startOfDay(day - 10);
      expect([is('withinNext', '10d', first - 1), is('withinNext', '10d', first)]).toEqual([false, true]);
      const last = its.startOfDay(day + 11);
      expect([is('withinLast', '10d', last - 1), is('withinLast', '10d', last)]).toEqual([true, false]);
    });

    it('an instant is due to the millisecond', () => {
      const at = start + 3_600_000;
      const due = (now: number) => [is('withinNext', '1d', now, iso(at)), is('withinLast', '1d', now, iso(at))];
      expect([at - 86_400_001, at - 86_400_000, at - 1, at, at + 1, at + 86_400_000, at + 86_400_001].map(due)).toEqual(
        [
          [false, false],
          [true, false],
          [true, false],
          [true, true],
          [false, true],
          [false, true],
          [false, false],
        ],
      );
    });

    it('an instant is compared with a date by its day', () => {
      const of = (at: number) =>
        ['before', 'lessThanInclusive', 'greaterThanInclusive', 'after'].map((operator) =>
          is(operator, dateOf(day), 0, iso(at)),
        );
      expect(of(start - 1)).toEqual([true, true, false, false]);
      for (const at of [start, over - 1]) expect(of(at)).toEqual([false, true, true, false]);
      expect(of(over)).toEqual([false, false, true, true]);
    });

    it('two facts are compared as one with a value', () => {
      const rule: Condition = { fact: 'a', operator: 'before', value: { fact: 'b' } };
      const before = (a: unknown, b: unknown) => evaluate(rule, { a, b }, { at: 0, zone: its });
      expect([before(dateOf(day), dateOf(day)), before(dateOf(day - 1), dateOf(day))]).toEqual([false, true]);
      expect([before(dateOf(day), iso(over - 1)), before(dateOf(day), iso(over))]).toEqual([false, true]);
      expect([before(iso(start - 1), dateOf(day)), before(start, dateOf(day)), before('soon', dateOf(day))]).toEqual([
        true,
        false,
        null,
      ]);
    });

    it('the nearest miss of a day is a day', () => {
      const rule: Condition = { fact: 't', operator: 'withinNext', value: '5d' };
      expect(nearestMiss(rule, { t: dateOf(day + 9) }, { at: start, zone: its })).toMatchObject({
        wanted: dateOf(day + 5),
        distance: 4 / 5,
      });
      expect(nearestMiss(rule, { t: dateOf(day - 1) }, { at: over - 1, zone: its })?.wanted).toBe(dateOf(day));
    });

    it('a document’s test reads times as the rule does, and its date is the end of that day', () => {
      const test = (asOf: string, expect: 'in' | 'out') => ({ name: asOf, facts: { 'trait.due': dateOf(day) }, asOf, expect }); // prettier-ignore
      const tests = [
        test(dateOf(day - 1), 'in'),
        test(iso(start), 'in'),
        test(iso(over - 1), 'in'),
        test(dateOf(day), 'out'),
        test(iso(over), 'out'),
      ];
      const enter = { fact: 'trait.due', operator: 'withinNext', value: '1d' };
      expect(runTests({ kind: 'segment', id: 's', title: 'S', subject: 'account', enter, tests }, its)).toEqual([]);
    });
  },
);
