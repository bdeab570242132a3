import type { Column, KeyedColumn, NumberColumn, TextColumn } from '@rapport/store';
import type { Numbers } from './rows.js';
import type { View } from './view.js';

/* Rows of a query, in whatever order, as columns aligned with a view's subjects. */

/** Numbers by subject; subjects without a row get 0 or null. */
export function numberAnswer(view: View, subjects: Float64Array, numbers: Numbers, absent: 0 | null): NumberColumn {
  const values = new Float64Array(view.subjects.length);
  const valid = new Uint8Array(view.subjects.length).fill(absent === 0 ? 1 : 0);
  for (let row = 0; row < subjects.length; row++) {
    const position = view.positions[subjects[row] ?? 0] ?? -1;
    if (position < 0 || (absent === 0 && numbers.valid[row] === 0)) continue;
    values[position] = numbers.values[row] ?? 0;
    valid[position] = numbers.valid[row] ?? 0;
  }
  return { type: 'number', values, valid };
}

export function textAnswer(view: View, subjects: ArrayLike<number>, texts: readonly (string | null)[]): TextColumn {
  const codes = new Int32Array(view.subjects.length).fill(-1);
  const dictionary: string[] = [];
  const known = new Map<string, number>();
  texts.forEach((value, row) => {
    const position = view.positions[subjects[row] ?? 0] ?? -1;
    if (position < 0 || value === null) return;
    let code = known.get(value);
    if (code === undefined) {
      known.set(value, (code = dictionary.length));
      dictionary.push(value);
    }
    codes[position] = code;
  });
  return { type: 'text', codes, dictionary };
}

/** One row per subject and key, of the rows that count. Keys are days, or indexes into a dictionary that is in code-unit order. */
export function keyedAnswer(
  view: View,
  subjects: Float64Array,
  keys: Float64Array,
  values: Float64Array,
  dictionary: readonly string[] | null,
  counts: (row: number) => boolean = () => true,
): KeyedColumn {
  const count = view.subjects.length;
  const offsets = new Uint32Array(count + 1);
  let least = Infinity;
  let most = -Infinity;
  let used = 0;
  const at = new Int32Array(subjects.length);
  for (let row = 0; row < subjects.length; row++) {
    const position = counts(row) ? (view.positions[subjects[row] ?? 0] ?? -1) : -1;
    at[row] = position;
    if (position < 0) continue;
    used++;
    offsets[position + 1] = (offsets[position + 1] ?? 0) + 1;
    const key = keys[row] ?? 0;
    if (key < least) least = key;
    if (key > most) most = key;
  }
  for (let i = 0; i < count; i++) offsets[i + 1] = (offsets[i + 1] ?? 0) + (offsets[i] ?? 0);
  // Two stable counting sorts: by key, then by subject.
  const byKey = new Uint32Array(used);
  if (used > 0) {
    const starts = new Uint32Array(most - least + 2);
    for (let row = 0; row < at.length; row++) {
      if ((at[row] ?? -1) >= 0) {
        const slot = (keys[row] ?? 0) - least + 1;
        starts[slot] = (starts[slot] ?? 0) + 1;
      }
    }
    for (let i = 1; i < starts.length; i++) starts[i] = (starts[i] ?? 0) + (starts[i - 1] ?? 0);
    for (let row = 0; row < at.length; row++) {
      if ((at[row] ?? -1) < 0) continue;
      const slot = (keys[row] ?? 0) - least;
      const place = starts[slot] ?? 0;
      byKey[place] = row;
      starts[slot] = place + 1;
    }
  }
  const next = offsets.slice();
  const sortedKeys = new Int32Array(used);
  const sortedValues = new Float64Array(used);
  for (const row of byKey) {
    const position = at[row] ?? 0;
    const place = next[position] ?? 0;
    sortedKeys[place] = keys[row] ?? 0;
    sortedValues[place] = values[row] ?? 0;
    next[position] = place + 1;
  }
  return { type: 'keyed', offsets, keys: sortedKeys, values: sortedValues, dictionary };
}

/** The answer where there is nothing to look at: 0, null or empty for every subject. */
export function emptyAnswer(view: View, type: Column['type'], absent: 0 | null): Column {
  const nobody = new Float64Array(0);
  switch (type) {
    case 'number':
      return numberAnswer(view, nobody, { values: nobody, valid: new Uint8Array(0) }, absent);
    case 'text':
      return textAnswer(view, nobody, []);
    default:
      return keyedAnswer(view, nobody, nobody, nobody, []);
  }
}
