import { asDecimal } from '@rapport/sdk/decimal';
import type { ResolvedMeasure } from '@rapport/store';
import { numberAnswer } from './answers.js';
import { filterSql } from './predicate.js';
import type { Numbers } from './rows.js';
import { columns } from './rows.js';
import { allOf, number, placesSql } from './sql.js';
import type { View, Want, Windows } from './view.js';
import { scanned, windowsOf } from './view.js';

/** Measures that are one aggregate over the subject's events. */
export type FlatMeasure =
  | Extract<ResolvedMeasure, { node: 'count' | 'sum' | 'min' | 'max' | 'mean' | 'quantile' }>
  | (Extract<ResolvedMeasure, { node: 'earliest' | 'latest' }> & { readonly of: 'time' });

/**
 * Answers them in few scans: wants are told apart by whether they reach back without end or begin at a trait, and by whether they look at
 * every event or at some.
 */
export async function measureFlat(view: View, wants: readonly Want<FlatMeasure>[]): Promise<void> {
  const groups = new Map<string, Want<FlatMeasure>[]>();
  for (const want of wants) {
    const { window, filter } = want.measure;
    const bounded = window.kind === 'days' && window.from !== null;
    const group = JSON.stringify([window.kind, bounded, filterSql(filter, view.reader) === 'true']);
    groups.set(group, [...(groups.get(group) ?? []), want]);
  }
  for (const group of groups.values()) await scan(view, group);
}

async function scan(view: View, wants: readonly Want<FlatMeasure>[]): Promise<void> {
  const { reader } = view;
  const windows = await windowsOf(
    view,
    wants.map(({ measure }) => measure.window),
  );
  const filters = wants.map(({ measure }) => filterSql(measure.filter, reader));
  const scope = view.scope('e');
  const aggregates = wants.map(({ measure }, i) => aggregatesOf(view, measure, windows, filters[i] ?? 'true'));
  const sql = `
    SELECT (${scope.subject})::DOUBLE, ${aggregates.flat().join(',\n')}
    FROM ${reader.events} ${scope.join} ${windows.joins(scope.subject)}
    WHERE ${allOf([scope.where, scanned(view.asOf, windows, filters), windows.narrowed('e.day')])} GROUP BY 1`;
  const kinds = aggregates.flat().map(() => 'number' as const);
  const [subjects, ...values] = (await columns(reader.connection, sql, ['number', ...kinds])).columns;
  let next = 0;
  wants.forEach(({ measure, answer }, i) => {
    const [found, ...finish] = values.slice(next, (next += aggregates[i]?.length ?? 0)) as [Numbers, ...Numbers[]];
    const numbers = finish.length > 0 ? finished(found, finish) : found;
    answer(numberAnswer(view, subjects.values, numbers, measure.node === 'count' ? 0 : null));
  });
}

/** Sums by the decimal places of their values, and with a count the mean. */
const finished = ({ values, valid }: Numbers, [places, counts]: readonly Numbers[]): Numbers => ({
  values: values.map((sum, row) => asDecimal(sum, places?.values[row] ?? 0) / (counts?.values[row] || 1)),
  valid,
});

/** A sum, the decimal places of what it is the sum of, and for a mean how many these are; for all other measures one number. */
function aggregatesOf(view: View, measure: FlatMeasure, windows: Windows, filter: string): readonly string[] {
  const { reader } = view;
  const condition = allOf([filter, windows.condition(measure.window, 'e.day')]);
  const where = condition === 'true' ? '' : `FILTER (WHERE ${condition})`;
  switch (measure.node) {
    case 'count':
      return [`(count(*) ${where})::DOUBLE`];
    case 'sum':
    case 'mean': {
      const value = reader.property(measure.property).number;
      // Sums of doubles depend on the order in which they are added, and threads add in any; so values are added in theirs.
      const sum = `fsum(${value} ORDER BY ${value}) ${where}`;
      const places = `(max(${placesSql(value)}) ${where})::DOUBLE`;
      return measure.node === 'sum' ? [sum, places] : [sum, places, `(count(${value}) ${where})::DOUBLE`];
    }
    case 'min':
    case 'max':
      return [`${measure.node}(${reader.property(measure.property).number}) ${where}`];
    case 'quantile':
      return [`quantile_cont(${reader.property(measure.property).number}, ${number(measure.q)}) ${where}`];
    case 'earliest':
    case 'latest':
      return [`(${measure.node === 'earliest' ? 'min' : 'max'}(e.time) ${where})::DOUBLE`];
  }
}
