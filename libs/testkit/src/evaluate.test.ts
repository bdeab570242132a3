import {
  count,
  defineMetric,
  distinct,
  equal,
  fold,
  last,
  lifetime,
  meanPerDay,
  noData,
  profile,
  sum,
  trait,
  Type,
} from '@rapport/sdk';
import { describe, expect, it } from 'vitest';
import { evaluateMetric, group, identify, track } from './index.js';

const stickiness = defineMetric({
  id: 'stickiness',
  title: 'Stickiness',
  description: 'Share of the month’s users who come on a given day.',
  source: 'test',
  unit: 'ratio',
  range: [0, 1],
  subjects: ['account', 'portfolio'],
  config: Type.Object({ minUsers: Type.Integer({ default: 1, minimum: 1 }) }),
  parts: { mau: { description: 'Monthly active users' }, names: { type: 'list', description: 'Plan, as a list' } },
  measures: () => ({
    dau: meanPerDay({}, last('30d')),
    mau: distinct('user', {}, last('30d')),
    plan: trait('plan', 'text'),
  }),
  compute: ({ dau, mau, plan }, { config }) =>
    mau < config.minUsers
      ? noData('below-min-sample', { n: mau })
      : { value: dau / mau, n: mau, parts: { mau, names: plan === null ? null : [plan] } },
});

const calls = [
  group('acme', { plan: 'pro' }, '2024-01-01', 'ann'),
  group('acme', {}, '2024-01-01', 'bob'),
  group('zeta', { plan: 'free' }, '2024-01-01', 'zoe'),
  ...Array.from({ length: 15 }, (_, i) => track('ann', 'Opened', `2024-01-${String(i + 10)}T12:00:00Z`)),
  track('bob', 'Opened', '2024-01-10T12:00:00Z'),
  track('zoe', 'Opened', '2024-01-11T12:00:00Z', { size: 3 }),
];
const asOf = '2024-01-31';

const base = {
  title: '',
  description: '',
  source: '',
  unit: 'count',
  range: [0, 10],
  subjects: ['account', 'user', 'portfolio'],
  config: Type.Object({}),
  parts: {},
} as const;

describe('evaluateMetric', () => {
  it('answers for an account', async () => {
    const result = await evaluateMetric(stickiness, { calls, asOf, subject: { kind: 'account', id: 'acme' } });
    expect(result).toEqual({ value: 16 / 30 / 2, reason: null, n: 2, parts: { mau: 2, names: ['pro'] } });
  });

  it('answers for the portfolio, whole and by a trait', async () => {
    const whole = await evaluateMetric(stickiness, { calls, asOf, subject: { kind: 'portfolio' } });
    expect(whole).toEqual({ value: 17 / 30 / 3, reason: null, n: 3, parts: { mau: 3, names: null } });
    const byPlan = await evaluateMetric(stickiness, { calls, asOf, subject: { kind: 'portfolio', by: 'plan' } });
    expect(Object.keys(byPlan)).toEqual(['free', 'pro']);
    expect(byPlan['free']?.value).toBeCloseTo(1 / 30, 12);
  });

  it('says why there is no value', async () => {
    const subject = { kind: 'account', id: 'zeta' } as const;
    expect(await evaluateMetric(stickiness, { calls, asOf, subject, config: { minUsers: 2 } })).toEqual({
      value: null,
      reason: 'below-min-sample',
      n: 1,
      parts: {},
    });
  });

  it('takes an account that no call names as one without events', async () => {
    const result = await evaluateMetric(stickiness, { calls: [], asOf, subject: { kind: 'account', id: 'nobody' } });
    expect(result).toMatchObject({ value: null, reason: 'below-min-sample' });
  });

  it('sees nothing from asOf on', async () => {
    const result = await evaluateMetric(stickiness, {
      calls,
      asOf: '2024-01-10T12:00:00.001Z',
      subject: { kind: 'account', id: 'acme' },
    });
    expect(result.value).toBe(2 / 30 / 2);
  });

  it('cuts days in the given zone', async () => {
    const perDay = defineMetric({
      ...base,
      id: 'days',
      measures: () => ({ days: distinct('day', {}, last('30d')) }),
      compute: ({ days }) => ({ value: days }),
    });
    const night = [
      track('ann', 'Opened', '2024-01-10T23:30:00Z', {}, { account: 'a' }),
      track('ann', 'Opened', '2024-01-11T00:30:00Z', {}, { account: 'a' }),
    ];
    const subject = { kind: 'account', id: 'a' } as const;
    expect((await evaluateMetric(perDay, { calls: night, asOf, subject })).value).toBe(2);
    expect((await evaluateMetric(perDay, { calls: night, asOf, subject, zone: 'Europe/Berlin' })).value).toBe(1);
  });

  it('makes every user an account of its own in a B2C workspace', async () => {
    const options = {
      calls: [identify('ann', { plan: 'plus' }, '2024-01-01'), track('ann', 'Opened', '2024-01-10')],
      asOf,
      accounts: 'users',
    } as const;
    expect(await evaluateMetric(stickiness, { ...options, subject: { kind: 'account', id: 'ann' } })).toMatchObject({
      n: 1,
      parts: { names: ['plus'] },
    });
  });

  it('runs folds over events in time order with the named properties only', async () => {
    const seen: unknown[] = [];
    const sizeOf = fold('size', {
      properties: ['size'],
      initial: (): number | null => null,
      step: (_state, event) => {
        seen.push(event);
        return Number(event.properties.size);
      },
      done: (state) => state,
    });
    const latest = defineMetric({
      ...base,
      id: 'latest',
      measures: () => ({ size: sizeOf.over({ events: ['Opened'], where: equal('kept', true) }, lifetime()) }),
      folds: [sizeOf],
      compute: ({ size }) => (size === null ? noData('no-data') : { value: size }),
    });
    const folded = [
      track('ann', 'Opened', '2024-01-03', { size: 2, kept: true }),
      track('ann', 'Opened', '2024-01-02', { size: 1, kept: true }),
      track('ann', 'Opened', '2024-01-04', { size: 9, kept: false }),
    ];
    expect((await evaluateMetric(latest, { calls: folded, asOf, subject: { kind: 'user', id: 'ann' } })).value).toBe(2);
    expect(seen.slice(0, 2)).toEqual([
      { time: Date.UTC(2024, 0, 2), event: 'Opened', user: 'ann', properties: { size: 1 } },
      { time: Date.UTC(2024, 0, 3), event: 'Opened', user: 'ann', properties: { size: 2 } },
    ]);
    expect((await evaluateMetric(latest, { calls: folded, asOf, subject: { kind: 'user', id: 'eve' } })).reason).toBe(
      'no-data',
    );
  });

  it('gives a metric the results of the metrics it uses', async () => {
    const doubled = defineMetric({
      ...base,
      id: 'doubled',
      uses: () => ['stickiness'],
      measures: () => ({}),
      compute: (_, context) => ({ value: (context.metric('stickiness').part('mau') ?? 0) * 2 }),
    });
    const subject = { kind: 'account', id: 'acme' } as const;
    expect((await evaluateMetric(doubled, { calls, asOf, subject, metrics: { stickiness } })).value).toBe(4);
    const strict = { stickiness: { definition: stickiness, config: { minUsers: 3 } } };
    expect((await evaluateMetric(doubled, { calls, asOf, subject, metrics: strict })).value).toBe(0);
    await expect(evaluateMetric(doubled, { calls, asOf, subject })).rejects.toThrow(
      /^RAPPORT_TESTKIT_METRIC: metric "doubled" uses "stickiness"/,
    );
  });

  it('narrows a used metric, and what that one uses, to a scope', async () => {
    const opened = defineMetric({
      ...base,
      id: 'opened',
      measures: () => ({ n: count({}, lifetime()) }),
      compute: ({ n }) => ({ value: n }),
    });
    const share = defineMetric({
      ...base,
      id: 'share',
      parts: { size: { description: 'Sum of sizes' } },
      uses: () => ['opened'],
      measures: () => ({ size: sum('size', {}, lifetime()) }),
      compute: ({ size }, { metric }) => ({ value: metric('opened').value ?? 0, parts: { size } }),
    });
    const suite = defineMetric({
      ...base,
      id: 'suite',
      uses: () => ['share:crm', 'share'],
      measures: () => ({}),
      compute: (_, { metric }) => ({
        value:
          (metric('share').value ?? 0) * (metric('share:crm').value ?? 0) + (metric('share:crm').part('size') ?? 0),
      }),
    });
    const product = (name: string, size: number) => track('ann', name, '2024-01-10', { size }, { account: 'a' });
    const options = {
      calls: [product('Deal Won', 1), product('Deal Won', 2), product('Mail Sent', 4)],
      asOf,
      subject: { kind: 'account', id: 'a' },
      metrics: { opened, share },
    } as const;
    const scopes = { crm: { events: ['Deal Won'] } };
    expect((await evaluateMetric(suite, { ...options, scopes })).value).toBe(3 * 2 + 3);
    await expect(evaluateMetric(suite, options)).rejects.toThrow(/RAPPORT_TESTKIT_METRIC: .* give the scope/);
  });

  it('gives a metric the whole portfolio’s results of the metrics it uses so', async () => {
    const events = defineMetric({
      ...base,
      id: 'events',
      measures: () => ({ n: count({}, lifetime()) }),
      compute: ({ n }) => ({ value: Math.min(n, 10), n }),
    });
    const all = defineMetric({
      ...base,
      id: 'all',
      usesPortfolio: () => ['events'],
      measures: () => ({}),
      compute: (_, { portfolio }) => ({ value: portfolio('events').value ?? 0 }),
    });
    const options = { calls, asOf, metrics: { events } } as const;
    for (const subject of [
      { kind: 'account', id: 'zeta' },
      { kind: 'user', id: 'zoe' },
      { kind: 'portfolio' },
    ] as const)
      expect((await evaluateMetric(all, { ...options, subject })).value).toBe(10);
    expect((await evaluateMetric(all, { ...options, subject: { kind: 'portfolio', by: 'plan' } }))['free']?.value).toBe(
      10,
    );
  });

  it('refuses metrics that use each other in a circle', async () => {
    const one = defineMetric({ ...base, id: 'one', uses: () => ['two'], measures: () => ({}), compute: () => noData('no-data') }); // prettier-ignore
    const two = defineMetric({ ...base, id: 'two', uses: () => ['one'], measures: () => ({}), compute: () => noData('no-data') }); // prettier-ignore
    const subject = { kind: 'portfolio' } as const;
    await expect(evaluateMetric(one, { calls, asOf, subject, metrics: { one, two } })).rejects.toThrow(
      /in a circle: one → two → one/,
    );
  });

  it('finds a subject’s class by the profile’s rules over traits and tenure', async () => {
    const stage = defineMetric({
      ...base,
      id: 'stage',
      parts: { stage: { type: 'text', description: 'Stage' } },
      measures: () => ({ stage: profile('stage') }),
      compute: ({ stage }) => ({ value: 1, parts: { stage } }),
    });
    const profiles = {
      stage: [
        { id: 'trial', when: { fact: 'trait.plan', operator: 'equal', value: 'trial' } },
        { id: 'new', when: { fact: 'tenure', operator: 'lessThan', value: 2 } },
        { id: 'old', when: { fact: 'trait.signupAt', operator: 'lessThan', value: '2023-01-01' } },
      ],
    };
    const signedUp = [
      group('trial', { plan: 'trial' }, '2024-01-01'),
      group('new', { signupAt: '2024-01-27T23:30:00Z' }, '2024-01-01'),
      group('older', { signupAt: '2024-01-27T22:30:00Z' }, '2024-01-01'),
      group('old', { signupAt: '2022-12-31T22:30:00Z' }, '2024-01-01'),
      group('later', { signupAt: '2024-03-01' }, '2024-01-01'),
    ];
    const options = { calls: signedUp, asOf: '2024-01-29T23:00:00Z', zone: 'Europe/Berlin' } as const;
    const found = async (id: string, more = {}) =>
      (await evaluateMetric(stage, { ...options, profiles, subject: { kind: 'account', id }, ...more })).parts.stage;
    expect(await Promise.all(['trial', 'new', 'older', 'old', 'later'].map((id) => found(id)))).toEqual([
      'trial',
      'new',
      null,
      'old',
      null,
    ]);
    expect(await found('new', { asOf: '2024-01-30T23:00:00.001Z' })).toBeNull();
    expect(await found('new', { profiles: {} })).toBeNull();
    expect(
      (await evaluateMetric(stage, { ...options, profiles, subject: { kind: 'portfolio' } })).parts.stage,
    ).toBeNull();
  });

  it('gives reducers the configuration', async () => {
    const points = fold('points', {
      initial: ({ weight }: { readonly weight: number }) => weight,
      step: (state, _event, { weight }) => state + weight,
      done: (state, { weight }) => ({ total: state + weight, weight }),
    });
    const weighed = defineMetric({
      ...base,
      id: 'weighed',
      config: Type.Object({ weight: Type.Number({ default: 2 }) }),
      measures: () => ({ points: points.over({}, lifetime()) }),
      folds: [points],
      compute: ({ points: { total } }) => ({ value: total }),
    });
    const one = [track('ann', 'Opened', '2024-01-10')];
    const subject = { kind: 'user', id: 'ann' } as const;
    expect((await evaluateMetric(weighed, { calls: one, asOf, subject })).value).toBe(6);
    expect((await evaluateMetric(weighed, { calls: one, asOf, subject, config: { weight: 3 } })).value).toBe(9);
  });

  it('reduces over accounts for a metric with a portfolio function', async () => {
    const largest = defineMetric({
      ...base,
      id: 'largest',
      measures: () => ({ events: count({}, last('30d')) }),
      compute: ({ events }) => ({ value: Math.min(events, 10) }),
      portfolio: (accounts) => {
        let n = 0;
        for (const { events } of accounts) n += events > 0 ? 1 : 0;
        return n === 0 ? noData('no-data') : { value: n };
      },
    });
    expect((await evaluateMetric(largest, { calls, asOf, subject: { kind: 'portfolio' } })).value).toBe(2);
    expect(await evaluateMetric(largest, { calls, asOf, subject: { kind: 'portfolio', by: 'plan' } })).toMatchObject({
      free: { value: 1 },
      pro: { value: 1 },
    });
  });
});

describe('the contract', () => {
  const subject = { kind: 'account', id: 'a' } as const;
  const events = [track('ann', 'Paid', '2024-01-02', { amount: 12 }, { account: 'a' })];
  const paid = { ...base, id: 'paid', measures: () => ({ amount: sum('amount', {}, lifetime()) }) };
  const evaluate = (
    compute: (inputs: { amount: number | null }) => { value: number; n?: number; parts?: Record<string, never> },
  ) => evaluateMetric(defineMetric({ ...paid, compute }), { calls: events, asOf, subject });

  it.each([
    [
      'a value outside the range',
      () => evaluate(({ amount }) => ({ value: amount ?? 0 })),
      /"paid" for account "a": the value 12 is outside the range 0 … 10/,
    ],
    ['NaN', () => evaluate(() => ({ value: 0 / 0 })), /the value is NaN; return noData/],
    [
      'an undeclared part',
      () => evaluate(() => ({ value: 1, parts: { extra: 1 as never } })),
      /part "extra" is not declared/,
    ],
    ['a negative sample size', () => evaluate(() => ({ value: 1, n: -1 })), /n is -1/],
    [
      'another answer when called again',
      () => {
        let calls = 0;
        return evaluate(() => ({ value: calls++ }));
      },
      /it must be pure/,
    ],
  ])('refuses %s', async (_title, run, message) => {
    await expect(run()).rejects.toThrow(message);
    await expect(run()).rejects.toMatchObject({ code: 'RAPPORT_TESTKIT_CONTRACT' });
  });

  it('refuses measures that are not plain data, or change', async () => {
    const odd = defineMetric({
      ...base,
      id: 'odd',
      measures: () => ({ n: count({ events: undefined as never }, lifetime()) }),
      compute: () => ({ value: 1 }),
    });
    await expect(evaluateMetric(odd, { calls: [], asOf, subject })).rejects.toThrow(/must return plain JSON data/);
    let days = 0;
    const moving = defineMetric({
      ...base,
      id: 'moving',
      measures: () => ({ n: count({}, { kind: 'last', days: ++days }) }),
      compute: () => ({ value: 1 }),
    });
    await expect(evaluateMetric(moving, { calls: [], asOf, subject })).rejects.toThrow(/returns other measures/);
  });

  it('refuses a configuration, a subject, a reducer and an instant that do not fit', async () => {
    const config = { minUsers: 0 };
    await expect(evaluateMetric(stickiness, { calls: [], asOf, subject, config })).rejects.toThrow(
      /RAPPORT_TESTKIT_CONFIG: configuration of "stickiness": \/minUsers/,
    );
    await expect(evaluateMetric(stickiness, { calls: [], asOf, subject: { kind: 'user', id: 'ann' } })).rejects.toThrow(
      /RAPPORT_TESTKIT_SUBJECT: .*only account, portfolio/,
    );
    const lost = defineMetric({
      ...base,
      id: 'lost',
      measures: () => ({
        n: fold('nowhere', { initial: () => 0, step: (n) => n, done: (n) => n }).over({}, lifetime()),
      }),
      compute: () => ({ value: 1 }),
    });
    await expect(evaluateMetric(lost, { calls: [], asOf, subject })).rejects.toThrow(/there is no fold "nowhere"/);
    await expect(evaluateMetric(stickiness, { calls: [track('ann', 'X', 'soon')], asOf, subject })).rejects.toThrow(
      /RAPPORT_TESTKIT_CALL: "soon"/,
    );
  });
});
