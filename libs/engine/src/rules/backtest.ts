import { dateOf } from '@rapport/sdk/time';
import { momentOf } from '../instant.js';
import type { Membership, Snapshot } from '@rapport/store';
import { EngineError, trying, verdictsOf, segmentKeys, playbookKey } from '@rapport/plugin-host';
import type { Move } from '../membership/transitions.js';
import { concernedBy, type Proposal } from './proposal.js';
import { factsFor } from './rehearsal.js';
import { type RunSetting } from '../membership/setting.js';
import { moveAll } from '../membership/move-all.js';

export interface BacktestOptions {
  /** The last day ends at or before this instant, epoch ms; default that of the latest run, else now. */
  readonly asOf?: number;
  /** Days to go back, 1–400; default 90. */
  readonly days?: number;
  /** What really happened: `churn` (a subscription was cancelled), `renewal` (one was renewed), or the names of the events that say so. Default churn. */
  readonly outcome?: 'churn' | 'renewal' | readonly string[];
  /** Days within which an entry should be followed by the outcome; default 30. */
  readonly horizonDays?: number;
  /** Bands whose entries count as predictions; default all of the document. A band that says that all is well is no warning: name those that are. */
  readonly bands?: readonly string[];
  readonly onProgress?: (progress: { readonly phase: string; readonly done: number; readonly total: number }) => void;
}
export interface BacktestDay {
  readonly day: string;
  readonly entered: number;
  readonly left: number;
  readonly members: number;
}
export interface BacktestReport {
  readonly id: string;
  readonly version: string;
  readonly from: string;
  readonly to: string;
  readonly subjects: number;
  readonly outcome: readonly string[];
  readonly horizonDays: number;
  readonly days: readonly BacktestDay[];
  /** Share of the exits that undo an entry of at most 7 days before; null without exits. */
  readonly flappingRate: number | null;
  /** Of entries whose horizon is over: the share that the outcome followed within it. Null without any. */
  readonly precision: number | null;
  /** What precision would be of entries at random: the share of all subjects that the outcome followed within the horizon, on average over the days whose horizon is over. Null without any. */
  readonly baseRate: number | null;
  /** Of subjects with an outcome in these days: the share that was a member when it happened, or had been within the horizon before. Null without any. */
  readonly recall: number | null;
  /** Median days from the entry to the outcome, over outcomes that were foreseen. */
  readonly medianLeadDays: number | null;
  readonly counts: {
    readonly entries: number;
    /** Entries whose horizon is over, and those of them that the outcome followed. */
    readonly judged: number;
    readonly right: number;
    readonly outcomes: number;
    readonly foreseen: number;
  };
  readonly errors: readonly { readonly segment: string; readonly message: string }[];
}

const OUTCOMES = { churn: ['Subscription Cancelled'], renewal: ['Subscription Renewed'] } as const;
const DAY = 86_400_000;
const FLAP_DAYS = 7;

/**
 * Replays a document over the days that were: metrics as of the end of each day, from the events known now; members move from day to day as runs would have moved them, beginning with
 * nobody. What is found on the first day is taken as it is found, and is no entry. Takes no lease and writes nothing.
 *
 * Throws `RAPPORT_RULES_BACKTEST` for options that make no sense, `RAPPORT_EVALUATE_FUTURE` for an `asOf` in the future.
 */
export async function backtest(
  setting: RunSetting,
  proposal: Proposal,
  options: BacktestOptions,
): Promise<BacktestReport> {
  const { store } = setting;
  const { document, version, plugins } = proposal;
  const { days = 90, horizonDays = 30 } = options;
  checkDays('days', days);
  checkDays('horizonDays', horizonDays);
  const { at: asOf, zone } = momentOf(setting, options.asOf ?? (await store.latestRun())?.asOf);
  const last = zone.startOfDay(zone.dayOf(asOf - 1) + 1) <= asOf ? zone.dayOf(asOf - 1) : zone.dayOf(asOf - 1) - 1;
  const first = last - days + 1;
  const documents = concernedBy(proposal).documents.filter(
    (plugin) => plugin.kind === 'segment' || plugin.document.id === document.id,
  );
  const own = document.kind === 'segment' ? segmentKeys(document) : [playbookKey(document.id)];
  const keys = new Set(
    options.bands
      ? own.filter((key) => options.bands?.some((band) => key === band || key === `${document.id}.${band}`))
      : own,
  );
  if (keys.size === 0)
    throw new EngineError(
      'RAPPORT_RULES_BACKTEST',
      `"${document.id}" has none of the bands ${options.bands?.join(', ') ?? ''}; it has ${own.join(', ')}.`,
    );

  const snapshot = await store.snapshot();
  try {
    const members = new Map<string, Map<string, Membership>>();
    const moves: Move[] = [];
    const perDay: BacktestDay[] = [];
    const errors = new Map<string, { readonly segment: string; readonly message: string }>();
    const sizes: { readonly at: number; readonly subjects: number }[] = [];
    for (let day = first; day <= last; day++) {
      options.onProgress?.({ phase: 'backtest', done: day - first, total: days });
      const end = zone.startOfDay(day + 1);
      // Whole: these days are asked for once, so that remembering them is of no use.
      const tables = await factsFor(setting, plugins, documents, snapshot, end, {
        full: true,
      });
      const moved = await moveAll(documents, tables, members, { at: end, zone }, verdictsOf(trying(setting)), {
        described: 0,
      });
      for (const error of moved.errors) errors.set(error.segment, error);
      follow(members, moved.moves);
      const its = moved.moves.filter(({ segment }) => keys.has(segment));
      if (day > first) moves.push(...its);
      sizes.push({ at: end, subjects: tables.get(document.subject)?.subjects.length ?? 0 });
      const count = (change: Move['change']) =>
        day === first ? 0 : its.filter((move) => move.change === change).length;
      perDay.push({
        day: dateOf(day),
        entered: count('enter'),
        left: count('exit'),
        members: [...keys].reduce((sum, key) => sum + (members.get(key)?.size ?? 0), 0),
      });
    }
    options.onProgress?.({ phase: 'backtest', done: days, total: days });
    const { outcome = 'churn' } = options;
    const names = typeof outcome === 'string' ? OUTCOMES[outcome] : outcome;
    const happened = await outcomesOf(
      snapshot,
      document.subject,
      names,
      zone.startOfDay(first + 1),
      zone.startOfDay(last + 1),
      first,
      last,
    );
    return {
      id: document.id,
      version,
      from: dateOf(first),
      to: dateOf(last),
      subjects: sizes.at(-1)?.subjects ?? 0,
      outcome: names,
      horizonDays,
      days: perDay,
      baseRate: baseRateOf(sizes, happened, zone.startOfDay(last + 1), horizonDays),
      ...judged(moves, members, keys, happened, zone.startOfDay(last + 1), horizonDays),
      errors: [...errors.values()],
    };
  } finally {
    await snapshot.close();
  }
}

function checkDays(name: string, days: number): void {
  if (!Number.isInteger(days) || days < 1 || days > 400)
    throw new EngineError(
      'RAPPORT_RULES_BACKTEST',
      `${name} must be a whole number from 1 to 400, not ${String(days)}.`,
    );
}

/** Lets members follow from moves, as a store does. */
function follow(members: Map<string, Map<string, Membership>>, moves: readonly Move[]): void {
  for (const { segment, subject, kind, change, at, reason } of moves) {
    const of = members.get(segment) ?? new Map<string, Membership>();
    members.set(segment, of);
    if (change === 'enter') of.set(subject, { segment, subject, kind, enteredAt: at, reason });
    else of.delete(subject);
  }
}

/** Instants of the outcome, ascending, by subject. */
async function outcomesOf(
  snapshot: Snapshot,
  kind: 'account' | 'user',
  names: readonly string[],
  start: number,
  end: number,
  from: number,
  to: number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const found = new Map<string, number[]>();
  const window = { kind: 'days', from, to, start, end } as const;
  const query = { level: { kind }, asOf: end, filter: { events: names }, window, properties: [] };
  for await (const events of snapshot.stream(query))
    for (const { subject, time } of events) {
      if (time < start) continue;
      const times = found.get(subject);
      if (times) times.push(time);
      else found.set(subject, [time]);
    }
  return found;
}

function baseRateOf(
  days: readonly { readonly at: number; readonly subjects: number }[],
  happened: ReadonlyMap<string, readonly number[]>,
  end: number,
  horizonDays: number,
): number | null {
  const horizon = horizonDays * DAY;
  let [followed, all] = [0, 0];
  for (const { at, subjects } of days) {
    if (at + horizon > end) continue;
    all += subjects;
    for (const times of happened.values()) if (times.some((time) => time >= at && time < at + horizon)) followed++;
  }
  return all === 0 ? null : followed / all;
}

interface Stay {
  readonly from: number;
  /** Null while it lasts. */
  to: number | null;
  /** Whether its beginning was seen. */
  readonly entered: boolean;
}

/** What entries were worth. */
function judged(
  moves: readonly Move[],
  members: ReadonlyMap<string, ReadonlyMap<string, Membership>>,
  keys: ReadonlySet<string>,
  happened: ReadonlyMap<string, readonly number[]>,
  end: number,
  horizonDays: number,
): Pick<BacktestReport, 'flappingRate' | 'precision' | 'recall' | 'medianLeadDays' | 'counts'> {
  const horizon = horizonDays * DAY;
  const stays = new Map<string, Stay[]>();
  const of = (subject: string) => stays.get(subject) ?? stays.set(subject, []).get(subject) ?? [];
  for (const { subject, change, at } of moves) {
    const its = of(subject);
    const open = its.findLast((stay) => stay.to === null);
    if (change === 'enter') its.push({ from: at, to: null, entered: true });
    else if (open) open.to = at;
    // Who leaves without having been seen entering was there from the first day on.
    else its.push({ from: -Infinity, to: at, entered: false });
  }
  for (const key of keys)
    for (const { subject, enteredAt } of members.get(key)?.values() ?? [])
      if (!of(subject).some((stay) => stay.to === null))
        of(subject).push({ from: enteredAt, to: null, entered: false });

  let [entries, due, right, exits, flaps] = [0, 0, 0, 0, 0];
  for (const [subject, its] of stays) {
    for (const { from, to, entered } of its) {
      if (to !== null) exits++;
      if (!entered) continue;
      entries++;
      if (to !== null && to - from <= FLAP_DAYS * DAY) flaps++;
      if (from + horizon > end) continue;
      due++;
      if ((happened.get(subject) ?? []).some((time) => time >= from && time < from + horizon)) right++;
    }
  }
  let [outcomes, foreseen] = [0, 0];
  const leads: number[] = [];
  for (const [subject, times] of happened) {
    const [time = 0] = times;
    outcomes++;
    const before = (stays.get(subject) ?? []).filter(
      (stay) => stay.from <= time && (stay.to === null || stay.to + horizon >= time),
    );
    if (before.length === 0) continue;
    foreseen++;
    const seen = before.filter(({ entered }) => entered);
    if (seen.length > 0) leads.push((time - Math.min(...seen.map(({ from }) => from))) / DAY);
  }
  const share = (part: number, whole: number) => (whole === 0 ? null : part / whole);
  leads.sort((a, b) => a - b);
  const middle =
    leads.length === 0 ? null : ((leads[(leads.length - 1) >> 1] ?? 0) + (leads[leads.length >> 1] ?? 0)) / 2;
  return {
    flappingRate: share(flaps, exits),
    precision: share(right, due),
    recall: share(foreseen, outcomes),
    medianLeadDays: middle,
    counts: { entries, judged: due, right, outcomes, foreseen },
  };
}
