import { deserialize } from 'node:v8';
import type { DuckDBConnection } from '@duckdb/node-api';
import { columnOf } from './frames.js';
import { rows } from './rows.js';
import { writeFrame, writeRun } from './run-records.js';
import { text, whole } from './sql.js';

/** Moves runs of a file of layout 3, which kept each run's results by themselves, to where they are shared. Inside a transaction. */
export async function moveResults(connection: DuckDBConnection): Promise<void> {
  const shape = { number: 'number', asOf: 'number', startedAt: 'number', committedAt: 'number', manifest: 'text' } as const; // prettier-ignore
  const sql =
    'SELECT number::DOUBLE, as_of::DOUBLE, started_at::DOUBLE, committed_at::DOUBLE, manifest FROM runs ORDER BY number';
  const runs = await rows(connection, sql, shape);
  await connection.run('DELETE FROM runs');
  for (const { number, asOf, startedAt, committedAt, manifest } of runs) {
    await writeRun(connection, {
      number: number ?? 0,
      asOf: asOf ?? 0,
      startedAt: startedAt ?? 0,
      committedAt: committedAt ?? 0,
      manifest: JSON.parse(manifest ?? 'null') as unknown,
    });
  }
  const levels = await rows(connection, 'SELECT run::DOUBLE, level, subjects FROM result_subjects ORDER BY run', {
    run: 'number',
    level: 'text',
    subjects: 'blob',
  });
  for (const { run, level, subjects } of levels) {
    const where = `run = ${whole(run ?? 0)} AND level = ${text(level ?? '')}`;
    const found = await rows(connection, `SELECT name, data FROM result_columns WHERE ${where} ORDER BY rowid`, {
      name: 'text',
      data: 'blob',
    });
    const columns = found.map(({ name, data }) => [name ?? '', columnOf(data ?? new Uint8Array())] as const);
    const ids = deserialize(subjects ?? new Uint8Array()) as readonly string[];
    await writeFrame(connection, run ?? 0, level ?? '', { subjects: ids, columns: Object.fromEntries(columns) });
  }
  await connection.run('DROP TABLE result_subjects; DROP TABLE result_columns');
}
