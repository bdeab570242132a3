import { descriptionsOf, isTrait, operatorsFor, type FactCatalogue, type FactDescription } from './catalogue.js';
import { compatNames } from './compat/foreign.js';
import { decorators, operators as jsonRulesEngine } from './compat/operator.js';
import { timeSchema, type FactType, type JsonSchema } from './operand.js';
import { isChange, ruleOf, type OperatorSet } from './operator.js';
import { pairOf, pairOperators } from './pair.js';

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
const strict = { $ref: '#/$defs/strict' } as const;

const groups = {
  all: { type: 'array', description: 'True when every one of these is.' },
  any: { type: 'array', minItems: 1, description: 'True when at least one of these is.' },
  not: { description: 'True when this is false. What is unknown stays unknown.' },
} as const;

const definitions = {
  // Of either mode; `checkSegment` and `checkPlaybook` say what is wrong with it.
  condition: { type: 'object' },
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
    member: {
      anyOf: [{ type: 'boolean' }, { type: 'string' }],
      description:
        'Whether the subject is a member already; with bands, the id of the band that it is in. Then "exit" and "onUnknown" count, and "expect" is where it is afterwards.',
    },
    expect: {
      type: 'string',
      minLength: 1,
      description: '"in", "out", "unknown" (of one that is no member), or the id of a band.',
    },
  },
} as const;

/** How conditions are written and evaluated. */
const mode = {
  mode: {
    enum: ['strict', 'compat'],
    description:
      '"strict" (default): three-valued, checked in every respect. "compat": exactly as json-rules-engine 7.3.1 evaluates its conditions.',
  },
  conditions: {
    type: 'object',
    additionalProperties: condition,
    description: 'Conditions by name; { "condition": "<name>" } stands for one anywhere in the document.',
  },
  allowUndefinedConditions: {
    type: 'boolean',
    description: 'With "compat": a reference to a condition that does not exist is false.',
  },
  allowUndefinedFacts: {
    type: 'boolean',
    description: 'With "compat": a fact without a value is undefined, and compared as such.',
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
    ...mode,
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
    ...mode,
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

/** Names of facts, and any trait that the catalogue does not describe. */
interface Names {
  readonly facts: readonly FactDescription[];
  /** JSON Schema of a trait that is not described. */
  readonly otherTrait: JsonSchema;
}

/** Definitions of `$defs` that are the names of facts of some types: those that a fact can be compared with. */
const ofTypes = (types: readonly FactType[]) => `facts-${[...types].sort().join('-')}`;
const comparable = (types: readonly FactType[]): JsonSchema => ({
  type: 'object',
  required: ['fact'],
  additionalProperties: false,
  properties: { fact: { $ref: `#/$defs/${ofTypes(types)}` } },
});
/** Types that a fact may have when one of this type is compared with it by an operator. */
function typesOfOther(operator: string, type: FactType): readonly FactType[] | null {
  const pair = pairOf(operator);
  if (!pair) return null;
  return pair.other.includes(type) ? [type] : pair.other;
}
/** Those definitions, for facts of all types. */
function namesByType({ facts, otherTrait }: Names): Readonly<Record<string, JsonSchema>> {
  const wanted = new Map<string, readonly FactType[]>();
  for (const type of factTypes)
    for (const operator of pairOperators) {
      const types = typesOfOther(operator, type);
      if (types) wanted.set(ofTypes(types), types);
    }
  const named = (types: readonly FactType[]) =>
    facts.filter(({ type }) => type === 'any' || types.includes(type)).map(({ fact }) => fact);
  return Object.fromEntries(
    Array.from(wanted, ([key, types]) => [key, { anyOf: [...enumOf(named(types)), otherTrait] }]),
  );
}
const factTypes: readonly FactType[] = ['number', 'text', 'time', 'boolean', 'list', 'any'];
const enumOf = (names: readonly string[]): readonly JsonSchema[] => (names.length > 0 ? [{ enum: names }] : []);

/** JSON Schema of the value that an operator takes, of facts of one kind: written down, or another fact. */
function valueSchema(operator: string, kind: FactDescription, more: OperatorSet | undefined): JsonSchema {
  const written = ruleOf(operator, more)?.takes.schema(oneOfFact(kind)) ?? true;
  const types = typesOfOther(operator, kind.type);
  return types ? { anyOf: [written, comparable(types)] } : written;
}

/** What a leaf about facts of one kind must be: operators that fit, and the value that each takes. */
function leafSchema(kind: FactDescription, changes: boolean, more: OperatorSet | undefined): JsonSchema {
  const operators = operatorsFor(kind.type, more).filter((operator) => changes || !isChange(operator));
  const byValue = new Map<string, { readonly schema: JsonSchema; readonly operators: string[] }>();
  for (const operator of operators) {
    const schema = valueSchema(operator, kind, more);
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

/** Where conditions stand in a document of either kind, each of them what a schema says. */
function placesOf(kind: 'segment' | 'playbook', one: { readonly $ref: string }): JsonSchema {
  const { enter, exit, conditions } = { ...segmentSchema.properties };
  const described = { conditions: { ...conditions, additionalProperties: one } };
  if (kind === 'playbook') {
    const { when } = playbookSchema.properties.trigger.properties;
    return {
      type: 'object',
      properties: { ...described, trigger: { type: 'object', properties: { when: { ...when, ...one } } } },
    };
  }
  const bands = { type: 'array', items: { type: 'object', properties: { enter: one } } };
  return {
    type: 'object',
    properties: { ...described, enter: { ...enter, ...one }, exit: { ...exit, ...one }, bands },
  };
}

/** What json-rules-engine's operators say, for editors. */
const compatOperators: Readonly<Record<string, string>> = {
  equal: 'The fact is this value.',
  notEqual: 'The fact is another value than this.',
  lessThan: 'The fact is below this number.',
  lessThanInclusive: 'The fact is at most this number.',
  greaterThan: 'The fact is above this number.',
  greaterThanInclusive: 'The fact is at least this number.',
  in: 'The fact is one of these values.',
  notIn: 'The fact is none of these values.',
  contains: 'The list holds this.',
  doesNotContain: 'The list does not hold this; false of what is no list.',
} satisfies Readonly<Record<keyof typeof jsonRulesEngine, string>>;

/** JSON Schema of a condition of json-rules-engine, with the names of facts. */
function compatSchema(named: JsonSchema, more?: OperatorSet): JsonSchema {
  const one = { $ref: '#/$defs/compat' } as const;
  const plugins = Array.from(
    more ? compatNames(more) : [],
    ([name, own]) => [name, more?.get(own)?.description ?? ''] as const,
  );
  const all = [...Object.entries(compatOperators), ...plugins];
  const decorated = `^(?:(?:${Object.keys(decorators).join('|')}):)+(?:${all.map(([name]) => name).join('|')})$`;
  return {
    type: 'object',
    properties: {
      all: { type: 'array', items: one, description: 'True when every one of these is; also when there is none.' },
      any: { type: 'array', items: one, description: 'True when at least one of these is; also when there is none.' },
      not: { ...one, description: 'True when this is not.' },
      condition: { type: 'string', description: 'The name of one of the document\'s "conditions".' },
      priority: { description: 'Those of a group with the highest are evaluated first.' },
      name: { description: 'Shown in results.' },
      fact: named,
      operator: {
        anyOf: [
          ...all.map(([operator, about]) => ({ const: operator, description: about })),
          { type: 'string', pattern: decorated, description: 'With decorators before it, such as not:someFact:equal.' },
        ],
      },
      value: {
        description: 'A value, or another fact: { "fact": "…" }.',
        if: where('fact', true),
        then: { type: 'object', properties: { fact: named, path: { type: 'string' }, params: true } },
      },
      path: { type: 'string', description: 'A path into the fact, such as $.plan.name or seats[0].' },
      params: { description: 'Without effect: facts are fetched before.' },
    },
    anyOf: [
      ...['all', 'any', 'not', 'condition'].map((key) => where(key, true)),
      {
        type: 'object',
        required: ['fact', 'operator', 'value'],
        properties: { fact: true, operator: true, value: true },
      },
    ],
  };
}

/**
 * JSON Schema (2020-12) of one kind of document, from what facts there are: editors complete facts, and the operators and values that fit
 * each, in documents of either mode. What it accepts is checked further by `checkSegment`, `checkPlaybook` and `checkFacts`. Traits that the catalogue does not
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
  const named: JsonSchema = {
    anyOf: [...facts.map(toldOf), { ...otherTrait, description: 'Any trait of the subject.' }],
  };
  return {
    ...documents[kind],
    if: { type: 'object', required: ['mode'], properties: { mode: { const: 'compat' } } },
    then: placesOf(kind, { $ref: '#/$defs/compat' }),
    else: placesOf(kind, { $ref: '#/$defs/strict' }),
    $defs: {
      condition: { type: 'object' },
      strict: {
        type: 'object',
        properties: {
          all: { ...groups.all, items: strict },
          any: { ...groups.any, items: strict },
          not: { ...groups.not, ...strict },
          condition: {
            type: 'string',
            description: 'The name of one of the document\'s "conditions", which this stands for.',
          },
          fact: named,
          operator: { type: 'string' },
          value: { description: 'What the operator takes, or another fact: { "fact": "…" }.' },
        },
        additionalProperties: false,
        if: where('fact', true),
        then: { allOf: leaves },
        else: { type: 'object', minProperties: 1, maxProperties: 1, properties: { operator: false, value: false } },
      },
      compat: compatSchema(named, more),
      ...namesByType({ facts, otherTrait }),
      facts: {
        type: 'object',
        properties: Object.fromEntries(facts.map((fact) => [fact.fact, valueOfFact(fact)])),
        propertyNames: { anyOf: [...(facts.length > 0 ? [{ enum: [...names] }] : []), { pattern: '^trait[.].' }] },
      },
    },
  };
}
