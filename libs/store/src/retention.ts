import type { Pruned, RetentionStore, Run } from './ports.js';
import type { Zone } from '@rapport/sdk/time';

/** How long what runs leave is kept. What is current is always kept: the latest run, memberships, pending deliveries. */
export interface RetentionPolicy {
  /** All runs of so many days, and deliveries that are over. */
  readonly days: number;
  /** Also the last run of every calendar month before. */
  readonly monthEnds: boolean;
}
export const DEFAULT_RETENTION: RetentionPolicy = { days: 30, monthEnds: true };
const DAY = 86_400_000;

/** Numbers of the runs that a policy lets go, by when they were committed; months are those of the zone. */
export function runsToPrune(
  runs: readonly Pick<Run, 'number' | 'committedAt'>[],
  { days, monthEnds }: RetentionPolicy,
  now: number,
  zone: Zone,
): readonly number[] {
  const monthOf = (instant: number) => new Date(zone.dayOf(instant) * DAY).toISOString().slice(0, 7);
  const newestFirst = [...runs].sort((a, b) => b.number - a.number);
  const months = new Set<string>();
  return newestFirst.flatMap(({ number, committedAt }, i) => {
    const isMonthEnd = !months.has(monthOf(committedAt));
    months.add(monthOf(committedAt));
    const stays = i === 0 || committedAt >= now - days * DAY || (monthEnds && isMonthEnd);
    return stays ? [] : [number];
  });
}

/** Removes what a policy lets go; with `dryRun` only says what that would be. */
export const pruneStore = (
  store: RetentionStore,
  policy: RetentionPolicy,
  now: number,
  zone: Zone,
  dryRun = false,
): Promise<Pruned> =>
  store.prune(
    { runs: (committed) => runsToPrune(committed, policy, now, zone), deliveriesBefore: now - policy.days * DAY },
    dryRun,
  );
