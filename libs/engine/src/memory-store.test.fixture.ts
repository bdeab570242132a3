import {
  createOracle,
  memoryDocuments,
  memoryHistory,
  StoreError,
  type Delivery,
  type Level,
  type Membership,
  type ResultFrame,
  type Run,
  type Store,
  type StoreOptions,
  type Transition,
} from '@rapport/store';

const levelText = (level: Level) => JSON.stringify([level.kind, 'by' in level ? level.by : null]);

/** The oracle with lists in memory: the plainest store, for tests of what is above stores. */
export function memoryStore(options: StoreOptions): Store {
  const runs: Run[] = [];
  const frames = new Map<number, readonly ResultFrame[]>();
  const transitions: Transition[] = [];
  const deliveries = new Map<string, Delivery & { leasedUntil: number }>();
  const evaluated = new Set<string>();
  let lease: { until: number } | null = null;
  const members = () => {
    const found = new Map<string, Membership>();
    for (const { segment, subject, kind, change, at, reason } of transitions) {
      const key = JSON.stringify([segment, kind, subject]);
      if (change === 'enter') found.set(key, { segment, subject, kind, enteredAt: at, reason });
      else found.delete(key);
    }
    return [...found.values()];
  };
  const change = (key: string, to: Partial<Delivery>) => {
    const delivery = deliveries.get(key);
    if (delivery) deliveries.set(key, { ...delivery, leasedUntil: 0, ...to });
    return Promise.resolve();
  };
  return {
    ...createOracle(options),
    ...memoryHistory(),
    ...memoryDocuments(),
    location: 'memory:',
    zone: options.zone,
    declare: () => Promise.resolve(),
    close: () => Promise.resolve(),
    begin(_holder, now, leaseMs) {
      if (lease && lease.until > now)
        return Promise.reject(new StoreError('RAPPORT_STORE_RUN_BUSY', 'a run is under way'));
      const held = { until: now + leaseMs };
      lease = held;
      return Promise.resolve({
        extend(at: number) {
          held.until = at + leaseMs;
          return Promise.resolve();
        },
        commit(commit: Parameters<Awaited<ReturnType<Store['begin']>>['commit']>[0], at: number) {
          if (lease !== held)
            return Promise.reject(new StoreError('RAPPORT_STORE_LEASE_LOST', 'another run took over'));
          const run: Run = {
            number: runs.length + 1,
            asOf: commit.asOf,
            startedAt: now,
            committedAt: at,
            provenance: JSON.parse(JSON.stringify(commit.provenance)) as unknown,
          };
          runs.push(run);
          frames.set(run.number, commit.frames);
          transitions.push(...commit.transitions.map((transition) => ({ ...transition, run: run.number })));
          for (const added of commit.deliveries) {
            if (!deliveries.has(added.key))
              deliveries.set(added.key, {
                ...added,
                state: 'pending',
                attempts: 0,
                lastError: null,
                deliveredAt: null,
                leasedUntil: 0,
              });
          }
          for (const key of commit.evaluated) evaluated.add(key);
          lease = null;
          return Promise.resolve(run);
        },
        abandon() {
          if (lease === held) lease = null;
          return Promise.resolve();
        },
      });
    },
    latestRun: () => Promise.resolve(runs.at(-1) ?? null),
    runs: (limit) => Promise.resolve([...runs].reverse().slice(0, limit)),
    results: (run, level) =>
      Promise.resolve(frames.get(run)?.find((frame) => levelText(frame.level) === levelText(level)) ?? null),
    memberships: (query = {}) =>
      Promise.resolve(
        members().filter(
          (member) =>
            (query.segment ?? member.segment) === member.segment &&
            (query.subject ?? member.subject) === member.subject,
        ),
      ),
    transitions: ({ segment, subject, limit }) =>
      Promise.resolve(
        [...transitions]
          .reverse()
          .filter((move) => (segment ?? move.segment) === move.segment && (subject ?? move.subject) === move.subject)
          .slice(0, limit),
      ),
    evaluatedSegments: () => Promise.resolve([...evaluated]),
    claim(now, limit, leaseMs) {
      const due = [...deliveries.values()]
        .filter(({ state, dueAt, leasedUntil }) => state === 'pending' && dueAt <= now && leasedUntil <= now)
        .slice(0, limit);
      return Promise.resolve(
        due.map((delivery) => {
          const leased = { ...delivery, attempts: delivery.attempts + 1, leasedUntil: now + leaseMs };
          deliveries.set(delivery.key, leased);
          return leased;
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
    list: ({ state, limit }) =>
      Promise.resolve(
        [...deliveries.values()].filter((delivery) => (state ?? delivery.state) === delivery.state).slice(0, limit),
      ),
  };
}
