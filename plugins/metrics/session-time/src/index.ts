import { activityOption, defineMetric, durationOption, last, narrowedTo, noData, sessions, Type } from '@rapport/sdk';

/**
 * How long sessions last, in seconds: their mean by default, or their median, 90th percentile or total. A session ends after `idleMinutes`
 * without an event, or goes by its explicit id; it lasts from its first to its last event (0 with one), belongs to the window in
 * which it starts, and is cut at `asOf`. No session in the window: `no-data`.
 *
 * Source: *10 top customer engagement metrics* (SALESmanago, session time).
 */
export default defineMetric({
  id: 'session-time',
  title: 'Session time',
  description: 'How long people stay when they come.',
  source: '10 top customer engagement metrics (SALESmanago): session time',
  unit: 'seconds',
  range: [0, null],
  subjects: ['account', 'user', 'portfolio'],
  config: Type.Object(
    {
      window: durationOption('30d', 'Days in which a session must start.'),
      statistic: Type.Union(
        [Type.Literal('mean'), Type.Literal('median'), Type.Literal('p90'), Type.Literal('total')],
        {
          default: 'mean',
          description: 'Which of the parts is the value.',
        },
      ),
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
    total: { unit: 'seconds', description: 'Their duration, added up' },
    mean: { unit: 'seconds', description: 'Mean duration' },
    median: { unit: 'seconds', description: 'Median duration' },
    p90: { unit: 'seconds', description: 'Duration that 90 % of the sessions do not exceed' },
  },
  window: ({ window }) => last(window),
  measures({ window, idleMinutes, events }) {
    const over = [narrowedTo(events), last(window), idleMinutes] as const;
    return {
      count: sessions('count', ...over),
      total: sessions('seconds', ...over),
      median: sessions({ quantile: 0.5 }, ...over),
      p90: sessions({ quantile: 0.9 }, ...over),
    };
  },
  compute({ count, total, median, p90 }, { config: { statistic } }) {
    if (total === null || median === null || p90 === null) return noData('no-data');
    const parts = { sessions: count, total, mean: total / count, median, p90 };
    return { value: parts[statistic], n: count, parts };
  },
});
