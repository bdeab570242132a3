import type { ResultFrame } from '@rapport/store';

/** Reasons for which a metric has no value although there may be one; the others are answers. */
const FAILED: readonly string[] = ['error', 'invalid-value', 'switched-off', 'timeout', 'memory'];

/** Which rows of a frame a metric failed for; null for none. */
export function failedRows(frame: ResultFrame | undefined, metric: string): ((row: number) => boolean) | null {
  const reasons = frame?.columns[`${metric}.reason`];
  if (reasons?.type !== 'text' || !reasons.dictionary.some((reason) => FAILED.includes(reason))) return null;
  return (row) => FAILED.includes(reasons.dictionary[reasons.codes[row] ?? -1] ?? '');
}
