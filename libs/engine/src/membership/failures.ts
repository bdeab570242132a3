import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { factsOf } from '@rapport/rules';
import { derivedFrom, operatorsOf, type LoadedPlugin } from '@rapport/plugin-host';
import type { Evaluated } from '../measurement/evaluation.js';
import { failedRows } from '../measurement/failed-rows.js';
import { isWhole, levelKey } from '../measurement/planner.js';

/** Metrics that failed behind a document's rules. */
export interface HeldBack {
  /** Whether a subject stays where it is. */
  readonly isHeld: (subject: number) => boolean;
  /** A sentence that names the metrics. */
  readonly message: string;
}
export type FailuresBehind = (document: SegmentDocument | PlaybookDocument) => HeldBack | null;

/** For each document the metrics that failed behind it: those that its facts are made of, of the subject itself or the portfolio, now or in the window before. */
export function failuresBehind(
  plugins: readonly LoadedPlugin[],
  { evaluation, levels, failedBefore }: Evaluated,
): FailuresBehind {
  if (evaluation.failures.length === 0) return () => null;
  const operators = operatorsOf(plugins);
  const metrics = new Map(
    plugins.flatMap((plugin) => (plugin.kind === 'metric' ? [[plugin.definition.id, plugin.definition]] : [])),
  );
  const whole = evaluation.frames.find(({ level }) => isWhole(level));
  return (document) => {
    const level = levels.find(({ plan }) => plan.plan.level.kind === document.subject);
    if (!level) return null;
    const frame = level.results;
    const before = failedBefore?.get(levelKey(frame.level));
    const own = new Set<string>();
    const ofPortfolio = new Set<string>();
    const derived = new Set<string>();
    for (const { fact } of factsOf(document, operators)) {
      own.add(fact.split('.', 1)[0] ?? '');
      const metric = derivedFrom(fact);
      if (metric !== null && !fact.endsWith('.slope')) derived.add(metric);
    }
    // A set grows while it is gone through.
    for (const id of own) {
      for (const used of metrics.get(id)?.uses ?? []) own.add(used);
      for (const used of metrics.get(id)?.usesPortfolio ?? []) ofPortfolio.add(used);
    }
    for (const id of derived) for (const used of metrics.get(id)?.uses ?? []) derived.add(used);
    for (const id of ofPortfolio)
      for (const used of [...(metrics.get(id)?.uses ?? []), ...(metrics.get(id)?.usesPortfolio ?? [])])
        ofPortfolio.add(used);

    const failing: string[] = [];
    const held: ((row: number) => boolean)[] = [];
    const note = (id: string, isHeld: ((row: number) => boolean) | null) => {
      if (!isHeld) return;
      failing.push(id);
      held.push(isHeld);
    };
    for (const id of own) note(id, failedRows(frame, id));
    for (const id of derived) {
      const subjects = before?.get(id);
      note(id, subjects ? (row) => subjects.has(frame.subjects[row] ?? '') : null);
    }
    for (const id of ofPortfolio) {
      const isFailed = whole ? failedRows(whole, id) : null;
      note(id, isFailed?.(0) ? () => true : null);
    }
    if (held.length === 0) return null;
    const names = [...new Set(failing)].map((id) => `"${id}"`).join(', ');
    return {
      isHeld: (row) => held.some((isHeld) => isHeld(row)),
      message: `${names} failed for some subjects, which stay where they are.`,
    };
  };
}
