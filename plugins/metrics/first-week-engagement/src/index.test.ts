import { checkMetric, evaluateMetric, group, identify, track, type Call } from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import firstWeek from './index.js';
import { oracle } from './oracle.test.fixture.js';

// Signed up in the afternoon of Monday 2 February: the first week is 2 … 8 February.
const signedUp = (account = 'acme', at = '2026-02-02T15:00:00Z') => group(account, { signupAt: at }, at);
const asOf = '2026-02-09T00:00:00Z';
const event = (time: string, name = 'Page Viewed', user = 'ann', account = 'acme') =>
  track(user, name, time, {}, { account });
const times = (n: number, call: (i: number) => Call) => Array.from({ length: n }, (_, i) => call(i));
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(firstWeek, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });
/** Only days count, 3 of them are the target. */
const daysOnly = { weights: { coreActions: 0, minutes: 0 } };

const example = [
  signedUp(),
  ...times(8, (i) => event(`2026-02-02T16:0${String(i)}:00Z`, 'Feature Used')),
  event('2026-02-04T09:00:00Z'),
  event('2026-02-04T09:05:00Z'),
  event('2026-02-07T12:00:00Z', 'Signed In', 'ben'),
];

describe('first-week engagement', () => {
  it('computes the example of the README', async () => {
    const answer = await evaluate(example);
    expect(answer).toMatchObject({
      reason: null,
      n: 7,
      parts: { activeDays: 3, coreActions: 8, minutes: 12, set: 'default' },
    });
    expect(answer.value).toBeCloseTo(200 / 3, 12);
    const { activeDays, coreActions, minutes } = answer.parts.contributions as Record<string, number>;
    expect(activeDays).toBeCloseTo(100 / 3, 12);
    expect(coreActions).toBeCloseTo(80 / 3, 12);
    expect(minutes).toBeCloseTo(20 / 3, 12);
    expect(activeDays! + coreActions! + minutes!).toBe(answer.value);
    expect(answer.parts.progress).toBe(answer.value);
  });

  it('is pending until the week is over, with the progress so far', async () => {
    const sofar = await evaluate(example, {}, { asOf: '2026-02-04T09:05:00.001Z' });
    expect(sofar).toMatchObject({
      value: null,
      reason: 'pending',
      parts: { activeDays: 2, coreActions: 8, minutes: 12 },
    });
    expect(sofar.parts.progress).toBeCloseTo((100 * (2 / 3 + 0.8 + 0.2)) / 3, 12);
    expect((await evaluate(example, {}, { asOf: '2026-02-08T23:59:59.999Z' })).reason).toBe('pending');
    expect((await evaluate(example)).reason).toBeNull();
  });

  it('is exactly 100 when every target is met, however much more there is', async () => {
    const calls = [
      signedUp(),
      ...times(500, (i) => event(new Date(Date.UTC(2026, 1, 3, 9, i)).toISOString(), 'Feature Used')),
      ...times(6, (i) => event(`2026-02-0${String(i + 3)}T20:00:00Z`)),
    ];
    expect((await evaluate(calls)).value).toBe(100);
    expect((await evaluate(calls, { weights: { activeDays: 0.1, coreActions: 0.2, minutes: 0.7 } })).value).toBe(100);
  });

  it.each([
    ['just before the day of signing up', '2026-02-01T23:59:59.999Z', 0],
    ['as that day begins, before signing up', '2026-02-02T00:00:00Z', 1],
    ['at the end of the seventh day', '2026-02-08T23:59:59.999Z', 1],
    ['as the eighth day begins', '2026-02-09T00:00:00Z', 0],
  ])('counts a single event %s on its side', async (_, time, activeDays) => {
    const later = { asOf: '2026-03-01T00:00:00Z' };
    expect((await evaluate([signedUp(), event(time)], {}, later)).parts.activeDays).toBe(activeDays);
  });

  it('is 0 for somebody who signed up and did nothing, and has no value for one who did not sign up', async () => {
    expect(await evaluate([signedUp()])).toMatchObject({ value: 0, reason: null });
    expect(await evaluate([event('2026-02-03T09:00:00Z')])).toEqual({
      value: null,
      reason: 'no-data',
      n: null,
      parts: {},
    });
    expect((await evaluate([])).reason).toBe('no-data');
  });

  it('cuts days in the workspace’s zone', async () => {
    // 15:00 UTC is 04:00 on 3 February in Auckland: the week is 3 … 9 February there, and over at 11:00 UTC on the 9th.
    const auckland = (at: string) => ({ zone: 'Pacific/Auckland', asOf: at });
    expect((await evaluate(example, {}, auckland('2026-02-09T10:59:59.999Z'))).reason).toBe('pending');
    expect((await evaluate(example, {}, auckland('2026-02-09T11:00:00Z'))).reason).toBeNull();
  });

  it('is the same in any order of arrival, also late, and with every message sent twice', async () => {
    const numbered = example.map((call, i) => ({ ...call, messageId: `m${String(i)}` }));
    expect(await evaluate([...numbered.toReversed(), ...numbered])).toEqual(await evaluate(numbered));
  });

  it('takes other targets, weights and lengths, and refuses weights that are all 0', async () => {
    const calls = [signedUp(), event('2026-02-02T16:00:00Z'), event('2026-02-14T16:00:00Z')];
    expect((await evaluate(calls, { ...daysOnly, targets: { activeDays: 4 } })).value).toBe(25);
    const fortnight = { ...daysOnly, days: 14, targets: { activeDays: 4 } };
    expect((await evaluate(calls, fortnight)).reason).toBe('pending');
    expect((await evaluate(calls, fortnight, { asOf: '2026-02-16T00:00:00Z' })).value).toBe(50);
    const none = { weights: { activeDays: 0, coreActions: 0, minutes: 0 } };
    await expect(evaluate(calls, none)).rejects.toThrow('RAPPORT_SDK_CONFIG: /weights');
  });

  it('takes other names', async () => {
    const calls = [
      group('acme', { since: '2026-02-02' }, '2026-02-02'),
      event('2026-02-03T09:00:00Z', 'Report Built'),
      event('2026-02-03T09:08:00Z', 'Report Built'),
      event('2026-02-04T09:00:00Z', 'Heartbeat'),
    ];
    const config = { signupAt: 'since', events: ['Report Built'], actions: ['Report Built'], idleMinutes: 10 };
    expect((await evaluate(calls, config)).parts).toMatchObject({ activeDays: 1, coreActions: 2, minutes: 8 });
  });

  it('takes targets that differ by profile or trait, the rest as usual', async () => {
    const calls = [
      group('acme', { signupAt: '2026-02-02', plan: 'enterprise' }, '2026-02-02'),
      event('2026-02-03T09:00:00Z', 'Feature Used'),
    ];
    const profiles = {
      stage: [{ id: 'trial', when: { fact: 'trait.plan', operator: 'equal', value: 'enterprise' } as const }],
    };
    const sets = [
      { name: 'small', when: { 'trait.plan': 'free' }, targets: { activeDays: 1 } },
      { name: 'trial', when: { stage: 'trial' }, targets: { activeDays: 2 } },
    ];
    const config = { weights: { minutes: 0 }, targets: { coreActions: 2 }, sets };
    expect(await evaluate(calls, config, { profiles })).toMatchObject({ value: 50, parts: { set: 'trial' } });
    const other = await evaluate(calls, config);
    expect(other.parts.set).toBe('default');
    expect(other.value).toBeCloseTo((100 * (1 / 3 + 1 / 2)) / 2, 12);
  });

  it('answers for a user by the user’s own signing up', async () => {
    const calls = [...example, identify('ben', { signupAt: '2026-02-01T10:00:00Z' }, '2026-02-01T10:00:00Z')];
    const answer = await evaluate(calls, daysOnly, { subject: { kind: 'user', id: 'ben' } });
    expect(answer.value).toBeCloseTo(100 / 3, 12);
    expect((await evaluate(calls, {}, { subject: { kind: 'user', id: 'ann' } })).reason).toBe('no-data');
  });

  describe('of the portfolio', () => {
    const portfolio = (calls: readonly Call[], config = {}, more = {}) =>
      evaluate(calls, { ...daysOnly, ...config }, { subject: { kind: 'portfolio' }, ...more });
    const active = (account: string, days: number) =>
      times(days, (i) => event(`2026-02-0${String(i + 2)}T09:00:00Z`, 'Page Viewed', 'ann', account));
    const calls = [
      ...['good', 'fair', 'poor'].map((account) => signedUp(account)),
      ...active('good', 3),
      ...active('fair', 2),
      signedUp('young', '2026-02-08T09:00:00Z'),
      event('2026-02-08T09:00:00Z', 'Page Viewed', 'ann', 'unknown'),
    ];

    it('is the share of the cohort that reached the threshold', async () => {
      const answer = await portfolio(calls);
      expect(answer).toMatchObject({ n: 3, parts: { cohort: 3, reached: 1, pending: 1 } });
      expect(answer.value).toBeCloseTo(100 / 3, 12);
      expect((await portfolio(calls, { threshold: 60 })).value).toBeCloseTo(200 / 3, 12);
      expect((await portfolio(calls, { threshold: 0 })).value).toBe(100);
      expect((await portfolio(calls, { threshold: 100 })).parts.reached).toBe(1);
    });

    it('says which set of targets the successes come from', async () => {
      const sets = [{ name: 'easy', when: { 'trait.plan': 'free' }, targets: { activeDays: 1 } }];
      const plan = group('fair', { plan: 'free' }, '2026-02-02');
      const answer = await portfolio([...calls, plan], { sets });
      expect(answer).toMatchObject({ parts: { reached: 2 } });
      const { default: usual, easy } = answer.parts.contributions as Record<string, number>;
      expect(usual! + easy!).toBe(answer.value);
      expect(easy).toBeCloseTo(100 / 3, 12);
    });

    it('has no value while nobody’s first week is over', async () => {
      expect(await portfolio([signedUp('young', '2026-02-08T09:00:00Z')])).toEqual({
        value: null,
        reason: 'pending',
        n: 0,
        parts: { cohort: 0, pending: 1 },
      });
      expect((await portfolio([])).reason).toBe('no-data');
    });

    it.each([
      ['the day before the cohort', '2026-02-28T00:00:00Z', '19d', null],
      ['the cohort’s first day', '2026-02-28T00:00:00Z', '20d', 3],
      ['the day that holds asOf', '2026-02-09T00:00:00Z', '1d', 3],
      ['yesterday, and that is not in it', '2026-02-09T00:00:00.001Z', '1d', null],
    ])('takes first weeks that ended on %s as it should', async (_, at, cohort, n) => {
      const answer = await portfolio(calls.slice(0, 3), { cohort }, { asOf: at });
      expect(answer.n === 0 ? null : answer.n).toBe(n);
    });

    it('can be broken down by a trait', async () => {
      const plans = [group('good', { plan: 'pro' }, '2026-02-02'), group('fair', { plan: 'free' }, '2026-02-02')];
      const byPlan = await evaluateMetric(firstWeek, {
        calls: [...calls, ...plans],
        asOf,
        config: { ...daysOnly, weights: { activeDays: 1, coreActions: 0, minutes: 0 } },
        subject: { kind: 'portfolio', by: 'plan' },
      });
      expect(byPlan).toMatchObject({ pro: { value: 100 }, free: { value: 0 }, '': { value: 0, n: 1 } });
    });
  });

  it('is what the oracle says in random worlds, in whatever order they are told, on every store', async () => {
    await checkMetric(firstWeek, { oracle, config: { targets: { activeDays: 2, coreActions: 2, minutes: 6 } } });
    await checkMetric(firstWeek, {
      oracle,
      runs: 25,
      events: ['Signed In'],
      profiles: { stage: [{ id: 'trial', when: { fact: 'tenure', operator: 'lessThan', value: 20 } }] },
      config: {
        days: 14,
        cohort: '2w',
        threshold: 50,
        idleMinutes: 1,
        events: ['Feature Used', 'Signed In'],
        weights: { activeDays: 2, coreActions: 0.7, minutes: 0 },
        sets: [
          { name: 'trial', when: { stage: ['trial', 'lead'], 'trait.plan': 'pro' }, targets: { activeDays: 1 } },
          { name: 'free', when: { 'trait.plan': 'free' }, targets: { coreActions: 1 } },
        ],
      },
    });
  });
});
