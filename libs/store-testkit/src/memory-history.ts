import type { HistoryEntry, HistoryStore, Subject } from '@rapport/store';
import { groupBy, historyDays, levelName, numberColumn, storeErased, subjectKindOf, valueAt } from '@rapport/store';

export interface MemoryHistory extends HistoryStore {
  /** Takes a subject out, as an erasure does; returns from how many days of how many levels. */
  readonly forget: (subject: Subject) => number;
}

/** The plainest history there could be: a list. For tests of what is above stores. */
/** @param epoch the store's erasure epoch */
export function memoryHistory(epoch: () => Promise<number>): MemoryHistory {
  let entries: readonly HistoryEntry[] = [];
  const without = (entry: HistoryEntry, id: string): HistoryEntry => entryOf(entry, entry.subjects.filter((subject) => subject !== id)); // prettier-ignore
  return {
    async putHistory(days, of) {
      if (of !== (await epoch())) throw storeErased();
      for (const { metrics, ...day } of days) {
        const level = levelName(day.level);
        const stays = (entry: HistoryEntry) =>
          entry.day !== day.day || levelName(entry.level) !== level || !Object.hasOwn(metrics, entry.metric);
        const put = Object.entries(structuredClone(metrics)).map(([metric, { origin, values }]) => ({
          ...structuredClone(day),
          set: JSON.stringify(day.subjects),
          metric,
          origin,
          values,
        }));
        entries = [...entries.filter(stays), ...put];
      }
    },
    history({ metrics, subject, ...query }) {
      const asked = about(entries, query).filter(({ metric }) => metrics.includes(metric));
      const known = asked.filter(({ subjects }) => subject === undefined || subjects.includes(subject));
      return Promise.resolve(historyDays(subject === undefined ? known : known.map((entry) => entryOf(entry, [subject])))); // prettier-ignore
    },
    historyOrigins(query) {
      const days = groupBy(about(entries, query), ({ day }) => day);
      const origins = [...days].map(
        ([day, its]) => [day, Object.fromEntries(its.map(({ metric, origin }) => [metric, origin]))] as const,
      );
      return Promise.resolve(new Map(origins.sort(([a], [b]) => a - b)));
    },
    forget({ kind, id }) {
      const its = (entry: HistoryEntry) => subjectKindOf(entry.level) === kind && entry.subjects.includes(id);
      const days = new Set(entries.filter(its).map(({ level, day }) => JSON.stringify([level, day])));
      entries = entries.map((entry) => (its(entry) ? without(entry, id) : entry));
      return days.size;
    },
  };
}

const about = (
  entries: readonly HistoryEntry[],
  query: Pick<Parameters<HistoryStore['historyOrigins']>[0], 'level' | 'from' | 'to'>,
) =>
  // prettier-ignore
  entries.filter(
    ({ level, day }) => levelName(level) === levelName(query.level) && day >= query.from && day <= query.to,
  );

/** The entry with some of its subjects. */
function entryOf(entry: HistoryEntry, subjects: readonly string[]): HistoryEntry {
  const rows = new Map(entry.subjects.map((subject, row) => [subject, row]));
  const values = subjects.map((subject) => valueAt(entry.values, rows.get(subject) ?? -1) as number | null);
  return { ...entry, subjects, set: JSON.stringify(subjects), values: numberColumn(values) };
}
