import type { Static, TObject, TProperties } from 'typebox';
import type { Filter } from './filter.js';
import type { Fold, FoldValue } from './fold.js';
import type { Inputs, Measure, Measures } from './measure.js';
import type { Window } from './window.js';

export type SubjectKind = 'account' | 'user' | 'portfolio';
/** `ratio` 0–1 (or above), `percent` 0–100, `days` per week, `seconds`, `hours`, `currency` in the workspace's currency, unit-less `points` and `count`. */
export type Unit = 'ratio' | 'percent' | 'points' | 'count' | 'days' | 'seconds' | 'hours' | 'currency' | 'time';

/** A named piece that a value was made of. `text` is a class or label, `list` names, `table` a number per name. */
export interface PartDefinition {
  readonly description: string;
  readonly type?: 'number' | 'text' | 'list' | 'table';
  readonly unit?: Unit;
  /** Every text that a `text` part can be, where the configuration adds none: rules that ask for another are refused. */
  readonly values?: readonly string[];
}
export type Parts = Readonly<Record<string, PartDefinition>>;
/** What a part may be; a part that names no type is a number. */
export type PartValue<P extends PartDefinition = PartDefinition> = P extends { readonly type: 'text' }
  ? string
  : P extends { readonly type: 'list' }
    ? readonly string[]
    : P extends { readonly type: 'table' }
      ? Readonly<Record<string, number>>
      : P extends { readonly type: 'number' }
        ? number
        : 'type' extends keyof P
          ? number | string | readonly string[] | Readonly<Record<string, number>>
          : number;

/** Why a metric has no value: nothing to measure, fewer than the minimum sample, or too early to tell. */
export type NoDataReason = 'no-data' | 'below-min-sample' | 'pending';
/** The answer "there is no value", with the parts that are known all the same (progress of a pending metric). */
export interface NoData<P extends Parts = Parts> {
  readonly noData: NoDataReason;
  readonly n?: number;
  readonly parts?: { readonly [K in keyof P]?: PartValue<P[K]> | null };
}
export interface Computed<P extends Parts = Parts> {
  /** A finite number inside the metric's range. Anything else is refused and becomes null. */
  readonly value: number;
  /** Sample size the value rests on. */
  readonly n?: number;
  readonly parts?: { readonly [K in keyof P]?: PartValue<P[K]> | null };
}

/**
 * Why a metric has no value for a subject: its own reason; it threw (`error`) or broke its contract (`invalid-value`); it failed too often in a row
 * (`switched-off`); it was stopped (`timeout`, `memory`); or it could not run (`unavailable`).
 */
export type ResultReason =
  NoDataReason | 'error' | 'invalid-value' | 'switched-off' | 'timeout' | 'memory' | 'unavailable';

/** Another metric's result for the same subject. */
export interface MetricResult {
  readonly value: number | null;
  /** Null when there is a value. */
  readonly reason: ResultReason | null;
  /** Null when the metric has no such part, or it is not a number. */
  readonly part: (name: string) => number | null;
}

/** Days of the workspace's time zone. An epoch day is the number of days since 1970-01-01 there. */
export interface Calendar {
  /** Epoch day that holds the instant (epoch ms). */
  readonly dayOf: (instant: number) => number;
  /** First instant of an epoch day, epoch ms. Day d is over at `startOfDay(d + 1)`. */
  readonly startOfDay: (day: number) => number;
}

/** A metric's result by id. Written as a method's type, which is compared loosely, so that any metric can be held as a `MetricDefinition`. */
export type ResultOf<U extends string> = { result(id: U): MetricResult }['result'];

/**
 * @typeParam U ids of the metrics in `uses`
 * @typeParam W ids of the metrics in `usesPortfolio`
 */
export interface ComputeContext<C, U extends string = never, W extends string = never> {
  readonly config: C;
  /** The instant evaluated as of, epoch ms. */
  readonly asOf: number;
  readonly calendar: Calendar;
  /**
   * D: the epoch day that holds the last instant before `asOf`. Where only the day matters, prefer this and `isOver` to `asOf`: they are the same all day
   * long, so that subjects about which nothing new is known are not computed again.
   */
  readonly today: number;
  /** Whether an epoch day is over as of `asOf`. */
  readonly isOver: (day: number) => boolean;
  readonly subject: { readonly kind: SubjectKind; readonly id: string };
  /** A metric named in `uses`: its value, or null and the reason. */
  readonly metric: ResultOf<U>;
  /** The whole portfolio's result of a metric named in `usesPortfolio`. */
  readonly portfolio: ResultOf<W>;
}

/** Events that a person would read to understand a value: the comments behind a score. */
export interface Evidence {
  readonly filter: Filter;
  /** Of fixed days: `last`, `previous`, `calendar` or `lifetime`. */
  readonly window: Window;
  /** Properties to show, the text first: `['comment', 'score']`. Events that carry none of them are left out. */
  readonly properties: readonly string[];
}

/**
 * What a configuration with these options holds. Definitions are generic over the options, not over the object's schema: TypeScript would work out
 * what every possible schema holds, 1.3 million types in each file that declares a metric.
 */
export type ConfigOf<C extends TProperties> = Static<TObject<C>>;

/**
 * A metric: what it measures (data), and a pure function from those values to a number.
 *
 * @typeParam C schemas of the configuration's options; each has a default
 */
export interface MetricDefinition<
  C extends TProperties = TProperties,
  M = Measures,
  P extends Parts = Parts,
  U extends string = string,
  W extends string = string,
> {
  readonly kind: 'metric';
  /** The manifest's `rapport.id`. */
  readonly id: string;
  readonly title: string;
  /** One sentence: what the number says. */
  readonly description: string;
  /** Where the formula comes from. */
  readonly source: string;
  readonly unit: Unit;
  /** Least and greatest possible value; null is unbounded. A computed value outside is an error. */
  readonly range: readonly [min: number | null, max: number | null];
  readonly subjects: readonly SubjectKind[];
  readonly config: TObject<C>;
  readonly parts: P;
  /** Called once per load with the validated configuration. Must return the same data every time. */
  measures(config: ConfigOf<C>): M;
  /** Ids of the metrics this one reads, computed before it. Each must be in the manifest's `requires`, or be optional configuration. */
  uses?(config: ConfigOf<C>): readonly U[];
  /** Ids of the metrics whose value for the whole portfolio this one reads, whatever its subject (an expected lifetime from the portfolio's churn). */
  usesPortfolio?(config: ConfigOf<C>): readonly W[];
  /**
   * The window that the value is about (`last` or `calendar`). With it the engine derives `previous` (the same window, one window length
   * earlier), `change` and `changeRate`. Without it the metric has none of them.
   */
  window?(config: ConfigOf<C>): Window;
  /** The events behind the value that are worth reading: survey comments. */
  evidence?(config: ConfigOf<C>): Evidence;
  /**
   * For a composite score: the name of a `table` part whose entries, added in the table's order, give the value exactly. The engine explains a
   * change of the score with it.
   */
  readonly contributions?: keyof P & string;
  /**
   * How the value of a parent account together with its descendants comes about. `measure` (default): `compute` over the measures of all their events and the
   * parent's own traits. `reduce`: `portfolio` over the accounts of the family, for what does not add up by events (licences bought).
   */
  readonly family?: 'measure' | 'reduce';
  /** Pure; called once per subject. `inputs` is reused between calls: read it, do not keep it. */
  compute(inputs: Inputs<M>, context: ComputeContext<ConfigOf<C>, NoInfer<U>, NoInfer<W>>): Computed<P> | NoData<P>;
  /**
   * For a metric whose portfolio value is a reduction over accounts (churn) instead of `compute` over the portfolio's own measures (NPS).
   * Receives the measures of each account; the row object is reused, do not keep it.
   */
  portfolio?(
    accounts: Iterable<Inputs<M>>,
    context: ComputeContext<ConfigOf<C>, NoInfer<U>, NoInfer<W>>,
  ): Computed<P> | NoData<P>;
  /** The reducers that `measures` uses. */
  readonly folds?: readonly Fold<FoldValue, ConfigOf<C>>[];
}

/** Declares a metric; infers what `compute` receives from `measures` and `config`. The package's default export. */
export const defineMetric = <
  C extends TProperties,
  // An interface of measures has no index signature, so it is no `Measures`; this holds it to the same.
  M extends Readonly<Record<keyof M, Measure<unknown>>>,
  const P extends Parts,
  const U extends string = never,
  const W extends string = never,
>(
  definition: Omit<MetricDefinition<C, M, P, U, W>, 'kind'>,
): MetricDefinition<C, M, P, U, W> => ({ kind: 'metric', ...definition });

/** There is no value, and why. Never return 0 or NaN instead. */
export const noData = <P extends Parts = Parts>(
  reason: NoDataReason,
  rest: Omit<NoData<NoInfer<P>>, 'noData'> = {},
): NoData<P> => ({ noData: reason, ...rest });
