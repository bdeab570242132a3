import {
  defineMetric,
  durationOption,
  last,
  noData,
  refuseConfig,
  setFor,
  setMeasures,
  setsOption,
  type Static,
  Type,
} from '@rapport/sdk';
import { missingOption, mustTotal100, weightedMean } from '@rapport/sdk/score';

const weights = Type.Union(
  [
    Type.Literal('usage'),
    Type.Record(Type.String({ minLength: 1 }), Type.Number({ minimum: 0, maximum: 100 }), { minProperties: 1 }),
  ],
  {
    default: 'usage',
    description:
      'What each product counts: its share of the subject’s events in all of them (`usage`), or per cent by product, together 100.',
  },
);
type Weights = Static<typeof weights>;

/**
 * One score from 0 to 100 over several products, which are scopes of the workspace: Σ weight × `engagement-score:<product>` ÷ Σ weight, with weights
 * from the configuration or by usage: the product's events ÷ the events in all products, within the window of `engagement-score`. A product
 * without a score is re-weighted, zeroed, or makes the score null, as configured. No product has a score and a weight, or none is configured: `no-data`.
 *
 * Throws `RAPPORT_SDK_CONFIG` while loading for weights that do not name each product, or do not total 100 %.
 *
 * Source: *SaaS customer engagement metrics* (Totango, overall score), over several products.
 */
export default defineMetric({
  id: 'product-suite-score',
  title: 'Product suite score',
  description: 'How engaged a customer is over all of your products.',
  source: 'SaaS customer engagement metrics (Totango): overall score, over several products',
  unit: 'points',
  range: [0, 100],
  subjects: ['account'],
  config: Type.Object(
    {
      products: Type.Array(Type.String({ minLength: 1 }), {
        uniqueItems: true,
        default: [],
        description: 'The products: names of scopes in `rapport.json`. Empty: there is nothing to score.',
      }),
      weights,
      missing: missingOption(),
      sets: setsOption(
        { weights },
        'Weights for lifecycle stages, personas, plans. The first set that fits is in force.',
      ),
      window: durationOption('30d', 'Days by which `previous` is earlier.'),
    },
    { additionalProperties: false },
  ),
  parts: {
    contributions: {
      type: 'table',
      unit: 'points',
      description: 'What each product gives; they add up to the value exactly',
    },
    scores: { type: 'table', unit: 'points', description: 'Engagement score of each product' },
    weights: {
      type: 'table',
      unit: 'percent',
      description: 'Weight of each product in force, or its share of the events',
    },
    coverage: { unit: 'percent', description: 'Weight of the products that have a score' },
    missing: { type: 'list', description: 'Products without a score' },
    set: { type: 'text', description: 'Set in force, or `default`' },
  },
  contributions: 'contributions',
  window: ({ window }) => last(window),
  uses: ({ products }) => products.map(scored),
  measures({ products, weights, sets }) {
    checkWeights('/weights', weights, products);
    sets.forEach((set, i) => {
      checkWeights(`/sets/${i}/weights`, set.weights, products);
    });
    return setMeasures(sets);
  },
  compute(inputs, { config: { products, weights, missing: policy, sets }, metric }) {
    const set = setFor(sets, inputs);
    const inForce = set?.weights ?? weights;
    const components = products.map((name) => {
      const product = metric(scored(name));
      const weight = inForce === 'usage' ? product.part('events') : inForce[name];
      return { name, weight: weight ?? 0, score: product.value };
    });
    const { value, n, contributions, coverage, missing } = weightedMean(components, policy);
    const parts = {
      contributions,
      scores: Object.fromEntries(components.flatMap(({ name, score }) => (score === null ? [] : [[name, score]]))),
      weights: shares(components),
      coverage,
      missing,
      set: set?.name ?? 'default',
    };
    return value === null ? noData('no-data', { n, parts }) : { value, n, parts };
  },
});

const scored = (product: string) => `engagement-score:${product}`;

/** Per cent of all weight by product; empty where nothing has a weight. */
function shares(components: readonly { readonly name: string; readonly weight: number }[]): Record<string, number> {
  const all = components.reduce((sum, { weight }) => sum + weight, 0);
  return Object.fromEntries(
    all === 0 ? [] : components.map(({ name, weight }) => [name, (100 * weight) / all] as const),
  );
}

function checkWeights(pointer: string, weights: Weights, products: readonly string[]): void {
  if (weights === 'usage') return;
  for (const product of products)
    if (!Object.hasOwn(weights, product)) refuseConfig(pointer, `the product "${product}" has no weight.`);
  for (const name of Object.keys(weights))
    if (!products.includes(name)) refuseConfig(pointer, `"${name}" is none of the products ${products.join(', ')}.`);
  mustTotal100(pointer, Object.values(weights));
}
