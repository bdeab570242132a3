import { RapportError } from '@rapport/errors';
import { nextDay, readInstant } from './import/instant.js';

/**
 * `--as-of`, or another option, as an instant. A bare date means up to and including that day, so it is the first instant of the next; anything finer
 * is that instant. Both in the workspace's zone unless the text has an offset. Throws `RAPPORT_USAGE`.
 */
export function asOfInstant(text: string, zone: string, option = '--as-of'): number {
  const written = readInstant(text, zone);
  if (written === null) {
    throw new RapportError(
      'RAPPORT_USAGE',
      `${option} "${text}" is not a date or an instant; write 2024-12-31, "2024-12-31 18:30" or 2024-12-31T18:30:00Z`,
    );
  }
  return written.dateOnly ? nextDay(written.time, zone) : written.time;
}

/** An instant for people: the last day it includes when it is a midnight, the wall clock otherwise. */
export function describeAsOf(asOf: number, zone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  const [day = '', time = ''] = format.format(asOf).split(' ');
  if (time !== '00:00:00' || asOf % 1000 !== 0) return `${day} ${time} ${zone}`;
  return `the end of ${format.format(asOf - 1).slice(0, 10)} (${zone})`;
}
