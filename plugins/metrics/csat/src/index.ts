import {
  allOf,
  atLeast,
  atMost,
  count,
  defineMetric,
  durationOption,
  equal,
  last,
  mean,
  noData,
  Type,
} from '@rapport/sdk';

/**
 * Customer satisfaction: share of survey responses that are at least satisfied, 0–100 %. Every response counts, not only a
 * respondent's latest; scores off the scale do not. None: `no-data`; fewer than `minSample`: `below-min-sample`.
 *
 * Source: *10 top customer engagement metrics* (SALESmanago), *Five engagement metrics* (Entrepreneur).
 */
export default defineMetric({
  id: 'csat',
  title: 'Customer satisfaction (CSAT)',
  description: 'Share of the answers that say “satisfied”.',
  source: '10 top customer engagement metrics (SALESmanago): CSAT; Five engagement metrics (Entrepreneur): CSAT',
  unit: 'percent',
  range: [0, 100],
  subjects: ['account', 'user', 'portfolio'],
  config: Type.Object(
    {
      window: durationOption('90d', 'Days whose responses count.'),
      survey: Type.String({ minLength: 1, default: 'csat', description: 'Which survey, as the events name it.' }),
      minSample: Type.Integer({ minimum: 1, default: 1, description: 'Fewest responses that make a value.' }),
      satisfied: Type.Number({ default: 4, description: 'Least score that counts as satisfied.' }),
      lowest: Type.Number({ default: 1, description: 'Low end of the scale.' }),
      highest: Type.Number({ default: 5, description: 'High end of the scale.' }),
      event: Type.String({ minLength: 1, default: 'Survey Responded', description: 'Event of a response.' }),
      surveyProperty: Type.String({ minLength: 1, default: 'survey', description: 'Property that names the survey.' }),
      scoreProperty: Type.String({ minLength: 1, default: 'score', description: 'Property with the score.' }),
    },
    { additionalProperties: false },
  ),
  parts: {
    responses: { unit: 'count', description: 'Responses on the scale' },
    satisfied: { unit: 'count', description: 'Responses that are at least satisfied' },
    mean: { unit: 'points', description: 'Mean score, on the survey’s scale' },
  },
  measures({ window, survey, satisfied, lowest, highest, event, surveyProperty, scoreProperty }) {
    const from = (least: number) => ({
      events: [event],
      where: allOf(equal(surveyProperty, survey), atLeast(scoreProperty, least), atMost(scoreProperty, highest)),
    });
    return {
      responses: count(from(lowest), last(window)),
      satisfied: count(from(Math.max(lowest, satisfied)), last(window)),
      mean: mean(scoreProperty, from(lowest), last(window)),
    };
  },
  compute({ responses, satisfied, mean }, { config: { minSample } }) {
    const parts = { responses, satisfied, mean };
    if (responses === 0) return noData('no-data');
    if (responses < minSample) return noData('below-min-sample', { n: responses, parts });
    return { value: (100 * satisfied) / responses, n: responses, parts };
  },
});
