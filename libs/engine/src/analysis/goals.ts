import { didYouMean } from '@rapport/rules';
import { zone as zoneOf } from '@rapport/sdk/time';
import { type Level, type ResultFrame, type Run } from '@rapport/store';
import { metricsOf } from '../measurement/evaluation.js';
import { goalProgress, type Goal, type GoalProgress, type GoalStatus } from './goal.js';
import { cellOf, numberAt } from './subject-metric.js';
import type { AnalysisSource } from './source.js';

/** A goal and how far one subject is with it. */
export interface GoalReport extends GoalProgress {
  readonly goal: Goal;
  /** The goal's label, else the metric's title. */
  readonly label: string;
  readonly unit: string;
  readonly kind: 'portfolio' | 'account' | 'user';
  readonly id: string;
  readonly value: number | null;
  /** Why there is no value: the metric's reason, or in words what is wrong with the goal. */
  readonly reason: string | null;
}
/** A goal that every account (or user) has: how many are how far. */
export interface SharedGoalReport {
  readonly goal: Goal;
  readonly label: string;
  readonly unit: string;
  readonly kind: 'account' | 'user';
  readonly subjects: number;
  readonly statuses: Readonly<Record<GoalStatus, number>>;
  /** What is wrong with the goal, in words; null when nothing is. */
  readonly reason: string | null;
}
export interface GoalsReport {
  readonly run: number;
  readonly asOf: string;
  readonly goals: readonly (GoalReport | SharedGoalReport)[];
}

const NOT_EVALUATED = 'the run did not evaluate it.';

type Kind = GoalReport['kind'];
const kindOf = ({ subject = 'portfolio' }: Goal): Kind => subject;
const goalsOf = (source: AnalysisSource): readonly Goal[] => source.config.goals ?? [];

/** What makes a goal impossible to measure: no such metric, or not for such a subject. Null when nothing does. */
function problemOf(source: AnalysisSource, goal: Goal): string | null {
  const metrics = metricsOf(source.plugins);
  const metric = metrics.find(({ id }) => id === goal.metric);
  const kind = kindOf(goal);
  if (!metric) {
    const known = metrics.map(({ id }) => id);
    return `no metric "${goal.metric}" is loaded.${didYouMean(goal.metric, known)}`;
  }
  return metric.subjects.includes(kind) ? null : `${goal.metric} is a metric of ${metric.subjects.join(', ')} only.`;
}
const named = (source: AnalysisSource, goal: Goal) => {
  const metric = metricsOf(source.plugins).find(({ id }) => id === goal.metric);
  return { goal, label: goal.label ?? metric?.title ?? goal.metric, unit: metric?.unit ?? '' };
};

/** What `goalsFor` needs of a subject: its values, by metric. */
export interface GoalSubject {
  readonly kind: Kind;
  readonly id: string;
  readonly asOf: number;
  readonly metrics: readonly {
    readonly metric: string;
    readonly value: number | null;
    readonly reason: string | null;
  }[];
}

/** How far one subject is with the goals that it has: those of its own, and those that all of its kind have. In the order of `rapport.json`. */
export function goalsFor(source: AnalysisSource, { kind, id, asOf, metrics }: GoalSubject): readonly GoalReport[] {
  const zone = zoneOf(source.store.zone);
  return goalsOf(source)
    .filter((goal) => kindOf(goal) === kind && (goal.id === undefined || goal.id === id))
    .map((goal): GoalReport => {
      const problem = problemOf(source, goal);
      const found = metrics.find(({ metric }) => metric === goal.metric);
      const value = found?.value ?? null;
      const reason = value === null ? (problem ?? found?.reason ?? NOT_EVALUATED) : null;
      return { ...named(source, goal), kind, id, value, reason, ...goalProgress(goal, value, asOf, zone) };
    });
}

/** How far all goals are, by the latest run; in the order of `rapport.json`. Null when nothing has been evaluated yet. */
export async function goalsReport(source: AnalysisSource): Promise<GoalsReport | null> {
  const run = await source.store.latestRun();
  if (!run) return null;
  const frames = new Map<Kind, ResultFrame | null>();
  const goals: (GoalReport | SharedGoalReport)[] = [];
  for (const goal of goalsOf(source)) {
    const kind = kindOf(goal);
    if (!frames.has(kind)) frames.set(kind, await resultsOf(source, run, { kind }));
    const frame = frames.get(kind) ?? null;
    goals.push(
      kind === 'portfolio' || goal.id !== undefined
        ? singleGoal(source, goal, frame, run)
        : sharedGoal(source, goal, kind, frame, run),
    );
  }
  return { run: run.number, asOf: new Date(run.asOf).toISOString(), goals };
}

/** Only the columns that goals read. */
const resultsOf = (source: AnalysisSource, run: Run, level: Level & { readonly kind: Kind }) =>
  source.store.results(
    run.number,
    level,
    goalsOf(source)
      .filter((goal) => kindOf(goal) === level.kind)
      .flatMap(({ metric }) => [metric, `${metric}.reason`]),
  );

function singleGoal(source: AnalysisSource, goal: Goal, frame: ResultFrame | null, run: Run): GoalReport {
  const kind = kindOf(goal);
  const id = goal.id ?? '';
  const row = frame?.subjects.indexOf(id) ?? -1;
  const value = frame ? numberAt(frame, goal.metric, row) : null;
  const why = frame ? cellOf(frame, `${goal.metric}.reason`, row) : null;
  const unknown =
    frame && row < 0
      ? `run ${String(run.number)} knows no ${kind} "${id}".`
      : typeof why === 'string'
        ? why
        : NOT_EVALUATED;
  return {
    ...named(source, goal),
    kind,
    id,
    value,
    reason: value === null ? (problemOf(source, goal) ?? unknown) : null,
    ...goalProgress(goal, value, run.asOf, zoneOf(source.store.zone)),
  };
}

function sharedGoal(
  source: AnalysisSource,
  goal: Goal,
  kind: 'account' | 'user',
  frame: ResultFrame | null,
  run: Run,
): SharedGoalReport {
  const zone = zoneOf(source.store.zone);
  const statuses = { reached: 0, missed: 0, 'on-track': 0, behind: 0, unknown: 0 };
  frame?.subjects.forEach((_, row) => {
    statuses[goalProgress(goal, numberAt(frame, goal.metric, row), run.asOf, zone).status]++;
  });
  const reason = problemOf(source, goal) ?? (frame === null ? NOT_EVALUATED : null);
  return { ...named(source, goal), kind, subjects: frame?.subjects.length ?? 0, statuses, reason };
}
