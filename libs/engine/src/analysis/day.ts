import { EngineError } from '@rapport/plugin-host';
import { readDay } from '@rapport/sdk/time';

export { dateOf as dateOfDay, readDay as dayOfDate } from '@rapport/sdk/time';

/** Epoch day of a date that someone wrote. Throws `RAPPORT_ANALYSIS_OPTION` when there is no such day. */
export function writtenDay(text: string, name: string): number {
  const day = readDay(text);
  if (day === null)
    throw new EngineError(
      'RAPPORT_ANALYSIS_OPTION',
      `${name} "${text.slice(0, 50)}" is not a day; write it as 2024-12-31.`,
    );
  return day;
}
