import { pointerToken } from '@rapport/rules';
import type { Zone } from '@rapport/sdk/time';
import { dayOfDate } from './day.js';

/** What a metric is to become, and by when; a member of `goals` in `rapport.json`. */
export interface Goal {
  readonly metric: string;
  /** Whose value; default `portfolio`. `account` or `user` without `id`: each of them has the goal. */
  readonly subject?: 'portfolio' | 'account' | 'user';
  readonly id?: string;
  /** Where it began. */
  readonly baseline: number;
  /** Day it began on, YYYY-MM-DD. */
  readonly from: string;
  /** Where it is to get, which may be below the baseline. */
  readonly target: number;
  /** Last day, YYYY-MM-DD. */
  readonly by: string;
  /** What others reach, for comparison. */
  readonly benchmark?: number;
  /** Name for people; default: the metric's title. */
  readonly label?: string;
}

const date = { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}$' } as const;
const name = { type: 'string', minLength: 1, maxLength: 500 } as const;

/** JSON Schema of `goals`. `goalProblem` checks what a schema cannot say. */
export const goalsSchema = {
  type: 'array',
  maxItems: 1000,
  items: {
    type: 'object',
    required: ['metric', 'baseline', 'from', 'target', 'by'],
    additionalProperties: false,
    properties: {
      metric: name,
      subject: { enum: ['portfolio', 'account', 'user'] },
      id: name,
      baseline: { type: 'number' },
      from: date,
      target: { type: 'number' },
      by: date,
      benchmark: { type: 'number' },
      label: name,
    },
  },
} as const;

/** What is wrong with a list of goals, with the JSON Pointer of the place; null when nothing is. Whether there is such a metric shows when plugins are loaded. */
export function goalProblem(goals: readonly Goal[]): { readonly pointer: string; readonly message: string } | null {
  for (const [i, { subject = 'portfolio', id, baseline, from, target, by }] of goals.entries()) {
    const problem = (key: string, message: string) => ({ pointer: `/${String(i)}/${pointerToken(key)}`, message });
    const [first, last] = [dayOfDate(from), dayOfDate(by)];
    if (first === null) return problem('from', `"${from}" is no day of the calendar.`);
    if (last === null) return problem('by', `"${by}" is no day of the calendar.`);
    if (last < first) return problem('by', `${by} is before ${from}, when the goal began.`);
    if (target === baseline) return problem('target', `the target is the baseline, so there is no way to go.`);
    if (id !== undefined && subject === 'portfolio')
      return problem('id', `there is one portfolio; leave "id" out, or name the "subject".`);
  }
  return null;
}

/**
 * `reached`: at the target or beyond it. `missed`: the last day is over, and it was not reached. `on-track`: at least as far as an even pace asks for. `behind`: not that far.
 * `unknown`: there is no value.
 */
export type GoalStatus = 'reached' | 'missed' | 'on-track' | 'behind' | 'unknown';

export interface GoalProgress {
  readonly status: GoalStatus;
  /** (value − baseline) ÷ (target − baseline): 0 at the baseline, 1 at the target, also for targets below it. Null without a value. */
  readonly progress: number | null;
  /** Progress at an even pace: the share of the time that has passed, 0–1. */
  readonly expected: number;
  /** Days after the last day that was seen, up to and including `by`; 0 when it is over. */
  readonly daysLeft: number;
  /** Value less benchmark; null without either. */
  readonly aboveBenchmark: number | null;
}

/** How far a goal is, for the metric's value as of an instant (epoch ms). The goal's time runs from the beginning of its first day to the end of its last. */
export function goalProgress(goal: Goal, value: number | null, asOf: number, zone: Zone): GoalProgress {
  const { baseline, target, benchmark } = goal;
  const [first, last] = [dayOfDate(goal.from) ?? 0, dayOfDate(goal.by) ?? 0];
  const [start, end] = [zone.startOfDay(first), zone.startOfDay(last + 1)];
  const expected = Math.min(1, Math.max(0, (asOf - start) / (end - start)));
  const progress = value === null ? null : (value - baseline) / (target - baseline);
  return {
    status: statusOf(goal, value, progress, expected, asOf >= end),
    progress,
    expected,
    daysLeft: Math.max(0, last - zone.dayOf(asOf - 1)),
    aboveBenchmark: value === null || benchmark === undefined ? null : value - benchmark,
  };
}

function statusOf(
  { baseline, target }: Goal,
  value: number | null,
  progress: number | null,
  expected: number,
  over: boolean,
): GoalStatus {
  if (value === null || progress === null) return 'unknown';
  // Compared as written: the progress of a value just short of the target may be rounded to 1.
  if (target > baseline ? value >= target : value <= target) return 'reached';
  if (over) return 'missed';
  return progress >= expected ? 'on-track' : 'behind';
}
