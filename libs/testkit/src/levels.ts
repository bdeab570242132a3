import type { EventStore } from '@rapport/store';
import { answersOf } from './answers.js';
import { type Asked, familyOf } from './asked.js';
import { type Call, messagesOf } from './call.js';
import type { Answers } from './contract.js';
import type { Report } from './finding.js';
import type { Scene, SubjectLevel, Workspace } from './scene.js';
import { GROUP, type Trial, zoneNamed } from './trial.js';

/** A metric's answers at one level. */
export interface LevelAnswers {
  readonly level: SubjectLevel;
  readonly answers: Answers;
}

/** A metric that is being tried. */
export interface Candidate {
  readonly metric: Asked;
  readonly workspace: Workspace;
  readonly report: Report;
  /** Set once an answer has looked at the exact instant. */
  looksAtInstant: boolean;
}

const levelsOf = ({ definition }: Asked): readonly SubjectLevel[] =>
  definition.subjects.flatMap((kind): readonly SubjectLevel[] =>
    kind === 'portfolio' ? [{ kind }, { kind, by: GROUP }] : [{ kind }],
  );

/** A store's data as of an instant. Close its snapshot. */
export async function sceneOf(
  candidate: Candidate,
  trial: Trial,
  store: EventStore,
  asOf = trial.asOf,
): Promise<Scene> {
  const { workspace, report } = candidate;
  const onInstant = () => {
    candidate.looksAtInstant = true;
  };
  return { snapshot: await store.snapshot(), asOf, zone: zoneNamed(trial.zone), workspace, report, onInstant };
}

/** The answers at every level that the metric supports. */
export async function answersIn({ metric }: Candidate, scene: Scene): Promise<readonly LevelAnswers[]> {
  const all: LevelAnswers[] = [];
  for (const level of levelsOf(metric)) all.push({ level, answers: await answersOf(metric, level, scene) });
  return all;
}

/** The answers after batches have arrived one after the other, asked for after each. */
export async function answersAfter(
  candidate: Candidate,
  trial: Trial,
  store: EventStore,
  batches: readonly (readonly Call[])[],
): Promise<readonly LevelAnswers[]> {
  let last: readonly LevelAnswers[] = [];
  for (const batch of batches) {
    await store.append(messagesOf(batch));
    const scene = await sceneOf(candidate, trial, store);
    last = await answersIn(candidate, scene);
    await scene.snapshot.close();
  }
  return last;
}

const HOUR = 3_600_000;

/**
 * Half of a world's calls arrive and are evaluated some hours before `asOf` (at `asOf` itself where the metric looks at the instant: the engine then computes
 * all anew); the others arrive (with all of the first again), and only what changed is
 * evaluated anew. `whole`: every answer then; `merged`: those for accounts and users, of which only some were evaluated; null where
 * they cannot be had so: a metric that uses the portfolio's values changes with any of them.
 */
export async function answersInTwoSteps(
  candidate: Candidate,
  trial: Trial,
  store: EventStore,
): Promise<{ readonly whole: readonly LevelAnswers[]; readonly merged: readonly LevelAnswers[] | null }> {
  const { asOf, calls } = trial;
  const zone = zoneNamed(trial.zone);
  const morning = zone.startOfDay(zone.dayOf(asOf - 1)) + 1;
  const earlier = candidate.looksAtInstant ? asOf : Math.min(asOf, Math.max(morning, asOf - 6 * HOUR));
  await store.append(messagesOf(calls.filter((_, i) => i % 2 === 1)));
  const first = await sceneOf(candidate, trial, store, earlier);
  const older = await answersIn(candidate, first);
  const { state } = first.snapshot;
  await first.snapshot.close();

  await store.append(messagesOf([...calls].reverse()));
  const scene = await sceneOf(candidate, trial, store);
  try {
    const whole = await answersIn(candidate, scene);
    const family = familyOf(candidate.metric);
    const effectiveAt = family.flatMap(({ measures }) =>
      Object.values(measures).flatMap((node) => (node.node === 'spans' ? (node.spans.effectiveAt ?? []) : [])),
    );
    const changes = await scene.snapshot.changes({ state, asOf: earlier }, asOf, [...new Set(effectiveAt)]);
    if (!changes || family.some(({ usesPortfolio }) => usesPortfolio.size > 0)) return { whole, merged: null };
    const newer = await answersIn(candidate, { ...scene, only: changes });
    const merged = newer
      .map(({ level, answers }, i) => ({ level, answers: new Map([...(older[i]?.answers ?? []), ...answers]) }))
      .filter(({ level }) => level.kind !== 'portfolio');
    return { whole, merged };
  } finally {
    await scene.snapshot.close();
  }
}
