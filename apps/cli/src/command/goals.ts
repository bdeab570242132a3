import { goalsReport, type GoalReport, type GoalsReport, type SharedGoalReport } from '@rapport/engine';
import { exit, failure } from '@rapport/errors';
import { count, quantity, table } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';

export async function goals(session: Session): Promise<Outcome> {
  return withWorkspace(requireWorkspace(session.io, session.workspace), async ({ engine }) => {
    const report = await goalsReport(engine);
    if (!report) throw failure('RAPPORT_RUN_NONE', {});
    return { json: report, text: goalsText(report), exitCode: exit.ok };
  });
}

export function goalsText({ run, asOf, goals: all }: GoalsReport): string {
  if (all.length === 0) return 'There are no goals: "goals" of rapport.json takes them (docs/trends-goals-cohorts.md).';
  const single = all.filter((goal): goal is GoalReport => 'status' in goal);
  const shared = all.filter((goal): goal is SharedGoalReport => 'statuses' in goal);
  const text = [`Goals by run ${run}, as of ${asOf}`];
  if (single.length > 0) text.push('', goalTable(single));
  if (shared.length > 0)
    text.push(
      '',
      table(
        ['Of each', 'of', 'reached', 'on track', 'behind', 'missed', 'unknown', ''],
        shared.map(({ label, kind, subjects, statuses, reason }) => [
          label,
          `${count(subjects)} ${kind}s`,
          ...[statuses.reached, statuses['on-track'], statuses.behind, statuses.missed, statuses.unknown].map(count),
          reason ?? '',
        ]),
        [2, 3, 4, 5, 6],
      ),
    );
  return text.join('\n');
}

const share = (ratio: number | null) => (ratio === null ? '—' : `${Math.round(100 * ratio)} %`);

/** Goals of one subject, or of several. */
export function goalTable(reports: readonly GoalReport[]): string {
  const rows = reports.map(({ goal, label, unit, kind, id, value, status, progress, expected, daysLeft, ...rest }) => [
    kind === 'portfolio' ? label : `${label} (${kind} ${id})`,
    quantity(value, unit),
    `${quantity(goal.target, unit)} by ${goal.by}`,
    share(progress),
    share(expected),
    status,
    count(daysLeft),
    rest.aboveBenchmark === null ? '' : signed(rest.aboveBenchmark, unit),
    rest.reason ?? '',
  ]);
  return table(
    ['Goal', 'value', 'target', 'way', 'expected', '', 'days left', 'to benchmark', ''],
    rows,
    [1, 3, 4, 6, 7],
  );
}

/** A difference with its sign. */
export const signed = (value: number | null, unit: string): string =>
  value === null ? '—' : `${value > 0 ? '+' : ''}${quantity(value, unit)}`;
