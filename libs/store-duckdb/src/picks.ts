import type { Reading } from '@rapport/sdk';
import type { ResolvedMeasure } from '@rapport/store';
import { columnTypeOf } from '@rapport/store';
import { numberAnswer, textAnswer } from './answers.js';
import { filterSql } from './predicate.js';
import { columns } from './rows.js';
import { allOf } from './sql.js';
import { timeSql, type TimeSql } from './times.js';
import type { View, Want } from './view.js';
import { scanned, windowsOf } from './view.js';

/** Measures that pick the value of one event: the first or the last that carries it. */
export type PickMeasure = Extract<ResolvedMeasure, { node: 'earliest' | 'latest' }> & {
  readonly of: { readonly property: string; readonly as: Reading };
};

/**
 * Answers one: the extreme instant of each subject, then the value carried at that instant. Comparing time and id of every event takes several
 * times as long, so ids are looked at only where several events share the instant.
 */
export async function measurePick(view: View, { measure, answer }: Want<PickMeasure>): Promise<void> {
  const { reader } = view;
  const windows = await windowsOf(view, [measure.window]);
  const filter = filterSql(measure.filter, reader);
  const scope = view.scope('e');
  const { join, value } = await valueSql(view, measure.of);
  const [extreme, pick] = measure.node === 'earliest' ? ['min', 'arg_min'] : ['max', 'arg_max'];
  const rows = (more: string) => `
    SELECT ${scope.subject} AS s, e.time, ${more}
    FROM ${reader.events} ${scope.join} ${windows.joins(scope.subject)} ${join}
    WHERE ${allOf([scope.where, scanned(view.asOf, windows, [filter]), windows.condition(measure.window, 'e.day'), `${value} IS NOT NULL`])}`;
  const type = columnTypeOf(measure);
  const picked = async (id: string, which: string) => {
    const sql = `
      WITH ends AS (SELECT s, ${extreme}(time) AS time FROM (${rows('0')}) GROUP BY s)
      SELECT s::DOUBLE, ${which}, count(*)::DOUBLE FROM (${rows(`${value} AS v, ${id} AS id`)}) r JOIN ends USING (s, time) GROUP BY s`;
    return (await columns(reader.connection, sql, ['number', type === 'text' ? 'text' : 'number', 'number'])).columns;
  };
  let [subjects, values, shared] = await picked('NULL', 'any_value(v)');
  if (shared.values.some((count) => count > 1)) [subjects, values, shared] = await picked('e.id', `${pick}(v, id)`);
  answer(
    'valid' in values ? numberAnswer(view, subjects.values, values, null) : textAnswer(view, subjects.values, values),
  );
}

const valueSql = ({ reader }: View, { property, as }: PickMeasure['of']): TimeSql | Promise<TimeSql> =>
  as === 'time' ? timeSql(reader, reader.property(property)) : { join: '', value: reader.property(property)[as] };
