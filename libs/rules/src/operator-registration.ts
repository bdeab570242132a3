import { Ajv2020 } from 'ajv/dist/2020.js';
import {
  isOperator,
  operators,
  read,
  type FactReading,
  type FactType,
  type OperatorRule,
  type OperatorSet,
  type Verdict,
} from './operator.js';
import { operators as jsonRulesEngine } from './compat/operator.js';
import { patternOf } from './operand.js';
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
  /**
   * JSON Schema (2020-12) of the condition's value; `false` for an operator that takes none. Without references, and with patterns in RE2's syntax, so that no
   * value can take long to check.
   */
  readonly value: Readonly<Record<string, unknown>> | false;
  /** One sentence for editors. */
  readonly description: string;
  /** What explanations say when it holds and when it does not. */
  readonly words: readonly [holds: string, holdsNot: string];
  /** What documents of json-rules-engine (`"mode": "compat"`) call it, where that is not `name`: whatever `engine.addOperator` was given. */
  readonly compatName?: string;
  /** Pure and quick: it is called for each subject. A time is given as epoch ms, a calendar day as its first instant. */
  readonly test: (fact: KnownFact, value: unknown) => boolean;
}
/** A fact that is known, in the operator's reading. */
export type KnownFact = string | number | boolean | readonly unknown[];

/** What documents call the operator of a plugin: its id in camelCase. `has-domain` is `hasDomain`. */
export const operatorNameOf = (id: string): string =>
  id.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
/** The id of the plugin that brings an operator. */
export const operatorIdOf = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const types: Readonly<Record<FactReading, readonly FactType[]>> = {
  number: ['number', 'any'],
  text: ['text', 'any'],
  time: ['time', 'any'],
  boolean: ['boolean', 'any'],
  any: ['number', 'text', 'time', 'boolean', 'list', 'any'],
};

/** Patterns of schemas take time that is linear in the text, as those of `matches` do. */
const linear = Object.assign(
  (written: string) => {
    const pattern = patternOf(written);
    if (typeof pattern === 'string') throw new TypeError(`the pattern ${JSON.stringify(written)}: ${pattern}`);
    return { test: pattern.test, toString: () => written };
  },
  { code: 'linear' },
);
const ajv = new Ajv2020({ strict: true, strictTypes: false, code: { regExp: linear } });

/** Most items that a list may have that is looked through for what is there twice. */
const MOST_UNIQUE = 1000;

/** What could make checking a value against a schema take forever; null when nothing could. */
function excessIn(schema: unknown): string | null {
  if (typeof schema !== 'object' || schema === null) return null;
  const reference = Object.keys(schema).find((key) => key.startsWith('$') && key !== '$comment');
  if (reference !== undefined) return `it uses "${reference}"; write it out instead.`;
  const { uniqueItems, maxItems } = schema as Readonly<Record<string, unknown>>;
  if (uniqueItems === true && !(typeof maxItems === 'number' && maxItems <= MOST_UNIQUE))
    return `"uniqueItems" needs a "maxItems" of ${String(MOST_UNIQUE)} at most beside it.`;
  for (const inner of Object.values(schema)) {
    const found = excessIn(inner);
    if (found !== null) return found;
  }
  return null;
}

/** What is wrong with one definition; null when nothing is. */
function mistakeIn({ name, description, words, value, compatName }: OperatorDefinition): string | null {
  if (!/^[a-z][a-zA-Z0-9]{0,63}$/.test(name)) return `an operator's name is in camelCase, which "${name}" is not.`;
  if (isOperator(name)) return `"${name}" is one of Rapport's own operators; choose another name.`;
  if (nearest(name, operators)?.toLowerCase() === name.toLowerCase())
    return `"${name}" differs from one of Rapport's own operators in letter case only; choose another name.`;
  if (description.trim() === '' || words.some((word) => word.trim() === ''))
    return `"${name}" has no description, or no words for explanations.`;
  if (
    compatName !== undefined &&
    (!/^[A-Za-z][\w-]{0,99}$/.test(compatName) || Object.hasOwn(jsonRulesEngine, compatName))
  )
    return `"compatName" of "${name}" must be a word of letters, digits, "-" and "_", and none of json-rules-engine's own operators.`;
  const excess = excessIn(value);
  return excess === null ? null : `the schema of the value of "${name}" is not valid: ${excess}`;
}

function ruleFrom(definition: OperatorDefinition): OperatorRule {
  const { name, reading, value: schema, description, words, test, compatName } = definition;
  const fits = schema === false ? null : ajv.compile(schema);
  return {
    fits: types[reading],
    description,
    words,
    ...(compatName === undefined ? {} : { compatName }),
    takes: {
      expected: fits ? `what "${name}" takes` : 'absent',
      reading: (value) => ((fits ? value !== undefined && fits(value) : value === undefined) ? reading : null),
      schema: () => schema,
      why: () =>
        (fits?.errors ?? [])
          .map(({ instancePath, message = 'is not valid' }) => `${instancePath} ${message}`.trim())
          .join('; ') + '.',
    },
    test:
      (value, _reading, { zone }) =>
      (fact) => {
        const known = read(fact, reading, zone);
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

/**
 * The same operators with verdicts from elsewhere in place of their tests. A fact that is unknown, or of another type, stays unknown without being asked about.
 *
 * @param verdictsFor gives for an operator and a value what tells of facts; null for unknown
 */
export const answeredBy = (
  set: OperatorSet,
  verdictsFor: (name: string, value: unknown) => (fact: KnownFact) => Verdict,
): OperatorSet =>
  new Map(
    Array.from(set, ([name, rule]): [string, OperatorRule] => [
      name,
      {
        ...rule,
        test: (value, reading, { zone }) => {
          const verdictOf = verdictsFor(name, value);
          return (fact) => {
            const known = read(fact, reading, zone);
            return known === null ? null : verdictOf(known);
          };
        },
      },
    ]),
  );
