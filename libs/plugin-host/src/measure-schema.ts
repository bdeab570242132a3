/* JSON Schema of the measure algebra: what a metric's `measures` may return. One schema per node, so that a mistake is told for the node that was meant. */

const text = { type: 'string', maxLength: 200 } as const;
const property = { type: 'string', minLength: 1, maxLength: 200 } as const;
const scalar = { type: ['string', 'number', 'boolean'] } as const;
const object = <P extends object>(properties: P, optional: readonly string[] = []) => ({
  type: 'object',
  additionalProperties: false,
  required: Object.keys(properties).filter((key) => !optional.includes(key)),
  properties,
});
const either = (...anyOf: readonly object[]) => ({ anyOf });
const ref = (name: string) => ({ $ref: `#/definitions/${name}` });
const days = { type: 'integer', minimum: 1, maximum: 40_000 } as const;

const definitions = {
  window: either(
    object({ kind: { enum: ['last', 'preceding'] }, days }),
    object({
      kind: { const: 'calendar' },
      unit: { enum: ['week', 'month', 'quarter', 'year'] },
      offset: { type: 'integer', minimum: -10_000, maximum: 0 },
    }),
    object({
      kind: { const: 'complete' },
      unit: { enum: ['week', 'month', 'quarter', 'year'] },
      back: { type: 'integer', minimum: 1, maximum: 10_000 },
    }),
    object({ kind: { const: 'firstDays' }, days, since: object({ trait: property }) }),
    object({ kind: { const: 'before' }, edge: { enum: ['start', 'end'] }, of: ref('window') }),
    object({ kind: { const: 'lifetime' } }),
  ),
  where: either(
    object({
      property,
      operator: { enum: ['equal', 'lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive'] },
      value: scalar,
    }),
    object({ property, operator: { const: 'in' }, value: { type: 'array', items: scalar, maxItems: 1000 } }),
    object({ property, operator: { const: 'exists' } }),
    object({ all: { type: 'array', items: ref('where') } }),
    object({ any: { type: 'array', items: ref('where') } }),
    object({ not: ref('where') }),
  ),
  filter: object({ events: { type: 'array', items: text, maxItems: 1000 }, where: ref('where') }, ['events', 'where']),
};

const filter = ref('filter');
const window = ref('window');
const reading = { enum: ['number', 'text', 'time'] } as const;
const share = { type: 'number', minimum: 0, maximum: 1 } as const;
const idleMinutes = { type: 'number', exclusiveMinimum: 0, maximum: 10_000 } as const;
const qualifying = {
  type: 'array',
  maxItems: 20,
  items: object(
    {
      events: { type: 'array', items: text, maxItems: 1000 },
      where: ref('where'),
      atLeast: { type: 'number', minimum: 1 },
    },
    ['events', 'where'],
  ),
} as const;
const keyed = either({ const: 'event' }, object({ property }));
const moment = object({ node: true, of: either({ const: 'time' }, object({ property, as: reading })), filter, window });
const ofProperty = object({ node: true, property, filter, window });

const nodes: Readonly<Record<string, object>> = {
  count: object({ node: true, filter, window }),
  sum: ofProperty,
  min: ofProperty,
  max: ofProperty,
  mean: ofProperty,
  quantile: object({ node: true, property, q: share, filter, window }),
  distinct: object(
    {
      node: true,
      of: either({ enum: ['user', 'newUser', 'session', 'day', 'event'] }, object({ property })),
      filter,
      window,
      qualifying,
    },
    ['qualifying'],
  ),
  earliest: moment,
  latest: moment,
  countByKey: object({ node: true, key: keyed, of: { enum: ['events', 'users', 'latest'] }, filter, window }),
  sessions: object({
    node: true,
    of: either({ enum: ['count', 'seconds'] }, object({ quantile: share })),
    idleMinutes,
    filter,
    window,
  }),
  activeTime: object({ node: true, idleMinutes, filter, window }),
  spans: object({
    node: true,
    spans: object(
      { key: { type: 'string', maxLength: 200 }, open: filter, close: filter, change: filter, effectiveAt: property },
      ['change', 'effectiveAt'],
    ),
    of: either(
      { enum: ['opened', 'closed', 'open'] },
      object({ sum: property, atLeast: { type: 'number' } }, ['atLeast']),
      object({ quantile: share }),
    ),
    window,
  }),
  series: object(
    { node: true, of: either({ enum: ['events', 'users'] }, object({ sum: property })), filter, window, qualifying },
    ['qualifying'],
  ),
  meanPerDay: object({ node: true, filter, window, qualifying }, ['qualifying']),
  trait: object({ node: true, name: property, as: reading }),
  profile: object({ node: true, name: property }),
  fold: object({
    node: true,
    reducer: property,
    properties: { type: 'array', items: property, maxItems: 100 },
    filter,
    window,
  }),
};

/** JSON Schema (draft 7) of a scope: the events that belong to a part of the product. */
export const scopeSchema = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: { events: { type: 'array', minItems: 1, items: text, maxItems: 1000 }, where: ref('where') },
} as const;
/** JSON Schema (draft 7) of what `evidence` returns. */
export const evidenceSchema = {
  ...object({ filter, window, properties: { type: 'array', minItems: 1, maxItems: 100, items: property } }),
  definitions,
};
export { definitions as measureDefinitions };

/** Names of all measure nodes. */
export const nodeNames: readonly string[] = Object.keys(nodes);
/** JSON Schema (draft 7) of one measure node, or null for a name that is none. */
export const nodeSchema = (name: string): object | null => {
  const schema = Object.hasOwn(nodes, name) ? nodes[name] : undefined;
  return schema ? { ...schema, definitions } : null;
};
