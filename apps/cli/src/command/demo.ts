import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { serve, type Workspace } from '@rapport/host';
import { FEATURES, simulate } from '@rapport/simulate';
import { exit, failure } from '@rapport/errors';
import { progress } from '../progress.js';
import { count, elapsed } from '../table.js';
import { BATCH } from '../import/intake.js';
import { createWorkspace, OWN_FOLDER, withWorkspace } from '../workspace.js';
import { evaluateReport, evaluateText } from './evaluate.js';
import type { Outcome, Session } from './outcome.js';
import { interrupted } from './serve.js';

export interface DemoOptions {
  readonly accounts: number;
  readonly events: number;
  readonly seed: number;
  readonly once: boolean;
  readonly port?: number;
}

const DAY = 86_400_000;

/** A company that does not exist, imported, evaluated, shown and served. Made anew every time, in `.rapport/demo`, or with `--once` in a folder that is removed. */
export async function demo(session: Session, options: DemoOptions): Promise<Outcome> {
  const { io } = session;
  if (session.workspace !== undefined) {
    throw failure('RAPPORT_CLI_DEMO_WORKSPACE', {});
  }
  const dir = options.once ? mkdtempSync(join(tmpdir(), 'rapport-demo-')) : join(io.cwd, OWN_FOLDER, 'demo');
  if (!options.once && existsSync(dir)) rmSync(dir, { recursive: true });
  createWorkspace(dir, {
    workspace: 'demo',
    timeZone: 'UTC',
    store: 'duckdb:rapport.duckdb',
    metrics: { 'feature-adoption': { catalogue: FEATURES } },
    http: { host: '127.0.0.1', port: 8080 },
  });
  try {
    return await withWorkspace(dir, (workspace) => show(session, workspace, dir, options));
  } finally {
    if (options.once) rmSync(dir, { recursive: true, force: true });
  }
}

function* batches<T>(items: Iterable<T>): Generator<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    if (batch.push(item) < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function show(session: Session, workspace: Workspace, dir: string, options: DemoOptions): Promise<Outcome> {
  const { io } = session;
  const { engine } = workspace;
  const started = performance.now();
  const asOf = Math.floor(io.now() / DAY) * DAY;
  const shape = { seed: options.seed, events: options.events, accounts: options.accounts, end: asOf };
  const bar = progress(io, options.events, { quiet: session.json });
  let accepted = 0;
  let refused = 0;
  const underWay = new Set<Promise<void>>();
  for (const batch of batches(simulate(shape))) {
    if (io.signal.aborted) break;
    const sent: Promise<void> = engine
      .ingest(batch)
      .then((report) => {
        accepted += report.accepted;
        refused += report.refused.length;
        bar.update(accepted, accepted);
      })
      .finally(() => underWay.delete(sent));
    underWay.add(sent);
    if (underWay.size >= 4) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  bar.stop();
  const imported = performance.now() - started;
  const report = await evaluateReport(engine, { asOf, compareDays: 30, dryRun: false, movers: 5 });
  const seconds = Math.round(performance.now() - started) / 1000;
  const text = [
    `A simulated company: ${count(accepted)} events${refused > 0 ? ` (${count(refused)} refused)` : ''} imported in ${elapsed(imported)}, evaluated in ${elapsed(report.seconds * 1000)}.`,
    '',
    evaluateText(report, engine, asOf),
  ].join('\n');
  const json = { accepted, refused, seconds, evaluation: report };
  if (options.once || io.signal.aborted)
    return { json, text, exitCode: io.signal.aborted ? exit.interrupted : exit.ok };

  const server = await serve(workspace, options.port === undefined ? {} : { port: options.port });
  session.say(text);
  const first = report.movers.accounts[0]?.account ?? '';
  session.say(
    [
      '',
      `Serving at ${server.url} (Ctrl-C ends it):`,
      `  ${server.url}/v1/portfolio`,
      `  ${server.url}/v1/segments`,
      ...(first === '' ? [] : [`  ${server.url}/v1/accounts/${encodeURIComponent(first)}`]),
      `While it runs it holds the data; afterwards: rapport --workspace ${relative(io.cwd, dir)} account ${first}`,
    ].join('\n'),
  );
  await interrupted(io.signal);
  await server.close();
  return { json: { ...json, url: server.url }, text: 'Stopped.', exitCode: exit.ok };
}
