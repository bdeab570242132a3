import type { Filter } from '@rapport/sdk';
import type { ResolvedMeasure } from './plan.js';

/** The filters of the events that a measure looks at. */
export function filtersOf(measure: Exclude<ResolvedMeasure, { node: 'trait' }>): readonly Filter[] {
  if (measure.node !== 'spans') return [measure.filter, ...(('qualifying' in measure && measure.qualifying) || [])];
  const { open, change, close } = measure.spans;
  return [open, close, ...(change ? [change] : [])];
}

/** Whether a measure can answer otherwise because of new events of these names, or because an instant has passed that they happened at. */
export const looksAt = (measure: ResolvedMeasure, events: ReadonlySet<string>): boolean =>
  measure.node !== 'trait' &&
  events.size > 0 &&
  filtersOf(measure).some((filter) => !filter.events || filter.events.some((name) => events.has(name)));
