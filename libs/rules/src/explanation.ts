import type { Condition } from '@rapport/sdk';
import { evaluate } from './condition.js';
import { isOperator, type Operator, type Verdict } from './operator.js';

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

function shown(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value * 10_000) / 10_000);
  const text = typeof value === 'string' ? value : (JSON.stringify(value) as string | undefined);
  if (text === undefined) return '';
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function wanted(operator: Operator, value: unknown): string {
  if (operator === 'isKnown' || operator === 'isUnknown') return '';
  if (operator === 'between') return (value as readonly unknown[]).map(shown).join(' and ');
  return Array.isArray(value) ? value.map(shown).join(', ') : shown(value);
}

function told(condition: Condition, facts: Readonly<Record<string, unknown>>, now: number): string {
  const verdict = evaluate(condition, facts, now);
  if ('not' in condition) return told(condition.not, facts, now);
  if ('all' in condition || 'any' in condition) {
    const children = 'all' in condition ? condition.all : condition.any;
    // What decided: every child of a true "all" or a false "any"; the children that agree with the verdict otherwise.
    const deciding = children.filter((child) => evaluate(child, facts, now) === verdict);
    const everyone = 'all' in condition === (verdict === true);
    const told_ = (
      everyone ? deciding : deciding.slice(0, 'any' in condition && verdict === true ? 1 : deciding.length)
    ).map((child) => told(child, facts, now));
    if (told_.length === 0) return 'any' in condition ? 'no condition holds' : 'there is no condition to meet';
    return told_.join(' and ');
  }
  const { fact, operator, value } = condition;
  if (!isOperator(operator)) return `${fact} ${operator}`;
  if (verdict === null) return `${fact} is unknown`;
  const known = Object.hasOwn(facts, fact) ? facts[fact] : null;
  const parts = [
    fact,
    known === null || known === undefined ? '' : shown(known),
    words[operator][verdict ? 0 : 1],
    wanted(operator, value),
  ];
  return parts.filter((part) => part !== '').join(' ');
}

/**
 * Why a condition came out as it did, in words: `usage-frequency 0 ≤ 0 and trait.plan pro = pro`. Names what decided: what holds of a
 * condition that is true, what fails of one that is false, what is missing of one that is unknown.
 */
export function explain(
  condition: Condition,
  facts: Readonly<Record<string, unknown>>,
  now: number,
): { readonly verdict: Verdict; readonly text: string } {
  const text = told(condition, facts, now);
  return {
    verdict: evaluate(condition, facts, now),
    text: text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text,
  };
}
