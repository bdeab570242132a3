import type { Filter, Qualification } from '@rapport/sdk';
import { asDecimal } from '@rapport/sdk/decimal';
import type { ResolvedMeasure } from '@rapport/store';
import { keyedAnswer, numberAnswer } from './answers.js';
import { grouped } from './group.js';
import { filterSql } from './predicate.js';
import type { Numbers } from './rows.js';
import { columns } from './rows.js';
import { allOf, placesSql, whole } from './sql.js';
import type { Reader, View, Want, Windows } from './view.js';
import { ownDays, scanned, windowsOf } from './view.js';

export type CountMeasure = Extract<ResolvedMeasure, { node: 'count' }>;
/** Measures that look at which users were there on which days; and counts, which may come along with them. */
export type DayMeasure =
  | CountMeasure
  | Extract<ResolvedMeasure, { node: 'series' | 'meanPerDay' }>
  | (Extract<ResolvedMeasure, { node: 'distinct' }> & { readonly of: 'user' | 'newUser' | 'day' });
type DayWant = Want<DayMeasure>;

interface Range {
  readonly from: number | null;
  readonly to: number;
}

/**
 * Answers them for all levels of one `asOf` from one table with a row per account, user and day, instead of counting distinct users once
 * per measure. Measures that only ask when a user first came, or whether ever, share a table with a row per account and user.
 */
export async function measureDays(reader: Reader, asOf: number, wants: readonly DayWant[]): Promise<void> {
  const filters = firstFilters(wants);
  const today = reader.zone.dayOf(asOf - 1);
  // A window that ends today holds those whose last day is late enough: free where first days are asked for anyway.
  const isFirst = (want: DayWant) =>
    isAboutFirsts(want) ||
    want.measure.node === 'count' ||
    (isTrailing(want, today) && filters.has(JSON.stringify(want.measure.filter)));
  const firsts = wants.filter(isFirst);
  const rest = wants.filter((want) => !isFirst(want));
  const bounded = (want: DayWant) => {
    const { window } = want.measure;
    return window.kind === 'days' && window.from !== null && !countsNewUsers(want);
  };
  await measureFirsts(reader, asOf, firsts);
  // Few days are looked at where each subject has its own.
  const scan = (want: DayWant) => {
    if (bounded(want)) return 'bounded';
    return want.measure.window.kind === 'sinceTrait' && !countsNewUsers(want) ? want.view : 'whole';
  };
  for (const group of grouped(rest, scan)) await measureTable(reader, asOf, group);
}

/** A count of all that ever happened, of events that day measures read anyway: it is answered here instead of in a scan of its own. */
export function countsAlong(wants: readonly DayWant[]): (want: Want) => want is Want<CountMeasure> {
  const filters = firstFilters(wants);
  return (want): want is Want<CountMeasure> => {
    const { view, measure } = want;
    if (measure.node !== 'count' || measure.window.kind !== 'days' || measure.window.from !== null) return false;
    return measure.window.to >= view.reader.zone.dayOf(view.asOf - 1) && filters.has(JSON.stringify(measure.filter));
  };
}

const firstFilters = (wants: readonly DayWant[]): ReadonlySet<string> =>
  new Set(wants.filter(isAboutFirsts).map(({ measure }) => JSON.stringify(measure.filter)));

const countsNewUsers = ({ measure }: DayWant): boolean => measure.node === 'distinct' && measure.of === 'newUser';

function isAboutFirsts({ measure }: DayWant): boolean {
  if (measure.node !== 'distinct' || measure.qualifying?.length) return false;
  return (
    measure.of === 'newUser' ||
    (measure.of === 'user' && measure.window.kind === 'days' && measure.window.from === null)
  );
}

function isTrailing({ measure }: DayWant, today: number): boolean {
  const { window } = measure;
  if (measure.node !== 'distinct' || measure.of !== 'user' || measure.qualifying?.length) return false;
  return window.kind === 'days' && window.from !== null && window.to >= today;
}

/** Expressions numbered in the order they are first asked for. */
function numbered() {
  const indexes = new Map<string, number>();
  return {
    index(expression: string): number {
      let index = indexes.get(expression);
      if (index === undefined) indexes.set(expression, (index = indexes.size));
      return index;
    },
    all: () => [...indexes.keys()],
  };
}

// ── first days ──────────────────────────────────────────────────────────────────────────────────────────────────────

async function measureFirsts(reader: Reader, asOf: number, wants: readonly DayWant[]): Promise<void> {
  if (wants.length === 0) return;
  const filters = numbered();
  const indexes = wants.map(({ measure }) => filters.index(filterSql(measure.filter, reader)));
  const range = { from: null, to: reader.zone.dayOf(asOf - 1) };
  const table = reader.temporary();
  const days = filters
    .all()
    .map(
      (filter, i) =>
        `min(e.day)${only(filter)} AS d${String(i)}, max(e.day)${only(filter)} AS l${String(i)}, (count(*)${only(filter)})::INTEGER AS n${String(i)}`,
    );
  const counting = wants.some(({ measure }) => measure.node === 'count');
  await reader.connection.run(`
    CREATE TEMP TABLE ${table} AS SELECT e.account, e.usr, ${days.join(', ')} FROM ${reader.events}
    WHERE ${allOf([scanned(asOf, range, filters.all()), counting ? 'true' : 'e.usr IS NOT NULL'])} GROUP BY ALL`);

  for (const group of grouped(
    wants.map((want, i) => ({ want, index: indexes[i] ?? 0 })),
    ({ want }) => want.view,
  )) {
    const view = group[0]?.want.view;
    if (!view) continue;
    const windows = await windowsOf(
      view,
      group.map(({ want }) => want.measure.window),
    );
    const scope = view.scope('d');
    const counts = group.map(({ want, index }) => {
      const { window, node } = want.measure;
      if (node === 'count') return `coalesce(sum(r.n${String(index)}), 0)::DOUBLE`;
      if (isTrailing(want, range.to) && window.kind === 'days')
        return `(count(*) FILTER (WHERE r.usr IS NOT NULL AND r.l${String(index)} >= ${whole(window.from ?? 0)}))::DOUBLE`;
      const day = `r.d${String(index)}`;
      return `(count(*) FILTER (WHERE ${allOf(['r.usr IS NOT NULL', `${day} IS NOT NULL`, windows.condition(window, day)])}))::DOUBLE`;
    });
    const least = filters
      .all()
      .map(
        (_, i) =>
          `min(d.d${String(i)}) AS d${String(i)}, max(d.l${String(i)}) AS l${String(i)}, sum(d.n${String(i)}) AS n${String(i)}`,
      );
    // An account's rows are one per user already.
    const rows =
      view.level.kind === 'account'
        ? `SELECT ${scope.subject} AS s, d.* FROM ${table} d WHERE ${scope.where}`
        : `SELECT ${scope.subject} AS s, d.usr, ${least.join(', ')} FROM ${table} d ${scope.join} WHERE ${scope.where} GROUP BY 1, 2`;
    await answerNumbers(
      view,
      `SELECT r.s::DOUBLE, ${counts.join(', ')} FROM (${rows}) r ${windows.joins('r.s')} GROUP BY r.s`,
      group.map(({ want }) => want),
    );
  }
}

const only = (filter: string) => (filter === 'true' ? '' : ` FILTER (WHERE ${filter})`);

async function answerNumbers(view: View, sql: string, wants: readonly DayWant[]): Promise<void> {
  const kinds = wants.map(() => 'number' as const);
  const [subjects, ...values] = (await columns(view.reader.connection, sql, ['number', ...kinds])).columns;
  wants.forEach((want, i) => {
    want.answer(numberAnswer(view, subjects.values, values[i] as Numbers, 0));
  });
}

// ── user days ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** What one measure needs of the table: conditions over its counts. */
interface Need {
  readonly want: DayWant;
  /** Column with the number of matching events, and that there is one, whoever did them. */
  readonly count: string;
  readonly matched: string;
  /** The day counts for the user. */
  readonly counted: string;
  /** Number of the columns with the day's sum and the decimal places of its values, for a series of sums. */
  readonly sum: number | null;
}

async function measureTable(reader: Reader, asOf: number, wants: readonly DayWant[]): Promise<void> {
  if (wants.length === 0) return;
  const counts = numbered();
  const sums = numbered();
  const places: string[] = [];
  const sumOf = (value: string, where: string) => {
    const i = sums.index(`fsum(${value})${where}`);
    places[i] = `max(${placesSql(value)})${where}`;
    return i;
  };
  const countOf = (filter: Filter | Qualification) => `c${String(counts.index(filterSql(filter, reader)))}`;
  const needs = wants.map((want): Need => {
    const { measure } = want;
    const count = countOf(measure.filter);
    const matched = `${count} > 0`;
    const qualifying = 'qualifying' in measure ? (measure.qualifying ?? []) : [];
    const tests = qualifying.map((test) => `${countOf(test)} >= ${whole(Math.ceil(test.atLeast))}`);
    const sum =
      measure.node === 'series' && typeof measure.of === 'object'
        ? sumOf(reader.property(measure.of.sum).number, only(filterSql(measure.filter, reader)))
        : null;
    return { want, count, matched, counted: allOf(['usr IS NOT NULL', matched, ...tests]), sum };
  });

  const views = grouped(needs, ({ want }) => want.view);
  const windows = new Map<View, Windows>();
  for (const [first, ...others] of views) {
    if (!first) continue;
    const all = [first, ...others].map(({ want }) => want.measure.window);
    windows.set(first.want.view, await windowsOf(first.want.view, all));
  }
  const ranges = [...windows.values()];
  const newUsers = wants.some(countsNewUsers);
  const own = ownDays(newUsers ? new Map<View, Windows>() : windows);
  const range: Range = {
    from:
      newUsers || ranges.some(({ from }) => from === null) ? null : Math.min(...ranges.map(({ from }) => from ?? 0)),
    to: Math.max(...ranges.map(({ to }) => to)),
  };

  const table = reader.temporary();
  const selected = [
    ...counts.all().map((filter, i) => `(count(*)${only(filter)})::INTEGER AS c${String(i)}`),
    ...sums.all().map((sum, i) => `${sum} AS s${String(i)}, ${places[i] ?? 'NULL'} AS p${String(i)}`),
  ];
  await reader.connection.run(`
    CREATE TEMP TABLE ${table} AS SELECT e.account, e.usr, e.day, ${selected.join(', ')}
    FROM ${reader.events} ${own.join} WHERE ${allOf([scanned(asOf, range, counts.all()), own.where])} GROUP BY ALL`);

  for (const group of views) {
    const view = group[0]?.want.view;
    const its = view && windows.get(view);
    if (view && its) await answerView(view, table, its, group, counts.all().length, sums.all().length);
  }
}

async function answerView(
  view: View,
  base: string,
  windows: Windows,
  needs: readonly Need[],
  counts: number,
  sums: number,
): Promise<void> {
  const { reader } = view;
  const scope = view.scope('d');
  // One row per subject, user and day: an account has that already, other levels add up a user's accounts.
  let rows = `(SELECT ${scope.subject} AS s, d.* EXCLUDE (account) FROM ${base} d WHERE ${scope.where})`;
  if (view.level.kind !== 'account') {
    const table = reader.temporary();
    const added = [
      ...Array.from({ length: counts }, (_, i) => `sum(d.c${String(i)})::INTEGER AS c${String(i)}`),
      ...Array.from(
        { length: sums },
        (_, i) => `fsum(d.s${String(i)}) AS s${String(i)}, max(d.p${String(i)}) AS p${String(i)}`,
      ),
    ];
    await reader.connection.run(`
      CREATE TEMP TABLE ${table} AS SELECT ${scope.subject} AS s, d.usr, d.day, ${added.join(', ')}
      FROM ${base} d ${scope.join} WHERE ${scope.where} GROUP BY ALL`);
    rows = table;
  }
  const of = (test: (measure: DayMeasure) => boolean) => needs.filter(({ want }) => test(want.measure));
  await answerUsers(
    view,
    rows,
    windows,
    of((measure) => measure.node === 'distinct' && measure.of !== 'day'),
  );
  await answerMeans(
    view,
    rows,
    windows,
    of((measure) => measure.node === 'meanPerDay' || fitsBits(measure)),
  );
  await answerDays(
    view,
    rows,
    windows,
    of(
      (measure) =>
        measure.node === 'series' || (measure.node === 'distinct' && measure.of === 'day' && !fitsBits(measure)),
    ),
  );
}

/** Bits of a mask that DuckDB ors into a BIGINT. */
const BITS = 60;
const bit = (i: number) => `(m${String(Math.floor(i / BITS))} & ${String(2n ** BigInt(i % BITS))}) <> 0`;
function masks(flags: readonly string[]): string[] {
  const bits = flags.map((flag, i) => `CASE WHEN ${flag} THEN ${String(2n ** BigInt(i % BITS))} ELSE 0 END`);
  return Array.from({ length: Math.ceil(flags.length / BITS) }, (_, m) => {
    const its = bits.slice(m * BITS, (m + 1) * BITS);
    return `bit_or((${its.join(' | ')})::BIGINT) AS m${String(m)}`;
  });
}

async function answerUsers(view: View, rows: string, windows: Windows, needs: readonly Need[]): Promise<void> {
  if (needs.length === 0) return;
  const isNew = ({ want: { measure } }: Need) => measure.node === 'distinct' && measure.of === 'newUser';
  const present = needs.filter((need) => !isNew(need));
  const fresh = needs.filter(isNew);
  const perUser = [
    ...masks(present.map((need) => allOf([need.counted, windows.condition(need.want.measure.window, 'd.day')]))),
    ...fresh.map(({ counted }, i) => `min(d.day) FILTER (WHERE ${counted}) AS d${String(i)}`),
  ];
  const counted = [
    ...present.map((_, i) => bit(i)),
    ...fresh.map(({ want }, i) => {
      const day = `u.d${String(i)}`;
      return allOf([`${day} IS NOT NULL`, windows.condition(want.measure.window, day)]);
    }),
  ];
  const users = `SELECT d.s, d.usr, ${perUser.join(', ')} FROM ${rows} d ${windows.joins('d.s')} WHERE d.usr IS NOT NULL GROUP BY d.s, d.usr`;
  await answerNumbers(
    view,
    `SELECT u.s::DOUBLE, ${counted.map((condition) => `(count(*) FILTER (WHERE ${condition}))::DOUBLE`).join(', ')}
     FROM (${users}) u ${windows.joins('u.s')} GROUP BY u.s`,
    [...present, ...fresh].map(({ want }) => want),
  );
}

/** Distinct days of a window that is no longer than a BIGINT has bits are told apart by a bit each. */
function fitsBits(measure: DayMeasure): boolean {
  if (measure.node !== 'distinct' || measure.of !== 'day') return false;
  const { window } = measure;
  return window.kind === 'sinceTrait' ? window.days <= BITS : window.from !== null && window.to - window.from < BITS;
}

/** What follows from the rows of a subject without grouping them again. */
async function answerMeans(view: View, rows: string, windows: Windows, needs: readonly Need[]): Promise<void> {
  if (needs.length === 0) return;
  const means = needs.map(({ want: { measure }, matched, counted }) => {
    if (measure.node === 'distinct') {
      const { window } = measure;
      const from = window.kind === 'sinceTrait' ? windows.first(window.trait) : whole(window.from ?? 0);
      const condition = allOf([measure.qualifying?.length ? counted : matched, windows.condition(window, 'd.day')]);
      // A CASE, because arguments are worked out before a FILTER and a shift by a negative number is an error.
      return `bit_count(coalesce(bit_or(CASE WHEN ${condition} THEN 1::BIGINT << (d.day - ${from}) END), 0))::DOUBLE`;
    }
    const where = `FILTER (WHERE ${allOf([counted, windows.condition(measure.window, 'd.day')])})`;
    const { window } = measure;
    const today = view.reader.zone.dayOf(view.asOf - 1);
    // A window without a beginning begins at the first day that counts; one that has only begun is as long as it has lasted.
    const length =
      window.kind === 'sinceTrait'
        ? `(least(any_value(${windows.first(window.trait)}) + ${whole(window.days - 1)}, ${whole(today)}) - any_value(${windows.first(window.trait)}) + 1)`
        : window.from === null
          ? `(${whole(window.to)} - min(d.day) ${where} + 1)`
          : whole(window.to - window.from + 1);
    return `coalesce((count(*) ${where})::DOUBLE / nullif((${length})::DOUBLE, 0), 0) + 0`;
  });
  await answerNumbers(
    view,
    `SELECT d.s::DOUBLE, ${means.join(', ')} FROM ${rows} d ${windows.joins('d.s')} GROUP BY d.s`,
    needs.map(({ want }) => want),
  );
}

async function answerDays(view: View, rows: string, windows: Windows, needs: readonly Need[]): Promise<void> {
  if (needs.length === 0) return;
  const { reader } = view;
  const table = reader.temporary();
  const perDay = needs.map(({ want: { measure }, count, matched, counted, sum }, i) => {
    const inside = windows.condition(measure.window, 'd.day');
    const value = (aggregate: string, condition: string) =>
      `${aggregate}${only(allOf([condition, inside]))} AS v${String(i)}`;
    if (measure.node === 'series') {
      if (sum !== null)
        return `${value(`fsum(d.s${String(sum)})`, 'true')}, max(d.p${String(sum)})${only(inside)} AS p${String(i)}`;
      if (measure.of === 'events') return value(`sum(d.${count})`, matched);
      return value('count(*)', counted);
    }
    return value('count(*)', measure.node === 'distinct' && measure.qualifying?.length ? counted : matched);
  });
  await reader.connection.run(
    `CREATE TEMP TABLE ${table} AS SELECT d.s, d.day, ${perDay.join(', ')} FROM ${rows} d ${windows.joins('d.s')} GROUP BY d.s, d.day`,
  );
  const distinct = needs.flatMap((need, i) => (need.want.measure.node === 'distinct' ? [{ need, i }] : []));
  if (distinct.length > 0) {
    const days = distinct.map(({ i }) => `(count(*) FILTER (WHERE v${String(i)} > 0))::DOUBLE`);
    await answerNumbers(
      view,
      `SELECT s::DOUBLE, ${days.join(', ')} FROM ${table} GROUP BY s`,
      distinct.map(({ need }) => need.want),
    );
  }
  for (const [i, { want, sum }] of needs.entries()) {
    if (want.measure.node !== 'series') continue;
    const value = `v${String(i)}`;
    const there = sum === null ? `${value} > 0` : `${value} IS NOT NULL`;
    const places = sum === null ? '0' : `p${String(i)}`;
    const sql = `SELECT s::DOUBLE, day::DOUBLE, ${value}::DOUBLE, ${places}::DOUBLE FROM ${table} WHERE ${there}`;
    const kinds = ['number', 'number', 'number', 'number'] as const;
    const [subjects, days, { values }, { values: decimals }] = (await columns(reader.connection, sql, kinds)).columns;
    const sums = sum === null ? values : values.map((value, row) => asDecimal(value, decimals[row] ?? 0));
    want.answer(keyedAnswer(view, subjects.values, days.values, sums, null));
  }
}
