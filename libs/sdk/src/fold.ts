import type { Filter } from './filter.js';
import type { Measure } from './measure.js';
import type { Window } from './window.js';

/** What a fold gives for a subject: a finite number, or several by name; null for none. */
export type FoldValue = number | null | Readonly<Record<string, number | null>>;

export interface FoldEvent<P extends string = string> {
  /** Epoch ms. */
  readonly time: number;
  readonly event: string;
  readonly user: string | null;
  /** Those of the fold's properties that the event has. */
  readonly properties: { readonly [K in P]?: unknown };
}

/** State machine over a subject's events. They arrive in time order (ties: by message id). `config` is the metric's, validated and frozen. */
export interface Reducer<S, V extends FoldValue, P extends string, C> {
  /** Properties of the events that `step` reads; it sees no others. */
  readonly properties?: readonly P[];
  readonly initial: (config: C) => S;
  readonly step: (state: S, event: FoldEvent<P>, config: C) => S;
  readonly done: (state: S, config: C) => V;
}

/** A reducer with a name. List it in the metric's `folds`, and measure with `over`. */
export interface Fold<V extends FoldValue = FoldValue, C = never> {
  readonly name: string;
  readonly properties: readonly string[];
  initial(config: C): unknown;
  step(state: unknown, event: FoldEvent, config: C): unknown;
  done(state: unknown, config: C): FoldValue;
  /**
   * What the reducer makes of the subject's events that pass the filter, in the window. `properties` are those that `step` reads, where they depend on
   * the configuration.
   */
  readonly over: (filter: Filter, window: Window, properties?: readonly string[]) => Measure<V>;
}

/**
 * The way out for what no measure can say: the metric's own reducer over the subject's events in time order. It costs a pass over raw events. The
 * state's type follows from `initial`, the measure's from `done`.
 *
 * @param name what the metric's measures know it by; unique in the metric
 *
 * @example
 * const streak = fold('streak', {
 *   initial: () => ({ day: -1, length: 0, longest: 0 }),
 *   step(state, { time }) {
 *     const day = Math.floor(time / 86_400_000);
 *     if (day === state.day) return state;
 *     const length = day === state.day + 1 ? state.length + 1 : 1;
 *     return { day, length, longest: Math.max(state.longest, length) };
 *   },
 *   done: ({ length, longest }) => ({ current: length, longest }),
 * });
 *
 * export default defineMetric({
 *   // …
 *   folds: [streak],
 *   measures: () => ({ streak: streak.over({}, last('90d')) }),
 *   compute: ({ streak }) => ({ value: streak.longest }),
 * });
 */
export function fold<S, V extends FoldValue, const P extends string = string, C = unknown>(
  name: string,
  { properties = [], initial, step, done }: Reducer<S, V, P, C>,
): Fold<V, C> {
  return {
    name,
    properties,
    initial,
    // The state that comes in is the one that `initial` or `step` gave.
    step: (state, event, config) => step(state as S, event, config),
    done: (state, config) => done(state as S, config),
    over: (filter, window, read = properties) => ({ node: 'fold', reducer: name, properties: read, filter, window }),
  };
}
