import fc from 'fast-check';
import { describe, it } from 'vitest';
import { createOracle } from '../oracle.js';
import type { OpenStore } from './open-store.js';
import { same } from './compare.js';
import { expectAlike, expectChanges, expectMeasures } from './observe.js';
import { worlds } from './world.js';

// On a busy machine, or with a slow server, fewer worlds are tried; none at all is a failure. A failure must still have time to shrink and be told.
const TIME_LIMIT = 480_000;

/** Properties of an event store: whatever arrives in whatever order, it answers as the oracle does. */
export function describeWorlds(open: OpenStore, runs: number, seed: number): void {
  const settings = { seed, interruptAfterTimeLimit: TIME_LIMIT };

  describe('random worlds', { timeout: TIME_LIMIT + 60_000 }, () => {
    it('answers every measure at every level as the oracle does', async () => {
      await fc.assert(
        fc.asyncProperty(worlds, async (world) => {
          const oracle = createOracle(world.options);
          const opened = await open(world.options);
          try {
            for (const batch of world.batches)
              same(await opened.store.append(batch), await oracle.append(batch), 'append');
            await expectAlike(opened.store, oracle, world);
          } finally {
            await opened.dispose();
          }
        }),
        { ...settings, numRuns: runs },
      );
    });

    it('keeps a snapshot as it was, names what changed since, and answers alike after repeats, reopening and erasure', async () => {
      await fc.assert(
        fc.asyncProperty(worlds, fc.constantFrom('account', 'user'), fc.nat(), async (world, kind, pick) => {
          const oracle = createOracle(world.options);
          const opened = await open(world.options);
          try {
            let { store } = opened;
            const [first = [], ...rest] = world.batches;
            same(await store.append(first), await oracle.append(first), 'append');
            const [before, expected] = [await store.snapshot(), await oracle.snapshot()];
            for (const batch of rest) same(await store.append(batch), await oracle.append(batch), 'append');
            await expectMeasures(before, expected, world);
            const { state } = before;
            await before.close();

            const everything = world.batches.flat();
            same(await store.append(everything), await oracle.append(everything), 'appending everything again');
            store = await opened.reopen();
            same(
              await store.append(everything),
              await oracle.append(everything),
              'appending everything again after reopening',
            );
            const after = await store.snapshot();
            await expectChanges(after, state, expected, await oracle.snapshot(), world);

            const [frame] = await (
              await oracle.snapshot()
            ).measure([{ level: { kind }, asOf: Number.MAX_SAFE_INTEGER, measures: [] }]);
            const subjects = frame?.subjects ?? [];
            const id = subjects[pick % Math.max(1, subjects.length)] ?? 'nobody';
            same(
              await store.erase({ kind, id }),
              await oracle.erase({ kind, id }),
              `erasing the ${kind} ${JSON.stringify(id)}`,
            );
            await after.close();
            await expectAlike(store, oracle, world);
            same(
              await store.append(everything),
              await oracle.append(everything),
              'appending everything again after erasure',
            );
            same(await store.stats(), await oracle.stats(), 'stats after that');
          } finally {
            await opened.dispose();
          }
        }),
        { ...settings, numRuns: Math.ceil(runs / 3) },
      );
    });
  });
}
