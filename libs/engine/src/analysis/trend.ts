import { zone as zoneOf } from '@rapport/sdk/time';
import { valueAt } from '@rapport/store';
import { EngineError } from '@rapport/plugin-host';
import { checkDays, levelOf, type HistoryKind } from './backfill.js';
import { dateOfDay } from './day.js';
import { isOfOrigin, originOf } from '../measurement/origin.js';
import { slopeOf } from '../measurement/slope.js';
import { metricFor } from './subject-metric.js';
import type { AnalysisSource } from './source.js';

export interface TrendOptions {
  readonly metric: string;
  /** Default `portfolio`. */
  readonly kind?: HistoryKind;
  /** Id of the account (of the family its parent) or user; left out for the portfolio. */
  readonly id?: string;
  /** First and last epoch day, inclusive. */
  readonly from: number;
  readonly to: number;
}
export interface TrendPoint {
  /** YYYY-MM-DD, in the workspace's zone. */
  readonly day: string;
  /** The instant that was evaluated as of: the day's end, or earlier when a run came before it. */
  readonly asOf: string;
  readonly value: number | null;
  /** Metric version and configuration. */
  readonly origin: string;
  /** Of the version and configuration that are loaded now; others are not comparable. */
  readonly current: boolean;
  /** Whether it is the day's end. */
  readonly complete: boolean;
}
export interface Trend {
  readonly metric: string;
  readonly title: string;
  readonly unit: string;
  readonly kind: HistoryKind;
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** Of what is loaded now. */
  readonly origin: string;
  /** Ascending; days that the history does not have are absent. */
  readonly points: readonly TrendPoint[];
  readonly slope: {
    /** Growth per day, least squares over the points of the current origin in the last `days` days; null below two. */
    readonly perDay: number | null;
    readonly days: number;
    readonly points: number;
  };
}

const SLOPE_DAYS = 30;

/**
 * A metric's daily history for one subject. What the history does not have is not made up: `backfill` fills it in.
 *
 * Throws `RAPPORT_EVALUATE_METRIC`, `RAPPORT_ANALYSIS_SUBJECT`, `RAPPORT_ANALYSIS_OPTION`.
 */
export async function trend(source: AnalysisSource, options: TrendOptions): Promise<Trend> {
  const { metric, kind = 'portfolio', id = '', from, to } = options;
  const { definition } = metricFor(source.plugins, metric, kind === 'family' ? 'account' : kind);
  checkDays(from, to);
  if ((kind === 'portfolio') !== (id === ''))
    throw new EngineError(
      'RAPPORT_ANALYSIS_OPTION',
      kind === 'portfolio' ? 'the portfolio has no id; leave it out.' : `whose ${metric}? Give the id of the ${kind}.`,
    );
  const origin = originOf(source.plugins, metric) ?? '';
  const zone = zoneOf(source.store.zone);
  const level = levelOf(source, kind);
  const days = await source.store.history({ level, metrics: [metric], from, to, subject: id });
  const points = days.flatMap(({ day, asOf, subjects, metrics }) => {
    const found = metrics[metric];
    const row = subjects.indexOf(id);
    if (!found || row < 0) return [];
    const value = valueAt(found.values, row) as number | null;
    const point: TrendPoint = {
      day: dateOfDay(day),
      asOf: new Date(asOf).toISOString(),
      value,
      origin: found.origin,
      current: isOfOrigin(found.origin, origin),
      complete: asOf === zone.startOfDay(day + 1),
    };
    return [{ day, value, point }];
  });
  const slopeDays = source.config.trends?.slopeDays ?? SLOPE_DAYS;
  const recent = points.filter(({ day, value, point }) => day > to - slopeDays && point.current && value !== null);
  return {
    metric,
    title: definition.title,
    unit: definition.unit,
    kind,
    id,
    from: dateOfDay(from),
    to: dateOfDay(to),
    origin,
    points: points.map(({ point }) => point),
    slope: { perDay: slopeOf(recent), days: slopeDays, points: recent.length },
  };
}
