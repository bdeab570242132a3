import { type EvaluateOptions, type Evaluation, checkMetrics } from './measurement/evaluation.js';
import { defaultLevels, evaluateAll } from './membership/fact-tables.js';
import type { RunSetting } from './membership/setting.js';
import { whatIf } from './membership/what-if.js';
import { instantOf } from './instant.js';

/** Computes; writes nothing. Throws `RAPPORT_EVALUATE_AS_OF`, `RAPPORT_EVALUATE_METRIC`, `RAPPORT_EVALUATE_CONFIG`. */
export async function evaluateOnly(given: RunSetting, options: EvaluateOptions): Promise<Evaluation> {
  const asOf = instantOf(options.asOf, given.clock);
  checkMetrics(options.metrics, given.plugins);
  return whatIf(given, options, (setting) => evaluateAsOf(setting, asOf, options));
}

export async function evaluateAsOf(setting: RunSetting, asOf: number, options: EvaluateOptions): Promise<Evaluation> {
  const snapshot = await setting.store.snapshot();
  try {
    const levels = options.levels ?? defaultLevels(setting);
    return (await evaluateAll(setting, false, snapshot, asOf, levels, options)).evaluation;
  } finally {
    await snapshot.close();
  }
}
