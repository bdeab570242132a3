import type { DuckDBConnection } from '@duckdb/node-api';
import type { Delivery, DeliveryStore, NewDelivery } from '@rapport/store';
import type { Queue } from './queue.js';
import { rows } from './rows.js';
import { allOf, text, whole } from './sql.js';
import { tableWriter } from './writer.js';

const COLUMNS =
  'key, action, payload, kind, subject, due_at::DOUBLE, state, attempts::DOUBLE, last_error, delivered_at::DOUBLE';

async function read(connection: DuckDBConnection, rest: string): Promise<readonly Delivery[]> {
  const found = await rows(connection, `SELECT ${COLUMNS} FROM deliveries ${rest}`, {
    key: 'text', action: 'text', payload: 'text', kind: 'text', subject: 'text', dueAt: 'number', state: 'text', attempts: 'number', lastError: 'text', deliveredAt: 'number',
  }); // prettier-ignore
  return found.map(
    ({ payload, kind, subject, ...rest_ }) =>
      ({ ...rest_, payload: JSON.parse(payload ?? 'null') as unknown, subject: { kind, id: subject } }) as Delivery,
  );
}

export function deliveryStore(writer: DuckDBConnection, queue: Queue, reader: () => DuckDBConnection): DeliveryStore {
  return {
    claim: (now, limit, leaseMs, except = []) =>
      queue.run(async () => {
        // One statement decides and takes; what it returns is then put in order.
        const due = `state = 'pending' AND due_at <= ${whole(now)} AND coalesce(leased_until, 0) <= ${whole(now)}`;
        const others = except.length === 0 ? '' : ` AND action NOT IN (${except.map(text).join(', ')})`;
        const chosen = `SELECT seq FROM deliveries WHERE ${due}${others} ORDER BY due_at, seq LIMIT ${whole(limit)}`;
        const found = await rows(writer, chosen.replace('SELECT seq', 'SELECT seq::DOUBLE'), { seq: 'number' });
        if (found.length === 0) return [];
        const which = `seq IN (${found.map(({ seq }) => whole(seq ?? 0)).join(', ')})`;
        await writer.run(
          `UPDATE deliveries SET attempts = attempts + 1, leased_until = ${whole(now + leaseMs)} WHERE ${which}`,
        );
        return read(writer, `WHERE ${which} ORDER BY due_at, seq`);
      }),
    delivered: (key, now) =>
      queue.run(async () => {
        await writer.run(
          `UPDATE deliveries SET state = 'delivered', delivered_at = ${whole(now)}, leased_until = NULL WHERE key = ${text(key)}`,
        );
      }),
    failed: (key, error, dueAt) =>
      queue.run(async () => {
        const then = dueAt === null ? `state = 'parked'` : `due_at = ${whole(dueAt)}`;
        await writer.run(
          `UPDATE deliveries SET ${then}, last_error = ${text(error)}, leased_until = NULL WHERE key = ${text(key)} AND state = 'pending'`,
        );
      }),
    replay: (key, now) =>
      queue.run(async () => {
        const result = await writer.run(
          `UPDATE deliveries SET state = 'pending', due_at = ${whole(now)}, attempts = 0, leased_until = NULL WHERE key = ${text(key)} AND state = 'parked'`,
        );
        return result.rowsChanged > 0;
      }),
    list: ({ state, subject, limit }) =>
      read(
        reader(),
        `WHERE ${allOf([
          state === undefined ? 'true' : `state = ${text(state)}`,
          subject ? `kind = ${text(subject.kind)} AND subject = ${text(subject.id)}` : 'true',
        ])} ORDER BY due_at, seq LIMIT ${whole(limit)}`,
      ),
  };
}

/** Adds deliveries whose keys are new. Inside a transaction. */
export async function addDeliveries(connection: DuckDBConnection, deliveries: readonly NewDelivery[]): Promise<void> {
  if (deliveries.length === 0) return;
  const [last] = await rows(connection, 'SELECT max(seq)::DOUBLE FROM deliveries', { seq: 'number' });
  const asked = deliveries.map(({ key }) => text(key)).join(', ');
  const known = await rows(connection, `SELECT key FROM deliveries WHERE key IN (${asked})`, { key: 'text' });
  const keys = new Set(known.map(({ key }) => key));
  let seq = last?.seq ?? 0;
  const writer = await tableWriter(connection, 'deliveries', [
    'bigint', 'text', 'text', 'text', 'text', 'text', 'bigint', 'text', 'integer', 'text', 'bigint', 'bigint',
  ]); // prettier-ignore
  for (const { key, action, payload, subject, dueAt } of deliveries) {
    if (keys.has(key)) continue;
    keys.add(key);
    const json = JSON.stringify(payload ?? null);
    writer.add([++seq, key, action, json, subject.kind, subject.id, dueAt, 'pending', 0, null, null, null]);
  }
  writer.close();
}
