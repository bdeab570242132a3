import { randomUUID } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import type {
  Membership,
  Properties,
  ResultFrame,
  ResultStore,
  Run,
  RunCommit,
  RunLease,
  Transition,
} from '@rapport/store';
import { StoreError, compareCodeUnits, levelName } from '@rapport/store';
import { addDeliveries } from './deliveries.js';
import { columnBytes, columnOf, subjectsBytes, subjectsOf, without } from './frames.js';
import type { Queue } from './queue.js';
import { rows } from './rows.js';
import { transaction } from './schema.js';
import { text, whole } from './sql.js';
import { tableWriter } from './writer.js';

export interface Connections {
  /** For changes, one after the other. */
  readonly writer: DuckDBConnection;
  readonly queue: Queue;
  /** For reading what is committed. */
  readonly reader: () => DuckDBConnection;
}

export function resultStore({ writer, queue, reader }: Connections): ResultStore {
  return {
    begin: (holder, now, leaseMs) => queue.run(() => begin(holder, now, leaseMs)),
    async latestRun() {
      return (await runs(reader(), 1))[0] ?? null;
    },
    runs: (limit) => runs(reader(), limit),
    async results(run, level, columns) {
      const frame = await readFrame(reader(), run, levelName(level), columns);
      return frame && { level, ...frame };
    },
    async memberships(query = {}) {
      const shape = { segment: 'text', subject: 'text', kind: 'text', enteredAt: 'number', reason: 'text' } as const;
      const sql = `SELECT segment, subject, kind, entered_at::DOUBLE, reason FROM memberships WHERE ${about(query)}`;
      const found = (await rows(reader(), sql, shape)) as readonly Membership[];
      return [...found].sort(
        (a, b) =>
          compareCodeUnits(a.segment, b.segment) ||
          compareCodeUnits(a.subject, b.subject) ||
          compareCodeUnits(a.kind, b.kind),
      );
    },
    async transitions({ limit, ...query }) {
      const shape = {
        segment: 'text', subject: 'text', kind: 'text', change: 'text', at: 'number', run: 'number', reason: 'text', facts: 'text', baseline: 'number',
      } as const; // prettier-ignore
      const sql = `
        SELECT segment, subject, kind, change, happened_at::DOUBLE, run::DOUBLE, reason, facts, baseline::DOUBLE
        FROM transitions WHERE ${about(query)} ORDER BY run DESC, seq DESC LIMIT ${whole(limit)}`;
      return (await rows(reader(), sql, shape)).map(
        (row) =>
          ({ ...row, facts: JSON.parse(row.facts ?? '{}') as Properties, baseline: row.baseline === 1 }) as Transition,
      );
    },
    async evaluatedSegments() {
      const found = await rows(reader(), 'SELECT segment FROM evaluated_segments', { segment: 'text' });
      return found.map(({ segment }) => segment ?? '').sort(compareCodeUnits);
    },
  };

  async function begin(holder: string, now: number, leaseMs: number): Promise<RunLease> {
    const token = randomUUID();
    await transaction(writer, async () => {
      const shape = { holder: 'text', until: 'number' } as const;
      const [held] = await rows(writer, 'SELECT holder, until::DOUBLE FROM lease', shape);
      if (held && (held.until ?? 0) > now) {
        throw new StoreError(
          'RAPPORT_STORE_RUN_BUSY',
          `a run of "${held.holder ?? ''}" is under way until ${new Date(held.until ?? 0).toISOString()}; wait for it to end`,
        );
      }
      await writer.run('DELETE FROM lease');
      const leases = await tableWriter(writer, 'lease', ['text', 'text', 'bigint', 'bigint', 'bigint']);
      leases.add([token, holder, now, now + leaseMs, leaseMs]);
      leases.close();
    });
    const mine = `token = ${text(token)}`;
    return {
      extend: (now_) =>
        queue.run(async () => {
          await assertHeld(mine);
          await writer.run(`UPDATE lease SET until = ${whole(now_)} + length WHERE ${mine}`);
        }),
      commit: (commit, now_) =>
        queue.run(() =>
          transaction(writer, async () => {
            const startedAt = await assertHeld(mine);
            const run = await write(writer, commit, startedAt, now_);
            await writer.run(`DELETE FROM lease WHERE ${mine}`);
            return run;
          }),
        ),
      abandon: () =>
        queue.run(async () => {
          await writer.run(`DELETE FROM lease WHERE ${mine}`);
        }),
    };
  }

  async function assertHeld(mine: string): Promise<number> {
    const [held] = await rows(writer, `SELECT started_at::DOUBLE FROM lease WHERE ${mine}`, { startedAt: 'number' });
    if (!held) {
      throw new StoreError(
        'RAPPORT_STORE_LEASE_LOST',
        'this run held the lease for too long without extending it, and another run took over; nothing of it was kept, start it again',
      );
    }
    return held.startedAt ?? 0;
  }
}

function about(query: { readonly segment?: string; readonly subject?: string }): string {
  const conditions = ['true'];
  if (query.segment !== undefined) conditions.push(`segment = ${text(query.segment)}`);
  if (query.subject !== undefined) conditions.push(`subject = ${text(query.subject)}`);
  return conditions.join(' AND ');
}

async function runs(connection: DuckDBConnection, limit: number): Promise<readonly Run[]> {
  const shape = {
    number: 'number',
    asOf: 'number',
    startedAt: 'number',
    committedAt: 'number',
    provenance: 'text',
  } as const;
  const sql = `
    SELECT number::DOUBLE, as_of::DOUBLE, started_at::DOUBLE, committed_at::DOUBLE, provenance
    FROM runs ORDER BY number DESC LIMIT ${whole(limit)}`;
  return (await rows(connection, sql, shape)).map(
    (row) => ({ ...row, provenance: JSON.parse(row.provenance ?? 'null') as unknown }) as Run,
  );
}

async function write(connection: DuckDBConnection, commit: RunCommit, startedAt: number, now: number): Promise<Run> {
  const [last] = await rows(connection, 'SELECT max(number)::DOUBLE FROM runs', { number: 'number' });
  const run: Run = {
    number: (last?.number ?? 0) + 1,
    asOf: commit.asOf,
    startedAt,
    committedAt: now,
    provenance: commit.provenance,
  };
  const runRows = await tableWriter(connection, 'runs', ['integer', 'bigint', 'bigint', 'bigint', 'text']);
  runRows.add([run.number, run.asOf, startedAt, now, JSON.stringify(commit.provenance ?? null)]);
  runRows.close();
  for (const frame of commit.frames) await writeFrame(connection, run.number, levelName(frame.level), frame);
  await writeTransitions(connection, run.number, commit.transitions);
  await addDeliveries(connection, commit.deliveries);
  if (commit.evaluated.length > 0) {
    const known = await rows(connection, 'SELECT segment FROM evaluated_segments', { segment: 'text' });
    const before = new Set(known.map(({ segment }) => segment));
    const fresh = new Set(commit.evaluated.filter((segment) => !before.has(segment)));
    const evaluated = await tableWriter(connection, 'evaluated_segments', ['text']);
    for (const segment of fresh) evaluated.add([segment]);
    evaluated.close();
  }
  return run;
}

type LevelFrame = Omit<ResultFrame, 'level'>;

async function writeFrame(connection: DuckDBConnection, run: number, level: string, frame: LevelFrame): Promise<void> {
  const subjects = await tableWriter(connection, 'result_subjects', ['integer', 'text', 'blob']);
  subjects.add([run, level, subjectsBytes(frame.subjects)]);
  subjects.close();
  const columns = await tableWriter(connection, 'result_columns', ['integer', 'text', 'text', 'blob']);
  for (const [name, column] of Object.entries(frame.columns)) columns.add([run, level, name, columnBytes(column)]);
  columns.close();
}

async function readFrame(
  connection: DuckDBConnection,
  run: number,
  level: string,
  names?: readonly string[],
): Promise<LevelFrame | null> {
  const where = `run = ${whole(run)} AND level = ${text(level)}`;
  const [found] = await rows(connection, `SELECT subjects FROM result_subjects WHERE ${where}`, { subjects: 'blob' });
  if (!found?.subjects) return null;
  const wanted = names ? `AND name IN (${names.map(text).join(', ') || 'NULL'})` : '';
  const sql = `SELECT name, data FROM result_columns WHERE ${where} ${wanted} ORDER BY rowid`;
  const stored = await rows(connection, sql, { name: 'text', data: 'blob' });
  const columns = stored.map(({ name, data }) => [name ?? '', columnOf(data ?? new Uint8Array())] as const);
  return { subjects: subjectsOf(found.subjects), columns: Object.fromEntries(columns) };
}

async function writeTransitions(
  connection: DuckDBConnection,
  run: number,
  transitions: readonly Omit<Transition, 'run'>[],
): Promise<void> {
  if (transitions.length === 0) return;
  const [last] = await rows(connection, 'SELECT max(seq)::DOUBLE FROM transitions', { seq: 'number' });
  let seq = last?.seq ?? 0;
  const kinds = ['bigint', 'integer', 'text', 'text', 'text', 'text', 'bigint', 'text', 'text', 'boolean'] as const;
  const writer = await tableWriter(connection, 'transitions', kinds);
  /** The last word of this run on each membership. */
  const latest = new Map<string, Omit<Transition, 'run'>>();
  for (const transition of transitions) {
    const { segment, subject, kind, change, at, reason, facts, baseline } = transition;
    writer.add([++seq, run, segment, subject, kind, change, at, reason, JSON.stringify(facts), baseline]);
    latest.set(JSON.stringify([segment, kind, subject]), transition);
  }
  writer.close();
  await connection.run(
    'CREATE OR REPLACE TEMP TABLE moved (segment VARCHAR, subject VARCHAR, kind VARCHAR, entered_at BIGINT, reason VARCHAR, enters BOOLEAN)',
  );
  const moved = await tableWriter(connection, 'temp.moved', ['text', 'text', 'text', 'bigint', 'text', 'boolean']);
  for (const { segment, subject, kind, at, reason, change } of latest.values()) {
    moved.add([segment, subject, kind, at, reason, change === 'enter']);
  }
  moved.close();
  await connection.run(`
    DELETE FROM memberships USING moved
    WHERE memberships.segment = moved.segment AND memberships.subject = moved.subject AND memberships.kind = moved.kind`);
  await connection.run(
    'INSERT INTO memberships SELECT segment, subject, kind, entered_at, reason FROM moved WHERE enters',
  );
  await connection.run('DROP TABLE temp.moved');
}

/** Takes a subject out of everything that runs have left. Inside a transaction. */
export async function eraseResults(
  connection: DuckDBConnection,
  subject: { readonly kind: 'account' | 'user'; readonly id: string },
): Promise<void> {
  const its = `kind = ${text(subject.kind)} AND subject = ${text(subject.id)}`;
  for (const table of ['memberships', 'transitions', 'deliveries'])
    await connection.run(`DELETE FROM ${table} WHERE ${its}`);
  const sql = `SELECT run::DOUBLE, level, subjects FROM result_subjects WHERE ${levelsOf(subject.kind)}`;
  const shape = { run: 'number', level: 'text', subjects: 'blob' } as const;
  for (const { run, level, subjects } of await rows(connection, sql, shape)) {
    if (run === null || level === null || !subjects || !subjectsOf(subjects).includes(subject.id)) continue;
    const frame = await readFrame(connection, run, level);
    if (!frame) continue;
    const where = `run = ${whole(run)} AND level = ${text(level)}`;
    await connection.run(`DELETE FROM result_subjects WHERE ${where}`);
    await connection.run(`DELETE FROM result_columns WHERE ${where}`);
    await writeFrame(connection, run, level, without(frame, subject.id));
  }
}

/** SQL for the levels (`levelName`) whose subjects are accounts or users (`subjectKindOf`). */
export const levelsOf = (kind: 'account' | 'user'): string =>
  kind === 'user' ? `level = 'user'` : `(level = 'account' OR starts_with(level, 'family by '))`;
