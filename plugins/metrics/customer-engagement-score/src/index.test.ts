import { checkMetric, evaluateMetric, group, identify, track, type Call } from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import score from './index.js';

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
        weightSet: 'default',
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

  describe('with weight sets', () => {
    const config = {
      weights: { 'Feature Used': 1 },
      weightSets: { onboarding: { 'Feature Used': 3, 'Invite Sent': 20 } },
    };
    const calls = [...times(2, 'Feature Used'), at('Invite Sent')];

    it.each([
      ['onboarding', 26, 'onboarding'],
      ['established', 2, 'default'],
      ['toString', 2, 'default'],
      [null, 2, 'default'],
    ])('and the stage %j', async (stage, value, weightSet) => {
      const result = await evaluate([group('acme', { stage }, '2026-01-01'), ...calls], config);
      expect(result).toMatchObject({ value, parts: { weightSet } });
    });

    it('follows the stage as it was then', async () => {
      const moved = [
        group('acme', { stage: 'onboarding' }, '2026-01-01'),
        group('acme', { stage: 'established' }, '2026-03-01T12:00:00Z'),
        ...calls,
      ];
      expect((await evaluate(moved, config)).value).toBe(26);
      expect((await evaluate(moved, config, { asOf: '2026-03-02T00:00:00Z' })).value).toBe(2);
    });

    it('picks by another trait, such as a persona', async () => {
      const persona = [group('acme', { persona: 'onboarding' }, '2026-01-01'), ...calls];
      expect((await evaluate(persona, { ...config, weightSetTrait: 'persona' })).value).toBe(26);
    });
  });

  it('keeps its contract in random worlds', async () => {
    await checkMetric(score, {
      config: {
        weightSets: { onboarding: { 'Feature Used': 3 } },
        expected: [{ event: 'Invite Sent', within: 7, since: 'signupAt', deduction: 15 }],
      },
      traits: { stage: ['onboarding', 'established', null] },
    });
  });
});
