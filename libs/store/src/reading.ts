import { readInstant, type Zone } from '@rapport/sdk/time';
import type { Json, Properties } from './message.js';
import type { TraitReading } from './plan.js';

/* How a JSON value of an event or a trait is read. All stores read values here, so that they agree. */

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

/** A value as JSON, or null for null and missing values. */
const readJson = (value: Json | undefined): string | null =>
  value === undefined || value === null ? null : JSON.stringify(value);

/**
 * Reads a property or trait as a measure asks for it; null when it is missing or of another type. A time is epoch ms; a calendar day is its first
 * instant in the workspace's zone.
 */
export function read(value: Json | undefined, as: TraitReading, zone: Zone): number | string | null {
  switch (as) {
    case 'number':
      return readNumber(value);
    case 'text':
      return readText(value);
    case 'time':
      return readInstant(value, zone);
    case 'json':
      return readJson(value);
  }
}
