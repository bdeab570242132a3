import { valueAt, type ResultFrame } from '@rapport/store';
import {
  EngineError,
  goalsFor,
  type Engine,
  type Evaluation,
  type GoalReport,
  type LoadedPlugin,
  type MetricFailure,
  type RunReport,
} from '@rapport/engine';
import { daysIn, type Duration } from '@rapport/sdk';
import { addDays, dateOf, zone as zoneOf } from '@rapport/sdk/time';
import { asOfInstant, checkTime, describeAsOf } from '../as-of.js';
import { exit } from '@rapport/errors';
import { count, elapsed, quantity, table } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import { goalTable } from './goals.js';
import type { Outcome, Session } from './outcome.js';
import { segmentSizes, segmentTable, type SegmentSize } from './segments.js';

/** Whose change makes a mover. */
const MOVER_METRIC = 'customer-engagement-score';

export interface EvaluateCommandOptions {
  readonly asOf?: string;
  readonly compare: string;
  readonly dryRun: boolean;
  readonly movers: number;
}
export interface PortfolioValue {
  readonly metric: string;
  readonly title: string;
  readonly unit: string;
  readonly value: number | null;
  readonly reason: string | null;
  readonly n: number | null;
  readonly parts: Readonly<Record<string, unknown>>;
}
/** A metric over all accounts that have a value for it. */
export interface AccountSummary {
  readonly metric: string;
  readonly title: string;
  readonly unit: string;
  readonly accounts: number;
  readonly median: number | null;
  readonly max: number | null;
}
export interface Mover {
  readonly account: string;
  readonly before: number | null;
  readonly after: number | null;
  readonly change: number;
}
export interface EvaluateReport {
  readonly workspace: string;
  readonly asOf: string;
  readonly timeZone: string;
  /** Null when nothing was written: in a dry run, or for an instant before the latest run's. */
  readonly run: number | null;
  /** The latest run, when that was of a later instant; otherwise null. */
  readonly earlierThanRun: number | null;
  readonly accounts: number;
  readonly portfolio: readonly PortfolioValue[];
  readonly perAccount: readonly AccountSummary[];
  /** Those of the portfolio; "rapport goals" shows all. */
  readonly goals: readonly GoalReport[];
  /** Empty when nothing was written. */
  readonly segments: readonly SegmentSize[];
  readonly transitions: { readonly entered: number; readonly left: number; readonly baseline: number };
  /** What was taken as found, so that nothing is sent for it, and why. */
  readonly baselines: RunReport['baselines'];
  readonly deliveries: number;
  readonly movers: { readonly metric: string; readonly comparedTo: string; readonly accounts: readonly Mover[] };
  readonly failures: readonly MetricFailure[];
  /** What was not as it should be, and how it was gone about. */
  readonly warnings: Evaluation['warnings'];
  readonly segmentErrors: RunReport['segmentErrors'];
  /** The latest event that was stored, whenever it was; null without any. */
  readonly newestEvent: string | null;
  readonly seconds: number;
}

/** Longer without an event than a weekend, and most questions are about another time. */
const QUIET_MS = 2 * 86_400_000;

export async function evaluate(session: Session, options: EvaluateCommandOptions): Promise<Outcome> {
  const compareDays = daysIn(options.compare as Duration);
  if (options.asOf !== undefined) checkTime(options.asOf);
  return withWorkspace(requireWorkspace(session.io, session.workspace), async ({ engine }) => {
    const zone = engine.store.zone;
    const asOf = options.asOf === undefined ? session.io.now() : asOfInstant(options.asOf, zone);
    const report = await evaluateReport(engine, { asOf, compareDays, dryRun: options.dryRun, movers: options.movers });
    const json = { ...report, refused: engine.refused };
    return { json, text: evaluateText(report, engine, asOf), exitCode: exit.ok };
  });
}

export async function evaluateReport(
  engine: Engine,
  { asOf, compareDays, dryRun, movers }: { asOf: number; compareDays: number; dryRun: boolean; movers: number },
): Promise<EvaluateReport> {
  const started = performance.now();
  const zone = engine.store.zone;
  const run = dryRun ? null : await runUnlessOlder(engine, asOf);
  const standing = dryRun || run ? null : ((await engine.store.latestRun())?.number ?? null);
  const evaluation = run?.evaluation ?? (await engine.evaluate({ asOf }));
  const before = addDays(asOf, -compareDays, zoneOf(zone));
  const accounts = accountFrame(evaluation);
  const comparable = engine.plugins.some((plugin) => plugin.kind === 'metric' && plugin.manifest.id === MOVER_METRIC);
  const earlier = comparable
    ? await engine.evaluate({ asOf: before, levels: [{ kind: 'account' }], metrics: [MOVER_METRIC] })
    : null;
  const transitions = run?.transitions ?? [];
  const portfolio = portfolioValues(engine.plugins, evaluation);
  const { to: newest } = await engine.stats();
  return {
    workspace: engine.config.workspace,
    newestEvent: newest === null ? null : new Date(newest).toISOString(),
    asOf: new Date(asOf).toISOString(),
    timeZone: zone,
    run: run?.run.number ?? null,
    earlierThanRun: standing,
    accounts: accounts?.subjects.length ?? 0,
    portfolio,
    perAccount: accountSummaries(engine.plugins, accounts),
    goals: goalsFor(engine, { kind: 'portfolio', id: '', asOf, metrics: portfolio }),
    segments: run ? await segmentSizes(engine) : [],
    transitions: {
      entered: transitions.filter((t) => t.change === 'enter' && !t.baseline).length,
      left: transitions.filter((t) => t.change === 'exit' && !t.baseline).length,
      baseline: transitions.filter((t) => t.baseline).length,
    },
    baselines: run?.baselines ?? [],
    deliveries: run?.deliveries ?? 0,
    movers: {
      metric: MOVER_METRIC,
      comparedTo: new Date(before).toISOString(),
      accounts: earlier ? moversBetween(accountFrame(earlier), accounts, movers) : [],
    },
    failures: evaluation.failures,
    warnings: evaluation.warnings,
    segmentErrors: run?.segmentErrors ?? [],
    seconds: Math.round(performance.now() - started) / 1000,
  };
}

/** A run never goes back in time: null for an instant before the latest run's, which is only looked at. */
const runUnlessOlder = (engine: Engine, asOf: number): Promise<RunReport | null> =>
  engine.run({ asOf }).catch((error: unknown) => {
    if (error instanceof EngineError && error.code === 'RAPPORT_RUN_OLDER') return null;
    throw error;
  });

const accountFrame = (evaluation: Evaluation) => evaluation.frames.find((frame) => frame.level.kind === 'account');

type MetricPlugin = Extract<LoadedPlugin, { kind: 'metric' }>;
const metricsFor = (plugins: readonly LoadedPlugin[], subject: 'account' | 'portfolio'): MetricPlugin[] =>
  plugins
    .filter(
      (plugin): plugin is MetricPlugin => plugin.kind === 'metric' && plugin.definition.subjects.includes(subject),
    )
    .sort((a, b) => (a.manifest.id < b.manifest.id ? -1 : 1));

function cell(frame: ResultFrame | undefined, name: string, i: number): unknown {
  const column = frame && Object.hasOwn(frame.columns, name) ? frame.columns[name] : undefined;
  const value = column ? valueAt(column, i) : null;
  return value instanceof Map ? Object.fromEntries(value) : value;
}
const asNumber = (value: unknown) => (typeof value === 'number' ? value : null);

function portfolioValues(plugins: readonly LoadedPlugin[], evaluation: Evaluation): PortfolioValue[] {
  const frame = evaluation.frames.find(({ level }) => level.kind === 'portfolio' && level.by === undefined);
  const i = frame?.subjects.indexOf('') ?? -1;
  return metricsFor(plugins, 'portfolio').map(({ definition: { id, title, unit, parts } }) => ({
    metric: id,
    title,
    unit,
    value: asNumber(cell(frame, id, i)),
    reason: (cell(frame, `${id}.reason`, i) as string | null) ?? null,
    n: asNumber(cell(frame, `${id}.n`, i)),
    parts: Object.fromEntries(Object.keys(parts).map((part) => [part, cell(frame, `${id}.${part}`, i) ?? null])),
  }));
}

function accountSummaries(plugins: readonly LoadedPlugin[], frame: ResultFrame | undefined): AccountSummary[] {
  return metricsFor(plugins, 'account').map(({ definition: { id, title, unit } }) => {
    const column = frame && Object.hasOwn(frame.columns, id) ? frame.columns[id] : undefined;
    const values =
      column?.type === 'number' ? column.values.filter((_, i) => column.valid[i] === 1).sort() : new Float64Array();
    const middle = values.length / 2;
    const at = (i: number) => values[i] ?? null;
    const median =
      values.length % 2 === 1
        ? at(Math.floor(middle))
        : values.length === 0
          ? null
          : ((at(middle - 1) ?? 0) + (at(middle) ?? 0)) / 2;
    return { metric: id, title, unit, accounts: values.length, median, max: at(values.length - 1) };
  });
}

/** Accounts whose score changed most, up or down; one without a score before or after counts from 0. Ties by account. */
export function moversBetween(before: ResultFrame | undefined, after: ResultFrame | undefined, limit: number): Mover[] {
  const known = new Map(before?.subjects.map((subject, i) => [subject, asNumber(cell(before, MOVER_METRIC, i))]));
  const movers = (after?.subjects ?? []).map((account, i): Mover => {
    const [old, now] = [known.get(account) ?? null, asNumber(cell(after, MOVER_METRIC, i))];
    return { account, before: old, after: now, change: (now ?? 0) - (old ?? 0) };
  });
  return movers
    .filter(({ change }) => change !== 0)
    .sort((a, b) => Math.abs(b.change) - Math.abs(a.change) || (a.account < b.account ? -1 : 1))
    .slice(0, limit);
}

/** That the data ends long before the instant evaluated, where it does: most of what is shown is 0 then. */
function quietText({ newestEvent, timeZone }: EvaluateReport, asOf: number): readonly string[] {
  const newest = Date.parse(newestEvent ?? '');
  if (!(asOf - newest > QUIET_MS)) return [];
  const zone = zoneOf(timeZone);
  const [last, days] = [zone.dayOf(newest), zone.dayOf(asOf - 1) - zone.dayOf(newest)];
  return [
    `The newest event is of ${dateOf(last)} (${timeZone}), ${count(days)} days before. To see the data as it was then: rapport evaluate --as-of ${dateOf(last)}`,
  ];
}

export function evaluateText(report: EvaluateReport, engine: Engine, asOf: number): string {
  const zone = report.timeZone;
  const text = [
    `${report.run === null ? 'Computed' : `Run ${report.run}`} as of ${describeAsOf(asOf, zone)}: ${count(report.accounts)} accounts, ${elapsed(report.seconds * 1000)}.`,
  ];
  if (report.accounts === 0) text.push('No account is known by then: import events first, or choose a later --as-of.');
  text.push(...quietText(report, asOf));
  text.push(
    '',
    table(
      ['Portfolio', 'value', 'n', ''],
      report.portfolio.map(({ title, value, unit, n, reason }) => [
        title,
        quantity(value, unit),
        n === null ? '' : count(n),
        reason ?? '',
      ]),
      [1, 2],
    ),
    '',
    table(
      ['Per account', 'accounts', 'median', 'max'],
      report.perAccount.map(({ title, unit, accounts, median, max }) => [
        title,
        count(accounts),
        quantity(median, unit),
        quantity(max, unit),
      ]),
      [1, 2, 3],
    ),
  );
  if (report.goals.length > 0) text.push('', goalTable(report.goals));
  if (report.run === null) {
    const why = report.earlierThanRun === null ? '' : ` run ${report.earlierThanRun} is of a later instant, so`;
    text.push('', `Nothing was written:${why} segments and playbooks were left as they are.`);
  } else if (report.segments.length > 0) text.push('', segmentTable(report.segments));
  const { entered, left, baseline } = report.transitions;
  if (entered + left + baseline > 0) {
    text.push(
      '',
      `${count(entered)} entered, ${count(left)} left${baseline > 0 ? `, ${count(baseline)} taken as found` : ''}; ${count(report.deliveries)} deliveries queued.`,
    );
  }
  for (const { definition, transitions, text: why } of report.baselines)
    text.push(`  ${definition}: ${count(transitions)} taken as found, nothing is sent, as ${why ?? 'it is new'}.`);
  const movers = report.movers.accounts;
  if (movers.length > 0) {
    const signed = (change: number) => `${change > 0 ? '+' : ''}${quantity(change, 'points')}`;
    text.push(
      '',
      table(
        [
          `Movers since ${describeAsOf(Date.parse(report.movers.comparedTo), zone).replace(/ \(.*\)$/, '')}`,
          'before',
          'now',
          'change',
        ],
        movers.map(({ account, before, after, change }) => [
          account,
          quantity(before, 'points'),
          quantity(after, 'points'),
          signed(change),
        ]),
        [1, 2, 3],
      ),
      `By ${report.movers.metric}; "rapport account ${movers[0]?.account ?? 'ID'}" shows what it is made of.`,
    );
  }
  for (const { code, message } of report.warnings) text.push('', `${code}: ${message}`);
  for (const failure of report.failures)
    text.push(
      '',
      `${failure.metric} failed for ${count(failure.subjects)} subjects: ${failure.code} ${failure.message}`,
    );
  for (const { segment, message } of report.segmentErrors) text.push('', `${segment}: ${message}`);
  if (engine.refused.length > 0) text.push('', ...refusedText(engine.refused));
  return text.join('\n');
}

const MOST_REFUSED = 10;

/** What was refused, by name and reason; of many the first. */
function refusedText(refused: Engine['refused']): readonly string[] {
  const more = refused.length - MOST_REFUSED;
  return [
    `${count(refused.length)} refused, and so not part of this:`,
    ...refused.slice(0, MOST_REFUSED).map(({ code, message }) => `  ${message} (${code})`),
    ...(more > 0 ? [`  and ${count(more)} more: see "rapport plugins"`] : []),
  ];
}
