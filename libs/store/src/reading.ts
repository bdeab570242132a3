import type { Reading } from '@rapport/sdk';
import type { Json, Properties } from './message.js';

/*
 * How a JSON value of an event or a trait is read. Stores use this module when they take messages in, so that all of them
 * read alike.
 */

/** Value of an own, top-level property; undefined when it is missing. */
export const ownValue = (properties: Properties, name: string): Json | undefined =>
  Object.hasOwn(properties, name) ? properties[name] : undefined;

/** A finite JSON number (−0 as 0), or null for everything else. */
export const readNumber = (value: Json | undefined): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value + 0 : null;

/** A JSON string, or null for everything else. */
export const readText = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);

/** Any scalar as text: strings as they are, numbers as JavaScript writes them (`String`), booleans as `true` and `false`; null for null, lists, objects and missing values. For keys: `countByKey`, `distinct`, spans, groups of a portfolio. */
export function readKey(value: Json | undefined): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  const number = readNumber(value);
  return number === null ? null : String(number);
}

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,3}))?(?:Z|([+-])(\d{2}):(\d{2}))?)?$/;
/** First instant of the year 0000 and of the year 10000, UTC. */
const EARLIEST = -62_167_219_200_000;
const LATEST = 253_402_300_800_000;

/**
 * An instant in epoch ms, or null. Reads a number as epoch ms (rounded down to whole ms), and as text `YYYY-MM-DD` (midnight
 * UTC) or `YYYY-MM-DDThh:mm:ss` with up to three decimals and `Z` or `±hh:mm` (UTC without). Dates that do not exist, other
 * forms, and instants outside the years 0000 to 9999 count as missing.
 */
export function readTime(value: Json | undefined): number | null {
  const instant =
    typeof value === 'string' ? parseInstant(value) : typeof value === 'number' ? Math.floor(value) + 0 : null;
  return instant !== null && instant >= EARLIEST && instant < LATEST ? instant : null;
}

function parseInstant(text: string): number | null {
  const match = ISO.exec(text);
  if (!match) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part || 0));
  const offsetHour = Number(match[9] ?? 0);
  const offsetMinute = Number(match[10] ?? 0);
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  const offset = (match[8] === '-' ? -1 : 1) * (offsetHour * 60 + offsetMinute) * 60_000;
  return (
    date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + Number((match[7] ?? '').padEnd(3, '0')) - offset
  );
}

/** Reads a property or trait as a measure asks for it; null when it is missing or of another type. */
export function read(value: Json | undefined, as: Reading): number | string | null {
  switch (as) {
    case 'number':
      return readNumber(value);
    case 'text':
      return readText(value);
    case 'time':
      return readTime(value);
  }
}
