import {
  activeTime,
  activityOption,
  count,
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
 * Seconds of active use: the sum, over users, of the gaps between consecutive events that are no longer than the idle timeout; longer
 * gaps are idle and count nothing. A gap belongs to the window in which its later event falls. 0 is a fact about a subject
 * that has had events; one that never had any has no value (`no-data`).
 *
 * Source: *SaaS customer engagement metrics* (Totango, active time without idle).
 */
export default defineMetric({
  id: 'time-in-product',
  title: 'Time in product',
  description: 'How long people really work with the product, idle time left out.',
  source: 'SaaS customer engagement metrics (Totango): active time without idle',
  unit: 'seconds',
  range: [0, null],
  subjects: ['account', 'user', 'portfolio'],
  config: Type.Object(
    {
      window: durationOption('14d', 'Days looked at.'),
      idleMinutes: Type.Integer({
        minimum: 1,
        default: 5,
        description: 'Minutes between two events that still are use; what is longer is idle.',
      }),
      events: activityOption(),
    },
    { additionalProperties: false },
  ),
  parts: {
    activeUsers: { unit: 'count', description: 'Users with an event in the window' },
    perActiveUser: { unit: 'seconds', description: 'Mean per active user; null when there is none' },
  },
  window: ({ window }) => last(window),
  measures: ({ window, idleMinutes, events }) => ({
    seconds: activeTime(narrowedTo(events), last(window), idleMinutes),
    activeUsers: distinct('user', narrowedTo(events), last(window)),
    ever: count({}, lifetime()),
  }),
  compute({ seconds, activeUsers, ever }) {
    if (ever === 0) return noData('no-data');
    const perActiveUser = activeUsers === 0 ? null : seconds / activeUsers;
    return { value: seconds, n: activeUsers, parts: { activeUsers, perActiveUser } };
  },
});
