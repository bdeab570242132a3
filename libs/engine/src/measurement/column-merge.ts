import type { Column, JsonColumn, KeyedColumn, NumberColumn, TextColumn } from '@rapport/store';

/** Rows that follow each other in one of several columns: which column, its first row, and how many. */
export interface Run {
  readonly part: number;
  readonly row: number;
  readonly count: number;
}

/** Runs of rows named one by one. */
export function runsOf(places: Iterable<{ readonly part: number; readonly row: number }>): readonly Run[] {
  const runs: { part: number; row: number; count: number }[] = [];
  for (const { part, row } of places) {
    const last = runs.at(-1);
    if (last?.part === part && last.row + last.count === row) last.count++;
    else runs.push({ part, row, count: 1 });
  }
  return runs;
}

/**
 * One column made of rows of several of the same type, in the given order. What the engine computes in one go and what it picks together from several
 * computations are the same bytes: dictionaries are in the order in which values first appear (texts) or of their keys (tables).
 *
 * @param fixed texts have a dictionary of their own that stays, whatever appears (reasons)
 */
export function pick(parts: readonly Column[], runs: readonly Run[], fixed: boolean): Column {
  const [first] = parts;
  switch (first?.type) {
    case 'number':
      return pickNumbers(parts as readonly NumberColumn[], runs);
    case 'text':
      return pickTexts(parts as readonly TextColumn[], runs, fixed);
    case 'keyed':
      return pickTables(parts as readonly KeyedColumn[], runs);
    case 'json':
    case undefined: {
      const json = parts as readonly JsonColumn[];
      const values = new Array<unknown>(rowsIn(runs)).fill(null);
      let at = 0;
      for (const { part, row, count } of runs)
        for (let i = 0; i < count; i++) values[at++] = json[part]?.values[row + i] ?? null;
      return { type: 'json', values };
    }
  }
}

const rowsIn = (runs: readonly Run[]): number => runs.reduce((sum, { count }) => sum + count, 0);

function pickNumbers(columns: readonly NumberColumn[], runs: readonly Run[]): NumberColumn {
  const values = new Float64Array(rowsIn(runs));
  const valid = new Uint8Array(values.length);
  let at = 0;
  for (const { part, row, count } of runs) {
    const column = columns[part];
    if (column) {
      values.set(column.values.subarray(row, row + count), at);
      valid.set(column.valid.subarray(row, row + count), at);
    }
    at += count;
  }
  return { type: 'number', values, valid };
}

/** A column of numbers with rows of another in place of its own; null for other columns, which `pick` makes. */
export function replaced(column: Column, rows: readonly number[], other: Column): NumberColumn | null {
  if (column.type !== 'number' || other.type !== 'number') return null;
  const [values, valid] = [column.values.slice(), column.valid.slice()];
  rows.forEach((row, i) => {
    values[row] = other.values[i] as number;
    valid[row] = other.valid[i] as number;
  });
  return { type: 'number', values, valid };
}

function pickTexts(columns: readonly TextColumn[], runs: readonly Run[], fixed: boolean): TextColumn {
  const dictionary: string[] = fixed ? [...(columns[0]?.dictionary ?? [])] : [];
  const index = new Map(dictionary.map((value, code) => [value, code]));
  const codeOf = (value: string): number => {
    const code = index.get(value) ?? dictionary.push(value) - 1;
    index.set(value, code);
    return code;
  };
  // Codes of each column in the new dictionary, found as they appear.
  const recoded = columns.map((column) => new Int32Array(column.dictionary.length).fill(-1));
  const codes = new Int32Array(rowsIn(runs)).fill(-1);
  let at = 0;
  for (const { part, row, count } of runs) {
    const column = columns[part];
    const known = recoded[part];
    if (column && known) {
      for (let i = 0; i < count; i++) {
        const old = column.codes[row + i] as number;
        if (old < 0) continue;
        if ((known[old] as number) < 0) known[old] = codeOf(column.dictionary[old] as string);
        codes[at + i] = known[old] as number;
      }
    }
    at += count;
  }
  return { type: 'text', codes, dictionary };
}

function pickTables(columns: readonly KeyedColumn[], runs: readonly Run[]): KeyedColumn {
  const offsets = new Uint32Array(rowsIn(runs) + 1);
  /** The same runs, of entries. */
  const entries: Run[] = [];
  let at = 0;
  for (const { part, row, count } of runs) {
    const its = columns[part]?.offsets;
    const first = its?.[row] ?? 0;
    const before = (offsets[at] as number) - first;
    for (let i = 1; i <= count; i++) offsets[at + i] = before + (its?.[row + i] ?? first);
    entries.push({ part, row: first, count: (its?.[row + count] ?? first) - first });
    at += count;
  }
  const values = new Float64Array(offsets[at] as number);
  const keys = new Int32Array(values.length);
  const used = columns.map((column) => new Uint8Array(column.dictionary?.length ?? 0));
  for (const { part, row, count } of entries) {
    const its = columns[part]?.keys;
    const seen = used[part];
    if (its && seen) for (let i = row; i < row + count; i++) seen[its[i] as number] = 1;
  }
  const named = columns.map(({ dictionary }, part) => (dictionary ?? []).filter((_, code) => used[part]?.[code]));
  const dictionary = [...new Set(named.flat())].sort();
  const index = new Map(dictionary.map((key, code) => [key, code]));
  // Days are their own keys.
  const recoded = columns.map((column) => column.dictionary?.map((key) => index.get(key) ?? 0) ?? null);
  let to = 0;
  for (const { part, row, count } of entries) {
    const column = columns[part];
    const codes = recoded[part];
    if (column) {
      values.set(column.values.subarray(row, row + count), to);
      if (!codes) keys.set(column.keys.subarray(row, row + count), to);
      else for (let i = 0; i < count; i++) keys[to + i] = codes[column.keys[row + i] as number] as number;
    }
    to += count;
  }
  const ofDays = columns.every((column) => column.dictionary === null);
  return { type: 'keyed', offsets, keys, values, dictionary: ofDays ? null : dictionary };
}
