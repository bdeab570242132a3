import type { MetricDefinition, Parts } from '@rapport/sdk';
import type { TProperties } from 'typebox';
import { conformance, type ConformanceOptions } from './conformance.js';
import { TestkitError } from './error.js';

export type CheckOptions<C extends TProperties> = ConformanceOptions<C>;

/**
 * Tries a metric on random worlds, as `conformance` does, and throws `RAPPORT_TESTKIT_CONTRACT` with all that was found, each with the smallest world in
 * which it shows. For a metric's tests.
 */
export async function checkMetric<C extends TProperties, M, P extends Parts>(
  definition: MetricDefinition<C, M, P>,
  options: CheckOptions<C> = {},
): Promise<void> {
  const findings = await conformance(definition, options);
  if (findings.length === 0) return;
  const told = findings.map(
    ({ code, sentence, world }) => `${sentence} (${code})${world === null ? '' : `\n  in this world: ${world}`}`,
  );
  throw new TestkitError('RAPPORT_TESTKIT_CONTRACT', told.join('\n'));
}
