import { deserialize, serialize } from 'node:v8';
import type { Column, KeyedColumn, ResultFrame, TextColumn } from '@rapport/store';

/*
 * Columns of results as bytes. Most are counts and shares with few nulls, so numbers are packed into the narrowest array that holds them
 * exactly, and validity is left out where everything is valid.
 */

export type Packed = Float64Array | Int32Array | Int16Array | Int8Array;
type Stored =
  | { readonly type: 'number'; readonly values: Packed; readonly valid: Uint8Array | null }
  | { readonly type: 'text'; readonly codes: Packed; readonly dictionary: readonly string[] }
  | {
      readonly type: 'keyed';
      readonly offsets: Uint32Array;
      readonly keys: Packed;
      readonly values: Packed;
      readonly dictionary: readonly string[] | null;
    }
  | { readonly type: 'json'; readonly json: string };

export function columnBytes(column: Column): Uint8Array {
  return serialize(storedColumn(column));
}

function storedColumn(column: Column): Stored {
  switch (column.type) {
    case 'number':
      return { type: 'number', values: packed(column.values), valid: column.valid.includes(0) ? column.valid : null };
    case 'text':
      return { type: 'text', codes: packed(column.codes), dictionary: column.dictionary };
    case 'keyed':
      return {
        type: 'keyed',
        offsets: column.offsets,
        keys: packed(column.keys),
        values: packed(column.values),
        dictionary: column.dictionary,
      };
    case 'json':
      return { type: 'json', json: JSON.stringify(column.values) };
  }
}

export function columnOf(bytes: Uint8Array): Column {
  const stored = deserialize(bytes) as Stored;
  switch (stored.type) {
    case 'number': {
      const values = Float64Array.from(stored.values);
      return { type: 'number', values, valid: stored.valid ?? new Uint8Array(values.length).fill(1) };
    }
    case 'text':
      return { type: 'text', codes: Int32Array.from(stored.codes), dictionary: stored.dictionary };
    case 'keyed':
      return {
        type: 'keyed',
        offsets: stored.offsets,
        keys: Int32Array.from(stored.keys),
        values: Float64Array.from(stored.values),
        dictionary: stored.dictionary,
      };
    case 'json':
      return { type: 'json', values: JSON.parse(stored.json) as unknown[] };
  }
}

/** The same numbers in the narrowest array that holds them exactly. */
export function packed(values: Float64Array | Int32Array): Packed {
  let most = 0;
  for (const value of values) {
    if (!Number.isInteger(value) || Object.is(value, -0)) return values;
    const size = value < 0 ? -value - 1 : value;
    if (size > most) most = size;
  }
  if (most < 0x80) return Int8Array.from(values);
  if (most < 0x8000) return Int16Array.from(values);
  return most < 0x8000_0000 ? Int32Array.from(values) : values;
}

export const subjectsBytes = (subjects: readonly string[]): Uint8Array => serialize(subjects);
export const subjectsOf = (bytes: Uint8Array): readonly string[] => deserialize(bytes) as readonly string[];

/** The frame without one subject, and without a trace of it in dictionaries. */
export function without(
  frame: Pick<ResultFrame, 'subjects' | 'columns'>,
  subject: string,
): Pick<ResultFrame, 'subjects' | 'columns'> {
  const row = frame.subjects.indexOf(subject);
  if (row < 0) return frame;
  const columns = Object.entries(frame.columns).map(([name, column]) => [name, columnWithout(column, row)]);
  return {
    subjects: frame.subjects.toSpliced(row, 1),
    columns: Object.fromEntries(columns) as Record<string, Column>,
  };
}

function columnWithout(column: Column, row: number): Column {
  const others = (_: unknown, i: number) => i !== row;
  switch (column.type) {
    case 'number':
      return { type: 'number', values: column.values.filter(others), valid: column.valid.filter(others) };
    case 'text':
      return compactText({ ...column, codes: column.codes.filter(others) });
    case 'json':
      return { type: 'json', values: column.values.toSpliced(row, 1) };
    case 'keyed': {
      const from = column.offsets[row] ?? 0;
      const to = column.offsets[row + 1] ?? 0;
      const outside = (_: unknown, i: number) => i < from || i >= to;
      const offsets = column.offsets
        .filter((_, i) => i !== row + 1)
        .map((offset, i) => (i > row ? offset - (to - from) : offset));
      return compactKeys({
        ...column,
        offsets,
        keys: column.keys.filter(outside),
        values: column.values.filter(outside),
      });
    }
  }
}

function compactText(column: TextColumn): TextColumn {
  const { codes, dictionary } = compacted(column.codes, column.dictionary);
  return { type: 'text', codes, dictionary };
}

function compactKeys(column: KeyedColumn): KeyedColumn {
  if (!column.dictionary) return column;
  const { codes, dictionary } = compacted(column.keys, column.dictionary);
  return { ...column, keys: codes, dictionary };
}

/** Keeps the order of the dictionary, and drops what no code refers to. */
function compacted(codes: Int32Array, dictionary: readonly string[]) {
  const used = new Set(codes);
  const kept = dictionary.map((_, code) => code).filter((code) => used.has(code));
  const renumbered = new Map(kept.map((code, i) => [code, i]));
  return {
    codes: codes.map((code) => renumbered.get(code) ?? -1),
    dictionary: kept.map((code) => dictionary[code] ?? ''),
  };
}
