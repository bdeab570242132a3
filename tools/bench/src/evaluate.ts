import { parseArgs } from 'node:util';
import { median, progress } from './progress.js';
import { round, size } from './size.js';
import { step } from './step.js';

export const EVALUATE_HELP = `evaluate --events N [--accounts M] [--json]
  Evaluates all metrics for all accounts of a simulated company, and computes the same numbers by hand-written SQL on the same
  file; fails when any number differs. About N events are simulated (default 1000000), and M accounts (default N / 500).
`;

/** The `evaluate` benchmark. Exit code: 0, or 1 when a number differs from SQL's. */
export async function benchEvaluate(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { events: { type: 'string' }, accounts: { type: 'string' }, json: { type: 'boolean' } },
  });
  const events = size('events', values.events, 1_000_000);
  const accounts = size('accounts', values.accounts, Math.max(1, Math.round(events / 500)));
  const company = await step('company', { events, accounts });
  const timed = await step('timeBoth', company);
  if (timed.wrong.length > 0) {
    for (const difference of timed.wrong) progress(`differs: ${difference}`);
    return 1;
  }
  const { rssMb } = await step('memory', company);
  const [seconds, sqlSeconds] = [median(timed.ours), median(timed.theirs)];
  const figures = {
    events: timed.events,
    accounts: timed.accounts,
    seconds: round(seconds, 3),
    sqlSeconds: round(sqlSeconds, 3),
    ratio: round(seconds / sqlSeconds, 2),
    rssMb,
  };
  process.stdout.write(
    values.json
      ? `${JSON.stringify(figures)}\n`
      : `${figures.events} events, ${figures.accounts} accounts: evaluated in ${figures.seconds} s, by SQL in ${figures.sqlSeconds} s (ratio ${figures.ratio}), peak memory ${figures.rssMb} MB; all numbers equal\n`,
  );
  return 0;
}
