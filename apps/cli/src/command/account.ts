import type { MetricValue, SubjectReport } from '@rapport/engine';
import { exit, Failure } from '../failure.js';
import { count, quantity, table } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';

export async function account(session: Session, id: string): Promise<Outcome> {
  return withWorkspace(requireWorkspace(session.io, session.workspace), async ({ engine }) => {
    const report = await engine.subject('account', id);
    if (report) return { json: report, text: accountText(report), exitCode: exit.ok };
    if ((await engine.store.latestRun()) === null) {
      throw new Failure('RAPPORT_RUN_NONE', 'nothing was evaluated yet; "rapport evaluate" does', exit.notFound);
    }
    throw new Failure(
      'RAPPORT_ACCOUNT_NOT_FOUND',
      `the latest run knows no account "${id}"; ids are compared exactly, upper and lower case included`,
      exit.notFound,
    );
  });
}

function accountText({ id, run, asOf, traits, metrics, memberships, transitions }: SubjectReport): string {
  const text = [`Account ${id}, run ${run} as of ${asOf}`];
  const entries = Object.entries(traits);
  if (entries.length > 0)
    text.push(
      '',
      table(
        ['Trait', ''],
        entries.map(([name, value]) => [name, display(value)]),
      ),
    );
  text.push('', table(['Metric', 'value', 'n', 'made of'], metrics.map(metricRow), [1, 2]));
  if (memberships.length > 0) {
    const rows = memberships.map((m) => [m.segment, new Date(m.enteredAt).toISOString().slice(0, 10), m.reason]);
    text.push('', table(['Segment', 'since', 'because'], rows));
  }
  const moves = transitions.filter(({ baseline }) => !baseline).slice(0, 10);
  if (moves.length > 0) {
    const rows = moves.map((t) => [new Date(t.at).toISOString().slice(0, 10), t.change, t.segment, t.reason]);
    text.push('', table(['Latest moves', '', 'segment', 'because'], rows));
  }
  return text.join('\n');
}

const metricRow = ({ title, value, unit, n, reason, parts }: MetricValue): string[] => [
  title,
  quantity(value, unit),
  n === null ? '' : count(n),
  [
    ...(reason === null ? [] : [reason]),
    ...Object.entries(parts)
      .filter(([, part]) => part !== null)
      .map(([name, part]) => `${name} ${display(part)}`),
  ].join(', '),
];

const LONGEST = 60;
function display(value: unknown): string {
  if (typeof value === 'number') return quantity(value, 'ratio');
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
