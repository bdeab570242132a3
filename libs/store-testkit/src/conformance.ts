import { describe } from 'vitest';
import type { Store, StoreOptions } from '@rapport/store';
import { describeChanges } from './conformance/changes.js';
import { describeDeliveries } from './conformance/deliveries.js';
import { describeDocuments } from './conformance/documents.js';
import { describeHistory } from './conformance/history.js';
import { describeIngest } from './conformance/ingest.js';
import { describeRuns } from './conformance/runs.js';
import { describeTimes } from './conformance/times.js';
import { describeWorlds } from './conformance/worlds.js';

/** A fresh, empty store in a place of its own. */
export interface OpenedStore {
  readonly store: Store;
  /** Closes the store, if it is open, and opens it again from the same place; with other options where given. */
  readonly reopen: (options?: Partial<StoreOptions>) => Promise<Store>;
  /** Closes the store and removes what it left. */
  readonly dispose: () => Promise<void>;
}
export type OpenStore = (options: StoreOptions) => Promise<OpenedStore>;

/**
 * Registers the tests (vitest) that every store must pass: call it in a test file. The environment's RAPPORT_RUNS sets how many random worlds are
 * tried (default 30, or `runs`), RAPPORT_SEED which ones.
 */
export function describeStore(name: string, open: OpenStore, options: { readonly runs?: number } = {}): void {
  const runs = Number(process.env['RAPPORT_RUNS'] ?? options.runs ?? 30);
  const seed = Number(process.env['RAPPORT_SEED'] ?? 20240229);
  describe(name, () => {
    describeIngest(open);
    describeChanges(open);
    describeRuns(open);
    describeHistory(open);
    describeDocuments(open);
    describeDeliveries(open);
    describeTimes(open);
    describeWorlds(open, runs, seed);
  });
}
