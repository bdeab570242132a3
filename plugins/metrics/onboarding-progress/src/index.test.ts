import { checkMetric, evaluateMetric, group, identify, track, type Call } from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import onboarding from './index.js';
import { oracle } from './oracle.test.fixture.js';

const asOf = '2026-03-01T00:00:00Z';
const signedUp = (account = 'acme') => group(account, { signupAt: '2026-02-02T15:00:00Z' }, '2026-02-02T15:00:00Z');
const did = (event: string, time: string, properties = {}, account = 'acme') =>
  track('ann', event, time, properties, { account });
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(onboarding, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });
/** A shorter checklist: A, then B. */
const ab = {
  steps: [
    { id: 'a', events: ['A'] },
    { id: 'b', events: ['B'] },
  ],
};
const inOrder = { ...ab, ordered: true };

const example = [
  signedUp(),
  did('Profile Completed', '2026-02-02T15:30:00Z'),
  did('Invite Sent', '2026-02-03T09:00:00Z'),
  did('Integration Connected', '2026-02-05T09:00:00Z'),
];

describe('onboarding progress', () => {
  it('computes the example of the README', async () => {
    expect(await evaluate(example)).toEqual({
      value: 75,
      reason: null,
      n: 4,
      parts: {
        steps: 4,
        done: 3,
        stepsDone: ['profile', 'integration', 'invitation'],
        stalledAt: 'first-project',
        activated: 0,
        timeToActivation: null,
      },
    });
    const last = did('First Project Created', '2026-02-06T15:00:00Z');
    expect(await evaluate([...example, last, did('Invite Sent', '2026-02-20')])).toMatchObject({
      value: 100,
      parts: { done: 4, stalledAt: null, activated: 1, timeToActivation: 96 },
    });
  });

  it('in order counts a step only after the one before it', async () => {
    expect(await evaluate(example, { ordered: true })).toMatchObject({
      value: 50,
      parts: { stepsDone: ['profile', 'integration'], stalledAt: 'first-project', activated: 0 },
    });
    const rest = [did('First Project Created', '2026-02-06T15:00:00Z'), did('Invite Sent', '2026-02-07T15:00:00Z')];
    expect(await evaluate([...example, ...rest], { ordered: true })).toMatchObject({
      value: 100,
      parts: { timeToActivation: 120 },
    });
  });

  it.each([
    ['nothing', [], 0],
    ['B', ['B'], 0],
    ['B A', ['B', 'A'], 50],
    ['A B', ['A', 'B'], 100],
    ['B A A B', ['B', 'A', 'A', 'B'], 100],
  ])('in order makes of %s what it is', async (_, events, value) => {
    const calls = events.map((event, i) => did(event, `2026-02-10T0${String(i)}:00:00Z`));
    expect((await evaluate([signedUp(), ...calls], inOrder)).value).toBe(value);
  });

  it('takes two events of one instant in the order of their ids', async () => {
    const at = (event: string, id: string) => track('ann', event, '2026-02-10', {}, { account: 'acme', id });
    expect((await evaluate([at('B', 'm2'), at('A', 'm1')], inOrder)).value).toBe(100);
    expect((await evaluate([at('B', 'm1'), at('A', 'm2')], inOrder)).value).toBe(50);
  });

  it('lets one event complete one step in order, and every step that it fits otherwise', async () => {
    const twice = {
      steps: [
        { id: 'first report', events: ['Report Built'] },
        { id: 'second report', events: ['Report Built'] },
      ],
    };
    const built = (time: string) => did('Report Built', time);
    expect((await evaluate([built('2026-02-10')], { ...twice, ordered: true })).value).toBe(50);
    expect((await evaluate([built('2026-02-10'), built('2026-02-11')], { ...twice, ordered: true })).value).toBe(100);
    expect((await evaluate([built('2026-02-10')], twice)).value).toBe(100);
  });

  it.each([true, false])(
    'takes several events for a step, and conditions on properties (ordered: %s)',
    async (ordered) => {
      const config = {
        ordered,
        steps: [
          { id: 'signed in', events: ['Signed In', 'Signed Up'] },
          { id: 'export', events: ['Feature Used'], where: { feature: 'export', rows: 10, paid: true } },
        ],
      };
      const used = (properties: object, time = '2026-02-11') => did('Feature Used', time, { ...properties });
      const calls = [did('Signed Up', '2026-02-10'), used({ feature: 'export', rows: '10', paid: true })];
      expect((await evaluate(calls, config)).parts.stepsDone).toEqual(['signed in']);
      const right = used({ feature: 'export', rows: 10, paid: true }, '2026-02-12');
      expect((await evaluate([...calls, right], config)).value).toBe(100);
    },
  );

  it('is 0 for one who signed up or was seen, and has no value for one who never was', async () => {
    expect(await evaluate([signedUp()])).toMatchObject({ value: 0, parts: { stepsDone: [], stalledAt: 'profile' } });
    expect((await evaluate([did('Page Viewed', '2026-02-10')])).value).toBe(0);
    expect(await evaluate([])).toEqual({ value: null, reason: 'no-data', n: null, parts: {} });
  });

  it.each([true, false])('sees the past as it was then (ordered: %s)', async (ordered) => {
    const calls = [did('A', '2026-02-10T09:00:00Z'), did('B', '2026-02-11T09:00:00Z')];
    const at = (time: string) => evaluate(calls, { ...ab, ordered }, { asOf: time });
    expect((await at('2026-02-10T09:00:00Z')).reason).toBe('no-data');
    expect((await at('2026-02-10T09:00:00.001Z')).value).toBe(50);
    expect((await at('2026-02-11T09:00:00Z')).value).toBe(50);
    expect((await at('2026-02-11T09:00:00.001Z')).value).toBe(100);
  });

  it('has no time to activation where the signing up is unknown, and none below 0', async () => {
    const calls = [did('A', '2026-02-01'), did('B', '2026-02-02')];
    expect((await evaluate(calls, ab)).parts).toMatchObject({ activated: 1, timeToActivation: null });
    expect((await evaluate([signedUp(), ...calls], ab)).parts.timeToActivation).toBe(0);
    const named = group('acme', { since: '2026-02-01T12:00:00Z' }, '2026-02-01');
    expect((await evaluate([named, ...calls], { ...ab, signupAt: 'since' })).parts.timeToActivation).toBe(12);
  });

  it('is the same in every zone, any order of arrival, also late, and with every message sent twice', async () => {
    const numbered = example.map((call, i) => ({ ...call, messageId: `m${String(i)}` }));
    for (const config of [{}, { ordered: true }]) {
      const answer = await evaluate(numbered, config);
      expect(await evaluate([...numbered.toReversed(), ...numbered], config)).toEqual(answer);
      expect(await evaluate(numbered, config, { zone: 'Pacific/Auckland' })).toEqual(answer);
    }
  });

  it('answers for a user', async () => {
    const calls = [
      identify('ann', { signupAt: '2026-02-01' }, '2026-02-01'),
      did('A', '2026-02-03'),
      did('B', '2026-02-04'),
    ];
    const ofAnn = await evaluate(calls, ab, { subject: { kind: 'user', id: 'ann' } });
    expect(ofAnn).toMatchObject({ value: 100, parts: { timeToActivation: 72 } });
  });

  describe('of the portfolio', () => {
    const portfolio = (calls: readonly Call[], config: object = ab) =>
      evaluate(calls, config, { subject: { kind: 'portfolio' } });
    const calls = [
      ...['acme', 'beta', 'core', 'dune'].map(signedUp),
      did('A', '2026-02-03T15:00:00Z'),
      did('B', '2026-02-04T15:00:00Z'),
      did('B', '2026-02-02T15:00:00Z', {}, 'beta'),
      did('A', '2026-02-05T15:00:00Z', {}, 'beta'),
      did('B', '2026-02-03T15:00:00Z', {}, 'core'),
    ];

    it('is the mean, with the funnel per step and the median time to activation', async () => {
      expect(await portfolio(calls)).toEqual({
        value: 62.5,
        reason: null,
        n: 4,
        parts: {
          steps: 2,
          done: 1.25,
          stalledAt: 'a',
          activated: 2,
          activatedShare: 50,
          timeToActivation: 60,
          funnel: { a: 2, b: 3 },
        },
      });
    });

    it('has a funnel that only narrows where steps are in order', async () => {
      expect(await portfolio(calls, inOrder)).toMatchObject({
        value: 37.5,
        parts: { funnel: { a: 2, b: 1 }, activated: 1, activatedShare: 25, timeToActivation: 48, stalledAt: 'a' },
      });
    });

    it('has nobody stalled when everybody is activated, and no value when there is nobody', async () => {
      expect((await portfolio(calls.slice(0, 1).concat(calls.slice(4, 6)))).parts.stalledAt).toBeNull();
      expect(await portfolio([])).toMatchObject({ value: null, reason: 'no-data' });
    });

    it('can be broken down by a trait', async () => {
      const plan = group('acme', { plan: 'pro' }, '2026-02-02');
      const subject = { kind: 'portfolio', by: 'plan' } as const;
      const byPlan = await evaluateMetric(onboarding, { calls: [...calls, plan], asOf, config: ab, subject });
      expect(byPlan).toMatchObject({ pro: { value: 100, n: 1 }, '': { value: 50, n: 3 } });
    });
  });

  it.each([true, false])('is what the oracle says in random worlds, on every store (ordered: %s)', async (ordered) => {
    const steps = [
      { id: 'a', events: ['A', 'A2'] },
      { id: 'b', events: ['B'], where: { kind: 'x', size: 3 } },
      { id: 'again', events: ['A'] },
    ];
    await checkMetric(onboarding, { oracle, config: { ordered, steps: steps.slice(0, 2) }, runs: 25 });
    const properties = { kind: ['x', 'x', 'y', null], size: [3, 3, '3'] };
    await checkMetric(onboarding, { oracle, config: { ordered, steps }, properties, runs: 25 });
  });
});
