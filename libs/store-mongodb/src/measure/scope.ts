import type { Zone } from '@rapport/sdk/time';
import type { Level } from '@rapport/store';
import type { Document } from 'mongodb';
import type { Collections } from '../collections.js';
import type { Stage, Visible } from '../expression.js';

/** What one snapshot measures. */
export interface Scope {
  readonly collections: Collections;
  readonly visible: Visible;
  readonly zone: Zone;
  readonly usersAreAccounts: boolean;
  /** Subjects already asked for, by kind and instant, while one call's plans are measured. */
  readonly asked?: Map<string, Promise<ReadonlySet<string>>>;
}

/** The kind whose traits and memberships stand for a level's subjects. */
export const kindOf = ({ usersAreAccounts }: Scope, level: Level): 'account' | 'user' =>
  usersAreAccounts || level.kind === 'user' ? 'user' : 'account';

/** Its subjects are groups of accounts: events are joined with the group that their account is in. */
export const isGrouped = (level: Level): boolean =>
  level.kind === 'family' || (level.kind === 'portfolio' && level.by !== undefined);

/** Up to so many subjects are named to MongoDB, so that it reads their events alone; of more, everything is read and the rest left out. */
const LARGEST_SUBSET = 10_000;

/** Stored ids to narrow a pipeline to; null: not to be narrowed. */
export const narrowedTo = (stored: Iterable<string> | null | undefined): readonly string[] | null => {
  const ids = stored && [...new Set(stored)];
  return ids && ids.length <= LARGEST_SUBSET ? ids : null;
};

/** Runs a pipeline over the messages; groups and sorts may use the disk. */
export const aggregate = <T extends Document>({ collections }: Scope, stages: readonly Stage[]): AsyncIterable<T> =>
  collections.messages.aggregate<T>([...stages], { allowDiskUse: true, batchSize: 10_000 });

export async function collect<T extends Document>(scope: Scope, stages: readonly Stage[]): Promise<T[]> {
  const rows: T[] = [];
  for await (const row of aggregate<T>(scope, stages)) rows.push(row);
  return rows;
}
