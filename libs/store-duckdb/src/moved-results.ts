import { deserialize } from 'node:v8';
import type { DuckDBConnection } from '@duckdb/node-api';
import { putBlobs } from './blobs.js';
import { columnOf } from './frames.js';
import { rows } from './rows.js';
import { writeFrame, writeRun } from './run-records.js';
import { text, whole } from './sql.js';
import { HISTORY_TABLE } from './tables.js';
import { tableWriter } from './writer.js';

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

/** Moves the history of a file of layout 5 or earlier, which kept each day's values by themselves, to where they are shared. Inside a transaction. */
export async function moveHistory(connection: DuckDBConnection): Promise<void> {
  await connection.run('ALTER TABLE history RENAME TO history_of_5');
  await connection.run(HISTORY_TABLE);
  const days = await rows(connection, 'SELECT DISTINCT day::DOUBLE FROM history_of_5 ORDER BY 1', { day: 'number' });
  for (const { day } of days) {
    const sql = `
      SELECT level, metric, origin, as_of::DOUBLE, subjects, block::DOUBLE, data FROM history_of_5
      WHERE day = ${whole(day ?? 0)} ORDER BY rowid`;
    const shape = { level: 'text', metric: 'text', origin: 'text', asOf: 'number', subjects: 'text', block: 'number', data: 'blob' } as const; // prettier-ignore
    const found = await rows(connection, sql, shape);
    const blobs = await putBlobs(
      connection,
      found.map(({ data }) => data ?? new Uint8Array()),
    );
    const kinds = ['text', 'integer', 'text', 'text', 'bigint', 'text', 'integer', 'integer'] as const;
    const writer = await tableWriter(connection, 'history', kinds);
    found.forEach(({ level, metric, origin, asOf, subjects, block }, i) => {
      writer.add([level, day, metric, origin, asOf, subjects, block, blobs[i]]);
    });
    writer.close();
  }
  await connection.run('DROP TABLE history_of_5');
}
