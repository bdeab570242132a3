import { tzOffset } from '@date-fns/tz';

const MINUTE = 60_000;
const DAY = 86_400_000;
const pattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** An instant as written: epoch ms, and whether only a day was named (then `time` is that day's first instant). */
export interface Written {
  readonly time: number;
  readonly dateOnly: boolean;
}

/**
 * Reads `2024-12-31`, `2024-12-31 18:30`, `2024-12-31T18:30:00.5Z`, `2024-12-31T18:30:00+02:00`. Without `Z` or an offset it is wall
 * clock time in the given IANA zone (a time that the clock skips is the one an offset earlier would show). Null when it is not an instant, such as
 * 30 February.
 */
export function readInstant(text: string, zone: string): Written | null {
  const match = pattern.exec(text);
  if (!match) return null;
  const [, year, month, day, hour, minute, second, fraction, offset] = match;
  const wall = wallClock(+(year ?? 0), +(month ?? 0), +(day ?? 0));
  if (wall === null) return null;
  if (hour === undefined) return { time: firstInstantOfDay(wall, zone), dateOnly: true };
  const [h, m, s] = [+hour, +(minute ?? 0), +(second ?? 0)];
  if (h > 23 || m > 59 || s > 59) return null;
  const local = wall + h * 3_600_000 + m * MINUTE + s * 1000 + (fraction ? Math.floor(+`0.${fraction}` * 1000) : 0);
  if (offset === undefined) return { time: toInstant(local, zone), dateOnly: false };
  if (offset === 'Z') return { time: local, dateOnly: false };
  const [hours, minutes] = [+offset.slice(1, 3), +offset.slice(-2)];
  if (hours > 14 || minutes > 59) return null;
  return { time: local - (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * MINUTE, dateOnly: false };
}

/** First instant of the day after the one that begins at `time`. */
export function nextDay(time: number, zone: string): number {
  const local = time + offsetAt(time, zone);
  return firstInstantOfDay(Math.floor(local / DAY) * DAY + DAY, zone);
}

/** The same wall clock time, so many days earlier. */
export function daysBefore(time: number, days: number, zone: string): number {
  const local = time + offsetAt(time, zone) - days * DAY;
  return local % DAY === 0 ? firstInstantOfDay(local, zone) : toInstant(local, zone);
}

function wallClock(year: number, month: number, day: number): number | null {
  const date = new Date(Date.UTC(year, month - 1, day));
  // Date rolls 30 February over into March.
  if (year < 100 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  return date.getTime();
}

const offsetAt = (instant: number, zone: string): number =>
  zone === 'UTC' ? 0 : tzOffset(zone, new Date(instant)) * MINUTE;

function toInstant(local: number, zone: string): number {
  if (zone === 'UTC') return local;
  const guess = local - offsetAt(local, zone);
  return local - offsetAt(guess, zone);
}

const midnights = new Map<string, Map<number, number>>();
function firstInstantOfDay(wallMidnight: number, zone: string): number {
  if (zone === 'UTC') return wallMidnight;
  let known = midnights.get(zone);
  if (!known) midnights.set(zone, (known = new Map<number, number>()));
  let time = known.get(wallMidnight);
  if (time === undefined) {
    time = toInstant(wallMidnight, zone);
    // Where the clock skips midnight the day begins at the change.
    if (Math.floor((time + offsetAt(time, zone)) / DAY) * DAY < wallMidnight) {
      let [low, high] = [time, time + 3 * 3_600_000];
      while (high - low > MINUTE) {
        const middle = Math.floor((low + high) / 2 / MINUTE) * MINUTE;
        if (middle + offsetAt(middle, zone) >= wallMidnight) high = middle;
        else low = middle;
      }
      time = high;
    }
    if (known.size > 100_000) known.clear();
    known.set(wallMidnight, time);
  }
  return time;
}
