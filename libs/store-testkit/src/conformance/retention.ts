import type { Store } from '@rapport/store';
import { numberColumn, readManifest } from '@rapport/store';
import { describe, expect } from 'vitest';
import type { OpenStore } from './open-store.js';
import { at, rejectsWith, withStore } from './facts.js';
import { commitRun, delivery, transition } from './runs.js';

const NOW = at('2024-03-01T00:00:00Z');
const MINUTE = 60_000;
const numbersOf = async (store: Store) => (await store.runs(100)).map(({ number }) => number);
const frames = (value: number) => [
  { level: { kind: 'account' } as const, subjects: ['acme', 'zeta'], columns: { same: numberColumn([1, 2]), other: numberColumn([value, 0]) } }, // prettier-ignore
];
const manifest = (run: number) => readManifest({ zone: String(run), profiles: { long: 'x'.repeat(500) } });
const allBut = (stay: readonly number[]) => ({
  runs: (runs: readonly { readonly number: number }[]) =>
    runs.map(({ number }) => number).filter((number) => !stay.includes(number)),
  deliveriesBefore: 0,
});
async function otherOf(store: Store, run: number) {
  const frame = await store.results(run, { kind: 'account' });
  return frame && [frame.columns['same'], frame.columns['other']];
}

/** Retention: what may go goes, what is current stays, and what runs share stays as long as one of them does. */
export function describeRetention(open: OpenStore): void {
  const test = withStore(open);

  describe('retention', () => {
    test('takes the runs that it is told to, with their results', async ({ store, reopen }) => {
      for (const run of [1, 2, 3, 4]) await commitRun(store, { frames: frames(run), manifest: manifest(run) }, NOW + run); // prettier-ignore
      expect(await store.prune(allBut([2, 4]))).toMatchObject({ runs: 2 });
      for (const again of [false, true]) {
        const seen = again ? await reopen() : store;
        expect(await numbersOf(seen)).toEqual([4, 2]);
        expect((await seen.runs(9)).map((run) => run.manifest)).toEqual([manifest(4), manifest(2)]);
        expect(await seen.results(1, { kind: 'account' })).toBeNull();
        expect(await otherOf(seen, 2)).toEqual([numberColumn([1, 2]), numberColumn([2, 0])]);
        expect(await otherOf(seen, 4)).toEqual([numberColumn([1, 2]), numberColumn([4, 0])]);
      }
      const seen = await reopen();
      expect((await commitRun(seen, { frames: frames(1) }, NOW + 5)).number).toBe(5);
      expect(await otherOf(seen, 5)).toEqual([numberColumn([1, 2]), numberColumn([1, 0])]);
    });

    test('is shown all runs, oldest first, and never takes the latest', async ({ store }) => {
      await commitRun(store, {}, NOW);
      await commitRun(store, {}, NOW + 1);
      const shown: unknown[] = [];
      await store.prune({ ...allBut([]), runs: (runs) => (shown.push(...runs), runs.map(({ number }) => number)) });
      expect(shown).toEqual([
        { number: 1, asOf: NOW, startedAt: NOW, committedAt: NOW },
        { number: 2, asOf: NOW + 1, startedAt: NOW + 1, committedAt: NOW + 1 },
      ]);
      expect(await numbersOf(store)).toEqual([2]);
      expect(await store.prune(allBut([]))).toEqual({ runs: 0, transitions: 0, deliveries: 0, bytes: 0 });
    });

    test('takes nothing when it is only asked what that would be', async ({ store }) => {
      await commitRun(store, { frames: frames(1), transitions: [transition('exit', 's', 'acme')] }, NOW);
      await commitRun(store, { frames: frames(2) }, NOW + 1);
      const asked = await store.prune(allBut([]), true);
      expect(asked).toMatchObject({ runs: 1, transitions: 1 });
      expect(await numbersOf(store)).toEqual([2, 1]);
      expect(await otherOf(store, 1)).not.toBeNull();
      expect(await store.prune(allBut([]))).toEqual(asked);
    });

    test('keeps memberships, and the transitions that they rest on', async ({ store, reopen }) => {
      const enter = transition('enter', 'high', 'acme');
      await commitRun(store, { transitions: [enter, transition('enter', 'high', 'zeta'), transition('enter', 'high', 'acme', { kind: 'user' })] }, NOW); // prettier-ignore
      await commitRun(store, { transitions: [transition('exit', 'high', 'acme', { at: NOW + 1 })] }, NOW + 1);
      await commitRun(store, { transitions: [{ ...enter, at: NOW + 2 }] }, NOW + 2);
      await commitRun(store, { transitions: [transition('exit', 'high', 'zeta', { at: NOW + 3 })] }, NOW + 3);
      const members = await store.memberships();
      expect(await store.prune(allBut([]))).toMatchObject({ runs: 3, transitions: 3 });
      const seen = await reopen();
      expect(await seen.memberships()).toEqual(members);
      expect(
        (await seen.transitions({ limit: 9 })).map(({ run, kind, subject, change }) => [run, kind, subject, change]),
      ).toEqual([
        [4, 'account', 'zeta', 'exit'],
        [3, 'account', 'acme', 'enter'],
        [1, 'user', 'acme', 'enter'],
      ]);
    });

    test('takes deliveries that are over, and never one that is pending', async ({ store }) => {
      await commitRun(store, { deliveries: [delivery('sent'), delivery('parked'), delivery('late', NOW + 2), delivery('waits')] }); // prettier-ignore
      await store.claim(NOW + 2, 9, MINUTE);
      await store.delivered('sent', NOW + 9);
      await store.delivered('late', NOW + 9);
      await store.failed('parked', 'HTTP 410', null);
      await store.failed('waits', 'HTTP 503', NOW);
      const what = { runs: () => [], deliveriesBefore: NOW + 1 };
      expect(await store.prune(what)).toMatchObject({ deliveries: 2 });
      expect((await store.list({ limit: 9 })).map(({ key }) => key)).toEqual(['waits', 'late']);
    });

    test('leaves a run under way alone', async ({ store }) => {
      await commitRun(store, { frames: frames(1) }, NOW);
      const lease = await store.begin('engine', NOW + 1, MINUTE);
      await store.prune(allBut([]));
      await rejectsWith(store.begin('other', NOW + 2, MINUTE), 'RAPPORT_STORE_RUN_BUSY');
      await lease.commit({ asOf: NOW, epoch: 0, manifest: manifest(2), frames: frames(1), transitions: [], deliveries: [] }, NOW + 3); // prettier-ignore
      await store.prune(allBut([]));
      expect(await numbersOf(store)).toEqual([2]);
      expect(await otherOf(store, 2)).toEqual([numberColumn([1, 2]), numberColumn([1, 0])]);
    });
  });
}
