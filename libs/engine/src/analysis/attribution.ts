import { type SubjectKind } from '@rapport/sdk';
import { addingUp } from '@rapport/sdk/score';
import { zone as zoneOf } from '@rapport/sdk/time';
import { type ResultFrame, type Run } from '@rapport/store';
import { canonical, EngineError, type LoadedPlugin } from '@rapport/plugin-host';
import { cellOf, frameOf, metricFor, numberAt } from './subject-metric.js';
import type { WorkspaceConfig } from '../config.js';
import type { EvaluateOptions } from '../measurement/evaluation.js';
import type { AnalysisSource } from './source.js';

/** An instant (epoch ms), or a run by its number. */
export type AttributionMoment = number | { readonly run: number };

export interface AttributionOptions {
  /** A metric that declares `contributions`. */
  readonly metric: string;
  readonly kind: SubjectKind;
  /** '' for the portfolio. */
  readonly id: string;
  readonly from: AttributionMoment;
  readonly to: AttributionMoment;
}

/**
 * What can change a score: `data` (what customers did between the two instants), `configuration` (weights, targets, profiles), `version` (the metric's code, or that of
 * a metric it uses), `lateData` (events that arrived after a run had been committed).
 */
export type Effect = 'version' | 'lateData' | 'configuration' | 'data';

export interface Contribution {
  readonly name: string;
  readonly before: number;
  readonly after: number;
  readonly change: number;
}
export interface AttributionEnd {
  readonly asOf: string;
  /** The run whose stored result this is; null when it was evaluated now. */
  readonly run: number | null;
  /** `id@version`. */
  readonly version: string;
  readonly configHash: string;
  readonly value: number | null;
  /** Why there is no value. */
  readonly reason: string | null;
  /** They add up to the value. */
  readonly contributions: Readonly<Record<string, number>>;
}
/** One step on the way from the first value to the second. */
export interface AttributionStep {
  /** What makes the difference. Several where they cannot be told apart, because there is no value in between. */
  readonly effects: readonly Effect[];
  readonly before: number;
  readonly after: number;
  readonly change: number;
  /** The change by what the score is made of, greatest first, those that changed alone; null when one of the two was stored without contributions. */
  readonly contributions: readonly Contribution[] | null;
}
export interface Attribution {
  readonly metric: string;
  readonly title: string;
  readonly unit: string;
  readonly kind: SubjectKind;
  readonly id: string;
  readonly from: AttributionEnd;
  readonly to: AttributionEnd;
  /** Null when one of the two has no value. */
  readonly change: number | null;
  /** The change by effect; `version+configuration` where two cannot be told apart. They add up to the change exactly, in any order. Null with it. */
  readonly effects: Readonly<Record<string, number>> | null;
  readonly steps: readonly AttributionStep[];
  /** What a reader must know about how it was found. */
  readonly notes: readonly string[];
}

interface Value {
  readonly value: number | null;
  readonly reason: string | null;
  readonly contributions: ReadonlyMap<string, number>;
}
/** What a value was computed with. */
interface Setup {
  /** Of the metric and those it uses. */
  readonly versions: Readonly<Record<string, string>>;
  readonly configs: Readonly<Record<string, unknown>>;
  readonly profiles: unknown;
  readonly configHash: string;
}
interface End {
  readonly asOf: number;
  readonly run: Run | null;
  /** The run's result; null without a run. */
  readonly stored: Value | null;
  readonly setup: Setup;
}
interface Subject {
  readonly metric: string;
  /** The part that holds the contributions. */
  readonly part: string;
  readonly kind: SubjectKind;
  readonly id: string;
}

/**
 * Why a composite score changed, exactly: contributions at both instants, and the change by what caused it.
 *
 * The way leads from the first result over what is recomputed now, with today's code and data, to the second: first result → the same with today's code (version; or, if the
 * version is the same, late data) → with the second's configuration (configuration) → as of the second instant (data) → second result (version or late data). Nothing
 * remains unexplained, as each step begins where the one before ended. For an instant, the latest run of that day up to it counts; without one, it is evaluated now.
 *
 * Throws `RAPPORT_EVALUATE_METRIC`, `RAPPORT_ANALYSIS_SUBJECT`, `RAPPORT_ANALYSIS_NO_CONTRIBUTIONS` for a metric that is made of nothing, `RAPPORT_ANALYSIS_OPTION`,
 * `RAPPORT_ANALYSIS_RUN` for a run that there is not, `RAPPORT_ANALYSIS_UNKNOWN_SUBJECT`.
 */
export async function attribute(source: AnalysisSource, options: AttributionOptions): Promise<Attribution> {
  const { metric, kind, id } = options;
  const { definition, version } = metricFor(source.plugins, metric, kind);
  const part = definition.contributions;
  if (part === null) {
    const others = source.plugins.flatMap((plugin) =>
      plugin.kind === 'metric' && plugin.definition.contributions !== null ? [plugin.definition.id] : [],
    );
    throw new EngineError(
      'RAPPORT_ANALYSIS_NO_CONTRIBUTIONS',
      `${metric} is not made of contributions. Metrics that are: ${others.join(', ') || 'none'}.`,
    );
  }
  const about: Subject = { metric, part, kind, id };
  const notes = new Set<string>();
  const note = (sentence: string) => notes.add(sentence);
  const now = setupNow(source, metric);
  const from = await endAt(source, about, options.from, now, note);
  const to = await endAt(source, about, options.to, now, note);
  if (from.asOf > to.asOf)
    throw new EngineError('RAPPORT_ANALYSIS_OPTION', `from (${iso(from.asOf)}) is after to (${iso(to.asOf)}).`);

  const evaluate = (asOf: number, setup: Setup) => evaluateWith(source, about, asOf, setup, now);
  /** With the end's own configuration; null when today's code does not take it. */
  const tried = async ({ asOf, run, setup }: End): Promise<Value | null> => {
    try {
      return await evaluate(asOf, setup);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'RAPPORT_EVALUATE_CONFIG') throw error;
      note(
        `${metric}@${version} does not take the configuration of run ${String(run?.number)}: there, version and configuration cannot be told apart.`,
      );
      return null;
    }
  };
  const after = await tried(to);
  const setup = after ? to.setup : now;
  const before = await tried(from);
  const middle = before && sameConfig(from.setup, setup) ? before : await evaluate(from.asOf, setup);
  const codeOrLate = ({ setup: { versions } }: End): Effect =>
    Object.keys(versions).every((used) => (now.versions[used] ?? versions[used]) === versions[used])
      ? 'lateData'
      : 'version';
  const path: readonly Stage[] = [
    ...(from.stored ? [{ value: from.stored, effects: [] }] : []),
    { value: before, effects: from.stored ? [codeOrLate(from)] : [] },
    { value: middle, effects: ['configuration'] },
    { value: after ?? (await evaluate(to.asOf, now)), effects: ['data'] },
    ...(to.stored
      ? [{ value: to.stored, effects: [codeOrLate(to), ...(after ? [] : (['configuration'] as const))] }]
      : []),
  ];
  const [first, last] = [path[0]?.value ?? middle, path.at(-1)?.value ?? middle];
  if (first.reason === UNKNOWN && last.reason === UNKNOWN)
    throw new EngineError(
      'RAPPORT_ANALYSIS_UNKNOWN_SUBJECT',
      `there is no ${kind} "${id.slice(0, 200)}" as of ${iso(to.asOf)}; ids are compared exactly.`,
    );
  return {
    metric,
    title: definition.title,
    unit: definition.unit,
    kind,
    id,
    from: shown(metric, from, first),
    to: shown(metric, to, last),
    ...breakdown(path),
    notes: [...notes],
  };
}

/** Why an account that there was not yet (or is not any more) has no value. */
const UNKNOWN = 'unknown-subject';
const iso = (instant: number) => new Date(instant).toISOString();

function shown(metric: string, { asOf, run, setup }: End, { value, reason, contributions }: Value): AttributionEnd {
  return {
    asOf: iso(asOf),
    run: run?.number ?? null,
    version: `${metric}@${setup.versions[metric] ?? '?'}`,
    configHash: setup.configHash,
    value,
    reason,
    contributions: Object.fromEntries(contributions),
  };
}

interface Stage {
  /** Null when it cannot be computed. */
  readonly value: Value | null;
  /** What makes it differ from the stage before. */
  readonly effects: readonly Effect[];
}

/** The change along the path. A stage without a value in between is passed over: what leads to it and on from it is one step. */
function breakdown(path: readonly Stage[]): Pick<Attribution, 'change' | 'effects' | 'steps'> {
  const [first, ...rest] = path;
  const last = rest.at(-1);
  const start = first?.value?.value ?? null;
  const end = last?.value?.value ?? null;
  if (start === null || end === null) return { change: null, effects: null, steps: [] };

  const hops: { readonly effects: readonly Effect[]; readonly before: Value; readonly after: Value }[] = [];
  let reached = first?.value ?? null;
  let effects: readonly Effect[] = [];
  for (const stage of rest) {
    effects = [...effects, ...stage.effects.filter((effect) => !effects.includes(effect))];
    if (!reached || stage.value?.value === null || stage.value === null) continue;
    if (effects.length > 0) hops.push({ effects, before: reached, after: stage.value });
    reached = stage.value;
    effects = [];
  }

  // All entries on one grain, so that they add up to the change exactly, by whatever they are grouped.
  const entries = new Map<string, number>();
  const key = (hop: number, name: string) => JSON.stringify([hop, name]);
  const named = hops.map(({ before, after }) => namesOf(before, after));
  hops.forEach(({ before, after }, i) => {
    for (const name of named[i] ?? [])
      entries.set(key(i, name), (after.contributions.get(name) ?? 0) - (before.contributions.get(name) ?? 0));
    if (!named[i]) entries.set(key(i, ''), (after.value ?? 0) - (before.value ?? 0));
  });
  const { value: change, contributions } = addingUp(end - start, entries);

  const totals: Record<string, number> = { version: 0, lateData: 0, configuration: 0, data: 0 };
  const steps = hops.map((hop, i): AttributionStep => {
    const names = named[i];
    const parts = names?.map((name): Contribution => ({
      name,
      before: hop.before.contributions.get(name) ?? 0,
      after: hop.after.contributions.get(name) ?? 0,
      change: contributions[key(i, name)] ?? 0,
    }));
    const whole = parts ? parts.reduce((sum, part) => sum + part.change, 0) : (contributions[key(i, '')] ?? 0);
    const label = hop.effects.join('+');
    totals[label] = (totals[label] ?? 0) + whole;
    return {
      effects: hop.effects,
      before: hop.before.value ?? 0,
      after: hop.after.value ?? 0,
      change: whole,
      contributions:
        parts
          ?.filter((part) => part.change !== 0)
          .sort((a, b) => Math.abs(b.change) - Math.abs(a.change) || (a.name < b.name ? -1 : 1)) ?? null,
    };
  });
  return { change, effects: totals, steps };
}

/** Names of what two values are made of; null when one of them is not the sum of what is known of it. */
function namesOf(...values: readonly Value[]): readonly string[] | null {
  for (const { value, contributions } of values) {
    let sum = 0;
    for (const contribution of contributions.values()) sum += contribution;
    if (Math.abs(sum - (value ?? 0)) > 1e-9 * Math.max(1, Math.abs(value ?? 0))) return null;
  }
  return [...new Set(values.flatMap(({ contributions }) => [...contributions.keys()]))].sort();
}

function valueIn(frame: ResultFrame | null, { metric, part, id }: Subject): Value {
  const row = frame?.subjects.indexOf(id) ?? -1;
  if (!frame || row < 0) return { value: null, reason: UNKNOWN, contributions: new Map() };
  const reason = cellOf(frame, `${metric}.reason`, row);
  const table = cellOf(frame, `${metric}.${part}`, row);
  return {
    value: numberAt(frame, metric, row),
    reason: typeof reason === 'string' ? reason : null,
    contributions: table instanceof Map ? (table as ReadonlyMap<string, number>) : new Map(),
  };
}

async function evaluateWith(
  source: AnalysisSource,
  about: Subject,
  asOf: number,
  setup: Setup,
  now: Setup,
): Promise<Value> {
  const { metric, kind, id } = about;
  const differing = Object.entries(setup.configs).filter(([used, config]) => !same(config, now.configs[used]));
  const evaluation = await source.evaluate({
    asOf,
    levels: [{ kind }],
    metrics: [metric],
    derived: [],
    ...(kind === 'portfolio' ? {} : { subjects: [id] }),
    ...(differing.length > 0 ? { configs: Object.fromEntries(differing) as EvaluateOptions['configs'] & object } : {}),
    ...(same(setup.profiles, now.profiles) ? {} : { profiles: setup.profiles as WorkspaceConfig['profiles'] & object }),
  });
  return valueIn(frameOf(evaluation, kind), about);
}

const same = (a: unknown, b: unknown) => canonical(a ?? null) === canonical(b ?? null);
const sameConfig = (a: Setup, b: Setup) => same(a.configs, b.configs) && same(a.profiles, b.profiles);

/** Ids of a metric and of all that it uses, directly or through others. */
function closure(metric: string, usesOf: (id: string) => readonly string[]): readonly string[] {
  const found = new Set([metric]);
  for (const id of found) for (const used of usesOf(id)) found.add(used);
  return [...found];
}
const usesNow = (plugins: readonly LoadedPlugin[]) => (id: string) =>
  plugins.flatMap((plugin) =>
    plugin.kind === 'metric' && plugin.definition.id === id
      ? [...plugin.definition.uses, ...plugin.definition.usesPortfolio]
      : [],
  );

function setupNow(source: AnalysisSource, metric: string): Setup {
  const ids = closure(metric, usesNow(source.plugins));
  const plugins = new Map(
    source.plugins.flatMap((plugin) =>
      plugin.kind === 'metric' && ids.includes(plugin.definition.id) ? [[plugin.definition.id, plugin] as const] : [],
    ),
  );
  return {
    versions: Object.fromEntries([...plugins].map(([id, plugin]) => [id, plugin.version])),
    configs: Object.fromEntries([...plugins].map(([id, plugin]) => [id, plugin.config])),
    profiles: source.config.profiles ?? {},
    configHash: plugins.get(metric)?.configHash ?? '',
  };
}

/** What a run computed the metric with; null when it did not write it down. */
function setupOf(source: AnalysisSource, metric: string, run: Run): Setup | null {
  const { metrics, settings } = run.manifest;
  const of = (id: string) => (Object.hasOwn(metrics, id) ? metrics[id] : undefined);
  if (!of(metric)) return null;
  const now = usesNow(source.plugins);
  const ids = closure(metric, (id) => of(id)?.uses ?? now(id)).filter((id) => of(id)?.config);
  return {
    versions: Object.fromEntries(ids.map((id) => [id, of(id)?.version ?? '?'])),
    configs: Object.fromEntries(ids.map((id) => [id, of(id)?.config])),
    profiles: settings.profiles,
    configHash: of(metric)?.configHash ?? '',
  };
}

const RUNS = 100_000;

/** The result at a moment: that of the run it names, or of the day's latest run up to it; else one that is evaluated now. */
async function endAt(
  source: AnalysisSource,
  about: Subject,
  moment: AttributionMoment,
  now: Setup,
  note: (sentence: string) => void,
): Promise<End> {
  const { metric, kind } = about;
  const runs = [...(await source.store.runs(RUNS))].sort((a, b) => b.number - a.number);
  const asked = typeof moment === 'number' ? null : moment.run;
  if (asked !== null && !runs.some(({ number }) => number === asked))
    throw new EngineError(
      'RAPPORT_ANALYSIS_RUN',
      `there is no run ${String(asked)}; the latest is ${String(runs[0]?.number ?? 'none')}.`,
    );
  const zone = zoneOf(source.store.zone);
  const run =
    runs.find(({ number, asOf }) =>
      typeof moment === 'number'
        ? asOf <= moment && zone.dayOf(asOf - 1) === zone.dayOf(moment - 1)
        : number === moment.run,
    ) ?? null;
  const evaluated: End = {
    asOf: run && asked !== null ? run.asOf : typeof moment === 'number' ? moment : 0,
    run: null,
    stored: null,
    setup: now,
  };
  if (!run) return evaluated;
  const frame = await source.store.results(run.number, { kind }, [
    metric,
    `${metric}.reason`,
    `${metric}.${about.part}`,
  ]);
  const setup = frame && Object.hasOwn(frame.columns, metric) ? setupOf(source, metric, run) : null;
  if (!frame || !setup) {
    note(`run ${String(run.number)} has no ${metric} of ${kind}s with its configuration, so it was evaluated now.`);
    return evaluated;
  }
  return { asOf: run.asOf, run, stored: valueIn(frame, about), setup };
}
