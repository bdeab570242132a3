/* JSON Schemas of the documents, for ajv and for editors. Conditions, operators and values are checked by `checkCondition`, which can say more. */

const id = { type: 'string', pattern: '^[a-z][a-z0-9-]{0,63}$' } as const;
const duration = { type: 'string', pattern: '^[1-9][0-9]{0,4}[dw]$' } as const;
const title = { type: 'string', minLength: 1, maxLength: 200 } as const;
const description = { type: 'string', maxLength: 2000 } as const;
const subject = { enum: ['account', 'user'] } as const;

const condition = {
  type: 'object',
  properties: {
    all: { type: 'array', items: { $ref: '#/definitions/condition' } },
    any: { type: 'array', items: { $ref: '#/definitions/condition' }, minItems: 1 },
    not: { $ref: '#/definitions/condition' },
    fact: { type: 'string' },
    operator: { type: 'string' },
    value: true,
  },
  additionalProperties: false,
} as const;

const test = {
  type: 'object',
  required: ['name', 'facts', 'expect'],
  additionalProperties: false,
  properties: {
    name: title,
    asOf: { type: 'string' },
    facts: { type: 'object' },
    expect: { type: 'string', minLength: 1 },
  },
} as const;

/** JSON Schema (draft 7) of a segment document. */
export const segmentSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
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
    enter: { $ref: '#/definitions/condition' },
    exit: { $ref: '#/definitions/condition' },
    bands: {
      type: 'array',
      minItems: 1,
      maxItems: 50,
      items: {
        type: 'object',
        required: ['id', 'title', 'enter'],
        additionalProperties: false,
        properties: { id, title, enter: { $ref: '#/definitions/condition' } },
      },
    },
    onUnknown: { enum: ['hold', 'leave'] },
    minimumDwell: duration,
    tests: { type: 'array', items: test },
  },
  definitions: { condition },
} as const;

/** JSON Schema (draft 7) of a playbook document. */
export const playbookSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
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
        segment: { type: 'string', minLength: 1 },
        on: { enum: ['enter', 'exit'] },
        when: { $ref: '#/definitions/condition' },
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
  definitions: { condition },
} as const;
