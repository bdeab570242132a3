import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWorkspace } from '@rapport/host';
import { progress } from './progress.js';

export interface Rehearsed {
  readonly accounts: number;
  /** Events of each account, spread over 120 days. */
  readonly events: number;
}

const END = Date.parse('2025-01-01');
const DAY = 86_400_000;
const BATCH = 2000;
const MOST_CALLS = 10_000;
const BELOW = [1, 0.6, 2, 1.5];

const rule = (below: number) => ({
  kind: 'segment',
  id: 'slipping',
  title: 'Slipping',
  subject: 'account',
  enter: {
    all: [
      { fact: 'usage-frequency', operator: 'lessThan', value: below },
      { fact: 'trait.plan', operator: 'equal', value: 'pro' },
      { fact: 'engagement-score', operator: 'lessThan', value: 70 },
    ],
  },
});

/** An account's call that sets traits, and its events. */
const callsOf = (i: number, events: number) => [
  {
    type: 'group',
    messageId: `group ${String(i)}`,
    groupId: `account ${String(i)}`,
    timestamp: new Date(END - 200 * DAY).toISOString(),
    traits: { plan: i % 3 ? 'pro' : 'free', seats: i % 50 },
  },
  ...Array.from({ length: events }, (_, k) => ({
    type: 'track',
    event: 'Feature Used',
    messageId: `event ${String(i)} ${String(k)}`,
    userId: `user ${String(i)}`,
    context: { groupId: `account ${String(i)}` },
    timestamp: new Date(END - ((k * 37 + i * 13) % 120) * DAY - DAY / 16).toISOString(),
    properties: { feature: 'reports' },
  })),
];

async function withAccounts<T>(
  { accounts, events }: Rehearsed,
  use: (workspace: Awaited<ReturnType<typeof openWorkspace>>) => Promise<T>,
) {
  const root = await mkdtemp(join(tmpdir(), 'rapport-bench-'));
  const workspace = await openWorkspace({ root, config: { workspace: 'bench', store: 'duckdb:bench.duckdb' } });
  try {
    for (let from = 0; from < accounts; from += BATCH) {
      const calls = Array.from({ length: Math.min(BATCH, accounts - from) }, (_, i) =>
        callsOf(from + i, events),
      ).flat();
      for (let at = 0; at < calls.length; at += MOST_CALLS)
        await workspace.engine.ingest(calls.slice(at, at + MOST_CALLS));
    }
    return await use(workspace);
  } finally {
    await workspace.close();
    await rm(root, { recursive: true, force: true });
  }
}

const seconds = async (what: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await what();
  return (performance.now() - began) / 1000;
};

/** Previews a rule in variants after a run. */
export const timePreviews = (size: Rehearsed): Promise<readonly number[]> =>
  withAccounts(size, async ({ engine }) => {
    progress(`run: ${(await seconds(() => engine.run({ asOf: END }))).toFixed(1)} s`);
    const taken: number[] = [];
    for (const below of BELOW) taken.push(await seconds(() => engine.rules.preview(rule(below))));
    return taken;
  });

/** Replays a rule over 90 days. */
export const timeBacktest = (size: Rehearsed): Promise<number> =>
  withAccounts(size, ({ engine }) => seconds(() => engine.rules.backtest(rule(1), { asOf: END, days: 90 })));
