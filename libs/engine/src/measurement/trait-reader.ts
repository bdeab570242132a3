import type { FactColumn, FactReading } from '@rapport/rules';
import { valueAt, type Column, type Frame, type Properties } from '@rapport/store';
import { traitKey } from './planner.js';

/** A column read one subject at a time. */
export function readerOf(column: FactColumn): (subject: number) => unknown {
  if (typeof column === 'function') return column;
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
    if (reading === 'any' || reading === 'boolean') {
      return (i) => {
        const values = traits?.get(subjects[i] ?? '');
        return values && Object.hasOwn(values, trait) ? values[trait] : null;
      };
    }
    const index = columns.get(traitKey({ trait, as: reading }));
    return factColumn(index === undefined ? undefined : frame.columns[index]);
  };
}

export function factColumn(column: Column | undefined): FactColumn {
  if (!column) return unknown;
  if (column.type === 'number' || column.type === 'text') return column;
  return (i) => valueAt(column, i);
}

export const unknown = () => null;
