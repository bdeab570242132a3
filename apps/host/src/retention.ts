import { zone } from '@rapport/sdk/time';
import { DEFAULT_RETENTION, pruneStore, type Pruned } from '@rapport/store';
import type { Workspace } from './workspace.js';

/** Removes what the workspace's retention policy lets go. */
export const prune = (
  { engine: { store, config, clock } }: Workspace,
  { now = clock.now(), dryRun = false }: { readonly now?: number; readonly dryRun?: boolean } = {},
): Promise<Pruned> => pruneStore(store, { ...DEFAULT_RETENTION, ...config.retention }, now, zone(store.zone), dryRun);
