import { describe, expect, it } from 'vitest';
import { daysBefore, nextDay, readInstant } from './instant.js';

const iso = (text: string, zone = 'UTC') => {
  const written = readInstant(text, zone);
  return written === null ? null : new Date(written.time).toISOString();
};

describe('instants as people write them', () => {
  it('are read with and without time, seconds, offset', () => {
    expect(iso('2024-12-31')).toBe('2024-12-31T00:00:00.000Z');
    expect(iso('2024-12-31 18:30')).toBe('2024-12-31T18:30:00.000Z');
    expect(iso('2024-12-31T18:30:15.25Z')).toBe('2024-12-31T18:30:15.250Z');
    expect(iso('2024-12-31T18:30:00+02:00')).toBe('2024-12-31T16:30:00.000Z');
    expect(iso('2024-12-31T18:30:00-0530')).toBe('2025-01-01T00:00:00.000Z');
  });
  it('are wall clock time in the zone where they have no offset', () => {
    expect(iso('2024-07-01', 'Europe/Berlin')).toBe('2024-06-30T22:00:00.000Z');
    expect(iso('2024-01-01 12:00', 'America/New_York')).toBe('2024-01-01T17:00:00.000Z');
    expect(iso('2024-07-01T12:00Z', 'Europe/Berlin')).toBe('2024-07-01T12:00:00.000Z');
  });
  it('begin a day at the change where the clock skips midnight', () => {
    expect(iso('2024-03-31', 'Africa/Cairo')).toBe('2024-03-30T22:00:00.000Z');
    // Beirut went from 24:00 to 01:00.
    expect(iso('2022-03-27', 'Asia/Beirut')).toBe('2022-03-26T22:00:00.000Z');
  });
  it('are null when there is no such instant', () => {
    for (const text of [
      '2024-02-30',
      '2023-02-29',
      '2024-13-01',
      '24-01-01',
      '2024-1-1',
      'yesterday',
      '2024-01-01T25:00',
      '2024-01-01T10:61',
      '2024-01-01T10:00+99:00',
      '',
    ]) {
      expect(iso(text), text).toBeNull();
    }
  });
  it('go to the next day and days back by the calendar, also across a change of the clock', () => {
    const berlin = (text: string) => readInstant(text, 'Europe/Berlin')!.time;
    expect(nextDay(berlin('2024-03-31'), 'Europe/Berlin')).toBe(berlin('2024-04-01'));
    expect(nextDay(berlin('2024-10-27'), 'Europe/Berlin') - berlin('2024-10-27')).toBe(25 * 3_600_000);
    expect(daysBefore(berlin('2024-04-10'), 30, 'Europe/Berlin')).toBe(berlin('2024-03-11'));
    expect(daysBefore(berlin('2024-04-10 09:00'), 30, 'Europe/Berlin')).toBe(berlin('2024-03-11 09:00'));
  });
});
