import type { Problem } from '../problem.js';
import { didYouMean } from '../suggestion.js';
import { comparisonStep } from './comparison.js';
import { failing, refuse, refused, type Base, type Context, type Place, type Step } from './context.js';
import { failure, type Failure } from './failure.js';
import { nestsWithin } from '../depth.js';
import { frozenCopy } from './frozen.js';
import { groupsOf, integerOf } from './priority.js';
import { quickFalse, quickLogic } from './quick.js';
import type { ConditionTrace, Labels } from './trace.js';

/** Deepest nesting of conditions, references put in place. json-rules-engine has no limit but the stack. */
export const MAX_DEPTH = 100;
/** Most conditions of a rule, references put in place: a few that refer to each other twice would otherwise be millions. */
export const MAX_CONDITIONS = 10_000;

/** In the order in which they count where a condition has several. */
const LOGIC = ['any', 'all', 'not'] as const;
type Logic = (typeof LOGIC)[number];
type Properties = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Properties =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const logicOf = (properties: object): Logic | undefined => LOGIC.find((key) => Object.hasOwn(properties, key));

/** An own `__proto__` would be the prototype of json-rules-engine's condition, whose evaluation then ends in a TypeError. */
const protoProblem = (document: object, pointer: string): Problem | null =>
  Object.hasOwn(document, '__proto__')
    ? {
        code: 'RAPPORT_RULES_SHAPE',
        pointer: `${pointer}/__proto__`,
        message: '"__proto__" cannot be a key of a condition; remove it.',
      }
    : null;

/** What the whole of a rule, or of a named condition, must be; the problem otherwise. */
function rootProblem(document: unknown, pointer: string): Problem | null {
  if (!isObject(document) || (logicOf(document) === undefined && !Object.hasOwn(document, 'condition')))
    return {
      code: 'RAPPORT_RULES_SHAPE',
      pointer,
      message: 'must be an object with "all", "any", "not" or "condition".',
    };
  return nestsWithin(document, 3 * MAX_DEPTH) ? protoProblem(document, pointer) : tooDeep(pointer);
}
const tooDeep = (pointer: string): Problem => ({
  code: 'RAPPORT_RULES_DEPTH',
  pointer,
  message: `conditions nest deeper than ${MAX_DEPTH}, references put in place; split the rule.`,
});

/** Makes a rule's conditions ready. At the root, `all`, `any` and `not` go before a reference, and what a single condition says is the result. */
export function rootStep(document: unknown, context: Context, pointer = '/conditions'): Step {
  const place: Place = { pointer, depth: 0, names: new Set() };
  const problem = rootProblem(document, place.pointer);
  if (problem !== null) return refuse(context, problem);
  const parts = partsOf(document as Properties, place, context);
  return parts.operator === undefined ? referenceStep(parts, place, context) : logicStep(parts, place, context, 'raw');
}

/** Makes a condition below the root ready. Problems go to the context. */
function stepOf(document: unknown, place: Place, context: Context): Step {
  const { pointer } = place;
  context.made += 1;
  if (context.made === MAX_CONDITIONS)
    return refuse(context, {
      code: 'RAPPORT_RULES_SIZE',
      pointer,
      message: `there are more than ${MAX_CONDITIONS} conditions, references put in place; split the rule.`,
    });
  if (context.made > MAX_CONDITIONS) return refused;
  if (place.depth > MAX_DEPTH) return refuse(context, tooDeep(pointer));
  if (!isObject(document))
    return refuse(context, {
      code: 'RAPPORT_RULES_SHAPE',
      pointer,
      message:
        'must be a condition: an object with "all", "any", "not", "condition", or "fact", "operator" and "value".',
    });
  const proto = protoProblem(document, pointer);
  if (proto !== null) return refuse(context, proto);
  if (Object.hasOwn(document, 'condition')) return referenceStep(partsOf(document, place, context), place, context);
  return logicOf(document) === undefined
    ? comparisonStep(document, place, context)
    : logicStep(partsOf(document, place, context), place, context);
}

/** What json-rules-engine's constructor makes of a document with `all`, `any`, `not` or `condition`. */
interface Parts {
  readonly own: Labels & { readonly condition?: unknown };
  /** The first of `any`, `all` and `not` that the document has; only its conditions are made, the others do not count. */
  readonly operator?: Logic;
  readonly children: Partial<Readonly<Record<Logic, readonly Step[]>>>;
}

function partsOf(document: Properties, place: Place, context: Context): Parts {
  const own = Object.fromEntries(
    ['priority', 'name', 'condition']
      .filter((key) => Object.hasOwn(document, key))
      .map((key) => [key, frozenCopy(document[key])]),
  );
  const operator = logicOf(document);
  if (operator === undefined) return { own, children: {} };
  const priority = integerOf(document['priority']);
  if (priority === null)
    refuse(context, {
      code: 'RAPPORT_RULES_SHAPE',
      pointer: `${place.pointer}/priority`,
      message: 'must be a number.',
    });
  return {
    own: { ...own, priority: priority || 1 },
    operator,
    children: { [operator]: childrenOf(document[operator], operator, place, context) },
  };
}

function childrenOf(children: unknown, operator: Logic, { pointer, depth, names }: Place, context: Context) {
  const at = `${pointer}/${operator}`;
  const child = (document: unknown, below: string) =>
    stepOf(document, { pointer: below, depth: depth + 1, names }, context);
  if (operator === 'not') return [child(children, at)];
  if (Array.isArray(children)) return children.map((document, i) => child(document, `${at}/${i}`));
  return [refuse(context, { code: 'RAPPORT_RULES_SHAPE', pointer: at, message: 'must be a list of conditions.' })];
}

/** How a condition with the children of one operator shows itself. Assigned one by one, as spreading is many times slower. */
function frameOf({ priority, name }: Labels, operator: Logic): Show {
  return (children) => {
    const shown: { priority?: unknown; name?: unknown } & Partial<Record<Logic, unknown>> = {};
    if (priority) shown.priority = priority;
    if (name) shown.name = name;
    shown[operator] = operator === 'not' ? children[0] : children;
    return shown as ConditionTrace;
  };
}

/** How a condition shows itself before it is reached: by the first operator it has, or as the reference that it is. */
function untouchedOf({ own, children }: Parts): ConditionTrace {
  const operator = logicOf(children);
  if (operator !== undefined)
    return Object.freeze(
      frameOf(own, operator)(Object.freeze((children[operator] ?? []).map(({ untouched }) => untouched))),
    );
  const { priority, name, condition } = own;
  return Object.freeze({ ...(priority ? { priority } : {}), ...(name ? { name } : {}), condition });
}

/** Evaluates the children of a condition's operator. A single one decides by exactly `true`, or at the root (`raw`) by whatever a custom operator says. */
function logicStep(parts: Parts, { pointer }: Place, context: Context, says: 'raw' | 'exact' = 'exact'): Step {
  const { own, operator = 'all' } = parts;
  const children = parts.children[operator] ?? [];
  const quick = quickLogic(
    operator,
    children.map((child) => child.quick),
  );
  const step = { priority: own.priority, untouched: untouchedOf(parts), quick };
  // Laid over each other by references, a condition may evaluate one operator and show another.
  const shows = operator === logicOf(parts.children);
  const frame = frameOf(own, operator);
  const show = (traced: readonly ConditionTrace[]) => (shows ? frame(traced) : step.untouched);

  const [first] = children;
  if (first === undefined) return { ...step, test: () => true, trace: () => ({ result: true, shown: show([]) }) };
  if (children.length === 1) {
    const negated = operator === 'not';
    const single = singleStep(step, first, negated, show);
    return negated || says === 'raw' ? single : exact(single);
  }
  const groups = groupsOf(children.map(({ priority }) => priority));
  if (groups === null)
    return failing(
      context,
      failure('RAPPORT_RULES_FAILED', pointer, 'cannot be evaluated: the priority of a condition in it is no number.'),
      step,
    );
  return groupedStep(step, children, groups, operator === 'any', show);
}

type QuickBase = Base & Pick<Step, 'quick'>;

/** Holds only where a condition says exactly `true`. */
const exact = (step: Step): Step => ({
  ...step,
  test: (facts) => step.test(facts) === true,
  trace(facts) {
    const { result, shown } = step.trace(facts);
    return { result: result === true, shown };
  },
});

type Show = (children: readonly ConditionTrace[]) => ConditionTrace;

function singleStep(base: QuickBase, child: Step, negated: boolean, show: Show): Step {
  const { test } = child;
  return {
    ...base,
    test: negated ? (facts) => !test(facts) : test,
    trace(facts) {
      const { result, shown } = child.trace(facts);
      return { result: negated ? !result : result, shown: show([shown]) };
    },
  };
}

/** Whether a group says `true` (`any` of it, or all), each of it evaluated: one that fails makes the rule fail, whatever the others say. */
function groupTest(tests: readonly Step['test'][], isAny: boolean): Step['test'] {
  return (facts) => {
    let decided = false;
    for (const test of tests) if ((test(facts) === true) === isAny) decided = true;
    return decided === isAny;
  };
}

/** Evaluates groups in turn until one decides: for `any` by a condition that is true, for `all` by one that is not. */
function groupedStep(
  base: QuickBase,
  children: readonly Step[],
  positions: readonly (readonly number[])[],
  isAny: boolean,
  show: Show,
): Step {
  const numbered = children.map((child, position) => ({ child, position }));
  const groups = positions.map((group) => numbered.filter(({ position }) => group.includes(position)));
  const tests = groups.map((group) =>
    groupTest(
      group.map(({ child }) => child.test),
      isAny,
    ),
  );
  const inTurn: Step['test'] = (facts) => {
    for (const test of tests) if (test(facts) === isAny) return isAny;
    return !isAny;
  };
  const untouched = children.map((child) => child.untouched);
  return {
    ...base,
    test: tests.length === 1 && tests[0] ? tests[0] : inTurn,
    trace(facts) {
      const traced = untouched.slice();
      for (const group of groups) {
        let decided = false;
        for (const { child, position } of group) {
          const { result, shown } = child.trace(facts);
          traced[position] = shown;
          if ((result === true) === isAny) decided = true;
        }
        if (decided) return { result: isAny, shown: show(traced) };
      }
      return { result: !isAny, shown: show(traced) };
    },
  };
}

/**
 * Puts named conditions in a reference's place: each one's properties are laid over what is there, and may refer to another. What a rule reaches does
 * not depend on how often it comes by, so that a condition reached within itself is evaluated for ever by the reference; here it fails.
 */
function referenceStep(parts: Parts, place: Place, context: Context): Step {
  const base: Base = { priority: parts.own.priority, untouched: untouchedOf(parts) };
  const names = new Set(place.names);
  let merged = parts;
  let { pointer } = place;
  while (Object.hasOwn(merged.own, 'condition')) {
    const { condition: name, ...own } = merged.own;
    if (typeof name !== 'string' || !Object.hasOwn(context.conditions, name))
      return undefinedStep(name, merged, base, pointer, context);
    if (names.has(name)) return failing(context, cycle(name, pointer), base);
    names.add(name);
    pointer = context.namedAt?.(name) ?? pointer;
    const problem = rootProblem(context.conditions[name], pointer);
    if (problem !== null)
      return refuse(context, { ...problem, message: `the named condition "${name}" ${problem.message}` });
    const named = partsOf(context.conditions[name] as Properties, { pointer, depth: place.depth + 1, names }, context);
    merged = {
      ...merged,
      ...named,
      own: { ...own, ...named.own },
      children: { ...merged.children, ...named.children },
    };
  }
  return { ...logicStep(merged, { ...place, pointer }, context), ...base };
}

const cycle = (name: string, pointer: string): Failure =>
  failure('RAPPORT_RULES_CYCLE', pointer, `the named condition "${name}" refers to itself; break the cycle.`);

function undefinedStep(name: unknown, parts: Parts, base: Base, pointer: string, context: Context): Step {
  if (context.allowUndefinedConditions) {
    const shown = untouchedOf(parts);
    return { ...base, test: () => false, quick: quickFalse, trace: () => ({ result: false, shown }) };
  }
  const hint = typeof name === 'string' ? didYouMean(name, Object.keys(context.conditions)) : '';
  const shown = typeof name === 'string' ? `"${name}"` : 'of that name';
  return failing(
    context,
    failure('RAPPORT_RULES_REFERENCE', `${pointer}/condition`, `there is no named condition ${shown}.${hint}`),
    base,
  );
}
