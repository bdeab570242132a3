import type { NumberColumn } from './column.js';
import { groupBy } from './group.js';
import type { HistoryDay } from './ports.js';

/** One metric of one day, as a history holds it. */
export interface HistoryEntry extends Pick<HistoryDay, 'level' | 'day' | 'asOf' | 'subjects'> {
  /** Names the set of subjects: entries with another may have other subjects. */
  readonly set: string;
  readonly metric: string;
  readonly origin: string;
  readonly values: NumberColumn;
}

/** Entries as days, ascending: those of one day, instant and set of subjects together. */
export function historyDays(entries: readonly HistoryEntry[]): readonly HistoryDay[] {
  const ordered = [...entries].sort((a, b) => a.day - b.day);
  const days = groupBy(ordered, ({ day, asOf, set }) => JSON.stringify([day, asOf, set]));
  return [...days.values()].flatMap((together) => {
    const [first] = together;
    if (!first) return [];
    const { level, day, asOf, subjects } = first;
    const metrics = together.map(({ metric, origin, values }) => [metric, { origin, values }] as const);
    return [{ level, day, asOf, subjects, metrics: Object.fromEntries(metrics) }];
  });
}
