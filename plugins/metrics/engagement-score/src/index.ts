import {
  count,
  defineMetric,
  durationOption,
  last,
  lifetime,
  noData,
  setFor,
  setMeasures,
  setsOption,
  Type,
} from '@rapport/sdk';
import { missingOption, weightedMean } from '@rapport/sdk/score';
import { checkComponents, component, overridden, override, pointsFor, sourceOf } from './component.js';

/**
 * One score from 0 to 100 over other metrics: each is mapped to 0–10 points by its target or scale; Σ weight × points ÷ Σ weight × 10. A component
 * without a value (also a metric that does not support the subject) is re-weighted, zeroed, or makes the score null, as configured; `coverage` is the
 * weight that has one. None has, or the subject never had an event: `no-data`.
 *
 * Throws `RAPPORT_SDK_CONFIG` while loading for weights that do not total 100 %, a component with neither or both of target and scale, a scale out of
 * order, and a set that names a component that there is not.
 *
 * Source: *SaaS customer engagement metrics* (Totango, overall score), *Customer engagement score* (bands, lifecycle ranges).
 */
export default defineMetric({
  id: 'engagement-score',
  title: 'Engagement score',
  description: 'How engaged a customer is, over everything that counts.',
  source:
    'SaaS customer engagement metrics (Totango): overall score; Customer engagement score: scales, lifecycle ranges, renewal bands',
  unit: 'points',
  range: [0, 100],
  subjects: ['account', 'user'],
  config: Type.Object(
    {
      components: Type.Record(Type.String({ minLength: 1 }), component, {
        minProperties: 1,
        default: {
          'usage-frequency': { weight: 30, target: 5 },
          'time-in-product.perActiveUser': { weight: 20, target: 7200 },
          'feature-adoption': { weight: 20, target: 0.5 },
          'license-utilization': { weight: 15, target: 0.9 },
          stickiness: { weight: 15, target: 0.4 },
        },
        description:
          'What the score is made of: metrics (`usage-frequency`), metrics within a scope (`usage-frequency:crm`), or numbers among their parts (`time-in-product.perActiveUser`).',
      }),
      missing: missingOption(),
      sets: setsOption(
        {
          components: Type.Record(Type.String({ minLength: 1 }), override, {
            minProperties: 1,
            description: 'What differs, by component; the rest stays as it is.',
          }),
        },
        'Weights and targets for lifecycle stages, personas, plans. The first set that fits is in force.',
      ),
      window: durationOption('30d', 'Days that `events` looks at, and by which `previous` is earlier.'),
    },
    { additionalProperties: false },
  ),
  parts: {
    contributions: {
      type: 'table',
      unit: 'points',
      description: 'What each component gives; they add up to the value exactly',
    },
    points: { type: 'table', unit: 'points', description: 'Points of each component, 0–10' },
    coverage: { unit: 'percent', description: 'Weight of the components that have a value' },
    missing: { type: 'list', description: 'Components without a value' },
    events: { unit: 'count', description: 'Events in the window; `product-suite-score` weighs products by it' },
    set: { type: 'text', description: 'Set in force, or `default`' },
  },
  contributions: 'contributions',
  window: ({ window }) => last(window),
  uses: ({ components }) => [...new Set(Object.keys(components).map((fact) => sourceOf(fact).metric))],
  measures({ components, sets, window }) {
    checkComponents(components, sets);
    return { events: count({}, last(window)), ever: count({}, lifetime()), ...setMeasures(sets) };
  },
  compute(inputs, { config: { components, missing: policy, sets }, metric }) {
    if (inputs.ever === 0) return noData('no-data');
    const set = setFor(sets, inputs);
    const points: Record<string, number> = {};
    const scores = Object.entries(components).map(([fact, base]) => {
      const inForce = overridden(base, set?.components[fact]);
      const { weight } = inForce;
      const source = sourceOf(fact);
      const value = source.part === null ? metric(source.metric).value : metric(source.metric).part(source.part);
      if (value === null) return { name: fact, weight, score: null };
      points[fact] = pointsFor(value, inForce);
      return { name: fact, weight, score: points[fact] * 10 };
    });
    const { value, n, contributions, coverage, missing } = weightedMean(scores, policy);
    const parts = { contributions, points, coverage, missing, events: inputs.events, set: set?.name ?? 'default' };
    return value === null ? noData('no-data', { n, parts }) : { value, n, parts };
  },
});
