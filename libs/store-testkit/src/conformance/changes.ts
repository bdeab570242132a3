import { describe, expect } from 'vitest';
import type { Changes, EventStore, Message } from '@rapport/store';
import type { OpenStore, OpenedStore } from './open-store.js';
import { at, event, member, traits, withStore } from './facts.js';

const NOON = at('2024-01-20T12:00:00Z');
const EVENING = at('2024-01-20T18:00:00Z');

/** Four accounts with a user each, `ann` in two of them; all of it before the day of the questions. */
const world: readonly Message[] = [
  member('ann', 'acme', '2024-01-01'),
  member('ann', 'beta', '2024-01-10'),
  member('bob', 'zeta', '2024-01-01'),
  event('ann', 'Opened', '2024-01-05'),
  event('ann', 'Opened', '2024-01-15'),
  event('bob', 'Opened', '2024-01-15'),
  event('cyd', 'Opened', '2024-01-15', { account: 'idle' }),
  event('cyd', 'Cancelled', '2024-01-16', { account: 'idle', properties: { until: '2024-01-20T15:00:00Z' } }),
];

async function stateOf(store: EventStore): Promise<string> {
  const snapshot = await store.snapshot();
  await snapshot.close();
  return snapshot.state;
}

async function changesSince(
  store: EventStore,
  since: { readonly state: string; readonly asOf: number },
  asOf: number,
  effectiveAt: readonly string[] = [],
) {
  const snapshot = await store.snapshot();
  try {
    return whoOf(await snapshot.changes(since, asOf, effectiveAt));
  } finally {
    await snapshot.close();
  }
}

/** Whom changes name. */
const whoOf = (changes: Changes | null) => changes && { accounts: changes.accounts, users: changes.users };

/** What a snapshot says about those whose answers may have changed since an earlier one. */
export function describeChanges(open: OpenStore): void {
  const test = withStore(open);
  const none = { accounts: [], users: [] };

  /** What is named after more messages, from noon to noon. */
  async function after({ store }: OpenedStore, more: readonly Message[]) {
    await store.append(world);
    const state = await stateOf(store);
    await store.append(more);
    return changesSince(store, { state, asOf: NOON }, NOON);
  }

  describe('changes', () => {
    test('are none where nothing happened', async (opened) => {
      expect(await after(opened, [])).toEqual(none);
      expect(await after(opened, world)).toEqual(none);
    });

    test('name the account and the user of a new event, however old it is', async (opened) => {
      expect(await after(opened, [event('bob', 'Opened', '2024-01-02')])).toEqual({ accounts: ['zeta'], users: ['bob'] }); // prettier-ignore
      expect(await after(opened, [event(null, 'Opened', '2024-01-02', { account: 'new' })])).toEqual({ accounts: ['new'], users: [] }); // prettier-ignore
    });

    test('name the subject of a trait', async (opened) => {
      expect(await after(opened, [traits('account', 'beta', { plan: 'pro' }, '2024-01-02')])).toEqual({ accounts: ['beta'], users: [] }); // prettier-ignore
      expect(await after(opened, [traits('user', 'bob', {}, '2024-01-02')])).toEqual({ accounts: [], users: ['bob'] });
    });

    test('name all accounts between which a membership may have moved events', async (opened) => {
      expect(await after(opened, [member('ann', 'zeta', '2024-01-12')])).toEqual({
        accounts: ['acme', 'beta', 'zeta'],
        users: ['ann'],
      });
    });

    test('name those to whom something happened as time went by', async ({ store }) => {
      await store.append([
        ...world,
        event('bob', 'Opened', '2024-01-20T12:00:00Z'),
        event('cyd', 'Opened', '2024-01-20T18:00:00Z', { account: 'idle' }),
        traits('account', 'acme', { plan: 'pro' }, '2024-01-20T17:59:59.999Z'),
      ]);
      const state = await stateOf(store);
      expect(await changesSince(store, { state, asOf: NOON }, EVENING)).toEqual({
        accounts: ['acme', 'zeta'],
        users: ['bob'],
      });
    });

    test('name those for whom something said earlier takes effect', async ({ store }) => {
      await store.append(world);
      const state = await stateOf(store);
      const idle = { accounts: ['idle'], users: ['cyd'] };
      expect(await changesSince(store, { state, asOf: NOON }, EVENING)).toEqual(none);
      expect(await changesSince(store, { state, asOf: NOON }, EVENING, ['other', 'until'])).toEqual(idle);
      const three = at('2024-01-20T15:00:00Z');
      expect(await changesSince(store, { state, asOf: NOON }, three, ['until'])).toEqual(none);
      expect(await changesSince(store, { state, asOf: three }, three + 1, ['until'])).toEqual(idle);
      expect(await changesSince(store, { state, asOf: three + 1 }, EVENING, ['until'])).toEqual(none);
    });

    test('are told after reopening, and by a snapshot that sees no more', async ({ store, reopen }) => {
      await store.append(world);
      const state = await stateOf(store);
      await store.append([event('bob', 'Opened', '2024-01-02')]);
      const again = await reopen();
      const early = await again.snapshot();
      await again.append([event('cyd', 'Opened', '2024-01-02', { account: 'idle' })]);
      expect(whoOf(await early.changes({ state, asOf: NOON }, NOON, []))).toEqual({
        accounts: ['zeta'],
        users: ['bob'],
      });
      expect(await changesSince(again, { state: early.state, asOf: NOON }, NOON)).toEqual({
        accounts: ['idle'],
        users: ['cyd'],
      });
      await early.close();
    });

    test('cannot be told over an erasure, but again after it', async ({ store, reopen }) => {
      await store.append(world);
      const state = await stateOf(store);
      await store.erase({ kind: 'user', id: 'cyd' });
      expect(await changesSince(store, { state, asOf: NOON }, NOON)).toBeNull();
      const again = await reopen();
      const later = await stateOf(again);
      await again.append([event('bob', 'Opened', '2024-01-02')]);
      expect(await changesSince(await reopen(), { state: later, asOf: NOON }, NOON)).toEqual({
        accounts: ['zeta'],
        users: ['bob'],
      });
    });

    test('cannot be told of another store, of a later state, over two days or backwards', async ({ store }) => {
      await store.append(world);
      const early = await store.snapshot();
      await store.append([event('bob', 'Opened', '2024-01-02')]);
      const state = await stateOf(store);
      expect(await early.changes({ state, asOf: NOON }, NOON, [])).toBeNull();
      await early.close();
      const other = await open({ zone: 'UTC' });
      try {
        await other.store.append([...world, event('bob', 'Opened', '2024-01-02')]);
        expect(await changesSince(other.store, { state, asOf: NOON }, NOON)).toBeNull();
      } finally {
        await other.dispose();
      }
      for (const told of ['', 'what', state.slice(1)])
        expect(await changesSince(store, { state: told, asOf: NOON }, NOON)).toBeNull();
      expect(await changesSince(store, { state, asOf: NOON }, at('2024-01-21T00:00:00.001Z'))).toBeNull();
      expect(await changesSince(store, { state, asOf: EVENING }, NOON)).toBeNull();
    });
  });
}
