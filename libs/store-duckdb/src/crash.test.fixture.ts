import type { Message, RunCommit } from '@rapport/store';
import { numberColumn, readManifest } from '@rapport/store';
import { openDuckdbStore } from './index.js';

/* A process to be killed: says on stdout what the store has told it is durable. */

export const BATCH = 40;
export const SUBJECTS = 500;
const START = Date.UTC(2024, 0, 1);

/** Batch `n` of a round: events that name their account, events that derive it, memberships and traits. */
export const batchOf = (round: number, n: number): readonly Message[] =>
  Array.from({ length: BATCH }, (_, i): Message => {
    const id = `${round}-${n}-${i}`;
    const time = START + n * 60_000 + i;
    const user = `user-${(n + i) % 25}`;
    switch (i % 10) {
      case 0:
        return { id, time, member: { user, account: `account-${n % 5}` } };
      case 1:
        return { id, time, traits: { of: 'account', subject: `account-${n % 5}`, values: { seats: n } } };
      default:
        return {
          id,
          time,
          event: {
            name: 'Opened',
            user,
            account: i % 2 === 0 ? 'given' : null,
            session: null,
            properties: { n, batch: `${round}-${n}` },
          },
        };
    }
  });

export const runOf = (n: number): RunCommit => ({
  asOf: START + n,
  epoch: 0,
  manifest: readManifest({ zone: String(n) }),
  frames: [
    {
      level: { kind: 'account' },
      subjects: Array.from({ length: SUBJECTS }, (_, i) => `account-${String(i).padStart(4, '0')}`),
      columns: Object.fromEntries(
        Array.from({ length: 20 }, (_, c) => [
          `metric-${c}`,
          numberColumn(Array.from({ length: SUBJECTS }, (_, i) => n + i / 7)),
        ]),
      ),
    },
  ],
  transitions: Array.from({ length: SUBJECTS }, (_, i) => ({
    segment: 'high',
    subject: `account-${i}`,
    kind: 'account' as const,
    change: n % 2 === 1 ? ('enter' as const) : ('exit' as const),
    at: START + n,
    reason: 'because',
    facts: { n },
    baseline: false,
    baselineReason: null,
    baselineText: null,
  })),
  deliveries: Array.from({ length: 50 }, (_, i) => ({
    key: `${n}-${i}`,
    action: 'webhook',
    payload: { n },
    subject: { kind: 'account' as const, id: `account-${i}` },
    dueAt: START,
  })),
});

const [what, path, round] = process.argv.slice(2);
if (path !== undefined) {
  const store = await openDuckdbStore({ path, zone: 'Europe/Berlin' });
  if (what === 'append') {
    for (let n = 0; ; n++) {
      // Columns come and go into the file between batches too.
      if (n % 7 === 3) await store.declare([`property-${n}`, 'n']);
      await store.append(batchOf(Number(round), n));
      process.stdout.write(`${n}\n`);
    }
  }
  for (let n = ((await store.latestRun())?.number ?? 0) + 1; ; n++) {
    // What a killed run held has run out by the next round.
    const now = n * 10_000_000 + Number(round) * 10_000;
    const lease = await store.begin('child', now, 1000);
    process.stdout.write(`begin ${n}\n`);
    await lease.commit(runOf(n), now + 1);
    process.stdout.write(`${n}\n`);
  }
}
