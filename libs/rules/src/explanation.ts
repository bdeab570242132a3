import type { Condition } from '@rapport/sdk';
import { isOperator, ruleOf, type Operator, type OperatorSet, type Verdict } from './operator.js';
import { trace, type Trace } from './trace.js';

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
  if (!Array.isArray(threshold)) return shown(threshold);
  return threshold.map(shown).join(operator === 'between' ? ' and ' : ', ');
}

/** What is told of a fact for which an operator holds, or does not: `≥ 0.2`, `is one of pro, team`. */
export function told(operator: string, threshold: unknown, holds: boolean, more?: OperatorSet): string {
  const [yes, no] = isOperator(operator) ? words[operator] : (ruleOf(operator, more)?.words ?? [operator, operator]);
  return `${holds ? yes : no} ${thresholdShown(operator, threshold)}`.trimEnd();
}

function reason(node: Trace, more?: OperatorSet): string {
  if (node.kind === 'not') return reason(node.child, more);
  if (node.kind === 'leaf') {
    const { fact, operator, threshold, value, verdict } = node;
    if (verdict === null) return `${fact} is unknown`;
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
  condition: Condition,
  facts: Readonly<Record<string, unknown>>,
  now: number,
  more?: OperatorSet,
): { readonly verdict: Verdict; readonly text: string } {
  const root = trace(condition, facts, now, more);
  const text = reason(root, more);
  return { verdict: root.verdict, text: text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text };
}
