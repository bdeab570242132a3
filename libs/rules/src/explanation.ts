import type { Moment } from '@rapport/sdk/time';
import type { ConditionTrace } from './compat/trace.js';
import type { ResolvedCondition } from './ir.js';
import { isOperator, ruleOf, type FactReading, type Operator, type OperatorSet, type Verdict } from './operator.js';
import { isFactValue } from './pair.js';
import { missingOf, trace, type Trace, type TracedCompat } from './trace.js';

const LONGEST = 600;

const words: Readonly<Record<Operator, readonly [holds: string, holdsNot: string]>> = {
  equal: ['=', '≠'],
  notEqual: ['≠', '='],
  lessThan: ['<', '≥'],
  lessThanInclusive: ['≤', '>'],
  greaterThan: ['>', '≤'],
  greaterThanInclusive: ['≥', '<'],
  in: ['is one of', 'is none of'],
  notIn: ['is none of', 'is one of'],
  contains: ['contains', 'does not contain'],
  doesNotContain: ['does not contain', 'contains'],
  between: ['is between', 'is not between'],
  isKnown: ['is known', 'is unknown'],
  isUnknown: ['is unknown', 'is known'],
  before: ['is before', 'is not before'],
  after: ['is after', 'is not after'],
  startsWith: ['begins with', 'does not begin with'],
  matches: ['matches', 'does not match'],
  hasAll: ['has all of', 'does not have all of'],
  hasAny: ['has one of', 'has none of'],
  changedBy: ['is a change of at least', 'is no change of'],
  increasedBy: ['is a rise of at least', 'is no rise of'],
  decreasedBy: ['is a fall of at least', 'is no fall of'],
  withinNext: ['is within the next', 'is not within the next'],
  withinLast: ['is within the last', 'is not within the last'],
};

/** A value in words, short; nothing for undefined. */
export function shown(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value * 10_000) / 10_000);
  const text = typeof value === 'string' ? value : (JSON.stringify(value) as string | undefined);
  if (text === undefined) return '';
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function thresholdShown(operator: string, threshold: unknown): string {
  if (isFactValue(threshold)) return shown(threshold.fact);
  if (!Array.isArray(threshold)) return shown(threshold);
  return threshold.map(shown).join(operator === 'between' ? ' and ' : ', ');
}

/** What is told of a fact for which an operator holds, or does not: `≥ 0.2`, `is one of pro, team`. */
export function told(operator: string, threshold: unknown, holds: boolean, more?: OperatorSet): string {
  const [yes, no] = isOperator(operator)
    ? words[operator]
    : (ruleOf(operator, more)?.words ?? [operator, `fails ${operator}`]);
  return `${holds ? yes : no} ${thresholdShown(operator, threshold)}`.trimEnd();
}

/** The name of a fact with the path into it: `trait.plan.name`. */
const nameOf = (fact: unknown, path: unknown): string =>
  typeof path === 'string' && path.startsWith('$') ? `${String(fact)}${path.slice(1)}` : String(fact);

/** A result of json-rules-engine as a trace, for its reasons. Where it was not reached the verdict is unknown: something else had decided. */
function tracedOf(node: ConditionTrace): Trace {
  const group = (kind: 'all' | 'any', parts: readonly ConditionTrace[]): Trace => {
    const children = parts.map(tracedOf);
    const decisive = kind === 'any';
    // An empty group is true.
    const decided = children.length > 0 && children.some(({ verdict }) => verdict === decisive);
    return { kind, pointer: '', verdict: children.length === 0 || decided === decisive, children };
  };
  if ('all' in node) return group('all', node.all);
  if ('any' in node) return group('any', node.any);
  if ('not' in node) {
    const child = tracedOf(node.not);
    return { kind: 'not', pointer: '', verdict: child.verdict === null ? null : !child.verdict, child };
  }
  if ('condition' in node) {
    const fact = `the condition "${String(node.condition)}"`;
    return { kind: 'leaf', pointer: '', verdict: false, fact, operator: 'isKnown', threshold: undefined, value: null };
  }
  const { fact, operator, value, path, factResult = null, valueResult = null, result } = node;
  const verdict = result === undefined ? null : result === true;
  const about = { kind: 'leaf', pointer: '', verdict, fact: nameOf(fact, path), operator: String(operator) } as const;
  if (!isFactValue(value)) return { ...about, threshold: value, value: factResult };
  const threshold = { fact: nameOf(value.fact, Object.hasOwn(value, 'path') ? Reflect.get(value, 'path') : null) };
  return { ...about, threshold, thresholdValue: valueResult, value: factResult };
}

function compatReason({ verdict, result, problem, missing }: TracedCompat): string {
  if (verdict !== null && result) return reason(tracedOf(result));
  return missing.length > 0 ? missing.map((fact) => `${fact} is unknown`).join(' and ') : (problem?.message ?? '');
}

const readable: Readonly<Record<FactReading, string>> = {
  number: 'a number',
  text: 'text',
  time: 'a time',
  boolean: 'true or false',
  any: 'a value',
};

/** Why a value that is there leaves a comparison unknown. */
function unreadable(operator: string, threshold: unknown, more?: OperatorSet): string {
  const takes = ruleOf(operator, more)?.takes;
  const reading = takes?.reading(threshold) ?? 'any';
  return `cannot be read as ${takes?.ofList === true ? 'a list' : readable[reading]}`;
}

function reason(node: Trace, more?: OperatorSet): string {
  if (node.kind === 'not') return reason(node.child, more);
  if (node.kind === 'compat') return compatReason(node);
  if (node.kind === 'leaf') {
    const { fact, operator, threshold, thresholdValue, value, verdict } = node;
    if (verdict === null && value !== null && !isFactValue(threshold))
      return `${fact} ${shown(value)} ${unreadable(operator, threshold, more)}`;
    if (verdict === null) return missingOf(node).map((each) => `${each} is unknown`).join(' and '); // prettier-ignore
    if (isFactValue(threshold)) {
      const words = told(operator, undefined, verdict, more);
      return `${fact} ${words} ${threshold.fact}: ${shown(value)} ${words} ${shown(thresholdValue)}`;
    }
    return `${fact} ${value === null ? '' : `${shown(value)} `}${told(operator, threshold, verdict, more)}`;
  }
  // What decided: one true child of an "any", otherwise every child that agrees with the verdict.
  const deciding = node.children.filter((child) => child.verdict === node.verdict);
  const enough = node.kind === 'any' && node.verdict === true ? deciding.slice(0, 1) : deciding;
  if (enough.length === 0) return node.kind === 'any' ? 'no condition holds' : 'there is no condition to meet';
  return enough.map((child) => reason(child, more)).join(' and ');
}

/**
 * Why a condition came out as it did, in words: `usage-frequency 0 ≤ 0 and trait.plan pro = pro`. Names what decided: what holds of a
 * condition that is true, what fails of one that is false, what is missing of one that is unknown.
 */
export function explain(
  condition: ResolvedCondition,
  facts: Readonly<Record<string, unknown>>,
  now: Moment,
  more?: OperatorSet,
): { readonly verdict: Verdict; readonly text: string } {
  const root = trace(condition, facts, now, more);
  const text = reason(root, more);
  return { verdict: root.verdict, text: text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text };
}
