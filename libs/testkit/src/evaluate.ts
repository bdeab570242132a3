import type {
  ComputeContext,
  Measures,
  MetricDefinition,
  MetricResult,
  Parts,
  PartValue,
  Static,
  SubjectKind,
} from '@rapport/sdk';
import type { FoldNode, Level, MeasureNode, Snapshot, Zone } from '@rapport/store';
import { createOracle, isFold, readKey, resolveMeasure, resolveWindow, valueAt, zone as zoneOf } from '@rapport/store';
import type { TObject } from 'typebox';
import { Value } from 'typebox/value';
import { type Call, type Instant, instantOf, messagesOf } from './call.js';
import { checkedAnswer, checkedMeasures, type Evaluated, twice } from './contract.js';
import { TestkitError } from './error.js';

export type Subject =
  { readonly kind: 'account' | 'user'; readonly id: string } | { readonly kind: 'portfolio'; readonly by?: string };

/** A metric that another one uses: its definition, or that with a configuration. */
export type UsedMetric =
  MetricDefinition | { readonly definition: MetricDefinition; readonly config: Readonly<Record<string, unknown>> };

export interface World {
  /** In order of arrival, which plays no part. */
  readonly calls: readonly Call[];
  readonly asOf: Instant;
  /** IANA time zone that days are cut in; default `UTC`. */
  readonly zone?: string;
  /** `users`: every user is its own account; default `groups`. */
  readonly accounts?: 'groups' | 'users';
  /** The metrics named in `uses`, by id. */
  readonly metrics?: Readonly<Record<string, UsedMetric>>;
}
export interface EvaluateOptions<C extends TObject, S extends Subject = Subject> extends World {
  /** What differs from the schema's defaults. */
  readonly config?: Partial<Static<C>>;
  readonly subject: S;
}

/** Value (null: none, see `reason`), sample size and parts of a metric for one subject. */
export interface Evaluation<P extends Parts = Parts> extends Evaluated {
  readonly parts: { readonly [K in keyof P]?: PartValue<P[K]> | null };
}
export type EvaluationOf<P extends Parts, S extends Subject> = S extends { readonly by: string }
  ? Readonly<Record<string, Evaluation<P>>>
  : Evaluation<P>;

/**
 * The value of a metric for a subject after some calls, computed as the engine does: measures answered by the oracle, folds included.
 * For `{ kind: 'portfolio', by }` one answer per value of the trait. An account or user that no call names has no events and no traits.
 *
 * Throws `RAPPORT_TESTKIT_CONTRACT` when the metric breaks its contract (a value that is not finite or outside its range, an undeclared or
 * mistyped part, another answer when called again, measures that are not plain data), `_CONFIG` for a configuration that its
 * schema refuses, `_SUBJECT` for a kind of subject that it does not support, `_METRIC` for a used metric that is not given, `_CALL` for a bad call.
 */
export async function evaluateMetric<C extends TObject, M extends Measures, P extends Parts, const S extends Subject>(
  definition: MetricDefinition<C, M, P>,
  options: EvaluateOptions<C, S>,
): Promise<EvaluationOf<P, S>>;
export async function evaluateMetric(
  definition: MetricDefinition,
  options: EvaluateOptions<TObject>,
): Promise<Evaluated | Readonly<Record<string, Evaluated>>> {
  const { subject } = options;
  const { kind } = subject;
  if (!definition.subjects.includes(kind)) {
    throw new TestkitError(
      'RAPPORT_TESTKIT_SUBJECT',
      `metric "${definition.id}" does not support the subject "${kind}", only ${definition.subjects.join(', ')}`,
    );
  }
  const level: Level = subject.kind === 'portfolio' ? subject : { kind: subject.kind };
  const answers = await evaluateLevel(definition, options.config ?? {}, level, await open(options, subject));
  if (subject.kind === 'portfolio' && subject.by !== undefined) return Object.fromEntries(answers);
  const answer = answers.get(subject.kind === 'portfolio' ? '' : subject.id);
  if (!answer) throw new TestkitError('RAPPORT_TESTKIT_SUBJECT', `there is no ${kind} as of then`);
  return answer;
}

interface Scene {
  readonly snapshot: Snapshot;
  readonly asOf: number;
  readonly zone: Zone;
  readonly metrics: Readonly<Record<string, UsedMetric>>;
}

async function open(world: World, subject: Subject): Promise<Scene> {
  const { zone = 'UTC', accounts = 'groups', metrics = {} } = world;
  const asOf = instantOf(world.asOf);
  const store = createOracle({ zone, accounts });
  await store.append(messagesOf(world.calls));
  if (subject.kind !== 'portfolio') {
    // Names the subject, and says nothing else about it.
    const of = accounts === 'users' ? 'user' : subject.kind;
    await store.append([
      { id: 'testkit: the subject', time: asOf - 1, traits: { of, subject: subject.id, values: {} } },
    ]);
  }
  return { snapshot: await store.snapshot(), asOf, zone: zoneOf(zone), metrics };
}

/** The configuration with its defaults. Throws `RAPPORT_TESTKIT_CONFIG`. */
export function configure(
  definition: MetricDefinition,
  config: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const filled = Value.Default(definition.config, structuredClone(config));
  if (!Value.Check(definition.config, filled)) {
    const faults = Value.Errors(definition.config, filled).map(
      ({ instancePath, message }) => `${instancePath || '/'} ${message}`,
    );
    throw new TestkitError('RAPPORT_TESTKIT_CONFIG', `configuration of "${definition.id}": ${faults.join('; ')}`);
  }
  return filled;
}

async function evaluateLevel(
  definition: MetricDefinition,
  given: Readonly<Record<string, unknown>>,
  level: Level,
  scene: Scene,
): Promise<ReadonlyMap<string, Evaluated>> {
  const config = configure(definition, given);
  const measures = checkedMeasures(definition, config);
  const used = new Map<string, ReadonlyMap<string, Evaluated>>();
  for (const id of definition.uses?.(config) ?? []) {
    const metric = Object.hasOwn(scene.metrics, id) ? scene.metrics[id] : undefined;
    if (!metric) {
      throw new TestkitError(
        'RAPPORT_TESTKIT_METRIC',
        `metric "${definition.id}" uses "${id}"; give it: { metrics: { '${id}': definition } }`,
      );
    }
    const [other, otherConfig] = 'definition' in metric ? [metric.definition, metric.config] : [metric, {}];
    used.set(
      id,
      other.subjects.includes(level.kind) ? await evaluateLevel(other, otherConfig, level, scene) : new Map(),
    );
  }

  const context = (kind: SubjectKind, id: string): ComputeContext<Readonly<Record<string, unknown>>> => ({
    config,
    asOf: scene.asOf,
    calendar: scene.zone,
    subject: { kind, id },
    metric(name) {
      const answers = used.get(name);
      if (!answers) {
        throw new TestkitError(
          'RAPPORT_TESTKIT_CONTRACT',
          `metric "${definition.id}" reads metric "${name}", which its "uses" does not name`,
        );
      }
      return resultOf(answers.get(id));
    },
  });
  const answer = (id: string, call: () => ReturnType<MetricDefinition['compute']>): [string, Evaluated] => {
    const subject =
      level.kind === 'portfolio'
        ? level.by === undefined
          ? 'the portfolio'
          : `the portfolio where ${level.by} is "${id}"`
        : `${level.kind} "${id}"`;
    return [id, twice(definition, subject, () => checkedAnswer(definition, subject, call()))];
  };

  if (level.kind !== 'portfolio' || !definition.portfolio) {
    const { subjects, rows } = await inputsOf(definition, measures, level, scene);
    return new Map(
      subjects.map((id, i) => answer(id, () => definition.compute({ ...rows[i] }, context(level.kind, id)))),
    );
  }
  const reduce = definition.portfolio.bind(definition);
  const { subjects, rows } = await inputsOf(definition, measures, { kind: 'account' }, scene);
  const groupOf = await groupsOf(level, scene);
  const [portfolio] = await scene.snapshot.measure([{ level, asOf: scene.asOf, measures: [] }]);
  return new Map(
    portfolio?.subjects.map((id) =>
      answer(id, () =>
        reduce(reused(rows.filter((_, i) => groupOf(subjects[i] ?? '') === id)), context('portfolio', id)),
      ),
    ),
  );
}

type Row = Readonly<Record<string, unknown>>;

/** One value per measure and subject. */
async function inputsOf(
  definition: MetricDefinition,
  measures: Measures,
  level: Level,
  scene: Scene,
): Promise<{ subjects: readonly string[]; rows: readonly Row[] }> {
  const { snapshot, asOf, zone } = scene;
  const declared = Object.entries(measures).filter((entry): entry is [string, MeasureNode] => !isFold(entry[1]));
  const folds = Object.entries(measures).filter((entry): entry is [string, FoldNode] => isFold(entry[1]));
  const [frame] = await snapshot.measure([
    { level, asOf, measures: declared.map(([, node]) => resolveMeasure(node, asOf, zone)) },
  ]);
  const { subjects, columns } = frame ?? { subjects: [], columns: [] };
  const folded = await Promise.all(
    folds.map(async ([name, node]) => [name, await foldOf(definition, node, level, scene)] as const),
  );
  const rows = subjects.map((subject, i) =>
    Object.fromEntries([
      ...declared.map(([name], k) => [name, columns[k] ? valueAt(columns[k], i) : null] as const),
      ...folded.map(([name, value]) => [name, value(subject)] as const),
    ]),
  );
  return { subjects, rows };
}

async function foldOf(
  definition: MetricDefinition,
  node: FoldNode,
  level: Level,
  { snapshot, asOf, zone }: Scene,
): Promise<(subject: string) => number | null> {
  const reducer = Object.hasOwn(definition.folds ?? {}, node.reducer) ? definition.folds?.[node.reducer] : undefined;
  if (!reducer) {
    throw new TestkitError(
      'RAPPORT_TESTKIT_CONTRACT',
      `metric "${definition.id}": there is no reducer "${node.reducer}" in its "folds"`,
    );
  }
  const { filter, properties } = node;
  const states = new Map<string, unknown>();
  for await (const batch of snapshot.stream({
    level,
    asOf,
    filter,
    window: resolveWindow(node.window, asOf, zone),
    properties,
  })) {
    for (const { subject, ...event } of batch) {
      states.set(subject, reducer.step(states.has(subject) ? states.get(subject) : reducer.initial(), event));
    }
  }
  const values = new Map([...states].map(([subject, state]) => [subject, reducer.done(state)]));
  return (subject) => (values.has(subject) ? (values.get(subject) ?? null) : reducer.done(reducer.initial()));
}

/** The group of a portfolio that an account belongs to. */
async function groupsOf(
  level: { readonly by?: string },
  { snapshot, asOf }: Scene,
): Promise<(account: string) => string> {
  const { by } = level;
  if (by === undefined) return () => '';
  const traits = await snapshot.traits('account', asOf);
  return (account) => readKey(traits.get(account)?.[by]) ?? '';
}

/** Hands out one object again and again, as the engine does, so that a metric which keeps rows is found out here. */
const reused = (rows: readonly Row[]): Iterable<Row> => ({
  *[Symbol.iterator]() {
    const row = {};
    for (const values of rows) yield Object.assign(row, values);
  },
});

const resultOf = (answer: Evaluated | undefined): MetricResult => ({
  value: answer?.value ?? null,
  part(name) {
    const value = answer && Object.hasOwn(answer.parts, name) ? answer.parts[name] : null;
    return typeof value === 'number' ? value : null;
  },
});
