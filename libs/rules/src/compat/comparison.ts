import { isOperator } from '../operator.js';
import { didYouMean } from '../suggestion.js';
import { copyOf, failing, refuse, type Context, type Facts, type Place, type Step } from './context.js';
import { failure, isFailure, messageOf, type Failure } from './failure.js';
import { compatNames, foreignOperator, isForeign, type Foreign } from './foreign.js';
import { operatorOf, type CompatOperator } from './operator.js';
import { follow, pathOf, type Path } from './path.js';
import { integerOf } from './priority.js';
import { isScalar, quickComparison } from './quick.js';
import type { ComparisonTrace } from './trace.js';

type Read = (facts: Facts) => unknown;
type Properties = Readonly<Record<string, unknown>>;

/** Where a condition's path leads; null where it has none. A falsy path is none, as in the reference. */
function readPath(path: unknown, pointer: string, context: Context): Path | null {
  if (!path) return null;
  const found = typeof path === 'string' ? pathOf(path) : null;
  if (found === null)
    refuse(context, {
      code: 'RAPPORT_RULES_PATH',
      pointer: `${pointer}/path`,
      message:
        'must lead along names and places in lists, such as "$.plan.name", "seats[0]" or "$[\'plan.name\']"; other JSONPath is not evaluated.',
    });
  return found;
}

const isPending = (value: unknown): boolean =>
  typeof value === 'function' ||
  (typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function');

function readerOf(fact: unknown, path: Path | null, pointer: string, context: Context): Read {
  const shown = typeof fact === 'string' ? `"${fact}"` : 'of that name';
  const missing = failure(
    'RAPPORT_RULES_FACT',
    pointer,
    `there is no fact ${shown}; give it, or set allowUndefinedFacts to compare with undefined.`,
  );
  const pending = failure(
    'RAPPORT_RULES_FACT',
    pointer,
    `the fact ${shown} is a function or a promise; facts are fetched before rules are evaluated.`,
  );
  const absent: Read = () => {
    if (context.allowUndefinedFacts) return undefined;
    throw missing;
  };
  // Facts are found by strings alone: json-rules-engine keeps them in a Map.
  if (typeof fact !== 'string') return absent;
  const read: Read = (facts) => {
    if (!Object.hasOwn(facts, fact)) return absent(facts);
    const value = facts[fact];
    if (isPending(value)) throw pending;
    return value;
  };
  if (path === null) return read;
  return (facts) => {
    const value = read(facts);
    // Of what is no object, the path is ignored.
    return typeof value === 'object' && value !== null ? follow(value, path) : value;
  };
}

const isFactReference = (value: unknown): value is { readonly fact: unknown; readonly path?: unknown } =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, 'fact');
/** Whether a comparison is of a fact with a value that stands in it. */
const readsOneFact = (own: ComparisonTrace): own is ComparisonTrace & { readonly fact: string } =>
  typeof own.fact === 'string' && !isFactReference(own.value);

/** Reads what a fact is compared with: the value itself, or another fact where it is an object with a `fact`. */
function valueReaderOf(value: unknown, pointer: string, context: Context): Read {
  if (!isFactReference(value)) return () => value;
  const { fact, path } = value;
  return readerOf(fact, readPath(path, `${pointer}/value`, context), `${pointer}/value/fact`, context);
}

type Shown = { -readonly [key in keyof ComparisonTrace]: ComparisonTrace[key] };

/** What a comparison always shows. Assigned one by one: copies by spreading are slow, and this is half of what a trace costs. */
function bareOf({ fact, operator, value, priority, name, params, path }: ComparisonTrace): Shown {
  const shown: Shown = { fact, operator, value };
  if (priority) shown.priority = priority;
  if (name) shown.name = name;
  if (params) shown.params = params;
  if (path) shown.path = path;
  return shown;
}

function addResult(shown: Shown, factResult: unknown, valueResult: unknown, result: unknown): ComparisonTrace {
  if (factResult !== undefined) shown.factResult = factResult;
  if (valueResult !== undefined) shown.valueResult = valueResult;
  if (result !== undefined) shown.result = result;
  return shown;
}

/** A leaf: `{ fact, operator, value, path?, params?, priority?, name? }`. */
export function comparisonStep(properties: Properties, place: Place, context: Context): Step {
  const { pointer } = place;
  const absent = ['fact', 'operator', 'value'].find((key) => !Object.hasOwn(properties, key));
  if (absent !== undefined)
    return refuse(context, {
      code: 'RAPPORT_RULES_SHAPE',
      pointer,
      message: `must have "all", "any", "not", "condition", or "fact", "operator" and "value"; "${absent}" is missing.`,
    });
  const priority = Object.hasOwn(properties, 'priority') ? properties['priority'] : undefined;
  if (integerOf(priority) === null)
    return refuse(context, {
      code: 'RAPPORT_RULES_SHAPE',
      pointer: `${pointer}/priority`,
      message: 'must be a number.',
    });

  const own = copyOf(properties, context) as ComparisonTrace;
  // Where it is not reached, it shows the results that the document says it has, if it does.
  const untouched = Object.freeze(addResult(bareOf(own), own.factResult, own.valueResult, own.result));
  const path = readPath(own.path, pointer, context);
  const readFact = readerOf(own.fact, path, `${pointer}/fact`, context);
  const readValue = valueReaderOf(own.value, pointer, context);
  const base = { priority: own.priority, untouched };
  const { foreign } = context;
  const operator = operatorOf(own.operator, context.operators, context.decorators, (name) =>
    foreign && isForeign(foreign, name) ? foreignOperator(foreign, name, pointer) : null,
  );
  context.reads.set(pointer, { fact: own.fact, operator: own.operator });
  if (isFactReference(own.value))
    context.reads.set(`${pointer}/value`, { fact: own.value.fact, operator: own.operator });
  if (operator === null) return failing(context, unknownOperator(own.operator, pointer, context), base);
  if (foreign) checkForeign(own, pointer, foreign, context);

  return {
    ...base,
    quick: readsOneFact(own) ? quickComparison(own.fact, path !== null, operator, own.value) : null,
    test: readsOneFact(own)
      ? testOfOneFact(own.fact, path !== null, operator, own.value, readFact)
      : (facts) => operator(readFact(facts), readValue(facts)),
    trace(facts) {
      const fact = readFact(facts);
      const value = readValue(facts);
      const result = said(operator, fact, value, pointer);
      return { result, shown: addResult(bareOf(own), fact, value, result) };
    },
  };
}

/**
 * The test of most comparisons, without looking closely at what needs it not: a scalar, which is the fact whatever the path, and a list where there is
 * no path. Neither can come from the prototype of facts.
 */
function testOfOneFact(
  name: string,
  hasPath: boolean,
  operator: CompatOperator,
  value: unknown,
  readFact: Read,
): Step['test'] {
  return (facts) => {
    const fact = facts[name];
    return isScalar(fact) || (!hasPath && Array.isArray(fact))
      ? operator(fact, value)
      : operator(readFact(facts), value);
  };
}

/** An operator of a plugin is asked ahead about facts, with values that stand in the document and that it takes. */
function checkForeign(own: ComparisonTrace, pointer: string, { known }: Foreign, context: Context): void {
  const decorators = typeof own.operator === 'string' ? own.operator.split(':') : [];
  const name = decorators.pop() ?? '';
  const rule = known?.get(compatNames(known).get(name) ?? '');
  if (!rule) return;
  if (decorators.includes('swap'))
    return void refuse(context, {
      code: 'RAPPORT_RULES_OPERATOR',
      pointer: `${pointer}/operator`,
      message: `"swap" cannot be used with "${name}", the operator of a plugin, which is asked about facts; remove it.`,
    });
  if (isFactReference(own.value))
    return void refuse(context, {
      code: 'RAPPORT_RULES_VALUE',
      pointer: `${pointer}/value`,
      message: `the value of "${name}", the operator of a plugin, cannot be another fact; write the value down.`,
    });
  let values: readonly unknown[] = [own.value];
  for (const decorator of decorators)
    if (decorator === 'someValue' || decorator === 'everyValue')
      values = values.flatMap((value): readonly unknown[] => (Array.isArray(value) ? value : []));
  if (values.every((value) => rule.takes.reading(value) !== null)) return;
  refuse(context, {
    code: 'RAPPORT_RULES_VALUE',
    pointer: `${pointer}/value`,
    message: `the value of "${name}" must be ${rule.takes.expected}.`,
  });
}

/** What an operator says, or a failure that names the place. */
function said(operator: CompatOperator, fact: unknown, value: unknown, pointer: string): unknown {
  try {
    return operator(fact, value);
  } catch (thrown) {
    if (isFailure(thrown)) throw thrown;
    throw failure('RAPPORT_RULES_FAILED', pointer, `the operator cannot compare these values: ${messageOf(thrown)}.`);
  }
}

function unknownOperator(operator: unknown, pointer: string, context: Context): Failure {
  const shown = typeof operator === 'string' ? `"${operator}"` : 'that is no text';
  const plain = typeof operator === 'string' ? operator.slice(operator.lastIndexOf(':') + 1) : '';
  const hint = isOperator(plain)
    ? ` "${plain}" is an operator of strict documents only: leave out "mode": "compat" to use it.`
    : didYouMean(plain, [
        ...context.operators.keys(),
        ...(context.foreign?.known ? compatNames(context.foreign.known).keys() : []),
      ]);
  return failure(
    'RAPPORT_RULES_OPERATOR',
    `${pointer}/operator`,
    `there is no operator ${shown}, or one of its decorators is not known.${hint}`,
  );
}
