import { countByKey, defineMetric, durationOption, last, latest, noData, type Static, Type } from '@rapport/sdk';
import { surveyComments, surveyOptions, surveyResponses } from '@rapport/sdk/survey';

const options = Type.Object(
  {
    window: durationOption('90d', 'Days whose responses count.'),
    promoter: Type.Number({ default: 9, description: 'Least score of a promoter.' }),
    passive: Type.Number({ default: 7, description: 'Least score of a passive; below it are detractors.' }),
    lowest: Type.Number({ default: 0, description: 'Low end of the scale.' }),
    highest: Type.Number({ default: 10, description: 'High end of the scale.' }),
    ...surveyOptions('nps'),
  },
  { additionalProperties: false },
);

const responses = (config: Static<typeof options>) => surveyResponses(config, config.lowest, config.highest);

/**
 * Net Promoter Score: 100 · (promoters − detractors) ÷ respondents, −100 to 100. Each user counts once, by the latest response in the
 * window; a response that names no user counts by itself. The margin of error is that of 95 % confidence, in points:
 * 196 · √((p + d − (p − d)²) ÷ n), with p and d the shares of promoters and detractors. None: `no-data`; fewer respondents than
 * `minSample`: `below-min-sample`.
 *
 * Source: Reichheld 2003; *10 top customer engagement metrics* (SALESmanago), *Five engagement metrics* (Entrepreneur).
 */
export default defineMetric({
  id: 'nps',
  title: 'Net Promoter Score (NPS)',
  description: 'Who would recommend the product, less those who would not.',
  source:
    'Reichheld 2003; 10 top customer engagement metrics (SALESmanago): NPS; Five engagement metrics (Entrepreneur): NPS',
  unit: 'points',
  range: [-100, 100],
  subjects: ['account', 'user', 'portfolio'],
  config: options,
  parts: {
    promoters: { unit: 'count', description: 'Respondents whose latest score is at least `promoter`' },
    passives: { unit: 'count', description: 'Those from `passive` up to below `promoter`' },
    detractors: { unit: 'count', description: 'Those below `passive`' },
    marginOfError: { unit: 'points', description: 'Half the width of the 95 % confidence interval' },
    latestScore: { unit: 'points', description: 'Score of the latest response, on the survey’s scale' },
  },
  window: ({ window }) => last(window),
  evidence: (config) => surveyComments(config, responses(config), last(config.window)),
  measures: (config) => ({
    scores: countByKey({ property: config.scoreProperty }, responses(config), last(config.window), 'latest'),
    latestScore: latest(config.scoreProperty, responses(config), last(config.window)),
  }),
  compute({ scores, latestScore }, { config: { promoter, passive, minSample } }) {
    let n = 0;
    let promoters = 0;
    let detractors = 0;
    for (const [score, respondents] of scores) {
      n += respondents;
      if (Number(score) >= promoter) promoters += respondents;
      else if (Number(score) < passive) detractors += respondents;
    }
    if (n === 0) return noData('no-data');
    const share = (promoters - detractors) / n;
    const marginOfError = 196 * Math.sqrt(((promoters + detractors) / n - share ** 2) / n);
    const parts = { promoters, passives: n - promoters - detractors, detractors, marginOfError, latestScore };
    return n < minSample
      ? noData('below-min-sample', { n, parts })
      : { value: (100 * (promoters - detractors)) / n, n, parts };
  },
});
