import type { Filter, Node, Reading, Window } from '@rapport/sdk';
import type { Json } from './message.js';

/**
 * Whose measures. `family`: parent accounts, each together with all its descendants, by the account trait `parent`, which holds the parent's
 * id (scalars as text). Plans and streams ask for one `depth` at a time (0, also where absent: accounts without a parent, 1: their children, …),
 * so that an account belongs to one subject; results and history hold the parents of all depths, and name none. See `hierarchy.ts`.
 */
export type Level =
  | { readonly kind: 'account' | 'user' }
  | { readonly kind: 'portfolio'; readonly by?: string }
  | { readonly kind: 'family'; readonly parent: string; readonly depth?: number };

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
/** How a store reads a trait: as a measure does, or as its JSON (`json`), for whoever reads it further. */
export type TraitReading = Reading | 'json';
type TraitNode = Omit<Extract<Node, { node: 'trait' }>, 'as'> & { readonly as: TraitReading };
/** Folds and profiles are the engine's. */
export type MeasureNode = Exclude<Node, { node: 'fold' | 'profile' | 'trait' }> | TraitNode;
export type ProfileNode = Extract<Node, { node: 'profile' }>;
export type FoldNode = Extract<Node, { node: 'fold' }>;
/** A measure with its window resolved: what stores compile. */
export type ResolvedMeasure = Resolve<MeasureNode>;

/**
 * What to measure for every subject of one level, as of one instant: events at `time < asOf` are seen, and traits set before it.
 * Subjects: every account (user) that an event, a trait or a membership before `asOf` names, in code-unit order of their ids; for the
 * portfolio one subject "" or, with `by`, one per value of that account trait (text of it; accounts without it: the subject "").
 * In a portfolio `by` a trait, an event belongs to its account's group; events without an account belong to none. The whole
 * portfolio also counts events without an account. Traits that group are those as of `asOf`. `sinceTrait` windows and `trait` measures have no value for a portfolio (counts 0).
 * A `family`'s subjects are the accounts of that depth that have a child as of `asOf`; its events are those of the parent and of all its
 * descendants (sessions and spans stay apart by account, as in a portfolio), its traits and `sinceTrait` windows are the parent's own.
 */
export interface Plan {
  readonly level: Level;
  readonly asOf: number;
  readonly measures: readonly ResolvedMeasure[];
  /** Only these subjects of the level (`account` and `user` only), in any order; those that there are not are left out. The answers are those of the whole plan, in its order. */
  readonly subjects?: readonly string[];
  /** Latest values of account (user) traits where the caller has them already, in the order of `subjects`: for `sinceTrait` windows, so that a store need not read them. */
  readonly traits?: Readonly<Record<string, readonly Json[]>>;
}

/** Events for `fold` measures: filtered, cut at `asOf`, ordered by subject, time, message id. */
export interface StreamQuery {
  readonly level: Level;
  readonly asOf: number;
  readonly filter: Filter;
  readonly window: ResolvedWindow;
  readonly properties: readonly string[];
  /** As in a plan. */
  readonly subjects?: readonly string[];
}

/** A level in words, told apart from every other: `account`, `user`, `portfolio`, `portfolio by <trait>`, `family by <trait>` (of all depths). */
export function levelName(level: Level): string {
  switch (level.kind) {
    case 'portfolio':
      return level.by === undefined ? 'portfolio' : `portfolio by ${level.by}`;
    case 'family':
      return `family by ${level.parent}`;
    default:
      return level.kind;
  }
}

/** Whose ids name the subjects of a level: whom an erasure takes out of its results. Null for a portfolio, whose subjects are groups. */
export const subjectKindOf = ({ kind }: Level): 'account' | 'user' | null =>
  kind === 'portfolio' ? null : kind === 'family' ? 'account' : kind;

/** The column that a store answers a measure with. */
export function columnTypeOf(measure: ResolvedMeasure): 'number' | 'text' | 'keyed' {
  switch (measure.node) {
    case 'countByKey':
    case 'series':
      return 'keyed';
    case 'trait':
      return measure.as === 'text' || measure.as === 'json' ? 'text' : 'number';
    case 'earliest':
    case 'latest':
      return measure.of !== 'time' && measure.of.as === 'text' ? 'text' : 'number';
    default:
      return 'number';
  }
}
