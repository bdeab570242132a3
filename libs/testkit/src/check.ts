import { isDeepStrictEqual } from 'node:util';
import type { Measures, MetricDefinition, Parts, Static } from '@rapport/sdk';
import type { Json, Properties } from '@rapport/store';
import fc from 'fast-check';
import type { TObject } from 'typebox';
import { type Call, group, identify, track } from './call.js';
import { checkedMeasures } from './contract.js';
import { configure, evaluateMetric, type Subject } from './evaluate.js';
import type { Workspace } from './scene.js';
import { learn, learnProfile, learnScope, type Vocabulary } from './vocabulary.js';

export interface CheckOptions<C extends TObject> extends Workspace {
  /** What differs from the schema's defaults. */
  readonly config?: Partial<Static<C>>;
  /** Event names besides those that the measures mention. */
  readonly events?: readonly string[];
  /** Values that a property takes, where whole numbers from 0 to 10, a few texts and instants will not do. */
  readonly properties?: Readonly<Record<string, readonly Json[]>>;
  /** Values that a trait takes. */
  readonly traits?: Readonly<Record<string, readonly Json[]>>;
  /** Random worlds to try; default 50. */
  readonly runs?: number;
  readonly seed?: number;
}

const ASOF = Date.UTC(2024, 2, 15);
const DAY = 86_400_000;
const USERS = ['ann', 'bob', 'eve'];
const ACCOUNTS = ['acme', 'zeta'];

/**
 * Tries a metric on random worlds made of the names and values that its measures mention, for every kind of subject that it supports, and
 * throws (with the smallest world found) unless, in each of them,
 * - it keeps its contract: finite value in range, declared parts, one answer when called twice, measures that are plain data;
 * - neither the order in which calls arrive, nor calls that arrive twice, nor calls from `asOf` on change the answer.
 */
export async function checkMetric<C extends TObject, M extends Measures, P extends Parts>(
  definition: MetricDefinition<C, M, P>,
  options?: CheckOptions<C>,
): Promise<void>;
export async function checkMetric(definition: MetricDefinition, options: CheckOptions<TObject> = {}): Promise<void> {
  const { config = {}, metrics = {}, profiles = {}, scopes = {} } = options;
  const past = callsOf(vocabularyOf(definition, options), options, -75 * DAY, -1);
  const future = callsOf(vocabularyOf(definition, options), options, 0, 30 * DAY);
  const worlds = fc
    .record({ past: fc.array(past, { maxLength: 40, size: 'max' }), future: fc.array(future, { maxLength: 5 }) })
    .map(({ past, future }) => ({ past: numbered(past, 'p'), future: numbered(future, 'f') }))
    .chain(({ past, future }) =>
      fc.record({
        past: fc.constant(past),
        again: fc.shuffledSubarray([...past, ...past, ...future], { minLength: past.length * 2 + future.length }),
      }),
    );
  const subjects: readonly Subject[] = [
    ...ACCOUNTS.map((id) => ({ kind: 'account', id }) as const),
    { kind: 'user', id: 'ann' } as const,
    { kind: 'portfolio' } as const,
    { kind: 'portfolio', by: 'plan' } as const,
  ].filter(({ kind }) => definition.subjects.includes(kind));
  const evaluate = (calls: readonly Call[], subject: Subject) =>
    evaluateMetric(definition, { calls, asOf: ASOF, subject, config, metrics, profiles, scopes });

  await fc.assert(
    fc.asyncProperty(worlds, fc.constantFrom(...subjects), async ({ past, again }, subject) => {
      const answer = await evaluate(past, subject);
      const disturbed = await evaluate(again, subject);
      if (!isDeepStrictEqual(disturbed, answer)) {
        throw new Error(
          `metric "${definition.id}" depends on the order of arrival, on repeats or on the future: ${JSON.stringify(answer)}, then ${JSON.stringify(disturbed)}`,
        );
      }
    }),
    { numRuns: options.runs ?? 50, seed: options.seed ?? 1 },
  );
}

function vocabularyOf(
  definition: MetricDefinition,
  { config = {}, metrics = {}, profiles = {}, scopes = {}, events = [] }: CheckOptions<TObject>,
): Vocabulary {
  const vocabulary: Vocabulary = {
    events: new Set(['Opened', ...events]),
    properties: new Map(),
    traits: new Set(['plan']),
    traitValues: new Map([['plan', new Set(['pro', 'free'])]]),
    instants: new Set(),
  };
  learn(vocabulary, checkedMeasures(definition, configure(definition, config)));
  for (const used of Object.values(metrics)) {
    const [metric, given] = 'definition' in used ? [used.definition, used.config] : [used, {}];
    learn(vocabulary, checkedMeasures(metric, configure(metric, given)));
  }
  Object.values(profiles).forEach((classes) => learnProfile(vocabulary, classes));
  Object.values(scopes).forEach((scope) => learnScope(vocabulary, scope));
  return vocabulary;
}

type Unnumbered = (id: string) => Call;
const numbered = (calls: readonly Unnumbered[], prefix: string) =>
  calls.map((call, i) => call(`${prefix}-${String(i).padStart(3, '0')}`));

/** Calls between two offsets from `asOf`, ms. */
function callsOf(
  vocabulary: Vocabulary,
  options: CheckOptions<TObject>,
  from: number,
  to: number,
): fc.Arbitrary<Unnumbered> {
  const time = fc.oneof(
    fc
      .integer({ min: Math.ceil(from / DAY), max: Math.floor(to / DAY) })
      .map((day) => ASOF + Math.max(from, day * DAY)),
    fc.integer({ min: from, max: to }).map((offset) => ASOF + offset),
  );
  const instant = time.map((at) => new Date(at).toISOString());
  const valueOf = (name: string, given: readonly Json[] | undefined, compared: Iterable<Json>): fc.Arbitrary<Json> => {
    if (given) return fc.constantFrom(...given);
    if (vocabulary.instants.has(name)) return instant;
    const usual = fc.oneof(fc.integer({ min: 0, max: 10 }), fc.constantFrom('a', 'b'));
    const known = [...compared];
    return known.length === 0
      ? usual
      : fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: usual });
  };
  const record = (names: Iterable<string>, value: (name: string) => fc.Arbitrary<Json>): fc.Arbitrary<Properties> =>
    fc
      .tuple(
        ...[...names].map((name) =>
          fc.option(
            value(name).map((json) => [name, json] as const),
            { freq: 4 },
          ),
        ),
      )
      .map((entries) => Object.fromEntries(entries.filter((entry) => entry !== null)));

  const properties = record(
    new Set([...vocabulary.properties.keys(), ...Object.keys(options.properties ?? {})]),
    (name) => valueOf(name, options.properties?.[name], vocabulary.properties.get(name) ?? []),
  );
  const traits = record(new Set([...vocabulary.traits, ...Object.keys(options.traits ?? {})]), (name) =>
    valueOf(name, options.traits?.[name], vocabulary.traitValues.get(name) ?? []),
  );
  const user = fc.constantFrom(...USERS);
  const account = fc.constantFrom(...ACCOUNTS);
  return fc.oneof(
    {
      weight: 8,
      arbitrary: fc.tuple(user, fc.constantFrom(...vocabulary.events), time, properties, fc.option(account)).map(
        ([who, event, at, values, where]) =>
          (id: string) =>
            track(who, event, at, values, { id, ...(where === null ? {} : { account: where }) }),
      ),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(account, traits, time, fc.option(user, { freq: 1 }))
        .map(([where, values, at, who]) => (id: string) => ({
          ...group(where, values, at, who ?? undefined),
          messageId: id,
        })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(user, traits, time)
        .map(([who, values, at]) => (id: string) => ({ ...identify(who, values, at), messageId: id })),
    },
  );
}
