import { overAt, readTime, zone as zoneOf, type Time } from '@rapport/sdk/time';
import { RapportError } from '@rapport/errors';

/** A time given as an option, in the workspace's zone unless it has an offset. Throws `RAPPORT_USAGE`. */
function timeOption(text: string, zone: string, option: string): Time {
  const time = readTime(text, zoneOf(zone));
  if (time === null)
    throw new RapportError(
      'RAPPORT_USAGE',
      `${option} "${text}" is not a date or an instant; write 2024-12-31, "2024-12-31 18:30" or 2024-12-31T18:30:00Z`,
    );
  return time;
}

/** Refuses an option that is not a time, before anything is opened. Throws `RAPPORT_USAGE`. */
export function checkTime(text: string, option = '--as-of'): void {
  timeOption(text, 'UTC', option);
}

/** `--as-of`, or another option, as an instant (epoch ms): of a date, the end of that day in the workspace's zone. Throws `RAPPORT_USAGE`. */
export const asOfInstant = (text: string, zone: string, option = '--as-of'): number =>
  overAt(timeOption(text, zone, option), zoneOf(zone));

/** An instant for people: the last day that is over by then where it is the beginning of one, else the wall clock. */
export function describeAsOf(asOf: number, zone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  const { dayOf, startOfDay } = zoneOf(zone);
  if (startOfDay(dayOf(asOf)) === asOf) return `the end of ${format.format(asOf - 1).slice(0, 10)} (${zone})`;
  return `${format.format(asOf)} ${zone}`;
}
