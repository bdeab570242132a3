import { randomUUID } from 'node:crypto';
import { factsOf, type FactUse, type OperatorSet } from '@rapport/rules';
import {
  zone as zoneOf,
  type HistoryDay,
  type Level,
  type Membership,
  type Snapshot,
  type Store,
} from '@rapport/store';
import {
  documentsAmong,
  type Clock,
  type EvaluateOptions,
  type Evaluation,
  type LoadedDocument,
  type LoadedPlugin,
  type RunReport,
  type WorkspaceConfig,
} from './api.js';
import { EngineError } from './error.js';
import { originOf, partialOrigin } from './analysis/origin.js';
import { derivedIds, withDerived, type DerivedSetting } from './derived.js';
import { checkMetrics, metricsOf, type Evaluated, type EvaluatedLevel } from './evaluation.js';
import { factTable, traitUses, type FactTable } from './facts.js';
import { moveRule, moveSegment, type Move, type Movement } from './movement.js';
import { leaveWhatIsGone } from './gone.js';
import { levelKey } from './planner.js';
import { evaluateAgain, type Memory } from './incremental.js';
import { operatorsOf } from './operators.js';
import { deliveriesFor, playbookKey } from './playbooks.js';
import type { PluginHost } from './plugin-host.js';
import { verdictsOf, type Verdicts, type VerdictSetting } from './verdicts.js';
import { whatIf } from './what-if.js';

export interface RunSetting {
  readonly config: WorkspaceConfig;
  readonly store: Store;
  readonly host: PluginHost;
  readonly plugins: readonly LoadedPlugin[];
  readonly clock: Clock;
  readonly limits: DerivedSetting['limits'] & VerdictSetting['limits'];
  readonly strikes: Map<string, number>;
  readonly memory: Memory;
}

const LEASE_MS = 30_000;
const DAY = 86_400_000;
const kinds = ['account', 'user'] as const;

const documentsOf = (plugins: readonly LoadedPlugin[], kind: 'account' | 'user'): readonly LoadedDocument[] =>
  documentsAmong(plugins).filter(({ document }) => document.subject === kind);
export const usesOfAll = (documents: readonly LoadedDocument[], operators: OperatorSet): readonly FactUse[] =>
  documents.flatMap(({ document }) => factsOf(document, operators));

/** Account and portfolio, users if a rule is about them, and families where accounts have parents. */
export const defaultLevels = ({ plugins, config }: Pick<RunSetting, 'plugins' | 'config'>): readonly Level[] => [
  { kind: 'account' },
  ...(documentsOf(plugins, 'user').length > 0 ? [{ kind: 'user' } as const] : []),
  ...(config.hierarchy ? [{ kind: 'family', parent: config.hierarchy.parent } as const] : []),
  { kind: 'portfolio' },
];

function evaluationSetting(setting: RunSetting, withTraits: boolean): DerivedSetting {
  const { plugins, host, limits, strikes, store, config, memory } = setting;
  const operators = operatorsOf(plugins);
  const traits = (kind: 'account' | 'user') =>
    withTraits ? traitUses(usesOfAll(documentsOf(plugins, kind), operators)).measured : [];
  return {
    plugins,
    host,
    limits,
    strikes,
    zone: zoneOf(store.zone),
    profiles: config.profiles ?? {},
    signupTrait: config.signupTrait ?? 'signupAt',
    history: store,
    memory,
    slopeDays: config.trends?.slopeDays ?? 30,
    traits: { account: traits('account'), user: traits('user') },
  };
}

function instantOf(asOf: number | undefined, clock: Clock): number {
  const instant = asOf ?? clock.now();
  if (!Number.isSafeInteger(instant) || Math.abs(instant) > 8.64e15)
    throw new EngineError('RAPPORT_EVALUATE_AS_OF', `asOf must be an instant in epoch ms, not ${String(instant)}.`);
  return instant;
}

/** Measures, computes and derives what rules and the configuration ask for. */
async function evaluateAll(
  setting: RunSetting,
  withTraits: boolean,
  snapshot: Snapshot,
  asOf: number,
  levels: readonly Level[],
  options: EvaluateOptions,
): Promise<Evaluated> {
  const { plugins, config } = setting;
  const evaluation = evaluationSetting(setting, withTraits);
  const evaluated = await evaluateAgain(evaluation, snapshot, asOf, levels, options, setting.memory);
  const operators = operatorsOf(plugins);
  const facts = kinds.flatMap((kind) => usesOfAll(documentsOf(plugins, kind), operators).map(({ fact }) => fact));
  const derived = derivedIds(plugins, facts, config.trends?.metrics ?? [], options.derived);
  return withDerived(evaluation, snapshot, levels, evaluated, derived, options);
}

/** Computes; writes nothing. Throws `RAPPORT_EVALUATE_AS_OF`, `RAPPORT_EVALUATE_METRIC`, `RAPPORT_EVALUATE_CONFIG`. */
export async function evaluateOnly(given: RunSetting, options: EvaluateOptions): Promise<Evaluation> {
  const asOf = instantOf(options.asOf, given.clock);
  checkMetrics(options.metrics, given.plugins);
  return whatIf(given, options, (setting) => evaluateAsOf(setting, asOf, options));
}

async function evaluateAsOf(setting: RunSetting, asOf: number, options: EvaluateOptions): Promise<Evaluation> {
  const snapshot = await setting.store.snapshot();
  try {
    const levels = options.levels ?? defaultLevels(setting);
    return (await evaluateAll(setting, false, snapshot, asOf, levels, options)).evaluation;
  } finally {
    await snapshot.close();
  }
}

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
      await store.putHistory(historyOf(setting, evaluation));
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

/**
 * A run's values for the history: of accounts, families and the portfolio. A run in the middle of a day is not the day's end, and says so in its
 * origins. Written after the run: should the process end in between, the day is missing until it is filled in.
 */
function historyOf({ plugins, store }: RunSetting, { asOf, frames }: Evaluation): readonly HistoryDay[] {
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

export type FactTables = ReadonlyMap<'account' | 'user', FactTable>;

/** Evaluates, and gives the facts of every kind of subject that documents are about. */
export async function factTables(
  setting: RunSetting,
  snapshot: Snapshot,
  asOf: number,
  levels: readonly Level[],
  options: EvaluateOptions,
): Promise<{ readonly evaluation: Evaluation; readonly tables: FactTables }> {
  const { evaluation, levels: evaluated } = await evaluateAll(setting, true, snapshot, asOf, levels, options);
  const tables = new Map<'account' | 'user', FactTable>();
  for (const kind of kinds) {
    const level = evaluated.find(({ plan }) => plan.plan.level.kind === kind);
    if (!level) continue;
    const { whole } = traitUses(usesOfAll(documentsOf(setting.plugins, kind), operatorsOf(setting.plugins)));
    tables.set(
      kind,
      factTable({ ...level, traits: level.plan.traits }, whole ? await snapshot.traits(kind, asOf) : null),
    );
  }
  return { evaluation, tables };
}

/** The ids of the metrics that documents read. */
export function metricsRead(documents: readonly LoadedDocument[], plugins: readonly LoadedPlugin[]): readonly string[] {
  const known = new Set(metricsOf(plugins).map(({ id }) => id));
  const ids = usesOfAll(documents, operatorsOf(plugins)).map(({ fact }) => fact.split('.', 1)[0] ?? '');
  return [...new Set(ids.filter((id) => known.has(id)))];
}

export type Members = ReadonlyMap<string, ReadonlyMap<string, Membership>>;

/** Memberships by segment and subject. */
export function membersBySegment(memberships: readonly Membership[]): Members {
  const members = new Map<string, Map<string, Membership>>();
  for (const membership of memberships) {
    const of = members.get(membership.segment) ?? new Map<string, Membership>();
    members.set(membership.segment, of.set(membership.subject, membership));
  }
  return members;
}

export interface Moved {
  readonly moves: readonly Move[];
  readonly errors: RunReport['segmentErrors'];
  readonly evaluated: readonly string[];
}
/**
 * Moves subjects by every document. Reads and writes nothing but what it is given.
 *
 * @param known documents (`key@version`) that were evaluated before; of others, members are taken as they are found
 * @param verdicts of the operators that plugins bring
 * @param described moves per segment and direction that are given a reason and facts; default all
 */
export async function moveAll(
  plugins: readonly LoadedPlugin[],
  tables: FactTables,
  members: Members,
  known: Pick<ReadonlySet<string>, 'has'>,
  asOf: number,
  verdicts: Verdicts,
  described?: number,
): Promise<Moved> {
  const moves: Move[] = [];
  const errors: { segment: string; message: string }[] = [];
  const evaluated: string[] = [];
  const note = (key: string, version: string, { moves: found, error }: Movement) => {
    for (const move of found) moves.push(move);
    if (error !== null) errors.push({ segment: key, message: error });
    evaluated.push(`${key}@${version}`);
  };
  // Plugins come in the order of their dependencies, so a segment's members are known before a rule asks for them.
  for (const plugin of documentsAmong(plugins)) {
    const table = tables.get(plugin.document.subject);
    if (!table) continue;
    const { id } = plugin.document;
    const contextFor = (key: string) => ({
      table,
      members,
      asOf,
      verdicts,
      baseline: !known.has(`${key}@${plugin.version}`),
      ...(described === undefined ? {} : { described }),
    });
    if (plugin.kind === 'segment') note(id, plugin.version, await moveSegment(plugin.document, contextFor(id)));
    else if ('when' in plugin.document.trigger) {
      const key = playbookKey(id);
      note(key, plugin.version, await moveRule(key, plugin.document, contextFor(key)));
    }
  }
  return { moves, errors, evaluated };
}

export type { EvaluatedLevel };
