import type { DuckDBConnection } from '@duckdb/node-api';
import type { Pruned, RetentionStore } from '@rapport/store';
import type { Connections } from './results.js';
import { dropRuns, dropUnused } from './run-records.js';
import { transaction } from './schema.js';
import { allOf, among, whole } from './sql.js';

export function retentionStore({ writer, queue }: Pick<Connections, 'writer' | 'queue'>): RetentionStore {
  return {
    prune: (what, dryRun = false) =>
      queue.run(async () => {
        let pruned: Pruned | undefined;
        const undone = new Error('only asked what it would be');
        await transaction(writer, async () => {
          pruned = await prune(writer, what);
          if (dryRun) throw undone;
        }).catch((error: unknown) => {
          if (error !== undone) throw error;
        });
        return pruned ?? { runs: 0, transitions: 0, deliveries: 0, bytes: 0 };
      }),
  };
}

async function prune(
  connection: DuckDBConnection,
  { runs, deliveriesBefore }: Parameters<RetentionStore['prune']>[0],
): Promise<Pruned> {
  const drop = async (table: string, where: string) =>
    (await connection.run(`DELETE FROM ${table} WHERE ${where}`)).rowsChanged;
  const gone = await dropRuns(connection, runs);
  // What a current membership rests on is the last word on it.
  const current = `
    seq IN (
      SELECT max(t.seq) FROM transitions t
      JOIN memberships m ON m.segment = t.segment AND m.subject = t.subject AND m.kind = t.kind
      GROUP BY t.segment, t.subject, t.kind)`;
  return {
    runs: gone.length,
    transitions: gone.length === 0 ? 0 : await drop('transitions', allOf([among('run', gone), `NOT (${current})`])),
    deliveries: await drop('deliveries', `state <> 'pending' AND due_at < ${whole(deliveriesBefore)}`),
    bytes: gone.length === 0 ? 0 : await dropUnused(connection),
  };
}
