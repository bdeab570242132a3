import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { count, lifetime } from '@rapport/sdk';
import type { MeasureNode } from '@rapport/store';
import { zone } from '@rapport/sdk/time';
import { resolveMeasure, valueAt } from '@rapport/store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BATCH, SUBJECTS, batchOf, runOf } from './crash.test.fixture.js';
import { openDuckdbStore } from './index.js';

const ROUNDS = Number(process.env['RAPPORT_CRASHES'] ?? 3);
const EVENTS_PER_BATCH = batchOf(0, 0).filter(({ event }) => event !== undefined).length;
const fixture = fileURLToPath(new URL('./crash.test.fixture.ts', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rapport-crash-'));
  path = join(folder, 'workspace.duckdb');
});
afterEach(() => rm(folder, { recursive: true }));

/** Lets the child work for a while after its first line, then kills it for good. Returns what it said. */
function killed(what: string, round: number, ms: number): Promise<readonly string[]> {
  const args = ['--conditions=@rapport/source', '--import', tsx, fixture, what, path, String(round)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (lines.push(line) === 1) setTimeout(() => child.kill('SIGKILL'), ms);
  });
  return new Promise((resolve, reject) => {
    child.on('close', (_, signal) => {
      if (signal === 'SIGKILL') resolve(lines);
      else reject(new Error(`the child ended by itself: ${complaints}`));
    });
  });
}

const open = () => openDuckdbStore({ path, zone: 'Europe/Berlin' });
const AS_OF = Date.UTC(2025, 0, 1);
async function countEvents(store: Awaited<ReturnType<typeof open>>): Promise<unknown> {
  const snapshot = await store.snapshot();
  const node = resolveMeasure(count({}, lifetime()) as MeasureNode, AS_OF, zone('Europe/Berlin'));
  const [frame] = await snapshot.measure([{ level: { kind: 'portfolio' }, asOf: AS_OF, measures: [node] }]);
  await snapshot.close();
  return frame?.columns[0] && valueAt(frame.columns[0], 0);
}

describe('kill -9', () => {
  it('loses no acknowledged message, and takes none twice', async () => {
    let batches = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const acknowledged = (await killed('append', round, 40 + 130 * round)).length;
      const store = await open();
      for (let n = 0; n < acknowledged; n++) {
        expect(await store.append(batchOf(round, n))).toEqual({ accepted: 0, duplicates: BATCH });
      }
      // The batch that was under way is there whole, or not at all.
      const { accepted } = await store.append(batchOf(round, acknowledged));
      expect([0, BATCH]).toContain(accepted);
      batches += acknowledged + 1;
      expect(await countEvents(store)).toBe(batches * EVENTS_PER_BATCH);
      expect((await store.stats()).events).toBe(batches * EVENTS_PER_BATCH);
      await store.close();
    }
  });

  it('leaves a run whole, or nothing of it', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const said = await killed('run', round, 60 + 90 * round);
      const acknowledged = Math.max(0, ...said.filter((line) => !line.startsWith('begin')).map(Number));
      const store = await open();
      const last = (await store.latestRun())?.number ?? 0;
      expect([acknowledged, acknowledged + 1]).toContain(last);
      expect((await store.runs(1_000_000)).map(({ number }) => number)).toEqual(
        Array.from({ length: last }, (_, i) => last - i),
      );
      for (let n = 1; n <= last; n++) {
        const frame = await store.results(n, { kind: 'account' });
        expect(frame?.subjects).toEqual(runOf(n).frames[0]?.subjects);
        expect(Object.keys(frame?.columns ?? {})).toHaveLength(20);
      }
      expect(await store.results(last + 1, { kind: 'account' })).toBeNull();
      expect(await store.transitions({ limit: 1_000_000 })).toHaveLength(last * SUBJECTS);
      expect(await store.memberships()).toHaveLength(last % 2 === 1 ? SUBJECTS : 0);
      expect(await store.list({ limit: 1_000_000 })).toHaveLength(last * 50);
      expect((await store.runs(1000)).map(({ manifest }) => manifest.zone)).toEqual(Array.from({ length: last }, (_, i) => String(last - i))); // prettier-ignore
      await store.close();
    }
  });
});
