import type { ConfigOf, MetricDefinition, Parts, PartValue } from '@rapport/sdk';
import { zone as zoneOf } from '@rapport/sdk/time';
import { createOracle } from '@rapport/store-testkit';
import type { TProperties } from 'typebox';
import { answersOf } from './answers.js';
import { asked } from './asked.js';
import { instantOf, messagesOf } from './call.js';
import type { Evaluated } from './contract.js';
import { refuse, TestkitError } from './error.js';
import type { Scene, SubjectLevel, World } from './scene.js';

export type Subject =
  { readonly kind: 'account' | 'user'; readonly id: string } | { readonly kind: 'portfolio'; readonly by?: string };

export interface EvaluateOptions<C extends TProperties, S extends Subject = Subject> extends World {
  /** What differs from the schema's defaults. */
  readonly config?: Partial<ConfigOf<C>>;
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
 * Throws `RAPPORT_TESTKIT_CONTRACT` when the metric breaks its contract (its message names one of the `RAPPORT_CONFORMANCE_…` codes: a value outside
 * its range, an undeclared part or input, another answer when called again, the clock, …), `_CONFIG` for a configuration that its
 * schema refuses, `_SUBJECT` for a kind of subject that it does not support, `_METRIC` for a used metric that is not given, `_CALL` for a bad call.
 */
export async function evaluateMetric<C extends TProperties, M, P extends Parts, const S extends Subject>(
  definition: MetricDefinition<C, M, P>,
  options: EvaluateOptions<C, S>,
): Promise<EvaluationOf<P, S>>;
export async function evaluateMetric(
  definition: MetricDefinition,
  options: EvaluateOptions<TProperties>,
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
  const answers = await answersOf(
    asked(definition, options.config, options, refuse),
    level,
    await open(options, subject),
  );
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
  return { snapshot: await store.snapshot(), asOf, zone: zoneOf(zone), workspace: world, report: refuse };
}
