import { parseArgs } from 'node:util';
import { median, progress } from './progress.js';
import { fastEngine, timeCompat, type CompatTimes } from './rules-compat.js';
import { portfolioOf, rulesOf } from './rules-portfolio.js';
import { reference } from './rules-reference.js';
import { timeRules } from './rules-step.js';
import { round, size } from './size.js';

export const RULES_HELP = `rules [--rules N] [--subjects M] [--sample K] [--fast MODULE] [--json]
  Rules over all subjects by columns, one by one, and with the full trace; the same as documents of json-rules-engine. Against
  json-rules-engine, on K of the subjects, and against fast-json-rules-engine where it is installed, or at MODULE.
`;

const million = (perSecond: number) => `${(perSecond / 1e6).toFixed(2)}M`;

/** The `rules` benchmark, against json-rules-engine. Returns the exit code. */
export async function benchRules(args: readonly string[], against = reference): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rules: { type: 'string' },
      subjects: { type: 'string' },
      sample: { type: 'string' },
      fast: { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  const rules = size('rules', values.rules, 50);
  const subjects = size('subjects', values.subjects, 20_000);
  const sample = size('sample', values.sample, Math.min(2000, subjects));
  if (sample > subjects) throw new RangeError(`--sample ${String(sample)}: there are ${String(subjects)} subjects`);
  const times = await timeRules({ rules, subjects, sample }, against);
  if (times.wrong.length > 0) {
    process.stderr.write(`${times.wrong.slice(0, 20).join('\n')}\nThe verdicts differ.\n`);
    return 1;
  }
  const compat = await timeCompat(
    rulesOf(rules, 2),
    portfolioOf(subjects, 1),
    sample,
    against(rulesOf(rules, 2)),
    await fastEngine(values.fast),
  );
  if (compat.wrong.length > 0) {
    process.stderr.write(`${compat.wrong.slice(0, 20).join('\n')}\nThe verdicts differ.\n`);
    return 1;
  }
  const theirs = median(times.reference);
  const [perSecond, match, trace] = [median(times.columnar), median(times.match), median(times.trace)];
  progress(
    `rule evaluations per second: ${million(perSecond)} by columns (${million(median(times.slices))} in slices), ` +
      `${million(match)} one by one, ${million(trace)} with traces, ${million(theirs)} by json-rules-engine on ${String(sample)} subjects`,
  );
  const figures = {
    perSecond: Math.round(perSecond),
    jsonRulesEnginePerSecond: Math.round(theirs),
    ratioColumnar: round(perSecond / theirs, 1),
    ratioMatch: round(match / theirs, 1),
    ratioTrace: round(trace / theirs, 1),
    compileMsPer1000: round(median(times.compileMs), 1),
    compat: compatFigures(compat),
  };
  process.stdout.write(
    values.json
      ? `${JSON.stringify(figures)}\n`
      : `${million(figures.perSecond)} rule evaluations per second by columns: ${String(figures.ratioColumnar)} times json-rules-engine; ` +
          `one by one ${String(figures.ratioMatch)} times, with traces ${String(figures.ratioTrace)} times; 1000 rules compile in ${String(figures.compileMsPer1000)} ms\n` +
          `documents of json-rules-engine: ${String(figures.compat.ratioMatch)} times it one by one, ${String(figures.compat.ratioTogether)} times together, ` +
          `${String(figures.compat.ratioTrace)} times with traces; ${String(figures.compat.ratioFast ?? 'no')} times fast-json-rules-engine\n`,
  );
  return 0;
}

/** Processor time of json-rules-engine's documents. Ratios above 1: Rapport is faster. `ratioFast` compares sets with sets, `ratioFastSingle` rules one by one. */
function compatFigures({ match, set, trace, reference: theirs, tracing, fastSet, fastSingle }: CompatTimes) {
  const [one, together] = [median(match), median(set)];
  const over = (others: readonly number[], ours: number, digits: number) =>
    others.length === 0 ? null : round(median(others) / ours, digits);
  return {
    cpuNsMatch: round(one, 1),
    cpuNsTogether: round(together, 1),
    ratioMatch: over(theirs, one, 1),
    ratioTogether: over(theirs, together, 1),
    ratioTrace: over(tracing, median(trace), 1),
    ratioFast: over(fastSet, together, 2),
    ratioFastSingle: over(fastSingle, one, 2),
  };
}
