import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { openWorkspace } from '@rapport/host';
import type { Evaluation } from '@rapport/engine';
import type { Level } from '@rapport/store';
import type { Company } from './company.js';
import { progress } from './progress.js';

export interface Again extends Company {
  readonly levels: readonly Level[];
  /** Of all accounts, those that something happens to between two evaluations. */
  readonly share: number;
}

const ROUNDS = 7;
const EVENTS_PER_ACCOUNT = 5;
const HOUR = 3_600_000;

/**
 * Through one day, again and again: some accounts have new events, an evaluation goes on from the one before, and one computes everything anew.
 * On a copy of the company, since events are added.
 */
export async function timeAgain({ folder, asOf: end, levels, share }: Again) {
  const copy = await mkdtemp(join(tmpdir(), 'rapport-bench-'));
  try {
    await cp(folder, copy, { recursive: true });
    const workspace = await openWorkspace(copy);
    const { engine } = workspace;
    const again: number[] = [];
    const anew: number[] = [];
    const wrong: string[] = [];
    let asOf = end + HOUR;
    const first = await engine.evaluate({ asOf, levels, derived: [] });
    const accounts = first.frames[0]?.subjects ?? [];
    const changed = Math.max(1, Math.round(accounts.length * share));
    for (let round = 0; round < ROUNDS; round++) {
      const { refused } = await engine.ingest(eventsOf(accounts, changed, round, asOf));
      if (refused[0]) throw new Error(`an event was refused: ${refused[0].message}`);
      asOf += HOUR;
      const began = performance.now();
      const incremental = await engine.evaluate({ asOf, levels, derived: [] });
      const between = performance.now();
      const full = await engine.evaluate({ asOf, levels, full: true, derived: [] });
      const [seconds, fullSeconds] = [(between - began) / 1000, (performance.now() - between) / 1000];
      if (!isDeepStrictEqual(timeless(incremental), timeless(full))) wrong.push(`round ${String(round + 1)}`);
      progress(`round ${String(round + 1)}: again ${seconds.toFixed(3)} s, anew ${fullSeconds.toFixed(3)} s`);
      // The first is for warming up.
      if (round > 0) {
        again.push(seconds);
        anew.push(fullSeconds);
      }
    }
    await workspace.close();
    return { accounts: accounts.length, changed, again, anew, wrong };
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

const timeless = (evaluation: Evaluation) => ({ ...evaluation, timings: null });

/** Events of one hour for some accounts, others each time: evenly spread over all. */
function eventsOf(accounts: readonly string[], changed: number, round: number, from: number): readonly object[] {
  return Array.from({ length: changed * EVENTS_PER_ACCOUNT }, (_, i) => {
    const account = accounts[(Math.floor((i % changed) * (accounts.length / changed)) + round) % accounts.length] ?? '';
    const time = from + Math.floor((HOUR * (i + 0.5)) / (changed * EVENTS_PER_ACCOUNT));
    return {
      type: 'track',
      messageId: `again-${String(round)}-${String(i)}`,
      event: 'Feature Used',
      userId: `${account}-user-${String(i % 3)}`,
      context: { groupId: account },
      timestamp: new Date(time).toISOString(),
      properties: { feature: 'reports' },
    };
  });
}
