import {
  type Call,
  checkMetric,
  evaluateMetric,
  group,
  type OracleAnswer,
  type OracleSubject,
  track,
} from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import coreActions from './index.js';

// 30 days up to this midnight: 30 January … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const config = { actions: ['Report Shared', 'Board Created'] };
const does = (
  event: string,
  user: string | null = 'ann',
  time = '2026-02-10T09:00:00Z',
  more: { account?: string; id?: string } = {},
) => track(user, event, time, {}, { account: 'acme', ...more });
const evaluate = (calls: readonly Call[], given: object = config, more = {}) =>
  evaluateMetric(coreActions, { calls, asOf, config: given, subject: { kind: 'account', id: 'acme' }, ...more });

function oracle(
  { events, asOf, calendar }: OracleSubject,
  config: { actions: string[]; events: string[] },
): OracleAnswer {
  if (events.length === 0) return { value: null, reason: 'no-data', n: null };
  const from = calendar.startOfDay(calendar.dayOf(asOf - 1) - 29);
  const byAction: Record<string, number> = Object.fromEntries(config.actions.map((action) => [action, 0]));
  const users = new Set<string>();
  let value = 0;
  for (const { time, event, user } of events) {
    if (time < from) continue;
    if (user !== null && (config.events.length === 0 || config.events.includes(event))) users.add(user);
    if (!config.actions.includes(event)) continue;
    byAction[event] = (byAction[event] ?? 0) + 1;
    value++;
  }
  const perActiveUser = users.size === 0 ? null : value / users.size;
  return { value, reason: null, n: value, parts: { byAction, activeUsers: users.size, perActiveUser } };
}

describe('core user actions', () => {
  const example = [
    does('Report Shared', 'ann', '2026-02-10T09:00:00Z'),
    does('Report Shared', 'ann', '2026-02-11T09:00:00Z'),
    does('Board Created', 'ben', '2026-02-12T09:00:00Z'),
    does('Signed In', 'cleo', '2026-02-13T09:00:00Z'),
    does('Signed In', 'dan', '2026-02-14T09:00:00Z'),
  ];

  it('computes the example of the README', async () => {
    expect(await evaluate(example)).toEqual({
      value: 3,
      reason: null,
      n: 3,
      parts: { byAction: { 'Report Shared': 2, 'Board Created': 1 }, activeUsers: 4, perActiveUser: 0.75 },
    });
  });

  it('is 0 for an account that does other things, or went quiet, and has no value for one that never had an event', async () => {
    expect(await evaluate([does('Signed In')])).toEqual({
      value: 0,
      reason: null,
      n: 0,
      parts: { byAction: { 'Report Shared': 0, 'Board Created': 0 }, activeUsers: 1, perActiveUser: 0 },
    });
    expect(await evaluate([does('Report Shared', 'ann', '2025-06-01')])).toMatchObject({
      value: 0,
      parts: { activeUsers: 0, perActiveUser: null },
    });
    expect(await evaluate([group('acme', {}, '2026-01-01')])).toEqual({
      value: null,
      reason: 'no-data',
      n: null,
      parts: {},
    });
  });

  it('takes features used, orders and invitations when nothing is configured', async () => {
    const calls = [does('Feature Used'), does('Order Completed'), does('Invite Sent'), does('Signed In')];
    expect((await evaluate(calls, {})).value).toBe(3);
  });

  it('counts actions that no user is known for', async () => {
    expect(await evaluate([does('Report Shared', null)])).toMatchObject({
      value: 1,
      parts: { activeUsers: 0, perActiveUser: null },
    });
  });

  it('counts a message once, in any order of arrival', async () => {
    const calls = [does('Report Shared', 'ann', '2026-02-12', { id: 'm1' }), ...example];
    const again = [...calls.toReversed(), does('Report Shared', 'ann', '2026-02-12', { id: 'm1' })];
    expect((await evaluate(calls)).value).toBe(4);
    expect((await evaluate(again)).value).toBe(4);
  });

  it.each([
    ['just before the window', '2026-01-29T23:59:59.999Z', 0],
    ['as the window opens', '2026-01-30T00:00:00Z', 1],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 1],
    ['at asOf', '2026-03-01T00:00:00Z', null],
  ])('with one action %s is as it should be', async (_, time, value) => {
    expect((await evaluate([does('Report Shared', 'ann', time)])).value).toBe(value);
  });

  it('cuts days in the workspace’s zone', async () => {
    const calls = [does('Report Shared', 'ann', '2026-01-29T23:30:00Z')];
    expect((await evaluate(calls)).value).toBe(0);
    expect((await evaluate(calls, config, { zone: 'Europe/Berlin', asOf: '2026-02-28T23:00:00Z' })).value).toBe(1);
  });

  it('takes other windows, and other activity for the mean', async () => {
    expect((await evaluate(example, { ...config, window: '18d' })).value).toBe(2);
    expect(await evaluate(example, { ...config, events: ['Signed In'] })).toMatchObject({
      parts: { activeUsers: 2, perActiveUser: 1.5 },
    });
  });

  it.each([{ actions: [] }, { actions: [''] }, { actions: ['a', 'a'] }])(
    'refuses the configuration %j',
    async (given) => {
      await expect(evaluate([], given)).rejects.toThrow('RAPPORT_TESTKIT_CONFIG');
    },
  );

  it('answers for a user and for the portfolio, also by trait', async () => {
    const calls = [
      group('acme', { plan: 'pro' }, '2026-01-01'),
      ...example,
      does('Report Shared', 'ann', '2026-02-10', { account: 'zeta' }),
    ];
    expect(await evaluate(calls, config, { subject: { kind: 'user', id: 'ann' } })).toMatchObject({
      value: 3,
      parts: { activeUsers: 1, perActiveUser: 3 },
    });
    expect(await evaluate(calls, config, { subject: { kind: 'portfolio' } })).toMatchObject({
      value: 4,
      parts: { activeUsers: 4, perActiveUser: 1 },
    });
    expect(await evaluate(calls, config, { subject: { kind: 'portfolio', by: 'plan' } })).toMatchObject({
      pro: { value: 3 },
      '': { value: 1 },
    });
  });

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(coreActions, { oracle });
  });

  it('is so with another configuration', async () => {
    const given = { actions: ['Report Shared'], events: ['Signed In', 'Report Shared'] };
    await checkMetric(coreActions, { config: given, oracle, runs: 20, seed: 2 });
  });
});
