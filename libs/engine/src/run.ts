import { originOf, partialOrigin } from './measurement/origin.js';
import {
  MANIFEST_FORMAT,
  type BaselineReason,
  type HistoryDay,
  type Run,
  type RunManifest,
  type Transition,
} from '@rapport/store';
import { zone as zoneOf } from '@rapport/sdk/time';
import { randomUUID } from 'node:crypto';
import { EngineError, verdictsOf } from '@rapport/plugin-host';
import { isUnfinished, type MetricFailure } from './measurement/computing.js';
import { metricsOf, type EvaluateOptions, type Evaluation } from './measurement/evaluation.js';
import { sinceLastRun, withBaselines } from './membership/baseline.js';
import { definitionKeyOf, definitionsOf, settingsOf } from './membership/definition.js';
import { defaultLevels, factTables } from './membership/fact-tables.js';
import { leaveWhatIsGone } from './membership/retired.js';
import { membersBySegment, moveAll, type SegmentError } from './membership/move-all.js';
import { software } from './membership/software.js';
import { deliveriesFor } from '@rapport/playbooks';
import type { RunSetting } from './membership/setting.js';
import { instantOf } from './instant.js';
import { isErased, unlessErased } from './erasure.js';

const LEASE_MS = 30_000;

/** A run is whole: nothing here changes what comes out of it but the instant. */
export interface RunOptions extends Pick<EvaluateOptions, 'asOf' | 'onProgress'> {
  /** Compute everything, although the evaluation before may serve for what has not changed. The result is the same. */
  readonly full?: boolean;
}
const OPTIONS: readonly string[] = ['asOf', 'full', 'onProgress'] satisfies (keyof RunOptions)[];

/**
 * Computes, moves segments, queues deliveries, and commits all of it at once, under the workspace's run lease.
 *
 * Throws `RAPPORT_RUN_OPTION` for an option that would make it partial, `RAPPORT_RUN_OLDER` for an `asOf` before the last committed run's, `RAPPORT_RUN_FUTURE`
 * for an `asOf` that has not come, `RAPPORT_STORE_RUN_BUSY` while another run is under way, `RAPPORT_EVALUATE_*`.
 */
export async function runOnce(setting: RunSetting, options: RunOptions): Promise<RunReport> {
  const { store, clock, plugins, config } = setting;
  const began = clock.now();
  const asOf = instantOf(options.asOf, clock);
  checkOptions(options);
  if (asOf > began)
    throw new EngineError(
      'RAPPORT_RUN_FUTURE',
      `a run as of ${new Date(asOf).toISOString()} would take what is known by ${new Date(began).toISOString()} for all that there is. Choose an instant that has come; "evaluate" may look ahead.`,
    );
  const lease = await store.begin(randomUUID(), began, LEASE_MS);
  const extending = setInterval(() => {
    // A lease that is lost shows when the run commits.
    lease.extend(clock.now()).catch(() => undefined);
  }, LEASE_MS / 6);
  try {
    const latest = await store.latestRun();
    // One of the future is an earlier version's, or comes from another host's clock; it must not hold back the runs until then.
    if (latest && asOf < latest.asOf && latest.asOf <= began) {
      throw new EngineError(
        'RAPPORT_RUN_OLDER',
        `run ${String(latest.number)} already stands as of ${new Date(latest.asOf).toISOString()}; a run as of ${new Date(asOf).toISOString()} would undo its memberships. Use "evaluate" to look at the past.`,
      );
    }
    const snapshot = await store.snapshot();
    try {
      const { full, onProgress } = options;
      const { evaluation, tables, failures } = await factTables(setting, snapshot, asOf, defaultLevels(setting), {
        ...(full === undefined ? {} : { full }),
        ...(onProgress ? { onProgress } : {}),
      });
      onProgress?.({ phase: 'segments', done: 0, total: 1 });
      const { windows: _, ...provenance } = evaluation.provenance;
      const now = { ...provenance, ...definitionsOf(plugins, config), settings: settingsOf(config) };
      const members = membersBySegment(await store.memberships());
      const before = latest?.manifest ?? null;
      const { changes, former } = await sinceLastRun(setting, before, now, members, snapshot, asOf);
      const moved = await moveAll(
        plugins,
        tables,
        members,
        { at: asOf, zone: zoneOf(store.zone) },
        verdictsOf(setting),
        { failures },
      );
      const gone = await leaveWhatIsGone(members, plugins, store, asOf);
      const moves = withBaselines(moved.moves, changes, former);
      const transitions = [...gone, ...moves];
      const run = (latest?.number ?? 0) + 1;
      const active = plugins.flatMap((plugin) => (plugin.kind === 'playbook' && plugin.enabled ? [plugin] : []));
      const deliveries = deliveriesFor(active, moves, run, clock.now());
      const manifest: RunManifest = {
        format: MANIFEST_FORMAT,
        state: snapshot.state,
        epoch: snapshot.epoch,
        day: dayOf(store.zone, asOf),
        software,
        ...now,
        changes: Object.fromEntries(changes),
        failures: evaluation.failures,
        segmentErrors: moved.errors,
      };
      onProgress?.({ phase: 'commit', done: 0, total: 1 });
      const committed = await lease.commit(
        { asOf, epoch: snapshot.epoch, manifest, frames: evaluation.frames, transitions, deliveries },
        clock.now(),
      );
      await putHistory(setting, committed, evaluation);
      return {
        run: committed,
        evaluation,
        transitions: transitions.map((move) => ({ ...move, run: committed.number })),
        baselines: baselinesAmong(transitions),
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

/** Callers without types may ask for a part of a run, which would commit that part as the whole. */
function checkOptions(options: RunOptions): void {
  const other = Object.entries(options).find(([name, value]) => value !== undefined && !OPTIONS.includes(name));
  if (other)
    throw new EngineError(
      'RAPPORT_RUN_OPTION',
      `a run takes no "${other[0].slice(0, 50)}": it is about all subjects and metrics, as rapport.json says. Use "evaluate" to look at a part of it.`,
    );
}

/** The day of a run's instant. It is complete when the instant is its end: the run began after that, or it would have been refused. */
function dayOf(zoneName: string, asOf: number): RunManifest['day'] {
  const zone = zoneOf(zoneName);
  const number = zone.dayOf(asOf - 1);
  return { number, complete: zone.startOfDay(number + 1) === asOf };
}

/** Puts a run's values into the history. Where somebody was erased since its snapshot, those are put that the store still has of the run. */
async function putHistory(setting: RunSetting, run: Run, evaluation: Evaluation): Promise<void> {
  const { store } = setting;
  try {
    await store.putHistory(historyOf(setting, run, evaluation), run.manifest.epoch);
  } catch (error) {
    if (!isErased(error)) throw error;
    await unlessErased(async () => {
      const now = await store.epoch();
      const found = await Promise.all(evaluation.frames.map(({ level }) => store.results(run.number, level)));
      const frames = found.filter((frame) => frame !== null);
      await store.putHistory(historyOf(setting, run, { ...evaluation, frames }), now);
    });
  }
}

/**
 * A run's values for the history: of accounts, families and the portfolio. Values of a day that was not over, and of metrics that could not be finished, are
 * partial, and say so in their origins: a backfill replaces them. Written after the run: should the process end in between, the day is missing
 * until it is filled in.
 */
function historyOf(
  { plugins }: RunSetting,
  { manifest: { day } }: Run,
  { asOf, frames, failures }: Pick<Evaluation, 'asOf' | 'frames' | 'failures'>,
): readonly HistoryDay[] {
  const unfinished = unfinishedMetrics(failures);
  return frames.flatMap(({ level, subjects, columns }): readonly HistoryDay[] => {
    if (level.kind === 'user' || (level.kind === 'portfolio' && level.by !== undefined)) return [];
    const metrics = metricsOf(plugins).flatMap(({ id }): [string, HistoryDay['metrics'][string]][] => {
      const values = Object.hasOwn(columns, id) ? columns[id] : undefined;
      const origin = originOf(plugins, id);
      if (values?.type !== 'number' || origin === null) return [];
      return [[id, { origin: day.complete && !unfinished.has(id) ? origin : partialOrigin(origin), values }]];
    });
    return metrics.length > 0 ? [{ level, day: day.number, asOf, subjects, metrics: Object.fromEntries(metrics) }] : [];
  });
}
const unfinishedMetrics = (failures: readonly MetricFailure[]): ReadonlySet<string> =>
  new Set(failures.flatMap((failure) => (isUnfinished(failure) ? [failure.metric] : [])));

/** Transitions that fire nothing, by what decides them and why. */
function baselinesAmong(transitions: readonly Omit<Transition, 'run'>[]): readonly BaselineReport[] {
  const found = new Map<string, { -readonly [K in keyof BaselineReport]: BaselineReport[K] }>();
  for (const { segment, baseline, baselineReason, baselineText } of transitions) {
    if (!baseline) continue;
    const definition = definitionKeyOf(segment);
    const key = JSON.stringify([definition, baselineReason, baselineText]);
    const report = found.get(key) ?? { definition, reason: baselineReason, text: baselineText, transitions: 0 };
    report.transitions++;
    found.set(key, report);
  }
  return [...found.values()];
}

export interface BaselineReport {
  /** A segment's id, or `playbook.<id>`. */
  readonly definition: string;
  readonly reason: BaselineReason | null;
  readonly text: string | null;
  /** Transitions that were taken as found and fire nothing. */
  readonly transitions: number;
}

export interface RunReport {
  readonly run: Run;
  readonly evaluation: Evaluation;
  readonly transitions: readonly Transition[];
  /** What was taken as found, and why; empty when nothing of ours changed. */
  readonly baselines: readonly BaselineReport[];
  readonly deliveries: number;
  readonly segmentErrors: readonly SegmentError[];
}
