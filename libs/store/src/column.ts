/*
 * Facts travel as columns: one value per subject, aligned with the frame's subjects. A bit (Uint8, one per subject) says
 * whether there is a value.
 */
export interface NumberColumn {
  readonly type: 'number';
  readonly values: Float64Array;
  /** 1 where there is a value, 0 for null. */
  readonly valid: Uint8Array;
}
export interface TextColumn {
  readonly type: 'text';
  /** Index into the dictionary, −1 for null. */
  readonly codes: Int32Array;
  readonly dictionary: readonly string[];
}
/** A small map per subject: entries of subject i are `offsets[i] … offsets[i + 1]`, in ascending order of key (code units for text, numeric for days). */
export interface KeyedColumn {
  readonly type: 'keyed';
  readonly offsets: Uint32Array;
  /** Dictionary index, or the key itself when there is no dictionary. */
  readonly keys: Int32Array;
  readonly values: Float64Array;
  readonly dictionary: readonly string[] | null;
}
/** Anything else, as JSON values; for lists and tables that a metric returns as parts. */
export interface JsonColumn {
  readonly type: 'json';
  readonly values: readonly unknown[];
}
export type Column = NumberColumn | TextColumn | KeyedColumn | JsonColumn;

export interface Frame {
  readonly subjects: readonly string[];
  readonly columns: readonly Column[];
}

/** Value of a column for subject `i`: number, text, Map, JSON value, or null. */
export function valueAt(column: Column, i: number): unknown {
  switch (column.type) {
    case 'number':
      return column.valid[i] ? column.values[i] : null;
    case 'text':
      return column.dictionary[column.codes[i] ?? -1] ?? null;
    case 'json':
      return column.values[i] ?? null;
    case 'keyed': {
      const map = new Map<string | number, number>();
      for (let k = column.offsets[i] ?? 0; k < (column.offsets[i + 1] ?? 0); k++) {
        const key = column.keys[k] as number;
        map.set(column.dictionary ? (column.dictionary[key] as string) : key, column.values[k] as number);
      }
      return map;
    }
  }
}

/** A number column from values; null for none. */
export function numberColumn(values: readonly (number | null)[]): NumberColumn {
  return {
    type: 'number',
    values: Float64Array.from(values, (value) => value ?? 0),
    valid: Uint8Array.from(values, (value) => (value === null ? 0 : 1)),
  };
}

/** A text column from values; null for none. */
export function textColumn(values: readonly (string | null)[]): TextColumn {
  const index = new Map<string, number>();
  const codes = Int32Array.from(values, (value) => (value === null ? -1 : codeOf(index, value)));
  return { type: 'text', codes, dictionary: [...index.keys()] };
}

/** A keyed column from one map per subject, keys all text (`text`) or all whole numbers (`days`). */
export function keyedColumn(keys: 'text', maps: readonly ReadonlyMap<string, number>[]): KeyedColumn;
export function keyedColumn(keys: 'days', maps: readonly ReadonlyMap<number, number>[]): KeyedColumn;
export function keyedColumn(keys: 'text' | 'days', maps: readonly ReadonlyMap<string | number, number>[]): KeyedColumn {
  const index = new Map<string, number>();
  const offsets = new Uint32Array(maps.length + 1);
  const flatKeys: number[] = [];
  const values: number[] = [];
  maps.forEach((map, i) => {
    for (const [key, value] of [...map].sort(([a], [b]) => (a < b ? -1 : 1))) {
      flatKeys.push(typeof key === 'number' ? key : codeOf(index, key));
      values.push(value);
    }
    offsets[i + 1] = flatKeys.length;
  });
  return {
    type: 'keyed',
    offsets,
    keys: Int32Array.from(flatKeys),
    values: Float64Array.from(values),
    dictionary: keys === 'text' ? [...index.keys()] : null,
  };
}

function codeOf(index: Map<string, number>, value: string): number {
  let code = index.get(value);
  if (code === undefined) index.set(value, (code = index.size));
  return code;
}
