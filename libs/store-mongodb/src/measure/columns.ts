import type { Column, ResolvedMeasure } from '@rapport/store';
import { columnTypeOf, keyedColumn, textColumn } from '@rapport/store';
import { decodeText } from '../text.js';

/** A column being filled. Subjects that no row names keep the answer for "nothing happened". */
export interface ColumnBuilder {
  /** Null: no value. */
  number(subject: number, value: number | null): void;
  /** Stored text. */
  text(subject: number, value: string | null): void;
  /** Stored text, or a day. */
  keyed(subject: number, key: string | number, value: number): void;
  build(): Column;
}

export function createColumn(measure: ResolvedMeasure, size: number): ColumnBuilder {
  const type = columnTypeOf(measure);
  const values = new Float64Array(type === 'number' ? size : 0);
  const valid = new Uint8Array(values.length).fill(countsFromZero(measure) ? 1 : 0);
  const texts = new Array<string | null>(type === 'text' ? size : 0).fill(null);
  const maps = Array.from({ length: type === 'keyed' ? size : 0 }, () => new Map<string | number, number>());
  return {
    number(subject, value) {
      values[subject] = value ?? 0;
      valid[subject] = value === null ? 0 : 1;
    },
    text(subject, value) {
      texts[subject] = value === null ? null : decodeText(value);
    },
    keyed(subject, key, value) {
      maps[subject]?.set(typeof key === 'string' ? decodeText(key) : key, value);
    },
    build() {
      switch (type) {
        case 'number':
          return { type, values, valid };
        case 'text':
          return textColumn(texts);
        case 'keyed':
          return measure.node === 'series'
            ? keyedColumn('days', maps as ReadonlyMap<number, number>[])
            : keyedColumn('text', maps as ReadonlyMap<string, number>[]);
      }
    },
  };
}

function countsFromZero(measure: ResolvedMeasure): boolean {
  switch (measure.node) {
    case 'count':
    case 'distinct':
    case 'activeTime':
    case 'meanPerDay':
      return true;
    case 'sessions':
      return measure.of === 'count';
    case 'spans':
      return typeof measure.of === 'string';
    default:
      return false;
  }
}
