import type { SubjectKind } from '@rapport/sdk';
import { zone as zoneOf } from '@rapport/sdk/time';
import { resolveWindow, type Properties } from '@rapport/store';
import { EngineError } from '@rapport/plugin-host';
import { metricFor } from './subject-metric.js';
import type { AnalysisSource } from './source.js';

export interface EvidenceOptions {
  readonly metric: string;
  readonly kind: SubjectKind;
  /** '' for the portfolio. */
  readonly id: string;
  /** Instant, epoch ms. */
  readonly asOf: number;
  /** Most to return; default 50. */
  readonly limit?: number;
}
/** An event that a person would read to understand a value. */
export interface Verbatim {
  /** Message id. */
  readonly id: string;
  readonly time: string;
  readonly event: string;
  readonly user: string | null;
  readonly account: string | null;
  /** Those of the properties that the metric names which the event has; the text first. */
  readonly properties: Properties;
}
export interface EvidenceReport {
  readonly metric: string;
  readonly title: string;
  readonly kind: SubjectKind;
  readonly id: string;
  readonly asOf: string;
  /** Days that were looked at, as instants; `from` null is the beginning of time. */
  readonly window: { readonly from: string | null; readonly to: string };
  /** What the metric shows, the text first. */
  readonly properties: readonly string[];
  /** Newest first. */
  readonly items: readonly Verbatim[];
}

const MOST = 1000;

/**
 * The comments behind a value: quality beside quantity. They are events of the metric's own window and filter that carry at least one of the properties it names.
 *
 * Throws `RAPPORT_EVALUATE_METRIC`, `RAPPORT_ANALYSIS_SUBJECT`, `RAPPORT_ANALYSIS_OPTION`, `RAPPORT_ANALYSIS_NO_EVIDENCE` for a metric that has none to show.
 */
export async function evidence(source: AnalysisSource, options: EvidenceOptions): Promise<EvidenceReport> {
  const { metric, kind, id, asOf, limit = 50 } = options;
  const { definition } = metricFor(source.plugins, metric, kind);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST)
    throw new EngineError('RAPPORT_ANALYSIS_OPTION', `limit must be a whole number from 1 to ${String(MOST)}.`);
  if (!definition.evidence) {
    const others = source.plugins.flatMap((plugin) =>
      plugin.kind === 'metric' && plugin.definition.evidence ? [plugin.definition.id] : [],
    );
    throw new EngineError(
      'RAPPORT_ANALYSIS_NO_EVIDENCE',
      `${metric} rests on no comments. Metrics that do: ${others.join(', ') || 'none'}.`,
    );
  }
  const { filter, properties } = definition.evidence;
  const window = resolveWindow(definition.evidence.window, asOf, zoneOf(source.store.zone));
  if (window.kind !== 'days')
    throw new EngineError('RAPPORT_ANALYSIS_NO_EVIDENCE', `${metric} looks at no fixed days.`);
  const snapshot = await source.store.snapshot();
  try {
    const found = await snapshot.recent(kind, kind === 'portfolio' ? '' : id, asOf, limit, {
      filter,
      window,
      properties,
    });
    return {
      metric,
      title: definition.title,
      kind,
      id,
      asOf: new Date(asOf).toISOString(),
      window: {
        from: window.start === null ? null : new Date(window.start).toISOString(),
        to: new Date(window.end).toISOString(),
      },
      properties,
      items: found.map((event) => ({
        id: event.id,
        time: new Date(event.time).toISOString(),
        event: event.event,
        user: event.user,
        account: event.account,
        properties: Object.fromEntries(
          properties.flatMap((name) => {
            const value = Object.hasOwn(event.properties, name) ? event.properties[name] : undefined;
            return value === undefined ? [] : [[name, value] as const];
          }),
        ),
      })),
    };
  } finally {
    await snapshot.close();
  }
}
