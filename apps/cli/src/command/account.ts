import {
  evidence,
  goalsFor,
  type Engine,
  type EvidenceReport,
  type GoalReport,
  type MetricValue,
  type SubjectReport,
} from '@rapport/engine';
import { exit, failure, RapportError } from '@rapport/errors';
import { count, quantity, table } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import { goalTable } from './goals.js';
import type { Outcome, Session } from './outcome.js';

export interface AccountOptions {
  readonly verbatims: boolean;
}
/** Comments to show per metric. */
const VERBATIMS = 20;

export async function account(session: Session, id: string, options: AccountOptions): Promise<Outcome> {
  return withWorkspace(requireWorkspace(session.io, session.workspace), async ({ engine }) => {
    const report = await engine.subject('account', id);
    if (report) {
      const goals = goalsFor(engine, { ...report, kind: 'account', asOf: Date.parse(report.asOf) });
      const verbatims = options.verbatims ? await verbatimsOf(engine, report) : null;
      return {
        json: { ...report, goals, ...(verbatims ? { verbatims } : {}) },
        text: [accountText(report, goals), ...(verbatims ? ['', verbatimsText(verbatims)] : [])].join('\n'),
        exitCode: exit.ok,
      };
    }
    if ((await engine.store.latestRun()) === null) {
      throw failure('RAPPORT_RUN_NONE', {});
    }
    throw new RapportError(
      'RAPPORT_ACCOUNT_NOT_FOUND',
      `the latest run knows no account "${id}"; ids are compared exactly, upper and lower case included`,
    );
  });
}

/** The comments behind each value that has some to show. */
async function verbatimsOf(engine: Engine, { id, asOf }: SubjectReport): Promise<EvidenceReport[]> {
  const found: EvidenceReport[] = [];
  for (const plugin of engine.plugins) {
    if (plugin.kind !== 'metric' || !plugin.definition.evidence) continue;
    if (!plugin.definition.subjects.includes('account')) continue;
    const metric = plugin.definition.id;
    found.push(await evidence(engine, { metric, kind: 'account', id, asOf: Date.parse(asOf), limit: VERBATIMS }));
  }
  return found;
}

export function verbatimsText(reports: readonly EvidenceReport[]): string {
  const rows = reports.flatMap(({ title, properties, items }) => {
    const [first = ''] = properties;
    return items.map(({ time, user, properties: { [first]: text = null, ...others } }) => [
      title,
      time.slice(0, 10),
      user ?? '',
      Object.entries(others)
        .map(([name, value]) => `${name} ${display(value)}`)
        .join(', '),
      typeof text === 'string' ? text : text === null ? '' : display(text),
    ]);
  });
  return rows.length === 0 ? 'No comments.' : table(['Verbatims', 'on', 'by', '', ''], rows);
}

function accountText(
  { id, run, asOf, traits, metrics, family, memberships, transitions }: SubjectReport,
  goals: readonly GoalReport[],
): string {
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
  if (family) text.push('', table(['With its subsidiaries', 'value', 'n', 'made of'], family.map(metricRow), [1, 2]));
  if (goals.length > 0) text.push('', goalTable(goals));
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
