import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { compatNames, factsOf, operatorIdOf, operatorSet, undecorated, type OperatorSet } from '@rapport/rules';
import type { LoadedPlugin, OperatorDescriptor } from './loaded-plugin.js';

const NONE: OperatorSet = new Map();
/** Sets of one operator: making one compiles its schema. */
const made = new WeakMap<OperatorDescriptor, OperatorSet>();

/** What documents can say with an operator of a plugin. Its test is in the plugin worker: here every verdict is unknown, see `verdictsOf`. */
function setOf(definition: OperatorDescriptor): OperatorSet {
  const found = made.get(definition);
  if (found) return found;
  const { name, reading, value, description, words, compatName } = definition;
  const unasked = () => {
    throw new TypeError(`${name} is asked in the plugin worker`);
  };
  const { operators } = operatorSet([
    { name, reading, value, description, words, ...(compatName === null ? {} : { compatName }), test: unasked },
  ]);
  made.set(definition, operators);
  return operators;
}

/** The operators that plugins bring, by their names in documents. */
export function operatorsOf(plugins: Iterable<LoadedPlugin>): OperatorSet {
  const sets = [...plugins].flatMap((plugin) => (plugin.kind === 'operator' ? [setOf(plugin.definition)] : []));
  return sets.length === 0 ? NONE : new Map(sets.flatMap((set) => [...set]));
}

/** Plugins (`operator/id`) whose operators a document uses. */
export const operatorPluginsOf = (
  document: SegmentDocument | PlaybookDocument,
  operators: OperatorSet,
): readonly string[] => [
  ...new Set(
    factsOf(document, operators).flatMap(({ operator }) => {
      const name = document.mode === 'compat' ? compatNames(operators).get(undecorated(operator)) : operator;
      return name !== undefined && operators.has(name) ? [`operator/${operatorIdOf(name)}`] : [];
    }),
  ),
];
