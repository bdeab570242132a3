import type { Window } from './window.js';
import type { Filter } from './filter.js';

/*
 * A measure is data: a small immutable tree that a store compiles to its own engine. `Node` is all that a store sees; the
 * phantom type parameter of `Measure<V>` lets `compute` see exactly what was declared.
 */

/** How a property or trait is read. Another JSON type than asked for counts as missing; `time` reads ISO 8601 text or epoch ms. */
export type Reading = 'number' | 'text' | 'time';

/** What makes a user's day a qualifying one: each of these happened at least `atLeast` times that day. */
export interface Qualification extends Filter {
  readonly atLeast: number;
}

/** Things that are opened and later closed, told apart by a key: tickets, subscriptions. */
export interface Spans {
  /** Property that tells one span from another (`ticketId`). An event that lacks it has the key "" — but see `close`. */
  readonly key: string;
  readonly open: Filter;
  /** Closes the span with the event's key; an event without the key property closes every open span of the subject. */
  readonly close: Filter;
  /** Events that change a running span's properties without opening or closing it. */
  readonly change?: Filter;
  /** Time property that says when a closing event takes effect; without it, or where it is missing, at the event itself. */
  readonly effectiveAt?: string;
}

/** Sum of a property over running spans. A value below `atLeast` counts as missing: a negative price is a mistake, not a discount. */
export interface SpanSum {
  readonly sum: string;
  readonly atLeast?: number;
}

export type Distinct = 'user' | 'newUser' | 'session' | 'day' | 'event' | { readonly property: string };

export type Node =
  | { readonly node: 'count'; readonly filter: Filter; readonly window: Window }
  | {
      readonly node: 'sum' | 'min' | 'max' | 'mean';
      readonly property: string;
      readonly filter: Filter;
      readonly window: Window;
    }
  | {
      readonly node: 'quantile';
      readonly property: string;
      readonly q: number;
      readonly filter: Filter;
      readonly window: Window;
    }
  | {
      readonly node: 'distinct';
      readonly of: Distinct;
      readonly filter: Filter;
      readonly window: Window;
      readonly qualifying?: readonly Qualification[];
    }
  | {
      readonly node: 'earliest' | 'latest';
      readonly of: { readonly property: string; readonly as: Reading } | 'time';
      readonly filter: Filter;
      readonly window: Window;
    }
  | {
      readonly node: 'countByKey';
      readonly key: 'event' | { readonly property: string };
      readonly of: 'events' | 'users' | 'latest';
      readonly filter: Filter;
      readonly window: Window;
    }
  | {
      readonly node: 'sessions';
      readonly of: 'count' | 'seconds' | { readonly quantile: number };
      readonly idleMinutes: number;
      readonly filter: Filter;
      readonly window: Window;
    }
  | { readonly node: 'activeTime'; readonly idleMinutes: number; readonly filter: Filter; readonly window: Window }
  | {
      readonly node: 'spans';
      readonly spans: Spans;
      readonly of: 'opened' | 'closed' | 'open' | SpanSum | { readonly quantile: number };
      readonly window: Window;
    }
  | {
      readonly node: 'series';
      readonly of: 'events' | 'users' | { readonly sum: string };
      readonly filter: Filter;
      readonly window: Window;
      readonly qualifying?: readonly Qualification[];
    }
  | {
      readonly node: 'meanPerDay';
      readonly filter: Filter;
      readonly window: Window;
      readonly qualifying?: readonly Qualification[];
    }
  | { readonly node: 'trait'; readonly name: string; readonly as: Reading }
  | { readonly node: 'profile'; readonly name: string }
  | {
      readonly node: 'fold';
      /** Name of the fold in the metric's `folds`. */
      readonly reducer: string;
      readonly properties: readonly string[];
      readonly filter: Filter;
      readonly window: Window;
    };

declare const valueType: unique symbol;
/** A declared measure whose value, in `compute`, has type `V`. */
export type Measure<V> = Node & { readonly [valueType]?: V };
export type Measures = Readonly<Record<string, Measure<unknown>>>;
export type ValueOf<M> = M extends { readonly [valueType]?: infer V } ? V : never;
/** What `compute` receives: one value per declared measure. */
export type Inputs<M> = { readonly [K in keyof M]: ValueOf<M[K]> };

const measure = <V>(node: Node): Measure<V> => node;

/** Number of matching events. 0 when there are none. */
export const count = (filter: Filter, window: Window) => measure<number>({ node: 'count', filter, window });

/** Sum of a numeric property; null when no matching event carries a number there. */
export const sum = (property: string, filter: Filter, window: Window) =>
  measure<number | null>({ node: 'sum', property, filter, window });
/** Least value of a numeric property, or null. */
export const min = (property: string, filter: Filter, window: Window) =>
  measure<number | null>({ node: 'min', property, filter, window });
/** Greatest value of a numeric property, or null. */
export const max = (property: string, filter: Filter, window: Window) =>
  measure<number | null>({ node: 'max', property, filter, window });
/** Arithmetic mean of a numeric property, or null. */
export const mean = (property: string, filter: Filter, window: Window) =>
  measure<number | null>({ node: 'mean', property, filter, window });
/** Quantile `q` (0–1) of a numeric property, linear between neighbours (type 7), or null. */
export const quantile = (property: string, q: number, filter: Filter, window: Window) =>
  measure<number | null>({ node: 'quantile', property, q, filter, window });

/**
 * Distinct users, new users, sessions (explicit session ids), days (with an event), event names, or values of a property (scalars, read as
 * text). 0 when there are none. `newUser` counts users whose first matching event ever within the subject, as of `asOf`, lies in the window.
 * With `qualifying` (users, new users and days only) a user counts on a day only if each qualification holds on that day: over
 * all of the user's events of that day within the subject, whether or not `filter` takes them; a matching event is needed too. `newUser` then
 * goes by the first day on which the user counts, and `day` counts the days on which any user counts.
 */
export const distinct = (
  of: Distinct,
  filter: Filter,
  window: Window,
  options: { qualifying?: readonly Qualification[] } = {},
) =>
  measure<number>({
    node: 'distinct',
    of,
    filter,
    window,
    ...(options.qualifying?.length ? { qualifying: options.qualifying } : {}),
  });

/**
 * Mean over all days of the window of the distinct users per day (DAU averaged). 0 when nobody was active. A window without a beginning
 * is taken from the first day on which a user counts; a window cut by `asOf` has the days up to D.
 */
export const meanPerDay = (filter: Filter, window: Window, options: { qualifying?: readonly Qualification[] } = {}) =>
  measure<number>({
    node: 'meanPerDay',
    filter,
    window,
    ...(options.qualifying?.length ? { qualifying: options.qualifying } : {}),
  });

type Read<A extends Reading> = (A extends 'text' ? string : number) | null;

/** Property of the earliest matching event that carries it (ties: by message id), or null. */
export const earliest = <A extends Reading = 'number'>(property: string, filter: Filter, window: Window, as?: A) =>
  measure<Read<A>>({ node: 'earliest', of: { property, as: as ?? 'number' }, filter, window });
/** Instant of the earliest matching event in epoch ms, or null. */
export const earliestTime = (filter: Filter, window: Window) =>
  measure<number | null>({ node: 'earliest', of: 'time', filter, window });
/** Property of the latest matching event that carries it (ties: by message id), or null: `latest('mrr', subscription, lifetime())`. */
export const latest = <A extends Reading = 'number'>(property: string, filter: Filter, window: Window, as?: A) =>
  measure<Read<A>>({ node: 'latest', of: { property, as: as ?? 'number' }, filter, window });
/** Instant of the latest matching event in epoch ms, or null. */
export const latestTime = (filter: Filter, window: Window) =>
  measure<number | null>({ node: 'latest', of: 'time', filter, window });

/**
 * Counts per event name or per value of a property: of events, of distinct users, or of users by their latest answer. Scalars are read as text
 * (numbers as JavaScript writes them, `true`, `false`); events without the property, or with null, a list or an object there, have no key. Empty
 * when there are none. With `latest` each user counts once, under the key of the user's latest matching event within the subject that has a key
 * (ties: by message id); an event without a user is an answer of its own. The counts then add up to the number of respondents.
 */
export const countByKey = (
  key: 'event' | { readonly property: string },
  filter: Filter,
  window: Window,
  of: 'events' | 'users' | 'latest' = 'events',
) => measure<ReadonlyMap<string, number>>({ node: 'countByKey', key, of, filter, window });

/**
 * Sessions of the subject's users that start in the window, whole, cut at `asOf`. Events with a `sessionId` form one session
 * per id (until 24 h pass without one); others form sessions that end after `idleMinutes` without an event. A user's
 * activity in two accounts (or in none) is two streams; events without a user are left out. `count` is 0 when there are none; `seconds` (total) and quantiles of the
 * duration in seconds are null.
 */
export function sessions(of: 'count', filter: Filter, window: Window, idleMinutes?: number): Measure<number>;
export function sessions(
  of: 'seconds' | { readonly quantile: number },
  filter: Filter,
  window: Window,
  idleMinutes?: number,
): Measure<number | null>;
export function sessions(
  of: 'count' | 'seconds' | { readonly quantile: number },
  filter: Filter,
  window: Window,
  idleMinutes = 30,
): Measure<number | null> {
  return measure({ node: 'sessions', of, idleMinutes, filter, window });
}

/**
 * Seconds of active use: the sum, per user and account, of the gaps between consecutive events that are ≤ `idleMinutes`; a gap
 * belongs to the window in which its later event falls. Session ids play no part; events without a user are left out. 0 when there are none.
 */
export const activeTime = (filter: Filter, window: Window, idleMinutes = 5) =>
  measure<number>({ node: 'activeTime', idleMinutes, filter, window });

/**
 * Things opened and closed (tickets, subscriptions). `opened`/`closed`: spans opened or closed in the window; `open`: spans
 * running at the window's end; `{ sum: property }`: sum over those of the latest value that their opening or changing events carried, of at least
 * `atLeast` if given (null when none carries one); `{ quantile: q }`: quantile of the seconds from opening to closing of the spans closed in
 * the window (null when none was). At one instant, opening comes before changing and changing before closing. Opening an
 * open span, or closing a closed one, changes nothing. An event counts at its effective instant if known by `asOf`; only closing has one other
 * than the event's own. Running at the window's end means closed no earlier than that instant. For a portfolio every account (and the events without
 * one) keeps its own spans, and the answers are over all of them; a user's spans are the user's in whatever account they happen.
 */
export function spans(definition: Spans, of: 'opened' | 'closed' | 'open', window: Window): Measure<number>;
export function spans(
  definition: Spans,
  of: SpanSum | { readonly quantile: number },
  window: Window,
): Measure<number | null>;
export function spans(
  definition: Spans,
  of: 'opened' | 'closed' | 'open' | SpanSum | { readonly quantile: number },
  window: Window,
) {
  return measure<number | null>({ node: 'spans', spans: definition, of, window });
}

/** Per day of the window: events, distinct users, or the sum of a property. Keyed by epoch day (days since 1970-01-01 in the workspace's zone); days with nothing are absent. `qualifying` is for `users`. */
export const series = (
  of: 'events' | 'users' | { readonly sum: string },
  filter: Filter,
  window: Window,
  options: { qualifying?: readonly Qualification[] } = {},
) =>
  measure<ReadonlyMap<number, number>>({
    node: 'series',
    of,
    filter,
    window,
    ...(options.qualifying?.length ? { qualifying: options.qualifying } : {}),
  });

/** The subject's trait as of `asOf`, or null. A portfolio has no traits: null. */
export const trait = <A extends Reading = 'number'>(name: string, as?: A) =>
  measure<Read<A>>({ node: 'trait', name, as: as ?? 'number' });

/**
 * Id of the subject's class in one of the workspace's `profiles` (a lifecycle stage, a persona), which rules over traits and tenure choose; null
 * where none of the rules is true, there is no such profile, and for a portfolio. For weights and targets that depend on who the subject is.
 */
export const profile = (name: string) => measure<string | null>({ node: 'profile', name });
