import type { DuckDBConnection } from '@duckdb/node-api';
import type { Changes } from '@rapport/store';
import { readInstant } from '@rapport/sdk/time';
import { compareCodeUnits, storeErased } from '@rapport/store';
import type { Numbers } from './rows.js';
import { columns, rows } from './rows.js';
import { text, whole } from './sql.js';
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

/** The erasure epoch of a state. */
export const epochOf = (state: string): number => Number(state.split(' ')[1]);

/** The erasure epoch that a connection's transaction sees. */
export async function readEpoch(connection: DuckDBConnection): Promise<number> {
  const sql = `SELECT value::DOUBLE FROM meta WHERE key = 'erasures'`;
  return (await rows(connection, sql, { epoch: 'number' }))[0]?.epoch ?? 0;
}

/** Throws `RAPPORT_STORE_ERASED` when something was erased since an epoch. */
export async function assertEpoch(connection: DuckDBConnection, epoch: number): Promise<void> {
  if ((await readEpoch(connection)) !== epoch) throw storeErased();
}

/** How many rows of each table a state has that another one, of the same file and without an erasure between, has not; null when it is none such. */
function addedSince(state: string, earlier: string): Counts | null {
  const [now, then] = [state.split(' '), earlier.split(' ')];
  if (now.length !== then.length || now[0] !== then[0] || now[1] !== then[1]) return null;
  const added = TABLES.map((table, i) => [table, Number(now[i + 2]) - Number(then[i + 2])] as const);
  return added.every(([, count]) => count >= 0) ? (Object.fromEntries(added) as Counts) : null;
}

export async function readChanges(
  reader: Reader,
  state: string,
  since: { readonly state: string; readonly asOf: number },
  asOf: number,
  effectiveAt: readonly string[],
  kinds: readonly ('account' | 'user')[] = ['account', 'user'],
): Promise<Changes | null> {
  const { connection, zone } = reader;
  const added = addedSince(state, since.state);
  if (!added || since.asOf > asOf || zone.dayOf(since.asOf - 1) !== zone.dayOf(asOf - 1)) return null;
  const last = await lastRows(connection, state);
  /** Rows that are new, or that time has passed; two conditions, because DuckDB asks its zone maps for each by itself. */
  const named = (table: keyof Counts, selected: string, event = 'NULL, NULL') =>
    [`e.rowid > ${whole(last[table] - added[table])}`, `e.time >= ${whole(since.asOf)} AND e.time < ${whole(asOf)}`]
      .map((where) => `SELECT ${selected}, ${event} FROM ${table} e WHERE ${where}`)
      .join(' UNION ALL ');
  const affected = await takingEffect(reader, since.asOf, asOf, effectiveAt);
  // A new membership may have moved events that name no account between any of its user's accounts.
  const sql = `
    WITH named (usr, account, event, day) AS MATERIALIZED (
      ${named('events', 'e.usr, e.account', 'e.name, e.day')}
      UNION ALL SELECT usr, account, NULL, NULL FROM members SEMI JOIN (${named('members', 'e.usr', 'NULL')}) USING (usr)
      UNION ALL ${named('traits', 'CASE e.kind WHEN 1 THEN e.subject END, CASE e.kind WHEN 0 THEN e.subject END')}
      UNION ALL SELECT * FROM (VALUES ${['(NULL::INTEGER, NULL::INTEGER, -1, NULL::INTEGER)', ...affected].join(', ')})
    )
    ${kinds.includes('user') || reader.usersAreAccounts ? 'SELECT 0e0, id FROM users WHERE idx IN (SELECT usr FROM named) UNION ALL' : ''}
    SELECT 1e0, id FROM accounts WHERE idx IN (SELECT account FROM named)
    UNION ALL SELECT 2e0, name FROM names WHERE idx IN (SELECT event FROM named)
    UNION ALL SELECT 3e0, '' WHERE EXISTS (FROM named WHERE event IS NULL)
    UNION ALL SELECT 4e0, min(day)::VARCHAR FROM named`;
  const [parts, ids] = (await columns(connection, sql, ['number', 'text'])).columns;
  const of = (part: number) =>
    ids
      .filter((_, row) => parts.values[row] === part)
      .map((id) => id ?? '')
      .sort(compareCodeUnits);
  const users = of(0);
  const accounts = reader.usersAreAccounts ? users : of(1);
  if (parts.values.includes(3)) return { users, accounts };
  return { users, accounts, events: { names: of(2), from: Number(of(4)[0] || Infinity) } };
}

const DAY = 86_400_000;
/** The furthest that a `Date` reaches. */
const LAST_INSTANT = 8_640_000_000_000_000;
const isoDate = (instant: number) =>
  new Date(Math.min(LAST_INSTANT, Math.max(-LAST_INSTANT, instant))).toISOString().slice(0, 10);

/** User and account, as SQL, of events with a property that says an instant of the span. Numbers and dates as they are written are compared in SQL: most of a file is not looked at then. */
async function takingEffect(
  reader: Reader,
  from: number,
  to: number,
  properties: readonly string[],
): Promise<readonly string[]> {
  if (properties.length === 0) return [];
  const dates = [isoDate(from - DAY), isoDate(to + 2 * DAY)] as const;
  const candidates = properties.flatMap((name) => {
    const property = reader.property(name);
    return [
      `${property.number} >= ${whole(from)} AND ${property.number} < ${whole(to)}`,
      `${property.text} >= ${text(dates[0])} AND ${property.text} < ${text(dates[1])}`,
    ].map(
      (where) => `
      SELECT e.usr::DOUBLE, e.account::DOUBLE, ${property.number}, ${property.text} FROM ${reader.events}
      WHERE e.time < ${whole(to)} AND ${where}`,
    );
  });
  const kinds = ['number', 'number', 'number', 'text'] as const;
  const [users, accounts, numbers, texts] = (await columns(reader.connection, candidates.join(' UNION ALL '), kinds))
    .columns;
  const number = ({ values, valid }: Numbers, row: number) => (valid[row] ? whole(values[row] ?? 0) : 'NULL');
  return texts.flatMap((written, row) => {
    const instant = readInstant(written ?? numbers.values[row], reader.zone);
    return instant !== null && instant >= from && instant < to
      ? [`(${number(users, row)}, ${number(accounts, row)}, NULL, NULL)`]
      : [];
  });
}

/** The last row of each table, or one before it. */
async function lastRows(connection: DuckDBConnection, state: string): Promise<Counts> {
  const [, erasures, ...counts] = state.split(' ');
  // Where nothing was ever erased, nothing has to be asked.
  if (erasures === '0') return Object.fromEntries(TABLES.map((table, i) => [table, Number(counts[i]) - 1])) as Counts;
  const sql = `SELECT ${TABLES.map((table) => `(SELECT max(rowid) FROM ${table})::DOUBLE`).join(', ')}`;
  const [found] = await rows(connection, sql, { events: 'number', members: 'number', traits: 'number' });
  return { events: found?.events ?? -1, members: found?.members ?? -1, traits: found?.traits ?? -1 };
}
