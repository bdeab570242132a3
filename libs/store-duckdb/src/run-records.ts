import type { DuckDBConnection } from '@duckdb/node-api';
import type { ResultFrame, Run } from '@rapport/store';
import { joinRecord, partsOfRecord, readManifest, splitRecord } from '@rapport/store';
import { dropUnusedBlobs, putBlobs, readBlobs } from './blobs.js';
import { columnBytes, columnOf, subjectsBytes, subjectsOf } from './frames.js';
import { columns, rows } from './rows.js';
import { among, text, whole } from './sql.js';
import { tableWriter } from './writer.js';

/*
 * Committed runs and their results. A frame is a list of subjects, a list of its columns and the columns, each a blob; so are the long entries
 * of a run's record.
 */

export type LevelFrame = Omit<ResultFrame, 'level'>;

/** A frame's columns, as a blob: name and the blob that holds the column. */
type ColumnList = readonly (readonly [name: string, blob: number])[];
const json = (value: unknown) => Buffer.from(JSON.stringify(value), 'utf8');
const parsed = (bytes: Uint8Array | undefined): unknown =>
  bytes ? (JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown) : null;

export async function writeFrame(
  connection: DuckDBConnection,
  run: number,
  level: string,
  frame: LevelFrame,
): Promise<void> {
  const entries = Object.entries(frame.columns);
  const [subjects = 0, ...data] = await putBlobs(connection, [
    subjectsBytes(frame.subjects),
    ...entries.map(([, column]) => columnBytes(column)),
  ]);
  const list: ColumnList = entries.map(([name], i) => [name, data[i] ?? 0]);
  const [held = 0] = await putBlobs(connection, [json(list)]);
  const writer = await tableWriter(connection, 'result_frames', ['integer', 'text', 'integer', 'integer']);
  writer.add([run, level, subjects, held]);
  writer.close();
}

export async function readFrame(
  connection: DuckDBConnection,
  run: number,
  level: string,
  names?: readonly string[],
): Promise<LevelFrame | null> {
  const where = `run = ${whole(run)} AND level = ${text(level)}`;
  const sql = `SELECT subjects::DOUBLE, columns::DOUBLE FROM result_frames WHERE ${where}`;
  const [frame] = await rows(connection, sql, { subjects: 'number', columns: 'number' });
  if (!frame) return null;
  const [ofSubjects, ofColumns] = [frame.subjects ?? 0, frame.columns ?? 0];
  const heads = await readBlobs(connection, [ofSubjects, ofColumns]);
  const list = (parsed(heads.get(ofColumns)) as ColumnList).filter(([name]) => names?.includes(name) ?? true);
  const data = await readBlobs(
    connection,
    list.map(([, blob]) => blob),
  );
  return {
    subjects: subjectsOf(heads.get(ofSubjects) ?? new Uint8Array()),
    columns: Object.fromEntries(
      list.map(([name, blob]) => [name, columnOf(data.get(blob) ?? new Uint8Array())] as const),
    ),
  };
}

/** @param run with its record as it is to be kept: that of an earlier version stays as it is, and is read by `readManifest` */
export async function writeRun(
  connection: DuckDBConnection,
  run: Omit<Run, 'manifest'> & { readonly manifest: unknown },
): Promise<void> {
  const { parts, head } = splitRecord(run.manifest);
  const blobs = await putBlobs(
    connection,
    parts.map((part) => Buffer.from(part, 'utf8')),
  );
  const writer = await tableWriter(connection, 'runs', ['integer', 'bigint', 'bigint', 'bigint', 'text']);
  writer.add([run.number, run.asOf, run.startedAt, run.committedAt, head(blobs.map(String))]);
  writer.close();
}

export async function readRuns(connection: DuckDBConnection, limit: number): Promise<readonly Run[]> {
  const sql = `
    SELECT number::DOUBLE, as_of::DOUBLE, started_at::DOUBLE, committed_at::DOUBLE, manifest
    FROM runs ORDER BY number DESC LIMIT ${whole(limit)}`;
  const kinds = { number: 'number', asOf: 'number', startedAt: 'number', committedAt: 'number', manifest: 'text' } as const; // prettier-ignore
  const found = await rows(connection, sql, kinds);
  const blobs = await readBlobs(
    connection,
    found.flatMap(({ manifest }) => partsOfRecord(manifest ?? '').map(Number)),
  );
  const part = (blob: string) => Buffer.from(blobs.get(Number(blob)) ?? new Uint8Array()).toString('utf8');
  return found.map((row) => ({ ...row, manifest: readManifest(joinRecord(row.manifest ?? '', part)) }) as Run);
}

/** Removes the runs that `choose` names, never the latest, and their results. Returns the numbers. Inside a transaction. */
export async function dropRuns(
  connection: DuckDBConnection,
  choose: (committed: readonly Omit<Run, 'manifest'>[]) => readonly number[],
): Promise<readonly number[]> {
  const kinds = { number: 'number', asOf: 'number', startedAt: 'number', committedAt: 'number' } as const;
  const sql =
    'SELECT number::DOUBLE, as_of::DOUBLE, started_at::DOUBLE, committed_at::DOUBLE FROM runs ORDER BY number';
  const committed = (await rows(connection, sql, kinds)) as readonly Omit<Run, 'manifest'>[];
  const chosen = new Set(choose(committed));
  const gone = committed.slice(0, -1).flatMap(({ number }) => (chosen.has(number) ? [number] : []));
  await connection.run(`DELETE FROM runs WHERE ${among('number', gone)}`);
  await connection.run(`DELETE FROM result_frames WHERE ${among('run', gone)}`);
  return gone;
}

/** Removes the blobs that no run and no day of the history needs any more; returns how many bytes that were. Inside a transaction. */
export async function dropUnused(connection: DuckDBConnection): Promise<number> {
  const frames = await columns(connection, 'SELECT subjects::DOUBLE, columns::DOUBLE FROM result_frames', [
    'number',
    'number',
  ]);
  const [subjects, lists] = frames.columns;
  const used = new Set([...subjects.values, ...lists.values]);
  for (const bytes of (await readBlobs(connection, [...lists.values])).values())
    for (const [, blob] of parsed(bytes) as ColumnList) used.add(blob);
  for (const { manifest } of await rows(connection, 'SELECT manifest FROM runs', { manifest: 'text' }))
    for (const blob of partsOfRecord(manifest ?? '')) used.add(Number(blob));
  const history = await columns(connection, 'SELECT DISTINCT blob::DOUBLE FROM history', ['number']);
  for (const blob of history.columns[0].values) used.add(blob);
  return dropUnusedBlobs(connection, used);
}
