import type { Reading } from '@rapport/sdk';
import type { ResolvedMeasure } from '@rapport/store';
import { columnTypeOf } from '@rapport/store';
import { numberAnswer, textAnswer } from './answers.js';
import { filterSql } from './predicate.js';
import { timeSql } from './properties.js';
import type { Kind } from './rows.js';
import { columns } from './rows.js';
import { allOf, number } from './sql.js';
import type { View, Want, Windows } from './view.js';
import { scanned, windowsOf } from './view.js';

/** Measures that are one aggregate over the subject's events. */
export type FlatMeasure = Extract<
  ResolvedMeasure,
  { node: 'count' | 'sum' | 'min' | 'max' | 'mean' | 'quantile' | 'first' | 'last' }
>;

/**
 * Answers them in few scans: wants are told apart by whether they reach back without end, and by whether they look at every event or at
 * some. First and last values are picked by time and id, which is worked out for every row of a scan, so each of their filters has its own.
 */
export async function measureFlat(view: View, wants: readonly Want<FlatMeasure>[]): Promise<void> {
  const groups = new Map<string, Want<FlatMeasure>[]>();
  for (const want of wants) {
    const { measure } = want;
    const bounded = measure.window.kind === 'days' && measure.window.from !== null;
    const picks = (measure.node === 'first' || measure.node === 'last') && measure.of !== 'time';
    const filter = filterSql(measure.filter, view.reader);
    const group = JSON.stringify([bounded, filter === 'true', picks && [filter, measure.of]]);
    groups.set(group, [...(groups.get(group) ?? []), want]);
  }
  for (const group of groups.values()) await scan(view, group);
}

async function scan(view: View, wants: readonly Want<FlatMeasure>[]): Promise<void> {
  if (wants.length === 0) return;
  const { reader } = view;
  const windows = await windowsOf(
    view,
    wants.map(({ measure }) => measure.window),
  );
  const filters = wants.map(({ measure }) => filterSql(measure.filter, reader));
  const scope = view.scope('e');
  const aggregates = wants.map(({ measure }, i) => aggregate(view, measure, windows, filters[i] ?? 'true'));
  const carried = wants.map(({ measure }) => carriedBy(view, measure));
  const sql = `
    SELECT (${scope.subject})::DOUBLE, ${aggregates.join(',\n')}
    FROM ${reader.events} ${scope.join} ${windows.joins(scope.subject)}
    WHERE ${allOf([scope.where, scanned(view.asOf, windows, filters), ...new Set(carried.includes('true') ? [] : carried)])} GROUP BY 1`;
  const kinds = wants.map(({ measure }): Kind => (columnTypeOf(measure) === 'text' ? 'text' : 'number'));
  const [subjects, ...values] = (await columns(reader.connection, sql, ['number', ...kinds])).columns;
  const keys = (subjects as { readonly values: Float64Array }).values;
  wants.forEach((want, i) => {
    const column = values[i];
    if (column === undefined) return;
    const absent = want.measure.node === 'count' ? 0 : null;
    want.answer(
      'values' in column && 'valid' in column
        ? numberAnswer(view, keys, column, absent)
        : textAnswer(view, keys, column as readonly (string | null)[]),
    );
  });
}

/** Which rows have the value that is picked; `true` for measures that pick none. */
function carriedBy(view: View, measure: FlatMeasure): string {
  return (measure.node === 'first' || measure.node === 'last') && measure.of !== 'time'
    ? `${valueSql(view, measure.of)} IS NOT NULL`
    : 'true';
}

function valueSql(view: View, of: { readonly property: string; readonly as: Reading }): string {
  const property = view.reader.property(of.property);
  switch (of.as) {
    case 'number':
      return property.number;
    case 'text':
      return property.text;
    case 'time':
      return timeSql(property);
  }
}

function aggregate(view: View, measure: FlatMeasure, windows: Windows, filter: string): string {
  const { reader } = view;
  const condition = allOf([filter, windows.condition(measure.window, 'e.day')]);
  const where = condition === 'true' ? '' : `FILTER (WHERE ${condition})`;
  switch (measure.node) {
    case 'count':
      return `(count(*) ${where})::DOUBLE`;
    case 'sum':
      return `fsum(${reader.property(measure.property).number}) ${where}`;
    case 'mean':
      return `favg(${reader.property(measure.property).number}) ${where}`;
    case 'min':
    case 'max':
      return `${measure.node}(${reader.property(measure.property).number}) ${where}`;
    case 'quantile':
      return `quantile_cont(${reader.property(measure.property).number}, ${number(measure.q)}) ${where}`;
    case 'first':
    case 'last': {
      if (measure.of === 'time') return `(${measure.node === 'first' ? 'min' : 'max'}(e.time) ${where})::DOUBLE`;
      const value = valueSql(view, measure.of);
      const carried = allOf([condition, `${value} IS NOT NULL`]);
      const pick = measure.node === 'first' ? 'arg_min' : 'arg_max';
      return `${pick}(${value}, {time: e.time, id: e.id}) FILTER (WHERE ${carried})`;
    }
  }
}
