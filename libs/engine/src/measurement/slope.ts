import { total } from '@rapport/sdk';
import type { NumberColumn } from '@rapport/store';

export interface SlopePoint {
  /** Epoch day. */
  readonly day: number;
  readonly value: number | null;
}

/**
 * How much a value grows per day: the slope of the least-squares line through the points. Points without a value are left out. Null below two points, and when
 * all are of one day.
 *
 * Which points belong together is the caller's to say: those of one origin, of the last so many days.
 */
export function slopeOf(points: Iterable<SlopePoint>): number | null {
  const days: number[] = [];
  const values: number[] = [];
  for (const { day, value } of points) {
    if (value === null) continue;
    days.push(day);
    values.push(value);
  }
  const n = days.length;
  const middle = days.reduce((sum, day) => sum + day, 0) / n;
  const mean = n === 0 ? 0 : total(values) / n;
  let rise = 0;
  let run = 0;
  days.forEach((day, i) => {
    rise += (day - middle) * ((values[i] ?? 0) - mean);
    run += (day - middle) ** 2;
  });
  return run > 0 ? rise / run : null;
}

/** One day of a metric's values, by subject. */
export interface SlopeDay {
  /** Epoch day. */
  readonly day: number;
  readonly subjects: readonly string[];
  readonly values: NumberColumn;
}

/** `slopeOf` for every subject of a level at once: a column in the order of `subjects`. A day may come once, and in any order. */
export function slopes(subjects: readonly string[], days: readonly SlopeDay[]): NumberColumn {
  const row = new Map(subjects.map((subject, i) => [subject, i]));
  const points = subjects.map((): SlopePoint[] => []);
  for (const { day, subjects: known, values } of days)
    known.forEach((subject, i) => {
      if (values.valid[i]) points[row.get(subject) ?? -1]?.push({ day, value: values.values[i] ?? 0 });
    });
  const found = points.map((ofSubject) => slopeOf(ofSubject.sort((a, b) => a.day - b.day)));
  return {
    type: 'number',
    values: Float64Array.from(found, (slope) => slope ?? 0),
    valid: Uint8Array.from(found, (slope) => (slope === null ? 0 : 1)),
  };
}
