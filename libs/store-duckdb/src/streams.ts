import type { ResolvedMeasure } from '@rapport/store';
import { numberAnswer } from './answers.js';
import { filterSql } from './predicate.js';
import type { Numbers } from './rows.js';
import { columns } from './rows.js';
import { allOf, number, whole } from './sql.js';
import type { Reader, View, Want, Windows } from './view.js';
import { ownDays, scanned, windowsOf } from './view.js';

/** Measures over the gaps in a user's stream of events within one account. */
export type StreamMeasure = Extract<ResolvedMeasure, { node: 'sessions' | 'activeTime' }>;
type StreamWant = Want<StreamMeasure>;

const DAY_MS = 86_400_000;
const DAY_AND_CHANGE = 2;

/** Answers them for all levels of one `asOf`: every stream is cut into sessions (or summed by day) once. */
export async function measureStreams(reader: Reader, asOf: number, wants: readonly StreamWant[]): Promise<void> {
  const groups = new Map<string, StreamWant[]>();
  const views = [...new Set(wants.map(({ view }) => view))];
  for (const want of wants) {
    const { node, filter, idleMinutes, window } = want.measure;
    // Few days are looked at where each subject has its own.
    const own = node === 'activeTime' && window.kind === 'sinceTrait' ? views.indexOf(want.view) : -1;
    const group = JSON.stringify([node, idleMinutes, filter, own]);
    groups.set(group, [...(groups.get(group) ?? []), want]);
  }
  for (const group of groups.values()) {
    const [first] = group;
    if (!first) continue;
    const table = reader.temporary();
    const byView = new Map<View, StreamWant[]>();
    for (const want of group) byView.set(want.view, [...(byView.get(want.view) ?? []), want]);
    const windows = new Map<View, Windows>();
    for (const [view, its] of byView) {
      windows.set(
        view,
        await windowsOf(
          view,
          its.map(({ measure }) => measure.window),
        ),
      );
    }
    const all = [...windows.values()];
    const range = {
      from: all.some(({ from }) => from === null) ? null : Math.min(...all.map(({ from }) => from ?? 0)),
      to: Math.max(...all.map(({ to }) => to)),
    };
    await reader.connection.run(
      first.measure.node === 'sessions'
        ? await sessionsSql(reader, asOf, table, range, group)
        : activeSql(reader, asOf, table, range, first.measure, windows),
    );
    for (const [view, its] of byView) {
      const its_windows = windows.get(view);
      if (its_windows) await answer(view, its, its_windows, table);
    }
  }
}

type Range = { readonly from: number | null; readonly to: number };

/** How many days before a window its sessions, or its gaps, may rest on. */
export const daysBefore = ({ node, idleMinutes }: StreamMeasure): number =>
  Math.ceil(Math.max(idleMinutes * 60_000, node === 'sessions' ? DAY_MS : 0) / DAY_MS) + (DAY_AND_CHANGE - 1);

/** Rows early enough that what is running when the range opens is seen, and late enough that what begins in it is seen whole. */
function widened(range: Range, days: number, whole_: boolean, today: number): Range {
  return { from: range.from === null ? null : range.from - days, to: whole_ ? today : range.to };
}

function activeSql(
  reader: Reader,
  asOf: number,
  table: string,
  range: Range,
  measure: StreamMeasure,
  windows: ReadonlyMap<View, Windows>,
): string {
  const idle = measure.idleMinutes * 60_000;
  const filter = filterSql(measure.filter, reader);
  const before = daysBefore(measure);
  const own = ownDays(windows, before);
  const rows = [scanned(asOf, widened(range, before, false, range.to), [filter]), own.where, 'e.usr IS NOT NULL'];
  return `
    CREATE TEMP TABLE ${table} AS
    SELECT account, usr, day, sum(gap)::DOUBLE AS active FROM (
      SELECT e.account, e.usr, e.day, e.time - lag(e.time) OVER (PARTITION BY e.account, e.usr ORDER BY e.time) AS gap
      FROM ${reader.events} ${own.join} WHERE ${allOf(rows)}
    ) WHERE gap <= ${number(idle)} GROUP BY ALL`;
}

async function sessionsSql(
  reader: Reader,
  asOf: number,
  table: string,
  range: Range,
  wants: readonly StreamWant[],
): Promise<string> {
  const [first] = wants;
  const idle = (first?.measure.idleMinutes ?? 0) * 60_000;
  const filter = filterSql(first?.measure.filter ?? {}, reader);
  const lengths = wants.some(({ measure }) => measure.node === 'sessions' && measure.of !== 'count');
  const today = reader.zone.dayOf(asOf - 1);
  const rows = allOf([
    scanned(asOf, widened(range, first ? daysBefore(first.measure) : 0, lengths, today), [filter]),
    'e.usr IS NOT NULL',
  ]);
  // Most products send no session ids; sorting without them is cheaper.
  const explicit =
    (
      await columns(
        reader.connection,
        `SELECT 1e0 FROM ${reader.events} WHERE e.session IS NOT NULL AND ${rows} LIMIT 1`,
        ['number'],
      )
    ).rows > 0;
  const stream = explicit ? 'account, usr, session' : 'account, usr';
  const limit = explicit ? `CASE WHEN session IS NULL THEN ${number(idle)} ELSE ${whole(DAY_MS)} END` : number(idle);
  const gaps = `
    SELECT account, usr, ${explicit ? 'session,' : ''} day, time,
      coalesce(time - lag(time) OVER stream > ${limit}, true) AS starts
      ${lengths ? `, coalesce(lead(time) OVER stream - time > ${limit}, true) AS ends` : ''}
    FROM ${reader.events} WHERE ${rows}
    WINDOW stream AS (PARTITION BY ${stream} ORDER BY time)`;
  if (!lengths) return `CREATE TEMP TABLE ${table} AS SELECT account, usr, day FROM (${gaps}) WHERE starts`;
  // Only the two ends of each session are left to sort again.
  return `
    CREATE TEMP TABLE ${table} AS
    SELECT account, usr, day, ms FROM (
      SELECT account, usr, day, starts, CASE WHEN ends THEN 0 ELSE
        (lead(time) OVER (PARTITION BY ${stream} ORDER BY time, starts DESC) - time) END AS ms
      FROM (${gaps}) WHERE starts OR ends
    ) WHERE starts`;
}

async function answer(view: View, wants: readonly StreamWant[], windows: Windows, table: string): Promise<void> {
  const scope = view.scope('d');
  const aggregates = wants.map(({ measure }) => {
    const condition = windows.condition(measure.window, 'd.day');
    const where = condition === 'true' ? '' : `FILTER (WHERE ${condition})`;
    if (measure.node === 'activeTime') return `coalesce(sum(d.active) ${where}, 0) / 1000`;
    if (measure.of === 'count') return `(count(*) ${where})::DOUBLE`;
    return measure.of === 'seconds'
      ? `(sum(d.ms) ${where})::DOUBLE / 1000`
      : `(quantile_cont(d.ms::DOUBLE, ${number(measure.of.quantile)}) ${where}) / 1000`;
  });
  const sql = `
    SELECT (${scope.subject})::DOUBLE, ${aggregates.join(', ')}
    FROM ${table} d ${scope.join} ${windows.joins(scope.subject)} WHERE ${scope.where} GROUP BY 1`;
  const kinds = wants.map(() => 'number' as const);
  const [subjects, ...values] = (await columns(view.reader.connection, sql, ['number', ...kinds])).columns;
  wants.forEach(({ answer: give, measure }, i) => {
    const zero = measure.node === 'activeTime' || measure.of === 'count';
    give(numberAnswer(view, subjects.values, values[i] as Numbers, zero ? 0 : null));
  });
}
