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
import featureAdoption from './index.js';

// 30 days up to this midnight: 30 January … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const config = { catalogue: ['boards', 'reports', 'automation', 'api'] };
const uses = (user: string | null, feature: string | number, time = '2026-02-10T09:00:00Z', id?: string) =>
  track(user, 'Feature Used', time, { feature }, { account: 'acme', ...(id === undefined ? {} : { id }) });
const evaluate = (calls: readonly Call[], given: object = config, more = {}) =>
  evaluateMetric(featureAdoption, { calls, asOf, config: given, subject: { kind: 'account', id: 'acme' }, ...more });

function oracle(
  { events, asOf, calendar }: OracleSubject,
  { catalogue, activity }: { catalogue: string[]; activity: string[] },
): OracleAnswer {
  if (events.length === 0) return { value: null, reason: 'no-data', n: null };
  const from = calendar.startOfDay(calendar.dayOf(asOf - 1) - 29);
  const active = new Set<string>();
  const used = new Set<string>();
  const usersOf = new Map(catalogue.map((feature) => [feature, new Set<string>()]));
  for (const { time, event, user, properties } of events) {
    if (time < from) continue;
    if (user !== null && (activity.length === 0 || activity.includes(event))) active.add(user);
    const { feature = null } = properties;
    if (event !== 'Feature Used' || typeof feature === 'object') continue;
    const users = usersOf.get(String(feature));
    if (!users) continue;
    used.add(String(feature));
    if (user !== null) users.add(user);
  }
  const adoption = Object.fromEntries([...usersOf].map(([feature, users]) => [feature, users.size / active.size]));
  return {
    value: used.size / catalogue.length,
    reason: null,
    n: catalogue.length,
    parts: {
      used: used.size,
      catalogue: catalogue.length,
      activeUsers: active.size,
      adoption: active.size === 0 ? null : adoption,
      untried: catalogue.filter((feature) => !used.has(feature)),
    },
  };
}

describe('feature adoption', () => {
  const example = [
    uses('ann', 'boards'),
    uses('ann', 'reports'),
    uses('ben', 'boards'),
    track('cleo', 'Signed In', '2026-02-11T09:00:00Z', {}, { account: 'acme' }),
    track('dan', 'Signed In', '2026-02-12T09:00:00Z', {}, { account: 'acme' }),
  ];

  it('computes the example of the README', async () => {
    expect(await evaluate(example)).toEqual({
      value: 0.5,
      reason: null,
      n: 4,
      parts: {
        used: 2,
        catalogue: 4,
        activeUsers: 4,
        adoption: { boards: 0.5, reports: 0.25, automation: 0, api: 0 },
        untried: ['automation', 'api'],
      },
    });
  });

  it('has no value without a catalogue, or for an account that never had an event', async () => {
    expect(await evaluate(example, {})).toMatchObject({ value: null, reason: 'no-data' });
    expect(await evaluate([group('acme', {}, '2026-01-01')])).toMatchObject({ value: null, reason: 'no-data' });
  });

  it('is 0, with nothing tried and no adoption, for an account that went quiet', async () => {
    expect(await evaluate([uses('ann', 'boards', '2025-11-01')])).toMatchObject({
      value: 0,
      parts: { used: 0, activeUsers: 0, adoption: null, untried: config.catalogue },
    });
  });

  it('ignores features that are not in the catalogue, also such as every object has', async () => {
    const calls = [uses('ann', 'boards'), uses('ann', 'legacy'), uses('ann', '__proto__'), uses('ann', 'constructor')];
    const result = await evaluate(calls);
    expect(result).toMatchObject({ value: 0.25, parts: { used: 1 } });
    expect(Object.keys(result.parts['adoption'] as object)).toEqual(config.catalogue);
    expect(await evaluate([uses('ann', 'boards')], { catalogue: ['toString'] })).toMatchObject({ value: 0 });
  });

  it('counts use that no user is known for', async () => {
    expect(await evaluate([uses(null, 'boards'), uses(null, 'api')])).toMatchObject({
      value: 0.5,
      parts: { activeUsers: 0, adoption: null, untried: ['reports', 'automation'] },
    });
  });

  it('counts each user of a feature once, and a message once', async () => {
    const calls = [
      uses('ann', 'boards', '2026-02-10', 'm1'),
      uses('ann', 'boards', '2026-02-10', 'm1'),
      uses('ann', 'boards'),
    ];
    expect((await evaluate(calls)).parts).toMatchObject({ used: 1, adoption: { boards: 1 } });
  });

  it.each([
    ['just before the window', '2026-01-29T23:59:59.999Z', 0],
    ['as the window opens', '2026-01-30T00:00:00Z', 0.25],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 0.25],
  ])('holds use %s on its side', async (_, time, value) => {
    expect((await evaluate([uses('ann', 'boards', time)])).value).toBe(value);
  });

  it('cuts days in the workspace’s zone', async () => {
    const tokyo = { zone: 'Asia/Tokyo', asOf: '2026-02-28T15:00:00Z' };
    expect((await evaluate([uses('ann', 'boards', '2026-01-29T15:00:00Z')], config, tokyo)).value).toBe(0.25);
    expect((await evaluate([uses('ann', 'boards', '2026-01-29T14:59:59Z')], config, tokyo)).value).toBe(0);
  });

  it('reads features that are numbers as text', async () => {
    expect(await evaluate([uses('ann', 7)], { catalogue: ['7', '8'] })).toMatchObject({ value: 0.5 });
  });

  it('answers for a user and for the portfolio', async () => {
    expect(await evaluate(example, config, { subject: { kind: 'user', id: 'ben' } })).toMatchObject({
      value: 0.25,
      parts: { activeUsers: 1, adoption: { boards: 1, reports: 0, automation: 0, api: 0 } },
    });
    const calls = [...example, track('eve', 'Feature Used', '2026-02-10', { feature: 'api' }, { account: 'zeta' })];
    expect(await evaluate(calls, config, { subject: { kind: 'portfolio' } })).toMatchObject({
      value: 0.75,
      parts: { activeUsers: 5, untried: ['automation'] },
    });
  });

  it('takes other event and property names', async () => {
    const calls = [track('ann', 'Module Opened', '2026-02-10', { module: 'boards' }, { account: 'acme' })];
    expect((await evaluate(calls, { ...config, event: 'Module Opened', feature: 'module' })).value).toBe(0.25);
  });

  it('refuses a catalogue that names a feature twice', async () => {
    await expect(evaluate([], { catalogue: ['api', 'api'] })).rejects.toThrow('RAPPORT_TESTKIT_CONFIG');
  });

  const properties = { feature: ['boards', 'api', 'legacy', null, 7] };

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(featureAdoption, { config, properties, oracle });
  });

  it('is so with configured activity, and features that are numbers', async () => {
    const given = { catalogue: ['7', 'boards'], activity: ['Signed In'] };
    await checkMetric(featureAdoption, { config: given, properties, oracle, runs: 20, seed: 2 });
  });
});
