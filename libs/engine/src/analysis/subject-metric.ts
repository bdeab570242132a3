import { valueAt, type ResultFrame } from '@rapport/store';
import type { SubjectKind } from '@rapport/sdk';
import { EngineError, type LoadedPlugin } from '@rapport/plugin-host';
import { checkMetrics } from '../measurement/evaluation.js';
import type { Evaluation } from '../measurement/evaluation.js';

export type LoadedMetric = Extract<LoadedPlugin, { readonly kind: 'metric' }>;

/** The metric of that id. Throws `RAPPORT_EVALUATE_METRIC` when there is none, `RAPPORT_ANALYSIS_SUBJECT` when it has no value for such a subject. */
export function metricFor(plugins: readonly LoadedPlugin[], id: string, kind: SubjectKind): LoadedMetric {
  checkMetrics([id], plugins);
  const found = plugins.find(
    (plugin): plugin is LoadedMetric => plugin.kind === 'metric' && plugin.definition.id === id,
  );
  if (!found?.definition.subjects.includes(kind))
    throw new EngineError(
      'RAPPORT_ANALYSIS_SUBJECT',
      `${id} is no metric of ${kind === 'portfolio' ? 'the portfolio' : `${kind}s`}; it is one of ${found?.definition.subjects.join(', ') ?? 'nothing'}.`,
    );
  return found;
}

/** The frame of one kind of subject; the portfolio's is that of the whole. */
export const frameOf = (evaluation: Evaluation, kind: SubjectKind): ResultFrame | null =>
  evaluation.frames.find(
    ({ level }) => level.kind === kind && !(level.kind === 'portfolio' && level.by !== undefined),
  ) ?? null;

/** A cell of a frame; null when the frame has no such column or subject. */
export function cellOf(frame: ResultFrame, column: string, row: number): unknown {
  const found = Object.hasOwn(frame.columns, column) ? frame.columns[column] : undefined;
  return found && row >= 0 ? (valueAt(found, row) ?? null) : null;
}

/** A number of a frame, or null. */
export function numberAt(frame: ResultFrame, column: string, row: number): number | null {
  const value = cellOf(frame, column, row);
  return typeof value === 'number' ? value : null;
}
