import { zone as zoneOf, type HistoryDay, type Run, type Transition } from '@rapport/store';
import { randomUUID } from 'node:crypto';
import { originOf, partialOrigin } from './measurement/origin.js';
import { EngineError, documentsAmong, verdictsOf } from '@rapport/plugin-host';
import {
  checkMetrics,
  metricsOf,
  type EvaluatedLevel,
  type EvaluateOptions,
  type Evaluation,
} from './measurement/evaluation.js';
import { defaultLevels, documentsOf, factTables, kinds, metricsRead } from './membership/fact-tables.js';
import { leaveWhatIsGone } from './membership/retired.js';
import { membersBySegment, moveAll } from './membership/move-all.js';
import { levelKey } from './measurement/planner.js';
import { deliveriesFor } from '@rapport/playbooks';
import type { RunSetting } from './membership/setting.js';
import { instantOf } from './instant.js';
import { isErased, unlessErased } from './erasure.js';

const LEASE_MS = 30_000;
const DAY = 86_400_000;

/**
 * Computes, moves segments, queues deliveries, and commits all of it at once, under the workspace's run lease.
 *
 * Throws `RAPPORT_RUN_OLDER` for an `asOf` before the last committed run's, `RAPPORT_RUN_FUTURE` for one more than a day from now,
 * `RAPPORT_STORE_RUN_BUSY` while another run is under way, `RAPPORT_EVALUATE_*`.
 */
export async function runOnce(setting: RunSetting, options: EvaluateOptions): Promise<RunReport> {
  const { store, clock, plugins } = setting;
  const asOf = instantOf(options.asOf, clock);
  checkMetrics(options.metrics, plugins);
  if (asOf > clock.now() + DAY) {
    throw new EngineError(
      'RAPPORT_RUN_FUTURE',
      `a run as of ${new Date(asOf).toISOString()} would hold back every run until then. Evaluate it without a run, or choose an instant that has come.`,
    );
  }
  const lease = await store.begin(randomUUID(), clock.now(), LEASE_MS);
  const extending = setInterval(() => {
    // A lease that is lost shows when the run commits.
    lease.extend(clock.now()).catch(() => undefined);
  }, LEASE_MS / 6);
  try {
    const latest = await store.latestRun();
    if (latest && asOf < latest.asOf) {
      throw new EngineError(
        'RAPPORT_RUN_OLDER',
        `run ${String(latest.number)} already stands as of ${new Date(latest.asOf).toISOString()}; a run as of ${new Date(asOf).toISOString()} would undo its memberships. Use "evaluate" to look at the past.`,
      );
    }
    const snapshot = await store.snapshot();
    try {
      const levels = [...(options.levels ?? defaultLevels(setting))];
      for (const kind of kinds)
        if (documentsOf(plugins, kind).length > 0 && !levels.some((level) => levelKey(level) === kind))
          levels.push({ kind });
      const { metrics } = options;
      const { evaluation, tables } = await factTables(setting, snapshot, asOf, levels, {
        ...options,
        ...(metrics ? { metrics: [...new Set([...metrics, ...metricsRead(documentsAmong(plugins), plugins)])] } : {}),
      });
      options.onProgress?.({ phase: 'segments', done: 0, total: 1 });
      const members = membersBySegment(await store.memberships());
      const evaluatedBefore = new Set(await store.evaluatedSegments());
      const moved = await moveAll(plugins, tables, members, evaluatedBefore, asOf, verdictsOf(setting));
      const gone = await leaveWhatIsGone(members, plugins, store, asOf);
      const transitions = [...gone, ...moved.moves];
      const run = (latest?.number ?? 0) + 1;
      const active = plugins.flatMap((plugin) => (plugin.kind === 'playbook' && plugin.enabled ? [plugin] : []));
      const deliveries = deliveriesFor(active, moved.moves, run, clock.now());
      options.onProgress?.({ phase: 'commit', done: 0, total: 1 });
      const committed = await lease.commit(
        {
          asOf,
          epoch: snapshot.epoch,
          provenance: {
            ...(evaluation.provenance as object),
            failures: evaluation.failures,
            segmentErrors: moved.errors,
          },
          frames: evaluation.frames,
          transitions,
          deliveries,
          evaluated: moved.evaluated,
        },
        clock.now(),
      );
      await putHistory(setting, committed.number, evaluation, snapshot.epoch);
      return {
        run: committed,
        evaluation,
        transitions: transitions.map((move) => ({ ...move, run: committed.number })),
        deliveries: deliveries.length,
        segmentErrors: moved.errors,
      };
    } finally {
      await snapshot.close();
    }
  } catch (error) {
    await lease.abandon().catch(() => undefined);
    throw error;
  } finally {
    clearInterval(extending);
  }
}

/** Puts a run's values into the history. Where somebody was erased since its snapshot, those are put that the store still has of the run. */
async function putHistory(setting: RunSetting, run: number, evaluation: Evaluation, epoch: number): Promise<void> {
  const { store } = setting;
  try {
    await store.putHistory(historyOf(setting, evaluation), epoch);
  } catch (error) {
    if (!isErased(error)) throw error;
    await unlessErased(async () => {
      const now = await store.epoch();
      const found = await Promise.all(evaluation.frames.map(({ level }) => store.results(run, level)));
      const frames = found.filter((frame) => frame !== null);
      await store.putHistory(historyOf(setting, { ...evaluation, frames }), now);
    });
  }
}

/**
 * A run's values for the history: of accounts, families and the portfolio. A run in the middle of a day is not the day's end, and says so in its
 * origins. Written after the run: should the process end in between, the day is missing until it is filled in.
 */
function historyOf(
  { plugins, store }: RunSetting,
  { asOf, frames }: Pick<Evaluation, 'asOf' | 'frames'>,
): readonly HistoryDay[] {
  const zone = zoneOf(store.zone);
  const day = zone.dayOf(asOf - 1);
  const over = zone.startOfDay(day + 1) === asOf;
  return frames.flatMap(({ level, subjects, columns }): readonly HistoryDay[] => {
    if (level.kind === 'user' || (level.kind === 'portfolio' && level.by !== undefined)) return [];
    const metrics = metricsOf(plugins).flatMap(({ id }): [string, HistoryDay['metrics'][string]][] => {
      const values = Object.hasOwn(columns, id) ? columns[id] : undefined;
      const origin = originOf(plugins, id);
      if (values?.type !== 'number' || origin === null) return [];
      return [[id, { origin: over ? origin : partialOrigin(origin), values }]];
    });
    return metrics.length > 0 ? [{ level, day, asOf, subjects, metrics: Object.fromEntries(metrics) }] : [];
  });
}

export type { EvaluatedLevel };

export interface RunReport {
  readonly run: Run;
  readonly evaluation: Evaluation;
  readonly transitions: readonly Transition[];
  readonly deliveries: number;
  readonly segmentErrors: readonly { readonly segment: string; readonly message: string }[];
}
