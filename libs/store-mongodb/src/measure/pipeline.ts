import type { ResolvedMeasure } from '@rapport/store';
import type { Expression, Stage } from '../expression.js';
import type { ColumnBuilder } from './columns.js';

/** A measure with the column it fills. */
export interface Wanted<M extends ResolvedMeasure = ResolvedMeasure> {
  readonly measure: M;
  readonly column: ColumnBuilder;
}
export type Measuring<N extends ResolvedMeasure['node']> = Extract<ResolvedMeasure, { readonly node: N }>;

export type Value = number | string | null | undefined | readonly Value[] | { readonly [field: string]: Value };
/** One answer of a pipeline: its subject's stored id is `s`. */
export interface Row {
  readonly s: string;
  readonly [field: string]: Value;
}

/** What is sent to MongoDB, and what its answers mean. */
export interface Pipeline {
  readonly stages: readonly Stage[];
  readonly read: (row: Row, subject: number) => void;
}

export const numberIn = (row: Row, field: string): number => {
  const value = row[field];
  return typeof value === 'number' ? value : 0;
};
export const numberOrNull = (row: Row, field: string): number | null => {
  const value = row[field];
  return typeof value === 'number' ? value : null;
};

/** Elements at both sides of a quantile's position in the sorted list `v`, whose length is `n`. */
export const quantileFields = (quantiles: readonly number[]): Record<string, Expression> =>
  Object.fromEntries(
    quantiles.flatMap((q, i): [string, Expression][] => {
      const position = { $multiply: [{ $subtract: ['$n', 1] }, q] };
      return [
        [`below${String(i)}`, { $arrayElemAt: ['$v', { $toInt: { $floor: position } }] }],
        [`above${String(i)}`, { $arrayElemAt: ['$v', { $toInt: { $ceil: position } }] }],
      ];
    }),
  );
/** Type 7 of Hyndman and Fan: linear between the neighbours. */
export function quantileIn(row: Row, i: number, q: number): number | null {
  const below = numberOrNull(row, `below${String(i)}`);
  const above = numberOrNull(row, `above${String(i)}`);
  if (below === null || above === null) return null;
  const position = (numberIn(row, 'n') - 1) * q;
  return below + (above - below) * (position - Math.floor(position));
}
