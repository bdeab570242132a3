import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { normalize } from '@rapport/engine';
import { utc } from '@rapport/sdk/time';
import { FEATURES, simulate, simulateBatches, type Call, type SimulateOptions, type Truth } from './index.js';

const END = Date.parse('2025-01-01');
const options = (more: Partial<SimulateOptions> = {}): SimulateOptions => ({
  seed: 7,
  events: 60_000,
  end: END,
  ...more,
});
const digest = (calls: Iterable<Call>) => {
  const hash = createHash('sha256');
  for (const call of calls) hash.update(JSON.stringify(call));
  return hash.digest('hex');
};
const truths: Truth[] = [];
const calls = [...simulate(options({ onTruth: (truth) => truths.push(truth) }))];
const of = (event: string) => calls.filter((call) => call.event === event);

describe('the same seed', () => {
  it('gives the same bytes, and another seed others', () => {
    const small = { events: 5000 };
    expect(digest(simulate(options(small)))).toBe(digest(simulate(options(small))));
    expect(digest(simulate(options({ ...small, seed: 8 })))).not.toBe(digest(simulate(options(small))));
  });

  it('gives the same bytes whether the truth is written or not', () => {
    expect(digest(simulate(options()))).toBe(digest(calls));
  });
});

describe('the size', () => {
  it.each([10_000, 60_000])('meets %i events within 2 %%', (events) => {
    let count = 0;
    for (const batch of simulateBatches(options({ events }))) count += batch.length;
    expect(Math.abs(count - events) / events).toBeLessThan(0.02);
  });

  it('makes a small company too', () => {
    const small = [...simulate({ seed: 1, events: 1000, end: END })];
    expect(small.length).toBeGreaterThan(700);
    expect(small.length).toBeLessThan(1400);
  });

  it('takes the number of accounts and the days apart from the events', () => {
    const chosen = [...simulate(options({ events: 8000, accounts: 50, days: 100 }))];
    expect(new Set(chosen.filter((call) => call.type === 'group').map((call) => call.groupId)).size).toBe(50);
    expect(Date.parse(chosen[0]?.timestamp ?? '')).toBeGreaterThanOrEqual(END - 100 * 86_400_000);
  });

  it.each([
    ['seed', { seed: 0.5 }],
    ['events', { events: 0 }],
    ['accounts', { accounts: -1 }],
    ['days', { days: Number.NaN }],
    ['end', { end: Number.NaN }],
  ])('refuses a bad "%s" and names it', (name, bad) => {
    expect(() => [...simulate(options(bad))]).toThrow(new RegExp(`RAPPORT_SIMULATE_OPTION: "${name}"`));
  });
});

describe('the calls', () => {
  it('have unique message ids, and instants inside the simulated time, ordered by day', () => {
    expect(new Set(calls.map((call) => call.messageId)).size).toBe(calls.length);
    let before = '';
    for (const { timestamp } of calls) {
      expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const day = timestamp.slice(0, 10);
      expect(day >= before).toBe(true);
      before = day;
    }
    expect(before).toBe('2024-12-31');
  });

  it('are accepted by the engine, every one', () => {
    const limits = { eventBytes: 32_768, accounts: 'groups', zone: utc } as const;
    const refusals = calls.map((call) => normalize(call, END, limits)).filter((result) => 'refusal' in result);
    expect(refusals.slice(0, 3)).toEqual([]);
  });

  it('speak the whole vocabulary', () => {
    const names = new Set(calls.map((call) => call.event));
    for (const name of [
      'Signed Up',
      'Signed In',
      'Trial Started',
      'Trial Ended',
      'Order Completed',
      'Feature Used',
      'Invite Sent',
      'Survey Responded',
      'Subscription Started',
      'Subscription Renewed',
      'Subscription Upgraded',
      'Subscription Downgraded',
      'Subscription Cancelled',
      'Support Ticket Opened',
      'Support Ticket Escalated',
      'Support Ticket Closed',
    ]) {
      expect(names, name).toContain(name);
    }
  });

  it('let nobody act before it signed up', () => {
    const there = new Set<string>();
    for (const { event, userId } of calls.filter(({ type }) => type === 'track' || type === 'page')) {
      if (event === 'Signed Up' && userId !== undefined) there.add(userId);
      else if (userId !== undefined) expect(there.has(userId), `${userId} ${event ?? ''}`).toBe(true);
    }
  });

  it('close no ticket that was not opened, and open none twice', () => {
    const open = new Set<unknown>();
    for (const call of calls.filter(({ event }) => event?.startsWith('Support Ticket'))) {
      const id = call.properties?.['ticketId'];
      if (call.event === 'Support Ticket Opened') {
        expect(open.has(id)).toBe(false);
        open.add(id);
      } else expect(open.has(id)).toBe(true);
      if (call.event === 'Support Ticket Closed') open.delete(id);
    }
  });

  it('cancel only a subscription that runs, and start none that does', () => {
    const running = new Set<unknown>();
    for (const call of calls.filter(({ event }) => event?.startsWith('Subscription'))) {
      const id = call.properties?.['subscriptionId'];
      expect(running.has(id)).toBe(call.event !== 'Subscription Started');
      if (call.event === 'Subscription Started') running.add(id);
      if (call.event === 'Subscription Cancelled') running.delete(id);
    }
  });

  it('score surveys inside their scales', () => {
    const scales: Readonly<Record<string, readonly [number, number]>> = { nps: [0, 10], csat: [1, 5], ces: [1, 7] };
    for (const { properties } of of('Survey Responded')) {
      const [low, high] = scales[String(properties?.['survey'])] ?? [Number.NaN, Number.NaN];
      expect(properties?.['score']).toBeGreaterThanOrEqual(low);
      expect(properties?.['score']).toBeLessThanOrEqual(high);
    }
  });
});

describe('the company', () => {
  it('has a working week: weekends are quiet', () => {
    const active = new Map<string, Set<string>>();
    for (const call of calls) {
      const day = call.timestamp.slice(0, 10);
      if (call.userId !== undefined) active.set(day, (active.get(day) ?? new Set()).add(call.userId));
    }
    const mean = (weekdays: readonly number[]) => {
      const counts = [...active]
        .filter(([day]) => weekdays.includes(new Date(day).getUTCDay()))
        .map(([, users]) => users.size);
      return counts.reduce((sum, count) => sum + count, 0) / counts.length;
    };
    expect(mean([2, 3, 4])).toBeGreaterThan(2.5 * mean([0, 6]));
  });

  it('uses its features as Zipf has it: rank times frequency falls slowly', () => {
    const counts = new Map<unknown, number>();
    for (const { properties } of of('Feature Used'))
      counts.set(properties?.['feature'], (counts.get(properties?.['feature']) ?? 0) + 1);
    const ranked = FEATURES.map((feature) => counts.get(feature) ?? 0);
    expect(ranked.every((count, rank) => rank === 0 || count <= (ranked[rank - 1] ?? 0) * 1.1)).toBe(true);
    // Slope of log frequency over log rank among the ten most popular.
    const points = ranked.slice(0, 10).map((count, rank) => [Math.log(rank + 1), Math.log(count)] as const);
    const [mx, my] = [0, 1].map(
      (axis) => points.reduce((sum, point) => sum + (point[axis] ?? 0), 0) / points.length,
    ) as [number, number];
    const slope =
      points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) /
      points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
    expect(slope).toBeLessThan(-0.8);
    expect(slope).toBeGreaterThan(-1.6);
  });

  it('loses a part of its customers, each for a cause that the truth names', () => {
    const churned = truths.filter((truth) => truth.kind === 'churn');
    expect(churned.length).toBe(of('Subscription Cancelled').length);
    const share = churned.length / of('Subscription Started').length;
    expect(share).toBeGreaterThan(0.1);
    expect(share).toBeLessThan(0.6);
    expect(new Set(churned.map((truth) => truth.cause)).size).toBeGreaterThan(2);
  });

  it('is driven by health: health at the end of a month tells who leaves in the next 60 days (AUC > 0.7)', () => {
    const left = new Map(
      truths.flatMap((truth) => (truth.kind === 'churn' ? [[truth.account, Date.parse(truth.at)] as const] : [])),
    );
    const scored = truths.flatMap((truth) => {
      if (truth.kind !== 'health' || truth.phase !== 'customer') return [];
      const [year, month] = truth.month.split('-').map(Number) as [number, number];
      const from = Date.UTC(year, month, 1);
      const at = left.get(truth.account) ?? Number.NaN;
      return [{ risk: 1 - truth.health, leaves: at >= from && at < from + 60 * 86_400_000 }];
    });
    const [gone, stayed] = [scored.filter(({ leaves }) => leaves), scored.filter(({ leaves }) => !leaves)];
    let wins = 0;
    for (const a of gone) for (const b of stayed) wins += a.risk > b.risk ? 1 : a.risk === b.risk ? 0.5 : 0;
    expect(gone.length).toBeGreaterThan(10);
    expect(wins / (gone.length * stayed.length)).toBeGreaterThan(0.7);
  });

  it('shows its health in what it does: healthy accounts use the product more per user', () => {
    const last = new Map<string, { health: number; users: number }>();
    for (const truth of truths)
      if (truth.kind === 'health' && truth.month === '2024-11' && truth.phase === 'customer' && truth.users > 0)
        last.set(truth.account, truth);
    const uses = new Map<string, number>();
    for (const { timestamp, userId } of of('Feature Used')) {
      if (!timestamp.startsWith('2024-12')) continue;
      const account = `acct-${(userId ?? '').split('-')[1] ?? ''}`;
      uses.set(account, (uses.get(account) ?? 0) + 1);
    }
    const ranked = [...last].sort(([, a], [, b]) => a.health - b.health);
    const third = Math.floor(ranked.length / 3);
    const rate = (accounts: typeof ranked) =>
      accounts.reduce((sum, [account]) => sum + (uses.get(account) ?? 0), 0) /
      accounts.reduce((sum, [, { users }]) => sum + users, 0);
    expect(rate(ranked.slice(-third))).toBeGreaterThan(1.3 * rate(ranked.slice(0, third)));
  });
});

describe('memory', () => {
  const peak = (events: number) =>
    new Promise<number>((resolve, reject) => {
      const script = `
        const { simulateBatches } = await import(${JSON.stringify(fileURLToPath(new URL('./simulate.ts', import.meta.url)))});
        let count = 0;
        for (const batch of simulateBatches({ seed: 1, events: ${String(events)}, end: ${String(END)} })) count += batch.length;
        console.log(JSON.stringify({ count, rss: process.resourceUsage().maxRSS / 1024 }));`;
      const child = spawn(
        process.execPath,
        [
          '--max-semi-space-size=2',
          '--conditions=@rapport/source',
          '--import',
          'tsx',
          '--input-type=module',
          '-e',
          script,
        ],
        {
          cwd: fileURLToPath(new URL('..', import.meta.url)),
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
      child.on('close', (code) => {
        if (code === 0) resolve((JSON.parse(text) as { rss: number }).rss);
        else reject(new Error(`exit ${String(code)}`));
      });
    });

  it('does not grow with the events: ten times as many (200 MB of calls more) cost less than 32 MiB', async () => {
    const small = await peak(100_000);
    const large = await peak(1_000_000);
    expect(large - small).toBeLessThan(32);
  });
});
