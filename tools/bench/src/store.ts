import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { numberColumn, readManifest, textColumn, type ResultFrame, type Store } from '@rapport/store';
import { openDuckdbStore } from '@rapport/store-duckdb';
import { progress } from './progress.js';
import { size } from './size.js';
import { messageOf } from './store-messages.js';

export const STORE_HELP = `store [--messages N] [--runs N] [--accounts N] [--json]
  The embedded store: how long it takes to open after kill -9 with N messages (160000) appended by the hundred, what an append costs before
  and after a change was refused, and how the file grows with N daily runs (365) of accounts (2000) to whom nothing happens.
`;

const DAY = 86_400_000;
const START = Date.UTC(2025, 0, 1);
/** Columns of a run of every metric in this repository, about. */
const COLUMNS = 500;

/** The `store` benchmark: prints `{"openAfterKillMs","walBytes","appendMs","appendAfterRefusalMs","oneRunBytes","runsBytes","ratio"}`. */
export async function benchStore(args: readonly string[]): Promise<number> {
  const options = { messages: { type: 'string' }, runs: { type: 'string' }, accounts: { type: 'string' }, json: { type: 'boolean' } } as const; // prettier-ignore
  const { values } = parseArgs({ args: [...args], options });
  const messages = size('messages', values.messages, 160_000);
  const runs = size('runs', values.runs, 365);
  const accounts = size('accounts', values.accounts, 2000);
  const folder = await mkdtemp(join(tmpdir(), 'rapport-bench-store-'));
  try {
    const killed = await openAfterKill(join(folder, 'killed.duckdb'), messages);
    const grown = await growth(join(folder, 'runs.duckdb'), runs, accounts);
    const figures = { messages, ...killed, runs, accounts, ...grown };
    process.stdout.write(
      values.json
        ? `${JSON.stringify(figures)}\n`
        : `${Object.entries(figures)
            .map(([name, figure]) => `${name}: ${String(figure)}`)
            .join('\n')}\n`,
    );
    return 0;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await task();
  return Math.round(performance.now() - began);
}

async function openAfterKill(path: string, messages: number) {
  progress(`appending ${String(messages)} messages by the hundred`);
  const script = fileURLToPath(new URL('./store-child.js', import.meta.url));
  const child = spawn(process.execPath, [script, path, String(messages)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
  const walBytes = statSync(`${path}.wal`, { throwIfNoEntry: false })?.size ?? 0;
  let store: Store | undefined;
  const openAfterKillMs = await timed(async () => (store = await openDuckdbStore({ path, zone: 'UTC' })));
  if (!store) throw new Error('the store did not open');
  const opened = store;
  let next = messages;
  const append = () => timed(() => opened.append([messageOf(next++)]));
  await append();
  const appendMs = await append();
  const version = { key: 'segment/a', document: {}, version: '1', status: 'published', author: 'a', reason: '', at: 0, of: null } as const; // prettier-ignore
  await opened.putDocument(version, 7).then(
    () => Promise.reject(new Error('a document after a version that is not there was taken')),
    () => undefined,
  );
  const appendAfterRefusalMs = await append();
  await opened.close();
  return { openAfterKillMs, walBytes, appendMs, appendAfterRefusalMs };
}

async function growth(path: string, runs: number, accounts: number) {
  const subjects = Array.from({ length: accounts }, (_, i) => `account-${String(i).padStart(6, '0')}`);
  const column = (c: number) =>
    c % 5 === 0
      ? textColumn(subjects.map((_, i) => (i % 7 === 0 ? 'no-data' : null)))
      : numberColumn(subjects.map((_, i) => (i % 7 === 0 ? null : ((i * 7919 + c * 104_729) % 10_007) / 7)));
  const columns = Object.fromEntries(Array.from({ length: COLUMNS }, (_, c) => [`metric-${String(c)}`, column(c)]));
  const frame: ResultFrame = { level: { kind: 'account' }, subjects, columns };
  const metrics = Object.fromEntries(
    Object.entries(columns).flatMap(([name, values], c) =>
      c % 10 === 1 && values.type === 'number' ? [[name, { origin: `${name}@1.0.0 c0ffee`, values }] as const] : [],
    ),
  );
  const inputs = Object.fromEntries(Object.keys(columns).map((name) => [`metric/${name}`, '1.0.0 c0ffee']));

  let store = await openDuckdbStore({ path, zone: 'UTC' });
  const run = async (day: number) => {
    const now = START + day * DAY;
    const lease = await store.begin('bench', now, 60_000);
    const commit = { asOf: now, epoch: 0, manifest: { ...readManifest(null), state: String(now), inputs }, frames: [frame], transitions: [], deliveries: [], evaluated: [] }; // prettier-ignore
    await lease.commit(commit, now + 1);
    const level = { kind: 'account' } as const;
    await store.putHistory([{ level, day: Math.floor(now / DAY), asOf: now, subjects, metrics }], 0);
  };
  const bytes = async () => {
    await store.close();
    return statSync(path).size;
  };
  await run(0);
  const oneRunBytes = await bytes();
  progress(`${String(runs)} runs of ${String(accounts)} accounts`);
  store = await openDuckdbStore({ path, zone: 'UTC' });
  for (let day = 1; day < runs; day++) await run(day);
  const runsBytes = await bytes();
  return { oneRunBytes, runsBytes, ratio: Number((runsBytes / oneRunBytes).toFixed(2)) };
}
