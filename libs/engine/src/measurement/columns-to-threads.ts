import type { Column } from '@rapport/store';

type Numbers = Float64Array | Uint8Array | Int32Array | Uint32Array;
/** The same numbers in memory that threads share, so that sending them costs nothing. */
function shared<A extends Numbers>(array: A): A {
  if (array.buffer instanceof SharedArrayBuffer) return array;
  const copy = new (array.constructor as new (buffer: SharedArrayBuffer) => A)(new SharedArrayBuffer(array.byteLength));
  copy.set(array);
  return copy;
}

function sharedColumn(column: Column): Column {
  switch (column.type) {
    case 'number':
      return { ...column, values: shared(column.values), valid: shared(column.valid) };
    case 'text':
      return { ...column, codes: shared(column.codes) };
    case 'keyed':
      return {
        ...column,
        offsets: shared(column.offsets),
        keys: shared(column.keys),
        values: shared(column.values),
      };
    case 'json':
      return column;
  }
}

const copies = new WeakMap<Column, Column>();
/** A column whose numbers threads share; made once, for as long as the column lives. */
export function toShare(column: Column): Column {
  const copy = copies.get(column) ?? sharedColumn(column);
  copies.set(column, copy);
  return copy;
}
