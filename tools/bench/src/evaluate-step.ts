import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { openWorkspace } from '@rapport/host';
import { company, CONFIG, type Company } from './company.js';
import { differences } from './evaluate-compare.js';
import { evaluateBySql } from './evaluate-sql.js';
import { progress } from './progress.js';

/*
 * The steps of the evaluate benchmark, each in a process of its own, so that what the import needed in memory, and what SQL needed, is not counted
 * as the evaluation's. Started by evaluate.ts with the step and its argument in JSON; answers with one message.
 */

const LEVELS = [{ kind: 'account' }] as const;
const MEGABYTE = 1024;

const rounds = 3;
const runsPerRound = 2;

async function timeBoth({ folder, asOf }: Company) {
  const ours: number[] = [];
  const theirs: number[] = [];
  let wrong: readonly string[] = [];
  let counts = { events: 0, accounts: 0 };
  const file = join(folder, CONFIG.store.slice('duckdb:'.length));
  // The file can be open once at a time, so the two take turns. Each warms up once per turn, untimed.
  for (let round = 0; round < rounds; round++) {
    const workspace = await openWorkspace(folder);
    const { events, accounts } = await workspace.engine.stats();
    counts = { events, accounts };
    let evaluation = await workspace.engine.evaluate({ asOf, levels: LEVELS });
    for (let run = 0; run < runsPerRound; run++) {
      const began = performance.now();
      evaluation = await workspace.engine.evaluate({ asOf, levels: LEVELS });
      ours.push((performance.now() - began) / 1000);
    }
    await workspace.close();
    const [failure] = evaluation.failures;
    if (failure) throw new Error(`${failure.metric}: ${failure.message}`);

    const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' });
    const connection = await instance.connect();
    let answers = await evaluateBySql(connection, asOf);
    for (let run = 0; run < runsPerRound; run++) {
      const began = performance.now();
      answers = await evaluateBySql(connection, asOf);
      theirs.push((performance.now() - began) / 1000);
    }
    connection.closeSync();
    instance.closeSync();
    const [frame] = evaluation.frames;
    wrong = frame ? differences(frame, answers) : ['the evaluation gave no accounts'];
    if (wrong.length > 0) break;
    progress(
      `round ${round + 1}: ${ours
        .slice(-runsPerRound)
        .map((s) => s.toFixed(2))
        .join(', ')} s; SQL ${theirs
        .slice(-runsPerRound)
        .map((s) => s.toFixed(2))
        .join(', ')} s`,
    );
  }
  return { ...counts, ours, theirs, wrong };
}

async function memory({ folder, asOf }: Company) {
  const workspace = await openWorkspace(folder);
  await workspace.engine.evaluate({ asOf, levels: LEVELS });
  await workspace.engine.evaluate({ asOf, levels: LEVELS });
  await workspace.close();
  return { rssMb: Math.round(process.resourceUsage().maxRSS / MEGABYTE) };
}

/** What can be asked for, and what comes back. */
export const steps = { company, timeBoth, memory } as const;
export type Steps = typeof steps;

if (process.send) {
  const [step, argument] = process.argv.slice(2);
  const run = steps[step as keyof Steps] as (argument: never) => Promise<unknown>;
  const answer = await run(JSON.parse(argument ?? 'null') as never);
  process.send(answer, () => process.disconnect());
}
