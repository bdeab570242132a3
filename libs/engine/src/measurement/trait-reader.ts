import type { FactColumn, FactReading } from '@rapport/rules';
import { valueAt, type Column, type Frame, type Json, type Properties, type TextColumn } from '@rapport/store';
import { measuredAs, traitKey } from './planner.js';

/** A column read one subject at a time. */
export function readerOf(column: FactColumn): (subject: number) => unknown {
  if (typeof column === 'function') return column;
  if (column.type === 'value') return (i) => column.dictionary[column.codes[i] ?? -1] ?? null;
  return (i) => valueAt(column, i);
}

/** A level's frame, and which of its columns holds a trait (`traitKey`). */
export interface MeasuredTraits {
  readonly frame: Frame;
  readonly traits: ReadonlyMap<string, number>;
}

/**
 * Reads traits of a level's subjects: measured ones from their columns, those of any type from the traits themselves.
 *
 * @param traits all traits of the level's subjects; null where only measured ones are read
 */
export function traitReader(
  { frame, traits: columns }: MeasuredTraits,
  traits: ReadonlyMap<string, Properties> | null,
): (trait: string, reading: FactReading) => FactColumn {
  const { subjects } = frame;
  return (trait, reading) => {
    const as = measuredAs(reading);
    if (as === null) {
      return (i) => {
        const values = traits?.get(subjects[i] ?? '');
        return values && Object.hasOwn(values, trait) ? values[trait] : null;
      };
    }
    const index = columns.get(traitKey({ trait, as }));
    const column = index === undefined ? undefined : frame.columns[index];
    return as === 'json' && column?.type === 'text' ? valueColumn(column) : factColumn(column);
  };
}

/** A column of JSON as one of values. */
const valueColumn = ({ codes, dictionary }: TextColumn): FactColumn => ({
  type: 'value',
  codes,
  dictionary: dictionary.map((json) => JSON.parse(json) as Json),
});

export function factColumn(column: Column | undefined): FactColumn {
  if (!column) return unknown;
  if (column.type === 'number' || column.type === 'text') return column;
  return (i) => valueAt(column, i);
}

export const unknown = () => null;
