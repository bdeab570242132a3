import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { openWorkspace } from '@rapport/host';
import { CONFIG, type Company } from './company.js';
import { differences } from './evaluate-compare.js';
import { evaluateBySql } from './evaluate-sql.js';
import { progress } from './progress.js';

const LEVELS = [{ kind: 'account' }] as const;
const MEGABYTE = 1024;

const rounds = 3;
const runsPerRound = 2;

/** Evaluates by Rapport and by SQL, in turns, and compares the numbers. */
export async function timeBoth({ folder, asOf }: Company) {
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
    let evaluation = await workspace.engine.evaluate({ asOf, levels: LEVELS, full: true, derived: [] });
    for (let run = 0; run < runsPerRound; run++) {
      const began = performance.now();
      evaluation = await workspace.engine.evaluate({ asOf, levels: LEVELS, full: true, derived: [] });
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

/** Peak memory of a process that only evaluates. */
export async function memory({ folder, asOf }: Company) {
  const workspace = await openWorkspace(folder);
  await workspace.engine.evaluate({ asOf, levels: LEVELS, full: true, derived: [] });
  await workspace.engine.evaluate({ asOf, levels: LEVELS, full: true, derived: [] });
  await workspace.close();
  return { rssMb: Math.round(process.resourceUsage().maxRSS / MEGABYTE) };
}
