import type { Column, KeyedColumn, NumberColumn, TextColumn } from '@rapport/store';

/** A subject's place: which of several columns, and which row of it. */
export interface Place {
  readonly part: number;
  readonly row: number;
}

/**
 * One column made of rows of several of the same type, in the given order. What the engine computes in one go and what it picks together from several
 * computations are the same bytes: dictionaries are in the order in which values first appear (texts) or of their keys (tables).
 *
 * @param fixed texts have a dictionary of their own that stays, whatever appears (reasons)
 */
export function pick(parts: readonly Column[], order: readonly Place[], fixed: boolean): Column {
  const [first] = parts;
  switch (first?.type) {
    case 'number':
      return pickNumbers(parts as readonly NumberColumn[], order);
    case 'text':
      return pickTexts(parts as readonly TextColumn[], order, fixed);
    case 'keyed':
      return pickTables(parts as readonly KeyedColumn[], order);
    case 'json':
    case undefined:
      return {
        type: 'json',
        values: order.map(({ part, row }) => {
          const column = parts[part];
          return column?.type === 'json' ? (column.values[row] ?? null) : null;
        }),
      };
  }
}

function pickNumbers(parts: readonly NumberColumn[], order: readonly Place[]): NumberColumn {
  const values = new Float64Array(order.length);
  const valid = new Uint8Array(order.length);
  order.forEach(({ part, row }, i) => {
    values[i] = parts[part]?.values[row] ?? 0;
    valid[i] = parts[part]?.valid[row] ?? 0;
  });
  return { type: 'number', values, valid };
}

/** @param fixed the dictionary stays as it is, whatever appears */
function pickTexts(parts: readonly TextColumn[], order: readonly Place[], fixed: boolean): TextColumn {
  const index = new Map<string, number>(fixed ? parts[0]?.dictionary.map((value, code) => [value, code]) : []);
  const codes = Int32Array.from(order, ({ part, row }) => {
    const column = parts[part];
    const value = column?.dictionary[column.codes[row] ?? -1];
    if (value === undefined) return -1;
    let code = index.get(value);
    if (code === undefined) index.set(value, (code = index.size));
    return code;
  });
  return { type: 'text', codes, dictionary: [...index.keys()] };
}

function pickTables(parts: readonly KeyedColumn[], order: readonly Place[]): KeyedColumn {
  const offsets = new Uint32Array(order.length + 1);
  const keys: string[] = [];
  const values: number[] = [];
  order.forEach(({ part, row }, i) => {
    const column = parts[part];
    for (let k = column?.offsets[row] ?? 0; k < (column?.offsets[row + 1] ?? 0); k++) {
      keys.push(column?.dictionary?.[column.keys[k] ?? -1] ?? '');
      values.push(column?.values[k] ?? 0);
    }
    offsets[i + 1] = keys.length;
  });
  const dictionary = [...new Set(keys)].sort();
  const codes = new Map(dictionary.map((key, code) => [key, code]));
  return {
    type: 'keyed',
    offsets,
    keys: Int32Array.from(keys, (key) => codes.get(key) ?? 0),
    values: Float64Array.from(values),
    dictionary,
  };
}
