import type { ConfigOf, MetricDefinition, Node, Parts } from '@rapport/sdk';
import fc from 'fast-check';
import type { TProperties } from 'typebox';
import { type Asked, asked, familyOf } from './asked.js';
import { checkedHook } from './contract.js';
import { examine, examineOn } from './examination.js';
import type { Breach, Finding, FindingCode, Report } from './finding.js';
import type { OracleAnswer, OracleSubject } from './oracle-subject.js';
import type { Workspace } from './scene.js';
import { inWords, smallest } from './shrinking.js';
import { realStores, type TrialStore } from './stores.js';
import { GROUP, type Setting, together, type Trial, trialsOf, type Values } from './trial.js';
import { emptyVocabulary, learn, learnProfile, learnScope, type Vocabulary } from './vocabulary.js';

export interface ConformanceOptions<C extends TProperties = TProperties> extends Workspace, Values {
  /** What differs from the schema's defaults. */
  readonly config?: Partial<ConfigOf<C>>;
  /** Event names besides those that the measures mention. */
  readonly events?: readonly string[];
  /** Random worlds to try; default 50. */
  readonly runs?: number;
  /** Which random worlds; default 1. */
  readonly seed?: number;
  /** What the metric must answer, from raw events: a slow and obvious loop. What it leaves out is not compared. */
  readonly oracle?: (subject: OracleSubject, config: ConfigOf<C>) => OracleAnswer;
  /** The stores to hold it against; default: DuckDB where it is installed, and MongoDB where `MONGODB_URI` is set. */
  readonly stores?: readonly TrialStore[];
  /** Hears which store is left out; default: the console, once. */
  readonly tell?: (sentence: string) => void;
}

/**
 * Tries a metric on random worlds made of the names, values and window edges that its measures mention, for every kind of subject that it
 * supports, and says in which ways it breaks its contract (`RAPPORT_CONFORMANCE_…`), each with the smallest world found in which it does. None: it
 * keeps it. In every world: inputs and metrics are read as declared, nothing is changed or kept, the answer is finite, in range, of declared parts, and the same
 * however often it is asked for, in whatever order calls arrive, early or late, once or twice, whatever comes after `asOf`; as the oracle says; the same when only
 * what changed is evaluated again; and the same on DuckDB and (with `MONGODB_URI`) MongoDB.
 *
 * Throws `RAPPORT_TESTKIT_CONFIG`, `_METRIC` and `_STORE` when it cannot be tried at all.
 */
export async function conformance<C extends TProperties, M, P extends Parts>(
  definition: MetricDefinition<C, M, P>,
  options?: ConformanceOptions<C>,
): Promise<readonly Finding[]>;
export async function conformance(
  definition: MetricDefinition,
  options: ConformanceOptions = {},
): Promise<readonly Finding[]> {
  const { runs = 50, seed = 1, oracle } = options;
  const findings = new Map<FindingCode, Finding>();
  const take = async (trial: Trial, examine: (trial: Trial) => Promise<readonly Breach[]>, budget: number) => {
    for (const { code, sentence } of await examine(trial)) {
      if (findings.has(code)) continue;
      let last = sentence;
      const again = async (smaller: Trial) => {
        const found = (await examine(smaller)).find((breach) => breach.code === code);
        last = found?.sentence ?? last;
        return found !== undefined;
      };
      const world = inWords(await smallest(trial, again, budget));
      findings.set(code, { code, sentence: last, world });
    }
  };

  const broken = new Map<FindingCode, Breach>();
  const metric = asked(definition, options.config, options, (breach) => broken.set(breach.code, breach));
  checkHooks(metric, (breach) => broken.set(breach.code, breach));
  if (broken.size > 0) return [...broken.values()].map((breach) => ({ ...breach, world: null }));

  const vocabulary = vocabularyOf(metric, options);
  const trials = [
    SILENCE,
    ...fc.sample(trialsOf(vocabulary, options, 'singles'), { numRuns: Math.ceil(runs / 20), seed }),
    ...fc.sample(trialsOf(vocabulary, options), { numRuns: runs, seed }),
  ];
  for (const trial of trials) await take(trial, (smaller) => examine(metric, smaller, options, oracle), 300);
  if (findings.size > 0) return [...findings.values()];

  // Opening a store costs more than a world: many small worlds share one.
  const stores = options.stores ?? (await realStores(options.tell ?? tellOnce));
  for (const [i, setting] of SETTINGS.entries()) {
    const many = fc.sample(trialsOf(vocabulary, options, 'few', setting), {
      numRuns: Math.min(runs, 12),
      seed: seed + i,
    });
    for (const store of stores) await take(together(many), (smaller) => examineOn(store, metric, smaller, options), 40);
  }
  return [...findings.values()];
}

/** A known account and user of whom nothing else is known. */
const SILENCE: Trial = {
  zone: 'UTC',
  accounts: 'groups',
  asOf: Date.UTC(2024, 2, 15),
  calls: [{ type: 'group', messageId: 'm1', timestamp: 0, groupId: 'quiet', userId: 'quiet' }],
};
const SETTINGS: readonly Setting[] = [
  { place: ['Europe/Berlin', '2024-03-31'], later: 2, into: 0, accounts: 'groups' },
  { place: ['America/New_York', '2024-11-03'], later: 1, into: 47_000_000, accounts: 'users' },
];

const told = new Set<string>();
function tellOnce(sentence: string): void {
  if (told.has(sentence)) return;
  told.add(sentence);
  console.log(`Conformance of metrics: ${sentence}`);
}

/** What a metric declares beside its measures. */
function checkHooks({ definition, config }: Asked, report: Report): void {
  for (const hook of ['window', 'evidence'] as const) checkedHook(definition, hook, config, report);
  const { contributions, parts } = definition;
  if (definition.family === 'reduce' && !definition.portfolio) {
    const sentence = `metric "${definition.id}": families are to be reduced, but there is no portfolio(accounts)`;
    report({ code: 'RAPPORT_CONFORMANCE_HOOK', sentence });
  }
  if (contributions !== undefined && parts[contributions]?.type !== 'table') {
    const sentence = `metric "${definition.id}": contributions names "${contributions}", which is not a part of the type table`;
    report({ code: 'RAPPORT_CONFORMANCE_HOOK', sentence });
  }
}

const measuresOf = (metric: Asked): readonly Node[] =>
  familyOf(metric).flatMap(({ measures }) => Object.values<Node>(measures));

function vocabularyOf(metric: Asked, options: ConformanceOptions): Vocabulary {
  const vocabulary = emptyVocabulary();
  ['Opened', ...(options.events ?? [])].forEach((name) => vocabulary.events.add(name));
  vocabulary.traits.add(GROUP);
  vocabulary.traitValues.set(GROUP, new Set(['pro', 'free']));
  measuresOf(metric).forEach((node) => learn(vocabulary, node));
  Object.values(options.profiles ?? {}).forEach((classes) => learnProfile(vocabulary, classes));
  Object.values(options.scopes ?? {}).forEach((scope) => learnScope(vocabulary, scope));
  return vocabulary;
}
