import type { Zone } from '@rapport/sdk/time';
import type { Column, Frame, Snapshot } from '@rapport/store';
import {
  messageOf,
  type MetricDescriptor,
  WorkerDied,
  type PluginHost,
  type ComputeReply,
  type InputSource,
  type PortfolioResult,
  resultColumns,
  type Reason,
} from '@rapport/plugin-host';
import type { FoldPlan, InputPlan, LevelPlan, MetricPlan } from './planner.js';

/** A metric that had to be stopped this often is not tried again until the engine is started anew. */
const MAX_STRIKES = 3;
/** How often a metric is computed again after something else ended the worker. */
const MAX_INTERRUPTIONS = 5;
const UNWATCHED = Number.POSITIVE_INFINITY;

/** A level under way in the worker. */
export interface HeldLevel {
  readonly id: number;
  readonly plan: LevelPlan;
  /** Answers to the plan's measures, and a column per profile behind them. */
  readonly frame: Frame;
  /** Results that other metrics use, to give to a new worker. */
  readonly kept: Record<string, Column>;
  /** Worker that has the frame, and folds done there. */
  sentTo: number;
  folded: Set<string>;
}

let nextFrame = 1;
export const holdLevel = (plan: LevelPlan, frame: Frame): HeldLevel => ({
  id: nextFrame++,
  plan,
  frame,
  kept: {},
  sentTo: 0,
  folded: new Set(),
});

export interface ComputingSetting {
  readonly host: PluginHost;
  readonly zone: Zone;
  readonly limits: { readonly metricMs: number; readonly metricFailures: number };
  /** How often each metric had to be stopped since the engine began. */
  readonly strikes: Map<string, number>;
  readonly snapshot: Snapshot;
  readonly asOf: number;
  /** Metrics whose results others use. */
  readonly used: ReadonlySet<string>;
  /** Accounts that portfolios and families are reduced from. */
  readonly rows: HeldLevel | null;
  /** Per account of `rows` the subject of a level that it belongs to; −1 for none, null when all belong to the only one. */
  groupsOf(level: HeldLevel, rows: HeldLevel): Promise<Int32Array | null>;
}
export interface Computed {
  readonly columns: Readonly<Record<string, Column>>;
  /** Whether it looked at the instant evaluated as of. */
  readonly readAsOf: boolean;
}
export interface Computing {
  /** Never throws for a metric's fault: a metric that throws, or gives nonsense, is null for that subject; one that had to be stopped is null for all. */
  compute(plan: MetricPlan, level: HeldLevel, portfolio: ReadonlyMap<string, PortfolioResult>): Promise<Computed>;
  failures(): readonly MetricFailure[];
  /** Frees what the worker holds of the levels. */
  drop(levels: readonly HeldLevel[]): Promise<void>;
}

/** Computes metrics in the plugin worker, one at a time, each within its budget of time for all its subjects and levels. */
export function createComputing(setting: ComputingSetting): Computing {
  const { host, limits, snapshot, asOf, used, rows } = setting;
  const spent = new Map<string, number>();
  const off = new Map<string, Reason>();
  const failures = new Map<string, { metric: string; code: string; message: string; subjects: number }>();
  const fail = (metric: string, code: string, message: string, subjects: number) => {
    if (subjects === 0) return;
    const key = `${metric}\n${code}`;
    const failure = failures.get(key) ?? { metric, code, message: host.scrub(message), subjects: 0 };
    failure.subjects += subjects;
    failures.set(key, failure);
  };
  /** The time a metric has left in this evaluation; its calls are timed against it. */
  const timed = async <R>(metric: string, what: (budgetMs: number) => Promise<R>): Promise<R> => {
    const budget = limits.metricMs - (spent.get(metric) ?? 0);
    const begun = performance.now();
    try {
      return await what(Math.max(1, budget));
    } finally {
      spent.set(metric, (spent.get(metric) ?? 0) + performance.now() - begun);
    }
  };
  const send = async (level: HeldLevel): Promise<void> => {
    const generation = await host.generation();
    if (level.sentTo === generation) return;
    const { frame, plan } = level;
    // Columns are copied, not handed over: should the worker end, they go to the next one.
    await host.call(
      'frame',
      {
        frame: level.id,
        kind: plan.plan.level.kind === 'family' ? 'account' : plan.plan.level.kind,
        asOf,
        zone: setting.zone.name,
        subjects: frame.subjects,
        columns: frame.columns,
      },
      UNWATCHED,
    );
    await host.call('restore', { frame: level.id, columns: level.kept }, UNWATCHED);
    level.sentTo = generation;
    level.folded = new Set();
  };
  const fold = async (metric: MetricDescriptor, level: HeldLevel, folds: readonly FoldPlan[]): Promise<void> => {
    for (const { name, reducer, query } of folds) {
      const key = `${metric.key}\n${name}`;
      if (level.folded.has(key)) continue;
      const about = { frame: level.id, metric: metric.id, name };
      await host.call('foldBegin', { ...about, key: metric.key, reducer }, UNWATCHED);
      for await (const events of snapshot.stream(query))
        await timed(metric.id, (budget) => host.call('foldStep', { ...about, events }, budget));
      await timed(metric.id, (budget) => host.call('foldEnd', about, budget));
      level.folded.add(key);
    }
  };
  const nothing = (metric: MetricDescriptor, level: HeldLevel, reason: Reason): Readonly<Record<string, Column>> => {
    const out = resultColumns(metric, level.frame.subjects.length);
    level.frame.subjects.forEach((_, i) => {
      out.refuse(i, reason);
    });
    return out.finish();
  };
  const compute = async (
    { metric, inputs, folds, reduce }: MetricPlan,
    level: HeldLevel,
    portfolio: ReadonlyMap<string, PortfolioResult>,
  ): Promise<ComputeReply> => {
    const about = {
      frame: level.id,
      metric: metric.id,
      key: metric.key,
      maxFailures: limits.metricFailures,
      keep: used.has(metric.id),
      portfolio: Object.fromEntries(
        metric.usesPortfolio.map((id) => [
          id,
          portfolio.get(id) ?? { value: null, reason: 'unavailable' as const, parts: {} },
        ]),
      ),
    };
    await send(level);
    if (!reduce || !rows) {
      await fold(metric, level, folds);
      return timed(metric.id, (budget) => host.call('compute', { ...about, inputs: placed(inputs, level) }, budget));
    }
    await send(rows);
    await fold(metric, rows, reduce.folds);
    const groups = await setting.groupsOf(level, rows);
    return timed(metric.id, (budget) =>
      host.call('reduce', { ...about, inputs: placed(reduce.inputs, rows), rows: rows.id, groups }, budget),
    );
  };
  /** Again where another plugin ended the worker. */
  const computeAgain: typeof compute = async (plan, level, portfolio) => {
    const before = spent.get(plan.metric.id) ?? 0;
    for (let interruptions = 1; ; interruptions++)
      try {
        return await compute(plan, level, portfolio);
      } catch (error) {
        if (!(error instanceof WorkerDied) || error.running || interruptions > MAX_INTERRUPTIONS) throw error;
        spent.set(plan.metric.id, before);
      }
  };
  const computeGuarded = async (
    plan: MetricPlan,
    level: HeldLevel,
    portfolio: ReadonlyMap<string, PortfolioResult>,
  ): Promise<Computed> => {
    const { metric } = plan;
    const size = level.frame.subjects.length;
    if ((setting.strikes.get(metric.id) ?? 0) >= MAX_STRIKES && !off.has(metric.id)) off.set(metric.id, 'switched-off');
    const reason = off.get(metric.id);
    if (reason !== undefined) {
      if (reason === 'switched-off')
        fail(
          metric.id,
          'RAPPORT_METRIC_SWITCHED_OFF',
          `${metric.id} failed too often and is switched off. Correct it; "rapport plugins" shows its version.`,
          size,
        );
      else
        fail(
          metric.id,
          reason === 'timeout'
            ? 'RAPPORT_METRIC_TIMEOUT'
            : reason === 'memory'
              ? 'RAPPORT_METRIC_MEMORY'
              : 'RAPPORT_METRIC_THREW',
          `${metric.id} was stopped before.`,
          size,
        );
      return { columns: nothing(metric, level, reason), readAsOf: false };
    }
    try {
      const reply = await computeAgain(plan, level, portfolio);
      fail(
        metric.id,
        'RAPPORT_METRIC_THREW',
        `${metric.id} threw for ${reply.threw.example ?? 'a subject'}. Those subjects have no value.`,
        reply.threw.subjects,
      );
      fail(
        metric.id,
        'RAPPORT_METRIC_INVALID_VALUE',
        `${metric.id} gave an invalid result for ${reply.invalid.example ?? 'a subject'}. Those subjects have no value.`,
        reply.invalid.subjects,
      );
      if (reply.switchedOff > 0) {
        off.set(metric.id, 'switched-off');
        fail(
          metric.id,
          'RAPPORT_METRIC_SWITCHED_OFF',
          `${metric.id} failed for ${String(limits.metricFailures)} subjects in a row and is switched off for this run. Correct it, or raise limits.metricFailures.`,
          reply.switchedOff,
        );
      }
      return reply;
    } catch (error) {
      if (error instanceof WorkerDied) {
        setting.strikes.set(metric.id, (setting.strikes.get(metric.id) ?? 0) + 1);
        const codes = {
          timeout: 'RAPPORT_METRIC_TIMEOUT',
          memory: 'RAPPORT_METRIC_MEMORY',
          crash: 'RAPPORT_METRIC_THREW',
        };
        const wayOut = {
          timeout: ` for ${String(limits.metricMs)} ms in all (limits.metricMs)`,
          memory: ' (limits.memoryMb)',
          crash: '',
        };
        off.set(metric.id, error.how === 'crash' ? 'error' : error.how);
        fail(
          metric.id,
          codes[error.how],
          `${metric.id} was stopped: ${error.message}${wayOut[error.how]}. It has no values in this run; correct it, or raise the limit.`,
          size,
        );
      } else {
        off.set(metric.id, 'error');
        fail(metric.id, 'RAPPORT_METRIC_THREW', `${metric.id} could not be computed (${messageOf(error)}).`, size);
      }
      return { columns: nothing(metric, level, off.get(metric.id) ?? 'error'), readAsOf: false };
    }
  };

  return {
    compute: computeGuarded,
    failures: () => [...failures.values()],
    async drop(levels) {
      const generation = await host.generation().catch(() => 0);
      for (const level of levels)
        if (level.sentTo === generation) await host.call('drop', { frame: level.id }, UNWATCHED).catch(() => undefined);
    },
  };
}

/** Inputs with profiles as the columns that they have in the level's frame. */
const placed = (inputs: InputPlan['inputs'], level: HeldLevel): Readonly<Record<string, InputSource>> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, source]) => [
      name,
      typeof source === 'object' && 'profile' in source ? (level.plan.profiles.get(source.profile) ?? -1) : source,
    ]),
  );

/** Failures that are the machine's more than the metric's: its values are not to be kept, so that they are computed again. */
const UNFINISHED = ['RAPPORT_METRIC_TIMEOUT', 'RAPPORT_METRIC_MEMORY', 'RAPPORT_METRIC_SWITCHED_OFF'];
export const isUnfinished = ({ code }: Pick<MetricFailure, 'code'>): boolean => UNFINISHED.includes(code);

export interface MetricFailure {
  readonly metric: string;
  /** `RAPPORT_METRIC_THREW | _TIMEOUT | _MEMORY | _INVALID_VALUE | _SWITCHED_OFF`. */
  readonly code: string;
  readonly message: string;
  /** Subjects that got null for it. */
  readonly subjects: number;
}
