import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Engine, EvaluateOptions, Evaluation } from '@rapport/engine';
import { openWorkspace } from '@rapport/host';
import { FEATURES } from '@rapport/simulate';
import { readManifest, valueAt, type ResultFrame } from '@rapport/store';
import { CONFIG, type Company } from './company.js';
import { progress } from './progress.js';

export interface Concurrent extends Company {
  readonly deliveries: number;
  /** The receiver answers after so long. */
  readonly answerMs: number;
  /** `limits.deliveryMs` of the workspace. */
  readonly deliveryMs: number;
}
export interface Found {
  /** Values of the evaluations at once that differ from those of the same evaluations one after the other. */
  readonly wrong: number;
  /** Metrics stopped and attempts ended for taking too long. */
  readonly timeouts: number;
  /** Idempotency keys that the receiver saw more than once. */
  readonly duplicates: number;
  /** Seconds that each round of the four took. */
  readonly atOnce: readonly number[];
  readonly inTurn: readonly number[];
}

const DAY = 86_400_000;
const LEASE_MS = 60_000;
/** Timed rounds of the evaluations one after the other, before and after those at once. */
const ROUNDS = 2;
const SIGNING_KEY = Buffer.alloc(32, 'a key for the benchmark').toString('base64');

/** Two that are equal, one of another instant and other metrics, and a "what if". */
const evaluationsOf = (asOf: number): readonly EvaluateOptions[] => [
  { asOf, full: true },
  { asOf, full: true },
  { asOf: asOf - 30 * DAY, metrics: ['usage-frequency', 'stickiness', 'csat'], derived: 'all', full: true },
  { asOf, configs: { 'feature-adoption': { catalogue: FEATURES.slice(0, 3) } }, full: true },
];

/** Evaluates in turn and at once, the latter while deliveries go to a slow receiver. On a copy of the company, since the outbox is filled. */
export async function concurrently({ folder, asOf, deliveries, answerMs, deliveryMs }: Concurrent): Promise<Found> {
  const root = await mkdtemp(join(tmpdir(), 'rapport-bench-'));
  const receiver = await slowReceiver(answerMs);
  // Retries wait for hours; the clock is put forward instead.
  let ahead = 0;
  const clock = { now: () => Date.now() + ahead };
  try {
    await cp(folder, root, { recursive: true });
    const config = {
      ...CONFIG,
      actions: { webhook: { url: receiver.url, secret: `whsec_${SIGNING_KEY}` } },
      network: { allowPrivateAddresses: true },
      limits: { deliveryMs },
    };
    const workspace = await openWorkspace({ root, config }, { clock });
    try {
      const { engine } = workspace;
      const [refused] = engine.refused;
      if (refused) throw new Error(`${refused.code}: ${refused.message}`);
      const evaluations = evaluationsOf(asOf);
      const inTurn: number[] = [];
      const oneAfterTheOther = async () => {
        const began = performance.now();
        const found: Evaluation[] = [];
        for (const options of evaluations) found.push(await engine.evaluate(options));
        inTurn.push((performance.now() - began) / 1000);
        return found;
      };
      const right = await oneAfterTheOther();
      // That was for warming up, and for what is right.
      inTurn.length = 0;
      for (const { failures } of right) if (failures[0]) throw new Error(`${failures[0].code}: ${failures[0].message}`);
      for (let round = 0; round < ROUNDS; round++) await oneAfterTheOther();

      await fillOutbox(engine, asOf, deliveries);
      const outbox = { isEmpty: false };
      const atOnce: number[] = [];
      const [attemptsLate, found] = await Promise.all([
        deliverAll(engine, (ms) => (ahead += ms)).finally(() => (outbox.isEmpty = true)),
        (async () => {
          const found = { wrong: 0, timeouts: 0 };
          do {
            const began = performance.now();
            const together = await Promise.all(evaluations.map((options) => engine.evaluate(options)));
            atOnce.push((performance.now() - began) / 1000);
            together.forEach(({ failures, frames }, i) => {
              found.wrong += wrongValues(frames, right[i]?.frames ?? []);
              found.timeouts += failures.filter(({ code }) => code === 'RAPPORT_METRIC_TIMEOUT').length;
            });
          } while (!outbox.isEmpty);
          return found;
        })(),
      ]);
      for (let round = 0; round < ROUNDS; round++) await oneAfterTheOther();

      const counts = [...receiver.seen.values()];
      if (counts.length !== deliveries)
        throw new Error(`the receiver saw ${String(counts.length)} of ${String(deliveries)} deliveries`);
      progress(`${String(deliveries)} deliveries in ${String(counts.reduce((sum, n) => sum + n, 0))} requests`);
      return {
        wrong: found.wrong,
        timeouts: found.timeouts + attemptsLate,
        duplicates: counts.filter((count) => count > 1).length,
        atOnce,
        inTurn,
      };
    } finally {
      await workspace.close();
    }
  } finally {
    await receiver.close();
    await rm(root, { recursive: true, force: true });
  }
}

/** An HTTP server on this machine that counts requests by their idempotency key, and is slow to answer. */
async function slowReceiver(answerMs: number) {
  const seen = new Map<string, number>();
  const server = createServer((request, response) => {
    const key = String(request.headers['webhook-id']);
    seen.set(key, (seen.get(key) ?? 0) + 1);
    // A receiver that is still to answer does not keep the process.
    request.resume().on('end', () => setTimeout(() => response.writeHead(204).end(), answerMs).unref());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`, seen, close };
}

/** Puts deliveries into the outbox, as a run does. */
async function fillOutbox({ store, clock }: Engine, asOf: number, count: number): Promise<void> {
  const now = clock.now();
  const at = new Date(asOf).toISOString();
  const transition = { segment: 'at-risk', change: 'enter', at, reason: 'usage-frequency is 0', facts: {} };
  const deliveries = Array.from({ length: count }, (_, i) => {
    const subject = { kind: 'account', id: `account-${String(i)}` } as const;
    const payload = { playbook: { id: 'bench', version: '1.0.0' }, step: 'send', subject, transition, input: {} };
    return { key: `bench-${String(i)}`, action: 'webhook', subject, dueAt: now, payload };
  });
  const lease = await store.begin('bench', now, LEASE_MS);
  await lease.commit(
    { asOf, epoch: 0, manifest: readManifest(null), frames: [], transitions: [], deliveries },
    clock.now(),
  );
}

/** Sends until nothing is pending, what failed as well, and gives the number of attempts that ran out of time. */
async function deliverAll(engine: Engine, putForward: (ms: number) => void): Promise<number> {
  let late = 0;
  for (;;) {
    await engine.deliver();
    const all = await engine.deliveries({ limit: 1_000_000 });
    const pending = all.filter(({ state }) => state === 'pending');
    const failed = all.filter(({ state, attempts }) => state === 'parked' || (state === 'pending' && attempts > 0));
    late += failed.filter(({ lastError }) => /RAPPORT_(ACTION_TIMEOUT|HTTP_ABORTED)/.test(lastError ?? '')).length;
    const other = failed.find(({ lastError }) => !/RAPPORT_(ACTION_TIMEOUT|HTTP_ABORTED)/.test(lastError ?? ''));
    if (other) throw new Error(`${other.key} failed: ${other.lastError ?? 'for no reason given'}`);
    if (pending.length === 0) return late;
    putForward(Math.max(0, ...pending.map(({ dueAt }) => dueAt - engine.clock.now())) + 1);
  }
}

/** How many values of the frames are not what is right, to the last bit; a frame, column or subject too many or too few counts in full. */
export function wrongValues(frames: readonly ResultFrame[], right: readonly ResultFrame[]): number {
  if (isDeepStrictEqual(frames, right)) return 0;
  const [found, expected] = [valuesOf(frames), valuesOf(right)];
  const places = new Set([...found.keys(), ...expected.keys()]);
  return Math.max(1, [...places].filter((place) => !isDeepStrictEqual(found.get(place), expected.get(place))).length);
}

const valuesOf = (frames: readonly ResultFrame[]): ReadonlyMap<string, unknown> =>
  new Map(
    frames.flatMap(({ level, subjects, columns }) =>
      Object.entries(columns).flatMap(([name, column]) =>
        subjects.map((subject, i) => [JSON.stringify([level, name, subject]), [valueAt(column, i)]] as const),
      ),
    ),
  );
