import {
  activityOption,
  daysIn,
  defineMetric,
  distinct,
  durationOption,
  last,
  narrowedTo,
  noData,
  preceding,
  Type,
} from '@rapport/sdk';
import { missingOption, weightedMean } from '@rapport/sdk/score';

/**
 * Mean of adoption (`feature-adoption` × 100), stickiness (`stickiness` × 100) and growth, each 0–100. Growth is the quick ratio of users,
 * (new + recovered) ÷ dropped, capped at 4, ÷ 4 × 100. Nobody dropped: it is at the cap if anybody came, and missing otherwise. A missing
 * component is re-weighted, zeroed, or makes the score null, as configured; all are missing: `no-data`.
 *
 * Source: product engagement score: Pendo; quick ratio: Mamoon Hamid.
 */
export default defineMetric({
  id: 'product-engagement-score',
  title: 'Product engagement score (PES)',
  description: 'How well the product is adopted, how often people come back, and whether they become more.',
  source: 'Product engagement score: Pendo; quick ratio: Mamoon Hamid',
  unit: 'points',
  range: [0, 100],
  subjects: ['account', 'portfolio'],
  config: Type.Object(
    {
      window: durationOption(
        '30d',
        'Days over which users are new, recovered, or dropped against as many days before.',
      ),
      events: activityOption(),
      cap: Type.Number({ exclusiveMinimum: 0, default: 4, description: 'Quick ratio that is full growth.' }),
      missing: missingOption(),
    },
    { additionalProperties: false },
  ),
  parts: {
    contributions: {
      type: 'table',
      unit: 'points',
      description: 'What adoption, stickiness and growth give; they add up to the value exactly',
    },
    adoption: { unit: 'points', description: 'Feature adoption × 100' },
    stickiness: { unit: 'points', description: 'Stickiness × 100' },
    growth: { unit: 'points', description: 'Quick ratio, capped, as a share of the cap × 100' },
    quickRatio: { unit: 'ratio', description: '(new + recovered) ÷ dropped, not capped; null when nobody dropped' },
    new: { unit: 'count', description: 'Users of the window whose first activity ever lies in it' },
    recovered: {
      unit: 'count',
      description: 'Users of the window who were there before, but not in the window before it',
    },
    dropped: { unit: 'count', description: 'Users of the window before who were not in this one' },
    coverage: { unit: 'percent', description: 'Share of the three that have a value' },
    missing: { type: 'list', description: 'Those that have none' },
  },
  contributions: 'contributions',
  window: ({ window }) => last(window),
  uses: () => ['feature-adoption', 'stickiness'],
  measures: ({ window, events }) => ({
    users: distinct('user', narrowedTo(events), last(window)),
    before: distinct('user', narrowedTo(events), preceding(window)),
    either: distinct('user', narrowedTo(events), last(`${2 * daysIn(window)}d`)),
    fresh: distinct('newUser', narrowedTo(events), last(window)),
  }),
  compute({ users, before, either, fresh }, { config: { cap, missing: policy }, metric }) {
    // Who was in either window, less those of the one, are those of the other only.
    const dropped = either - users;
    const recovered = either - before - fresh;
    const came = fresh + recovered;
    const quickRatio = dropped === 0 ? null : came / dropped;
    const growth = dropped === 0 && came === 0 ? null : 100 * Math.min(1, (quickRatio ?? cap) / cap);
    const adoption = hundredfold(metric('feature-adoption').value);
    const stickiness = hundredfold(metric('stickiness').value);
    const { value, n, contributions, coverage, missing } = weightedMean(
      [
        { name: 'adoption', weight: 1, score: adoption },
        { name: 'stickiness', weight: 1, score: stickiness },
        { name: 'growth', weight: 1, score: growth },
      ],
      policy,
    );
    const parts = {
      contributions,
      adoption,
      stickiness,
      growth,
      quickRatio,
      new: fresh,
      recovered,
      dropped,
      coverage,
      missing,
    };
    return value === null ? noData('no-data', { n, parts }) : { value, n, parts };
  },
});

const hundredfold = (ratio: number | null) => (ratio === null ? null : 100 * ratio);
