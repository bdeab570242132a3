import { calendar } from '@rapport/sdk';
import { dayOf, instantOf, readTime, zone as zoneOf, type Zone } from '@rapport/sdk/time';
import { readKey, resolveWindow, type Properties } from '@rapport/store';
import { didYouMean } from '@rapport/rules';
import { EngineError } from '@rapport/plugin-host';
import { dateOfDay, dayOfDate } from './day.js';
import { differenceOf, summarize, type Difference, type SampleSummary } from './sample.js';
import { frameOf, metricFor, numberAt } from './subject-metric.js';
import type { MetricFailure } from '../measurement/computing.js';
import type { AnalysisSource } from './source.js';

export type CohortPeriod = 'week' | 'month' | 'quarter';
/** Cohorts by the period in which life began, or by a trait's value as of `asOf`. */
export type CohortBy = CohortPeriod | { readonly trait: string };

/** A month of life. Calendar months differ in length, which would show as a difference between cohorts. */
export const DAYS_OF_AGE = 30;
const MAX_AGES = 120;

export interface CohortOptions {
  readonly metric: string;
  /** Whose metric; default `account`. */
  readonly kind?: 'account' | 'user';
  readonly by: CohortBy;
  /** Trait with the instant at which life begins; default `signupTrait` of the workspace, else `signupAt`. */
  readonly since?: string;
  /** Months of life to look at, 1–120; default 6. */
  readonly ages?: number;
  /** Instant, epoch ms: later ages have not come yet. Traits are those known by then. */
  readonly asOf: number;
  /** Only these cohorts, by label; default all. */
  readonly cohorts?: readonly string[];
  /** Called before each instant that is evaluated, and at the end. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A cohort at one age. */
export interface CohortAge extends SampleSummary {
  /** Months of life, of 30 days: 1 is the end of the 30th day, counting the day that life began. */
  readonly age: number;
  /** Subjects that have reached the age. `n` of them have a value. */
  readonly of: number;
}
export interface Cohort {
  /** `2024-W05`, `2024-02`, `2024-Q1`, or the trait's value as text; '' for those without the trait. */
  readonly cohort: string;
  readonly size: number;
  readonly ages: readonly CohortAge[];
}
export interface CohortTable {
  readonly metric: string;
  readonly title: string;
  readonly unit: string;
  /** `id@version`. */
  readonly version: string;
  readonly configHash: string;
  readonly kind: 'account' | 'user';
  readonly by: CohortBy;
  readonly since: string;
  readonly asOf: string;
  readonly daysOfAge: number;
  /** Ascending by label. */
  readonly cohorts: readonly Cohort[];
  /** Subjects in no cohort, because the trait `since` is not set or is no instant before `asOf`. */
  readonly withoutStart: number;
  readonly failures: readonly MetricFailure[];
}

interface Member {
  readonly id: string;
  readonly cohort: string;
  /** Epoch day on which life began. */
  readonly began: number;
}

/**
 * A metric by month of life, for cohorts of accounts or users: how did those who signed up in March do in their second month, compared with those of April?
 *
 * Exact: a subject of signup day s is evaluated as of the end of day s + 30·k − 1, that is `startOfDay(s + 30·k)`, for each age k that it has reached. A metric over
 * the last 30 days is then one over precisely its k-th month. Every instant is evaluated once, for the subjects that need it alone.
 *
 * Throws `RAPPORT_EVALUATE_METRIC`, `RAPPORT_ANALYSIS_SUBJECT`, `RAPPORT_ANALYSIS_OPTION`, `RAPPORT_ANALYSIS_TRAIT`, `RAPPORT_ANALYSIS_COHORT`.
 */
export async function cohorts(source: AnalysisSource, options: CohortOptions): Promise<CohortTable> {
  const { kind = 'account', by, ages = 6, asOf } = options;
  const since = options.since ?? source.config.signupTrait ?? 'signupAt';
  const metric = metricFor(source.plugins, options.metric, kind);
  if (!Number.isInteger(ages) || ages < 1 || ages > MAX_AGES)
    throw new EngineError('RAPPORT_ANALYSIS_OPTION', `ages must be a whole number from 1 to ${String(MAX_AGES)}.`);
  const zone = zoneOf(source.store.zone);
  const { members, without } = await membersOf(source, { kind, by, since, asOf, zone });
  const wanted = wantedCohorts(members, options.cohorts);

  const due = new Map<number, { readonly member: Member; readonly age: number }[]>();
  const reached = new Map<string, number>();
  const key = (cohort: string, age: number) => `${String(age)} ${cohort}`;
  for (const member of members) {
    if (!wanted.has(member.cohort)) continue;
    for (let age = 1; age <= ages; age++) {
      const instant = zone.startOfDay(member.began + DAYS_OF_AGE * age);
      if (instant > asOf) break;
      const at = due.get(instant) ?? [];
      at.push({ member, age });
      due.set(instant, at);
      reached.set(key(member.cohort, age), (reached.get(key(member.cohort, age)) ?? 0) + 1);
    }
  }

  const samples = new Map<string, number[]>();
  const failures = new Map<string, MetricFailure>();
  let done = 0;
  for (const [instant, at] of [...due].sort(([a], [b]) => a - b)) {
    options.onProgress?.(done++, due.size);
    const evaluation = await source.evaluate({
      asOf: instant,
      levels: [{ kind }],
      metrics: [options.metric],
      subjects: at.map(({ member }) => member.id),
    });
    for (const failure of evaluation.failures) addFailure(failures, failure);
    const frame = frameOf(evaluation, kind);
    if (!frame) continue;
    const rows = new Map(frame.subjects.map((subject, row) => [subject, row]));
    for (const { member, age } of at) {
      const value = numberAt(frame, options.metric, rows.get(member.id) ?? -1);
      if (value === null) continue;
      const sample = samples.get(key(member.cohort, age)) ?? [];
      sample.push(value);
      samples.set(key(member.cohort, age), sample);
    }
  }
  options.onProgress?.(due.size, due.size);

  const sizes = new Map<string, number>();
  for (const { cohort } of members) sizes.set(cohort, (sizes.get(cohort) ?? 0) + 1);
  const { definition, version, configHash } = metric;
  return {
    metric: definition.id,
    title: definition.title,
    unit: definition.unit,
    version: `${definition.id}@${version}`,
    configHash,
    kind,
    by,
    since,
    asOf: new Date(asOf).toISOString(),
    daysOfAge: DAYS_OF_AGE,
    cohorts: [...wanted].sort().map((cohort) => ({
      cohort,
      size: sizes.get(cohort) ?? 0,
      ages: Array.from({ length: ages }, (_, i) => ({
        age: i + 1,
        of: reached.get(key(cohort, i + 1)) ?? 0,
        ...summarize(samples.get(key(cohort, i + 1)) ?? []),
      })),
    })),
    withoutStart: without,
    failures: [...failures.values()],
  };
}

export interface CohortComparison {
  readonly metric: string;
  readonly unit: string;
  readonly first: string;
  readonly second: string;
  /** Ages that both have reached. */
  readonly ages: readonly (Difference & {
    readonly age: number;
    readonly first: CohortAge;
    readonly second: CohortAge;
  })[];
}

/**
 * How much higher the second cohort's mean is than the first's at the same age, with Welch's 95 % interval. "Did the new onboarding help?" compares last quarter's
 * customers with this quarter's.
 *
 * Throws `RAPPORT_ANALYSIS_COHORT` for a cohort that the table does not have.
 */
export function compareCohorts(table: CohortTable, first: string, second: string): CohortComparison {
  const [one, two] = [first, second].map((label) => table.cohorts.find(({ cohort }) => cohort === label));
  if (!one || !two)
    throw unknownCohort(
      one ? second : first,
      table.cohorts.map(({ cohort }) => cohort),
    );
  return {
    metric: table.metric,
    unit: table.unit,
    first,
    second,
    ages: one.ages.flatMap((cell, i) => {
      const other = two.ages[i];
      return other && cell.of > 0 && other.of > 0
        ? [{ age: cell.age, ...differenceOf(cell, other), first: cell, second: other }]
        : [];
    }),
  };
}

async function membersOf(
  source: AnalysisSource,
  {
    kind,
    by,
    since,
    asOf,
    zone,
  }: {
    readonly kind: 'account' | 'user';
    readonly by: CohortBy;
    readonly since: string;
    readonly asOf: number;
    readonly zone: Zone;
  },
): Promise<{ readonly members: readonly Member[]; readonly without: number }> {
  const snapshot = await source.store.snapshot();
  let traits: ReadonlyMap<string, Properties>;
  try {
    const names = await snapshot.traitNames(kind);
    for (const trait of [since, ...(typeof by === 'string' ? [] : [by.trait])]) {
      if (!names.includes(trait))
        throw new EngineError(
          'RAPPORT_ANALYSIS_TRAIT',
          `no ${kind} has a trait "${trait}".${didYouMean(trait, names)} There are: ${names.slice(0, 50).join(', ') || 'none'}.`,
        );
    }
    traits = await snapshot.traits(kind, asOf);
  } finally {
    await snapshot.close();
  }
  const members: Member[] = [];
  let without = 0;
  for (const [id, known] of traits) {
    const own = (name: string) => (Object.hasOwn(known, name) ? known[name] : undefined);
    const start = readTime(own(since), zone);
    if (start === null || instantOf(start, zone) >= asOf) {
      without++;
      continue;
    }
    const began = dayOf(start, zone);
    members.push({
      id,
      began,
      cohort: typeof by === 'string' ? periodOf(began, by, zone) : (readKey(own(by.trait)) ?? ''),
    });
  }
  return { members, without };
}

function wantedCohorts(members: readonly Member[], asked: readonly string[] | undefined): ReadonlySet<string> {
  const known = new Set(members.map(({ cohort }) => cohort));
  const unknown = asked?.find((cohort) => !known.has(cohort));
  if (unknown !== undefined) throw unknownCohort(unknown, [...known].sort());
  return asked ? new Set(asked) : known;
}

function unknownCohort(label: string, known: readonly string[]): EngineError {
  return new EngineError(
    'RAPPORT_ANALYSIS_COHORT',
    `there is no cohort "${label.slice(0, 200)}".${didYouMean(label, known)} There are: ${
      known
        .slice(-50)
        .map((cohort) => (cohort === '' ? '"" (without the trait)' : cohort))
        .join(', ') || 'none'
    }.`,
  );
}

/** Label of the period that an epoch day lies in. */
function periodOf(day: number, period: CohortPeriod, zone: Zone): string {
  const window = resolveWindow(calendar(period), zone.startOfDay(day + 1), zone);
  const first = window.kind === 'days' ? (window.from ?? day) : day;
  const [year = '', month = ''] = dateOfDay(first).split('-');
  switch (period) {
    case 'month':
      return `${year}-${month}`;
    case 'quarter':
      return `${year}-Q${String(Math.ceil(Number(month) / 3))}`;
    case 'week': {
      // ISO 8601: a week belongs to the year that has its Thursday.
      const thursday = first + 3;
      const [weekYear = ''] = dateOfDay(thursday).split('-');
      const week = Math.floor((thursday - (dayOfDate(`${weekYear}-01-01`) ?? thursday)) / 7) + 1;
      return `${weekYear}-W${String(week).padStart(2, '0')}`;
    }
  }
}

function addFailure(failures: Map<string, MetricFailure>, failure: MetricFailure): void {
  const key = `${failure.metric} ${failure.code}`;
  const known = failures.get(key);
  failures.set(key, known ? { ...known, subjects: known.subjects + failure.subjects } : failure);
}
