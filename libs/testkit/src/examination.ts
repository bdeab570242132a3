import { disagreement, objection } from './agreement.js';
import { named } from './answers.js';
import type { Asked } from './asked.js';
import { type Call, instantOf } from './call.js';
import { type Answers, show } from './contract.js';
import type { Breach, FindingCode, Report } from './finding.js';
import { answersAfter, answersInTwoSteps, type Candidate, type LevelAnswers, sceneOf } from './levels.js';
import { type OracleAnswer, type OracleSubject, oracleSubjects } from './oracle-subject.js';
import type { Scene, Workspace } from './scene.js';
import { oracleStore, type TrialStore } from './stores.js';
import { renamed, type Trial } from './trial.js';

/** What the metric must answer, from raw events. */
export type MetricOracle = (subject: OracleSubject, config: Readonly<Record<string, unknown>>) => OracleAnswer;

/** Ways for calls to arrive that must not matter. */
const ARRIVALS: readonly {
  readonly code: FindingCode;
  readonly how: string;
  readonly batches: (past: readonly Call[], future: readonly Call[]) => readonly (readonly Call[])[];
}[] = [
  {
    code: 'RAPPORT_CONFORMANCE_ORDER',
    how: 'when the calls arrive in another order',
    batches: (past) => [[...past].reverse()],
  },
  { code: 'RAPPORT_CONFORMANCE_DUPLICATE', how: 'when every call arrives twice', batches: (past) => [past, past] },
  {
    code: 'RAPPORT_CONFORMANCE_LATE',
    how: 'when half of the calls arrive late',
    batches: (past) => [past.filter((_, i) => i % 2 === 1), past.filter((_, i) => i % 2 === 0)],
  },
  {
    code: 'RAPPORT_CONFORMANCE_FUTURE',
    how: 'when calls from asOf on are there as well',
    batches: (past, future) => [[...future, ...past]],
  },
];

/** What a metric does wrong in one world, on the oracle's store. */
export async function examine(
  metric: Asked,
  trial: Trial,
  workspace: Workspace,
  oracle: MetricOracle | undefined,
): Promise<readonly Breach[]> {
  const [breaches, report] = collection();
  const candidate: Candidate = { metric, workspace, report, looksAtInstant: false };
  const { past, future } = timesOf(trial);
  const { store } = await oracleStore.open(trial);
  const onTime = await answersAfter(candidate, trial, store, [past]);
  if (breaches.size > 0) return [...breaches.values()];

  checkNoData(candidate, trial, onTime);
  if (oracle) await askOracle(candidate, oracle, onTime, await sceneOf(candidate, trial, store), past);
  const compare = (code: FindingCode, how: string, others: readonly LevelAnswers[]) =>
    compareLevels(candidate, code, [onTime, 'at first'], [others, how]);
  for (const { code, how, batches } of ARRIVALS) {
    const { store: another } = await oracleStore.open(trial);
    compare(code, how, await answersAfter(candidate, trial, another, batches(past, future)));
  }
  const { merged } = await answersInTwoSteps(candidate, trial, (await oracleStore.open(trial)).store);
  if (merged) compare('RAPPORT_CONFORMANCE_INCREMENTAL', 'when only what changed is evaluated again', merged);
  await compareRenamed(candidate, trial, onTime);
  return [...breaches.values()];
}

/** What a metric answers on a store otherwise than on the oracle's, in one world. */
export async function examineOn(
  kind: TrialStore,
  metric: Asked,
  trial: Trial,
  workspace: Workspace,
): Promise<readonly Breach[]> {
  const [breaches, report] = collection();
  const candidate: Candidate = { metric, workspace, report, looksAtInstant: false };
  const { past, future } = timesOf(trial);
  const expected = await answersAfter(candidate, trial, (await oracleStore.open(trial)).store, [past]);
  const compare = (code: FindingCode, how: string, found: readonly LevelAnswers[]) =>
    compareLevels(candidate, code, [expected, 'by the oracle'], [found, `on ${kind.name}${how}`]);

  const { whole, merged } = await using(kind, trial, (store) => answersInTwoSteps(candidate, trial, store));
  compare('RAPPORT_CONFORMANCE_STORE', '', whole);
  if (!breaches.has('RAPPORT_CONFORMANCE_STORE')) {
    if (merged) compare('RAPPORT_CONFORMANCE_INCREMENTAL', ' when only what changed is evaluated again', merged);
    return [...breaches.values()];
  }
  // Everything at once went wrong: what alone would have?
  const alone = [...breaches.values()];
  breaches.clear();
  const answers = (batches: readonly (readonly Call[])[]) =>
    using(kind, trial, (store) => answersAfter(candidate, trial, store, batches));
  compare('RAPPORT_CONFORMANCE_STORE', '', await answers([past]));
  if (breaches.size > 0) return [...breaches.values()];
  for (const { code, how, batches } of ARRIVALS) compare(code, ` ${how}`, await answers(batches(past, future)));
  return breaches.size > 0 ? [...breaches.values()] : alone;
}

/** Breaches by code, the first of each. */
function collection(): readonly [Map<FindingCode, Breach>, Report] {
  const breaches = new Map<FindingCode, Breach>();
  return [
    breaches,
    (breach) => {
      if (!breaches.has(breach.code)) breaches.set(breach.code, breach);
    },
  ];
}

async function using<T>(
  kind: TrialStore,
  trial: Trial,
  use: (store: Awaited<ReturnType<TrialStore['open']>>['store']) => Promise<T>,
): Promise<T> {
  const { store, dispose } = await kind.open({ zone: trial.zone, accounts: trial.accounts });
  try {
    return await use(store);
  } finally {
    await dispose();
  }
}

function timesOf({ calls, asOf }: Trial): { readonly past: readonly Call[]; readonly future: readonly Call[] } {
  const before = (call: Call) => instantOf(call.timestamp) < asOf;
  return { past: calls.filter(before), future: calls.filter((call) => !before(call)) };
}

/** Reports the first difference at each level that both have. */
function compareLevels(
  { metric: { definition }, report }: Candidate,
  code: FindingCode,
  [expected, at]: readonly [readonly LevelAnswers[], string],
  [found, otherwise]: readonly [readonly LevelAnswers[], string],
): void {
  found.forEach(({ level, answers }, i) => {
    const other = disagreement(expected[i]?.answers ?? new Map(), answers);
    if (!other) return;
    const { subject, one, another } = other;
    const sentence = `metric "${definition.id}" for ${named(level, subject)}: ${show(one)} ${at}, ${show(another)} ${otherwise}`;
    report({ code, sentence });
  });
}

/** The same world under other names must get the same answers; a metric that remembers subjects is found out. */
async function compareRenamed(candidate: Candidate, trial: Trial, onTime: readonly LevelAnswers[]): Promise<void> {
  const { metric, report } = candidate;
  const prefix = `${String(++timesRenamed)}-`;
  const calls = timesOf(trial).past.map((call) => renamed(call, (id) => prefix + id));
  const { store } = await oracleStore.open(trial);
  const others = await answersAfter(candidate, trial, store, [calls]);
  others.forEach(({ level, answers }, i) => {
    const back = (id: string) => (level.kind === 'portfolio' ? id : id.slice(prefix.length));
    const original: Answers = new Map([...answers].map(([id, answer]) => [back(id), answer]));
    const found = disagreement(onTime[i]?.answers ?? new Map(), original);
    if (!found) return;
    const { subject, one, another } = found;
    const sentence = `metric "${metric.definition.id}" for ${named(level, subject)}: ${show(one)}, and ${show(another)} when accounts and users have other names; it must keep nothing between calls, and not depend on names`;
    report({ code: 'RAPPORT_CONFORMANCE_IMPURE', sentence });
  });
}
/** Names that no world had before. */
let timesRenamed = 0;

/** Nothing to measure is null, or a count of 0. */
function checkNoData(
  { metric: { definition }, report }: Candidate,
  { calls }: Trial,
  found: readonly LevelAnswers[],
): void {
  const silence = calls.every((call) => call.type !== 'track' && Object.keys(call.traits ?? {}).length === 0);
  const isShare = ['ratio', 'percent', 'currency'].includes(definition.unit);
  for (const { level, answers } of found) {
    for (const [id, { value, n }] of answers) {
      const what =
        silence && value !== null && value !== 0
          ? 'although nothing is known of it'
          : isShare && value !== null && n === 0
            ? 'from a sample of 0'
            : null;
      if (what === null) continue;
      const sentence = `metric "${definition.id}" for ${named(level, id)}: the value is ${show(value)}, ${what}; return noData(reason)`;
      report({ code: 'RAPPORT_CONFORMANCE_NO_DATA', sentence });
    }
  }
}

async function askOracle(
  { metric, report }: Candidate,
  oracle: MetricOracle,
  found: readonly LevelAnswers[],
  scene: Scene,
  calls: readonly Call[],
): Promise<void> {
  const sessions = new Map(
    calls.map((call) => [call.messageId, call.type === 'track' ? call.context?.sessionId : undefined]),
  );
  for (const { level, answers } of found) {
    for (const subject of await oracleSubjects(metric, level, scene, (id) => sessions.get(id) ?? null)) {
      const answer = answers.get(subject.id);
      const objected = answer ? objection(oracle(subject, metric.config), answer) : null;
      if (objected === null) continue;
      const sentence = `metric "${metric.definition.id}" for ${named(level, subject.id)}: ${objected}`;
      report({ code: 'RAPPORT_CONFORMANCE_ORACLE', sentence });
    }
  }
}
