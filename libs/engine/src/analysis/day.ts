import { EngineError } from '../error.js';

const DAY = 86_400_000;

/** Epoch day of a date as text, YYYY-MM-DD; null when there is no such day. */
export function dayOfDate(text: string): number | null {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text ? time / DAY : null;
}

/** An epoch day as a date, YYYY-MM-DD. */
export const dateOfDay = (day: number): string => new Date(day * DAY).toISOString().slice(0, 10);

/** Epoch day of a date that someone wrote. Throws `RAPPORT_ANALYSIS_OPTION` when there is no such day. */
export function writtenDay(text: string, name: string): number {
  const day = dayOfDate(text);
  if (day === null)
    throw new EngineError('RAPPORT_ANALYSIS_OPTION', `${name} "${text.slice(0, 50)}" is no day; write 2024-12-31.`);
  return day;
}
