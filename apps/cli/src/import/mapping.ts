import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { didYouMean } from '../closest.js';
import { failure, RapportError } from '@rapport/errors';

/** How a cell is read. `time` becomes an ISO 8601 instant in UTC, `date` stays a calendar date. */
export type CellType = 'text' | 'number' | 'boolean' | 'time' | 'date' | 'epochSeconds' | 'epochMilliseconds';
export type Scalar = string | number | boolean | null;

/** Where a value comes from: a constant, a column, a column of another file, or a template of columns. */
export type ValueSource =
  | Scalar
  | {
      readonly column?: string;
      readonly as?: CellType;
      /** What an empty cell gives: nothing (`skip`), `null`, or a refusal of the call (`refuse`). */
      readonly empty?: 'skip' | 'null' | 'refuse';
      /** Name of a lookup; `by` is the column of this file that holds its key, `column` the column of that file. */
      readonly lookup?: string;
      readonly by?: string;
      /** Text with `{column}` in it. */
      readonly template?: string;
    };

/** A test on a row. Cells are compared as text, trimmed. */
export interface RowCondition {
  readonly column?: string;
  readonly equals?: string;
  readonly in?: readonly string[];
  readonly empty?: boolean;
  readonly all?: readonly RowCondition[];
  readonly any?: readonly RowCondition[];
  readonly not?: RowCondition;
}

export interface Emit {
  readonly call: 'track' | 'identify' | 'group';
  /** Tells this call from the others of the same row in message ids. Default: the event's name, or the kind of call. */
  readonly id?: string;
  readonly when?: RowCondition;
  readonly event?: ValueSource;
  readonly timestamp: ValueSource;
  readonly userId?: ValueSource;
  readonly groupId?: ValueSource;
  readonly sessionId?: ValueSource;
  readonly properties?: Readonly<Record<string, ValueSource>>;
  readonly traits?: Readonly<Record<string, ValueSource>>;
}
export interface Source {
  readonly file: string;
  /** Columns that identify a row: message ids are made of them, so that a second import changes nothing. */
  readonly key: string | readonly string[];
  readonly delimiter?: string;
  readonly where?: RowCondition;
  readonly emit: readonly Emit[];
}
export interface Lookup {
  readonly file: string;
  readonly key: string;
  readonly columns: readonly string[];
  readonly delimiter?: string;
}
/** A mapping document: which calls each row of which CSV file stands for. */
export interface Mapping {
  readonly $schema?: string;
  /** Name of the mapping; message ids begin with it. */
  readonly mapping: string;
  readonly title?: string;
  readonly description?: string;
  /** Zone of times written without one. Default: the workspace's. */
  readonly timeZone?: string;
  readonly delimiter?: string;
  /** Words that mean an empty cell, such as `NULL`. */
  readonly nulls?: readonly string[];
  readonly lookups?: Readonly<Record<string, Lookup>>;
  readonly sources: readonly Source[];
}

const text = { type: 'string', minLength: 1 };
const delimiter = { type: 'string', minLength: 1, maxLength: 1, not: { enum: ['"', '\n', '\r'] } };
const value = {
  type: ['string', 'number', 'boolean', 'null', 'object'],
  properties: {
    column: text,
    as: { enum: ['text', 'number', 'boolean', 'time', 'date', 'epochSeconds', 'epochMilliseconds'] },
    empty: { enum: ['skip', 'null', 'refuse'] },
    lookup: text,
    by: text,
    template: text,
  },
  additionalProperties: false,
};
const ref = (name: string) => ({ $ref: `#/$defs/${name}` });

/** JSON Schema (2020-12) of a mapping document. */
export const mappingSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://rapport.dev/schemas/mapping.json',
  title: 'Rapport CSV mapping',
  type: 'object',
  properties: {
    $schema: { type: 'string' },
    mapping: { type: 'string', pattern: '^[a-z0-9][a-z0-9._-]*$', maxLength: 64 },
    title: { type: 'string' },
    description: { type: 'string' },
    timeZone: text,
    delimiter,
    nulls: { type: 'array', items: text },
    lookups: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        properties: { file: text, key: text, columns: { type: 'array', items: text, minItems: 1 }, delimiter },
        required: ['file', 'key', 'columns'],
        additionalProperties: false,
      },
    },
    sources: { type: 'array', items: ref('source'), minItems: 1 },
  },
  required: ['mapping', 'sources'],
  additionalProperties: false,
  $defs: {
    source: {
      type: 'object',
      properties: {
        file: text,
        key: { type: ['string', 'array'], minLength: 1, minItems: 1, items: text },
        delimiter,
        where: ref('condition'),
        emit: { type: 'array', items: ref('emit'), minItems: 1 },
      },
      required: ['file', 'key', 'emit'],
      additionalProperties: false,
    },
    emit: {
      type: 'object',
      properties: {
        call: { enum: ['track', 'identify', 'group'] },
        id: text,
        when: ref('condition'),
        event: ref('value'),
        timestamp: ref('value'),
        userId: ref('value'),
        groupId: ref('value'),
        sessionId: ref('value'),
        properties: { type: 'object', additionalProperties: ref('value') },
        traits: { type: 'object', additionalProperties: ref('value') },
      },
      required: ['call', 'timestamp'],
      additionalProperties: false,
    },
    condition: {
      type: 'object',
      properties: {
        column: text,
        equals: { type: 'string' },
        in: { type: 'array', items: { type: 'string' }, minItems: 1 },
        empty: { type: 'boolean' },
        all: { type: 'array', items: ref('condition'), minItems: 1 },
        any: { type: 'array', items: ref('condition'), minItems: 1 },
        not: ref('condition'),
      },
      additionalProperties: false,
    },
    value,
  },
} as const;

const validate = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true, strict: true }).compile<Mapping>(
  mappingSchema,
);

/**
 * A mapping document from its JSON text. Throws `RAPPORT_MAPPING_JSON` (not JSON) or `RAPPORT_MAPPING_INVALID`, which lists every fault with
 * its JSON Pointer.
 */
export function parseMapping(json: string, path: string): Mapping {
  let document: unknown;
  try {
    document = JSON.parse(json.startsWith('\uFEFF') ? json.slice(1) : json);
  } catch (error) {
    throw failure('RAPPORT_MAPPING_JSON', { path, reason: (error as Error).message });
  }
  const faults = validate(document) ? meaningFaults(document) : schemaFaults(validate.errors ?? []);
  if (faults.length > 0) {
    const shown = faults.slice(0, 20).map((fault) => `  ${fault}`);
    if (faults.length > shown.length) shown.push(`  … and ${faults.length - shown.length} more`);
    throw new RapportError(
      'RAPPORT_MAPPING_INVALID',
      `${path} is not a valid mapping (see docs/import.md):\n${shown.join('\n')}`,
    );
  }
  return document as Mapping;
}

function schemaFaults(errors: readonly ErrorObject[]): string[] {
  return errors.map((error) => {
    const at = error.instancePath === '' ? '/' : error.instancePath;
    if (error.keyword === 'additionalProperties') {
      const { additionalProperty } = error.params as { additionalProperty: string };
      const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
      return `${at}: unknown field "${additionalProperty}".${didYouMean(additionalProperty, known)}`;
    }
    if (error.keyword === 'enum') {
      const { allowedValues } = error.params as { allowedValues: readonly string[] };
      const hint = typeof error.data === 'string' ? didYouMean(error.data, allowedValues) : '';
      return `${at}: must be one of ${allowedValues.map((v) => `"${v}"`).join(', ')}.${hint}`;
    }
    return `${at}: ${error.message ?? 'is not valid'}`;
  });
}

/** What a schema cannot say: fields that need or exclude each other, names that have to exist, ids that would collide. */
function meaningFaults(mapping: Mapping): string[] {
  const faults: string[] = [];
  const lookups = mapping.lookups ?? {};

  const checkValue = (at: string, source: ValueSource | undefined) => {
    if (source === undefined || source === null || typeof source !== 'object') return;
    if ((source.column === undefined) === (source.template === undefined)) {
      faults.push(`${at}: write either "column" or "template"`);
    }
    if (source.template !== undefined && (source.lookup !== undefined || source.as !== undefined)) {
      faults.push(`${at}: a template is text made of this row's columns; "lookup" and "as" do not go with it`);
    }
    if ((source.lookup === undefined) !== (source.by === undefined)) {
      faults.push(`${at}: "lookup" (its name) and "by" (the column that holds its key) go together`);
    }
    if (source.lookup !== undefined && source.column !== undefined) {
      const lookup = Object.hasOwn(lookups, source.lookup) ? lookups[source.lookup] : undefined;
      if (!lookup)
        faults.push(
          `${at}/lookup: there is no lookup "${source.lookup}".${didYouMean(source.lookup, Object.keys(lookups))}`,
        );
      else if (!lookup.columns.includes(source.column)) {
        faults.push(
          `${at}/column: the lookup "${source.lookup}" keeps no column "${source.column}".${didYouMean(source.column, lookup.columns)}`,
        );
      }
    }
  };
  const checkCondition = (at: string, condition: RowCondition | undefined) => {
    if (!condition) return;
    const tests = (['equals', 'in', 'empty'] as const).filter((name) => condition[name] !== undefined);
    const joins = (['all', 'any', 'not'] as const).filter((name) => condition[name] !== undefined);
    const test = condition.column !== undefined && tests.length === 1 && joins.length === 0;
    const join = condition.column === undefined && tests.length === 0 && joins.length === 1;
    if (!test && !join)
      faults.push(`${at}: write "column" with one of "equals", "in", "empty"; or one of "all", "any", "not"`);
    condition.all?.forEach((c, i) => checkCondition(`${at}/all/${i}`, c));
    condition.any?.forEach((c, i) => checkCondition(`${at}/any/${i}`, c));
    checkCondition(`${at}/not`, condition.not);
  };

  mapping.sources.forEach((source, s) => {
    const at = `/sources/${s}`;
    checkCondition(`${at}/where`, source.where);
    const ids = new Map<string, number>();
    source.emit.forEach((emit, e) => {
      const here = `${at}/emit/${e}`;
      checkCondition(`${here}/when`, emit.when);
      for (const field of ['event', 'timestamp', 'userId', 'groupId', 'sessionId'] as const)
        checkValue(`${here}/${field}`, emit[field]);
      for (const [name, v] of Object.entries(emit.properties ?? {}))
        checkValue(`${here}/properties/${pointer(name)}`, v);
      for (const [name, v] of Object.entries(emit.traits ?? {})) checkValue(`${here}/traits/${pointer(name)}`, v);
      if (emit.call === 'track' && emit.event === undefined) faults.push(`${here}: a track call needs "event"`);
      if (
        emit.call !== 'track' &&
        (emit.event !== undefined || emit.properties !== undefined || emit.sessionId !== undefined)
      ) {
        faults.push(
          `${here}: "event", "properties" and "sessionId" belong to track calls; ${emit.call} carries "traits"`,
        );
      }
      if (emit.call === 'track' && emit.traits !== undefined)
        faults.push(`${here}: "traits" belong to identify and group calls; track carries "properties"`);
      if (emit.call === 'group' && emit.groupId === undefined) faults.push(`${here}: a group call needs "groupId"`);
      if (emit.call === 'identify' && emit.userId === undefined)
        faults.push(`${here}: an identify call needs "userId"`);
      if (emit.call === 'track' && emit.userId === undefined && emit.groupId === undefined) {
        faults.push(`${here}: say who did it: "userId", "groupId", or both`);
      }
      const id = emitId(emit);
      const other = ids.get(id);
      if (other !== undefined)
        faults.push(
          `${here}: has the same id "${id}" as /sources/${s}/emit/${other}, so that one of their calls would count as a repeat; give one an "id" of its own`,
        );
      ids.set(id, e);
    });
  });
  return faults;
}

const pointer = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** Last part of a call's message id. */
export const emitId = (emit: Emit): string => emit.id ?? (typeof emit.event === 'string' ? emit.event : emit.call);
