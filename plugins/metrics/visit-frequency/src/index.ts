import {
  activityOption,
  count,
  daysIn,
  defineMetric,
  durationOption,
  last,
  lifetime,
  narrowedTo,
  noData,
  sessions,
  Type,
} from '@rapport/sdk';

/**
 * Sessions per week ÷ the ideal number per week; 1 is as often as it should be. 0 is a fact about a subject that has had
 * events; one that never had any has no value (`no-data`).
 *
 * Source: *10 top customer engagement metrics* (SALESmanago, visit frequency).
 */
export default defineMetric({
  id: 'visit-frequency',
  title: 'Visit frequency',
  description: 'How often customers come, against how often they should.',
  source: '10 top customer engagement metrics (SALESmanago): visit frequency',
  unit: 'ratio',
  range: [0, null],
  subjects: ['account', 'user'],
  config: Type.Object(
    {
      window: durationOption('4w', 'Days looked at.'),
      ideal: Type.Number({
        exclusiveMinimum: 0,
        default: 5,
        description: 'Sessions per week that a subject should have.',
      }),
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
    perWeek: { unit: 'count', description: 'Those per week' },
  },
  window: ({ window }) => last(window),
  measures: ({ window, idleMinutes, events }) => ({
    visits: sessions('count', narrowedTo(events), last(window), idleMinutes),
    ever: count({}, lifetime()),
  }),
  compute({ visits, ever }, { config: { window, ideal } }) {
    if (ever === 0) return noData('no-data');
    const days = daysIn(window);
    const perWeek = (7 * visits) / days;
    return { value: perWeek / ideal, n: days, parts: { sessions: visits, perWeek } };
  },
});
