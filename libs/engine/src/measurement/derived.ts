import { type Zone } from '@rapport/sdk/time';
import {
  resolveWindow,
  type Column,
  type HistoryStore,
  type Level,
  type NumberColumn,
  type ResultFrame,
  type Snapshot,
} from '@rapport/store';
import { isOfOrigin, originOf } from './origin.js';
import { slopes } from './slope.js';
import { derivedFrom, type LoadedPlugin, type MetricDescriptor } from '@rapport/plugin-host';
import type { Evaluated, EvaluateOptions, EvaluationSetting } from './evaluation.js';
import { evaluateAgain, type Memory } from './incremental.js';
import { failedRows } from './failed-rows.js';
import { levelKey } from './planner.js';

/** The instant as of which a metric's main window is the one before: the first instant of the window (for a calendar window, of the running unit; for `lastComplete`, of the last complete one). */
export function previousAsOf({ window }: Pick<MetricDescriptor, 'window'>, asOf: number, zone: Zone): number | null {
  if (!window) return null;
  const current =
    window.kind === 'calendar'
      ? { ...window, offset: 0 }
      : window.kind === 'complete'
        ? { ...window, back: 1 }
        : window;
  const resolved = resolveWindow(current, asOf, zone);
  return resolved.kind === 'days' ? resolved.start : null;
}

export interface DerivedSetting extends EvaluationSetting {
  readonly history: Pick<HistoryStore, 'history'>;
  readonly slopeDays: number;
  readonly memory: Memory;
}

/**
 * Adds `previous` (same window, one window length earlier), `change`, `changeRate` (change ÷ |previous|; null when that is 0) and `slope` (per day, least squares
 * over the history of the last days and this value) of some metrics to an evaluation. Null where a value is.
 */
export async function withDerived(
  setting: DerivedSetting,
  snapshot: Snapshot,
  levels: readonly Level[],
  evaluated: Evaluated,
  ids: ReadonlySet<string>,
  options: Pick<EvaluateOptions, 'subjects' | 'full' | 'onProgress'>,
): Promise<Evaluated> {
  const { evaluation } = evaluated;
  const metrics = setting.plugins.flatMap((plugin) =>
    plugin.kind === 'metric' && ids.has(plugin.definition.id) ? [plugin.definition] : [],
  );
  if (metrics.length === 0) return evaluated;
  const { asOf } = evaluation;
  const frames = new Map(
    evaluation.frames.map((frame) => [levelKey(frame.level), { ...frame, columns: { ...frame.columns } }]),
  );
  const failures = [...evaluation.failures];
  const failedBefore = new Map<string, Map<string, ReadonlySet<string>>>();

  const instants = new Map<number, MetricDescriptor[]>();
  for (const metric of metrics) {
    const before = previousAsOf(metric, asOf, setting.zone);
    if (before !== null) instants.set(before, [...(instants.get(before) ?? []), metric]);
  }
  for (const [before, together] of instants) {
    const metrics = together.map(({ id }) => id);
    const earlier = await evaluateAgain(setting, snapshot, before, levels, { ...options, metrics }, setting.memory);
    failures.push(...earlier.evaluation.failures);
    for (const then of earlier.evaluation.frames) {
      if (earlier.evaluation.failures.length > 0) noteFailed(failedBefore, then);
      const now = frames.get(levelKey(then.level));
      if (!now) continue;
      for (const { id } of together) addChange(now, then, id);
    }
  }
  for (const frame of frames.values()) await addSlopes(setting, frame, metrics, asOf);

  return {
    evaluation: { ...evaluation, frames: [...frames.values()], failures },
    levels: evaluated.levels.map((level) => ({
      ...level,
      results:
        level.plan.plan.level.kind === 'family'
          ? level.results
          : (frames.get(levelKey(level.plan.plan.level)) ?? level.results),
    })),
    readAsOf: evaluated.readAsOf,
    ...(failedBefore.size > 0 ? { failedBefore } : {}),
  };
}

/** Adds the subjects that metrics of a frame failed for. */
function noteFailed(failed: Map<string, Map<string, ReadonlySet<string>>>, frame: ResultFrame): void {
  for (const name of Object.keys(frame.columns)) {
    const isFailed = name.endsWith('.reason') ? failedRows(frame, name.slice(0, -'.reason'.length)) : null;
    if (!isFailed) continue;
    const key = levelKey(frame.level);
    const metrics = failed.get(key) ?? new Map<string, ReadonlySet<string>>();
    const metric = name.slice(0, -'.reason'.length);
    const subjects = frame.subjects.filter((_, row) => isFailed(row));
    metrics.set(metric, new Set([...(metrics.get(metric) ?? []), ...subjects]));
    failed.set(key, metrics);
  }
}

type Open = ResultFrame & { readonly columns: Record<string, Column> };

const numbers = (size: number): NumberColumn => ({
  type: 'number',
  values: new Float64Array(size),
  valid: new Uint8Array(size),
});

function addChange(now: Open, then: ResultFrame, id: string): void {
  const value = now.columns[id];
  const earlier = then.columns[id];
  if (value?.type !== 'number' || earlier?.type !== 'number') return;
  const size = now.subjects.length;
  const [previous, change, changeRate] = [numbers(size), numbers(size), numbers(size)];
  const rows = new Map(then.subjects.map((subject, row) => [subject, row]));
  const put = (column: NumberColumn, i: number, number: number) => {
    if (!Number.isFinite(number)) return;
    column.values[i] = number;
    column.valid[i] = 1;
  };
  now.subjects.forEach((subject, i) => {
    const row = rows.get(subject) ?? -1;
    if (!earlier.valid[row]) return;
    const before = earlier.values[row] ?? 0;
    put(previous, i, before);
    if (!value.valid[i]) return;
    const difference = (value.values[i] ?? 0) - before;
    put(change, i, difference);
    if (before !== 0) put(changeRate, i, difference / Math.abs(before));
  });
  Object.assign(now.columns, {
    [`${id}.previous`]: previous,
    [`${id}.change`]: change,
    [`${id}.changeRate`]: changeRate,
  });
}

async function addSlopes(
  { history, slopeDays, zone, plugins }: DerivedSetting,
  frame: Open,
  metrics: readonly MetricDescriptor[],
  asOf: number,
): Promise<void> {
  const here = metrics.filter(({ id }) => frame.columns[id]?.type === 'number');
  if (here.length === 0) return;
  const today = zone.dayOf(asOf - 1);
  const days = await history.history({
    level: frame.level,
    metrics: here.map(({ id }) => id),
    from: today - slopeDays + 1,
    to: today - 1,
    ...(frame.subjects.length === 1 ? { subject: frame.subjects[0] ?? '' } : {}),
  });
  for (const { id } of here) {
    const origin = originOf(plugins, id);
    const points = days.flatMap(({ day, subjects, metrics: held }) => {
      const of = Object.hasOwn(held, id) ? held[id] : undefined;
      return of && origin !== null && isOfOrigin(of.origin, origin) ? [{ day, subjects, values: of.values }] : [];
    });
    const current = { day: today, subjects: frame.subjects, values: frame.columns[id] as NumberColumn };
    frame.columns[`${id}.slope`] = slopes(frame.subjects, [...points, current]);
  }
}

/** The metrics whose derived facts are computed: those asked for, else those that rules read and those of `trends.metrics`. */
export function derivedIds(
  plugins: readonly LoadedPlugin[],
  facts: readonly string[],
  always: 'all' | readonly string[],
  asked: EvaluateOptions['derived'],
): ReadonlySet<string> {
  const ids = plugins.flatMap((plugin) => (plugin.kind === 'metric' ? [plugin.definition.id] : []));
  const wanted = asked ?? (always === 'all' ? 'all' : [...always, ...facts.flatMap((fact) => derivedFrom(fact) ?? [])]);
  return new Set(wanted === 'all' ? ids : ids.filter((id) => wanted.includes(id)));
}
