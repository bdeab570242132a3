import { describe, expect, it } from 'vitest';
import { zone } from './zone.js';

const DAY = 86_400_000;
const HOUR = 3_600_000;

/** The calendar as the platform knows it: an independent reference. */
function reference(name: string) {
  const format = new Intl.DateTimeFormat('en-u-ca-iso8601', {
    timeZone: name,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    era: 'short',
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
  'Australia/Lord_Howe',
  'Africa/Cairo',
  'America/St_Johns',
  'Pacific/Kiritimati',
  'Europe/Dublin',
  'Africa/Casablanca',
  'Asia/Tehran',
];

describe.each(ZONES)('%s', (name) => {
  const { dayOf, startOfDay } = zone(name);
  const expected = reference(name);

  it('gives the day that Intl gives, at instants all over six decades', () => {
    for (let instant = Date.UTC(1973, 0, 1); instant < Date.UTC(2037, 0, 1); instant += 7 * DAY + 5 * HOUR + 61_000) {
      if (dayOf(instant) !== expected(instant))
        expect.fail(`${new Date(instant).toISOString()}: ${dayOf(instant)} is not ${expected(instant)}`);
    }
  });

  it('starts each day at its first instant', () => {
    for (let day = Date.UTC(2023, 0, 1) / DAY; day < Date.UTC(2025, 0, 1) / DAY; day++) {
      const start = startOfDay(day);
      if (!(expected(start) === day && expected(start - 1) < day))
        expect.fail(`day ${day}: ${new Date(start).toISOString()}`);
    }
  });
});

it('knows days of 23 and 25 hours, a missing midnight and a missing day', () => {
  const hours = (name: string, day: string) => {
    const { startOfDay } = zone(name);
    const epochDay = Date.parse(day) / DAY;
    return (startOfDay(epochDay + 1) - startOfDay(epochDay)) / HOUR;
  };
  expect(hours('Europe/Berlin', '2024-03-31')).toBe(23);
  expect(hours('Europe/Berlin', '2024-10-27')).toBe(25);
  expect(hours('Australia/Lord_Howe', '2024-04-07')).toBe(24.5);
  expect(hours('America/Sao_Paulo', '2018-11-04')).toBe(23);
  expect(new Date(zone('America/Sao_Paulo').startOfDay(Date.parse('2018-11-04') / DAY)).toISOString()).toBe(
    '2018-11-04T03:00:00.000Z',
  );
  expect(hours('Pacific/Apia', '2011-12-30')).toBe(0);
  expect(hours('Pacific/Apia', '2011-12-31')).toBe(24);
});

it('counts days before 1970 downwards', () => {
  expect(zone('UTC').dayOf(-1)).toBe(-1);
  expect(zone('UTC').dayOf(0)).toBe(0);
  expect(zone('America/New_York').dayOf(0)).toBe(-1);
});

it('refuses what is not a zone', () => {
  expect(() => zone('Mars/Olympus')).toThrow(/RAPPORT_STORE_ZONE: "Mars\/Olympus" is not an IANA time zone/);
});
