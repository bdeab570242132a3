import { Temporal } from 'temporal-polyfill';
import { describe, expect, it, vi } from 'vitest';
import {
  addDays,
  addMonths,
  dateOf,
  dayOf,
  instantOf,
  overAt,
  readAsOf,
  readDay,
  readInstant,
  readTime,
  startOfUnit,
  utc,
  zone,
} from './time.js';
import { timeReadings } from './time-readings.js';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const iso = (instant: number | null) => (instant === null ? null : new Date(instant).toISOString());
const day = (date: string) => Date.parse(date) / DAY;

describe('times', () => {
  it.each(timeReadings)(
    '$value in $zone is of kind $kind, from $from until $until',
    ({ value, zone: name, ...read }) => {
      const its = zone(name);
      const time = readTime(value, its);
      expect({
        kind: time?.kind ?? null,
        from: time && iso(instantOf(time, its)),
        until: time && iso(overAt(time, its)),
      }).toEqual(read);
      expect(iso(readInstant(value, its))).toBe(read.from);
      expect(iso(readAsOf(value, its))).toBe(read.until);
      if (typeof value === 'string') expect(readDay(value)).toBe(read.kind === 'day' ? day(value) : null);
      if (time?.kind === 'day') expect(dateOf(dayOf(time, its))).toBe(value);
      if (time?.kind === 'instant') expect(dayOf(time, its)).toBe(its.dayOf(time.at));
    },
  );

  it.each([NaN, Infinity, -Infinity, null, undefined, true, [], {}, new Date(0)])('%s is none', (value) => {
    expect(readTime(value, utc)).toBeNull();
  });

  it('of a number never is −0', () => {
    expect(readTime(-0, utc)).toEqual({ kind: 'instant', at: 0 });
  });
});

/** The calendar as the platform knows it. */
function reference(name: string) {
  const format = new Intl.DateTimeFormat('en-u-ca-iso8601', {
    timeZone: name,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
  });
  return (instant: number) => {
    const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(parts['year']!, parts['month']! - 1, parts['day']) / DAY;
  };
}

const ZONES = [
  'UTC',
  'America/New_York',
  'Europe/Berlin',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'America/Sao_Paulo',
  'America/Havana',
  'Australia/Lord_Howe',
  'Africa/Cairo',
  'America/St_Johns',
  'Pacific/Kiritimati',
  'Europe/Dublin',
  'Africa/Casablanca',
  'Asia/Tehran',
  'Antarctica/Troll',
];

describe.each(ZONES)('%s', (name) => {
  const { dayOf: dayAt, startOfDay, atClock } = zone(name);
  const expected = reference(name);

  it('has the days that Intl gives, at instants all over a century and a half', () => {
    for (let instant = Date.UTC(1900, 0, 1); instant < Date.UTC(2037, 0, 1); instant += 13 * DAY + 5 * HOUR + 61_000)
      if (dayAt(instant) !== expected(instant))
        expect.fail(`${iso(instant)!}: ${dayAt(instant)} is not ${expected(instant)}`);
  });

  it('starts each day at its first instant', () => {
    for (const from of [2011, 2018, 2024])
      for (let each = Date.UTC(from, 0, 1) / DAY; each < Date.UTC(from + 1, 0, 1) / DAY; each++) {
        const start = startOfDay(each);
        const here = Temporal.PlainDate.from(dateOf(each)).toZonedDateTime(name).epochMilliseconds;
        if (start !== here || expected(start - 1) >= each) expect.fail(`${dateOf(each)}: ${iso(start)!}`);
      }
  });

  it('reads its clocks as Temporal does', () => {
    for (let wall = Date.UTC(2011, 0, 1); wall < Date.UTC(2025, 0, 1); wall += 3 * DAY + 7 * HOUR + 29 * 60_000) {
      const here = Temporal.PlainDateTime.from(new Date(wall).toISOString().slice(0, -1)).toZonedDateTime(name);
      if (atClock(wall) !== here.epochMilliseconds) expect.fail(`${iso(wall)!}: ${iso(atClock(wall))!}`);
    }
  });

  it('reads its clocks as Temporal does around each change', () => {
    let change = Temporal.Instant.from('2010-06-01T00:00Z').toZonedDateTimeISO(name).getTimeZoneTransition('next');
    for (; change && change.year < 2016; change = change.getTimeZoneTransition('next'))
      for (let minutes = -1530; minutes <= 1530; minutes += 30)
        for (const ms of [-1, 0, 1]) {
          const clock = change.toPlainDateTime().add({ milliseconds: minutes * 60_000 + ms });
          const wall = clock.toZonedDateTime('UTC').epochMilliseconds;
          if (atClock(wall) !== clock.toZonedDateTime(name).epochMilliseconds) expect.fail(clock.toString());
        }
  });
});

describe('a zone', () => {
  it('does not ask what time it is', () => {
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => {
      throw new Error('asked the clock');
    });
    try {
      // No other test asks about this zone, so nothing is known of it yet.
      const azores = zone('Atlantic/Azores');
      const noon = (year: number, month: number) => Date.UTC(year, month, 15, 12);
      expect([noon(2026, 0), noon(2026, 6), noon(2090, 6), noon(1960, 0)].map((at) => azores.clockAt(at) - at)).toEqual(
        [-1, 0, 0, -2].map((hours) => hours * 3_600_000),
      );
    } finally {
      clock.mockRestore();
    }
  });

  it('is the same for the same name', () => {
    expect(zone('Europe/Berlin')).toBe(zone('Europe/Berlin'));
  });
  it('counts days before 1970 downwards', () => {
    expect([utc.dayOf(-1), utc.dayOf(0), zone('America/New_York').dayOf(0)]).toEqual([-1, 0, -1]);
  });
  it('has days however far off an instant is', () => {
    for (const instant of [-8.64e15, 8.64e15]) expect(zone('Europe/Berlin').dayOf(instant)).toBe(instant / DAY);
  });
  it('is an IANA time zone', () => {
    expect(() => zone('Mars/Olympus')).toThrow(/RAPPORT_STORE_ZONE: "Mars\/Olympus" is not an IANA time zone/);
  });
});

it('goes days on and back at the same time of the day, across changes of the clocks', () => {
  const berlin = zone('Europe/Berlin');
  const at = (text: string) => readInstant(text, berlin)!;
  expect(addDays(at('2024-04-10'), -30, berlin)).toBe(at('2024-03-11'));
  expect(addDays(at('2024-04-10 09:00'), -30, berlin)).toBe(at('2024-03-11 09:00'));
  expect(addDays(at('2024-10-26 12:00'), 1, berlin) - at('2024-10-26 12:00')).toBe(25 * HOUR);
  const cairo = zone('Africa/Cairo');
  expect(addDays(cairo.startOfDay(day('2024-04-25')), 1, cairo)).toBe(cairo.startOfDay(day('2024-04-26')));
});

it.each([
  ['2026-01-31', 1, '2026-02-28'],
  ['2024-01-31', 1, '2024-02-29'],
  ['2024-02-29', 12, '2025-02-28'],
  ['2024-02-29', -12, '2023-02-28'],
  ['2026-03-31', -1, '2026-02-28'],
  ['2026-08-31', 1, '2026-09-30'],
  ['2026-12-15', 1, '2027-01-15'],
  ['2026-01-15', -1, '2025-12-15'],
  ['2026-05-15', 0, '2026-05-15'],
  ['1969-12-31', 2, '1970-02-28'],
])('%s and %i months is %s', (from, months, to) => {
  expect(dateOf(addMonths(day(from), months))).toBe(to);
});

it('finds the beginnings of weeks, months, quarters and years', () => {
  const start = (unit: 'week' | 'month' | 'quarter' | 'year', offset = 0, from = '2024-02-29') =>
    dateOf(startOfUnit(day(from), unit, offset));
  expect([start('week'), start('week', 1), start('week', 0, '2024-02-26'), start('week', 0, '1969-12-31')]).toEqual([
    '2024-02-26',
    '2024-03-04',
    '2024-02-26',
    '1969-12-29',
  ]);
  expect([start('month'), start('month', -2), start('quarter'), start('quarter', -1), start('year', 1)]).toEqual([
    '2024-02-01',
    '2023-12-01',
    '2024-01-01',
    '2023-10-01',
    '2025-01-01',
  ]);
});
