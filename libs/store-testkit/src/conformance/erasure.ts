import type { Level, Message, ResultFrame, Store, Subject } from '@rapport/store';
import { numberColumn, readManifest } from '@rapport/store';
import { describe, expect } from 'vitest';
import type { OpenStore } from './open-store.js';
import { at, event, everything, measured, member, rejectsWith, traits, withStore } from './facts.js';
import { commitRun, delivery, transition } from './runs.js';
import { count, lifetime } from '@rapport/sdk';

const NOW = at('2024-03-01T00:00:00Z');
const MINUTE = 60_000;
const acme: Subject = { kind: 'account', id: 'acme' };
const nobody: Subject = { kind: 'user', id: 'nobody' };

const frame = (level: Level, subjects: readonly string[]): ResultFrame => ({
  level,
  subjects,
  columns: { m: numberColumn(subjects.map((_, i) => i)) },
});
const historyDay = (day: number, subjects: readonly string[], level: Level = { kind: 'account' }) => ({
  level,
  day,
  asOf: NOW,
  subjects,
  metrics: { nps: { origin: 'nps@1', values: numberColumn(subjects.map(() => 1)) } },
});

async function messagesOf(store: Store, subject: Subject): Promise<readonly Message[]> {
  const snapshot = await store.snapshot();
  const messages: Message[] = [];
  for await (const batch of snapshot.messagesOf(subject)) messages.push(...batch);
  await snapshot.close();
  return messages;
}

/** Erasure: the epoch that keeps what was worked out before from being written, the counts, and what is held of a subject. */
export function describeErasure(open: OpenStore): void {
  const test = withStore(open);

  describe('the erasure epoch', () => {
    test('grows with every erasure, and a snapshot has the one of its data', async ({ store, reopen }) => {
      const before = await store.snapshot();
      expect(before.epoch).toBe(await store.epoch());
      await store.append([event('ann', 'Opened', '2024-01-10', { account: 'acme' })]);
      const between = await store.snapshot();
      expect(between.epoch).toBe(before.epoch);
      await store.erase(nobody);
      const raised = await store.epoch();
      expect(raised).toBeGreaterThan(before.epoch);
      const after = await store.snapshot();
      expect([between.epoch, after.epoch]).toEqual([before.epoch, raised]);
      for (const snapshot of [before, between, after]) await snapshot.close();
      expect(await (await reopen()).epoch()).toBe(raised);
    });

    test('refuses the commit of a run that rests on an earlier one, whole', async ({ store }) => {
      const lease = await store.begin('engine', NOW, MINUTE);
      const epoch = await store.epoch();
      await store.erase(nobody);
      const commit = {
        asOf: NOW,
        epoch,
        manifest: readManifest(null),
        frames: [frame({ kind: 'account' }, ['acme'])],
        transitions: [transition('enter', 's', 'acme')],
        deliveries: [delivery('k1')],
      };
      await rejectsWith(lease.commit(commit, NOW), 'RAPPORT_STORE_ERASED');
      await lease.abandon();
      expect(await store.latestRun()).toBeNull();
      expect(await store.memberships()).toEqual([]);
      expect(await store.list({ limit: 10 })).toEqual([]);
      expect((await commitRun(store, { transitions: commit.transitions })).number).toBe(1);
    });

    test('refuses history that rests on an earlier one, and keeps what was there', async ({ store }) => {
      const epoch = await store.epoch();
      await store.putHistory([historyDay(19_000, ['beta'])], epoch);
      await store.erase(nobody);
      await rejectsWith(store.putHistory([historyDay(19_000, ['acme', 'beta'])], epoch), 'RAPPORT_STORE_ERASED');
      const seen = await store.history({ level: { kind: 'account' }, metrics: ['nps'], from: 0, to: 20_000 });
      expect(seen.map(({ subjects }) => subjects)).toEqual([['beta']]);
      await store.putHistory([historyDay(19_000, ['beta', 'zeta'])], await store.epoch());
    });
  });

  describe('an erasure', () => {
    test('says how much it took, by kind, and takes nothing twice', async ({ store }) => {
      await store.append([
        event('ann', 'Opened', '2024-01-10', { account: 'acme' }),
        event('ann', 'Opened', '2024-01-11', { account: 'zeta' }),
        member('bob', 'acme', '2024-01-01'),
        event('bob', 'Opened', '2024-01-12'),
        traits('account', 'acme', { plan: 'pro', seats: 4 }, '2024-01-01'),
        traits('account', 'acme', { plan: 'free' }, '2024-01-02'),
        traits('account', 'zeta', { plan: 'free' }, '2024-01-02'),
      ]);
      await commitRun(store, {
        frames: [
          frame({ kind: 'account' }, ['acme', 'zeta']),
          frame({ kind: 'family', parent: 'parent' }, ['acme']),
          frame({ kind: 'user' }, ['acme', 'ann']),
        ],
        transitions: [
          transition('enter', 's', 'acme'),
          transition('enter', 't', 'acme'),
          transition('enter', 's', 'zeta'),
        ],
        deliveries: [delivery('k1'), delivery('k2', NOW, 'zeta')],
      });
      await commitRun(
        store,
        { frames: [frame({ kind: 'account' }, ['acme'])], transitions: [transition('exit', 't', 'acme')] },
        NOW + 1,
      );
      const days = [historyDay(19_000, ['acme', 'zeta']), historyDay(19_001, ['acme']), historyDay(19_002, ['zeta'])];
      await store.putHistory(days, await store.epoch());

      expect(await store.erase(acme)).toEqual({
        events: 2,
        traits: 2,
        members: 1,
        results: 3,
        history: 2,
        memberships: 1,
        transitions: 3,
        deliveries: 1,
      });
      const nothing = { events: 0, traits: 0, members: 0, results: 0, history: 0, memberships: 0, transitions: 0, deliveries: 0 }; // prettier-ignore
      expect(await store.erase(acme)).toEqual(nothing);
      expect(await messagesOf(store, acme)).toEqual([]);
    });

    test('keeps message ids known, and lets new messages in', async ({ store }) => {
      const message = event('ann', 'Opened', '2024-01-10', { account: 'acme', id: 'm1' });
      await store.append([message]);
      await store.erase(acme);
      expect(await store.append([message])).toEqual({ accepted: 0, duplicates: 1 });
      expect(await store.append([{ ...message, id: 'm2' }])).toEqual({ accepted: 1, duplicates: 0 });
      expect(await measured(store, count(everything, lifetime()), '2024-02-01')).toEqual({ acme: 1 });
    });
  });

  describe('what is held of a subject', () => {
    const opened = event('ann', 'Opened', '2024-01-10', {
      id: 'e1',
      properties: { 'a.b': [1, null], $x: 'ü', n: null },
    });
    const joined = member('ann', 'acme', '2024-01-01', 'm1');
    const named = traits('user', 'ann', { name: 'Ann', seats: 3, old: null }, '2024-01-02', 't1');
    const given = event('ann', 'Closed', '2024-01-09', { id: 'e2', account: 'zeta', session: 's1' });
    const others = [
      event('bob', 'Opened', '2024-01-10', { account: 'zeta' }),
      traits('account', 'ann', { plan: 'pro' }, '2024-01-01'),
    ];
    const placed = (message: Message, account: string) =>
      message.event ? { ...message, event: { ...message.event, account } } : message;

    test('are the messages about it, in order', async ({ store, reopen }) => {
      await store.append([opened, ...others, given, named, joined]);
      for (const again of [false, true]) {
        const seen = again ? await reopen() : store;
        expect(await messagesOf(seen, { kind: 'user', id: 'ann' })).toEqual([joined, named, placed(given, 'zeta'), placed(opened, 'acme')]); // prettier-ignore
        expect(await messagesOf(seen, acme)).toEqual([joined, placed(opened, 'acme')]);
        expect(await messagesOf(seen, nobody)).toEqual([]);
      }
    });

    test(
      'are those of the user where every user is an account',
      async ({ store }) => {
        await store.append([opened, named]);
        for (const kind of ['account', 'user'] as const)
          expect(await messagesOf(store, { kind, id: 'ann' })).toEqual([named, placed(opened, 'ann')]);
      },
      { zone: 'UTC', accounts: 'users' },
    );

    test('come in batches, all of them', async ({ store }) => {
      const many = Array.from({ length: 12_000 }, (_, i) =>
        event('ann', 'Opened', '2024-01-10', { id: `e${String(i).padStart(5, '0')}`, account: 'acme' }),
      );
      await store.append(many);
      expect((await messagesOf(store, acme)).map(({ id }) => id)).toEqual(many.map(({ id }) => id));
    });

    test('are its deliveries', async ({ store }) => {
      await commitRun(store, {
        deliveries: [
          delivery('k1'),
          delivery('k2', NOW, 'zeta'),
          { ...delivery('k3'), subject: { kind: 'user', id: 'acme' } },
        ],
      });
      expect((await store.list({ subject: acme, limit: 10 })).map(({ key }) => key)).toEqual(['k1']);
      expect(await store.list({ subject: acme, state: 'parked', limit: 10 })).toEqual([]);
    });
  });
}
