import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Steps } from './evaluate-step.js';
import { median, progress } from './progress.js';
import { size } from './size.js';

export const EVALUATE_HELP = `evaluate --events N [--accounts M] [--json]
  Evaluates all metrics for all accounts of a simulated company, and computes the same numbers by hand-written SQL on the same
  file; fails when any number differs. About N events are simulated (default 1000000), and M accounts (default N / 500).
`;

/** Runs one step in a process of its own. */
function step<S extends keyof Steps>(name: S, argument: Parameters<Steps[S]>[0]): ReturnType<Steps[S]> {
  const module = fileURLToPath(new URL(`./evaluate-step${extname(import.meta.url)}`, import.meta.url));
  const answer = new Promise((resolve, reject) => {
    const child = fork(module, [name, JSON.stringify(argument)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    let message: unknown;
    child.on('message', (given) => (message = given));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0 && message !== undefined) resolve(message);
      else reject(new Error(`the step "${name}" ended with ${String(code)}`));
    });
  });
  return answer as ReturnType<Steps[S]>;
}

const round = (value: number, digits: number) => Number(value.toFixed(digits));

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
