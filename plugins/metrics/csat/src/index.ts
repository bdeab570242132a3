import { count, defineMetric, durationOption, last, mean, noData, type Static, Type } from '@rapport/sdk';
import { surveyComments, surveyOptions, surveyResponses } from '@rapport/sdk/survey';

const options = Type.Object(
  {
    window: durationOption('90d', 'Days whose responses count.'),
    satisfied: Type.Number({ default: 4, description: 'Least score that counts as satisfied.' }),
    lowest: Type.Number({ default: 1, description: 'Low end of the scale.' }),
    highest: Type.Number({ default: 5, description: 'High end of the scale.' }),
    ...surveyOptions('csat'),
  },
  { additionalProperties: false },
);
type Options = Static<typeof options>;

const responses = (config: Options) => surveyResponses(config, config.lowest, config.highest);
const satisfied = (config: Options) =>
  surveyResponses(config, Math.max(config.lowest, config.satisfied), config.highest);

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
  config: options,
  parts: {
    responses: { unit: 'count', description: 'Responses on the scale' },
    satisfied: { unit: 'count', description: 'Responses that are at least satisfied' },
    mean: { unit: 'points', description: 'Mean score, on the survey’s scale' },
  },
  window: ({ window }) => last(window),
  evidence: (config) => surveyComments(config, responses(config), last(config.window)),
  measures: (config) => ({
    responses: count(responses(config), last(config.window)),
    satisfied: count(satisfied(config), last(config.window)),
    mean: mean(config.scoreProperty, responses(config), last(config.window)),
  }),
  compute({ responses, satisfied, mean }, { config: { minSample } }) {
    const parts = { responses, satisfied, mean };
    if (responses === 0) return noData('no-data');
    if (responses < minSample) return noData('below-min-sample', { n: responses, parts });
    return { value: (100 * satisfied) / responses, n: responses, parts };
  },
});
