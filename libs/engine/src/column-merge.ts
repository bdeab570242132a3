import type { Column, JsonColumn, KeyedColumn, NumberColumn, TextColumn } from '@rapport/store';

/** Where the rows of a new column come from: per row which of several columns, and which row of it. */
export interface Places {
  readonly parts: Uint8Array;
  readonly rows: Int32Array;
}

/**
 * One column made of rows of several of the same type, in the given order. What the engine computes in one go and what it picks together from several
 * computations are the same bytes: dictionaries are in the order in which values first appear (texts) or of their keys (tables).
 *
 * @param fixed texts have a dictionary of their own that stays, whatever appears (reasons)
 */
export function pick(parts: readonly Column[], places: Places, fixed: boolean): Column {
  const [first] = parts;
  switch (first?.type) {
    case 'number':
      return pickNumbers(parts as readonly NumberColumn[], places);
    case 'text':
      return pickTexts(parts as readonly TextColumn[], places, fixed);
    case 'keyed':
      return pickTables(parts as readonly KeyedColumn[], places);
    case 'json':
    case undefined: {
      const json = parts as readonly JsonColumn[];
      return {
        type: 'json',
        values: Array.from(places.rows, (row, i) => json[places.parts[i] ?? 0]?.values[row] ?? null),
      };
    }
  }
}

function pickNumbers(columns: readonly NumberColumn[], { parts, rows }: Places): NumberColumn {
  const values = new Float64Array(rows.length);
  const valid = new Uint8Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const column = columns[parts[i] ?? 0];
    const row = rows[i] ?? 0;
    values[i] = column?.values[row] ?? 0;
    valid[i] = column?.valid[row] ?? 0;
  }
  return { type: 'number', values, valid };
}

function pickTexts(columns: readonly TextColumn[], { parts, rows }: Places, fixed: boolean): TextColumn {
  const dictionary: string[] = fixed ? [...(columns[0]?.dictionary ?? [])] : [];
  const index = new Map(dictionary.map((value, code) => [value, code]));
  // Codes of each column in the new dictionary, found as they appear.
  const recoded = columns.map((column) => new Int32Array(column.dictionary.length).fill(-1));
  const codes = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const part = parts[i] ?? 0;
    const old = columns[part]?.codes[rows[i] ?? 0] ?? -1;
    let code = old < 0 ? -1 : (recoded[part]?.[old] ?? -1);
    if (old >= 0 && code < 0) {
      const value = columns[part]?.dictionary[old] ?? '';
      code = index.get(value) ?? dictionary.push(value) - 1;
      index.set(value, code);
      (recoded[part] as Int32Array)[old] = code;
    }
    codes[i] = code;
  }
  return { type: 'text', codes, dictionary };
}

function pickTables(columns: readonly KeyedColumn[], { parts, rows }: Places): KeyedColumn {
  const offsets = new Uint32Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) {
    const column = columns[parts[i] ?? 0];
    const row = rows[i] ?? 0;
    offsets[i + 1] = (offsets[i] ?? 0) + (column?.offsets[row + 1] ?? 0) - (column?.offsets[row] ?? 0);
  }
  const size = offsets[rows.length] ?? 0;
  const keys = new Int32Array(size);
  const values = new Float64Array(size);
  const used = columns.map((column) => new Uint8Array(column.dictionary?.length ?? 0));
  const eachEntry = (entry: (at: number, part: number, from: number) => void) => {
    for (let i = 0; i < rows.length; i++) {
      const part = parts[i] ?? 0;
      const from = columns[part]?.offsets[rows[i] ?? 0] ?? 0;
      const start = offsets[i] ?? 0;
      const end = offsets[i + 1] ?? 0;
      for (let at = start; at < end; at++) entry(at, part, from + at - start);
    }
  };
  eachEntry((at, part, from) => {
    const column = columns[part];
    values[at] = column?.values[from] ?? 0;
    (used[part] as Uint8Array)[column?.keys[from] ?? 0] = 1;
  });
  const named = columns.map(({ dictionary }, part) => (dictionary ?? []).filter((_, code) => used[part]?.[code]));
  const dictionary = [...new Set(named.flat())].sort();
  const index = new Map(dictionary.map((key, code) => [key, code]));
  const recoded = columns.map((column) => Int32Array.from(column.dictionary ?? [], (key) => index.get(key) ?? 0));
  eachEntry((at, part, from) => {
    keys[at] = recoded[part]?.[columns[part]?.keys[from] ?? 0] ?? 0;
  });
  return { type: 'keyed', offsets, keys, values, dictionary };
}
