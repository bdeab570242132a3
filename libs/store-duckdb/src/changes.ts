import type { DuckDBConnection } from '@duckdb/node-api';
import type { Snapshot } from '@rapport/store';
import { compareCodeUnits } from '@rapport/store';
import { timeSql } from './properties.js';
import { columns, rows } from './rows.js';
import { anyOf, text, whole } from './sql.js';
import type { Reader } from './view.js';

/*
 * Between two erasures rows are only ever added, at the end of their tables. The state of the data is therefore the file's name, the number of erasures and the number
 * of rows of the tables that answers rest on; what is new since a state are the last rows of each.
 */

const TABLES = ['events', 'members', 'traits'] as const;
type Counts = Readonly<Record<(typeof TABLES)[number], number>>;

/** Names the state of the data that a connection's transaction sees. */
export async function readState(connection: DuckDBConnection): Promise<string> {
  const setting = (key: string) => `(SELECT value FROM meta WHERE key = ${text(key)})`;
  const counts = TABLES.map((table) => `(SELECT count(*) FROM ${table})::VARCHAR`);
  const sql = `SELECT concat_ws(' ', ${[setting('id'), setting('erasures'), ...counts].join(', ')})`;
  const [found] = await rows(connection, sql, { state: 'text' });
  return found?.state ?? '';
}

/** How many rows of each table a state has that another one, of the same file and without an erasure between, has not; null when it is none such. */
function addedSince(state: string, earlier: string): Counts | null {
  const [now, then] = [state.split(' '), earlier.split(' ')];
  if (now.length !== then.length || now[0] !== then[0] || now[1] !== then[1]) return null;
  const added = TABLES.map((table, i) => [table, Number(now[i + 2]) - Number(then[i + 2])] as const);
  return added.every(([, count]) => count >= 0) ? (Object.fromEntries(added) as Counts) : null;
}

type Changes = NonNullable<Awaited<ReturnType<Snapshot['changes']>>>;

export async function readChanges(
  reader: Reader,
  state: string,
  since: { readonly state: string; readonly asOf: number },
  asOf: number,
  effectiveAt: readonly string[],
): Promise<Changes | null> {
  const { connection, zone } = reader;
  const added = addedSince(state, since.state);
  if (!added || since.asOf > asOf || zone.dayOf(since.asOf - 1) !== zone.dayOf(asOf - 1)) return null;
  const inSpan = (instant: string) => `(${instant} >= ${whole(since.asOf)} AND ${instant} < ${whole(asOf)})`;
  const last = await lastRows(connection);
  const isNew = (table: keyof Counts) =>
    anyOf([...(added[table] > 0 ? [`e.rowid > ${whole(last[table] - added[table])}`] : []), inSpan('e.time')]);
  const takesEffect = effectiveAt.map((name) => {
    const property = reader.property(name);
    return `((${property.number} IS NOT NULL OR ${property.text} IS NOT NULL) AND ${inSpan(timeSql(property))})`;
  });
  // A new membership may have moved events that name no account between any of its user's accounts.
  const sql = `
    WITH joined AS (SELECT DISTINCT usr FROM members e WHERE ${isNew('members')}), named AS (
      SELECT usr, account FROM events e WHERE ${isNew('events')}
      ${takesEffect.length > 0 ? `UNION ALL SELECT e.usr, e.account FROM ${reader.events} WHERE ${anyOf(takesEffect)}` : ''}
      UNION ALL SELECT usr, account FROM members SEMI JOIN joined USING (usr)
      UNION ALL SELECT CASE kind WHEN 1 THEN subject END, CASE kind WHEN 0 THEN subject END FROM traits e WHERE ${isNew('traits')}
    )
    SELECT 0e0, id FROM users WHERE idx IN (SELECT usr FROM named)
    UNION ALL SELECT 1e0, id FROM accounts WHERE idx IN (SELECT account FROM named)`;
  const [kinds, ids] = (await columns(connection, sql, ['number', 'text'])).columns;
  const of = (kind: number) =>
    ids
      .filter((_, row) => kinds.values[row] === kind)
      .map((id) => id ?? '')
      .sort(compareCodeUnits);
  const users = of(0);
  return { users, accounts: reader.usersAreAccounts ? users : of(1) };
}

async function lastRows(connection: DuckDBConnection): Promise<Counts> {
  const sql = `SELECT ${TABLES.map((table) => `(SELECT max(rowid) FROM ${table})::DOUBLE`).join(', ')}`;
  const [found] = await rows(connection, sql, { events: 'number', members: 'number', traits: 'number' });
  return { events: found?.events ?? -1, members: found?.members ?? -1, traits: found?.traits ?? -1 };
}
