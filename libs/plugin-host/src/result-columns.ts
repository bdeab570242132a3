import type { MetricDefinition, Parts, ResultReason } from '@rapport/sdk';
import type { Column, KeyedColumn, NumberColumn, TextColumn } from '@rapport/store';

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
] as const satisfies readonly ResultReason[];
export type Reason = ResultReason;
const metricReasons: readonly unknown[] = reasons.slice(0, 3);

/** Longest text, list and table that a part may be. */
const LONGEST_TEXT = 1000;
const LONGEST_LIST = 1000;

interface PartWriter {
  /** False when the value is not one of the part's type. */
  write(i: number, value: unknown): boolean;
  clear(i: number): void;
  finish(): Column;
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
    finish: () => column,
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
    finish: () => ({ type: 'text', codes, dictionary }),
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

/** Equal lists are held once: many subjects have the same. */
function listWriter(size: number): PartWriter {
  const values = new Array<unknown>(size).fill(null);
  const known = new Map<string, readonly string[]>();
  return {
    write(i, value) {
      if (!isList(value)) return false;
      // Not joined: whatever separates the items may be in them.
      const key = JSON.stringify(value);
      let list = known.get(key);
      if (!list) known.set(key, (list = [...value]));
      values[i] = list;
      return true;
    },
    clear(i) {
      values[i] = null;
    },
    finish: () => ({ type: 'json', values }),
  };
}

/** Tables go straight into one keyed column. Subjects come in ascending order, so each one's entries are the last. */
function tableWriter(size: number): PartWriter {
  const index = new Map<string, number>();
  const offsets = new Uint32Array(size + 1);
  let keys = new Int32Array(1024);
  let values = new Float64Array(1024);
  let length = 0;
  let filled = 0;
  /** Closes the entries of the subjects before `i`. */
  const reach = (i: number) => {
    while (filled < i) offsets[++filled] = length;
  };
  const write = (value: object): boolean => {
    const record = value as Readonly<Record<string, unknown>>;
    let count = 0;
    for (const key in record) {
      const number = record[key];
      if (
        typeof number !== 'number' ||
        !Number.isFinite(number) ||
        key === '__proto__' ||
        key.length > LONGEST_TEXT ||
        ++count > LONGEST_LIST
      )
        return false;
      let code = index.get(key);
      if (code === undefined) index.set(key, (code = index.size));
      if (length === keys.length) {
        const [oldKeys, oldValues] = [keys, values];
        keys = new Int32Array(length * 2);
        keys.set(oldKeys);
        values = new Float64Array(length * 2);
        values.set(oldValues);
      }
      keys[length] = code;
      values[length++] = number;
    }
    return true;
  };
  return {
    write(i, value) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
      reach(i);
      const before = length;
      if (write(value)) return true;
      length = before;
      return false;
    },
    clear(i) {
      reach(i);
      length = offsets[i] ?? 0;
    },
    finish() {
      reach(size);
      return inKeyOrder({
        type: 'keyed',
        offsets,
        keys: keys.slice(0, length),
        values: values.slice(0, length),
        dictionary: [...index.keys()],
      });
    },
  };
}

/** Puts each subject's entries in code-unit order of their keys, in place. */
function inKeyOrder(column: KeyedColumn & { readonly dictionary: readonly string[] }): KeyedColumn {
  const { offsets, keys, values, dictionary } = column;
  const sorted = [...dictionary].sort();
  const rank = new Map(sorted.map((key, code) => [key, code]));
  const recoded = Int32Array.from(dictionary, (key) => rank.get(key) ?? 0);
  for (let k = 0; k < keys.length; k++) keys[k] = recoded[keys[k] ?? 0] ?? 0;
  for (let i = 0; i + 1 < offsets.length; i++) {
    const from = offsets[i] ?? 0;
    const to = offsets[i + 1] ?? 0;
    for (let k = from + 1; k < to; k++) {
      const key = keys[k] ?? 0;
      const value = values[k] ?? 0;
      let at = k;
      for (; at > from && (keys[at - 1] ?? 0) > key; at--) {
        keys[at] = keys[at - 1] ?? 0;
        values[at] = values[at - 1] ?? 0;
      }
      keys[at] = key;
      values[at] = value;
    }
  }
  return { ...column, dictionary: sorted };
}
function writerOf(type: Parts[string]['type'], size: number): PartWriter {
  if (type === 'text') return textWriter(size);
  if (type === 'list') return listWriter(size);
  if (type === 'table') return tableWriter(size);
  return numberWriter(size);
}

/** Why a result was refused, for the report. */
export type Refused = string;

export interface ResultColumns {
  /** Takes what `compute` returned for subject `i`; null when it is in order, else what is wrong with it. Nothing of a refused result stays. */
  write(i: number, result: unknown): Refused | null;
  /** No value for subject `i`, for a reason of the engine's. */
  refuse(i: number, reason: Reason): void;
  /** Call once, at the end. */
  finish(): Readonly<Record<string, Column>>;
}

/** Relative rounding that a value may be outside of its range by; it is then put on the range's end. */
const ROUNDING = 1e-9;

/** Typed columns for one metric over `size` subjects: `<id>`, `<id>.n`, `<id>.reason`, `<id>.<part>`. Subjects are written in ascending order, each once. */
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
    if (result instanceof Promise) {
      result.catch(() => undefined);
      return 'compute returned a Promise; it must return its result at once, so remove "async"';
    }
    if (typeof result !== 'object' || result === null) return 'compute must return { value } or noData(…)';
    if ('then' in result)
      return 'compute returned a Promise. It must return { value } or noData(…) at once: remove "async"';
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
    finish: () => ({
      [id]: value,
      [`${id}.n`]: sample,
      [`${id}.reason`]: reason,
      ...Object.fromEntries(parts.map((part) => [`${id}.${part.name}`, part.finish()])),
    }),
  };
}
