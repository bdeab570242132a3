import { isDeepStrictEqual } from 'node:util';
import { profileFacts } from '@rapport/rules';
import type { Window } from '@rapport/sdk';
import { type Zone } from '@rapport/sdk/time';
import {
  isSettledBy,
  looksAt,
  numberColumn,
  valueAt,
  type ChangedEvents,
  type Column,
  type Frame,
  type Json,
  type Level,
  type Plan,
  type ResolvedMeasure,
  type Snapshot,
} from '@rapport/store';
import { pick, replaced, runsOf, type Run } from './column-merge.js';
import {
  evaluateMetrics,
  metricsOf,
  provenanceFor,
  type Evaluated,
  type EvaluatedLevel,
  type EvaluationSetting,
} from './evaluation.js';
import { createComputing, holdLevel } from './computing.js';
import { computeOrder, levelKey, type LevelPlan } from './planner.js';
import { type MetricDescriptor } from '@rapport/plugin-host';
import type { EvaluateOptions } from './evaluation.js';

/** An evaluation that later ones of the same day may go on from. */
interface Remembered {
  readonly state: string;
  readonly epoch: number;
  readonly asOf: number;
  readonly evaluated: Evaluated;
}
/** What an engine remembers of its latest evaluations, by what was asked. */
export type Memory = Map<string, Remembered>;
/** So many different questions are remembered; the one asked longest ago goes first. */
const MOST = 4;
/** When more of the subjects than this have changed, everything is computed anew. */
const MOST_CHANGED = 0.3;

type Changed = Readonly<Record<'account' | 'user', readonly string[]>>;
type Options = Pick<EvaluateOptions, 'metrics' | 'subjects' | 'full' | 'onProgress'>;

/**
 * Evaluates as `evaluateMetrics` does, with the same results; but where the memory has an earlier evaluation of the same day, accounts and users about
 * whom nothing has changed since keep what was found for them. Portfolios, groups and families are always evaluated anew, and so are metrics that read the
 * portfolio's values; metrics that look at the exact instant, when it is another one, are computed anew from what was measured.
 */
export async function evaluateAgain(
  setting: EvaluationSetting,
  snapshot: Snapshot,
  asOf: number,
  levels: readonly Level[],
  options: Options,
  memory: Memory,
): Promise<Evaluated> {
  if (options.subjects || options.full) return evaluateMetrics(setting, snapshot, asOf, levels, options);
  const key = JSON.stringify([levels.map(levelKey), options.metrics ?? null, setting.traits]);
  // What was erased since then must not be found in what is remembered.
  for (const [of, { epoch }] of memory) if (epoch !== snapshot.epoch) memory.delete(of);
  const before = memory.get(key);
  const evaluated =
    (before && (await goOn(setting, snapshot, asOf, levels, options, before))) ??
    (await evaluateMetrics(setting, snapshot, asOf, levels, options));
  memory.delete(key);
  // What failed is tried again from the start.
  if (evaluated.evaluation.failures.length === 0) {
    const { state, epoch } = snapshot;
    memory.set(key, { state, epoch, asOf, evaluated });
  }
  const [oldest] = memory.keys();
  if (memory.size > MOST && oldest !== undefined) memory.delete(oldest);
  return evaluated;
}

/** Null when everything has to be computed anew. */
async function goOn(
  setting: EvaluationSetting,
  snapshot: Snapshot,
  asOf: number,
  levels: readonly Level[],
  options: Options,
  before: Remembered,
): Promise<Evaluated | null> {
  const { zone } = setting;
  if (asOf < before.asOf || zone.dayOf(asOf - 1) !== zone.dayOf(before.asOf - 1)) return null;
  const metrics = computeOrder(metricsOf(setting.plugins), options.metrics ?? null);
  const asked = levels.flatMap(({ kind }) => (kind === 'account' || kind === 'user' ? [kind] : []));
  const changes = await snapshot.changes(before, asOf, effectiveAtOf(metrics), asked);
  if (!changes) return null;
  const changed: Changed = { account: changes.accounts, user: changes.users };
  const kept = before.evaluated.levels.filter((level) => isKept(level, changed));
  if (kept.length === 0) return null;

  const rest: Evaluated[] = [];
  const others = levels.filter((level) => !kept.some(({ plan }) => levelKey(plan.plan.level) === levelKey(level)));
  if (others.length > 0) rest.push(await evaluateMetrics(setting, snapshot, asOf, others, options));
  const parts = [...rest];
  const merged: EvaluatedLevel[] = [];
  const readAsOf = new Map(parts.flatMap((part) => [...part.readAsOf]));
  for (const level of kept) {
    const { level: of } = level.plan.plan;
    const key = levelKey(of);
    const subjects = changed[of.kind as 'account' | 'user'];
    const read = before.evaluated.readAsOf.get(key) ?? new Set<string>();
    const moved = asOf === before.asOf ? new Set<string>() : read;
    const anew = metrics.filter((metric) => isMeasuredAnew(metric, moved, asOf === before.asOf, setting));
    const again = dependents(metrics, moved, anew);
    const old: Joined = { ...level, results: { ...level.results, columns: { ...level.results.columns } } };
    const measuring = evaluateMetrics(setting, answeredBefore(snapshot, level, changes.events, zone), asOf, [of], {
      ...options,
      subjects,
    });
    // While the store measures, the worker computes what it can from what was measured before.
    const [some, early] = await Promise.all([
      measuring,
      anew.length === 0 && again.length > 0 ? recompute(setting, snapshot, asOf, old, again) : null,
    ]);
    const [fresh] = some.levels;
    if (!fresh) return null;
    const together = joined(old, fresh);
    parts.push(some, ...(early ? [early] : []));
    if (anew.length > 0) {
      const all = await evaluateMetrics(setting, snapshot, asOf, [of], {
        ...options,
        metrics: anew.map(({ id }) => id),
      });
      parts.push(all);
      if (all.levels[0]) Object.assign(together.results.columns, ownColumns(all.levels[0], anew));
      if (again.length > 0) parts.push(await recompute(setting, snapshot, asOf, together, again));
    }
    merged.push(together);
    readAsOf.set(key, new Set([...read, ...(some.readAsOf.get(key) ?? [])]));
  }

  const evaluations = parts.map(({ evaluation }) => evaluation);
  // A subject may have been computed twice, and failed twice.
  if (evaluations.some(({ failures }) => failures.length > 0)) return null;
  const order = levels.map(levelKey);
  const frames = [...rest.flatMap(({ evaluation }) => evaluation.frames), ...merged.map(({ results }) => results)].sort(
    (a, b) => order.indexOf(levelKey(a.level)) - order.indexOf(levelKey(b.level)),
  );
  return {
    evaluation: {
      asOf,
      frames,
      failures: [],
      warnings: evaluations.flatMap(({ warnings }) => warnings),
      timings: {
        measureMs: evaluations.reduce((sum, { timings }) => sum + timings.measureMs, 0),
        computeMs: evaluations.reduce((sum, { timings }) => sum + timings.computeMs, 0),
      },
      provenance: provenanceFor(setting, levels, asOf, options.metrics),
    },
    levels: [...rest.flatMap((part) => part.levels), ...merged],
    readAsOf,
  };
}

/** A snapshot that knows what no event since then can have changed of what was measured, and asks the other one for the rest. */
function answeredBefore(
  snapshot: Snapshot,
  before: EvaluatedLevel,
  events: ChangedEvents | undefined,
  zone: Zone,
): Snapshot {
  if (!events) return snapshot;
  const { from: firstChanged } = events;
  // A day's windows are the same until it ends, but for the instant that they are cut at.
  const key = (measure: ResolvedMeasure) =>
    JSON.stringify(measure, (name, value: unknown) => (name === 'end' ? undefined : value));
  const columns = new Map(before.plan.plan.measures.map((measure, i) => [key(measure), before.frame.columns[i]]));
  const rowOf = rowsOf(before.frame.subjects);
  const known = (measure: ResolvedMeasure) => (looksAt(measure, events) ? undefined : columns.get(key(measure)));

  /** What remains to be asked of some known subjects, and how the answer is made whole. */
  function rest(plan: Plan, subjects: readonly string[]) {
    const rows = new Map(subjects.map((subject) => [subject, rowOf(subject)]));
    const traits: Record<string, readonly Json[]> = {};
    const settled = new Map<string, ReadonlySet<string>>();
    for (const [trait, days] of ownWindows(plan.measures, (measure) => columns.has(key(measure)))) {
      const since = columns.get(key({ node: 'trait', name: trait, as: 'time' }));
      if (since?.type !== 'number') continue;
      const open = new Map<string, number>();
      for (const [subject, row] of rows) {
        const from = since.values[row] ?? 0;
        if (since.valid[row] && zone.dayOf(from) + days > firstChanged) open.set(subject, from);
      }
      // Whose window is over keeps its answer; the store is told of none.
      traits[trait] = subjects.map((subject) => open.get(subject) ?? null);
      settled.set(trait, new Set(subjects.filter((subject) => !open.has(subject))));
    }
    const settledFor = (measure: ResolvedMeasure) =>
      measure.node !== 'trait' && measure.window.kind === 'sinceTrait' ? settled.get(measure.window.trait) : undefined;
    const old = (measure: ResolvedMeasure) =>
      known(measure) ?? (settledFor(measure)?.size === rows.size ? columns.get(key(measure)) : undefined);
    return {
      plan: { ...plan, measures: plan.measures.filter((measure) => !old(measure)), traits },
      whole(frame: Frame): Frame {
        const at = (subject: string) => ({ part: 0, row: rows.get(subject) ?? 0 });
        const runs = runsOf(frame.subjects.map(at));
        const measured = frame.columns.values();
        return {
          subjects: frame.subjects,
          columns: plan.measures.map((measure) => {
            const column = old(measure);
            if (column) return pick([column], runs, false);
            const fresh = measured.next().value ?? numberColumn([]);
            const over = settledFor(measure);
            const earlier = over && columns.get(key(measure));
            if (!earlier || over.size === 0) return fresh;
            const places = frame.subjects.map((subject, row) => (over.has(subject) ? at(subject) : { part: 1, row }));
            return pick([earlier, fresh], runsOf(places), false);
          }),
        };
      },
    };
  }

  return {
    ...snapshot,
    async measure(plans) {
      const rests = plans.map((plan) => {
        const { level, subjects } = plan;
        const isSame = levelKey(level) === levelKey(before.plan.plan.level);
        if (isSame && subjects?.every((id) => rowOf(id) >= 0)) return rest(plan, subjects);
        return { plan, whole: (frame: Frame) => frame };
      });
      const frames = await snapshot.measure(rests.map(({ plan }) => plan));
      return frames.map((frame, p) => rests[p]?.whole(frame) ?? frame);
    },
  };
}

/** The traits that windows of measures begin at, each with the longest of its windows; but none where a measure was not there before, or goes on after its window. */
function ownWindows(
  measures: readonly ResolvedMeasure[],
  wasThere: (measure: ResolvedMeasure) => boolean,
): ReadonlyMap<string, number> {
  const longest = new Map<string, number>();
  const others = new Set<string>();
  for (const measure of measures) {
    if (measure.node === 'trait' || measure.window.kind !== 'sinceTrait') continue;
    const { trait, days } = measure.window;
    longest.set(trait, Math.max(days, longest.get(trait) ?? 0));
    if (!isSettledBy(measure) || !wasThere(measure)) others.add(trait);
  }
  for (const trait of others) longest.delete(trait);
  return longest;
}

/** Finds rows by subject, in a list in order; −1 for none. */
function rowsOf(subjects: readonly string[]): (subject: string) => number {
  return (subject) => {
    let [from, to] = [0, subjects.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((subjects[middle] ?? '') < subject) from = middle + 1;
      else to = middle;
    }
    return subjects[from] === subject ? from : -1;
  };
}

/** Properties that say when something takes effect, later than the event that carries them. */
const effectiveAtOf = (metrics: readonly MetricDescriptor[]): readonly string[] => [
  ...new Set(
    metrics.flatMap(({ measures }) =>
      Object.values(measures).flatMap((node) =>
        node.node === 'spans' && node.spans.effectiveAt !== undefined ? [node.spans.effectiveAt] : [],
      ),
    ),
  ),
];

function isKept(level: EvaluatedLevel, changed: Changed): boolean {
  const { kind } = level.plan.plan.level;
  if (kind !== 'account' && kind !== 'user') return false;
  return changed[kind].length <= MOST_CHANGED * level.results.subjects.length;
}

/** Whether a metric reads a profile whose rules count from the instant evaluated as of. */
const readsInstant = ({ measures }: MetricDescriptor, { profiles }: EvaluationSetting): boolean =>
  Object.values(measures).some(
    (node) =>
      node.node === 'profile' &&
      Object.hasOwn(profiles, node.name) &&
      profileFacts(profiles[node.name] ?? []).some(({ operator }) => ['withinNext', 'withinLast'].includes(operator)),
  );

/** Whether a metric looks at the last complete week or month, which is another one in the last instant of a day. */
const readsComplete = ({ measures }: MetricDescriptor): boolean =>
  Object.values(measures).some((node) => 'window' in node && isComplete(node.window));
const isComplete = (window: Window): boolean =>
  window.kind === 'complete' || (window.kind === 'before' && isComplete(window.of));

/** Whether a metric's unchanged subjects have to be measured again: by folds and rules that went by another instant, or values of the portfolio. */
const isMeasuredAnew = (
  metric: MetricDescriptor,
  moved: ReadonlySet<string>,
  sameInstant: boolean,
  setting: EvaluationSetting,
): boolean =>
  metric.usesPortfolio.length > 0 ||
  (!sameInstant && (readsInstant(metric, setting) || readsComplete(metric))) ||
  (moved.has(metric.id) && Object.values(metric.measures).some(({ node }) => node === 'fold'));

/** The metrics to be computed again from the same measures, in order: those that looked at another instant, and those that use any that changed. */
function dependents(
  metrics: readonly MetricDescriptor[],
  moved: ReadonlySet<string>,
  anew: readonly MetricDescriptor[],
): readonly MetricDescriptor[] {
  const changed = new Set(anew.map(({ id }) => id));
  return metrics.filter(({ id, uses }) => {
    if (changed.has(id) || !(moved.has(id) || uses.some((used) => changed.has(used)))) return false;
    changed.add(id);
    return true;
  });
}

const ownColumns = ({ results }: EvaluatedLevel, metrics: readonly MetricDescriptor[]) =>
  Object.fromEntries(
    Object.entries(results.columns).filter(([name]) =>
      metrics.some(({ id }) => name === id || name.startsWith(`${id}.`)),
    ),
  );

type Joined = EvaluatedLevel & { readonly results: { readonly columns: Record<string, Column> } };

/** What was found before, with what is fresh in its place. */
function joined(before: EvaluatedLevel, fresh: EvaluatedLevel): Joined {
  const { subjects, runs } = union(before.results.subjects, fresh.results.subjects);
  const rows = sameSubjects(before.results.subjects, fresh.results.subjects, subjects.length);
  const merge = (old: Column | undefined, found: Column, fixed: boolean): Column => {
    if (!old) return found;
    if (rows?.every((row, i) => sameValue(old, row, found, i))) return old;
    return (rows && replaced(old, rows, found)) ?? pick([old, found], runs, fixed);
  };
  const columns = Object.fromEntries(
    Object.entries(fresh.results.columns).map(([name, found]) => [
      name,
      merge(before.results.columns[name], found, name.endsWith('.reason')),
    ]),
  );
  const earlier = columnsBefore(before.plan, fresh.plan);
  const measured = fresh.frame.columns.map((found, i) =>
    merge(before.frame.columns[earlier.get(i) ?? -1], found, false),
  );
  const { subjects: _, ...plan } = fresh.plan.plan;
  return {
    plan: { ...fresh.plan, plan },
    frame: { subjects, columns: measured },
    results: { level: fresh.results.level, subjects, columns },
  };
}

/** The rows of the fresh subjects among the old ones; null when there are new subjects. */
function sameSubjects(before: readonly string[], fresh: readonly string[], together: number): readonly number[] | null {
  if (together !== before.length) return null;
  let row = 0;
  return fresh.map((subject) => {
    while (before[row] !== subject) row++;
    return row;
  });
}

function sameValue(one: Column, i: number, other: Column, k: number): boolean {
  if (one.type === 'number' && other.type === 'number')
    return one.valid[i] === other.valid[k] && Object.is(one.values[i], other.values[k]);
  return isDeepStrictEqual(valueAt(one, i), valueAt(other, k));
}

/** Which column of the earlier plan holds what a column of this one does: plans of other levels make for another order. */
function columnsBefore(before: LevelPlan, now: LevelPlan): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const match = (here: number | undefined, there: number | undefined) => {
    if (here !== undefined && there !== undefined) found.set(here, there);
  };
  for (const [key, column] of now.traits) match(column, before.traits.get(key));
  for (const [name, column] of now.profiles) match(column, before.profiles.get(name));
  const inputs = new Map(before.metrics.map((plan) => [plan.metric.id, plan.inputs]));
  for (const plan of now.metrics)
    for (const [name, source] of Object.entries(plan.inputs)) {
      const other = inputs.get(plan.metric.id)?.[name];
      if (typeof source === 'number' && typeof other === 'number') match(source, other);
    }
  return found;
}

const NOTHING: Column = { type: 'json', values: [] };
const NO_PROVENANCE = { zone: '', levels: [], metrics: {}, operators: {}, documents: {}, windows: {} } as const;

/** Computes metrics again, over all subjects of a level, from what was measured before; their results take the place of the old. */
async function recompute(
  { host, limits, strikes, zone }: EvaluationSetting,
  snapshot: Snapshot,
  asOf: number,
  level: Joined,
  metrics: readonly MetricDescriptor[],
): Promise<Evaluated> {
  const began = performance.now();
  const used = new Set(metrics.flatMap(({ uses }) => uses));
  // Only what is read of what was measured goes to the worker.
  const plans = metrics.flatMap((metric) => level.plan.metrics.filter((plan) => plan.metric.id === metric.id));
  const read = new Set([...plans.flatMap(({ inputs }) => Object.values(inputs)), ...[...level.plan.profiles.values()]]);
  const columnsRead = level.frame.columns.map((column, i) => (read.has(i) ? column : NOTHING));
  const held = holdLevel(level.plan, { ...level.frame, columns: columnsRead });
  const { columns } = level.results;
  for (const [name, column] of Object.entries(columns))
    if (used.has(name.split('.', 1)[0] ?? '')) held.kept[name] = column;
  const computing = createComputing({
    host, limits, strikes, zone, snapshot, asOf, used, rows: null, groupsOf: () => Promise.resolve(null),
  }); // prettier-ignore
  try {
    for (const plan of plans) {
      const { metric } = plan;
      const found = await computing.compute(plan, held, new Map());
      Object.assign(columns, found.columns);
      if (used.has(metric.id)) Object.assign(held.kept, found.columns);
    }
  } finally {
    computing.drop([held]);
  }
  return {
    evaluation: {
      asOf, frames: [], failures: computing.failures(), warnings: [], provenance: NO_PROVENANCE,
      timings: { measureMs: 0, computeMs: performance.now() - began },
    },
    levels: [],
    readAsOf: new Map(),
  }; // prettier-ignore
}

/** Both lists in order, each subject once; of those in both, the fresh one. */
function union(
  before: readonly string[],
  fresh: readonly string[],
): { readonly subjects: readonly string[]; readonly runs: readonly Run[] } {
  const subjects: string[] = [];
  const places: { part: number; row: number }[] = [];
  for (let i = 0, k = 0; i < before.length || k < fresh.length;) {
    const [old, found] = [before[i], fresh[k]];
    const isFresh = found !== undefined && (old === undefined || found <= old);
    if (isFresh && found === old) i++;
    subjects.push((isFresh ? found : old) ?? '');
    places.push(isFresh ? { part: 1, row: k++ } : { part: 0, row: i++ });
  }
  return { subjects, runs: runsOf(places) };
}
