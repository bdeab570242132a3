import { Ajv2020 } from 'ajv/dist/2020.js';
import {
  isOperator,
  operators,
  read,
  type FactReading,
  type FactType,
  type OperatorRule,
  type OperatorSet,
} from './operator.js';
import type { Problem } from './problem.js';
import { nearest } from './suggestion.js';

/**
 * An operator that a plugin adds to strict documents.
 *
 * @example
 * const endsWith: OperatorDefinition = {
 *   name: 'endsWith',
 *   reading: 'text',
 *   value: { type: 'string', minLength: 1 },
 *   description: 'The text ends with this.',
 *   words: ['ends with', 'does not end with'],
 *   test: (fact, value) => String(fact).endsWith(String(value)),
 * };
 */
export interface OperatorDefinition {
  /** In camelCase, and none of Rapport's own. */
  readonly name: string;
  /** How the fact is read; where it is unknown or of another type, the verdict is unknown and `test` is not called. */
  readonly reading: FactReading;
  /** JSON Schema (2020-12) of the condition's value; `false` for an operator that takes none. */
  readonly value: Readonly<Record<string, unknown>> | false;
  /** One sentence for editors. */
  readonly description: string;
  /** What explanations say when it holds and when it does not. */
  readonly words: readonly [holds: string, holdsNot: string];
  /** Pure and quick: it is called for each subject. A time is given as epoch ms. */
  readonly test: (fact: string | number | boolean | readonly unknown[], value: unknown) => boolean;
}

const types: Readonly<Record<FactReading, readonly FactType[]>> = {
  number: ['number', 'any'],
  text: ['text', 'any'],
  time: ['time', 'any'],
  boolean: ['boolean', 'any'],
  any: ['number', 'text', 'time', 'boolean', 'list', 'any'],
};

const ajv = new Ajv2020({ strict: true, strictTypes: false });

/** What is wrong with one definition; null when nothing is. */
function mistakeIn({ name, description, words }: OperatorDefinition): string | null {
  if (!/^[a-z][a-zA-Z0-9]{0,63}$/.test(name)) return `an operator's name is in camelCase, which "${name}" is not.`;
  if (isOperator(name)) return `"${name}" is one of Rapport's own operators; choose another name.`;
  if (nearest(name, operators)?.toLowerCase() === name.toLowerCase())
    return `"${name}" differs from one of Rapport's own operators in letter case only; choose another name.`;
  if (description.trim() === '' || words.some((word) => word.trim() === ''))
    return `"${name}" has no description, or no words for explanations.`;
  return null;
}

function ruleFrom(definition: OperatorDefinition): OperatorRule {
  const { name, reading, value: schema, description, words, test } = definition;
  const fits = schema === false ? null : ajv.compile(schema);
  return {
    fits: types[reading],
    description,
    words,
    takes: {
      expected: fits ? `what "${name}" takes` : 'absent',
      reading: (value) => ((fits ? value !== undefined && fits(value) : value === undefined) ? reading : null),
      schema: () => schema,
      why: () =>
        (fits?.errors ?? [])
          .map(({ instancePath, message = 'is not valid' }) => `${instancePath} ${message}`.trim())
          .join('; ') + '.',
    },
    test: (value) => (fact) => {
      const known = read(fact, reading);
      return known === null ? null : test(known, value);
    },
  };
}

/**
 * A set of operators for `checkSegment`, `checkCondition`, `readingOf`, `testOf` and `schemaFor`. Definitions that cannot be used are
 * problems (`RAPPORT_RULES_OPERATOR`) with their place in the list; the others are in the set.
 */
export function operatorSet(definitions: readonly OperatorDefinition[]): {
  readonly operators: OperatorSet;
  readonly problems: readonly Problem[];
} {
  const set = new Map<string, OperatorRule>();
  const problems: Problem[] = [];
  definitions.forEach((definition, i) => {
    const refuse = (message: string) =>
      problems.push({ code: 'RAPPORT_RULES_OPERATOR', pointer: `/${String(i)}`, message });
    const mistake = mistakeIn(definition);
    if (mistake !== null) return refuse(mistake);
    if (set.has(definition.name)) return refuse(`"${definition.name}" is there twice.`);
    try {
      set.set(definition.name, ruleFrom(definition));
    } catch (error) {
      refuse(`the schema of the value of "${definition.name}" is not valid: ${String(error)}`);
    }
  });
  return { operators: set, problems };
}
