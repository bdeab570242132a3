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
import type { Level, Scope } from '@rapport/store';
import { createOracle, narrowMeasures, readKey, zone as zoneOf } from '@rapport/store';
import type { TObject } from 'typebox';
import { Value } from 'typebox/value';
import { instantOf, messagesOf } from './call.js';
import { checkedAnswer, checkedMeasures, type Evaluated, twice } from './contract.js';
import { TestkitError } from './error.js';
import { inputsOf, type Row } from './inputs.js';
import { ownEntry, type Scene, type World } from './scene.js';

export type Subject =
  { readonly kind: 'account' | 'user'; readonly id: string } | { readonly kind: 'portfolio'; readonly by?: string };

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
  const level: SubjectLevel = subject.kind === 'portfolio' ? subject : { kind: subject.kind };
  const metric = { definition, config: options.config ?? {}, scopes: [], path: [definition.id] };
  const answers = await evaluateLevel(metric, level, await open(options, subject));
  if (subject.kind === 'portfolio' && subject.by !== undefined) return Object.fromEntries(answers);
  const answer = answers.get(subject.kind === 'portfolio' ? '' : subject.id);
  if (!answer) throw new TestkitError('RAPPORT_TESTKIT_SUBJECT', `there is no ${kind} as of then`);
  return answer;
}

async function open(world: World, subject: Subject): Promise<Scene> {
  const { zone = 'UTC', accounts = 'groups' } = world;
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
  return { snapshot: await store.snapshot(), asOf, zone: zoneOf(zone), workspace: world };
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

/** A metric on its way: with its configuration, narrowed to scopes, and how it came to be asked for. */
interface Asked {
  readonly definition: MetricDefinition;
  readonly config: Row;
  readonly scopes: readonly Scope[];
  readonly path: readonly string[];
}

type SubjectLevel = Exclude<Level, { kind: 'family' }>;

async function evaluateLevel(
  metric: Asked,
  level: SubjectLevel,
  scene: Scene,
): Promise<ReadonlyMap<string, Evaluated>> {
  const { definition } = metric;
  const config = configure(definition, metric.config);
  const measures = metric.scopes.reduce(narrowMeasures, checkedMeasures(definition, config));
  const answersOf = async (ids: readonly string[], of: SubjectLevel) => {
    const answers = new Map<string, ReadonlyMap<string, Evaluated>>();
    for (const id of ids) {
      const asked = usedBy(metric, id, scene);
      const supported = asked.definition.subjects.includes(of.kind);
      answers.set(id, supported ? await evaluateLevel(asked, of, scene) : new Map());
    }
    return answers;
  };
  const used = await answersOf(definition.uses?.(config) ?? [], level);
  const ofPortfolio = await answersOf(definition.usesPortfolio?.(config) ?? [], { kind: 'portfolio' });

  const context = (kind: SubjectKind, id: string): ComputeContext<Readonly<Record<string, unknown>>> => ({
    config,
    asOf: scene.asOf,
    calendar: scene.zone,
    subject: { kind, id },
    metric: (name) => resultOf(named(used, name, 'uses').get(id)),
    portfolio: (name) => resultOf(named(ofPortfolio, name, 'usesPortfolio').get('')),
  });
  const named = (answers: ReadonlyMap<string, ReadonlyMap<string, Evaluated>>, name: string, hook: string) => {
    const found = answers.get(name);
    if (found) return found;
    throw new TestkitError(
      'RAPPORT_TESTKIT_CONTRACT',
      `metric "${definition.id}" reads metric "${name}", which its "${hook}" does not name`,
    );
  };
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
    const { subjects, rows } = await inputsOf(definition, config, measures, level, scene);
    return new Map(
      subjects.map((id, i) => answer(id, () => definition.compute({ ...rows[i] }, context(level.kind, id)))),
    );
  }
  const reduce = definition.portfolio.bind(definition);
  const { subjects, rows } = await inputsOf(definition, config, measures, { kind: 'account' }, scene);
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

/** A metric that another one names, `x` or `x:scope`. What it uses itself is narrowed with it. */
function usedBy({ definition, scopes, path }: Asked, id: string, { workspace }: Scene): Asked {
  const [base = id, scopeName] = id.split(':');
  const metric = ownEntry(workspace.metrics, id) ?? ownEntry(workspace.metrics, base);
  const scope = scopeName === undefined ? undefined : ownEntry(workspace.scopes, scopeName);
  if (!metric || (scopeName !== undefined && !scope)) {
    throw new TestkitError(
      'RAPPORT_TESTKIT_METRIC',
      metric
        ? `metric "${definition.id}" uses "${id}"; give the scope: { scopes: { '${scopeName}': { events: […] } } }`
        : `metric "${definition.id}" uses "${id}"; give it: { metrics: { '${base}': definition } }`,
    );
  }
  if (path.includes(id)) {
    throw new TestkitError(
      'RAPPORT_TESTKIT_CONTRACT',
      `metrics use each other in a circle: ${[...path, id].join(' → ')}`,
    );
  }
  return {
    ...('definition' in metric ? metric : { definition: metric, config: {} }),
    scopes: scope ? [...scopes, scope] : scopes,
    path: [...path, id],
  };
}

/** The group of a portfolio that an account belongs to. */
async function groupsOf(
  level: { readonly by?: string },
  { snapshot, asOf }: Scene,
): Promise<(account: string) => string> {
  const { by } = level;
  if (by === undefined) return () => '';
  const traits = await snapshot.traits('account', asOf);
  return (account) => readKey(ownEntry(traits.get(account), by)) ?? '';
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
