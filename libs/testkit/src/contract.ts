import { isDeepStrictEqual } from 'node:util';
import type { Computed, Measures, MetricDefinition, NoData, NoDataReason, PartDefinition } from '@rapport/sdk';
import { TestkitError } from './error.js';
import type { FindingCode, Report } from './finding.js';
import { ownEntry } from './scene.js';
import { watched } from './watch.js';

/** A metric's answer for one subject. */
export interface Evaluated {
  readonly value: number | null;
  /** Why there is no value; null when there is one. */
  readonly reason: NoDataReason | null;
  readonly n: number | null;
  readonly parts: Readonly<Record<string, unknown>>;
}
/** Answers by subject. */
export type Answers = ReadonlyMap<string, Evaluated>;

const REASONS: readonly string[] = ['no-data', 'below-min-sample', 'pending'] satisfies NoDataReason[];
/** Stands for an answer that there is not, after it was reported. */
const NOTHING: Evaluated = { value: null, reason: 'no-data', n: null, parts: {} };

/**
 * Calls one of a metric's functions: what it throws, and what it touches that is not pure, is reported. Null when it threw.
 *
 * @param about which metric, and for whom, in words
 */
export function called<T>(about: string, call: () => T, report: Report): T | null {
  try {
    const { result, touched } = watched(call);
    if (touched) {
      const wayOut =
        touched.code === 'RAPPORT_CONFORMANCE_CLOCK'
          ? 'take context.asOf and context.calendar'
          : 'same inputs, same result';
      report({ code: touched.code, sentence: `${about}: it uses ${touched.what}; ${wayOut}` });
    }
    return result;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // A configuration that does not fit is not the metric's fault.
    if (error instanceof TestkitError || message.startsWith('RAPPORT_SDK_')) throw error;
    const frozen = error instanceof TypeError && /read.only|not extensible|Cannot delete property/i.test(message);
    report(
      frozen
        ? { code: 'RAPPORT_CONFORMANCE_CHANGED', sentence: `${about}: it changes what it was given: ${message}` }
        : { code: 'RAPPORT_CONFORMANCE_THREW', sentence: `${about}: it threw: ${message}` },
    );
    return null;
  }
}

/** What `compute` returned, held against the metric's declaration. */
export function checkedAnswer(
  definition: MetricDefinition,
  where: string,
  answer: Computed | NoData | null,
  report: Report,
): Evaluated {
  if (answer === null) return NOTHING;
  const broken = (code: FindingCode, what: string) => {
    report({ code, sentence: `metric "${definition.id}" for ${where}: ${what}` });
    return NOTHING;
  };
  if (answer instanceof Promise) {
    answer.catch(() => undefined);
    return broken(
      'RAPPORT_CONFORMANCE_VALUE',
      'it returned a Promise; it must return its result at once, so remove "async"',
    );
  }
  if (typeof answer !== 'object') {
    return broken('RAPPORT_CONFORMANCE_VALUE', `it returned ${show(answer)}; return { value, … } or noData(reason)`);
  }
  const parts: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(answer.parts ?? {})) {
    if (value === undefined) continue;
    const declared = ownEntry(definition.parts, name);
    if (!declared) broken('RAPPORT_CONFORMANCE_PART', `part "${name}" is not declared; add it to "parts"`);
    else if (value !== null && !isPart(declared, value)) {
      const type = declared.type ?? 'number';
      broken(
        'RAPPORT_CONFORMANCE_PART',
        `part "${name}" is declared as ${type}, but is ${show(value)}; where there is none, give null`,
      );
    } else parts[name] = withoutNegativeZero(structuredClone(value));
  }
  const n = answer.n ?? null;
  if (n !== null && !(Number.isFinite(n) && n >= 0)) {
    broken('RAPPORT_CONFORMANCE_PART', `n is ${show(n)}; it must be a finite number of 0 or more`);
  }
  if ('noData' in answer) {
    if (!REASONS.includes(answer.noData)) {
      return broken(
        'RAPPORT_CONFORMANCE_NO_DATA',
        `the reason is ${show(answer.noData)}; it must be one of ${REASONS.join(', ')}`,
      );
    }
    return { value: null, reason: answer.noData, n, parts };
  }
  const { value } = answer;
  const [min, max] = definition.range;
  if (!Number.isFinite(value)) {
    return broken(
      'RAPPORT_CONFORMANCE_VALUE',
      `the value is ${show(value)}; return noData(reason) where there is no value`,
    );
  }
  if ((min !== null && value < min) || (max !== null && value > max)) {
    const range = `${min ?? '−∞'} … ${max ?? '∞'}`;
    return broken(
      'RAPPORT_CONFORMANCE_VALUE',
      `the value ${value} is outside the range ${range}; correct "range" or the formula`,
    );
  }
  const { contributions } = definition;
  const entries = Object.values((contributions && parts[contributions]) ?? {}) as number[];
  // A store gives tables back in another order.
  const sums = [entries, [...entries].reverse()].map((some) => some.reduce((sum, entry) => sum + entry, 0));
  if (contributions !== undefined && sums.some((sum) => sum !== value)) {
    broken(
      'RAPPORT_CONFORMANCE_CONTRIBUTIONS',
      `the value is ${value}, but "${contributions}" adds up to ${sums.join(' or, backwards, to ')}; they must be equal to the last digit`,
    );
  }
  return { value: value + 0, reason: null, n: n === null ? null : n + 0, parts };
}

const withoutNegativeZero = (value: unknown): unknown => (typeof value === 'number' ? value + 0 : value);

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
export const show = (value: unknown): string => {
  const json = JSON.stringify(value) as string | undefined;
  return typeof value === 'number' ? String(value) : (json ?? typeof value);
};

type Config = Readonly<Record<string, unknown>>;

/** The metric's measures for a configuration: plain data, and the same every time. */
export const checkedMeasures = (definition: MetricDefinition, config: Config, report: Report): Measures =>
  hook(definition, 'measures', () => definition.measures(config), report) ?? {};

/** What `uses` and its like say for a configuration; null when there is no such hook. */
export const checkedHook = <H extends 'uses' | 'usesPortfolio' | 'window' | 'evidence'>(
  definition: MetricDefinition,
  name: H,
  config: Config,
  report: Report,
): ReturnType<NonNullable<MetricDefinition[H]>> | null =>
  hook(
    definition,
    name,
    () => definition[name]?.(config) as ReturnType<NonNullable<MetricDefinition[H]>> | undefined,
    report,
  );

function hook<T>(definition: MetricDefinition, name: string, call: () => T | undefined, report: Report): T | null {
  const about = `metric "${definition.id}", ${name}(config)`;
  const answer = called(about, call, report) ?? null;
  if (answer === null) return null;
  const broken = (what: string) => report({ code: 'RAPPORT_CONFORMANCE_HOOK', sentence: `${about} ${what}` });
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify([answer])), [answer])) {
    broken('must return plain JSON data; a value in it is undefined, a function, or not a finite number');
  }
  if (!isDeepStrictEqual(called(about, call, report), answer)) {
    broken(`returns other ${name === 'measures' ? name : 'data'} when it is called again`);
  }
  return answer;
}
