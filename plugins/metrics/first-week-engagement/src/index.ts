import {
  activeTime,
  activityOption,
  count,
  daysIn,
  defineMetric,
  distinct,
  durationOption,
  firstDays,
  last,
  narrowedTo,
  noData,
  refuseConfig,
  setFor,
  setMeasures,
  setsOption,
  since,
  trait,
  Type,
  type ComputeContext,
  type Inputs,
  type Static,
} from '@rapport/sdk';
import { addingUp, weightedMean } from '@rapport/sdk/score';

const target = (description: string, initial?: number) =>
  Type.Number({ exclusiveMinimum: 0, description, ...(initial === undefined ? {} : { default: initial }) });
const weight = (of: string) => Type.Number({ minimum: 0, default: 1, description: `Weight of ${of}.` });

const config = Type.Object(
  {
    days: Type.Integer({ minimum: 1, maximum: 366, default: 7, description: 'Days from the day of signing up on.' }),
    signupAt: Type.String({ minLength: 1, default: 'signupAt', description: 'Trait with the instant of signing up.' }),
    targets: Type.Object(
      {
        activeDays: target('Days with activity.', 3),
        coreActions: target('Core actions.', 10),
        minutes: target('Minutes of active use.', 60),
      },
      { additionalProperties: false, default: {}, description: 'What a good first week has.' },
    ),
    weights: Type.Object(
      {
        activeDays: weight('the active days'),
        coreActions: weight('the core actions'),
        minutes: weight('the minutes'),
      },
      { additionalProperties: false, default: {}, description: 'What the three count relative to each other.' },
    ),
    sets: setsOption(
      {
        targets: Type.Object(
          {
            activeDays: Type.Optional(target('Days with activity.')),
            coreActions: Type.Optional(target('Core actions.')),
            minutes: Type.Optional(target('Minutes of active use.')),
          },
          { additionalProperties: false, description: 'Targets in place of those in `targets`.' },
        ),
      },
      'Other targets by lifecycle stage, persona, plan; the first set that fits is in force.',
    ),
    actions: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      uniqueItems: true,
      default: ['Feature Used', 'Order Completed', 'Invite Sent'],
      description: 'Events that are core actions.',
    }),
    events: activityOption(),
    idleMinutes: Type.Number({
      exclusiveMinimum: 0,
      maximum: 10_000,
      default: 5,
      description: 'Longest gap between two events that is active use, in minutes.',
    }),
    threshold: Type.Number({
      minimum: 0,
      maximum: 100,
      default: 70,
      description: 'Engagement from which the first week was a success, for the portfolio.',
    }),
    cohort: durationOption('90d', 'For the portfolio: days within which the first week of an account must have ended.'),
  },
  { additionalProperties: false },
);

function measures({ days, signupAt, actions, events, idleMinutes, sets }: Static<typeof config>) {
  const week = firstDays(days, since(signupAt));
  return {
    signedUp: trait(signupAt, 'time'),
    activeDays: distinct('day', narrowedTo(events), week),
    coreActions: count(narrowedTo(actions), week),
    seconds: activeTime(narrowedTo(events), week, idleMinutes),
    ...setMeasures(sets),
  };
}

type Week = Inputs<ReturnType<typeof measures>>;
type Context = ComputeContext<Static<typeof config>>;

/**
 * How fully the first week after signing up is used: active days, core actions and minutes, each ÷ its target and capped at 1, weighted; 0–100.
 * `pending` until the week is over, with `progress` so far. Without an instant of signing up: `no-data`. For the portfolio the share,
 * in per cent, of the accounts whose first week ended in the last 90 days that reached the threshold.
 *
 * Source: *Five engagement metrics* (Entrepreneur, first week).
 */
export default defineMetric({
  id: 'first-week-engagement',
  title: 'First-week engagement',
  description: 'How fully the first week after signing up is used.',
  source: 'Five engagement metrics (Entrepreneur): engagement in the first week',
  unit: 'percent',
  range: [0, 100],
  subjects: ['account', 'user', 'portfolio'],
  config,
  parts: {
    progress: { unit: 'percent', description: 'The value as of now, also while the week still runs' },
    contributions: {
      type: 'table',
      unit: 'percent',
      description: 'What each component gives, for the portfolio each set of targets; they add up to the value',
    },
    activeDays: { unit: 'count', description: 'Days of the week with activity' },
    coreActions: { unit: 'count', description: 'Core actions in it' },
    minutes: { unit: 'count', description: 'Minutes of active use in it, summed over users' },
    set: { type: 'text', description: 'Set of targets in force, or `default`' },
    cohort: { unit: 'count', description: 'Portfolio: accounts whose first week ended within the configured days' },
    reached: { unit: 'count', description: 'Portfolio: those that reached the threshold' },
    pending: { unit: 'count', description: 'Portfolio: accounts whose first week still runs' },
  },
  contributions: 'contributions',
  window: ({ cohort }) => last(cohort),
  measures(options) {
    const { weights } = options;
    if (weights.activeDays + weights.coreActions + weights.minutes === 0)
      refuseConfig('/weights', 'all weights are 0; give at least one component a weight.');
    return measures(options);
  },
  compute(week, context) {
    if (week.signedUp === null) return noData('no-data');
    const { set, value, contributions } = engagementOf(week, context);
    const { activeDays, coreActions, seconds } = week;
    const parts = { progress: value, contributions, activeDays, coreActions, minutes: seconds / 60, set };
    const lastDay = context.calendar.dayOf(week.signedUp) + context.config.days - 1;
    return context.isOver(lastDay) ? { value, n: context.config.days, parts } : noData('pending', { parts });
  },
  portfolio(accounts, context) {
    const { asOf, calendar, config, today } = context;
    const earliest = calendar.startOfDay(today - daysIn(config.cohort) + 2);
    const reachedBySet = new Map<string, number>();
    let [cohort, pending] = [0, 0];
    for (const week of accounts) {
      if (week.signedUp === null) continue;
      const end = endOf(week.signedUp, context);
      if (asOf < end) pending++;
      if (asOf < end || end < earliest) continue;
      cohort++;
      const { set, value } = engagementOf(week, context);
      if (value >= config.threshold) reachedBySet.set(set, (reachedBySet.get(set) ?? 0) + 1);
    }
    if (cohort === 0) return noData(pending > 0 ? 'pending' : 'no-data', { n: 0, parts: { cohort, pending } });
    const reached = [...reachedBySet.values()].reduce((sum, each) => sum + each, 0);
    const shares = new Map([...reachedBySet].map(([set, n]) => [set, (100 * n) / cohort]));
    const { value, contributions } = addingUp((100 * reached) / cohort, shares);
    return { value, n: cohort, parts: { contributions, cohort, reached, pending } };
  },
});

/** The instant at which the first week is over. */
const endOf = (signedUp: number, { calendar, config }: Context) =>
  calendar.startOfDay(calendar.dayOf(signedUp) + config.days);

function engagementOf(week: Week, { config: { sets, weights, ...config } }: Context) {
  const set = setFor(sets, week);
  const { activeDays, coreActions, minutes } = { ...config.targets, ...set?.targets };
  const component = (name: keyof typeof weights, reached: number) => ({
    name,
    weight: weights[name],
    score: 100 * Math.min(1, reached),
  });
  const { value, contributions } = weightedMean(
    [
      component('activeDays', week.activeDays / activeDays),
      component('coreActions', week.coreActions / coreActions),
      component('minutes', week.seconds / 60 / minutes),
    ],
    'reweight',
  );
  return { set: set?.name ?? 'default', value: value ?? 0, contributions };
}
