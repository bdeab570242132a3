import type { Static, TSchema } from 'typebox';

/** What a fact is read as: `test` gets a number, a text, an instant in epoch ms (of a calendar day, its first), true or false, or whatever there is, lists included. */
export type OperatorReading = keyof OperatorFacts;
export interface OperatorFacts {
  readonly number: number;
  readonly text: string;
  readonly time: number;
  readonly boolean: boolean;
  readonly any: number | string | boolean | readonly unknown[];
}
/** What the value of a condition is by its schema; undefined for an operator that takes none. */
export type OperatorValue<V extends TSchema | false> = V extends false
  ? undefined
  : V extends TSchema
    ? Static<V>
    : never;

/** A fact and a value, and whether the operator holds of them. Rapport tries it when it loads the plugin. */
export interface OperatorExample {
  /** As data has it: a time as ISO 8601 text or epoch ms. */
  readonly fact: unknown;
  /** Left out for an operator that takes none. */
  readonly value?: unknown;
  readonly holds: boolean;
}

/**
 * An operator for conditions of segments and playbooks. Documents call it by its id in camelCase: `has-domain` is `hasDomain`.
 *
 * @typeParam V schema of the condition's value; false for an operator that takes none
 * @typeParam R how the fact is read
 * @typeParam T what the value is by its schema
 */
export interface OperatorDefinition<
  V extends TSchema | false = TSchema | false,
  R extends OperatorReading = OperatorReading,
  T = OperatorValue<V>,
> {
  readonly kind: 'operator';
  /** The manifest's `rapport.id`: words of letters and digits that begin with a letter, with dashes between them. */
  readonly id: string;
  /**
   * What documents of json-rules-engine (`"mode": "compat"`) call it, where that is not the id in camelCase: the name that `engine.addOperator`
   * was given. There, a fact of another type than `reading` is false, as with a validator.
   */
  readonly compatName?: string;
  readonly title: string;
  /** One sentence for editors: what is true of the fact when it holds. */
  readonly description: string;
  /** Where the definition comes from. */
  readonly source?: string;
  /** How the fact is read. Where it is unknown, or of another type, the verdict is unknown and `test` is not asked. */
  readonly reading: R;
  /** JSON Schema of the condition's value, without references, its patterns in RE2's syntax; `false` when there is none. */
  readonly value: V;
  /** What explanations say between fact and value when it holds, and when it does not. */
  readonly words: readonly [holds: string, holdsNot: string];
  /** At least one that holds and one that does not. */
  readonly examples: readonly OperatorExample[];
  /** Pure: asked once for each value that a fact has, in no particular order. */
  test(fact: OperatorFacts[R], value: T): boolean;
}

/**
 * Declares an operator; infers what `test` receives from `reading` and `value`. The package's default export.
 *
 * @example
 * export default defineOperator({
 *   id: 'ends-with',
 *   title: 'Ends with',
 *   description: 'The text ends with this, letter for letter.',
 *   reading: 'text',
 *   value: Type.String({ minLength: 1 }),
 *   words: ['ends with', 'does not end with'],
 *   examples: [
 *     { fact: 'team-2026', value: '-2026', holds: true },
 *     { fact: 'team', value: '-2026', holds: false },
 *   ],
 *   test: (fact, value) => fact.endsWith(value),
 * });
 */
export const defineOperator = <const V extends TSchema | false, const R extends OperatorReading, T = OperatorValue<V>>(
  definition: Omit<OperatorDefinition<V, R, NoInfer<T>>, 'kind'>,
): OperatorDefinition<V, R, T> => ({ kind: 'operator', ...definition });
