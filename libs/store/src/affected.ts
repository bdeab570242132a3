import type { Filter } from '@rapport/sdk';
import type { ResolvedMeasure } from './plan.js';
import type { ChangedEvents } from './ports.js';

/** The filters of the events that a measure looks at. */
export function filtersOf(measure: Exclude<ResolvedMeasure, { node: 'trait' }>): readonly Filter[] {
  if (measure.node !== 'spans') return [measure.filter, ...(('qualifying' in measure && measure.qualifying) || [])];
  const { open, change, close } = measure.spans;
  return [open, close, ...(change ? [change] : [])];
}

/** Whether what a measure answers for a window of days is settled before a day that comes after it: sessions may go on, and spans be closed. */
export const isSettledBy = (measure: ResolvedMeasure): boolean =>
  measure.node !== 'trait' && measure.node !== 'spans' && !(measure.node === 'sessions' && measure.of !== 'count');

/** Whether a measure can answer otherwise because of new events, or because an instant has passed that they happened at. */
export const looksAt = (measure: ResolvedMeasure, { names, from }: ChangedEvents): boolean =>
  measure.node !== 'trait' &&
  names.length > 0 &&
  !(measure.window.kind === 'days' && measure.window.to < from && isSettledBy(measure)) &&
  filtersOf(measure).some((filter) => !filter.events || filter.events.some((name) => names.includes(name)));
