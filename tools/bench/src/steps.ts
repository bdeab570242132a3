import { company } from './company.js';
import { concurrently } from './concurrent-step.js';
import { memory, timeBoth } from './evaluate-step.js';
import { timeAgain } from './incremental-step.js';
import { timeOneMore } from './one-more-step.js';
import { timeBacktest, timePreviews } from './rehearsal-step.js';

/*
 * The steps of benchmarks, each in a process of its own, so that what the import needed in memory, and what SQL needed, is not counted as the
 * evaluation's. Started by step.ts with the step and its argument in JSON; answers with one message.
 */

/** What can be asked for, and what comes back. */
export const steps = {
  company,
  timeBoth,
  memory,
  timeAgain,
  timeOneMore,
  timePreviews,
  timeBacktest,
  concurrently,
} as const;
export type Steps = typeof steps;

if (process.send) {
  const [step, argument] = process.argv.slice(2);
  const run = steps[step as keyof Steps] as (argument: never) => Promise<unknown>;
  const answer = await run(JSON.parse(argument ?? 'null') as never);
  process.send(answer, () => process.disconnect());
}
