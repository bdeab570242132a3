import { descriptionsOf, isTrait, operatorsFor, type FactCatalogue, type FactDescription } from './catalogue.js';
import { timeSchema, type JsonSchema } from './operand.js';
import { isChange, ruleOf, type OperatorSet } from './operator.js';

/*
 * JSON Schemas (2020-12) of the documents. Those that documents are checked with leave conditions, operators and values to
 * `checkCondition`, which can say more; `schemaFor` makes those that editors complete from.
 */

const id = { type: 'string', pattern: '^[a-z][a-z0-9-]{0,63}$' } as const;
const duration = { type: 'string', pattern: '^[1-9][0-9]{0,4}[dw]$' } as const;
const title = { type: 'string', minLength: 1, maxLength: 200 } as const;
const description = { type: 'string', maxLength: 2000 } as const;
const subject = { enum: ['account', 'user'], description: 'Whom the rules are about.' } as const;
const condition = { $ref: '#/$defs/condition' } as const;

const groups = {
  all: { type: 'array', items: condition, description: 'True when every one of these is.' },
  any: { type: 'array', items: condition, minItems: 1, description: 'True when at least one of these is.' },
  not: { ...condition, description: 'True when this is false. What is unknown stays unknown.' },
} as const;

const definitions = {
  condition: {
    type: 'object',
    properties: { ...groups, fact: { type: 'string' }, operator: { type: 'string' }, value: true },
    additionalProperties: false,
  },
  facts: { type: 'object' },
} as const;

const test = {
  type: 'object',
  required: ['name', 'facts', 'expect'],
  additionalProperties: false,
  properties: {
    name: title,
    asOf: {
      type: 'string',
      description: 'The instant that the rules are evaluated as of, such as 2026-06-01T00:00:00Z.',
    },
    facts: {
      $ref: '#/$defs/facts',
      description: 'What is known of the subject. Facts that are left out or null are unknown.',
    },
    expect: { type: 'string', minLength: 1, description: '"in", "out", "unknown", or the id of a band.' },
  },
} as const;

/** JSON Schema (2020-12) of a segment document. */
export const segmentSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Rapport segment',
  type: 'object',
  required: ['kind', 'id', 'title', 'subject'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string' },
    kind: { const: 'segment' },
    id,
    title,
    description,
    subject,
    enter: { ...condition, description: 'Subjects for whom this is true are in the segment.' },
    exit: { ...condition, description: 'Members leave when this is true; without it, when "enter" is false.' },
    bands: {
      type: 'array',
      minItems: 1,
      maxItems: 50,
      description: 'Exclusive classes, instead of "enter": the first whose rule is true is taken.',
      items: {
        type: 'object',
        required: ['id', 'title', 'enter'],
        additionalProperties: false,
        properties: { id, title, enter: condition },
      },
    },
    onUnknown: {
      enum: ['hold', 'leave'],
      description: 'Whether a member stays ("hold") or leaves while the rule is unknown.',
    },
    minimumDwell: { ...duration, description: 'How long a member stays at least, such as "3d".' },
    tests: { type: 'array', items: test, description: 'Examples. One that fails keeps the document from being used.' },
  },
  $defs: definitions,
} as const;

/** JSON Schema (2020-12) of a playbook document. */
export const playbookSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Rapport playbook',
  type: 'object',
  required: ['kind', 'id', 'title', 'subject', 'trigger', 'steps'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string' },
    kind: { const: 'playbook' },
    id,
    title,
    description,
    subject,
    trigger: {
      type: 'object',
      additionalProperties: false,
      properties: {
        segment: { type: 'string', minLength: 1, description: 'The key of a segment: its id, or <id>.<band>.' },
        on: { enum: ['enter', 'exit'] },
        when: { ...condition, description: 'The steps are taken when a subject begins to satisfy this.' },
      },
    },
    steps: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      items: {
        type: 'object',
        required: ['id', 'action'],
        additionalProperties: false,
        properties: { id, action: { type: 'string', minLength: 1 }, with: { type: 'object' } },
      },
    },
  },
  $defs: definitions,
} as const;

const documents = { segment: segmentSchema, playbook: playbookSchema } as const;

const anyScalar: JsonSchema = { anyOf: [{ type: 'number' }, { type: 'string' }, { type: 'boolean' }] };
const present = (entries: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));

/** JSON Schema of one value of a fact, as conditions write it; of a list, of one item. */
function oneOfFact({ type, minimum, maximum, values }: FactDescription): JsonSchema {
  switch (type) {
    case 'number':
      return present({ type: 'number', minimum, maximum });
    case 'text':
      return present({ type: 'string', enum: values });
    case 'time':
      return timeSchema;
    case 'boolean':
      return { type: 'boolean' };
    case 'list':
      return values ? { type: 'string', enum: values } : anyScalar;
    case 'any':
      return anyScalar;
  }
}

/** JSON Schema of a fact in a test: its value, or null where it is unknown. */
function valueOfFact(fact: FactDescription): JsonSchema {
  // Traits are whatever the data brings; a test may show what comes of it.
  if (fact.type === 'any' || isTrait(fact.fact)) return true;
  if (fact.type === 'number') return { type: ['number', 'null'] };
  const known = fact.type === 'list' ? { type: 'array', items: oneOfFact(fact) } : oneOfFact(fact);
  return { anyOf: [known, { type: 'null' }] };
}

/** What editors show of a fact. */
function toldOf({ fact, title: name, description: text, unit, minimum, maximum, values }: FactDescription): JsonSchema {
  const range =
    minimum === undefined && maximum === undefined ? '' : `${String(minimum ?? '')} to ${String(maximum ?? '')}`;
  const about = [text, unit && `Unit: ${unit}.`, range && `Range: ${range}.`, values && `One of ${values.join(', ')}.`];
  const told = about.filter((part) => part !== undefined && part !== '').join(' ');
  return present({ const: fact, title: name, description: told === '' ? undefined : told });
}

const where = (property: string, schema: JsonSchema) => ({
  type: 'object',
  required: [property],
  properties: { [property]: schema },
});

/** What a leaf about facts of one kind must be: operators that fit, and the value that each takes. */
function leafSchema(kind: FactDescription, changes: boolean, more: OperatorSet | undefined): JsonSchema {
  const one = oneOfFact(kind);
  const operators = operatorsFor(kind.type, more).filter((operator) => changes || !isChange(operator));
  const byValue = new Map<string, { readonly schema: JsonSchema; readonly operators: string[] }>();
  for (const operator of operators) {
    const schema = ruleOf(operator, more)?.takes.schema(one) ?? true;
    const key = JSON.stringify(schema);
    const group = byValue.get(key) ?? { schema, operators: [] };
    group.operators.push(operator);
    byValue.set(key, group);
  }
  return {
    ...where('operator', {
      anyOf: operators.map((operator) => ({ const: operator, description: ruleOf(operator, more)?.description ?? '' })),
    }),
    allOf: [...byValue.values()].map(({ schema, operators: of }) => ({
      if: where('operator', { enum: of }),
      then: schema === false ? { type: 'object', properties: { value: false } } : where('value', schema),
    })),
  };
}

/**
 * JSON Schema (2020-12) of one kind of document, from what facts there are: editors complete facts, and the operators and values that fit
 * each. What it accepts is checked further by `checkSegment`, `checkPlaybook` and `checkFacts`. Traits that the catalogue does not
 * describe are accepted with any operator.
 */
export function schemaFor(kind: 'segment' | 'playbook', catalogue: FactCatalogue, more?: OperatorSet): JsonSchema {
  const facts = descriptionsOf(catalogue);
  const names = new Set(facts.map(({ fact }) => fact));
  const traits = [...names].filter((name) => name.startsWith('trait.'));
  const otherTrait = {
    type: 'string',
    pattern: '^trait[.].{1,200}$',
    ...(traits.length > 0 ? { not: { enum: traits } } : {}),
  };
  const kinds = new Map<string, { readonly names: string[]; readonly leaf: JsonSchema }>();
  for (const fact of facts) {
    const changes = names.has(`${fact.fact}.change`);
    const key = JSON.stringify([fact.type, oneOfFact(fact), changes]);
    const found = kinds.get(key) ?? { names: [], leaf: leafSchema(fact, changes, more) };
    found.names.push(fact.fact);
    kinds.set(key, found);
  }
  const leaves = [
    ...[...kinds.values()].map(({ names: of, leaf }) => ({ if: where('fact', { enum: of }), then: leaf })),
    { if: where('fact', otherTrait), then: leafSchema({ fact: '', type: 'any' }, false, more) },
  ];
  return {
    ...documents[kind],
    $defs: {
      condition: {
        type: 'object',
        properties: {
          ...groups,
          fact: { anyOf: [...facts.map(toldOf), { ...otherTrait, description: 'Any trait of the subject.' }] },
          operator: { type: 'string' },
          value: { description: 'What the operator takes.' },
        },
        additionalProperties: false,
        if: where('fact', true),
        then: { allOf: leaves },
        else: { type: 'object', minProperties: 1, maxProperties: 1, properties: { operator: false, value: false } },
      },
      facts: {
        type: 'object',
        properties: Object.fromEntries(facts.map((fact) => [fact.fact, valueOfFact(fact)])),
        propertyNames: { anyOf: [...(facts.length > 0 ? [{ enum: [...names] }] : []), { pattern: '^trait[.].' }] },
      },
    },
  };
}
