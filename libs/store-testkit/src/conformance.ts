import { describe } from 'vitest';
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
    describeErasure(open);
    describeRetention(open);
    describeWorlds(open, runs, seed);
  });
}

export type { OpenedStore, OpenStore } from './conformance/open-store.js';
