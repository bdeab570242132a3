import { describe, expect } from 'vitest';
import type { OpenStore } from './open-store.js';
import { at, withStore } from './facts.js';
import { commitRun, delivery } from './runs.js';

const NOW = at('2024-03-01T00:00:00Z');
const MINUTE = 60_000;
const keys = (deliveries: readonly { readonly key: string }[]) => deliveries.map(({ key }) => key);

/** The outbox: each delivery once, in order, leased, retried, parked, replayed. */
export function describeDeliveries(open: OpenStore): void {
  const test = withStore(open);

  describe('the outbox', () => {
    test('holds a key once, whatever becomes of it', async ({ store }) => {
      await commitRun(store, { deliveries: [delivery('k1'), delivery('k1', NOW - 5)] });
      await commitRun(store, { deliveries: [delivery('k1', NOW - 9), delivery('k2')] }, NOW + 1);
      expect((await store.list({ limit: 10 })).map(({ key, dueAt }) => [key, dueAt]).sort()).toEqual([['k1', NOW], ['k2', NOW]]); // prettier-ignore
      await store.claim(NOW, 10, MINUTE);
      await store.delivered('k1', NOW + 2);
      await commitRun(store, { deliveries: [delivery('k1')] }, NOW + 3);
      expect(keys(await store.list({ state: 'delivered', limit: 10 }))).toEqual(['k1']);
      expect(await store.list({ limit: 10 })).toHaveLength(2);
    });

    test('gives out what is due, oldest first, and no more than asked for', async ({ store }) => {
      await commitRun(store, {
        deliveries: [delivery('late', NOW + 1), delivery('b', NOW - 1), delivery('a', NOW), delivery('c', NOW - 2)],
      });
      expect(keys(await store.claim(NOW, 2, MINUTE))).toEqual(['c', 'b']);
      expect(keys(await store.claim(NOW, 2, MINUTE))).toEqual(['a']);
      expect(await store.claim(NOW, 2, MINUTE)).toEqual([]);
      expect(keys(await store.claim(NOW + 1, 2, MINUTE))).toEqual(['late']);
    });

    test('leaves out actions that are not asked for', async ({ store }) => {
      const of = (key: string, action: string) => ({ ...delivery(key), action });
      await commitRun(store, { deliveries: [of('a', 'slack'), of('b', "o'brien"), of('c', 'mail'), of('d', 'mail')] });
      expect(keys(await store.claim(NOW, 10, MINUTE, ['mail', 'slack']))).toEqual(['b']);
      expect(keys(await store.claim(NOW, 1, MINUTE, ['slack']))).toHaveLength(1);
      expect(await store.claim(NOW, 10, MINUTE, ['slack', 'mail'])).toEqual([]);
      expect(keys(await store.claim(NOW, 10, MINUTE))).toHaveLength(2);
    });

    test('hands over the payload as it was, and counts attempts', async ({ store }) => {
      await commitRun(store, { deliveries: [delivery('k1')] });
      expect(await store.claim(NOW, 1, MINUTE)).toEqual([
        { ...delivery('k1'), state: 'pending', attempts: 1, lastError: null, deliveredAt: null },
      ]);
    });

    test('gives a delivery out again when its lease has run out', async ({ store, reopen }) => {
      await commitRun(store, { deliveries: [delivery('k1')] });
      await store.claim(NOW, 1, MINUTE);
      const again = await reopen();
      expect(await again.claim(NOW + MINUTE - 1, 1, MINUTE)).toEqual([]);
      expect(await again.claim(NOW + MINUTE + 1, 1, MINUTE)).toMatchObject([{ key: 'k1', attempts: 2 }]);
    });

    test('gives each delivery to one of several that ask at once', async ({ store }) => {
      const all = Array.from({ length: 30 }, (_, i) => delivery(`k${String(i).padStart(2, '0')}`, NOW - 100 + i));
      await commitRun(store, { deliveries: all });
      const claims = await Promise.all(Array.from({ length: 6 }, () => store.claim(NOW, 5, MINUTE)));
      expect(keys(claims.flat()).sort()).toEqual(keys(all));
    });

    test('forgets what was delivered, but can show it', async ({ store, reopen }) => {
      await commitRun(store, { deliveries: [delivery('k1')] });
      await store.claim(NOW, 1, MINUTE);
      await store.delivered('k1', NOW + 5);
      const again = await reopen();
      expect(await again.claim(NOW + 10 * MINUTE, 1, MINUTE)).toEqual([]);
      expect(await again.list({ state: 'delivered', limit: 10 })).toEqual([
        { ...delivery('k1'), state: 'delivered', attempts: 1, lastError: null, deliveredAt: NOW + 5 },
      ]);
      expect(await again.list({ state: 'pending', limit: 10 })).toEqual([]);
    });

    test('tries again when it is told to', async ({ store }) => {
      await commitRun(store, { deliveries: [delivery('k1')] });
      await store.claim(NOW, 1, MINUTE);
      await store.failed('k1', 'HTTP 503: "busy"', NOW + 10);
      expect(await store.claim(NOW + 9, 1, MINUTE)).toEqual([]);
      expect(await store.claim(NOW + 10, 1, MINUTE)).toMatchObject([
        { key: 'k1', attempts: 2, lastError: 'HTTP 503: "busy"', dueAt: NOW + 10 },
      ]);
    });

    test('parks what must not be tried again, until someone replays it', async ({ store, reopen }) => {
      await commitRun(store, { deliveries: [delivery('k1'), delivery('k2', NOW + 1)] });
      await store.claim(NOW, 1, MINUTE);
      expect(await store.replay('k1', NOW)).toBe(false);
      await store.failed('k1', 'HTTP 410', null);
      const again = await reopen();
      expect(await again.claim(NOW, 1, MINUTE)).toEqual([]);
      expect(await again.list({ state: 'parked', limit: 10 })).toMatchObject([
        { key: 'k1', attempts: 1, lastError: 'HTTP 410' },
      ]);
      expect(await again.replay('k1', NOW + 20)).toBe(true);
      expect(await again.replay('k1', NOW + 20)).toBe(false);
      expect(await again.replay('no such key', NOW + 20)).toBe(false);
      expect(await again.list({ state: 'pending', limit: 10 })).toHaveLength(2);
      expect(await again.claim(NOW + 20, 10, MINUTE)).toMatchObject([
        { key: 'k2', attempts: 1 },
        { key: 'k1', attempts: 1, dueAt: NOW + 20 },
      ]);
    });

    test('lists no more than asked for', async ({ store }) => {
      await commitRun(store, { deliveries: [delivery('a'), delivery('b'), delivery('c')] });
      expect(await store.list({ limit: 2 })).toHaveLength(2);
      expect(await store.list({ state: 'parked', limit: 2 })).toEqual([]);
    });
  });
}
