import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { createEngine } from '@rapport/engine';
import { simulateBatches } from '@rapport/simulate';
import type { Message, Store } from '@rapport/store';
import { openDuckdbStore } from '@rapport/store-duckdb';
import { progress } from './progress.js';

export const IMPORT_HELP = `import [--events N] [--json]
  Events per second from an NDJSON file to disk (read, parse, validate, store), of the store alone, and of DuckDB's bare
  appender on the same messages. N calls are simulated (default 1000000).
`;

const BATCH = 10_000;
const END = Date.parse('2025-01-01');
/** Messages that are kept for the bare appender: enough to time it, and no more than fits in memory easily. */
const KEPT = 300_000;

/** The `import` benchmark: prints `{"events","seconds","eventsPerSecond","storeEventsPerSecond","appenderEventsPerSecond"}`. */
export async function benchImport({ events, json }: { events: number; json: boolean }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rapport-bench-import-'));
  try {
    const file = join(folder, 'calls.ndjson');
    progress(`writing ${file}`);
    await pipeline(lines(events), createWriteStream(file));

    const store = await openDuckdbStore({ path: join(folder, 'import.duckdb'), zone: 'UTC' });
    const watched = watch(store);
    const engine = await createEngine({ config: { workspace: 'bench' }, store: watched.store, pluginRoots: [] });
    const began = performance.now();
    let sent = 0;
    const ingest = async (calls: readonly unknown[]) => {
      const { refused } = await engine.ingest(calls);
      if (refused[0]) throw new Error(`a simulated call was refused: ${refused[0].message}`);
      const before = Math.floor(sent / 250_000);
      sent += calls.length;
      if (Math.floor(sent / 250_000) > before) progress(`${sent} calls, ${rate(sent, performance.now() - began)}/s`);
    };
    let batch: unknown[] = [];
    for await (const line of createInterface({ input: createReadStream(file) })) {
      batch.push(JSON.parse(line));
      if (batch.length < BATCH) continue;
      await ingest(batch);
      batch = [];
    }
    await ingest(batch);
    await engine.close();
    const seconds = (performance.now() - began) / 1000;

    const figures = {
      events: sent,
      seconds: Number(seconds.toFixed(3)),
      eventsPerSecond: rate(sent, seconds * 1000),
      storeEventsPerSecond: rate(sent, watched.spent()),
      appenderEventsPerSecond: await bareAppender(join(folder, 'bare.duckdb'), watched.messages),
    };
    process.stdout.write(
      json
        ? `${JSON.stringify(figures)}\n`
        : `${figures.events} events in ${figures.seconds} s: ${figures.eventsPerSecond}/s from NDJSON to disk; the store alone ${figures.storeEventsPerSecond}/s, the bare appender ${figures.appenderEventsPerSecond}/s\n`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const rate = (count: number, ms: number): number => Math.round((count / ms) * 1000);

function* lines(events: number): Generator<string> {
  for (const calls of simulateBatches({ seed: 1, events, end: END })) {
    yield calls.map((call) => `${JSON.stringify(call)}\n`).join('');
  }
}

/** The store, with the time that appends take and the first messages that they get. */
function watch(store: Store): { readonly store: Store; readonly messages: readonly Message[]; spent(): number } {
  const messages: Message[] = [];
  let spent = 0;
  return {
    store: {
      ...store,
      async append(batch) {
        if (messages.length < KEPT) messages.push(...batch);
        const began = performance.now();
        const report = await store.append(batch);
        spent += performance.now() - began;
        return report;
      },
    },
    messages,
    spent: () => spent,
  };
}

/** What DuckDB takes in when nothing is looked up, told apart or indexed: the same texts, one commit per batch. */
async function bareAppender(path: string, messages: readonly Message[]): Promise<number> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  await connection.run(
    'CREATE TABLE events (id VARCHAR, time DOUBLE, name VARCHAR, usr VARCHAR, account VARCHAR, session VARCHAR, properties VARCHAR)',
  );
  const began = performance.now();
  for (let from = 0; from < messages.length; from += BATCH) {
    await connection.run('BEGIN TRANSACTION');
    const appender = await connection.createAppender('events');
    const text = (value: string | null | undefined) => {
      if (value === null || value === undefined) appender.appendNull();
      else appender.appendVarchar(value);
    };
    for (const { id, time, event, traits, member } of messages.slice(from, from + BATCH)) {
      text(id);
      appender.appendDouble(time);
      text(event?.name);
      text(event?.user ?? member?.user ?? traits?.subject);
      text(event?.account ?? member?.account);
      text(event?.session);
      text(JSON.stringify(event?.properties ?? traits?.values ?? {}));
      appender.endRow();
    }
    appender.closeSync();
    await connection.run('COMMIT');
  }
  await connection.run('CHECKPOINT');
  const spent = performance.now() - began;
  connection.closeSync();
  instance.closeSync();
  return rate(messages.length, spent);
}
