import type { Column } from '@rapport/store';
import { KeyedView } from './keyed-view.js';

/** Which subject the flyweights over a frame show. */
export interface Cursor {
  i: number;
}

function getterOf(column: Column, cursor: Cursor): () => unknown {
  switch (column.type) {
    case 'number': {
      const { values, valid } = column;
      return () => (valid[cursor.i] ? values[cursor.i] : null);
    }
    case 'text': {
      const { codes, dictionary } = column;
      return () => dictionary[codes[cursor.i] ?? -1] ?? null;
    }
    case 'json':
      return () => column.values[cursor.i] ?? null;
    case 'keyed': {
      const view = new KeyedView(column, cursor);
      return () => view;
    }
  }
}

/** One object whose properties read the columns at the cursor: what `compute` gets for every subject in turn, without an object per subject. */
export function inputsOver(
  columns: Readonly<Record<string, Column>>,
  cursor: Cursor,
): Readonly<Record<string, unknown>> {
  const prototype = Object.create(null) as object;
  for (const [name, column] of Object.entries(columns))
    Object.defineProperty(prototype, name, { get: getterOf(column, cursor), enumerable: true });
  return Object.freeze(Object.create(prototype)) as Readonly<Record<string, unknown>>;
}
