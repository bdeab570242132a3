import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openWorkspace } from '@rapport/host';
import { FEATURES, simulateBatches } from '@rapport/simulate';
import { progress } from './progress.js';

/** A simulated company in a workspace of its own. */
export interface Company {
  readonly folder: string;
  /** End of the simulated time, epoch ms: evaluate as of here. */
  readonly asOf: number;
}
export interface CompanySize {
  readonly events: number;
  readonly accounts: number;
}

const END = Date.parse('2025-01-01');
const CALLS = 10_000;
/** Share of the simulated calls that are events; the others (`identify`, `group`) only set traits. */
const EVENTS_PER_CALL = 0.95;
export const CONFIG = {
  workspace: 'bench',
  timeZone: 'UTC',
  store: 'duckdb:bench.duckdb',
  metrics: { 'feature-adoption': { catalogue: [...FEATURES] } },
};

/** Changes with whatever decides what is in the file. */
async function fingerprint(size: CompanySize): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([size, CONFIG]));
  for (const name of ['simulate', 'store', 'store-duckdb', 'engine']) {
    const folder = fileURLToPath(new URL('.', import.meta.resolve(`@rapport/${name}`)));
    for (const file of (await readdir(folder)).sort()) {
      if (/^(?!.*\.test\.).*\.(js|ts)$/.test(file)) hash.update(file).update(await readFile(join(folder, file)));
    }
  }
  return hash.digest('hex').slice(0, 12);
}

/**
 * The company of that size: kept in the cache folder (`RAPPORT_BENCH_CACHE`, else the system's temporary folder) and made when it is not there or
 * was made by other code.
 */
export async function company(size: CompanySize): Promise<Company> {
  const cache = process.env['RAPPORT_BENCH_CACHE'] ?? join(tmpdir(), 'rapport-bench');
  const folder = join(cache, `${size.events}-${size.accounts}-${await fingerprint(size)}`);
  if (existsSync(folder)) {
    progress(`using ${folder}`);
    return { folder, asOf: END };
  }
  const making = `${folder}.making-${process.pid}`;
  await mkdir(making, { recursive: true });
  try {
    await fill(making, size);
    await rename(making, folder);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return { folder, asOf: END };
}

async function fill(folder: string, { events, accounts }: CompanySize): Promise<void> {
  await writeFile(join(folder, 'rapport.json'), JSON.stringify(CONFIG));
  const workspace = await openWorkspace(folder);
  const { engine } = workspace;
  const began = performance.now();
  let sent = 0;
  let batch: unknown[] = [];
  const flush = async () => {
    const { refused } = await engine.ingest(batch);
    if (refused[0]) throw new Error(`a simulated call was refused: ${refused[0].message}`);
    const before = Math.floor(sent / 250_000);
    sent += batch.length;
    batch = [];
    if (Math.floor(sent / 250_000) > before) {
      progress(`${sent} calls, ${Math.round((sent / (performance.now() - began)) * 1000)}/s`);
    }
  };
  try {
    for (const calls of simulateBatches({
      seed: 1,
      events: Math.round(events / EVENTS_PER_CALL),
      accounts,
      end: END,
    })) {
      batch.push(...calls);
      if (batch.length >= CALLS) await flush();
    }
    await flush();
  } finally {
    await workspace.close();
  }
}
