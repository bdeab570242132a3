import {
  count,
  countByKey,
  defineMetric,
  durationOption,
  firstDays,
  last,
  lifetime,
  type Measure,
  named,
  noData,
  since,
  trait,
  Type,
} from '@rapport/sdk';

const weights = { 'Feature Used': 1, 'Signed In': 1, 'Invite Sent': 5, 'Survey Responded': 5, 'Order Completed': 10 };

/**
 * Σ weight × count of the configured events in the window, minus a deduction for each expected event that had not come when its
 * deadline passed; never below 0, unbounded above (over 100 is a power user). A subject that never had an event: `no-data`.
 *
 * Source: *Customer engagement score* (weights × counts, deductions, lifecycle ranges).
 */
export default defineMetric({
  id: 'customer-engagement-score',
  title: 'Customer engagement score',
  description: 'Points for what customers do, less points for what they should have done.',
  source: 'Customer engagement score: weights × counts, deductions, weight sets',
  unit: 'points',
  range: [0, null],
  subjects: ['account', 'user'],
  config: Type.Object(
    {
      window: durationOption('30d', 'Days whose events earn points.'),
      weights: Type.Record(Type.String(), Type.Number(), {
        default: weights,
        description: 'Points per occurrence, by event name.',
      }),
      weightSets: Type.Record(Type.String(), Type.Record(Type.String(), Type.Number()), {
        default: {},
        description:
          'Weights in place of `weights`, by the value of the trait `weightSetTrait` (a lifecycle stage, a persona).',
      }),
      weightSetTrait: Type.String({ minLength: 1, default: 'stage', description: 'Trait that picks the weight set.' }),
      expected: Type.Array(
        Type.Object(
          {
            event: Type.String({ minLength: 1, description: 'Name of the expected event.' }),
            within: Type.Integer({
              minimum: 1,
              maximum: 3650,
              description: 'Days it has: that of the instant and those after it.',
            }),
            since: Type.String({
              minLength: 1,
              default: 'signupAt',
              description: 'Trait with the instant the deadline runs from.',
            }),
            deduction: Type.Number({
              exclusiveMinimum: 0,
              description: 'Points taken off when it came later, or not at all.',
            }),
          },
          { additionalProperties: false },
        ),
        { default: [], description: 'Events that are expected by a deadline of their own.' },
      ),
    },
    { additionalProperties: false },
  ),
  parts: {
    contributions: {
      type: 'table',
      unit: 'points',
      description: 'Points per event; deductions are negative, as `late: event`. Their sum, not below 0, is the score',
    },
    earned: { unit: 'points', description: 'Sum of the points' },
    deducted: { unit: 'points', description: 'Sum of the deductions' },
    weightSet: { type: 'text', description: 'Weight set in force, or `default`' },
  },
  measures({ window, weights, weightSets, weightSetTrait, expected }) {
    const events = [weights, ...Object.values(weightSets)].flatMap((set) => Object.keys(set));
    const inTime: Record<`inTime ${number}`, Measure<number>> = {};
    const from: Record<`from ${number}`, Measure<number | null>> = {};
    expected.forEach((item, i) => {
      inTime[`inTime ${i}`] = count(named([item.event]), firstDays(item.within, since(item.since)));
      from[`from ${i}`] = trait(item.since, 'time');
    });
    const base = {
      counts: countByKey('event', { events: [...new Set(events)].sort() }, last(window)),
      weightSet: trait(weightSetTrait, 'text'),
      ever: count({}, lifetime()),
    };
    return Object.assign(base, inTime, from);
  },
  compute(inputs, { config, asOf, calendar }) {
    if (inputs.ever === 0) return noData('no-data');
    const chosen =
      inputs.weightSet !== null && Object.hasOwn(config.weightSets, inputs.weightSet) ? inputs.weightSet : null;
    const contributions = new Map<string, number>();
    let n = 0;
    for (const [event, weight] of Object.entries(
      (chosen === null ? null : config.weightSets[chosen]) ?? config.weights,
    )) {
      const times = inputs.counts.get(event) ?? 0;
      if (times > 0) contributions.set(event, weight * times);
      n += times;
    }
    const earned = total(contributions);
    let deducted = 0;
    config.expected.forEach(({ event, within, deduction }, i) => {
      const from = inputs[`from ${i}`] ?? null;
      if (from === null || inputs[`inTime ${i}`] !== 0) return;
      if (asOf < calendar.startOfDay(calendar.dayOf(from) + within)) return;
      contributions.set(`late: ${event}`, (contributions.get(`late: ${event}`) ?? 0) - deduction);
      deducted += deduction;
    });
    return {
      value: Math.max(0, total(contributions)),
      n,
      parts: {
        contributions: Object.fromEntries(contributions),
        earned,
        deducted,
        weightSet: chosen ?? 'default',
      },
    };
  },
});

const total = (points: ReadonlyMap<string, number>) => [...points.values()].reduce((sum, each) => sum + each, 0);
