import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { problemsOf, type Problem } from '@rapport/rules';

type JsonObject = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The same schema with every object that lists its properties closed to others, so that a misspelt key is told. */
function closed(schema: unknown, open = false): unknown {
  if (Array.isArray(schema)) return schema.map((item) => closed(item));
  if (!isObject(schema)) return schema;
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (['default', 'const', 'enum', 'examples'].includes(key)) copy[key] = value;
    else if (key === 'allOf' && Array.isArray(value)) copy[key] = value.map((item) => closed(item, true));
    else if (['properties', 'patternProperties', 'definitions', '$defs'].includes(key) && isObject(value)) {
      copy[key] = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, closed(inner)]));
    } else copy[key] = closed(value);
  }
  const listsProperties = isObject(copy['properties']) && !('patternProperties' in copy) && !('allOf' in copy);
  if (listsProperties && !open && !('additionalProperties' in copy) && !('unevaluatedProperties' in copy))
    copy['additionalProperties'] = false;
  return copy;
}

/** A checker of values against a plugin's own schema: fills defaults in, refuses unknown keys. Throws what ajv throws for a schema that is none. */
export function checkerOf(
  schema: unknown,
): (value: unknown) => { readonly value: JsonObject } | { readonly problems: readonly Problem[] } {
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, useDefaults: true });
  formats.default(ajv);
  ajv.addKeyword('secret');
  const validate = ajv.compile(closed(schema) as object);
  return (given) => {
    const value: unknown = structuredClone(given);
    if (validate(value) && isObject(value)) return { value };
    const problems = problemsOf(validate.errors ?? [], 'RAPPORT_PLUGIN_CONFIG');
    return {
      problems:
        problems.length > 0
          ? problems
          : [{ code: 'RAPPORT_PLUGIN_CONFIG', pointer: '', message: 'must be an object.' }],
    };
  };
}

function variants(schema: unknown): readonly JsonObject[] {
  if (!isObject(schema)) return [];
  const inner = ['anyOf', 'oneOf', 'allOf'].flatMap((key) =>
    Array.isArray(schema[key]) ? (schema[key] as readonly unknown[]) : [],
  );
  return [schema, ...inner.flatMap(variants)];
}

/** The value with everything that its schema marks `secret: true` replaced by "•••", and the texts so hidden. */
export function withoutSecrets(
  schema: unknown,
  value: unknown,
): { readonly shown: unknown; readonly secrets: readonly string[] } {
  const secrets: string[] = [];
  const collect = (hidden: unknown): void => {
    if (typeof hidden === 'string' || typeof hidden === 'number') secrets.push(String(hidden));
    else if (typeof hidden === 'object' && hidden !== null) Object.values(hidden).forEach(collect);
  };
  const walk = (schemas: readonly unknown[], node: unknown): unknown => {
    const all = schemas.flatMap(variants);
    if (all.some((schema) => schema['secret'] === true)) {
      collect(node);
      return '•••';
    }
    if (Array.isArray(node))
      return node.map((item) =>
        walk(
          all.map((schema) => schema['items']),
          item,
        ),
      );
    if (!isObject(node)) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, item]) => {
        const inner = all.flatMap((schema) => [
          isObject(schema['properties']) ? schema['properties'][key] : undefined,
          ...(isObject(schema['patternProperties']) ? Object.values(schema['patternProperties']) : []),
          schema['additionalProperties'],
        ]);
        return [key, walk(inner, item)];
      }),
    );
  };
  return { shown: walk([schema], value), secrets };
}
