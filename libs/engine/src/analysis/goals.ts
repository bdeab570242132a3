import { didYouMean } from '@rapport/rules';
import { zone as zoneOf, type Level, type ResultFrame, type Run } from '@rapport/store';
import type { Engine } from '../api.js';
import { metricsOf } from '../evaluation.js';
import { goalProgress, type Goal, type GoalProgress, type GoalStatus } from './goal.js';
import { cellOf, numberAt } from './subject-metric.js';

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
const goalsOf = (engine: Engine): readonly Goal[] => engine.config.goals ?? [];

/** What makes a goal impossible to measure: no such metric, or not for such a subject. Null when nothing does. */
function problemOf(engine: Engine, goal: Goal): string | null {
  const metrics = metricsOf(engine.plugins);
  const metric = metrics.find(({ id }) => id === goal.metric);
  const kind = kindOf(goal);
  if (!metric) {
    const known = metrics.map(({ id }) => id);
    return `no metric "${goal.metric}" is loaded.${didYouMean(goal.metric, known)}`;
  }
  return metric.subjects.includes(kind) ? null : `${goal.metric} is a metric of ${metric.subjects.join(', ')} only.`;
}
const named = (engine: Engine, goal: Goal) => {
  const metric = metricsOf(engine.plugins).find(({ id }) => id === goal.metric);
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
export function goalsFor(engine: Engine, { kind, id, asOf, metrics }: GoalSubject): readonly GoalReport[] {
  const zone = zoneOf(engine.store.zone);
  return goalsOf(engine)
    .filter((goal) => kindOf(goal) === kind && (goal.id === undefined || goal.id === id))
    .map((goal): GoalReport => {
      const problem = problemOf(engine, goal);
      const found = metrics.find(({ metric }) => metric === goal.metric);
      const value = found?.value ?? null;
      const reason = value === null ? (problem ?? found?.reason ?? NOT_EVALUATED) : null;
      return { ...named(engine, goal), kind, id, value, reason, ...goalProgress(goal, value, asOf, zone) };
    });
}

/** How far all goals are, by the latest run; in the order of `rapport.json`. Null when nothing has been evaluated yet. */
export async function goalsReport(engine: Engine): Promise<GoalsReport | null> {
  const run = await engine.store.latestRun();
  if (!run) return null;
  const frames = new Map<Kind, ResultFrame | null>();
  const goals: (GoalReport | SharedGoalReport)[] = [];
  for (const goal of goalsOf(engine)) {
    const kind = kindOf(goal);
    if (!frames.has(kind)) frames.set(kind, await resultsOf(engine, run, { kind }));
    const frame = frames.get(kind) ?? null;
    goals.push(
      kind === 'portfolio' || goal.id !== undefined
        ? singleGoal(engine, goal, frame, run)
        : sharedGoal(engine, goal, kind, frame, run),
    );
  }
  return { run: run.number, asOf: new Date(run.asOf).toISOString(), goals };
}

/** Only the columns that goals read. */
const resultsOf = (engine: Engine, run: Run, level: Level & { readonly kind: Kind }) =>
  engine.store.results(
    run.number,
    level,
    goalsOf(engine)
      .filter((goal) => kindOf(goal) === level.kind)
      .flatMap(({ metric }) => [metric, `${metric}.reason`]),
  );

function singleGoal(engine: Engine, goal: Goal, frame: ResultFrame | null, run: Run): GoalReport {
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
    ...named(engine, goal),
    kind,
    id,
    value,
    reason: value === null ? (problemOf(engine, goal) ?? unknown) : null,
    ...goalProgress(goal, value, run.asOf, zoneOf(engine.store.zone)),
  };
}

function sharedGoal(
  engine: Engine,
  goal: Goal,
  kind: 'account' | 'user',
  frame: ResultFrame | null,
  run: Run,
): SharedGoalReport {
  const zone = zoneOf(engine.store.zone);
  const statuses = { reached: 0, missed: 0, 'on-track': 0, behind: 0, unknown: 0 };
  frame?.subjects.forEach((_, row) => {
    statuses[goalProgress(goal, numberAt(frame, goal.metric, row), run.asOf, zone).status]++;
  });
  const reason = problemOf(engine, goal) ?? (frame === null ? NOT_EVALUATED : null);
  return { ...named(engine, goal), kind, subjects: frame?.subjects.length ?? 0, statuses, reason };
}
