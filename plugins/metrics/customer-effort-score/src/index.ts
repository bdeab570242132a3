import { count, defineMetric, durationOption, last, noData, type Static, sum, Type } from '@rapport/sdk';
import { surveyComments, surveyOptions, surveyResponses } from '@rapport/sdk/survey';

const options = Type.Object(
  {
    window: durationOption('90d', 'Days whose responses count.'),
    scale: Type.Union([Type.Literal(5), Type.Literal(7)], {
      default: 7,
      description: 'High end of the scale, which begins at 1. Higher is easier.',
    }),
    easy: Type.Optional(
      Type.Number({
        description: 'Least rating that counts as easy. Left out: all above the middle, 4–5 of 5 and 5–7 of 7.',
      }),
    ),
    ...surveyOptions('ces'),
  },
  { additionalProperties: false },
);
type Options = Static<typeof options>;

const responses = (config: Options) => surveyResponses(config, 1, config.scale);
const easiest = (config: Options) =>
  surveyResponses(config, Math.max(1, config.easy ?? (config.scale + 3) / 2), config.scale);

/**
 * Customer effort score: sum of the ratings ÷ number of responses, on a scale from 1 to 5 or 7 where higher is easier. Every response
 * counts, not only a respondent's latest; ratings off the scale do not. None: `no-data`; fewer than `minSample`: `below-min-sample`.
 *
 * Source: *10 top customer engagement metrics* (SALESmanago).
 */
export default defineMetric({
  id: 'customer-effort-score',
  title: 'Customer effort score (CES)',
  description: 'How easy customers say it was to get done what they came for.',
  source: '10 top customer engagement metrics (SALESmanago): CES',
  unit: 'points',
  range: [1, 7],
  subjects: ['account', 'user', 'portfolio'],
  config: options,
  parts: {
    responses: { unit: 'count', description: 'Responses on the scale' },
    sum: { unit: 'points', description: 'Sum of their ratings' },
    easy: { unit: 'count', description: 'Responses that say it was easy' },
    easyShare: { unit: 'percent', description: 'Share of the responses that say it was easy' },
  },
  window: ({ window }) => last(window),
  evidence: (config) => surveyComments(config, responses(config), last(config.window)),
  measures: (config) => ({
    responses: count(responses(config), last(config.window)),
    sum: sum(config.scoreProperty, responses(config), last(config.window)),
    easy: count(easiest(config), last(config.window)),
  }),
  compute({ responses, sum, easy }, { config: { minSample } }) {
    if (sum === null) return noData('no-data');
    const parts = { responses, sum, easy, easyShare: (100 * easy) / responses };
    return responses < minSample
      ? noData('below-min-sample', { n: responses, parts })
      : { value: sum / responses, n: responses, parts };
  },
});
