import type { Zone } from '@rapport/sdk/time';
import type { Column, Frame, Snapshot } from '@rapport/store';
import {
  messageOf,
  type FrameRequest,
  type Held,
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
import { toShare } from './columns-to-threads.js';

/** A metric that had to be stopped this often is not tried again until Rapport is restarted. */
const MAX_STRIKES = 3;
/** How often a metric is computed again after something else ended its thread. */
const MAX_INTERRUPTIONS = 5;
const UNWATCHED = Number.POSITIVE_INFINITY;

/** What one thread has of a level. */
interface Sent {
  readonly columns: Set<number>;
  readonly results: Set<string>;
  readonly folded: Set<string>;
}
/** A level that is being computed. */
export interface HeldLevel {
  readonly id: number;
  readonly plan: LevelPlan;
  /** Answers to the plan's measures, and a column per profile behind them. */
  readonly frame: Frame;
  /** Results that other metrics use, to give to threads that did not compute them. */
  readonly kept: Record<string, Column>;
  readonly sent: WeakMap<object, Sent>;
}

let nextFrame = 1;
export const holdLevel = (plan: LevelPlan, frame: Frame): HeldLevel => ({
  id: nextFrame++,
  plan,
  frame,
  kept: {},
  sent: new WeakMap(),
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
  /** Frees what threads hold of the levels. */
  drop(levels: readonly HeldLevel[]): void;
}

/**
 * Computes metrics in the threads of plugins: as many at once as are asked for and threads are free, one metric after the other
 * in each, and each within its budget of time for all its subjects and levels.
 */
export function createComputing(setting: ComputingSetting): Computing {
  const { host, limits, snapshot, asOf, used, rows } = setting;
  const spent = new Map<string, number>();
  const off = new Map<string, Reason>();
  const failures = new Map<string, MetricFailure & { subjects: number }>();
  const fail = (metric: string, code: string, message: string, subjects: number) => {
    if (subjects === 0) return;
    const key = JSON.stringify([metric, code]);
    const failure = failures.get(key) ?? { metric, code, message: host.scrub(message), subjects: 0 };
    failure.subjects += subjects;
    failures.set(key, failure);
  };
  /** Calls within what the metric has left of its time in this evaluation. */
  const timed = async <R>(
    metric: string,
    call: (budgetMs: number) => Promise<{ readonly reply: R; readonly tookMs: number }>,
  ): Promise<R> => {
    const before = spent.get(metric) ?? 0;
    const { reply, tookMs } = await call(Math.max(1, limits.metricMs - before));
    spent.set(metric, before + tookMs);
    return reply;
  };
  /** What the thread lacks of a level: all that is known of it, or some columns and some metrics' results. */
  const lacking = (
    { id, plan, frame, kept, sent }: HeldLevel,
    { thread }: Held,
    columns: readonly number[],
    uses: readonly string[],
  ): FrameRequest => {
    const there = sent.get(thread) ?? { columns: new Set(), results: new Set(), folded: new Set() };
    const { kind } = plan.plan.level;
    const head = {
      kind: kind === 'family' ? 'account' : kind,
      asOf,
      zone: setting.zone.name,
      subjects: frame.subjects,
    } as const;
    const request = {
      id,
      head: sent.has(thread) ? null : head,
      columns: columns.flatMap((i) => {
        const column = frame.columns[i];
        return column && !there.columns.has(i) ? [[i, toShare(column)] as const] : [];
      }),
      results: Object.fromEntries(
        Object.entries(kept).flatMap(([name, column]) =>
          uses.includes(name.split('.', 1)[0] ?? '') && !there.results.has(name) ? [[name, toShare(column)]] : [],
        ),
      ),
    };
    for (const i of columns) there.columns.add(i);
    for (const name of Object.keys(request.results)) there.results.add(name);
    sent.set(thread, there);
    return request;
  };
  /** The store streams one fold at a time. */
  let streaming: Promise<unknown> = Promise.resolve();
  const fold = (metric: MetricDescriptor, level: HeldLevel, held: Held, folds: readonly FoldPlan[]): Promise<void> => {
    const run = async () => {
      for (const { name, reducer, query } of folds) {
        const frame = lacking(level, held, [], []);
        const folded = level.sent.get(held.thread)?.folded;
        const key = JSON.stringify([metric.key, name]);
        if (folded?.has(key)) continue;
        const about = { frame: level.id, metric: metric.id, name };
        await held.call('foldBegin', { ...about, frame, key: metric.key, reducer }, UNWATCHED);
        for await (const events of snapshot.stream(query))
          await timed(metric.id, (budget) => held.call('foldStep', { ...about, events }, budget));
        await timed(metric.id, (budget) => held.call('foldEnd', about, budget));
        folded?.add(key);
      }
    };
    if (folds.length === 0) return Promise.resolve();
    const mine = streaming.then(run);
    streaming = mine.catch(() => undefined);
    return mine;
  };
  const nothing = (metric: MetricDescriptor, level: HeldLevel, reason: Reason): Readonly<Record<string, Column>> => {
    const out = resultColumns(metric, level.frame.subjects.length);
    level.frame.subjects.forEach((_, i) => {
      out.refuse(i, reason);
    });
    return out.finish();
  };
  const compute = (
    { metric, inputs, folds, reduce }: MetricPlan,
    level: HeldLevel,
    portfolio: ReadonlyMap<string, PortfolioResult>,
  ): Promise<ComputeReply> =>
    host.compute(metric.key, async (held) => {
      const about = {
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
      const told = (reply: ComputeReply) => {
        const there = level.sent.get(held.thread);
        if (about.keep) for (const name of Object.keys(reply.columns)) there?.results.add(name);
        return reply;
      };
      if (!reduce || !rows) {
        await fold(metric, level, held, folds);
        const its = placed(inputs, level);
        const frame = lacking(level, held, columnsOf(its), metric.uses);
        const request = { ...about, frame, inputs: its };
        return told(await timed(metric.id, (budget) => held.call('compute', request, budget)));
      }
      const groups = await setting.groupsOf(level, rows);
      await fold(metric, rows, held, reduce.folds);
      const its = placed(reduce.inputs, rows);
      const frames = { frame: lacking(level, held, [], metric.uses), rows: lacking(rows, held, columnsOf(its), []) };
      const request = { ...about, ...frames, inputs: its, groups };
      return told(await timed(metric.id, (budget) => held.call('reduce', request, budget)));
    });
  /** Again where something else ended the thread. */
  const computeAgain: typeof compute = async (plan, level, portfolio) => {
    const before = spent.get(plan.metric.id) ?? 0;
    for (let interruptions = 1; ; interruptions++)
      try {
        return await compute(plan, level, portfolio);
      } catch (error) {
        if (!(error instanceof WorkerDied) || error.alone || interruptions > MAX_INTERRUPTIONS) throw error;
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
        `${metric.id} threw for ${(reply.threw.example ?? 'a subject').replace(/\.$/, '')}. Those subjects have no value.`,
        reply.threw.subjects,
      );
      fail(
        metric.id,
        'RAPPORT_METRIC_INVALID_VALUE',
        `${metric.id} gave an invalid result for ${reply.invalid.example ?? 'a subject'}. Those subjects have no value.`,
        reply.invalid.subjects,
      );
      if (reply.keptState !== null) {
        off.set(metric.id, 'error');
        fail(
          metric.id,
          'RAPPORT_METRIC_STATE',
          `${metric.id} keeps state between calls: ${reply.keptState}. It has no values in this run; let compute use nothing but its inputs.`,
          size,
        );
        return { columns: nothing(metric, level, 'error'), readAsOf: false };
      }
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
        const why = {
          timeout: `it took longer than the ${String(limits.metricMs)} ms that it has in a run (limits.metricMs)`,
          memory: `${error.message} (limits.memoryMb)`,
          crash: error.message,
        };
        off.set(metric.id, error.how === 'crash' ? 'error' : error.how);
        fail(
          metric.id,
          codes[error.how],
          `${metric.id} was stopped: ${why[error.how]}. It has no values in this run; correct it, or raise the limit.`,
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
    drop(levels) {
      host.drop(levels.map(({ id }) => id));
    },
  };
}

const columnsOf = (inputs: Readonly<Record<string, InputSource>>): readonly number[] =>
  Object.values(inputs).filter((source) => typeof source === 'number');

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
