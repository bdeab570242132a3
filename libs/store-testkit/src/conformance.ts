import { describe, inject } from 'vitest';
import { describeChanges } from './conformance/changes.js';
import { describeDeliveries } from './conformance/deliveries.js';
import { describeDocuments } from './conformance/documents.js';
import { describeErasure } from './conformance/erasure.js';
import { describeHistory } from './conformance/history.js';
import { describeIngest } from './conformance/ingest.js';
import { describeRetention } from './conformance/retention.js';
import { describeRuns } from './conformance/runs.js';
import type { OpenStore } from './conformance/open-store.js';
import { describeTimes } from './conformance/times.js';
import { describeWorlds } from './conformance/worlds.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** How many times as many random worlds as usual. */
    runs: number;
  }
}

/**
 * Registers the tests (vitest) that every store must pass: call it in a test file. Tries `runs` random worlds (default 30), times what the vitest
 * configuration provides as `runs`; RAPPORT_SEED says which ones.
 */
export function describeStore(name: string, open: OpenStore, options: { readonly runs?: number } = {}): void {
  const { runs: usual = 30 } = options;
  const runs = Math.ceil(usual * ((inject('runs') as number | undefined) ?? 1));
  const seed = Number(process.env['RAPPORT_SEED'] ?? 20240229);
  describe(name, () => {
    describeIngest(open);
    describeChanges(open);
    describeRuns(open);
    describeHistory(open);
    describeDocuments(open);
    describeDeliveries(open);
    describeTimes(open);
    describeErasure(open);
    describeRetention(open);
    describeWorlds(open, runs, seed);
  });
}

export type { OpenedStore, OpenStore } from './conformance/open-store.js';
