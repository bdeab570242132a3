import type { Filter, Node, Window } from '@rapport/sdk';

export type Level = { readonly kind: 'account' | 'user' } | { readonly kind: 'portfolio'; readonly by?: string };

/** A window resolved against `asOf` and the zone. Days are epoch days, inclusive; `from: null` is the beginning of time. */
export type ResolvedWindow =
  | {
      readonly kind: 'days';
      readonly from: number | null;
      readonly to: number;
      /** First instant, or null for the beginning of time; first instant after the end, never after `asOf`. Epoch ms. */
      readonly start: number | null;
      readonly end: number;
    }
  | { readonly kind: 'sinceTrait'; readonly trait: string; readonly days: number };

type Resolve<N> = N extends { readonly window: Window } ? Omit<N, 'window'> & { readonly window: ResolvedWindow } : N;
export type MeasureNode = Exclude<Node, { node: 'fold' }>;
export type FoldNode = Extract<Node, { node: 'fold' }>;
/** A measure with its window resolved: what stores compile. */
export type ResolvedMeasure = Resolve<MeasureNode>;

/**
 * What to measure for every subject of one level, as of one instant: events at `time < asOf` are seen, and traits set before it.
 * Subjects: every account (user) that an event, a trait or a membership before `asOf` names, in code-unit order of their ids; for the
 * portfolio one subject "" or, with `by`, one per value of that account trait (text of it; accounts without it: the subject "").
 * In a portfolio `by` a trait, an event belongs to its account's group; events without an account belong to none. The whole
 * portfolio also counts events without an account. Traits that group are those as of `asOf`. `sinceTrait` windows and `trait` measures have no value for a portfolio (counts 0).
 */
export interface Plan {
  readonly level: Level;
  readonly asOf: number;
  readonly measures: readonly ResolvedMeasure[];
}

/** Events for `fold` measures: filtered, cut at `asOf`, ordered by subject, time, message id. */
export interface StreamQuery {
  readonly level: Level;
  readonly asOf: number;
  readonly filter: Filter;
  readonly window: ResolvedWindow;
  readonly properties: readonly string[];
}

/** The column that a store answers a measure with. */
export function columnTypeOf(measure: ResolvedMeasure): 'number' | 'text' | 'keyed' {
  switch (measure.node) {
    case 'countByKey':
    case 'series':
      return 'keyed';
    case 'trait':
      return measure.as === 'text' ? 'text' : 'number';
    case 'first':
    case 'last':
      return measure.of !== 'time' && measure.of.as === 'text' ? 'text' : 'number';
    default:
      return 'number';
  }
}
