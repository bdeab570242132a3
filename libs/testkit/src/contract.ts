import { isDeepStrictEqual } from 'node:util';
import type { Computed, MetricDefinition, Measures, NoData, NoDataReason, PartDefinition } from '@rapport/sdk';
import { TestkitError } from './error.js';

/** A metric's answer for one subject. */
export interface Evaluated {
  readonly value: number | null;
  /** Why there is no value; null when there is one. */
  readonly reason: NoDataReason | null;
  readonly n: number | null;
  readonly parts: Readonly<Record<string, unknown>>;
}

const REASONS: readonly string[] = ['no-data', 'below-min-sample', 'pending'] satisfies NoDataReason[];

/** What `compute` returned, held against the metric's declaration. Throws `RAPPORT_TESTKIT_CONTRACT`. */
export function checkedAnswer(definition: MetricDefinition, subject: string, answer: Computed | NoData): Evaluated {
  const broken = (what: string) =>
    new TestkitError('RAPPORT_TESTKIT_CONTRACT', `metric "${definition.id}" for ${subject}: ${what}`);
  const parts = Object.fromEntries(Object.entries(answer.parts ?? {}).filter(([, value]) => value !== undefined));
  for (const [name, value] of Object.entries(parts)) {
    const declared = Object.hasOwn(definition.parts, name) ? definition.parts[name] : undefined;
    if (!declared) throw broken(`part "${name}" is not declared; add it to "parts"`);
    if (value !== null && !isPart(declared, value)) {
      throw broken(
        `part "${name}" is declared as ${declared.type ?? 'number'}, but is ${show(value)}; where there is none, give null`,
      );
    }
  }
  const { n } = answer;
  if (n !== undefined && !(Number.isFinite(n) && n >= 0))
    throw broken(`n is ${show(n)}; it must be a finite number of 0 or more`);
  if ('noData' in answer) {
    if (!REASONS.includes(answer.noData))
      throw broken(`the reason is ${show(answer.noData)}; it must be one of ${REASONS.join(', ')}`);
    return { value: null, reason: answer.noData, n: n ?? null, parts };
  }
  const { value } = answer;
  const [min, max] = definition.range;
  if (!Number.isFinite(value))
    throw broken(`the value is ${show(value)}; return noData(reason) where there is no value`);
  if ((min !== null && value < min) || (max !== null && value > max)) {
    throw broken(
      `the value ${value} is outside the range ${min ?? '−∞'} … ${max ?? '∞'}; correct "range" or the formula`,
    );
  }
  return { value, reason: null, n: n ?? null, parts };
}

function isPart(declared: PartDefinition, value: unknown): boolean {
  switch (declared.type ?? 'number') {
    case 'number':
      return Number.isFinite(value);
    case 'text':
      return typeof value === 'string';
    case 'list':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'table':
      return (
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        Object.values(value).every((item) => Number.isFinite(item))
      );
  }
}

/** JSON where there is any; it writes NaN as null, and has nothing for functions. */
const show = (value: unknown) => {
  const json = JSON.stringify(value) as string | undefined;
  return typeof value === 'number' ? String(value) : (json ?? typeof value);
};

/** The metric's measures for a configuration: plain data, and the same every time. Throws `RAPPORT_TESTKIT_CONTRACT`. */
export function checkedMeasures(definition: MetricDefinition, config: Readonly<Record<string, unknown>>): Measures {
  const measures = definition.measures(config);
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(measures)), measures)) {
    throw new TestkitError(
      'RAPPORT_TESTKIT_CONTRACT',
      `metric "${definition.id}": measures(config) must return plain JSON data; a value in it is undefined, a function, or not a finite number`,
    );
  }
  if (!isDeepStrictEqual(definition.measures(config), measures)) {
    throw new TestkitError(
      'RAPPORT_TESTKIT_CONTRACT',
      `metric "${definition.id}": measures(config) returns other measures when it is called again`,
    );
  }
  return measures;
}

/** Calls twice and insists on one answer. Throws `RAPPORT_TESTKIT_CONTRACT`. */
export function twice<T>(definition: MetricDefinition, subject: string, call: () => T): T {
  const answer = call();
  const again = call();
  if (!isDeepStrictEqual(again, answer)) {
    throw new TestkitError(
      'RAPPORT_TESTKIT_CONTRACT',
      `metric "${definition.id}" for ${subject}: ${JSON.stringify(answer)} at first and ${JSON.stringify(again)} when called again; compute must be pure`,
    );
  }
  return answer;
}
