import { anyTime } from '../moment.js';
import { read, type OperatorSet, type Verdict } from '../operator.js';
import { failure } from './failure.js';
import { operators, type CompatOperator } from './operator.js';

/*
 * Operators of plugins in documents of json-rules-engine: what `engine.addOperator` is there. Which verdicts they have is known only when rules are
 * evaluated (docs/decisions/0018), so a condition is compiled with their names, and bound to a set of operators for each evaluation.
 */

const names = new WeakMap<OperatorSet, ReadonlyMap<string, string>>();

/** What json-rules-engine's documents call the operators of a set, and their names in the set. Its own operators keep their names. */
export function compatNames(more: OperatorSet): ReadonlyMap<string, string> {
  const found =
    names.get(more) ??
    new Map(
      Array.from(more, ([name, { compatName = name }]) => [compatName, name] as const).filter(
        ([name]) => !Object.hasOwn(operators, name),
      ),
    );
  names.set(more, found);
  return found;
}

/** The name of an operator without its decorators. */
export const undecorated = (operator: string): string => operator.slice(operator.lastIndexOf(':') + 1);

type Test = (fact: unknown) => Verdict;
const tests = new WeakMap<OperatorSet, Map<string, Map<unknown, Test>>>();

/** The test of an operator of a set with one value, made once for both; null where there is no such operator. */
function testOf(more: OperatorSet, name: string, value: unknown): Test | null {
  const own = compatNames(more).get(name);
  const rule = own === undefined ? undefined : more.get(own);
  if (!rule) return null;
  const ofSet = tests.get(more) ?? new Map<string, Map<unknown, Test>>();
  tests.set(more, ofSet);
  const ofName = ofSet.get(name) ?? new Map<unknown, Test>();
  ofSet.set(name, ofName);
  const found = ofName.get(value);
  if (found) return found;
  const reading = rule.takes.reading(value) ?? 'any';
  // A table of verdicts answers: neither the moment nor its zone is asked for.
  const verdict = rule.test(value, reading, anyTime);
  // As with a validator of `addOperator`: a fact of another type is false, and the operator is not asked.
  const test: Test = (fact) => (read(fact, reading, anyTime.zone) === null ? false : verdict(fact));
  ofName.set(value, test);
  return test;
}

/** Operators beside json-rules-engine's own, for the conditions of one document. */
export interface Foreign {
  /** The operators there are; null while a document is compiled before that is known, when any name will do. */
  readonly known: OperatorSet | null;
  /** Those that conditions are evaluated with, set before each evaluation. */
  bound: OperatorSet;
}

const NAME = /^[A-Za-z][\w-]{0,99}$/;

export const isForeign = ({ known }: Foreign, name: string): boolean =>
  known === null ? NAME.test(name) && !Object.hasOwn(operators, name) : compatNames(known).has(name);

/** An operator of a plugin as json-rules-engine's conditions call it. Throws a `Failure` where it has no verdict. */
export function foreignOperator(foreign: Foreign, name: string, pointer: string): CompatOperator {
  const missing = failure('RAPPORT_RULES_OPERATOR', `${pointer}/operator`, `there is no operator "${name}".`);
  const silent = failure('RAPPORT_RULES_FAILED', pointer, `the operator "${name}" has no verdict on this value.`);
  return (fact, value) => {
    const test = testOf(foreign.bound, name, value);
    if (test === null) throw missing;
    const verdict = test(fact);
    if (verdict === null) throw silent;
    return verdict;
  };
}
