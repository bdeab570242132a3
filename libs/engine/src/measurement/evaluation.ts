import { originOf } from './origin.js';
import { classify, didYouMean, TENURE, type FactReader, type ProfileClass } from '@rapport/rules';
import { type Zone } from '@rapport/sdk/time';
import {
  textColumn,
  type Column,
  type DocumentRecord,
  type Frame,
  type Level,
  type MetricRecord,
  type OperatorRecord,
  type Properties,
  type ResolvedWindow,
  type ResultFrame,
  type RunManifest,
  type Snapshot,
} from '@rapport/store';
import { createComputing, holdLevel, type HeldLevel, type MetricFailure } from './computing.js';
import {
  type PluginSettings,
  EngineError,
  documentsAmong,
  type LoadedPlugin,
  type MetricDescriptor,
  operatorPluginsOf,
  operatorsOf,
  type PluginHost,
  type PortfolioResult,
  reasonAt,
} from '@rapport/plugin-host';
import { groupsOf, joinFamilies, splitFamilies, type Warning } from './levels.js';
import {
  computeOrder,
  isWhole,
  levelKey,
  planLevels,
  traitKey,
  type InputPlan,
  type LevelPlan,
  type MetricPlan,
  type TraitUse,
} from './planner.js';
import { readerOf, traitReader } from './trait-reader.js';

export interface EvaluationSetting {
  readonly plugins: readonly LoadedPlugin[];
  readonly host: PluginHost;
  readonly zone: Zone;
  readonly limits: { readonly metricMs: number; readonly metricFailures: number };
  /** Traits that rules read. */
  readonly traits: { readonly account: readonly TraitUse[]; readonly user: readonly TraitUse[] };
  readonly profiles: Readonly<Record<string, readonly ProfileClass[]>>;
  readonly signupTrait: string;
  /** How often each metric had to be stopped since the engine began. */
  readonly strikes: Map<string, number>;
}
/** What rules are evaluated over: one level's results and traits. */
export interface EvaluatedLevel {
  readonly plan: LevelPlan;
  readonly frame: Frame;
  readonly results: ResultFrame;
}
export interface Evaluated {
  readonly evaluation: Evaluation;
  readonly levels: readonly EvaluatedLevel[];
  /** Per level (`levelKey`) the metrics whose results hold for this very instant only. */
  readonly readAsOf: ReadonlyMap<string, ReadonlySet<string>>;
  /** Per level (`levelKey`) and metric the subjects that it failed for in the window before; absent when none did. */
  readonly failedBefore?: ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;
}

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

/**
 * Measures and computes metrics as of one instant. Measures go to the store as one plan per level in one call; computing happens in the
 * threads of plugins, metrics that do not use each other at the same time. A metric that throws, or gives nonsense, is null for that subject; one that takes too long or too much memory is
 * stopped and null for all, and the others go on.
 */
export async function evaluateMetrics(
  setting: EvaluationSetting,
  snapshot: Snapshot,
  asOf: number,
  asked: readonly Level[],
  options: Pick<EvaluateOptions, 'metrics' | 'subjects' | 'onProgress'>,
): Promise<Evaluated> {
  const { host, limits, strikes, zone, profiles, signupTrait } = setting;
  const metrics = computeOrder(metricsOf(setting.plugins), options.metrics ?? null);
  const used = new Set(metrics.flatMap((metric) => metric.uses));
  const { levels, warnings } = await splitFamilies(asked, snapshot, asOf);
  const { subjects } = options;
  const { levels: plans, rows } = planLevels({
    metrics, levels, traits: setting.traits, profiles, signupTrait, asOf, zone, subjects,
  }); // prettier-ignore
  const progress = (phase: string, done: number, total: number) => options.onProgress?.({ phase, done, total });

  progress('measure', 0, plans.length);
  const measuring = performance.now();
  const frames = await snapshot.measure(plans.map(({ plan }) => plan));
  const held: HeldLevel[] = [];
  for (const [i, plan] of plans.entries()) {
    const frame = frames[i];
    if (!frame)
      throw new EngineError(
        'RAPPORT_STORE_FRAME',
        `the store gave ${String(frames.length)} frames for ${String(plans.length)} plans.`,
      );
    held.push(holdLevel(plan, await withProfiles(setting, plan, frame, snapshot, asOf)));
  }
  const measureMs = performance.now() - measuring;
  progress('measure', plans.length, plans.length);

  const began = performance.now();
  const computing = createComputing({
    host, limits, strikes, zone, snapshot, asOf, used,
    rows: held[rows] ?? null,
    groupsOf: (level, accounts) => groupsOf(level, accounts, snapshot, asOf),
  }); // prettier-ignore
  const total = plans.reduce((sum, plan) => sum + (plan.wanted ? plan.metrics.length : 0), 0);
  let done = 0;
  const portfolio = new Map<string, PortfolioResult>();
  const evaluated: EvaluatedLevel[] = [];
  const readAsOf = new Map<string, Set<string>>();
  const computed = async (plan: MetricPlan, level: HeldLevel): Promise<Columns> => {
    const { columns, readAsOf: read } = await computing.compute(plan, level, portfolio);
    if (used.has(plan.metric.id)) Object.assign(level.kept, columns);
    if (read) {
      const key = levelKey(level.plan.plan.level);
      readAsOf.set(key, (readAsOf.get(key) ?? new Set()).add(plan.metric.id));
    }
    return columns;
  };
  const schedule = scheduleOf(computed);
  try {
    // What metrics read of the whole portfolio comes first, whatever their own level.
    const whole = held.find(({ plan }) => isWhole(plan.plan.level));
    if (whole) {
      const needed = neededOfPortfolio(metrics);
      const early = whole.plan.metrics.filter(({ metric }) => needed.has(metric.id));
      const found = await Promise.all(early.map((plan) => schedule(plan, whole)));
      early.forEach(({ metric: { id } }, i) => portfolio.set(id, portfolioResult(id, found[i] ?? {})));
    }
    const wanted = held.filter(({ plan }) => plan.wanted);
    const found = await Promise.all(
      wanted.map((level) =>
        Promise.all(
          level.plan.metrics.map(async (plan) => {
            const columns = await schedule(plan, level);
            progress('compute', ++done, total);
            return columns;
          }),
        ),
      ),
    );
    for (const [i, { plan, frame }] of wanted.entries()) {
      const columns: Columns = Object.fromEntries((found[i] ?? []).flatMap((of) => Object.entries(of)));
      evaluated.push({ plan, frame, results: { level: plan.plan.level, subjects: frame.subjects, columns } });
    }
  } finally {
    computing.drop(held);
  }
  const evaluation: Evaluation = {
    asOf,
    frames: joinFamilies(evaluated.map(({ results }) => results)),
    failures: inOrderOf(metrics, computing.failures()),
    warnings,
    timings: { measureMs, computeMs: performance.now() - began },
    provenance: provenanceOf(setting, metrics, plans, plans[rows]),
  };
  return { evaluation, levels: evaluated, readAsOf };
}

type Columns = Readonly<Record<string, Column>>;

/** Failures by metric, in the order that they are computed in, whichever was first. */
function inOrderOf(metrics: readonly MetricDescriptor[], failures: readonly MetricFailure[]): readonly MetricFailure[] {
  const place = new Map(metrics.map(({ id }, i) => [id, i]));
  return [...failures].sort((a, b) => (place.get(a.metric) ?? 0) - (place.get(b.metric) ?? 0));
}

/**
 * Runs metrics at once where they may: each after what it uses on its level, and one level of a metric after the other, as they share its
 * budget of time. Each metric of a level is computed once, however often it is asked for.
 */
function scheduleOf(
  compute: (plan: MetricPlan, level: HeldLevel) => Promise<Columns>,
): (plan: MetricPlan, level: HeldLevel) => Promise<Columns> {
  const latest = new Map<string, Promise<unknown>>();
  const levels = new Map<HeldLevel, Map<string, Promise<Columns>>>();
  return (plan, level) => {
    const { id, uses } = plan.metric;
    const begun = levels.get(level) ?? new Map<string, Promise<Columns>>();
    levels.set(level, begun);
    const result =
      begun.get(id) ??
      Promise.all([latest.get(id), ...uses.map((used) => begun.get(used))]).then(() => compute(plan, level));
    begun.set(id, result);
    latest.set(id, result);
    return result;
  };
}

/** Ids of the metrics whose value for the whole portfolio others read, and of what these are made of. */
function neededOfPortfolio(metrics: readonly MetricDescriptor[]): ReadonlySet<string> {
  const byId = new Map(metrics.map((metric) => [metric.id, metric]));
  const needed = new Set<string>();
  const visit = (id: string) => {
    if (needed.has(id)) return;
    needed.add(id);
    byId.get(id)?.uses.forEach(visit);
  };
  for (const { usesPortfolio } of metrics) usesPortfolio.forEach(visit);
  return needed;
}

/** The only row of the whole portfolio's columns. */
function portfolioResult(id: string, columns: Readonly<Record<string, Column>>): PortfolioResult {
  const numberOf = (column: Column | undefined) =>
    column?.type === 'number' && column.valid[0] ? (column.values[0] ?? null) : null;
  const parts = Object.entries(columns).flatMap(([name, column]): [string, number][] => {
    const value = name.startsWith(`${id}.`) ? numberOf(column) : null;
    return value === null ? [] : [[name.slice(id.length + 1), value]];
  });
  return {
    value: numberOf(columns[id]),
    reason: reasonAt(columns[`${id}.reason`], 0),
    parts: Object.fromEntries(parts),
  };
}

/** The frame with a column per profile that the level's metrics ask for: the class of each subject, or null. */
async function withProfiles(
  { profiles, signupTrait, zone }: EvaluationSetting,
  plan: LevelPlan,
  frame: Frame,
  snapshot: Snapshot,
  asOf: number,
): Promise<Frame> {
  if (plan.profiles.size === 0) return frame;
  const { level } = plan.plan;
  const nobody = textColumn(frame.subjects.map(() => null));
  let traits: ReadonlyMap<string, Properties> | null = null;
  const columns: Column[] = [];
  for (const name of plan.profiles.keys()) {
    const classes = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
    if (!classes || level.kind === 'portfolio') {
      columns.push(nobody);
      continue;
    }
    traits ??= await snapshot.traits(level.kind === 'user' ? 'user' : 'account', asOf);
    const read = traitReader({ traits: plan.traits, frame }, traits);
    const today = zone.dayOf(asOf - 1);
    const signedUp = plan.traits.get(traitKey({ trait: signupTrait, as: 'time' }));
    const signup = signedUp === undefined ? undefined : frame.columns[signedUp];
    const tenure = (i: number) => {
      if (signup?.type !== 'number' || !signup.valid[i]) return null;
      const days = today - zone.dayOf(signup.values[i] ?? 0);
      return days < 0 ? null : days;
    };
    const reader: FactReader = (fact, reading) =>
      fact === TENURE ? tenure : readerOf(read(fact.slice('trait.'.length), reading));
    const classOf = classify(classes, reader, { at: asOf, zone });
    columns.push(textColumn(frame.subjects.map((_, i) => classOf(i))));
  }
  return { subjects: frame.subjects, columns: [...frame.columns, ...columns] };
}

/** What an evaluation rests on. */
export interface Provenance extends Pick<RunManifest, 'zone' | 'levels' | 'metrics' | 'operators' | 'documents'> {
  /** The windows that each metric's inputs looked at, by metric and input; null where one has no window. */
  readonly windows: Readonly<Record<string, Readonly<Record<string, ResolvedWindow | null>>>>;
}

/** The provenance that an evaluation of these levels has. */
export function provenanceFor(
  setting: EvaluationSetting,
  levels: readonly Level[],
  asOf: number,
  wanted: readonly string[] | undefined,
): Provenance {
  const { traits, profiles, signupTrait, zone } = setting;
  const metrics = computeOrder(metricsOf(setting.plugins), wanted ?? null);
  const plans = planLevels({ metrics, levels, traits, profiles, signupTrait, asOf, zone });
  return provenanceOf(setting, metrics, plans.levels, plans.levels[plans.rows]);
}

function provenanceOf(
  { plugins, zone }: EvaluationSetting,
  metrics: readonly MetricDescriptor[],
  plans: readonly LevelPlan[],
  rows: LevelPlan | undefined,
): Provenance {
  const records = new Map(
    plugins.flatMap((plugin) => (plugin.kind === 'metric' ? [[plugin.definition.id, recordOf(plugin, plugins)]] : [])),
  );
  return {
    zone: zone.name,
    levels: [...new Set(plans.filter(({ wanted }) => wanted).map(({ plan }) => levelKey(plan.level)))],
    metrics: Object.fromEntries(metrics.flatMap(({ id }) => [records.get(id) ?? []].flat().map((of) => [id, of]))),
    operators: operatorRecords(plugins),
    documents: documentRecords(plugins),
    windows: Object.fromEntries(metrics.map((metric) => [metric.id, windowsOf(metric, plans, rows)])),
  };
}

function windowsOf(
  metric: MetricDescriptor,
  plans: readonly LevelPlan[],
  rows: LevelPlan | undefined,
): Provenance['windows'][string] {
  const level = plans.find((plan) => plan.metrics.some((planned) => planned.metric === metric));
  const planned = level?.metrics.find((candidate) => candidate.metric === metric);
  if (!level || !planned) return {};
  const [inputs, of]: [InputPlan, LevelPlan] = planned.reduce && rows ? [planned.reduce, rows] : [planned, level];
  return Object.fromEntries(
    Object.entries(inputs.inputs).map(([name, source]) => {
      const measure = typeof source === 'number' ? of.plan.measures[source] : undefined;
      if (measure) return [name, 'window' in measure ? measure.window : null];
      return [name, inputs.folds.find((fold) => fold.name === name)?.query.window ?? null];
    }),
  );
}

function recordOf(
  { definition, version, name, config, configHash }: Extract<LoadedPlugin, { kind: 'metric' }>,
  plugins: readonly LoadedPlugin[],
): MetricRecord {
  const { id, title, unit, uses, usesPortfolio, measures } = definition;
  return {
    title, unit, version, package: name, config, configHash,
    origin: originOf(plugins, id) ?? '',
    uses: [...uses, ...usesPortfolio],
    measures,
  }; // prettier-ignore
}

const documentRecords = (plugins: readonly LoadedPlugin[]): Provenance['documents'] =>
  Object.fromEntries(
    documentsAmong(plugins).map((plugin): [string, DocumentRecord] => {
      const { kind, document, version, configHash: hash } = plugin;
      const enabled = kind === 'playbook' ? { enabled: plugin.enabled } : {};
      return [`${kind}/${document.id}`, { version, hash, document, ...enabled }];
    }),
  );

/** The plugins whose operators documents use. */
function operatorRecords(plugins: readonly LoadedPlugin[]): Provenance['operators'] {
  const operators = operatorsOf(plugins);
  const used = new Set(documentsAmong(plugins).flatMap(({ document }) => operatorPluginsOf(document, operators)));
  return Object.fromEntries(
    plugins.flatMap(({ kind, manifest: { id }, version, name, configHash }): [string, OperatorRecord][] =>
      used.has(`${kind}/${id}`) ? [[id, { version, package: name, definitionHash: configHash }]] : [],
    ),
  );
}

export interface EvaluateOptions {
  /** Instant, epoch ms; default now. */
  readonly asOf?: number;
  /** Default: account and portfolio, and user if a loaded segment or playbook is about users. */
  readonly levels?: readonly Level[];
  /** Only these metrics and what they use; default all. */
  readonly metrics?: readonly string[];
  /** Only these accounts or users, at the levels `account` and `user`; default all. What a metric reads of the portfolio is of all accounts. */
  readonly subjects?: readonly string[];
  /** Metrics with another configuration than the workspace's, by id; for asking "what if", and for explaining a change. */
  readonly configs?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Profiles in place of the workspace's. */
  readonly profiles?: PluginSettings['profiles'];
  /** Metrics for which `previous`, `change`, `changeRate` and `slope` are computed; default: those that rules ask for, and `trends.metrics`. */
  readonly derived?: 'all' | readonly string[];
  /** Compute everything anew, although the evaluation before may serve for what has not changed. The result is the same. */
  readonly full?: boolean;
  readonly onProgress?: (progress: { readonly phase: string; readonly done: number; readonly total: number }) => void;
}

/** The outcome of computing all metrics, before anything is written. */
export interface Evaluation {
  readonly asOf: number;
  readonly frames: readonly ResultFrame[];
  readonly failures: readonly MetricFailure[];
  readonly timings: { readonly measureMs: number; readonly computeMs: number };
  /** What was not as it should be, and how it was gone about: `RAPPORT_HIERARCHY_CYCLE`. */
  readonly warnings: readonly Warning[];
  /** Versions, configurations and windows behind the values. */
  readonly provenance: Provenance;
}
