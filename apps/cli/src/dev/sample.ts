import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig, type Engine, type WorkspaceConfig } from '@rapport/engine';
import { openWorkspace, type Workspace } from '@rapport/host';
import { simulateBatches } from '@rapport/simulate';
import { CONFIG } from '../workspace.js';
import { fileBytes } from '../import/bytes.js';
import { fileIntake } from '../import/intake.js';
import { importNdjson } from '../import/ndjson.js';
import { refusalLedger } from '../import/refusals.js';

/** What a plugin is shown with: a folder with `rapport.json`, `*.ndjson` and `rules/`, each of them optional. */
export interface Sample {
  /** The folder; where there is none, a small simulated company stands in. */
  readonly dir: string;
  /** Where its store is kept. */
  readonly scratch: string;
}

/** The simulated company; always the same. */
const COMPANY = { seed: 1, events: 5_000, accounts: 10, end: Date.UTC(2026, 2, 1) };

/** The store's content, so that events are read again only when they or the zone change. */
const read = new Map<string, string>();

/**
 * Opens the workspace of a sample with a plugin under development in it, its events imported. Throws what opening a workspace throws.
 *
 * @returns the workspace, and the lines of events that were refused
 */
export async function openSample(
  { dir, scratch }: Sample,
  pluginDir: string,
  signal: AbortSignal,
): Promise<{ readonly workspace: Workspace; readonly refused: readonly string[] }> {
  const file = join(dir, CONFIG);
  const given: WorkspaceConfig = existsSync(file) ? await readConfig(file) : { workspace: 'sample' };
  const store = join(scratch, 'sample.duckdb');
  const events = existsSync(dir) ? readdirSync(dir).filter((name) => name.endsWith('.ndjson')).sort() : []; // prettier-ignore
  const content = createHash('sha256').update(JSON.stringify([given.timeZone, given.accounts, events]));
  for (const name of events) content.update(readFileSync(join(dir, name)));
  const fingerprint = content.digest('hex');
  const changed = read.get(store) !== fingerprint;
  if (changed) for (const path of [store, `${store}.wal`]) rmSync(path, { force: true });
  const workspace = await openWorkspace(
    { config: { ...given, store: `duckdb:${store}` }, root: existsSync(dir) ? dir : pluginDir },
    { pluginDirs: [pluginDir] },
  );
  try {
    const refused = changed ? await importSample(workspace.engine, dir, events, signal) : [];
    if (!signal.aborted && refused.length === 0) read.set(store, fingerprint);
    return { workspace, refused };
  } catch (error) {
    await workspace.close();
    throw error;
  }
}

async function importSample(
  engine: Engine,
  dir: string,
  events: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (events.length === 0) {
    for (const batch of simulateBatches(COMPANY)) await engine.ingest(batch);
    return [];
  }
  const ledger = refusalLedger(5);
  for (const name of events) {
    const intake = fileIntake(name, (calls) => engine.ingest(calls), ledger);
    await importNdjson(fileBytes(join(dir, name)), intake, signal);
    await intake.finish();
  }
  return ledger
    .reasons()
    .flatMap(({ code, examples }) =>
      examples.map(({ file, line, pointer, message }) => `${file}:${String(line)}${pointer} ${message} (${code})`),
    );
}
