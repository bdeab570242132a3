import type { Column } from '@rapport/store';

/*
 * A column as bytes: a line of JSON that describes it, then its arrays one after the other, little-endian.
 */
interface Described {
  readonly type: Column['type'];
  readonly lengths: readonly number[];
  readonly dictionary?: readonly string[] | null;
  readonly values?: readonly unknown[];
}
const NEWLINE = 10;

export function encodeColumn(column: Column): Buffer {
  switch (column.type) {
    case 'number':
      return pack({ type: column.type, lengths: [] }, [column.values, column.valid]);
    case 'text':
      return pack({ type: column.type, lengths: [], dictionary: column.dictionary }, [column.codes]);
    case 'keyed':
      return pack({ type: column.type, lengths: [], dictionary: column.dictionary }, [
        column.offsets,
        column.keys,
        column.values,
      ]);
    case 'json':
      return pack({ type: column.type, lengths: [], values: column.values }, []);
  }
}

export function decodeColumn(bytes: Buffer): Column {
  const end = bytes.indexOf(NEWLINE);
  const described = JSON.parse(bytes.toString('utf8', 0, end)) as Described;
  let from = end + 1;
  const parts = described.lengths.map((length) => {
    const part = Uint8Array.prototype.slice.call(bytes, from, (from += length));
    return part.buffer.slice(part.byteOffset, part.byteOffset + part.byteLength);
  });
  const [first = new ArrayBuffer(), second = new ArrayBuffer(), third = new ArrayBuffer()] = parts;
  switch (described.type) {
    case 'number':
      return { type: 'number', values: new Float64Array(first), valid: new Uint8Array(second) };
    case 'text':
      return { type: 'text', codes: new Int32Array(first), dictionary: described.dictionary ?? [] };
    case 'keyed':
      return {
        type: 'keyed',
        offsets: new Uint32Array(first),
        keys: new Int32Array(second),
        values: new Float64Array(third),
        dictionary: described.dictionary ?? null,
      };
    case 'json':
      return { type: 'json', values: described.values ?? [] };
  }
}

function pack(described: Described, arrays: readonly (Float64Array | Uint8Array | Int32Array | Uint32Array)[]): Buffer {
  const parts = arrays.map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength));
  const head = JSON.stringify({ ...described, lengths: parts.map((part) => part.length) });
  return Buffer.concat([Buffer.from(`${head}\n`, 'utf8'), ...parts]);
}

/** The column without one subject's row, nor anything that only that row held. */
export function withoutRow(column: Column, row: number): Column {
  switch (column.type) {
    case 'number':
      return {
        type: 'number',
        values: column.values.filter((_, i) => i !== row),
        valid: column.valid.filter((_, i) => i !== row),
      };
    case 'text':
      return {
        type: 'text',
        ...redictionary(
          column.codes.filter((_, i) => i !== row),
          column.dictionary,
        ),
      };
    case 'json':
      return { type: 'json', values: column.values.filter((_, i) => i !== row) };
    case 'keyed': {
      const [from, to] = [column.offsets[row] ?? 0, column.offsets[row + 1] ?? 0];
      const outside = (_: unknown, i: number) => i < from || i >= to;
      const keys = column.keys.filter(outside);
      return {
        type: 'keyed',
        offsets: column.offsets
          .filter((_, i) => i !== row + 1)
          .map((offset) => (offset > from ? offset - (to - from) : offset)),
        values: column.values.filter(outside),
        ...(column.dictionary
          ? (({ codes, dictionary }) => ({ keys: codes, dictionary }))(redictionary(keys, column.dictionary))
          : { keys, dictionary: null }),
      };
    }
  }
}

function redictionary(codes: Int32Array, old: readonly string[]) {
  const renamed = new Map<number, number>();
  const dictionary: string[] = [];
  const kept = codes.map((code) => {
    if (code < 0) return -1;
    let next = renamed.get(code);
    if (next === undefined) {
      next = dictionary.push(old[code] ?? '') - 1;
      renamed.set(code, next);
    }
    return next;
  });
  return { codes: kept, dictionary };
}
