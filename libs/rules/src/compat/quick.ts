import type { Facts } from './context.js';
import { operators, type CompatOperator } from './operator.js';

/**
 * Evaluates a condition in which nothing can fail, as long as these facts are as simple as it says: then it may stop at the first condition that
 * decides: nobody can tell, and it takes two thirds of the time.
 */
export interface Quick {
  /** Facts that must be numbers, texts, true, false or null. */
  readonly scalars: readonly string[];
  /** Facts that may be lists as well. */
  readonly lists: readonly string[];
  readonly test: (facts: Facts) => boolean;
}

export const isScalar = (value: unknown): boolean =>
  typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' || value === null;

/** How simple a fact must be for an operator that comes with json-rules-engine not to throw; null where it may throw anyhow. */
function needOf(operator: CompatOperator, value: unknown): 'scalar' | 'list' | null {
  switch (operator) {
    case operators['equal']:
    case operators['notEqual']:
    case operators['contains']:
    case operators['doesNotContain']:
      return 'list';
    case operators['in']:
    case operators['notIn']:
      return Array.isArray(value) ? 'list' : null;
    case operators['lessThan']:
    case operators['lessThanInclusive']:
    case operators['greaterThan']:
    case operators['greaterThanInclusive']:
      return isScalar(value) ? 'scalar' : null;
    default:
      return null;
  }
}

/** A comparison of a fact with a value that stands in it. A path says nothing of a scalar. */
export function quickComparison(
  fact: string,
  hasPath: boolean,
  operator: CompatOperator,
  value: unknown,
): Quick | null {
  const need = needOf(operator, value);
  if (need === null) return null;
  const isList = need === 'list' && !hasPath;
  return {
    scalars: isList ? [] : [fact],
    lists: isList ? [fact] : [],
    test: (facts) => operator(facts[fact], value) === true,
  };
}

export const quickFalse: Quick = { scalars: [], lists: [], test: () => false };

/** All, any, or not, of conditions in which nothing can fail; null where one of them may. */
export function quickLogic(operator: 'all' | 'any' | 'not', children: readonly (Quick | null)[]): Quick | null {
  const quick = children.filter((child) => child !== null);
  if (quick.length < children.length) return null;
  const scalars = [...new Set(quick.flatMap((child) => child.scalars))];
  const lists = [...new Set(quick.flatMap((child) => child.lists))].filter((fact) => !scalars.includes(fact));
  return { scalars, lists, test: testOf(operator, quick) };
}

function testOf(operator: 'all' | 'any' | 'not', children: readonly Quick[]): Quick['test'] {
  const [first, ...others] = children.map(({ test }) => test);
  if (first === undefined) return () => true;
  if (operator === 'not') return (facts) => !first(facts);
  if (others.length === 0) return first;
  const tests = [first, ...others];
  const isAny = operator === 'any';
  return (facts) => {
    for (const test of tests) if (test(facts) === isAny) return isAny;
    return !isAny;
  };
}

/** Whether facts are as simple as a quick test needs them. */
export function areSimple({ scalars, lists }: Quick, allowUndefined: boolean): (facts: Facts) => boolean {
  return (facts) => {
    for (const name of scalars) {
      const fact = facts[name];
      if (!isScalar(fact) && !(allowUndefined && fact === undefined)) return false;
    }
    for (const name of lists) {
      const fact = facts[name];
      if (!isScalar(fact) && !Array.isArray(fact) && !(allowUndefined && fact === undefined)) return false;
    }
    return true;
  };
}
