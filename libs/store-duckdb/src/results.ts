import { randomUUID } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import type {
  Erased,
  Membership,
  Properties,
  ResultStore,
  Run,
  RunCommit,
  RunLease,
  Subject,
  Transition,
} from '@rapport/store';
import { StoreError, compareCodeUnits, levelName } from '@rapport/store';
import { addDeliveries } from './deliveries.js';
import { readBlobs } from './blobs.js';
import { assertEpoch } from './changes.js';
import { subjectsOf, without } from './frames.js';
import type { Queue } from './queue.js';
import { rows } from './rows.js';
import { readFrame, readRuns, writeFrame, writeRun } from './run-records.js';
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
      return (await readRuns(reader(), 1))[0] ?? null;
    },
    async latestRunNumber() {
      const [last] = await rows(reader(), 'SELECT max(number)::DOUBLE FROM runs', { number: 'number' });
      return last?.number ?? null;
    },
    runs: (limit) => readRuns(reader(), limit),
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
        segment: 'text', subject: 'text', kind: 'text', change: 'text', at: 'number', run: 'number', reason: 'text', facts: 'text', baseline: 'number', baselineReason: 'text', baselineText: 'text',
      } as const; // prettier-ignore
      const sql = `
        SELECT segment, subject, kind, change, happened_at::DOUBLE, run::DOUBLE, reason, facts, baseline::DOUBLE, baseline_reason, baseline_text
        FROM transitions WHERE ${about(query)} ORDER BY run DESC, seq DESC LIMIT ${whole(limit)}`;
      return (await rows(reader(), sql, shape)).map(
        (row) =>
          ({ ...row, facts: JSON.parse(row.facts ?? '{}') as Properties, baseline: row.baseline === 1 }) as Transition,
      );
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
            await assertEpoch(writer, commit.epoch);
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

async function write(connection: DuckDBConnection, commit: RunCommit, startedAt: number, now: number): Promise<Run> {
  const [last] = await rows(connection, 'SELECT max(number)::DOUBLE FROM runs', { number: 'number' });
  const run: Run = {
    number: (last?.number ?? 0) + 1,
    asOf: commit.asOf,
    startedAt,
    committedAt: now,
    manifest: commit.manifest,
  };
  await writeRun(connection, run);
  for (const frame of commit.frames) await writeFrame(connection, run.number, levelName(frame.level), frame);
  await writeTransitions(connection, run.number, commit.transitions);
  await addDeliveries(connection, commit.deliveries);
  return run;
}

async function writeTransitions(
  connection: DuckDBConnection,
  run: number,
  transitions: readonly Omit<Transition, 'run'>[],
): Promise<void> {
  if (transitions.length === 0) return;
  const [last] = await rows(connection, 'SELECT max(seq)::DOUBLE FROM transitions', { seq: 'number' });
  let seq = last?.seq ?? 0;
  const kinds = [
    'bigint', 'integer', 'text', 'text', 'text', 'text', 'bigint', 'text', 'text', 'boolean', 'text', 'text',
  ] as const; // prettier-ignore
  const writer = await tableWriter(connection, 'transitions', kinds);
  /** The last word of this run on each membership. */
  const latest = new Map<string, Omit<Transition, 'run'>>();
  for (const transition of transitions) {
    const { segment, subject, kind, change, at, reason, facts, baseline } = transition;
    const { baselineReason, baselineText } = transition;
    writer.add([
      ++seq, run, segment, subject, kind, change, at, reason, JSON.stringify(facts), baseline, baselineReason, baselineText,
    ]); // prettier-ignore
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
  subject: Subject,
): Promise<Pick<Erased, 'results' | 'memberships' | 'transitions' | 'deliveries'>> {
  const its = `kind = ${text(subject.kind)} AND subject = ${text(subject.id)}`;
  const drop = async (table: string) => (await connection.run(`DELETE FROM ${table} WHERE ${its}`)).rowsChanged;
  const counts = {
    memberships: await drop('memberships'),
    transitions: await drop('transitions'),
    deliveries: await drop('deliveries'),
  };
  const sql = `SELECT run::DOUBLE, level, subjects::DOUBLE FROM result_frames WHERE ${levelsOf(subject.kind)}`;
  const frames = await rows(connection, sql, { run: 'number', level: 'text', subjects: 'number' });
  const lists = new Set(frames.map(({ subjects }) => subjects ?? 0));
  const knowing = new Set<number>();
  for (const list of lists)
    for (const [blob, bytes] of await readBlobs(connection, [list]))
      if (subjectsOf(bytes).includes(subject.id)) knowing.add(blob);
  let results = 0;
  for (const { run, level, subjects } of frames) {
    if (run === null || level === null || !knowing.has(subjects ?? 0)) continue;
    const frame = await readFrame(connection, run, level);
    if (!frame) continue;
    await connection.run(`DELETE FROM result_frames WHERE run = ${whole(run)} AND level = ${text(level)}`);
    await writeFrame(connection, run, level, without(frame, subject.id));
    results++;
  }
  return { results, ...counts };
}

/** SQL for the levels (`levelName`) whose subjects are accounts or users (`subjectKindOf`). */
export const levelsOf = (kind: 'account' | 'user'): string =>
  kind === 'user' ? `level = 'user'` : `(level = 'account' OR starts_with(level, 'family by '))`;
