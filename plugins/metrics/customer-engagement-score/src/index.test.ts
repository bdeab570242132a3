import { daysIn, type Static } from '@rapport/sdk';
import {
  checkMetric,
  evaluateMetric,
  group,
  identify,
  track,
  type Call,
  type OracleAnswer,
  type OracleSubject,
} from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import score from './index.js';

type Config = Static<typeof score.config>;

// 30 days up to this midnight: 30 January … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const at = (event: string, time = '2026-02-10T09:00:00Z', user = 'ann') =>
  track(user, event, time, {}, { account: 'acme' });
const times = (n: number, event: string) => Array.from({ length: n }, () => at(event));
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(score, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });

describe('customer engagement score', () => {
  it('computes the example of the README', async () => {
    const calls = [
      group('acme', { signupAt: '2026-02-01' }, '2026-02-01'),
      ...times(11, 'Report Shared'),
      ...times(17, 'Report Viewed'),
      at('Invite Sent', '2026-02-20T09:00:00Z'),
    ];
    const config = {
      weights: { 'Report Shared': 10, 'Report Viewed': 4 },
      expected: [{ event: 'Invite Sent', within: 14, deduction: 15 }],
    };
    expect(await evaluate(calls, config)).toEqual({
      value: 163,
      reason: null,
      n: 28,
      parts: {
        contributions: { 'Report Shared': 110, 'Report Viewed': 68, 'late: Invite Sent': -15 },
        earned: 178,
        deducted: 15,
        set: 'default',
      },
    });
  });

  it.each([
    [10, 11, 110],
    [4, 17, 68],
  ])('is %d points × %d = %d', async (weight, n, value) => {
    expect(await evaluate(times(n, 'Feature Used'), { weights: { 'Feature Used': weight } })).toMatchObject({
      value,
      n,
    });
  });

  it('knows the vocabulary by default', async () => {
    const calls = ['Signed In', 'Feature Used', 'Invite Sent', 'Survey Responded', 'Order Completed', 'Whatever'];
    expect(await evaluate(calls.map((event) => at(event)))).toMatchObject({ value: 22, n: 5 });
  });

  it('has no value for a subject that never had an event, and 0 for one that went quiet or did nothing of weight', async () => {
    expect(await evaluate([group('acme', {}, '2026-01-01')])).toMatchObject({ value: null, reason: 'no-data' });
    expect(await evaluate([at('Feature Used', '2025-11-01')])).toMatchObject({ value: 0, n: 0 });
    expect(await evaluate([at('Whatever')])).toMatchObject({ value: 0, parts: { contributions: {} } });
  });

  it.each([
    ['just before the window', '2026-01-29T23:59:59.999Z', 0],
    ['as the window opens', '2026-01-30T00:00:00Z', 1],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 1],
  ])('holds one event %s on its side', async (_, time, value) => {
    expect((await evaluate([at('Feature Used', time)])).value).toBe(value);
  });

  it('takes the window that is configured, in the workspace’s zone', async () => {
    const calls = [at('Feature Used', '2026-02-20T23:30:00Z'), at('Feature Used', '2026-02-25T00:00:00Z')];
    const berlin = { zone: 'Europe/Berlin', asOf: '2026-02-27T23:00:00Z' };
    expect((await evaluate(calls, { window: '7d' }, berlin)).value).toBe(2);
    expect((await evaluate(calls, { window: '1w' }, { asOf: '2026-02-28T00:00:00Z' })).value).toBe(1);
  });

  it('counts a message once, whenever it arrives', async () => {
    const calls = [at('Feature Used', '2026-02-20'), at('Feature Used', '2026-02-10')].map((call, i) => ({
      ...call,
      messageId: `m${i}`,
    }));
    expect((await evaluate([...calls, ...calls])).value).toBe(2);
  });

  it('answers for one user', async () => {
    const calls = [at('Feature Used'), at('Feature Used', '2026-02-10', 'ben'), at('Invite Sent', '2026-02-10', 'ben')];
    expect((await evaluate(calls, {}, { subject: { kind: 'user', id: 'ben' } })).value).toBe(6);
  });

  describe('with an expected event', () => {
    const config = { expected: [{ event: 'Invite Sent', within: 7, deduction: 15 }], weights: { 'Feature Used': 10 } };
    const signup = group('acme', { signupAt: '2026-02-02T10:00:00Z' }, '2026-02-02T10:00:00Z');
    const used = times(3, 'Feature Used');

    it.each([
      ['on the day of signing up', '2026-02-02T00:00:00Z', 30],
      ['on the last of the seven days', '2026-02-08T23:59:59.999Z', 30],
      ['a day late', '2026-02-09T00:00:00Z', 15],
      ['before its time', '2026-02-01T23:59:59.999Z', 15],
    ])('that came %s', async (_, time, value) => {
      expect((await evaluate([signup, ...used, at('Invite Sent', time)], config)).value).toBe(value);
    });

    it('deducts when it never came, and only once the time is up', async () => {
      const quiet = [signup, at('Feature Used', '2026-02-03')];
      expect((await evaluate([signup, ...used], config)).value).toBe(15);
      expect((await evaluate(quiet, config, { asOf: '2026-02-08T23:59:59.999Z' })).value).toBe(10);
      expect(await evaluate(quiet, config, { asOf: '2026-02-09T00:00:00Z' })).toMatchObject({
        value: 0,
        parts: { earned: 10, deducted: 15, contributions: { 'Feature Used': 10, 'late: Invite Sent': -15 } },
      });
    });

    it('deducts nothing while nobody knows since when', async () => {
      expect((await evaluate(used, config)).value).toBe(30);
    });

    it('adds the deductions of several, each with its own deadline and trait', async () => {
      const expected = [
        { event: 'Invite Sent', within: 7, deduction: 5 },
        { event: 'Data Imported', within: 3, since: 'activatedAt', deduction: 2 },
        { event: 'Review Held', within: 365, deduction: 100 },
      ];
      const calls = [signup, group('acme', { activatedAt: '2026-02-03' }, '2026-02-03'), ...used];
      expect(await evaluate(calls, { ...config, expected })).toMatchObject({ value: 23, parts: { deducted: 7 } });
    });

    it('deducts when the last day is over in the workspace’s zone', async () => {
      const calls = [
        group('acme', { signupAt: '2026-02-02T22:00:00Z' }, '2026-02-02T22:00:00Z'),
        at('Signed In', '2026-02-02T22:00:00Z'),
      ];
      const within2 = { ...config, expected: [{ event: 'Invite Sent', within: 2, deduction: 5 }] };
      // In Berlin that is 23:00 on the 2nd: the second day ends at 23:00 UTC on the 3rd.
      const asOfThen = async (asOf: string) => (await evaluate(calls, within2, { asOf, zone: 'Europe/Berlin' })).parts;
      expect(await asOfThen('2026-02-03T22:59:59.999Z')).toMatchObject({ deducted: 0 });
      expect(await asOfThen('2026-02-03T23:00:00Z')).toMatchObject({ deducted: 5 });
    });

    it('uses the user’s own trait for a user', async () => {
      const calls = [identify('ann', { signupAt: '2026-02-02' }, '2026-02-02'), ...used];
      expect((await evaluate(calls, config, { subject: { kind: 'user', id: 'ann' } })).value).toBe(15);
    });
  });

  describe('with sets', () => {
    const config = {
      weights: { 'Feature Used': 1 },
      sets: [
        {
          name: 'new admins',
          when: { stage: 'onboarding', persona: ['admin', 'owner'] },
          weights: { 'Invite Sent': 7 },
        },
        { name: 'onboarding', when: { stage: 'onboarding' }, weights: { 'Feature Used': 3, 'Invite Sent': 20 } },
        { name: 'pro', when: { 'trait.plan': 'pro' }, weights: { 'Feature Used': 4 } },
      ],
    };
    const profiles = {
      stage: [
        { id: 'onboarding', when: { fact: 'tenure', operator: 'lessThan', value: 30 } },
        { id: 'established', when: { fact: 'tenure', operator: 'greaterThanInclusive', value: 30 } },
      ],
      persona: ['admin', 'owner'].map((id) => ({ id, when: { fact: 'trait.role', operator: 'equal', value: id } })),
    } as const;
    const calls = [...times(2, 'Feature Used'), at('Invite Sent')];
    const withTraits = (traits: Record<string, string | null>, more = {}) =>
      evaluate([group('acme', traits, '2026-01-01'), ...calls], config, { profiles, ...more });

    it.each([
      [{ signupAt: '2026-02-01' }, 26, 'onboarding'],
      [{ signupAt: '2026-02-01', role: 'owner' }, 7, 'new admins'],
      [{ signupAt: '2026-02-01', role: 'guest', plan: 'pro' }, 26, 'onboarding'],
      [{ signupAt: '2026-01-01', role: 'admin' }, 2, 'default'],
      [{ signupAt: '2026-01-01', plan: 'pro' }, 8, 'pro'],
      [{ plan: 'toString' }, 2, 'default'],
      [{ plan: null }, 2, 'default'],
    ])('takes the first that fits %j', async (traits, value, set) => {
      expect(await withTraits(traits)).toMatchObject({ value, parts: { set } });
    });

    it('follows the stage as it was then', async () => {
      const signedUp = { signupAt: '2026-02-01' };
      expect((await withTraits(signedUp, { asOf: '2026-03-03T00:00:00Z' })).parts).toMatchObject({ set: 'onboarding' });
      expect((await withTraits(signedUp, { asOf: '2026-03-04T00:00:00Z' })).parts).toMatchObject({ set: 'default' });
    });

    it('takes the weights of outside where the workspace has no such profile', async () => {
      expect((await withTraits({ signupAt: '2026-02-01' }, { profiles: {} })).parts).toMatchObject({ set: 'default' });
    });

    it('refuses a set for nobody, and the options that sets have replaced', async () => {
      await expect(evaluate(calls, { sets: [{ name: 'all', when: {}, weights: {} }] })).rejects.toThrow('/sets/0/when');
      const replaced: object = { weightSets: {}, weightSetTrait: 'stage' };
      await expect(evaluate(calls, replaced)).rejects.toThrow('RAPPORT_TESTKIT_CONFIG');
    });
  });

  it('adds up exactly, whatever the weights, also where the floor lifts it', async () => {
    const weights = { 'Feature Used': 0.1, 404: 1 / 3, zoomed: 0.7, 'Review Skipped': -1.1 };
    const calls = [...times(3, 'Feature Used'), ...times(7, '404'), ...times(2, 'zoomed')];
    const { value, parts } = await evaluate(calls, { weights });
    expect(value).toBeCloseTo(0.3 + 7 / 3 + 1.4, 12);
    expect(Object.values(parts.contributions ?? {}).reduce((sum, points) => sum + points, 0)).toBe(value);

    const low = await evaluate([...calls, ...times(9, 'Review Skipped')], { weights });
    expect(low.value).toBe(0);
    const contributions = low.parts.contributions ?? {};
    expect(contributions['floor']).toBeCloseTo(9.9 - 0.3 - 7 / 3 - 1.4, 12);
    for (const keys of [Object.keys(contributions), Object.keys(contributions).sort()])
      expect(keys.reduce((sum, key) => sum + (contributions[key] ?? NaN), 0)).toBe(0);
  });

  /** The definition, spelt out over raw events. */
  function oracle(subject: OracleSubject, config: Config): OracleAnswer {
    const { asOf, calendar, events, traits } = subject;
    if (events.length === 0) return { value: null, reason: 'no-data' };
    const set = config.sets.find(({ when }) =>
      Object.entries(when).every(([name, wanted]) => {
        const found = name.startsWith('trait.') ? traits[name.slice('trait.'.length)] : subject.profile(name);
        return typeof found === 'string' && [wanted].flat().includes(found);
      }),
    );
    const firstDay = calendar.dayOf(asOf - 1) - daysIn(config.window) + 1;
    const contributions: Record<string, number> = {};
    let [earned, deducted, n] = [0, 0, 0];
    for (const { event, time } of events) {
      const weight = (set?.weights ?? config.weights)[event];
      if (weight === undefined || calendar.dayOf(time) < firstDay) continue;
      contributions[event] = (contributions[event] ?? 0) + weight;
      earned += weight;
      n++;
    }
    for (const { event, within, since, deduction } of config.expected) {
      const from = traits[since];
      const instant = typeof from === 'number' ? from : typeof from === 'string' ? Date.parse(from) : NaN;
      if (Number.isNaN(instant)) continue;
      const deadline = calendar.startOfDay(calendar.dayOf(instant) + within);
      const start = calendar.startOfDay(calendar.dayOf(instant));
      const came = events.some((each) => each.event === event && each.time >= start && each.time < deadline);
      if (came || asOf < deadline) continue;
      contributions[`late: ${event}`] = (contributions[`late: ${event}`] ?? 0) - deduction;
      deducted += deduction;
    }
    if (deducted > earned) contributions['floor'] = deducted - earned;
    const parts = { contributions, earned, deducted, set: set?.name ?? 'default' };
    return { value: Math.max(0, earned - deducted), reason: null, n, parts };
  }

  it('agrees with the definition, and keeps its contract, in random worlds', async () => {
    await checkMetric(score, {
      oracle,
      config: {
        window: '2w',
        expected: [
          { event: 'Invite Sent', within: 7, since: 'signupAt', deduction: 15 },
          { event: 'Invite Sent', within: 2, since: 'activatedAt', deduction: 1.3 },
          { event: 'Data Imported', within: 1, since: 'signupAt', deduction: 0.1 },
        ],
      },
    });
  });

  it('does so with sets for profiles and traits', async () => {
    await checkMetric(score, {
      oracle,
      runs: 30,
      config: {
        weights: { 'Feature Used': 0.1, '404': 1 / 3, zoomed: -0.7 },
        sets: [
          { name: 'new', when: { stage: ['new', 'trial'], 'trait.plan': 'pro' }, weights: { zoomed: 0.3 } },
          { name: 'trial', when: { stage: 'trial' }, weights: { 'Feature Used': 3, zoomed: -0.2 } },
        ],
        expected: [{ event: 'zoomed', within: 2, since: 'signupAt', deduction: 0.7 }],
      },
      profiles: {
        stage: [
          { id: 'trial', when: { fact: 'trait.trial', operator: 'equal', value: 'yes' } },
          { id: 'new', when: { fact: 'tenure', operator: 'lessThan', value: 9 } },
        ],
      },
      traits: { plan: ['pro', 'free', null, 1], trial: ['yes', 'no'] },
    });
  });
});
