import {
  activityOption,
  count,
  countByKey,
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
 * Number of core user actions in the window: the events that say the product is used for what it is bought for. Per active user, and
 * per action, are parts. 0 is a fact about a subject that has had events; one that never had any has no value (`no-data`).
 *
 * Source: *10 top customer engagement metrics* (SALESmanago, core user actions).
 */
export default defineMetric({
  id: 'core-actions',
  title: 'Core user actions',
  description: 'How much people do of what the product is for.',
  source: '10 top customer engagement metrics (SALESmanago): core user actions',
  unit: 'count',
  range: [0, null],
  subjects: ['account', 'user', 'portfolio'],
  config: Type.Object(
    {
      actions: Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        uniqueItems: true,
        default: ['Feature Used', 'Order Completed', 'Invite Sent'],
        description: 'Events that are core actions.',
      }),
      window: durationOption('30d', 'Days looked at.'),
      events: activityOption(),
    },
    { additionalProperties: false },
  ),
  parts: {
    byAction: {
      type: 'table',
      unit: 'count',
      description: 'Count per configured action, 0 included; their sum is the value',
    },
    activeUsers: { unit: 'count', description: 'Users with an event in the window' },
    perActiveUser: { unit: 'ratio', description: 'Actions ÷ active users; null when there is none' },
  },
  window: ({ window }) => last(window),
  measures: ({ actions, window, events }) => ({
    counts: countByKey('event', narrowedTo(actions), last(window)),
    activeUsers: distinct('user', narrowedTo(events), last(window)),
    ever: count({}, lifetime()),
  }),
  compute({ counts, activeUsers, ever }, { config: { actions } }) {
    if (ever === 0) return noData('no-data');
    const byAction = Object.fromEntries(actions.map((action) => [action, counts.get(action) ?? 0]));
    const value = Object.values(byAction).reduce((sum, each) => sum + each, 0);
    const perActiveUser = activeUsers === 0 ? null : value / activeUsers;
    return { value, n: value, parts: { byAction, activeUsers, perActiveUser } };
  },
});
