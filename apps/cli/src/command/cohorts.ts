import {
  cohorts,
  compareCohorts,
  type CohortBy,
  type CohortComparison,
  type CohortTable,
  type Interval,
} from '@rapport/engine';
import { asOfInstant, checkTime, describeAsOf } from '../as-of.js';
import { exit, RapportError } from '@rapport/errors';
import { progress } from '../progress.js';
import { count, quantity, table } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import { signed } from './goals.js';
import type { Outcome, Session } from './outcome.js';

export interface CohortsOptions {
  readonly by: string;
  readonly ages: number;
  readonly compare?: string;
  readonly since?: string;
  readonly users: boolean;
  readonly asOf?: string;
}

export async function cohortTable(session: Session, metric: string, options: CohortsOptions): Promise<Outcome> {
  const { io } = session;
  const pair = options.compare?.split(',') ?? [];
  if (options.compare !== undefined && pair.length !== 2)
    throw new RapportError('RAPPORT_USAGE', '--compare takes two cohorts, as in 2024-Q3,2024-Q4');
  // A slip of the pen is told before anything is opened.
  if (options.asOf !== undefined) checkTime(options.asOf);
  return withWorkspace(requireWorkspace(io, session.workspace), async ({ engine }) => {
    const { zone } = engine.store;
    const asOf =
      options.asOf === undefined
        ? ((await engine.store.latestRun())?.asOf ?? io.now())
        : asOfInstant(options.asOf, zone);
    let bar: ReturnType<typeof progress> | undefined;
    try {
      const found = await cohorts(engine, {
        metric,
        kind: options.users ? 'user' : 'account',
        by: cohortBy(options.by),
        ages: options.ages,
        asOf,
        ...(options.since === undefined ? {} : { since: options.since }),
        ...(pair.length === 2 ? { cohorts: pair } : {}),
        onProgress(done, total) {
          bar ??= progress(io, total, { quiet: session.json, unit: 'days' });
          bar.update(done, done);
        },
      });
      const [first, second] = pair;
      const comparison = first === undefined || second === undefined ? null : compareCohorts(found, first, second);
      return {
        json: { ...found, ...(comparison ? { comparison } : {}) },
        text: [cohortText(found, zone), ...(comparison ? ['', comparisonText(comparison)] : [])].join('\n'),
        exitCode: exit.ok,
      };
    } finally {
      bar?.stop();
    }
  });
}

const cohortBy = (text: string): CohortBy =>
  text === 'week' || text === 'month' || text === 'quarter' ? text : { trait: text.slice('trait:'.length) };

const half = (interval: Interval | null, unit: string) =>
  interval === null ? '' : ` ±${quantity((interval[1] - interval[0]) / 2, unit)}`;

export function cohortText(found: CohortTable, zone: string): string {
  const { title, unit, kind, by, since, cohorts: all, withoutStart, failures } = found;
  const asOf = describeAsOf(Date.parse(found.asOf), zone);
  const ages = all[0]?.ages.map(({ age }) => age) ?? [];
  const rows = all.map(({ cohort, size, ages: cells }) => [
    cohort === '' ? '(none)' : cohort,
    count(size),
    ...cells.map(({ of, n, mean, interval }) =>
      of === 0
        ? ''
        : mean === null
          ? `— (0/${count(of)})`
          : `${quantity(mean, unit)}${half(interval, unit)} (${count(n)})`,
    ),
  ]);
  const text = [
    `${title} of ${kind}s by ${typeof by === 'string' ? `${by} of ${since}` : by.trait}, as of ${asOf}`,
    '',
    rows.length === 0
      ? `No ${kind} has the trait ${since} by then.`
      : table(['Cohort', `${kind}s`, ...ages.map((age) => `month ${age}`)], rows, ages.map((_, i) => i + 2).concat(1)),
    '',
    `Mean ± 95 % interval (number with a value) at the end of each month of life, of 30 days.`,
  ];
  if (withoutStart > 0) text.push(`${count(withoutStart)} ${kind}s are in no cohort: their ${since} is not known.`);
  for (const { metric, code, message } of failures) text.push(`${metric}: ${code} ${message}`);
  return text.join('\n');
}

export function comparisonText({ unit, first, second, ages }: CohortComparison): string {
  if (ages.length === 0) return `${first} and ${second} have no age in common yet.`;
  const verdict = (interval: Interval | null) => {
    if (interval === null) return 'too few to tell';
    if (interval[0] > 0) return 'higher';
    return interval[1] < 0 ? 'lower' : 'no clear difference';
  };
  return table(
    ['Month', first, second, 'difference', '95 % interval', `${second} is`],
    ages.map(({ age, first: one, second: two, difference, interval }) => [
      String(age),
      `${quantity(one.mean, unit)} (${count(one.n)})`,
      `${quantity(two.mean, unit)} (${count(two.n)})`,
      signed(difference, unit),
      interval === null ? '' : `${signed(interval[0], unit)} … ${signed(interval[1], unit)}`,
      verdict(interval),
    ]),
    [0, 1, 2, 3, 4],
  );
}
