import { Type } from 'typebox';

/** Whole days or weeks, as in `'30d'` or `'2w'`. Windows are made of calendar days in the workspace's time zone. */
export type Duration = `${number}d` | `${number}w`;

/**
 * A span of whole calendar days, relative to the instant a metric is evaluated as of. With D the day that holds the last
 * instant before `asOf`: `last('30d')` is D−29 … D, cut off at `asOf`.
 */
export type Window =
  | { readonly kind: 'last' | 'preceding'; readonly days: number }
  | { readonly kind: 'calendar'; readonly unit: CalendarUnit; readonly offset: number }
  | { readonly kind: 'complete'; readonly unit: CalendarUnit; readonly back: number }
  | { readonly kind: 'firstDays'; readonly days: number; readonly since: TraitReference }
  | { readonly kind: 'before'; readonly edge: 'start' | 'end'; readonly of: Window }
  | { readonly kind: 'lifetime' };

export type CalendarUnit = 'week' | 'month' | 'quarter' | 'year';

/** A trait that holds a time: a calendar day or an instant (`@rapport/sdk/time`). */
export interface TraitReference {
  readonly trait: string;
}

/** Configuration option that holds a duration, as in `"30d"` or `"2w"`. */
export const durationOption = (initial: Duration, description: string) =>
  Type.Unsafe<Duration>({ type: 'string', pattern: '^[1-9][0-9]{0,5}[dw]$', default: initial, description });

/** Days in a duration: `'2w'` is 14. Throws `RAPPORT_SDK_DURATION` on anything but a positive whole number of days or weeks. */
export function daysIn(duration: Duration): number {
  const match = /^([1-9]\d{0,5})([dw])$/.exec(duration);
  if (!match)
    throw new TypeError(
      `RAPPORT_SDK_DURATION: "${duration}" is not a duration; write a whole number of days or weeks, as in "30d" or "2w"`,
    );
  return Number(match[1]) * (match[2] === 'w' ? 7 : 1);
}

/** The last days or weeks up to `asOf`: `last('30d')`. */
export const last = (length: Duration): Window => ({ kind: 'last', days: daysIn(length) });

/** The same number of days just before the window `last(length)` begins. */
export const preceding = (length: Duration): Window => ({ kind: 'preceding', days: daysIn(length) });

/** The calendar week (from Monday), month, quarter or year that holds D; `offset` −1 is the one before it. Cut off at `asOf`. */
export const calendar = (unit: CalendarUnit, offset = 0): Window => ({ kind: 'calendar', unit, offset });

/**
 * The last calendar week (from Monday), month, quarter or year that is over at `asOf`; `back` 2 is the one before it. As of the first instant of
 * February the last complete month is January, where `calendar('month')` is January, too, and `calendar('month', -1)` is December.
 */
export const lastComplete = (unit: CalendarUnit, back = 1): Window => ({ kind: 'complete', unit, back });

/** The day of the subject's trait instant and the `days − 1` after it. A subject without that trait has no window: counts are 0, values null. */
export const firstDays = (days: number, since: TraitReference): Window => ({ kind: 'firstDays', days, since });

/** Names the trait a `firstDays` window begins at. */
export const since = (trait: string): TraitReference => ({ trait });

/** Everything before the first day of a window: the state of things when the window opened. */
export const startOf = (of: Window): Window => ({ kind: 'before', edge: 'start', of });

/** Everything up to the last day of a window, inclusive, cut off at `asOf`: the state of things when it closed. */
export const endOf = (of: Window): Window => ({ kind: 'before', edge: 'end', of });

/** Everything that had happened by `asOf`. */
export const lifetime = (): Window => ({ kind: 'lifetime' });

/** A period of the last days, or a calendar month. */
export interface Period {
  readonly period: 'rolling' | 'month';
  readonly window: Duration;
  readonly month: number;
}

/** Configuration options of a metric about a period, to be spread into its schema; `periodWindow` is the period's window. */
export const periodOptions = () => ({
  period: Type.Union([Type.Literal('rolling'), Type.Literal('month')], {
    default: 'rolling',
    description: 'The last days (`rolling`), or a calendar month (`month`).',
  }),
  window: durationOption('30d', 'Length of the rolling period.'),
  month: Type.Integer({
    maximum: 0,
    default: -1,
    description: 'Which calendar month: −1 the last complete one, 0 the running one so far.',
  }),
});

export const periodWindow = ({ period, window, month }: Period): Window =>
  period === 'rolling'
    ? { kind: 'last', days: daysIn(window) }
    : month < 0
      ? lastComplete('month', -month)
      : calendar('month', month);
