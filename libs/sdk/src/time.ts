import { Temporal } from 'temporal-polyfill';
import type { Calendar } from './metric.js';
import type { CalendarUnit } from './window.js';

/*
 * How Rapport reads times. Every part of it reads them here, so that a document's test and the run, the command and the HTTP API, and both
 * stores agree. Nothing here looks at the machine's clock or its time zone.
 */

const SECOND = 1000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

/** Instants that can be read, epoch ms: from the first of the year 0000 until before that of the year 10000, in UTC. */
export const EARLIEST = -62_167_219_200_000;
export const LATEST = 253_402_300_800_000;

/** A time as it is written: an instant (epoch ms), or a calendar day (days since 1970-01-01) of the workspace's time zone. */
export type Time = { readonly kind: 'instant'; readonly at: number } | { readonly kind: 'day'; readonly day: number };

/** The calendar of one IANA time zone. */
export interface Zone extends Calendar {
  /** As it was given. */
  readonly name: string;
  /**
   * The instant at which the zone's clocks show a wall clock time, which is given as epoch ms as if it were UTC. Of a time that they show
   * twice, the first; of one that they skip, the instant as long after the change as the time is after the gap's beginning.
   */
  readonly atClock: (wall: number) => number;
  /** What the zone's clocks show at an instant: epoch ms as if it were UTC. */
  readonly clockAt: (instant: number) => number;
}

/** An instant together with the zone that its day and the days around it are counted in. */
export interface Moment {
  /** Epoch ms. */
  readonly at: number;
  readonly zone: Zone;
}

const zones = new Map<string, Zone>();

/** The calendar of a time zone. Throws `RAPPORT_STORE_ZONE` for a name that is not an IANA time zone. */
export function zone(name: string): Zone {
  const known = zones.get(name);
  if (known) return known;
  const made = createZone(name);
  zones.set(name, made);
  return made;
}

/** While instants lie in [from, to) the zone's clocks are `offset` ms ahead of UTC. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
}

function stretchAt(name: string, instant: number): Stretch {
  const at = (ms: number) => Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(name);
  const here = at(instant);
  return {
    // A change at this very instant is no "previous" one.
    from: at(instant + 1).getTimeZoneTransition('previous')?.epochMilliseconds ?? -Infinity,
    to: changeAfter(instant, instant + LOOK_AHEAD, at),
    offset: here.offsetNanoseconds / 1e6,
  };
}

/** Longer than clocks usually stay as they are; a stretch that goes on is looked at again. */
const LOOK_AHEAD = 400 * DAY;

/**
 * The first change of the clocks after an instant, or `until` where there is none before it. Asks for previous changes only: for the next one the
 * library reads the machine's clock, which metrics must not depend on.
 */
function changeAfter(instant: number, until: number, at: (ms: number) => Temporal.ZonedDateTime): number {
  const earlier = at(until).getTimeZoneTransition('previous')?.epochMilliseconds ?? -Infinity;
  return earlier <= instant ? until : changeAfter(instant, earlier, at);
}

function createZone(name: string): Zone {
  let stretch: Stretch;
  try {
    stretch = stretchAt(name, 0);
  } catch {
    throw new RangeError(
      `RAPPORT_STORE_ZONE: "${name}" is not an IANA time zone; write one such as "UTC" or "Europe/Berlin"`,
    );
  }
  // Asking the library costs a thousand times as much as a comparison, and a zone has few stretches.
  const stretches = [stretch];
  const covers = ({ from, to }: Stretch, instant: number) => instant >= from && instant < to;
  const at = (instant: number): Stretch => {
    // Beyond the years that can be read, clocks stay as they are.
    const bounded = instant < EARLIEST ? EARLIEST : instant < LATEST ? instant : LATEST;
    if (covers(stretch, bounded)) return stretch;
    const found = stretches.find((each) => covers(each, bounded));
    if (found) return (stretch = found);
    stretches.push((stretch = stretchAt(name, Math.floor(bounded))));
    return stretch;
  };
  const offsetAt = (instant: number): number => at(instant).offset;
  /** The instants at which the clocks show it, the first first; none where they skip it. */
  const showing = (wall: number): readonly number[] =>
    // No zone changes its clocks twice within two days.
    [offsetAt(wall - DAY), offsetAt(wall + DAY)]
      .map((offset) => wall - offset)
      .filter((instant) => instant + offsetAt(instant) === wall)
      .sort((a, b) => a - b);
  return {
    name,
    dayOf: (instant) => Math.floor((instant + offsetAt(instant)) / DAY),
    // Where the clocks skip midnight, or the whole day, it begins with the change.
    startOfDay: (day) => showing(day * DAY)[0] ?? at(day * DAY - offsetAt(day * DAY - DAY)).from,
    atClock: (wall) => showing(wall)[0] ?? wall - offsetAt(wall - DAY),
    clockAt: (instant) => instant + offsetAt(instant),
  };
}

const TEXT =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?(Z|z|UTC|[+-]\d\d(?::?\d\d)?))?)?$/;
/** No time is longer; longer text need not be looked at. */
const LONGEST = 64;

/** The day of a date on the calendar; null for one that is not, such as 30 February. */
function dayOfDate(year: number, month: number, day: number): number | null {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() / DAY : null;
}

/** Milliseconds east of UTC of an offset as written; null when it is none. */
function offsetOf(text: string): number | null {
  if (text === 'Z' || text === 'z' || text === 'UTC') return 0;
  const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.slice(3).replace(':', ''))];
  if (hours > 23 || minutes > 59) return null;
  return (text.startsWith('-') ? -1 : 1) * (hours * HOUR + minutes * MINUTE);
}

const instantAt = (at: number): Time | null => (at >= EARLIEST && at < LATEST ? { kind: 'instant', at } : null);

function readText(text: string, zone: Zone): Time | null {
  const match = text.length > LONGEST ? null : TEXT.exec(text);
  if (!match) return null;
  const day = dayOfDate(Number(match[1]), Number(match[2]), Number(match[3]));
  if (day === null) return null;
  if (match[4] === undefined) return { kind: 'day', day };
  const [hour, minute, second] = [Number(match[4]), Number(match[5]), Number(match[6] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59) return null;
  const fraction = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const wall = day * DAY + hour * HOUR + minute * MINUTE + second * SECOND + fraction;
  if (match[8] === undefined) return instantAt(zone.atClock(wall));
  const offset = offsetOf(match[8]);
  return offset === null ? null : instantAt(wall - offset);
}

/**
 * Reads a time from data, a parameter or a document:
 *
 * - `2026-07-01` is a calendar day of the zone;
 * - `2026-07-01T09:30` is an instant: with `T` or a space, seconds and a fraction of them (cut off after milliseconds) if there are any, then
 *   `Z`, `UTC`, `+05:30`, `+0530` or `+05`, with or without a space before it. Without an offset it is the zone's wall clock;
 * - a finite number is an instant in epoch milliseconds, rounded down.
 *
 * Null for everything else: dates and times that are not on the calendar, other notations, instants outside of the years 0000 to 9999.
 */
export function readTime(value: unknown, zone: Zone): Time | null {
  if (typeof value === 'string') return readText(value, zone);
  return typeof value === 'number' ? instantAt(Math.floor(value) + 0) : null;
}

/** The first instant of a time, epoch ms: itself, or the beginning of its day. */
export const instantOf = (time: Time, zone: Zone): number =>
  time.kind === 'day' ? zone.startOfDay(time.day) : time.at;

/** Where a time is over, epoch ms: an instant at itself, a day where the next one begins. */
export const overAt = (time: Time, zone: Zone): number =>
  time.kind === 'day' ? zone.startOfDay(time.day + 1) : time.at;

/** The calendar day (epoch day) of a time. */
export const dayOf = (time: Time, zone: Zone): number => (time.kind === 'day' ? time.day : zone.dayOf(time.at));

/**
 * A time as epoch ms, a day as its first instant in the zone: what signup, `effectiveAt` and measures of a time count from. Null when it
 * cannot be read.
 */
export function readInstant(value: unknown, zone: Zone): number | null {
  const time = readTime(value, zone);
  return time && instantOf(time, zone);
}

/**
 * The instant to evaluate as of, epoch ms. A day counts to its end, so that it is seen whole; anything finer is that instant. Null when it
 * cannot be read.
 */
export function readAsOf(value: unknown, zone: Zone): number | null {
  const time = readTime(value, zone);
  return time && overAt(time, zone);
}

/** The instant so many days later (earlier, if negative) at the same time of the day; where a day begins, another one does. */
export function addDays(at: number, days: number, zone: Zone): number {
  const day = zone.dayOf(at);
  if (zone.startOfDay(day) === at) return zone.startOfDay(day + days);
  return zone.atClock(zone.clockAt(at) + days * DAY);
}

/** The epoch day of a date `YYYY-MM-DD`; null for any other text, and for a date that is not on the calendar. */
export function readDay(text: string): number | null {
  const time = readText(text, utc);
  return time?.kind === 'day' ? time.day : null;
}

/** An epoch day as a date, `YYYY-MM-DD`. */
export const dateOf = (day: number): string => new Date(day * DAY).toISOString().slice(0, 10);

/** The day so many months later (earlier, if negative): on the same date, or on the month's last day where it has no such date. */
export function addMonths(day: number, months: number): number {
  const date = new Date(day * DAY);
  const month = date.getUTCFullYear() * 12 + date.getUTCMonth() + months;
  const last = firstOfMonth(month + 1) - 1;
  return Math.min(firstOfMonth(month) + date.getUTCDate() - 1, last);
}

/** First day of a month that is counted from the year 0. */
function firstOfMonth(month: number): number {
  const date = new Date(0);
  date.setUTCFullYear(Math.floor(month / 12), month - Math.floor(month / 12) * 12, 1);
  return date.getTime() / DAY;
}

const MONTHS = { month: 1, quarter: 3, year: 12 } as const;

/** First day of the calendar week (from Monday), month, quarter or year so many after the one that holds a day. */
export function startOfUnit(day: number, unit: CalendarUnit, offset = 0): number {
  // 1970-01-01 was a Thursday.
  if (unit === 'week') return Math.floor((day + 3) / 7) * 7 - 3 + 7 * offset;
  const date = new Date(day * DAY);
  const month = date.getUTCFullYear() * 12 + date.getUTCMonth();
  return firstOfMonth((Math.floor(month / MONTHS[unit]) + offset) * MONTHS[unit]);
}

/** The zone in which texts without an offset are read as UTC, as they are where no workspace is known. */
export const utc = zone('UTC');
