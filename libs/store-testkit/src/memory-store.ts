import type {
  Column,
  Delivery,
  DeliveryStore,
  Membership,
  Pruned,
  ResultFrame,
  ResultStore,
  Run,
  Store,
  StoreOptions,
  Subject,
  Transition,
} from '@rapport/store';
import {
  compareCodeUnits,
  keyedColumn,
  levelName,
  numberColumn,
  StoreError,
  storeErased,
  subjectKindOf,
  textColumn,
  valueAt,
} from '@rapport/store';
import { memoryDocuments } from './memory-documents.js';
import { memoryHistory, type MemoryHistory } from './memory-history.js';
import { createOracle } from './oracle.js';

interface Kept {
  readonly runs: Run[];
  readonly frames: Map<number, readonly ResultFrame[]>;
  readonly transitions: Transition[];
  readonly deliveries: Map<string, Delivery & { leasedUntil: number }>;
  lease: { readonly token: object; until: number } | null;
}

const bySegment = (a: Membership, b: Membership) =>
  compareCodeUnits(a.segment, b.segment) || compareCodeUnits(a.subject, b.subject);

function membersOf(kept: Kept): readonly Membership[] {
  const members = new Map<string, Membership>();
  for (const { segment, subject, kind, change, at, reason } of [...kept.transitions].reverse()) {
    const key = JSON.stringify([segment, kind, subject]);
    if (change === 'enter') members.set(key, { segment, subject, kind, enteredAt: at, reason });
    else members.delete(key);
  }
  return [...members.values()];
}

function resultStore(kept: Kept, epoch: () => Promise<number>): ResultStore {
  return {
    async begin(_holder, now, leaseMs) {
      if (kept.lease && kept.lease.until > now)
        throw new StoreError('RAPPORT_STORE_RUN_BUSY', 'a run is under way; try again later');
      const lease = { token: {}, until: now + leaseMs };
      kept.lease = lease;
      const held = () => {
        if (kept.lease !== lease)
          throw new StoreError('RAPPORT_STORE_LEASE_LOST', 'another run took over; start again');
      };
      return Promise.resolve({
        extend(at) {
          return Promise.resolve()
            .then(held)
            .then(() => void (lease.until = at + leaseMs));
        },
        async commit(commit, at) {
          held();
          if (commit.epoch !== (await epoch())) throw storeErased();
          const { frames, transitions, deliveries, asOf, manifest } = structuredClone(
            JSON.parse(JSON.stringify({ ...commit, frames: [] })) as typeof commit,
          );
          const run = { number: (kept.runs[0]?.number ?? 0) + 1, asOf, startedAt: now, committedAt: at, manifest };
          kept.runs.unshift(run);
          kept.frames.set(run.number, [...frames, ...commit.frames]);
          kept.transitions.unshift(...transitions.map((transition) => ({ ...transition, run: run.number })).reverse());
          for (const added of deliveries) {
            if (kept.deliveries.has(added.key)) continue;
            kept.deliveries.set(added.key, {
              ...added,
              state: 'pending',
              attempts: 0,
              lastError: null,
              deliveredAt: null,
              leasedUntil: 0,
            });
          }
          kept.lease = null;
          return run;
        },
        abandon() {
          if (kept.lease === lease) kept.lease = null;
          return Promise.resolve();
        },
      });
    },
    latestRun: () => Promise.resolve(kept.runs[0] ?? null),
    latestRunNumber: () => Promise.resolve(kept.runs[0]?.number ?? null),
    runs: (limit) => Promise.resolve(kept.runs.slice(0, limit)),
    results(run, level, columns) {
      const frame = kept.frames.get(run)?.find((candidate) => levelName(candidate.level) === levelName(level));
      if (!frame) return Promise.resolve(null);
      const chosen = Object.entries(frame.columns).filter(([name]) => columns?.includes(name) ?? true);
      return Promise.resolve({ ...frame, columns: Object.fromEntries(chosen) });
    },
    memberships({ segment, subject } = {}) {
      const asked = membersOf(kept).filter(
        (member) => (segment ?? member.segment) === member.segment && (subject ?? member.subject) === member.subject,
      );
      return Promise.resolve(asked.sort(bySegment));
    },
    transitions({ segment, subject, limit }) {
      const asked = kept.transitions.filter(
        (transition) =>
          (segment ?? transition.segment) === transition.segment &&
          (subject ?? transition.subject) === transition.subject,
      );
      return Promise.resolve(asked.slice(0, limit));
    },
  };
}

const byDue = (a: Delivery, b: Delivery) => a.dueAt - b.dueAt || compareCodeUnits(a.key, b.key);

function deliveryStore({ deliveries }: Kept): DeliveryStore {
  const change = (key: string, to: Partial<Delivery>) => {
    const delivery = deliveries.get(key);
    if (delivery) deliveries.set(key, { ...delivery, leasedUntil: 0, ...to });
    return Promise.resolve();
  };
  const shown = ({ leasedUntil, ...delivery }: Delivery & { leasedUntil: number }): Delivery => delivery;
  return {
    claim(now, limit, leaseMs, except = []) {
      const due = [...deliveries.values()].filter(
        ({ state, dueAt, leasedUntil, action }) =>
          state === 'pending' && dueAt <= now && leasedUntil <= now && !except.includes(action),
      );
      const claimed = due.sort(byDue).slice(0, limit);
      return Promise.resolve(
        claimed.map((delivery) => {
          const leased = { ...delivery, attempts: delivery.attempts + 1, leasedUntil: now + leaseMs };
          deliveries.set(delivery.key, leased);
          return shown(leased);
        }),
      );
    },
    delivered: (key, now) => change(key, { state: 'delivered', deliveredAt: now }),
    failed: (key, lastError, dueAt) =>
      change(key, dueAt === null ? { state: 'parked', lastError } : { state: 'pending', lastError, dueAt }),
    async replay(key, now) {
      if (deliveries.get(key)?.state !== 'parked') return false;
      await change(key, { state: 'pending', dueAt: now, attempts: 0 });
      return true;
    },
    list({ state, subject, limit }) {
      return Promise.resolve(
        [...deliveries.values()]
          .filter((delivery) => (state ?? delivery.state) === delivery.state)
          .filter(({ subject: of }) => !subject || (of.kind === subject.kind && of.id === subject.id))
          .sort(byDue)
          .slice(0, limit)
          .map(shown),
      );
    },
  };
}

function without(frame: ResultFrame, subject: string): ResultFrame {
  const rows = frame.subjects.flatMap((id, i) => (id === subject ? [] : [i]));
  const pick = (column: Column): Column => {
    const values = rows.map((i) => valueAt(column, i));
    switch (column.type) {
      case 'number':
        return numberColumn(values as (number | null)[]);
      case 'text':
        return textColumn(values as (string | null)[]);
      case 'keyed':
        return column.dictionary
          ? keyedColumn('text', values as Map<string, number>[])
          : keyedColumn('days', values as Map<number, number>[]);
      case 'json':
        return { type: 'json', values };
    }
  };
  const columns = Object.entries(frame.columns).map(([name, column]) => [name, pick(column)] as const);
  return { ...frame, subjects: rows.map((i) => frame.subjects[i] ?? ''), columns: Object.fromEntries(columns) };
}

/** The oracle and lists in memory: the plainest whole store there could be, for tests of the suite and of what lies above stores. */
export function memoryStore(options: StoreOptions): Store {
  const oracle = createOracle(options);
  const { forget, ...history } = memoryHistory(() => oracle.epoch());
  const kept: Kept = {
    runs: [],
    frames: new Map(),
    transitions: [],
    deliveries: new Map(),
    lease: null,
  };
  return {
    ...oracle,
    ...resultStore(kept, () => oracle.epoch()),
    ...deliveryStore(kept),
    ...history,
    ...memoryDocuments(),
    prune: (what, dryRun = false) => Promise.resolve(prune(kept, what, dryRun)),
    location: 'memory:',
    zone: options.zone,
    declare: () => Promise.resolve(),
    close: () => Promise.resolve(),
    async erase(subject) {
      const erased = await oracle.erase(subject);
      const both = options.accounts === 'users' ? (['account', 'user'] as const) : [subject.kind];
      const counts = both.map((kind) => eraseKept(kept, forget, { kind, id: subject.id }));
      const total = (key: keyof (typeof counts)[number]) => counts.reduce((sum, count) => sum + count[key], 0);
      return {
        ...erased,
        results: total('results'),
        history: total('history'),
        memberships: total('memberships'),
        transitions: total('transitions'),
        deliveries: total('deliveries'),
      };
    },
  };
}

function prune(kept: Kept, { runs, deliveriesBefore }: Parameters<Store['prune']>[0], dryRun: boolean): Pruned {
  const [latest] = kept.runs;
  const chosen = runs(kept.runs.map(({ manifest: _, ...run }) => run).reverse());
  const gone = new Set(kept.runs.flatMap((run) => (run !== latest && chosen.includes(run.number) ? [run.number] : [])));
  const restsOn = new Set(membersOf(kept).map((member) => kept.transitions.find((move) => isOf(move, member))));
  const transitions = kept.transitions.filter((move) => gone.has(move.run) && !restsOn.has(move));
  const over = ({ state, dueAt }: Delivery) => state !== 'pending' && dueAt < deliveriesBefore;
  const deliveries = [...kept.deliveries.values()].filter(over);
  const pruned = { runs: gone.size, transitions: transitions.length, deliveries: deliveries.length, bytes: 0 };
  if (dryRun) return pruned;
  for (const number of gone) kept.frames.delete(number);
  for (const { key } of deliveries) kept.deliveries.delete(key);
  kept.runs.splice(0, Infinity, ...kept.runs.filter(({ number }) => !gone.has(number)));
  kept.transitions.splice(0, Infinity, ...kept.transitions.filter((move) => !transitions.includes(move)));
  return pruned;
}
const isOf = (move: Transition, member: Membership) =>
  move.segment === member.segment && move.kind === member.kind && move.subject === member.subject;

/** Takes a subject out of everything that runs have left. */
function eraseKept(kept: Kept, forget: MemoryHistory['forget'], { kind, id }: Subject) {
  const its = (item: { readonly kind: string; readonly subject: string }) => item.kind === kind && item.subject === id;
  const [transitions, deliveries] = [kept.transitions.length, kept.deliveries.size];
  const memberships = membersOf(kept).filter(its).length;
  kept.transitions.splice(0, Infinity, ...kept.transitions.filter((transition) => !its(transition)));
  let results = 0;
  for (const [run, frames] of kept.frames) {
    const rest = frames.map((frame) => {
      if (subjectKindOf(frame.level) !== kind || !frame.subjects.includes(id)) return frame;
      results++;
      return without(frame, id);
    });
    kept.frames.set(run, rest);
  }
  for (const { key, subject } of kept.deliveries.values())
    if (subject.kind === kind && subject.id === id) kept.deliveries.delete(key);
  return {
    results,
    memberships,
    transitions: transitions - kept.transitions.length,
    deliveries: deliveries - kept.deliveries.size,
    history: forget({ kind, id }),
  };
}
