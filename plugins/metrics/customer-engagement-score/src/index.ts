import {
  count,
  countByKey,
  defineMetric,
  durationOption,
  firstDays,
  last,
  lifetime,
  type Measure,
  noData,
  setFor,
  setMeasures,
  setsOption,
  since,
  trait,
  Type,
} from '@rapport/sdk';
import { addingUp } from '@rapport/sdk/score';

const weights = (options: { default?: Record<string, number> } = {}) =>
  Type.Record(Type.String(), Type.Number(), { ...options, description: 'Points per occurrence, by event name.' });
const usual = { 'Feature Used': 1, 'Signed In': 1, 'Invite Sent': 5, 'Survey Responded': 5, 'Order Completed': 10 };

/**
 * Σ weight × count of the configured events in the window, minus a deduction for each expected event that had not come when its
 * deadline passed; never below 0, unbounded above (over 100 is a power user). Weights may differ by lifecycle stage, persona or plan.
 * A subject that never had an event: `no-data`.
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
      weights: weights({ default: usual }),
      sets: setsOption(
        { weights: weights() },
        'Weights in place of `weights` for lifecycle stages, personas, plans. The first set that fits is in force.',
      ),
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
      description:
        'Points per event; deductions are negative, as `late: event`; `floor` is what lifts the score to 0. They add up to the value exactly',
    },
    earned: { unit: 'points', description: 'Sum of the points' },
    deducted: { unit: 'points', description: 'Sum of the deductions' },
    set: { type: 'text', description: 'Set in force, or `default`' },
  },
  contributions: 'contributions',
  window: ({ window }) => last(window),
  measures({ window, weights, sets, expected }) {
    const events = [weights, ...sets.map((set) => set.weights)].flatMap((set) => Object.keys(set));
    const inTime: Record<`inTime ${number}`, Measure<number>> = {};
    const from: Record<`from ${number}`, Measure<number | null>> = {};
    expected.forEach((item, i) => {
      inTime[`inTime ${i}`] = count({ events: [item.event] }, firstDays(item.within, since(item.since)));
      from[`from ${i}`] = trait(item.since, 'time');
    });
    const base = {
      counts: countByKey('event', { events: [...new Set(events)].sort() }, last(window)),
      ever: count({}, lifetime()),
    };
    return Object.assign(base, setMeasures(sets), inTime, from);
  },
  compute(inputs, context) {
    const { config, calendar } = context;
    if (inputs.ever === 0) return noData('no-data');
    const set = setFor(config.sets, inputs);
    const points = new Map<string, number>();
    const add = (name: string, more: number) => points.set(name, (points.get(name) ?? 0) + more);
    let [n, earned, deducted] = [0, 0, 0];
    for (const [event, weight] of Object.entries(set?.weights ?? config.weights)) {
      const times = inputs.counts.get(event) ?? 0;
      if (times > 0) add(event, weight * times);
      earned += weight * times;
      n += times;
    }
    config.expected.forEach(({ event, within, deduction }, i) => {
      const from = inputs[`from ${i}`] ?? null;
      if (from === null || inputs[`inTime ${i}`] !== 0) return;
      if (!context.isOver(calendar.dayOf(from) + within - 1)) return;
      add(`late: ${event}`, -deduction);
      deducted += deduction;
    });
    const score = earned - deducted;
    if (score < 0) add('floor', -score);
    const { value, contributions } = addingUp(Math.max(0, score), points);
    return { value, n, parts: { contributions, earned, deducted, set: set?.name ?? 'default' } };
  },
});
