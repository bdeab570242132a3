import type { Column, Frame, Level, ResultFrame, Snapshot, Zone } from '@rapport/store';
import type { EvaluateOptions, Evaluation, LoadedPlugin, MetricDescriptor, MetricFailure } from './api.js';
import { EngineError, messageOf } from './error.js';
import {
  computeOrder,
  levelKey,
  planLevels,
  type FoldPlan,
  type InputPlan,
  type LevelPlan,
  type MetricPlan,
  type TraitUse,
} from './planner.js';
import { WorkerDied, type PluginHost } from './plugin-host.js';
import type { ComputeReply } from './protocol.js';
import { resultColumns, type Reason } from './result-columns.js';
import { didYouMean } from '@rapport/rules';

export interface EvaluationSetting {
  readonly plugins: readonly LoadedPlugin[];
  readonly host: PluginHost;
  readonly zone: Zone;
  readonly limits: { readonly metricMs: number; readonly metricFailures: number };
  /** Traits that rules read. */
  readonly traits: { readonly account: readonly TraitUse[]; readonly user: readonly TraitUse[] };
  /** How often each metric had to be stopped since the engine began. */
  readonly strikes: Map<string, number>;
}
/** What rules are evaluated over: one level's results and traits. */
export interface EvaluatedLevel {
  readonly plan: LevelPlan;
  readonly frame: Frame;
  readonly results: ResultFrame;
}

/** A metric that had to be stopped this often is not tried again until the engine is started anew. */
const MAX_STRIKES = 3;
const UNWATCHED = Number.POSITIVE_INFINITY;

/** Metric descriptors of loaded plugins. */
export const metricsOf = (plugins: readonly LoadedPlugin[]): readonly MetricDescriptor[] =>
  plugins.flatMap((plugin) => (plugin.kind === 'metric' ? [plugin.definition] : []));

/** Throws `RAPPORT_EVALUATE_METRIC` for a metric that is not loaded. */
export function checkMetrics(wanted: readonly string[] | undefined, plugins: readonly LoadedPlugin[]): void {
  const known = metricsOf(plugins).map(({ id }) => id);
  const unknown = wanted?.find((id) => !known.includes(id));
  if (unknown !== undefined)
    throw new EngineError(
      'RAPPORT_EVALUATE_METRIC',
      `there is no metric "${unknown}".${didYouMean(unknown, known)} Loaded: ${known.join(', ') || 'none'}.`,
    );
}

/** A level under way in the worker. */
interface HeldLevel {
  readonly id: number;
  readonly plan: LevelPlan;
  readonly frame: Frame;
  /** Results that other metrics use, to give to a new worker. */
  readonly kept: Record<string, Column>;
  /** Worker that has the frame, and folds done there. */
  sentTo: number;
  folded: Set<string>;
}

let nextFrame = 1;

/**
 * Measures and computes metrics as of one instant. Measures go to the store as one plan per level in one call; computing happens in the plugin
 * worker, one metric at a time. A metric that throws, or gives nonsense, is null for that subject; one that takes too long or too much memory is
 * stopped and null for all, and the others go on.
 */
export async function evaluateMetrics(
  setting: EvaluationSetting,
  snapshot: Snapshot,
  asOf: number,
  levels: readonly Level[],
  options: Pick<EvaluateOptions, 'metrics' | 'onProgress'>,
): Promise<{ readonly evaluation: Evaluation; readonly levels: readonly EvaluatedLevel[] }> {
  const { host, limits } = setting;
  const metrics = computeOrder(metricsOf(setting.plugins), options.metrics ?? null);
  const used = new Set(metrics.flatMap((metric) => metric.uses));
  const plans = planLevels(metrics, levels, setting.traits, asOf, setting.zone);
  const progress = (phase: string, done: number, total: number) => options.onProgress?.({ phase, done, total });

  progress('measure', 0, plans.length);
  const measuring = performance.now();
  const frames = await snapshot.measure(plans.map(({ plan }) => plan));
  const measureMs = performance.now() - measuring;
  progress('measure', plans.length, plans.length);

  const computing = performance.now();
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
  const held = plans.map((plan, i): HeldLevel => {
    const frame = frames[i];
    if (!frame)
      throw new EngineError(
        'RAPPORT_STORE_FRAME',
        `the store gave ${String(frames.length)} frames for ${String(plans.length)} plans.`,
      );
    return { id: nextFrame++, plan, frame, kept: {}, sentTo: 0, folded: new Set() };
  });
  const accounts = held.find(({ plan }) => plan.plan.level.kind === 'account');

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
        kind: plan.plan.level.kind,
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
  const fold = async (metric: string, level: HeldLevel, folds: readonly FoldPlan[]): Promise<void> => {
    for (const { name, reducer, query } of folds) {
      const key = `${metric}\n${name}`;
      if (level.folded.has(key)) continue;
      const about = { frame: level.id, metric, name };
      await host.call('foldBegin', { ...about, reducer }, UNWATCHED);
      for await (const events of snapshot.stream(query))
        await timed(metric, (budget) => host.call('foldStep', { ...about, events }, budget));
      await timed(metric, (budget) => host.call('foldEnd', about, budget));
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
  const compute = async ({ metric, inputs, folds, reduce }: MetricPlan, level: HeldLevel): Promise<ComputeReply> => {
    const about = { frame: level.id, metric: metric.id, maxFailures: limits.metricFailures, keep: used.has(metric.id) };
    await send(level);
    if (!reduce || !accounts) {
      await fold(metric.id, level, folds);
      return timed(metric.id, (budget) => host.call('compute', { ...about, inputs }, budget));
    }
    await send(accounts);
    await fold(metric.id, accounts, reduce.folds);
    const groups = await groupsOf(level, accounts, snapshot, asOf);
    return timed(metric.id, (budget) =>
      host.call('reduce', { ...about, inputs: reduce.inputs, rows: accounts.id, groups }, budget),
    );
  };
  const computeGuarded = async (plan: MetricPlan, level: HeldLevel): Promise<Readonly<Record<string, Column>>> => {
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
      return nothing(metric, level, reason);
    }
    try {
      const reply = await compute(plan, level);
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
      return reply.columns;
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
      return nothing(metric, level, off.get(metric.id) ?? 'error');
    }
  };

  const total = plans.reduce((sum, plan) => sum + plan.metrics.length, 0);
  let done = 0;
  const evaluated: EvaluatedLevel[] = [];
  try {
    for (const level of held) {
      const columns: Record<string, Column> = {};
      for (const plan of level.plan.metrics) {
        const wantedHere = level.plan.wanted;
        if (wantedHere) {
          const found = await computeGuarded(plan, level);
          Object.assign(columns, found);
          if (used.has(plan.metric.id)) Object.assign(level.kept, found);
        }
        progress('compute', ++done, total);
      }
      evaluated.push({
        plan: level.plan,
        frame: level.frame,
        results: { level: level.plan.plan.level, subjects: level.frame.subjects, columns },
      });
    }
  } finally {
    const generation = await host.generation().catch(() => 0);
    for (const level of held)
      if (level.sentTo === generation) await host.call('drop', { frame: level.id }, UNWATCHED).catch(() => undefined);
  }
  const evaluation: Evaluation = {
    asOf,
    frames: evaluated.filter(({ plan }) => plan.wanted).map(({ results }) => results),
    failures: [...failures.values()] satisfies readonly MetricFailure[],
    timings: { measureMs, computeMs: performance.now() - computing },
    provenance: provenanceOf(setting, metrics, plans),
  };
  return { evaluation, levels: evaluated };
}

/** Per account the group it belongs to in a portfolio broken down by a trait; null for the whole portfolio. */
async function groupsOf(
  level: HeldLevel,
  accounts: HeldLevel,
  snapshot: Snapshot,
  asOf: number,
): Promise<Int32Array | null> {
  const portfolio = level.plan.plan.level;
  if (portfolio.kind !== 'portfolio' || portfolio.by === undefined) return null;
  const { by } = portfolio;
  const traits = await snapshot.traits('account', asOf);
  const index = new Map(level.frame.subjects.map((subject, i) => [subject, i]));
  return Int32Array.from(accounts.frame.subjects, (account) => {
    const values = traits.get(account);
    const value = values && Object.hasOwn(values, by) ? values[by] : null;
    return (
      index.get(
        value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value),
      ) ?? -1
    );
  });
}

function provenanceOf(
  setting: EvaluationSetting,
  metrics: readonly MetricDescriptor[],
  plans: readonly LevelPlan[],
): unknown {
  const plugin = new Map(setting.plugins.map((loaded) => [`${loaded.kind}/${loaded.manifest.id}`, loaded]));
  const windowsOf = (planned: InputPlan, level: LevelPlan) =>
    Object.fromEntries(
      Object.entries(planned.inputs).map(([name, source]) => {
        const measure = typeof source === 'number' ? level.plan.measures[source] : null;
        const window = measure
          ? 'window' in measure
            ? measure.window
            : null
          : (planned.folds.find((fold) => fold.name === name)?.query.window ?? null);
        return [name, window];
      }),
    );
  const account = plans.find(({ plan }) => plan.level.kind === 'account');
  return {
    zone: setting.zone.name,
    levels: plans.filter(({ wanted }) => wanted).map(({ plan }) => levelKey(plan.level)),
    metrics: Object.fromEntries(
      metrics.map((metric) => {
        const loaded = plugin.get(`metric/${metric.id}`);
        const level = plans.find((plan) => plan.metrics.some((planned) => planned.metric === metric));
        const planned = level?.metrics.find((candidate) => candidate.metric === metric);
        const windows =
          level && planned
            ? planned.reduce && account
              ? windowsOf(planned.reduce, account)
              : windowsOf(planned, level)
            : {};
        return [
          metric.id,
          {
            id: metric.id,
            title: metric.title,
            version: loaded?.version ?? null,
            package: loaded?.name ?? null,
            configHash: loaded?.configHash ?? null,
            unit: metric.unit,
            measures: metric.measures,
            windows,
          },
        ];
      }),
    ),
    segments: Object.fromEntries(
      setting.plugins.flatMap((loaded) =>
        loaded.kind === 'segment'
          ? [[loaded.manifest.id, { version: loaded.version, documentHash: loaded.configHash }]]
          : [],
      ),
    ),
    playbooks: Object.fromEntries(
      setting.plugins.flatMap((loaded) =>
        loaded.kind === 'playbook'
          ? [
              [
                loaded.manifest.id,
                { version: loaded.version, documentHash: loaded.configHash, enabled: loaded.enabled },
              ],
            ]
          : [],
      ),
    ),
  };
}
