import type { Filter } from '@rapport/sdk';
import type { Level, ResolvedWindow } from '@rapport/store';
import type { Expression, Stage } from '../expression.js';
import { accountOf, and, eventsOf, visibleMatch } from '../expression.js';
import { encodeId } from '../text.js';
import type { Scope } from './scope.js';
import { isGrouped } from './scope.js';

/** Windows that begin at a trait: written to `scratch` for the call, one document per subject that has the trait. */
export interface SinceWindows {
  readonly call: string;
  /** Earliest first instant and latest end of them all. */
  readonly start: number;
  readonly end: number;
}

/** What all measures of one call share. */
export interface Setting {
  readonly scope: Scope;
  readonly level: Level;
  readonly asOf: number;
  /** Call id of the groups in `scratch`, for a portfolio by a trait and for families. */
  readonly groups: string | null;
  /** Stored ids of the accounts (at user level: of the users) whose events are wanted; null: all. */
  readonly only: readonly string[] | null;
  since(window: Extract<ResolvedWindow, { kind: 'sinceTrait' }>): SinceWindows;
}

/** Events that a pipeline begins with. */
export interface Range {
  readonly filters: readonly Filter[];
  readonly windows: readonly ResolvedWindow[];
  /** Milliseconds before the windows to look at too; Infinity: everything. */
  readonly before?: number;
  /** Look at everything up to `asOf`, also after the windows. */
  readonly after?: boolean;
  /** Only events of users. */
  readonly users?: boolean;
  /** Also project the account as `a`. */
  readonly account?: boolean;
  /** Fields to let through as they are. */
  readonly keep?: readonly string[];
  /** Event order that later stages rely on. */
  readonly sort?: { readonly time: 1; readonly id?: 1 };
}

/** The values that a pipeline's later stages need, each computed once per event. */
export interface Fields {
  /** Returns the path of the field. */
  readonly add: (expression: Expression) => string;
}

/**
 * The first stages of every pipeline: the events of a range, as rows of `s` (subject), `a` (account, where asked for), `w` (the
 * subject's own window, where windows begin at a trait) and the fields added. Call it after all fields were added.
 */
export function createScan(setting: Setting, range: Range): { readonly fields: Fields; stages(): Stage[] } {
  const { scope, level, only } = setting;
  const { start, end } = bounds(setting, range);
  const names = range.filters.some(({ events }) => !events)
    ? null
    : [...new Set(range.filters.flatMap(({ events }) => events ?? []))].map(encodeId);
  const byAccount = level.kind === 'account' && !scope.usersAreAccounts;
  const grouped = isGrouped(level);
  const needsAccount = byAccount || grouped || range.account === true;
  const user = level.kind === 'user' || (level.kind === 'account' && scope.usersAreAccounts);
  const subject: Expression = byAccount
    ? '$a'
    : user
      ? '$user'
      : grouped
        ? { $ifNull: ['$w.group', ''] }
        : { $literal: '' };
  const since = sinceOf(setting, range.windows);
  const call = since?.call ?? (grouped ? setting.groups : null);

  const expressions = new Map<string, { readonly name: string; readonly expression: Expression }>();
  return {
    fields: {
      add(expression) {
        const key = JSON.stringify(expression, (_, value: unknown) => (value === -Infinity ? '-Infinity' : value));
        const found = expressions.get(key) ?? { name: `f${String(expressions.size)}`, expression };
        expressions.set(key, found);
        return `$${found.name}`;
      },
    },
    stages: () => [
      {
        $match: {
          name: names ? { $in: names } : { $gte: '' },
          time: { ...(start !== null && { $gte: start }), $lt: end },
          batch: visibleMatch(scope.visible),
          ...((range.users || user) && { user: { $gte: '' } }),
          ...(only && eventsOf(user ? 'user' : 'account', only)),
        },
      },
      ...(range.sort ? [{ $sort: { ...range.sort } }] : []),
      ...(needsAccount ? [{ $addFields: { a: accountOf(scope.visible) } }] : []),
      ...(byAccount || grouped ? [{ $match: { a: only ? { $in: only } : { $gte: '' } } }] : []),
      ...(call !== null
        ? [
            { $addFields: { l: { $concat: [`${call}:`, grouped || byAccount ? '$a' : '$user'] } } },
            {
              $lookup: {
                from: scope.collections.scratch.collectionName,
                localField: 'l',
                foreignField: '_id',
                as: 'w',
              },
            },
            { $unwind: { path: '$w', preserveNullAndEmptyArrays: level.kind === 'portfolio' } },
          ]
        : []),
      {
        $project: {
          _id: 0,
          s: subject,
          ...(needsAccount && { a: '$a' }),
          ...(since && { w: '$w' }),
          ...Object.fromEntries((range.keep ?? []).map((path) => [path, 1])),
          ...Object.fromEntries([...expressions.values()].map(({ name, expression }) => [name, expression])),
        },
      },
    ],
  };
}

const sinceOf = (setting: Setting, windows: readonly ResolvedWindow[]): SinceWindows | null => {
  const [window] = windows;
  return window?.kind === 'sinceTrait' ? setting.since(window) : null;
};

function bounds(
  setting: Setting,
  { windows, before = 0, after = false }: Range,
): { start: number | null; end: number } {
  const since = sinceOf(setting, windows);
  const starts = since ? [since.start] : windows.map((window) => (window.kind === 'days' ? window.start : null));
  const ends = since ? [since.end] : windows.map((window) => (window.kind === 'days' ? window.end : setting.asOf));
  const whole = before === Infinity || starts.includes(null);
  return {
    start: whole ? null : Math.min(...starts.map((start) => start ?? 0)) - before,
    end: Math.min(setting.asOf, after ? setting.asOf : Math.max(...ends)),
  };
}

/** Does the instant lie in the window? `w` is the path of the subject's own window. */
export function withinWindow(window: ResolvedWindow, instant: Expression, w = '$w'): Expression {
  const [start, end]: readonly [Expression, Expression] =
    window.kind === 'days' ? [window.start, window.end] : [`${w}.start`, `${w}.end`];
  return and([...(start === null ? [] : [{ $gte: [instant, start] }]), { $lt: [instant, end] }]);
}
/** Is the day one of the window's? */
export function dayWithinWindow(window: ResolvedWindow, day: Expression, w = '$w'): Expression {
  const [from, to]: readonly [Expression, Expression] =
    window.kind === 'days' ? [window.from, window.to] : [`${w}.from`, `${w}.to`];
  return and([{ $gte: [day, from ?? -Infinity] }, { $lte: [day, to] }]);
}
