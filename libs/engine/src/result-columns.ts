import type { MetricDefinition, Parts } from '@rapport/sdk';
import type { Column, JsonColumn, NumberColumn, TextColumn } from '@rapport/store';

/** Reasons why a metric has no value for a subject. The first three are the metric's own; the others are the engine's. */
export const reasons = [
  'no-data',
  'below-min-sample',
  'pending',
  'error',
  'invalid-value',
  'switched-off',
  'timeout',
  'memory',
  'unavailable',
] as const;
export type Reason = (typeof reasons)[number];
const metricReasons: readonly unknown[] = reasons.slice(0, 3);

/** Longest text, list and table that a part may be. */
const LONGEST_TEXT = 1000;
const LONGEST_LIST = 1000;

interface PartWriter {
  /** False when the value is not one of the part's type. */
  write(i: number, value: unknown): boolean;
  clear(i: number): void;
  readonly column: Column;
}

const numbers = (size: number): NumberColumn => ({
  type: 'number',
  values: new Float64Array(size),
  valid: new Uint8Array(size),
});

function numberWriter(size: number): PartWriter {
  const column = numbers(size);
  const { values, valid } = column;
  return {
    column,
    write(i, value) {
      if (typeof value !== 'number' || !Number.isFinite(value)) return false;
      values[i] = value;
      valid[i] = 1;
      return true;
    },
    clear(i) {
      valid[i] = 0;
      values[i] = 0;
    },
  };
}

function textWriter(size: number): PartWriter {
  const codes = new Int32Array(size).fill(-1);
  const index = new Map<string, number>();
  const dictionary: string[] = [];
  return {
    column: { type: 'text', codes, dictionary },
    write(i, value) {
      if (typeof value !== 'string' || value.length > LONGEST_TEXT) return false;
      let code = index.get(value);
      if (code === undefined) {
        code = dictionary.push(value) - 1;
        index.set(value, code);
      }
      codes[i] = code;
      return true;
    },
    clear(i) {
      codes[i] = -1;
    },
  };
}

const isList = (value: unknown): value is readonly string[] =>
  Array.isArray(value) &&
  value.length <= LONGEST_LIST &&
  value.every((item) => typeof item === 'string' && item.length <= LONGEST_TEXT);
function isTable(value: unknown): value is Readonly<Record<string, number>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= LONGEST_LIST &&
    entries.every(([key, item]) => key !== '__proto__' && typeof item === 'number' && Number.isFinite(item))
  );
}
function jsonWriter(size: number, check: (value: unknown) => boolean, copy: (value: unknown) => unknown): PartWriter {
  const values = new Array<unknown>(size).fill(null);
  const column: JsonColumn = { type: 'json', values };
  return {
    column,
    write(i, value) {
      if (!check(value)) return false;
      values[i] = copy(value);
      return true;
    },
    clear(i) {
      values[i] = null;
    },
  };
}
function writerOf(type: Parts[string]['type'], size: number): PartWriter {
  if (type === 'text') return textWriter(size);
  if (type === 'list') return jsonWriter(size, isList, (value) => [...(value as readonly string[])]);
  if (type === 'table') return jsonWriter(size, isTable, (value) => ({ ...(value as object) }));
  return numberWriter(size);
}

/** Why a result was refused, for the report. */
export type Refused = string;

export interface ResultColumns {
  /** Takes what `compute` returned for subject `i`; null when it is in order, else what is wrong with it. Nothing of a refused result stays. */
  write(i: number, result: unknown): Refused | null;
  /** No value for subject `i`, for a reason of the engine's. */
  refuse(i: number, reason: Reason): void;
  readonly columns: Readonly<Record<string, Column>>;
}

/** Relative rounding that a value may be outside of its range by; it is then put on the range's end. */
const ROUNDING = 1e-9;

/** Typed columns for one metric over `size` subjects: `<id>`, `<id>.n`, `<id>.reason`, `<id>.<part>`. */
export function resultColumns(
  definition: Pick<MetricDefinition, 'id' | 'range' | 'parts'>,
  size: number,
): ResultColumns {
  const { id, range } = definition;
  const value = numbers(size);
  const sample = numbers(size);
  const reason: TextColumn = { type: 'text', codes: new Int32Array(size).fill(-1), dictionary: reasons };
  const parts = Object.entries(definition.parts).map(([name, part]) => ({
    name,
    ...writerOf(part.type, size),
    type: part.type ?? 'number',
  }));
  const declared = new Set(parts.map(({ name }) => name));
  const low = range[0] ?? -Infinity;
  const high = range[1] ?? Infinity;
  const lowest = low - ROUNDING * Math.max(1, Math.abs(low === -Infinity ? 0 : low));
  const highest = high + ROUNDING * Math.max(1, Math.abs(high === Infinity ? 0 : high));

  const writeParts = (i: number, given: unknown): Refused | null => {
    if (given === undefined || given === null) return null;
    if (typeof given !== 'object') return `parts must be an object`;
    const record = given as Readonly<Record<string, unknown>>;
    for (const name in record) if (!declared.has(name)) return `the part "${name.slice(0, 100)}" is not declared`;
    for (const part of parts) {
      const found = record[part.name];
      if (found !== null && found !== undefined && !part.write(i, found))
        return `the part "${part.name}" must be a ${part.type}${part.type === 'number' ? ' (finite)' : ' (of moderate size)'}`;
    }
    return null;
  };
  const clear = (i: number) => {
    value.valid[i] = 0;
    value.values[i] = 0;
    sample.valid[i] = 0;
    sample.values[i] = 0;
    for (const part of parts) part.clear(i);
  };
  const write = (i: number, result: unknown): Refused | null => {
    if (typeof result !== 'object' || result === null) return 'compute must return { value } or noData(…)';
    const {
      value: number,
      noData,
      n,
      parts: given,
    } = result as { value?: unknown; noData?: unknown; n?: unknown; parts?: unknown };
    if (noData !== undefined) {
      if (!metricReasons.includes(noData)) return `noData must be one of ${metricReasons.join(', ')}`;
      reason.codes[i] = reasons.indexOf(noData as Reason);
    } else {
      if (typeof number !== 'number' || !Number.isFinite(number))
        return `the value must be a finite number, not ${typeof number === 'number' ? String(number) : typeof number}`;
      if (number < lowest || number > highest)
        return `the value ${String(number)} is outside of the range ${String(range[0] ?? '−∞')} … ${String(range[1] ?? '∞')}`;
      value.values[i] = number < low ? low : number > high ? high : number;
      value.valid[i] = 1;
    }
    if (n !== undefined) {
      if (typeof n !== 'number' || !Number.isFinite(n) || n < 0) return 'n must be a number ≥ 0';
      sample.values[i] = n;
      sample.valid[i] = 1;
    }
    return writeParts(i, given);
  };
  const refuse = (i: number, why: Reason) => {
    clear(i);
    reason.codes[i] = reasons.indexOf(why);
  };
  return {
    write(i, result) {
      const refused = write(i, result);
      if (refused !== null) refuse(i, 'invalid-value');
      return refused;
    },
    refuse,
    columns: {
      [id]: value,
      [`${id}.n`]: sample,
      [`${id}.reason`]: reason,
      ...Object.fromEntries(parts.map((part) => [`${id}.${part.name}`, part.column])),
    },
  };
}
