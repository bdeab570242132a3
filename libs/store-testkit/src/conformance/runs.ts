import { describe, expect } from 'vitest';
import type { EventStore, Level, NewDelivery, ResultFrame, ResultStore, RunCommit, Transition } from '@rapport/store';
import { keyedColumn, numberColumn, readManifest, textColumn, valueAt } from '@rapport/store';
import type { OpenStore } from './open-store.js';
import { at, event, rejectsWith, traits, withStore } from './facts.js';

const NOW = at('2024-03-01T00:00:00Z');
const MINUTE = 60_000;
const account: Level = { kind: 'account' };

const empty: RunCommit = {
  asOf: NOW,
  epoch: 0,
  manifest: readManifest(null),
  frames: [],
  transitions: [],
  deliveries: [],
};

export const transition = (
  change: 'enter' | 'exit',
  segment: string,
  subject: string,
  rest: Partial<Omit<Transition, 'run'>> = {},
): Omit<Transition, 'run'> => ({
  segment,
  subject,
  kind: 'account',
  change,
  at: NOW,
  reason: `${change}s`,
  facts: { score: 1 },
  baseline: false,
  baselineReason: null,
  baselineText: null,
  ...rest,
});
export const delivery = (key: string, dueAt = NOW, subject = 'acme'): NewDelivery => ({
  key,
  action: 'webhook',
  payload: { playbook: { id: 'alarm', version: '1.0.0' }, text: `it's "${key}"`, list: [1, null] },
  subject: { kind: 'account', id: subject },
  dueAt,
});

/** One whole run. */
export async function commitRun(store: ResultStore & Pick<EventStore, 'epoch'>, commit: Partial<RunCommit>, now = NOW) {
  const lease = await store.begin('engine', now, MINUTE);
  return lease.commit({ ...empty, asOf: now, epoch: await store.epoch(), ...commit }, now);
}

const frame: ResultFrame = {
  level: account,
  subjects: ['acme', '__proto__', 'zeta "Ü" 💼'],
  columns: {
    stickiness: numberColumn([0.1, null, 1 / 3]),
    'stickiness.n': numberColumn([3, 0, 1e15]),
    'stickiness.reason': textColumn([null, 'no-data', null]),
    'usage.class': textColumn(['daily', '', `it's "weekly"`]),
    'adoption.features': keyedColumn('text', [new Map([['b', 2], ['a', 1]]), new Map(), new Map([['__proto__', 0.5]])]), // prettier-ignore
    'usage.days': keyedColumn('days', [new Map([[-1, 1], [19_000, 2.5]]), new Map([[3, 0]]), new Map()]), // prettier-ignore
    'adoption.untried': { type: 'json', values: [['x', 'y'], null, []] },
    'nps.table': { type: 'json', values: [{ a: 1, 'b.c': 2 }, {}, null] },
  },
};

const table = (result: ResultFrame | null) =>
  result && {
    level: result.level,
    subjects: result.subjects,
    columns: new Map(
      Object.entries(result.columns).map(([name, column]) => [name, result.subjects.map((_, i) => valueAt(column, i))]),
    ),
  };

/** Runs: the lease, the commit that is seen whole or not at all, results, and memberships that follow from transitions. */
export function describeRuns(open: OpenStore): void {
  const test = withStore(open);

  describe('the run lease', () => {
    test('lets one holder in', async ({ store }) => {
      const lease = await store.begin('first', NOW, MINUTE);
      await rejectsWith(store.begin('second', NOW + MINUTE - 1, MINUTE), 'RAPPORT_STORE_RUN_BUSY');
      await lease.commit(empty, NOW + 10);
      const next = await store.begin('second', NOW + 20, MINUTE);
      await next.abandon();
    });

    test('lives on while it is extended', async ({ store }) => {
      const lease = await store.begin('first', NOW, MINUTE);
      await lease.extend(NOW + 50_000);
      await rejectsWith(store.begin('second', NOW + 100_000, MINUTE), 'RAPPORT_STORE_RUN_BUSY');
      expect((await lease.commit(empty, NOW + 105_000)).number).toBe(1);
    });

    test('is taken over when it has run out, and the one who lost it cannot commit', async ({ store }) => {
      const lost = await store.begin('first', NOW, MINUTE);
      const lease = await store.begin('second', NOW + MINUTE + 1, MINUTE);
      await rejectsWith(lost.extend(NOW + MINUTE + 2), 'RAPPORT_STORE_LEASE_LOST');
      await rejectsWith(
        lost.commit(
          {
            ...empty,
            frames: [frame],
            transitions: [transition('enter', 's', 'acme')],
            deliveries: [delivery('lost')],
          },
          NOW + MINUTE + 3,
        ),
        'RAPPORT_STORE_LEASE_LOST',
      );
      expect(await store.latestRun()).toBeNull();
      expect(await store.memberships()).toEqual([]);
      expect(await store.list({ limit: 10 })).toEqual([]);
      const run = await lease.commit(empty, NOW + MINUTE + 4);
      expect(await store.latestRun()).toEqual(run);
    });

    test('abandoned by the one who lost it does not free the new holder’s', async ({ store }) => {
      const lost = await store.begin('first', NOW, MINUTE);
      await store.begin('second', NOW + MINUTE + 1, MINUTE);
      await lost.abandon();
      await rejectsWith(store.begin('third', NOW + MINUTE + 2, MINUTE), 'RAPPORT_STORE_RUN_BUSY');
    });

    test('abandoned leaves no trace', async ({ store }) => {
      await (await store.begin('first', NOW, MINUTE)).abandon();
      expect(await store.latestRun()).toBeNull();
      expect(await store.latestRunNumber()).toBeNull();
      expect(await store.runs(10)).toEqual([]);
      expect((await commitRun(store, {})).number).toBe(1);
    });

    test('held by a process that died is free once it has run out', async ({ store, reopen }) => {
      await store.begin('died', NOW, MINUTE);
      const again = await reopen();
      await rejectsWith(again.begin('next', NOW + 1, MINUTE), 'RAPPORT_STORE_RUN_BUSY');
      const lease = await again.begin('next', NOW + MINUTE + 1, MINUTE);
      expect((await lease.commit(empty, NOW + MINUTE + 2)).number).toBe(1);
    });
  });

  describe('a commit', () => {
    test('is seen whole, also after reopening', async ({ store, reopen }) => {
      const lease = await store.begin('engine', NOW, MINUTE);
      const commit: RunCommit = {
        asOf: NOW - 5,
        epoch: 0,
        manifest: {
          ...readManifest({ metrics: { stickiness: { version: '1.0.0', config: { $odd: { 'a.b': null } } } } }),
          state: 'some state',
          inputs: { 'metric/a.b': '1', $x: 'ü', __proto__x: '' },
          definitions: { high: { fingerprint: 'f', reads: ['metric/a.b'] } },
        },
        frames: [
          frame,
          {
            level: { kind: 'portfolio', by: 'plan' },
            subjects: ['', 'pro'],
            columns: { nps: numberColumn([1, null]) },
          },
        ],
        transitions: [
          transition('enter', 'bands.high', 'acme', { facts: { 'score.value': 1, $x: [null, 'ü'] }, baseline: true, baselineReason: 'document', baselineText: 'it’s new' }), // prettier-ignore
        ],
        deliveries: [delivery('k1')],
      };
      expect(await store.latestRun()).toBeNull();
      const run = await lease.commit(commit, NOW + 7);
      expect(run).toEqual({
        number: 1,
        asOf: NOW - 5,
        startedAt: NOW,
        committedAt: NOW + 7,
        manifest: commit.manifest,
      });

      for (const again of [false, true]) {
        const seen = again ? await reopen() : store;
        expect(await seen.latestRun()).toEqual(run);
        expect(await seen.runs(10)).toEqual([run]);
        expect(table(await seen.results(1, account))).toEqual(table(frame));
        expect(table(await seen.results(1, { kind: 'portfolio', by: 'plan' }))?.columns).toEqual(
          new Map([['nps', [1, null]]]),
        );
        expect(await seen.memberships()).toEqual([
          { segment: 'bands.high', subject: 'acme', kind: 'account', enteredAt: NOW, reason: 'enters' },
        ]);
        expect(await seen.transitions({ limit: 10 })).toEqual([{ ...commit.transitions[0], run: 1 }]);
        expect(await seen.list({ limit: 10 })).toMatchObject([
          { ...delivery('k1'), state: 'pending', attempts: 0, lastError: null, deliveredAt: null },
        ]);
      }
    });

    test('that fails leaves nothing', async ({ store }) => {
      const lease = await store.begin('engine', NOW, MINUTE);
      const circular: Record<string, unknown> = {};
      circular['self'] = circular;
      const broken: RunCommit = {
        ...empty,
        frames: [frame],
        transitions: [transition('enter', 's', 'acme')],
        deliveries: [delivery('k1'), { ...delivery('k2'), payload: circular }],
      };
      await expect(lease.commit(broken, NOW)).rejects.toThrow();
      await lease.abandon();
      expect(await store.latestRun()).toBeNull();
      expect(await store.memberships()).toEqual([]);
      expect(await store.transitions({ limit: 10 })).toEqual([]);
      expect(await store.list({ limit: 10 })).toEqual([]);
      expect((await commitRun(store, {})).number).toBe(1);
    });

    test('is numbered one after the other', async ({ store }) => {
      for (const number of [1, 2, 3]) expect((await commitRun(store, {}, NOW + number)).number).toBe(number);
      expect((await store.runs(2)).map((run) => run.number)).toEqual([3, 2]);
      expect((await store.latestRun())?.number).toBe(3);
      expect(await store.latestRunNumber()).toBe(3);
    });
  });

  describe('results', () => {
    test('come back as they were written, all columns or some', async ({ store }) => {
      await commitRun(store, { frames: [frame] });
      const all = await store.results(1, account);
      expect(table(all)).toEqual(table(frame));
      expect(Object.fromEntries(Object.entries(all?.columns ?? {}).map(([name, { type }]) => [name, type]))).toEqual(
        Object.fromEntries(Object.entries(frame.columns).map(([name, { type }]) => [name, type])),
      );
      const some = await store.results(1, account, ['usage.class', 'stickiness', 'no such column']);
      expect(Object.keys(some?.columns ?? {}).sort()).toEqual(['stickiness', 'usage.class']);
      expect(some?.subjects).toEqual(frame.subjects);
    });

    test('are kept per run and level', async ({ store }) => {
      const of = (level: Level, value: number): ResultFrame => ({
        level,
        subjects: ['a'],
        columns: { m: numberColumn([value]) },
      });
      await commitRun(store, { frames: [of(account, 1), of({ kind: 'user' }, 2)] });
      await commitRun(store, { frames: [of(account, 3)] }, NOW + 1);
      const value = async (run: number, level: Level) => {
        const result = await store.results(run, level);
        return result?.columns['m'] && valueAt(result.columns['m'], 0);
      };
      expect(await value(1, account)).toBe(1);
      expect(await value(1, { kind: 'user' })).toBe(2);
      expect(await value(2, account)).toBe(3);
      expect(await store.results(2, { kind: 'user' })).toBeNull();
      expect(await store.results(1, { kind: 'portfolio' })).toBeNull();
      expect(await store.results(1, { kind: 'family', parent: 'plan' })).toBeNull();
      expect(await store.results(1, { kind: 'portfolio', by: 'plan' })).toBeNull();
      expect(await store.results(9, account)).toBeNull();
    });

    test('may be empty', async ({ store }) => {
      await commitRun(store, {
        frames: [
          { level: account, subjects: [], columns: { m: numberColumn([]) } },
          { level: { kind: 'user' }, subjects: ['ann'], columns: {} },
        ],
      });
      expect(table(await store.results(1, account))).toMatchObject({ subjects: [] });
      expect(table(await store.results(1, { kind: 'user' }))).toEqual({
        level: { kind: 'user' },
        subjects: ['ann'],
        columns: new Map(),
      });
    });
  });

  describe('memberships', () => {
    test('follow from transitions: enter, exit, enter again', async ({ store }) => {
      await commitRun(store, {
        transitions: [
          transition('enter', 'high', 'acme'),
          transition('enter', 'high', 'zeta'),
          transition('enter', 'high', 'acme', { kind: 'user' }),
        ],
      });
      await commitRun(store, { transitions: [transition('exit', 'high', 'acme', { at: NOW + 1 })] }, NOW + 1);
      expect((await store.memberships({ segment: 'high' })).map(({ kind, subject }) => [kind, subject])).toEqual([
        ['user', 'acme'],
        ['account', 'zeta'],
      ]);
      await commitRun(
        store,
        { transitions: [transition('enter', 'high', 'acme', { at: NOW + 2, reason: 'again' })] },
        NOW + 2,
      );
      expect(await store.memberships({ segment: 'high', subject: 'acme' })).toContainEqual({
        segment: 'high',
        subject: 'acme',
        kind: 'account',
        enteredAt: NOW + 2,
        reason: 'again',
      });
      expect((await store.transitions({ subject: 'acme', limit: 10 })).map(({ run, change }) => [run, change])).toEqual(
        [
          [3, 'enter'],
          [2, 'exit'],
          [1, 'enter'],
          [1, 'enter'],
        ],
      );
    });

    test('move from one band to another in one run', async ({ store }) => {
      await commitRun(store, { transitions: [transition('enter', 'bands.low', 'acme')] });
      await commitRun(
        store,
        { transitions: [transition('exit', 'bands.low', 'acme'), transition('enter', 'bands.high', 'acme')] },
        NOW + 1,
      );
      expect((await store.memberships({ subject: 'acme' })).map(({ segment }) => segment)).toEqual(['bands.high']);
    });

    test('are asked for by segment, by subject, or all, in order', async ({ store }) => {
      const pairs = [['b', 'x'], ['a', 'y'], ['b', 'a'], ['a', '__proto__'], ['A', `it's "q"`]] as const; // prettier-ignore
      await commitRun(store, { transitions: pairs.map(([segment, subject]) => transition('enter', segment, subject)) });
      const seen = async (query?: { segment?: string; subject?: string }) =>
        (await store.memberships(query)).map(({ segment, subject }) => [segment, subject]);
      expect(await seen()).toEqual([['A', `it's "q"`], ['a', '__proto__'], ['a', 'y'], ['b', 'a'], ['b', 'x']]); // prettier-ignore
      expect(await seen({ segment: 'b' })).toEqual([['b', 'a'], ['b', 'x']]); // prettier-ignore
      expect(await seen({ subject: 'x' })).toEqual([['b', 'x']]);
      expect(await seen({ segment: 'b', subject: 'y' })).toEqual([]);
      expect(await store.transitions({ segment: 'b', limit: 10 })).toHaveLength(2);
      expect(await store.transitions({ limit: 3 })).toHaveLength(3);
    });
  });

  describe('erasure', () => {
    test('takes results, memberships, transitions and deliveries with it', async ({ store, reopen }) => {
      await store.append([
        event('ann', 'Opened', '2024-01-10', { account: 'acme' }),
        traits('account', 'zeta', { plan: 'pro' }, '2024-01-01'),
      ]);
      const level = (of: Level, subjects: readonly string[]): ResultFrame => ({
        level: of,
        subjects,
        columns: {
          m: numberColumn(subjects.map((_, i) => i)),
          t: textColumn(subjects),
          k: keyedColumn('text', subjects.map((subject) => new Map([[subject, 1]]))), // prettier-ignore
          j: { type: 'json', values: subjects.map((subject) => [subject]) },
        },
      });
      await commitRun(store, {
        frames: [
          level(account, ['a0', 'acme', 'zeta']),
          level({ kind: 'user' }, ['acme', 'ann']),
          level({ kind: 'family', parent: 'parent' }, ['acme', 'zeta']),
        ],
        transitions: [
          transition('enter', 's', 'acme'),
          transition('enter', 's', 'zeta'),
          transition('enter', 's', 'acme', { kind: 'user' }),
        ],
        deliveries: [
          delivery('k1'),
          delivery('k2', NOW, 'zeta'),
          { ...delivery('k3'), subject: { kind: 'user', id: 'acme' } },
        ],
      });
      await store.erase({ kind: 'account', id: 'acme' });
      for (const again of [false, true]) {
        const seen = again ? await reopen() : store;
        const results = table(await seen.results(1, account));
        expect(results?.subjects).toEqual(['a0', 'zeta']);
        expect(results?.columns).toEqual(
          new Map<string, unknown>([
            ['m', [0, 2]],
            ['t', ['a0', 'zeta']],
            ['k', [new Map([['a0', 1]]), new Map([['zeta', 1]])]],
            ['j', [['a0'], ['zeta']]],
          ]),
        );
        expect((await seen.results(1, { kind: 'user' }))?.subjects).toEqual(['acme', 'ann']);
        expect((await seen.results(1, { kind: 'family', parent: 'parent' }))?.subjects).toEqual(['zeta']);
        expect((await seen.memberships()).map(({ kind, subject }) => [kind, subject])).toEqual([['user', 'acme'], ['account', 'zeta']]); // prettier-ignore
        expect((await seen.transitions({ limit: 10 })).map(({ kind, subject }) => `${kind} ${subject}`).sort()).toEqual(
          ['account zeta', 'user acme'],
        );
        expect((await seen.list({ limit: 10 })).map(({ key }) => key).sort()).toEqual(['k2', 'k3']);
      }
    });
  });
}
