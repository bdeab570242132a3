import { activityOption, defineMetric, distinct, last, meanPerDay, narrowedTo, noData, Type } from '@rapport/sdk';

/**
 * DAU ÷ MAU, a ratio from 0 to 1: DAU is the mean of the distinct users per day over 30 days, or those of the last day.
 * No user in 30 days: `no-data`.
 *
 * Source: *Five engagement metrics* (Entrepreneur), *10 top customer engagement metrics* (SALESmanago).
 */
export default defineMetric({
  id: 'stickiness',
  title: 'Stickiness (DAU/MAU)',
  description: 'Share of the month’s users who come on a given day.',
  source:
    'Five engagement metrics (Entrepreneur): DAU/MAU, stickiness; 10 top customer engagement metrics (SALESmanago): DAU/MAU',
  unit: 'ratio',
  range: [0, 1],
  subjects: ['account', 'portfolio'],
  config: Type.Object(
    {
      dau: Type.Union([Type.Literal('average'), Type.Literal('latest')], {
        default: 'average',
        description: 'DAU is the mean over the 30 days (`average`), or the last day’s (`latest`).',
      }),
      events: activityOption(),
    },
    { additionalProperties: false },
  ),
  parts: {
    dau: { unit: 'count', description: 'Daily active users, as configured' },
    mau: { unit: 'count', description: 'Users active in the last 30 days' },
  },
  window: () => last('30d'),
  measures: ({ dau, events }) => ({
    dau:
      dau === 'latest' ? distinct('user', narrowedTo(events), last('1d')) : meanPerDay(narrowedTo(events), last('30d')),
    mau: distinct('user', narrowedTo(events), last('30d')),
  }),
  compute: ({ dau, mau }) => (mau === 0 ? noData('no-data') : { value: dau / mau, n: mau, parts: { dau, mau } }),
});
