import {
  calendar,
  count,
  endOf,
  firstDays,
  fold,
  last,
  lastComplete,
  lifetime,
  preceding,
  since,
  startOf,
  trait,
  type Window,
} from '@rapport/sdk';
import { describe, expect, it } from 'vitest';
import { isFold, resolveMeasure, resolveWindow } from './resolve.js';
import { zone } from '@rapport/sdk/time';

const DAY = 86_400_000;
const utc = zone('UTC');
const day = (date: string) => Date.parse(date) / DAY;
const resolved = (window: Window, asOf: string, calendarOf = utc) => {
  const fixed = resolveWindow(window, Date.parse(asOf), calendarOf);
  if (fixed.kind !== 'days') throw new Error('a window of each subject');
  const { kind, ...rest } = fixed;
  return rest;
};
const days = (from: string | null, to: string, end: string) => ({
  from: from === null ? null : day(from),
  to: day(to),
  start: from === null ? null : Date.parse(from),
  end: Date.parse(end),
});

describe('windows as of noon on Thursday, 2024-02-29', () => {
  const noon = '2024-02-29T12:00:00Z';
  it.each<[string, Window, ReturnType<typeof days>]>([
    ['last day', last('1d'), days('2024-02-29', '2024-02-29', noon)],
    ['last 30 days', last('30d'), days('2024-01-31', '2024-02-29', noon)],
    ['previous 30 days', preceding('30d'), days('2024-01-01', '2024-01-30', '2024-01-31')],
    ['two weeks', last('2w'), days('2024-02-16', '2024-02-29', noon)],
    ['this week', calendar('week'), days('2024-02-26', '2024-02-29', noon)],
    ['last week', calendar('week', -1), days('2024-02-19', '2024-02-25', '2024-02-26')],
    ['this month', calendar('month'), days('2024-02-01', '2024-02-29', noon)],
    ['last month', calendar('month', -1), days('2024-01-01', '2024-01-31', '2024-02-01')],
    ['three months ago, last year', calendar('month', -3), days('2023-11-01', '2023-11-30', '2023-12-01')],
    ['this quarter', calendar('quarter'), days('2024-01-01', '2024-02-29', noon)],
    ['last quarter', calendar('quarter', -1), days('2023-10-01', '2023-12-31', '2024-01-01')],
    ['last year', calendar('year', -1), days('2023-01-01', '2023-12-31', '2024-01-01')],
    ['last complete week', lastComplete('week'), days('2024-02-19', '2024-02-25', '2024-02-26')],
    ['last complete month', lastComplete('month'), days('2024-01-01', '2024-01-31', '2024-02-01')],
    ['the complete month before it', lastComplete('month', 2), days('2023-12-01', '2023-12-31', '2024-01-01')],
    ['last complete year', lastComplete('year'), days('2023-01-01', '2023-12-31', '2024-01-01')],
    ['before the last complete month', startOf(lastComplete('month')), days(null, '2023-12-31', '2024-01-01')],
    ['lifetime', lifetime(), days(null, '2024-02-29', noon)],
    ['before this month', startOf(calendar('month')), days(null, '2024-01-31', '2024-02-01')],
    ['up to the end of last month', endOf(calendar('month', -1)), days(null, '2024-01-31', '2024-02-01')],
    ['up to the end of this month', endOf(calendar('month')), days(null, '2024-02-29', noon)],
    ['before next month', startOf(calendar('month', 1)), days(null, '2024-02-29', noon)],
  ])('%s', (_, window, expected) => {
    expect(resolved(window, noon)).toEqual(expected);
  });
});

it('has 30 full days at midnight, with D the day before', () => {
  expect(resolved(last('30d'), '2024-01-31')).toEqual(days('2024-01-01', '2024-01-30', '2024-01-31'));
  expect(resolved(calendar('month'), '2024-02-01')).toEqual(days('2024-01-01', '2024-01-31', '2024-02-01'));
});

it.each([
  ['week', '2024-03-04', '2024-02-26', '2024-02-19'],
  ['month', '2024-03-01', '2024-02-01', '2024-01-01'],
  ['quarter', '2024-04-01', '2024-01-01', '2023-10-01'],
  ['year', '2024-01-01', '2023-01-01', '2022-01-01'],
] as const)(
  'the last complete %s is the one that ends at asOf, and not a millisecond before',
  (unit, end, from, before) => {
    const [over, running] = [Date.parse(end), Date.parse(end) - 1].map((asOf) =>
      resolveWindow(lastComplete(unit), asOf, zone('UTC')),
    );
    expect(over).toMatchObject({ start: Date.parse(from), end: Date.parse(end), to: day(end) - 1 });
    expect(running).toMatchObject({ start: Date.parse(before), end: Date.parse(from), to: day(from) - 1 });
  },
);

it('the last complete month ends with the zone’s', () => {
  const berlin = zone('Europe/Berlin');
  const start = (asOf: string) => resolveWindow(lastComplete('month'), Date.parse(asOf), berlin);
  expect(start('2024-01-31T23:00:00Z')).toMatchObject({ from: day('2024-01-01'), to: day('2024-01-31') });
  expect(start('2024-01-31T22:59:59.999Z')).toMatchObject({ from: day('2023-12-01'), to: day('2023-12-31') });
});

it('is empty for a month that has not begun', () => {
  const { start, end } = resolved(calendar('month', 1), '2024-02-29T12:00:00Z');
  expect(start).toBe(end);
});

it('begins and ends at midnight of the zone', () => {
  expect(resolved(last('2d'), '2024-03-31T12:00:00Z', zone('Europe/Berlin'))).toMatchObject({
    start: Date.parse('2024-03-30T00:00:00+01:00'),
    end: Date.parse('2024-03-31T12:00:00Z'),
  });
  expect(resolved(preceding('1d'), '2024-04-01T12:00:00Z', zone('Europe/Berlin'))).toMatchObject({
    start: Date.parse('2024-03-31T00:00:00+01:00'),
    end: Date.parse('2024-04-01T00:00:00+02:00'),
  });
});

it('leaves the first days to each subject', () => {
  expect(resolveWindow(firstDays(7, since('signupAt')), 0, utc)).toEqual({
    kind: 'sinceTrait',
    trait: 'signupAt',
    days: 7,
  });
});

it('refuses the edge of a window without one', () => {
  expect(() => resolveWindow(startOf(lifetime()), 0, utc)).toThrow(/RAPPORT_SDK_WINDOW: a lifetime has no start/);
  expect(() => resolveWindow(endOf(firstDays(7, since('x'))), 0, utc)).toThrow(/RAPPORT_SDK_WINDOW: .*not firstDays/);
});

it('resolves a measure’s window and leaves the rest', () => {
  expect(
    resolveMeasure({ node: 'count', filter: {}, window: last('1d') }, Date.parse('2024-02-29'), utc),
  ).toMatchObject({ node: 'count', filter: {}, window: { kind: 'days', to: day('2024-02-28') } });
  const plan = { node: 'trait', name: 'plan', as: 'text' } as const;
  expect(resolveMeasure(plan, 0, utc)).toEqual(plan);
  expect([
    isFold(fold('f', { initial: () => 0, step: (n) => n, done: (n) => n }).over({}, lifetime())),
    isFold(count({}, lifetime())),
    isFold(trait('x')),
  ]).toEqual([true, false, false]);
});
