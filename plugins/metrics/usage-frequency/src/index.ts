import {
  activityOption,
  count,
  daysIn,
  defineMetric,
  distinct,
  durationOption,
  last,
  lifetime,
  narrowedTo,
  noData,
  Type,
} from '@rapport/sdk';

/**
 * Distinct active days in the window, as days per week (0–7), with the class daily, weekly, infrequent or none. 0 and `none`
 * are facts about a subject that has had events; one that never had any has no value (`no-data`).
 *
 * Source: *SaaS customer engagement metrics* (Totango, usage frequency).
 */
export default defineMetric({
  id: 'usage-frequency',
  title: 'Usage frequency',
  description: 'On how many days a week the product is used.',
  source: 'SaaS customer engagement metrics (Totango): usage frequency',
  unit: 'days',
  range: [0, 7],
  subjects: ['account', 'user'],
  config: Type.Object(
    {
      window: durationOption('14d', 'Days looked at.'),
      daily: Type.Number({ minimum: 0, maximum: 7, default: 5, description: 'Days per week from which use is daily.' }),
      weekly: Type.Number({
        minimum: 0,
        maximum: 7,
        default: 1,
        description: 'Days per week from which it is weekly.',
      }),
      events: activityOption(),
    },
    { additionalProperties: false },
  ),
  parts: {
    activeDays: { unit: 'count', description: 'Days of the window with activity' },
    class: {
      type: 'text',
      values: ['daily', 'weekly', 'infrequent', 'none'],
      description: '`daily`, `weekly`, `infrequent` or `none`',
    },
  },
  window: ({ window }) => last(window),
  measures: ({ window, events }) => ({
    activeDays: distinct('day', narrowedTo(events), last(window)),
    ever: count({}, lifetime()),
  }),
  compute({ activeDays, ever }, { config }) {
    if (ever === 0) return noData('no-data');
    const value = (activeDays / daysIn(config.window)) * 7;
    return { value, n: activeDays, parts: { activeDays, class: classOf(value, config) } };
  },
});

const classOf = (daysPerWeek: number, { daily, weekly }: { daily: number; weekly: number }) => {
  if (daysPerWeek === 0) return 'none';
  if (daysPerWeek >= daily) return 'daily';
  return daysPerWeek >= weekly ? 'weekly' : 'infrequent';
};
