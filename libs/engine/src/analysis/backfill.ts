import { zone as zoneOf } from '@rapport/sdk/time';
import { levelName, type HistoryDay, type Level } from '@rapport/store';
import { EngineError } from '@rapport/plugin-host';
import { checkMetrics, metricsOf } from '../measurement/evaluation.js';
import { dateOfDay } from './day.js';
import { unlessErased } from '../erasure.js';
import { originOf } from '../measurement/origin.js';
import { isUnfinished, type MetricFailure } from '../measurement/computing.js';
import type { Evaluation } from '../measurement/evaluation.js';
import type { AnalysisSource } from './source.js';

export type HistoryKind = 'account' | 'user' | 'family' | 'portfolio';

export interface BackfillOptions {
  /** First and last epoch day, inclusive. */
  readonly from: number;
  readonly to: number;
  /** Epoch ms: days that are not over by then cannot be filled in. */
  readonly now: number;
  /** Default: all that are loaded. */
  readonly metrics?: readonly string[];
  /** Default: accounts and the portfolio. */
  readonly levels?: readonly HistoryKind[];
  /** Evaluate also days that the history has already, as events may have come late. Default false. */
  readonly force?: boolean;
  /** Stops between two days; what is done stays done. */
  readonly signal?: AbortSignal;
  /** Called when a day is done or found to be done. */
  readonly onProgress?: (progress: BackfillProgress) => void;
}
export interface BackfillProgress {
  /** YYYY-MM-DD */
  readonly day: string;
  readonly done: number;
  readonly total: number;
  readonly evaluated: boolean;
}
export interface BackfillReport {
  /** YYYY-MM-DD */
  readonly from: string;
  readonly to: string;
  readonly metrics: readonly string[];
  readonly levels: readonly HistoryKind[];
  /** Days that were evaluated, and days that the history had already. */
  readonly evaluated: number;
  readonly skipped: number;
  /** Days that remain, when it was interrupted. */
  readonly left: number;
  readonly failures: readonly MetricFailure[];
}

const MAX_DAYS = 36_600;

/**
 * Fills in the history of metrics: the value at the end of each day, that is, as of `startOfDay(day + 1)`, with the origin that the metric has now. Days that have all
 * metrics with their current origins are left alone, so that it goes on where it ended, however it ended; after a change of configuration it does
 * again what the change concerns.
 *
 * Throws `RAPPORT_ANALYSIS_OPTION` (days that are not over, from after to), `RAPPORT_ANALYSIS_SUBJECT`, `RAPPORT_EVALUATE_METRIC`.
 */
export async function backfill(source: AnalysisSource, options: BackfillOptions): Promise<BackfillReport> {
  const { from, to, levels: kinds = ['account', 'portfolio'], force = false } = options;
  const zone = zoneOf(source.store.zone);
  checkDays(from, to);
  if (zone.startOfDay(to + 1) > options.now)
    throw new EngineError(
      'RAPPORT_ANALYSIS_OPTION',
      `${dateOfDay(to)} is not over yet; the last day that can be filled in is ${dateOfDay(zone.dayOf(options.now) - 1)}.`,
    );
  checkMetrics(options.metrics, source.plugins);
  const levels = kinds.map((kind) => levelOf(source, kind));
  const wanted = new Map(levels.map((level) => [levelName(level), wantedAt(source, level, options.metrics)]));
  const all = [...new Set([...wanted.values()].flatMap((metrics) => [...metrics.keys()]))];
  const unfit = options.metrics?.find((id) => !all.includes(id));
  if (unfit !== undefined)
    throw new EngineError('RAPPORT_ANALYSIS_SUBJECT', `${unfit} is no metric of ${kinds.join(' or ')}.`);

  const known = new Map<string, ReadonlyMap<number, Readonly<Record<string, string>>>>();
  for (const level of levels)
    known.set(levelName(level), force ? new Map() : await source.store.historyOrigins({ level, from, to }));
  /** Metrics of a day that the history does not have as they are now. */
  const missing = (day: number): readonly string[] => {
    const lacking = levels.flatMap((level) => {
      const has = known.get(levelName(level))?.get(day) ?? {};
      return [...(wanted.get(levelName(level)) ?? [])].flatMap(([id, origin]) => (has[id] === origin ? [] : [id]));
    });
    return [...new Set(lacking)];
  };

  const failures = new Map<string, MetricFailure>();
  let [evaluated, skipped] = [0, 0];
  const total = to - from + 1;
  for (let day = from; day <= to && options.signal?.aborted !== true; day++) {
    const metrics = missing(day);
    if (metrics.length === 0) skipped++;
    else {
      const evaluation = await unlessErased(async () => {
        const epoch = await source.store.epoch();
        const evaluation = await source.evaluate({ asOf: zone.startOfDay(day + 1), levels, metrics, derived: [] });
        await source.store.putHistory(historyDays(evaluation, day, metrics, wanted), epoch);
        return evaluation;
      });
      for (const failure of evaluation.failures) failures.set(`${failure.metric} ${failure.code}`, failure);
      evaluated++;
    }
    const done = evaluated + skipped;
    options.onProgress?.({ day: dateOfDay(day), done, total, evaluated: metrics.length > 0 });
  }
  return {
    from: dateOfDay(from),
    to: dateOfDay(to),
    metrics: all.sort(),
    levels: kinds,
    evaluated,
    skipped,
    left: total - evaluated - skipped,
    failures: [...failures.values()],
  };
}

/** Throws `RAPPORT_ANALYSIS_OPTION` for days that are in the wrong order, or too many. */
export function checkDays(from: number, to: number): void {
  if (from > to)
    throw new EngineError('RAPPORT_ANALYSIS_OPTION', `the first day, ${dateOfDay(from)}, is after ${dateOfDay(to)}.`);
  if (to - from >= MAX_DAYS)
    throw new EngineError('RAPPORT_ANALYSIS_OPTION', `these are more than ${String(MAX_DAYS)} days.`);
}

/** Throws `RAPPORT_ANALYSIS_OPTION` for families where accounts have no parents. */
export function levelOf(source: AnalysisSource, kind: HistoryKind): Level {
  if (kind !== 'family') return { kind };
  if (!source.config.hierarchy)
    throw new EngineError('RAPPORT_ANALYSIS_OPTION', 'there are no families: rapport.json has no "hierarchy".');
  return { kind, parent: source.config.hierarchy.parent };
}

/** Metrics that a level has, with their origins. */
function wantedAt(
  source: AnalysisSource,
  { kind }: Level,
  asked: readonly string[] | undefined,
): ReadonlyMap<string, string> {
  const subject = kind === 'family' ? 'account' : kind;
  return new Map(
    metricsOf(source.plugins)
      .filter(({ id, subjects }) => subjects.includes(subject) && (asked?.includes(id) ?? true))
      .flatMap(({ id }) => {
        const origin = originOf(source.plugins, id);
        return origin === null ? [] : [[id, origin] as const];
      }),
  );
}

function historyDays(
  { asOf, frames, failures }: Evaluation,
  day: number,
  metrics: readonly string[],
  wanted: ReadonlyMap<string, ReadonlyMap<string, string>>,
): readonly HistoryDay[] {
  // The day is tried again.
  const unfinished = failures.filter(isUnfinished).map(({ metric }) => metric);
  return frames.flatMap(({ level, subjects, columns }): readonly HistoryDay[] => {
    const origins = wanted.get(levelName(level));
    const values = metrics.flatMap((id) => {
      const column = Object.hasOwn(columns, id) ? columns[id] : undefined;
      const origin = origins?.get(id);
      return column?.type === 'number' && origin !== undefined && !unfinished.includes(id)
        ? [[id, { origin, values: column }] as const]
        : [];
    });
    return values.length > 0 ? [{ level, day, asOf, subjects, metrics: Object.fromEntries(values) }] : [];
  });
}
