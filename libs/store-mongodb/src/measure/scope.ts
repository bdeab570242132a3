import type { Level, Zone } from '@rapport/store';
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

/** Runs a pipeline over the messages; groups and sorts may use the disk. */
export const aggregate = <T extends Document>({ collections }: Scope, stages: readonly Stage[]): AsyncIterable<T> =>
  collections.messages.aggregate<T>([...stages], { allowDiskUse: true, batchSize: 10_000 });

export async function collect<T extends Document>(scope: Scope, stages: readonly Stage[]): Promise<T[]> {
  const rows: T[] = [];
  for await (const row of aggregate<T>(scope, stages)) rows.push(row);
  return rows;
}
