import { Ajv } from 'ajv';
import { finding, isObject, type Finding, type JsonObject } from './finding.js';

/** One property of a schema, by its path as a README writes it: `steps[].id`, `weights.*`. */
export interface Property {
  readonly path: string;
  readonly schema: JsonObject;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Every property that a JSON Schema of an object names, those of objects in lists and of alternatives included, each once. */
export function propertiesOf(schema: unknown, at = ''): readonly Property[] {
  if (!isObject(schema)) return [];
  const named = isObject(schema['properties']) ? Object.entries(schema['properties']) : [];
  const keyed = isObject(schema['patternProperties']) ? Object.values(schema['patternProperties']) : [];
  const alternatives = ['anyOf', 'oneOf', 'allOf'].flatMap((key) => listOf(schema[key]));
  const found = [
    ...named.flatMap(([name, inner]) => {
      const path = at === '' ? name : `${at}.${name}`;
      return isObject(inner) ? [{ path, schema: inner }, ...propertiesOf(inner, path)] : [];
    }),
    ...[...keyed, schema['additionalProperties']].flatMap((inner) => propertiesOf(inner, `${at}.*`)),
    ...propertiesOf(schema['items'], `${at}[]`),
    ...alternatives.flatMap((inner) => propertiesOf(inner, at)),
  ];
  return found.filter(({ path }, i) => found.findIndex((other) => other.path === path) === i);
}

/** What the schema of an operator's value owes to the person who writes a rule. */
export function valueFindings(schema: JsonObject | false): readonly Finding[] {
  if (schema === false || typeof schema['description'] === 'string') return [];
  const message = 'The value has no description. Say in one sentence what it is compared with; editors show it.';
  return [finding('RAPPORT_CHECK_OPTION_DESCRIPTION', 'value', message)];
}

/** What a schema owes to the person who fills it in. @param name `config` or `input` */
export function schemaFindings(name: string, schema: unknown): readonly Finding[] {
  const ajv = new Ajv({ strict: false, useDefaults: true });
  return propertiesOf(schema).flatMap(({ path, schema: property }) => {
    const found: Finding[] = [];
    const place = `${name}/${path}`;
    if (typeof property['description'] !== 'string' || property['description'].trim() === '') {
      const message = 'The property has no description. Say in one sentence what it sets, and in which unit.';
      found.push(finding('RAPPORT_CHECK_OPTION_DESCRIPTION', place, message));
    }
    // An object may leave to its properties what they are; those defaults count as well.
    if ('default' in property && !ajv.validate(property, structuredClone(property['default']))) {
      const message = `Its default ${JSON.stringify(property['default'])} ${ajv.errors?.[0]?.message ?? 'does not fit'}. Correct the default or the schema.`;
      found.push(finding('RAPPORT_CHECK_OPTION_DEFAULT', place, message));
    }
    if (
      name === 'config' &&
      /secret|password|token|api_?key/i.test(path.split('.').at(-1) ?? '') &&
      property['secret'] !== true
    ) {
      const message = 'Going by its name it is a secret, but it would be shown. Add secret: true to its schema.';
      found.push(finding('RAPPORT_CHECK_SECRET', place, message));
    }
    return found;
  });
}
