import { profileFacts } from '@rapport/rules';
import type { Column, Level, Snapshot } from '@rapport/store';
import type { EvaluateOptions, MetricDescriptor } from './api.js';
import { pick, type Places } from './column-merge.js';
import {
  evaluateMetrics,
  metricsOf,
  provenanceFor,
  type Evaluated,
  type EvaluatedLevel,
  type EvaluationSetting,
} from './evaluation.js';
import { computeOrder, levelKey } from './planner.js';

/** An evaluation that later ones of the same day may go on from. */
interface Remembered {
  readonly state: string;
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
 * whom nothing has changed since keep what was found for them. Portfolios, groups and families are always evaluated anew, and so are metrics that look at
 * the exact instant, when it is another one, and those that read the portfolio's values.
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
  const before = memory.get(key);
  const evaluated =
    (before && (await goOn(setting, snapshot, asOf, levels, options, before))) ??
    (await evaluateMetrics(setting, snapshot, asOf, levels, options));
  memory.delete(key);
  // What failed is tried again from the start.
  if (evaluated.evaluation.failures.length === 0) memory.set(key, { state: snapshot.state, asOf, evaluated });
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
  const changes = await snapshot.changes(before, asOf, effectiveAtOf(metrics));
  if (!changes) return null;
  const changed: Changed = { account: changes.accounts, user: changes.users };
  const kept = before.evaluated.levels.filter((level) => isKept(level, changed));
  if (kept.length === 0) return null;

  const byInstant = metrics.filter((metric) => readsInstant(metric, setting)).map(({ id }) => id);
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
    const some = await evaluateMetrics(setting, snapshot, asOf, [of], { ...options, subjects });
    const read = before.evaluated.readAsOf.get(key) ?? new Set();
    const moved = movedBy(metrics, asOf === before.asOf ? new Set() : new Set([...read, ...byInstant]));
    const all =
      moved.length > 0 ? await evaluateMetrics(setting, snapshot, asOf, [of], { ...options, metrics: moved }) : null;
    parts.push(some, ...(all ? [all] : []));
    const [fresh] = some.levels;
    if (!fresh) return null;
    merged.push(joined(level, fresh, all?.levels[0] ?? null, moved));
    readAsOf.set(key, new Set([...read, ...(some.readAsOf.get(key) ?? [])]));
  }

  const evaluations = parts.map(({ evaluation }) => evaluation);
  const order = levels.map(levelKey);
  const frames = [...rest.flatMap(({ evaluation }) => evaluation.frames), ...merged.map(({ results }) => results)].sort(
    (a, b) => order.indexOf(levelKey(a.level)) - order.indexOf(levelKey(b.level)),
  );
  return {
    evaluation: {
      asOf,
      frames,
      failures: evaluations.flatMap(({ failures }) => failures),
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

/** The metrics whose values of unchanged subjects may be others now, in the order they are computed in: those given, those that read the portfolio, and what uses them. */
function movedBy(metrics: readonly MetricDescriptor[], read: ReadonlySet<string>): readonly string[] {
  const moved = new Set<string>();
  for (const { id, uses, usesPortfolio } of metrics)
    if (read.has(id) || usesPortfolio.length > 0 || uses.some((used) => moved.has(used))) moved.add(id);
  return [...moved];
}

/** What was found before, with what is fresh in its place. */
function joined(
  before: EvaluatedLevel,
  fresh: EvaluatedLevel,
  all: EvaluatedLevel | null,
  moved: readonly string[],
): EvaluatedLevel {
  const { subjects, places } = union(before.results.subjects, fresh.results.subjects);
  const merge = (old: Column | undefined, found: Column, fixed: boolean): Column =>
    old ? pick([old, found], places, fixed) : found;
  const isMoved = (name: string) => moved.includes(name.split('.', 1)[0] ?? '');
  const columns = Object.fromEntries(
    Object.entries(fresh.results.columns).map(([name, found]) => [
      name,
      (isMoved(name) ? all?.results.columns[name] : undefined) ??
        merge(before.results.columns[name], found, name.endsWith('.reason')),
    ]),
  );
  const traits = new Map<string, number>();
  const traitColumns: Column[] = [];
  for (const [key, index] of fresh.plan.traits) {
    const found = fresh.frame.columns[index];
    const old = before.frame.columns[before.plan.traits.get(key) ?? -1];
    if (found) traits.set(key, traitColumns.push(merge(old, found, false)) - 1);
  }
  const { level } = fresh.results;
  const { subjects: _, ...plan } = fresh.plan.plan;
  return {
    plan: { plan, traits },
    frame: { subjects, columns: traitColumns },
    results: { level, subjects, columns },
  };
}

/** Both lists in order, each subject once; of those in both, the fresh one. */
function union(
  before: readonly string[],
  fresh: readonly string[],
): { readonly subjects: readonly string[]; readonly places: Places } {
  const subjects: string[] = [];
  const parts: number[] = [];
  const rows: number[] = [];
  for (let i = 0, k = 0; i < before.length || k < fresh.length;) {
    const [old, found] = [before[i], fresh[k]];
    const isFresh = found !== undefined && (old === undefined || found <= old);
    if (isFresh && found === old) i++;
    subjects.push((isFresh ? found : old) ?? '');
    parts.push(isFresh ? 1 : 0);
    rows.push(isFresh ? k++ : i++);
  }
  return { subjects, places: { parts: Uint8Array.from(parts), rows: Int32Array.from(rows) } };
}
