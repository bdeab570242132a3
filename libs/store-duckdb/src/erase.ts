import type { DuckDBConnection } from '@duckdb/node-api';
import type { Erased, Subject } from '@rapport/store';
import { eraseHistory } from './history.js';
import { eraseResults } from './results.js';
import { rows } from './rows.js';
import { dropUnused } from './run-records.js';
import { text, whole } from './sql.js';

/** Forgets a subject, and raises the erasure epoch. Inside a transaction. */
export async function eraseSubject(
  connection: DuckDBConnection,
  subject: Subject,
  usersAreAccounts: boolean,
): Promise<Erased> {
  const { kind, id } = subject;
  const erased = { events: 0, traits: 0, members: 0, results: 0, history: 0, memberships: 0, transitions: 0, deliveries: 0 }; // prettier-ignore
  const drop = async (table: string, where: string) =>
    (await connection.run(`DELETE FROM ${table} WHERE ${where}`)).rowsChanged;
  const dropTraits = async (of: 0 | 1, index: number) => {
    const where = `kind = ${whole(of)} AND subject = ${whole(index)}`;
    const sql = `SELECT count(DISTINCT id)::DOUBLE FROM traits WHERE ${where}`;
    erased.traits += (await rows(connection, sql, { messages: 'number' }))[0]?.messages ?? 0;
    await drop('traits', where);
  };
  const table = kind === 'user' || usersAreAccounts ? 'users' : 'accounts';
  const index = await indexOf(connection, table, id);
  if (index !== null) {
    const its = `${table === 'users' ? 'usr' : 'account'} = ${whole(index)}`;
    erased.events = await drop('events', its);
    erased.members = await drop('members', its);
    await dropTraits(table === 'users' ? 1 : 0, index);
  }
  if (usersAreAccounts && kind === 'account') {
    const account = await indexOf(connection, 'accounts', id);
    if (account !== null) {
      erased.members += await drop('members', `account = ${whole(account)}`);
      await dropTraits(0, account);
    }
  }
  const both = usersAreAccounts ? [subject, { kind: kind === 'user' ? 'account' : 'user', id } as const] : [subject];
  for (const each of both) {
    const { results, memberships, transitions, deliveries } = await eraseResults(connection, each);
    erased.results += results;
    erased.memberships += memberships;
    erased.transitions += transitions;
    erased.deliveries += deliveries;
    erased.history += await eraseHistory(connection, each);
  }
  if (erased.results > 0 || erased.history > 0) await dropUnused(connection);
  await forgetUnnamed(connection, usersAreAccounts);
  await connection.run(`UPDATE meta SET value = (value::BIGINT + 1)::VARCHAR WHERE key = 'erasures'`);
  return erased;
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
