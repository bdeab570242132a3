import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  count,
  defineAction,
  defineMetric,
  defineOperator,
  definePlaybook,
  defineSegment,
  distinct,
  durationOption,
  last,
  noData,
  sum,
  trait,
  Type,
  type Duration,
  type Measures,
  type MetricDefinition,
  type OperatorDefinition,
  type Plugin,
} from './index.js';

const metric = defineMetric({
  id: 'revenue-per-user',
  title: 'Revenue per user',
  description: 'What a user brings in.',
  source: 'test',
  unit: 'currency',
  range: [0, null],
  subjects: ['account'],
  config: Type.Object({
    window: durationOption('30d', 'Days looked at.'),
    mode: Type.Union([Type.Literal('all'), Type.Literal('paid')], { default: 'all' }),
  }),
  uses: () => ['stickiness'],
  parts: {
    users: { description: 'Users' },
    plan: { type: 'text', description: 'Plan' },
    features: { type: 'list', description: 'Features' },
    perFeature: { type: 'table', description: 'Per feature' },
  },
  measures: ({ window }) => {
    expectTypeOf(window).toEqualTypeOf<Duration>();
    return {
      revenue: sum('revenue', {}, last(window)),
      users: distinct('user', {}, last(window)),
      plan: trait('plan', 'text'),
    };
  },
  compute(inputs, { config, metric: other, asOf }) {
    expectTypeOf(inputs).toEqualTypeOf<{
      readonly revenue: number | null;
      readonly users: number;
      readonly plan: string | null;
    }>();
    expectTypeOf(config.mode).toEqualTypeOf<'all' | 'paid'>();
    expectTypeOf(asOf).toEqualTypeOf<number>();
    expectTypeOf(other('stickiness').value).toEqualTypeOf<number | null>();
    const { revenue, users, plan } = inputs;
    if (revenue === null) return noData('no-data', { parts: { users } });
    return { value: revenue / users, n: users, parts: { users, plan, features: [], perFeature: {} } };
  },
});

describe('defineMetric', () => {
  it('adds the kind and changes nothing else', () => {
    expect(metric.kind).toBe('metric');
    expect(metric.measures({ window: '7d', mode: 'all' })).toMatchObject({ users: { node: 'distinct' } });
  });

  it('makes something that can be held as any metric, or any plugin', () => {
    // The compiler is the test: both are assignable without a cast.
    const asMetric: Plugin['kind'] = metric.kind;
    expect(asMetric).toBe('metric');
    expectTypeOf<MetricDefinition['subjects']>().toEqualTypeOf<(typeof metric)['subjects']>();
  });

  it('refuses parts that are not declared, or of another type', () => {
    const parts = { users: { description: 'Users' } } as const;
    const base = {
      id: 'x',
      title: 'x',
      description: 'x',
      source: 'x',
      unit: 'count',
      range: [0, null],
      subjects: ['account'],
      config: Type.Object({}),
      measures: () => ({ events: count({}, last('1d')) }),
    } as const;
    defineMetric({
      ...base,
      parts,
      // @ts-expect-error a part that is a number is not a text
      compute: ({ events }) => ({ value: events, parts: { users: 'many' } }),
    });
    defineMetric({
      ...base,
      parts,
      // @ts-expect-error a measure that was not declared
      compute: ({ users }) => ({ value: users as number }),
    });
    defineMetric({
      ...base,
      parts,
      // @ts-expect-error a value is a number; where there is none, say noData
      compute: () => ({ value: null }),
    });
  });
});

describe('noData', () => {
  it('carries the reason, and what is known all the same', () => {
    expect(noData('no-data')).toEqual({ noData: 'no-data' });
    expect(noData('below-min-sample', { n: 2, parts: { mean: 4.5 } })).toEqual({
      noData: 'below-min-sample',
      n: 2,
      parts: { mean: 4.5 },
    });
  });
});

describe('documents', () => {
  it('give a segment and a playbook their ids', () => {
    const document = {
      kind: 'segment',
      id: 'silent',
      title: 'Silent',
      subject: 'account',
      enter: { fact: 'usage-frequency', operator: 'equal', value: 0 },
    } as const;
    expect(defineSegment(document)).toEqual({ kind: 'segment', id: 'silent', document });
    const playbook = {
      kind: 'playbook',
      id: 'alarm',
      title: 'Alarm',
      subject: 'account',
      trigger: { segment: 'silent', on: 'enter' },
      steps: [{ id: 'tell', action: 'webhook' }],
    } as const;
    expect(definePlaybook(playbook)).toEqual({ kind: 'playbook', id: 'alarm', document: playbook });
  });
});

describe('defineAction', () => {
  it('types configuration and input by their schemas', async () => {
    const action = defineAction({
      id: 'echo',
      title: 'Echo',
      description: 'Says it again.',
      config: Type.Object({ prefix: Type.String({ default: '' }) }),
      input: Type.Object({ text: Type.String() }),
      deliver(delivery, { config }) {
        expectTypeOf(delivery.input).toEqualTypeOf<{ text: string }>();
        expectTypeOf(config).toEqualTypeOf<{ prefix: string }>();
        return Promise.resolve({ delivered: true, detail: config.prefix + delivery.input.text });
      },
    });
    expect(action.kind).toBe('action');
    const outcome = await action.deliver(
      {
        key: 'k',
        attempt: 1,
        playbook: { id: 'p', version: '1.0.0' },
        step: 's',
        subject: { kind: 'account', id: 'acme' },
        transition: { segment: 'silent', change: 'enter', at: '2026-03-01T00:00:00Z', reason: '', facts: {} },
        input: { text: 'hello' },
      },
      {
        config: { prefix: '> ' },
        now: () => 0,
        http: { fetch: () => Promise.reject(new Error('not called')) },
        sign: () => '',
        signal: new AbortController().signal,
      },
    );
    expect(outcome).toEqual({ delivered: true, detail: '> hello' });
  });
});

it('infers the inputs from interfaces, of the configuration and of the measures', () => {
  interface Options {
    readonly window: Duration;
  }
  interface Declared {
    readonly n: ReturnType<typeof count>;
  }
  defineMetric({
    ...about,
    measures: ({ window }: Options): Declared => ({ n: count({}, last(window)) }),
    compute({ n }, { config }) {
      expectTypeOf(n).toEqualTypeOf<number>();
      expectTypeOf(config.window).toEqualTypeOf<Duration>();
      return { value: n };
    },
  });
  // @ts-expect-error what measures returns are measures
  defineMetric({ ...about, measures: (): { n: number } => ({ n: 1 }), compute: () => noData('no-data') });
});
const about = {
  id: 'x',
  title: 'x',
  description: 'x',
  source: 'x',
  unit: 'count',
  range: [0, null],
  subjects: ['account'],
  config: Type.Object({ window: durationOption('30d', 'x') }),
  parts: {},
} as const;

describe('defineOperator', () => {
  const about = { title: 'x', description: 'x', words: ['is', 'is not'], examples: [] } as const;

  it('types fact and value by reading and schema', () => {
    const within = defineOperator({
      ...about,
      id: 'is-within',
      reading: 'number',
      value: Type.Object({ from: Type.Number(), to: Type.Number() }),
      test(fact, value) {
        expectTypeOf(fact).toEqualTypeOf<number>();
        expectTypeOf(value).toEqualTypeOf<{ from: number; to: number }>();
        return value.from <= fact && fact <= value.to;
      },
    });
    expect(within.kind).toBe('operator');
    expect(within.test(2, { from: 1, to: 3 })).toBe(true);
    // The compiler is the test: any operator can be held as one, and as any plugin.
    const asPlugin: Plugin = within;
    const asOperator: OperatorDefinition = within;
    expect(asPlugin).toBe(asOperator);
  });

  it('gives no value to an operator that takes none', () => {
    const isWhole = defineOperator({
      ...about,
      id: 'is-whole',
      reading: 'any',
      value: false,
      test(fact, value) {
        expectTypeOf(fact).toEqualTypeOf<string | number | boolean | readonly unknown[]>();
        expectTypeOf(value).toEqualTypeOf<undefined>();
        return Number.isInteger(fact);
      },
    });
    expect(isWhole.test(2, undefined)).toBe(true);
    defineOperator({
      ...about,
      id: 'x',
      reading: 'text',
      value: false,
      // @ts-expect-error a verdict is true or false
      test: (fact) => fact.length,
    });
  });
});

it('lets any measures be held as measures', () => {
  const measures: Measures = metric.measures({ window: '30d', mode: 'paid' });
  expect(Object.keys(measures)).toEqual(['revenue', 'users', 'plan']);
});
