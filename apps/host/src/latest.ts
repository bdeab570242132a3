import { originOf, type Engine } from '@rapport/engine';
import type { Level, NumberColumn, ResultFrame, Run } from '@rapport/store';

/** The latest run's results, held as columns. Frames are read when first asked for. */
export interface Latest {
  readonly run: Run;
  /** Results that the run committed. */
  frame(level: Level): Promise<ResultFrame | null>;
  /** The portfolio by a trait: of the run, or computed since, once. */
  breakdown(by: string): Promise<Computed<ResultFrame | null>>;
  /** Row numbers of the accounts in that order: by id, or by a metric with nulls last and ties by id. Null for a metric without results. */
  accountOrder(metric: string | null, descending: boolean): Promise<Uint32Array | null>;
}

/** What was computed for a run after it was committed. */
export interface Computed<T> {
  readonly value: T;
  /** False when data has come since the run, or metrics are others or configured otherwise: the run would have said something else. */
  readonly isOfRun: boolean;
}

async function dataState(engine: Engine): Promise<string> {
  const snapshot = await engine.store.snapshot();
  await snapshot.close();
  return snapshot.state;
}

/** Computes something as of a run's instant, and says whether it rests on what the run rested on. */
export async function computeSince<T>(engine: Engine, run: Run, compute: () => Promise<T>): Promise<Computed<T>> {
  const { state, metrics } = run.manifest;
  const before = await dataState(engine);
  const value = await compute();
  const sameData = before === state && (await dataState(engine)) === state;
  const sameMetrics = metricIds(engine).every((id) => metrics[id]?.origin === originOf(engine.plugins, id));
  return { value, isOfRun: sameData && sameMetrics };
}

/** Ids of the metrics that are loaded. */
export const metricIds = (engine: Engine): readonly string[] =>
  engine.plugins.flatMap((plugin) => (plugin.kind === 'metric' ? [plugin.manifest.id] : []));

/** Results of one row: value and, where it is null, the reason, for each metric. */
export function rowOf(frame: ResultFrame, metrics: readonly string[], row: number) {
  const values: Record<string, number | null> = {};
  const reasons: Record<string, string> = {};
  for (const metric of metrics) {
    const column = frame.columns[metric];
    if (column?.type !== 'number') continue;
    values[metric] = column.valid[row] ? (column.values[row] ?? null) : null;
    const reason = frame.columns[`${metric}.reason`];
    const why = reason?.type === 'text' ? reason.dictionary[reason.codes[row] ?? -1] : undefined;
    if (why !== undefined) reasons[metric] = why;
  }
  return { metrics: values, reasons };
}

const keyOf = (level: Level) => (level.kind === 'portfolio' ? `portfolio/${level.by ?? ''}` : level.kind);

function view(engine: Engine, run: Run): Latest {
  const frames = new Map<string, Promise<ResultFrame | null>>();
  const breakdowns = new Map<string, Promise<Computed<ResultFrame | null>>>();
  const orders = new Map<string, Uint32Array>();
  const frame = (level: Level) => {
    const key = keyOf(level);
    let found = frames.get(key);
    if (!found) {
      found = engine.store.results(run.number, level);
      frames.set(key, found);
      found.catch(() => frames.delete(key));
    }
    return found;
  };
  return {
    run,
    frame,
    breakdown(by) {
      let found = breakdowns.get(by);
      if (!found) {
        found = breakdownOf(engine, run, by);
        breakdowns.set(by, found);
        found.catch(() => breakdowns.delete(by));
      }
      return found;
    },
    async accountOrder(metric, descending) {
      const accounts = await frame({ kind: 'account' });
      if (!accounts) return new Uint32Array();
      const column = metric === null ? null : accounts.columns[metric];
      if (metric !== null && column?.type !== 'number') return null;
      const key = `${descending ? '-' : ''}${metric ?? ''}`;
      const known = orders.get(key);
      if (known) return known;
      const order = sorted(accounts.subjects, column?.type === 'number' ? column : null, descending);
      if (orders.size >= 16) orders.delete(orders.keys().next().value ?? '');
      orders.set(key, order);
      return order;
    },
  };
}

/** A breakdown that the run did not make is computed as of the run's instant, over the data there is now. */
async function breakdownOf(engine: Engine, run: Run, by: string): Promise<Computed<ResultFrame | null>> {
  const level = { kind: 'portfolio', by } as const;
  const stored = await engine.store.results(run.number, level);
  if (stored) return { value: stored, isOfRun: true };
  return computeSince(engine, run, async () => {
    const { frames } = await engine.evaluate({ asOf: run.asOf, levels: [level] });
    return frames.find((frame) => keyOf(frame.level) === keyOf(level)) ?? null;
  });
}

function sorted(subjects: readonly string[], column: NumberColumn | null, descending: boolean): Uint32Array {
  const rows = Uint32Array.from(subjects, (_, row) => row);
  const sign = descending ? -1 : 1;
  const byId = (a: number, b: number) => ((subjects[a] ?? '') < (subjects[b] ?? '') ? -1 : 1);
  if (!column) return rows.sort((a, b) => sign * byId(a, b));
  return rows.sort((a, b) => {
    const [hasA, hasB] = [column.valid[a] ?? 0, column.valid[b] ?? 0];
    if (hasA !== hasB) return hasB - hasA;
    const difference = hasA ? (column.values[a] ?? 0) - (column.values[b] ?? 0) : 0;
    return difference === 0 ? byId(a, b) : sign * difference;
  });
}

/** Asks the store for the newest run on every call; what belongs to a run is kept until a newer one is committed or somebody is erased. */
export function latestResults(engine: Engine): () => Promise<Latest | null> {
  let current: { readonly latest: Latest; readonly epoch: number } | null = null;
  return async () => {
    // The epoch first: what is read after an erasure must not be kept under the one from before.
    const epoch = await engine.store.epoch();
    const number = await engine.store.latestRunNumber();
    if (current?.epoch === epoch && current.latest.run.number === number) return current.latest;
    const run = await engine.store.latestRun();
    if (!run) return null;
    current = { latest: view(engine, run), epoch };
    return current.latest;
  };
}
