import type { DuckDBConnection } from '@duckdb/node-api';
import { eraseHistory } from './history.js';
import { eraseResults } from './results.js';
import { rows } from './rows.js';
import { text, whole } from './sql.js';

/** Forgets a subject; returns how many events went. Inside a transaction. */
export async function eraseSubject(
  connection: DuckDBConnection,
  subject: { readonly kind: 'account' | 'user'; readonly id: string },
  usersAreAccounts: boolean,
): Promise<number> {
  const { kind, id } = subject;
  const table = kind === 'user' || usersAreAccounts ? 'users' : 'accounts';
  const index = await indexOf(connection, table, id);
  let events = 0;
  if (index !== null) {
    const column = table === 'users' ? 'usr' : 'account';
    events = (await connection.run(`DELETE FROM events WHERE ${column} = ${whole(index)}`)).rowsChanged;
    await connection.run(`DELETE FROM members WHERE ${column} = ${whole(index)}`);
    const traitKind = table === 'users' ? 1 : 0;
    await connection.run(`DELETE FROM traits WHERE kind = ${whole(traitKind)} AND subject = ${whole(index)}`);
  }
  if (usersAreAccounts && kind === 'account') {
    const account = await indexOf(connection, 'accounts', id);
    if (account !== null) {
      await connection.run(`DELETE FROM members WHERE account = ${whole(account)}`);
      await connection.run(`DELETE FROM traits WHERE kind = 0 AND subject = ${whole(account)}`);
    }
  }
  const both = usersAreAccounts ? [subject, { kind: kind === 'user' ? 'account' : 'user', id } as const] : [subject];
  for (const each of both) {
    await eraseResults(connection, each);
    await eraseHistory(connection, each);
  }
  await forgetUnnamed(connection, usersAreAccounts);
  await connection.run(`UPDATE meta SET value = (value::BIGINT + 1)::VARCHAR WHERE key = 'erasures'`);
  return events;
}

async function indexOf(connection: DuckDBConnection, table: 'accounts' | 'users', id: string): Promise<number | null> {
  const [found] = await rows(connection, `SELECT idx::DOUBLE FROM ${table} WHERE id = ${text(id)}`, { idx: 'number' });
  return found?.idx ?? null;
}

/** Works out again who was seen when, and drops the ids of those whom nothing names any more. */
async function forgetUnnamed(connection: DuckDBConnection, usersAreAccounts: boolean): Promise<void> {
  const sources = {
    user: [
      'SELECT usr AS idx, time FROM events WHERE usr IS NOT NULL',
      'SELECT usr, time FROM members',
      'SELECT subject, time FROM traits WHERE kind = 1',
    ],
    account: usersAreAccounts
      ? ['SELECT NULL::INTEGER AS idx, NULL::BIGINT AS time WHERE false']
      : [
          'SELECT account AS idx, time FROM events WHERE account IS NOT NULL',
          'SELECT account, time FROM members',
          'SELECT subject, time FROM traits WHERE kind = 0',
        ],
  };
  for (const kind of ['user', 'account'] as const) {
    await connection.run(`DELETE FROM ${kind}_sightings`);
    await connection.run(
      `INSERT INTO ${kind}_sightings SELECT idx, min(time) FROM (${sources[kind].join(' UNION ALL ')}) GROUP BY idx`,
    );
  }
  await connection.run(`DELETE FROM users WHERE idx NOT IN (SELECT idx FROM user_sightings)`);
  const named =
    'SELECT idx FROM account_sightings UNION SELECT account FROM members UNION SELECT subject FROM traits WHERE kind = 0';
  await connection.run(`DELETE FROM accounts WHERE idx NOT IN (${named})`);
}
