import {
  activityOption,
  daysIn,
  defineMetric,
  distinct,
  durationOption,
  last,
  narrowedTo,
  noData,
  sessions,
  Type,
} from '@rapport/sdk';

/**
 * Sessions ÷ (active users × days of the window): how often a day the average active user comes. A session belongs to the window in
 * which it starts. Nobody active in the window is no denominator: `no-data`.
 *
 * Source: *10 top customer engagement metrics* (SALESmanago, sessions per user and day).
 */
export default defineMetric({
  id: 'sessions-per-day',
  title: 'Sessions per user and day',
  description: 'How often a day the average active user comes.',
  source: '10 top customer engagement metrics (SALESmanago): session time and frequency',
  unit: 'ratio',
  range: [0, null],
  subjects: ['account', 'user', 'portfolio'],
  config: Type.Object(
    {
      window: durationOption('30d', 'Days looked at.'),
      idleMinutes: Type.Integer({
        minimum: 1,
        default: 30,
        description: 'Minutes without an event that end a session.',
      }),
      events: activityOption(),
    },
    { additionalProperties: false },
  ),
  parts: {
    sessions: { unit: 'count', description: 'Sessions that start in the window' },
    activeUsers: { unit: 'count', description: 'Users with an event in the window' },
    perUser: { unit: 'ratio', description: 'Mean sessions per active user in the window' },
    monthlyActiveSessions: { unit: 'count', description: 'Sessions that start in the last 30 days' },
    dailyActiveSessions: { unit: 'count', description: 'Sessions that start on the last day' },
  },
  window: ({ window }) => last(window),
  measures: ({ window, idleMinutes, events }) => ({
    visits: sessions('count', narrowedTo(events), last(window), idleMinutes),
    activeUsers: distinct('user', narrowedTo(events), last(window)),
    monthlyActiveSessions: sessions('count', narrowedTo(events), last('30d'), idleMinutes),
    dailyActiveSessions: sessions('count', narrowedTo(events), last('1d'), idleMinutes),
  }),
  compute({ visits, activeUsers, monthlyActiveSessions, dailyActiveSessions }, { config: { window } }) {
    const known = { sessions: visits, activeUsers, monthlyActiveSessions, dailyActiveSessions };
    if (activeUsers === 0) return noData('no-data', { parts: known });
    const perUser = visits / activeUsers;
    return { value: perUser / daysIn(window), n: activeUsers, parts: { ...known, perUser } };
  },
});
