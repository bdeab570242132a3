import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { FEATURES } from '@rapport/simulate';

/*
 * What a competent analyst writes who knows the store's tables: one query per metric, every number cast to DOUBLE and copied out as typed arrays.
 * Days are epoch days in UTC; `last` is the day that ends at asOf. Accounts are their dense index.
 */

/** Numbers by account index. */
export interface Sheet {
  /** Column of the result frame that the numbers are to equal. */
  readonly column: string;
  readonly values: Float64Array;
  /** 1 where there is a value. */
  readonly valid: Uint8Array;
}
/** A table part: numbers by account index and key. Absent ones are 0 or absent. */
export interface Table {
  readonly column: string;
  readonly accounts: Float64Array;
  /** Index into `keys`. */
  readonly key: Float64Array;
  readonly keys: readonly string[];
  readonly values: Float64Array;
}
export interface Answers {
  /** Account ids; `indexes[i]` is the dense index of `ids[i]`. */
  readonly ids: readonly string[];
  readonly indexes: Float64Array;
  readonly sheets: readonly Sheet[];
  readonly tables: readonly Table[];
}

interface Numbers {
  readonly values: Float64Array;
  readonly valid: Uint8Array;
}

const chunksOf = async (connection: DuckDBConnection, sql: string) => (await connection.run(sql)).fetchAllChunks();

/** Which rows of a chunk have a value; null when all have. */
function validity({ chunk, rowCount }: DuckDBDataChunk, column: number): Uint8Array | null {
  const vector = duckdb.data_chunk_get_vector(chunk, column);
  return duckdb.vector_get_validity(vector, Math.ceil(rowCount / 64) * 8);
}

/** A DOUBLE column. */
function numbersOf(chunks: readonly DuckDBDataChunk[], column: number): Numbers {
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rowCount, 0);
  const values = new Float64Array(rows);
  const valid = new Uint8Array(rows).fill(1);
  let offset = 0;
  for (const chunk of chunks) {
    const { rowCount } = chunk;
    const data = duckdb.vector_get_data(duckdb.data_chunk_get_vector(chunk.chunk, column), rowCount * 8);
    values.set(new Float64Array(data.buffer, data.byteOffset, rowCount), offset);
    const bits = validity(chunk, column);
    if (bits) for (let i = 0; i < rowCount; i++) valid[offset + i] = ((bits[i >> 3] ?? 0) >> (i & 7)) & 1;
    offset += rowCount;
  }
  return { values, valid };
}

/** A VARCHAR column without nulls. */
function textsOf(chunks: readonly DuckDBDataChunk[], column: number): string[] {
  const found: string[] = [];
  for (const chunk of chunks) {
    const vector = chunk.getColumnVector(column);
    for (let i = 0; i < chunk.rowCount; i++) found.push(vector.getItem(i) as string);
  }
  return found;
}

const POINTS = { 'Feature Used': 1, 'Signed In': 1, 'Invite Sent': 5, 'Survey Responded': 5, 'Order Completed': 10 };
const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`;
const list = (values: readonly string[]) => `[${values.map(quoted).join(', ')}]`;

/** Columns that the store keeps for a declared property: n<i> number, t<i> text, o<i> booleans. */
async function propertyIndexes(connection: DuckDBConnection): Promise<ReadonlyMap<string, string>> {
  const chunks = await chunksOf(connection, 'SELECT property, idx::VARCHAR FROM property_columns');
  const indexes = textsOf(chunks, 1);
  return new Map(textsOf(chunks, 0).map((name, i) => [name, indexes[i] ?? '']));
}

/** The metrics of the bench for all accounts, by SQL. */
export async function evaluateBySql(connection: DuckDBConnection, asOf: number): Promise<Answers> {
  const last = Math.floor((asOf - 1) / 86_400_000);
  const properties = await propertyIndexes(connection);
  const property = (kind: 'n' | 't' | 'o', name: string) => {
    const index = properties.get(name);
    if (index === undefined) throw new Error(`the store has no column for the property "${name}"`);
    return `${kind}${index}`;
  };
  const named = (...names: readonly string[]) =>
    names.length === 1
      ? `name = (SELECT idx FROM names WHERE name = ${quoted(names[0] ?? '')})`
      : `name IN (SELECT idx FROM names WHERE name IN (${names.map(quoted).join(', ')}))`;
  const within = (days: number) => `time < ${asOf} AND day > ${last - days}`;

  // Every account there is, and whether it ever had an event: a metric has no value for one that had none.
  await connection.run(`
    CREATE OR REPLACE TEMP TABLE subject AS
    SELECT s.account, e.account IS NOT NULL AS seen
    FROM (SELECT idx AS account FROM account_sightings GROUP BY idx HAVING min(time) < ${asOf}) s
    LEFT JOIN (SELECT DISTINCT account FROM events WHERE time < ${asOf}) e USING (account)`);
  const subjects = await chunksOf(
    connection,
    'SELECT idx::DOUBLE, id FROM accounts WHERE idx IN (SELECT account FROM subject)',
  );

  const sheets: Sheet[] = [];
  /** A query of account and then the columns; values are placed by account. */
  const sheet = async (columns: readonly string[], sql: string) => {
    const chunks = await chunksOf(connection, sql);
    const accounts = numbersOf(chunks, 0).values;
    const size = accounts.reduce((most, account) => Math.max(most, account), -1) + 1;
    columns.forEach((column, c) => {
      const placed = { column, values: new Float64Array(size), valid: new Uint8Array(size) };
      const found = numbersOf(chunks, c + 1);
      accounts.forEach((account, row) => {
        placed.values[account] = found.values[row] ?? 0;
        placed.valid[account] = found.valid[row] ?? 0;
      });
      sheets.push(placed);
    });
  };
  const tables: Table[] = [];
  const table = async (column: string, keys: readonly string[], sql: string) => {
    const chunks = await chunksOf(connection, sql);
    const [accounts, key, values] = [0, 1, 2].map((index) => numbersOf(chunks, index).values) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    tables.push({ column, accounts, key, keys, values });
  };

  // Active users: first and last day of each user, then counted per account.
  await sheet(
    [
      'active-users',
      'active-users.n',
      'active-users.dau',
      'active-users.wau',
      'active-users.mau',
      'active-users.new',
      'active-users.returning',
    ],
    `WITH users AS (
       SELECT account, usr, min(day) AS first, max(day) AS latest FROM events
       WHERE usr IS NOT NULL AND account IS NOT NULL AND time < ${asOf} GROUP BY account, usr
     ), counts AS (
       SELECT account,
         count(*) FILTER (latest = ${last}) AS dau,
         count(*) FILTER (latest > ${last - 7}) AS wau,
         count(*) FILTER (latest > ${last - 30}) AS mau,
         count(*) FILTER (first > ${last - 30}) AS fresh
       FROM users GROUP BY account
     )
     SELECT account::DOUBLE, coalesce(mau, 0)::DOUBLE, coalesce(mau, 0)::DOUBLE, coalesce(dau, 0)::DOUBLE, coalesce(wau, 0)::DOUBLE,
       coalesce(mau, 0)::DOUBLE, coalesce(fresh, 0)::DOUBLE, coalesce(mau - fresh, 0)::DOUBLE
     FROM subject LEFT JOIN counts USING (account) WHERE seen`,
  );

  // Stickiness: mean users per day over users of the month.
  await sheet(
    ['stickiness', 'stickiness.n', 'stickiness.dau', 'stickiness.mau'],
    `WITH user_days AS (
       SELECT DISTINCT account, usr, day FROM events WHERE usr IS NOT NULL AND account IS NOT NULL AND ${within(30)}
     ), counts AS (
       SELECT account, count(*) / 30e0 AS dau, count(DISTINCT usr)::DOUBLE AS mau FROM user_days GROUP BY account
     )
     SELECT account::DOUBLE, dau / mau, mau, dau, mau FROM counts`,
  );

  // Usage frequency: active days of a fortnight, per week.
  await sheet(
    ['usage-frequency', 'usage-frequency.n', 'usage-frequency.activeDays'],
    `WITH counts AS (
       SELECT account, count(DISTINCT day)::DOUBLE AS days FROM events WHERE account IS NOT NULL AND ${within(14)} GROUP BY account
     )
     SELECT account::DOUBLE, coalesce(days, 0) / 14 * 7, coalesce(days, 0), coalesce(days, 0)
     FROM subject LEFT JOIN counts USING (account) WHERE seen`,
  );

  // Licence utilization: users of the month over the seats of now.
  await sheet(
    [
      'license-utilization',
      'license-utilization.n',
      'license-utilization.activeUsers',
      'license-utilization.seats',
      'license-utilization.unused',
    ],
    `WITH bought AS (
       SELECT subject AS account, try_cast(arg_max(value, {time: time, id: id}) AS DOUBLE) AS seats FROM traits
       WHERE kind = 0 AND name = 'seats' AND time < ${asOf} GROUP BY subject
     ), active AS (
       SELECT account, count(DISTINCT usr)::DOUBLE AS users FROM events WHERE account IS NOT NULL AND ${within(30)} GROUP BY account
     )
     SELECT account::DOUBLE, coalesce(users, 0) / seats, seats, coalesce(users, 0), seats, greatest(0, seats - coalesce(users, 0))
     FROM bought LEFT JOIN active USING (account) WHERE seats > 0`,
  );

  // Customer satisfaction: share of fours and fives in 90 days.
  const score = property('n', 'score');
  await sheet(
    ['csat', 'csat.n', 'csat.responses', 'csat.satisfied', 'csat.mean'],
    `WITH answers AS (
       SELECT account, count(*)::DOUBLE AS n, count(*) FILTER (${score} >= 4)::DOUBLE AS satisfied, avg(${score}) AS mean FROM events
       WHERE account IS NOT NULL AND ${named('Survey Responded')} AND ${property('t', 'survey')} = 'csat' AND ${score} BETWEEN 1 AND 5 AND ${within(90)}
       GROUP BY account
     )
     SELECT account::DOUBLE, 100 * satisfied / n, n, n, satisfied, mean FROM answers`,
  );

  // Customer engagement score: points per event, and their sum.
  const events = Object.keys(POINTS);
  const weight = `list_extract([${Object.values(POINTS).join(', ')}], list_position(${list(events)}, names.name))`;
  await sheet(
    [
      'customer-engagement-score',
      'customer-engagement-score.n',
      'customer-engagement-score.earned',
      'customer-engagement-score.deducted',
    ],
    `WITH counts AS (
       SELECT account, name, count(*) AS times FROM events WHERE account IS NOT NULL AND ${named(...events)} AND ${within(30)} GROUP BY account, name
     ), totals AS (
       SELECT account, sum(times * ${weight})::DOUBLE AS points, sum(times)::DOUBLE AS n
       FROM counts JOIN names ON names.idx = counts.name GROUP BY account
     )
     SELECT account::DOUBLE, coalesce(points, 0), coalesce(n, 0), coalesce(points, 0), 0::DOUBLE
     FROM subject LEFT JOIN totals USING (account) WHERE seen`,
  );
  await table(
    'customer-engagement-score.contributions',
    events,
    `SELECT account::DOUBLE, any_value(list_position(${list(events)}, names.name) - 1)::DOUBLE, sum(${weight})::DOUBLE
     FROM events JOIN names ON names.idx = events.name
     WHERE account IS NOT NULL AND events.${named(...events)} AND ${within(30)} GROUP BY account, events.name`,
  );

  // Feature adoption: catalogue features that anyone used; and who used which.
  const feature = property('t', 'feature');
  const uses = `account IS NOT NULL AND ${named('Feature Used')} AND ${feature} IN (${FEATURES.map(quoted).join(', ')}) AND ${within(30)}`;
  const active = `active AS (
    SELECT account, count(DISTINCT usr)::DOUBLE AS users FROM events WHERE account IS NOT NULL AND ${within(30)} GROUP BY account
  )`;
  await sheet(
    [
      'feature-adoption',
      'feature-adoption.n',
      'feature-adoption.used',
      'feature-adoption.catalogue',
      'feature-adoption.activeUsers',
    ],
    `WITH used AS (SELECT account, count(DISTINCT ${feature})::DOUBLE AS features FROM events WHERE ${uses} GROUP BY account), ${active}
     SELECT account::DOUBLE, coalesce(features, 0) / ${FEATURES.length}, ${FEATURES.length}::DOUBLE, coalesce(features, 0),
       ${FEATURES.length}::DOUBLE, coalesce(users, 0)
     FROM subject LEFT JOIN used USING (account) LEFT JOIN active USING (account) WHERE seen`,
  );
  await table(
    'feature-adoption.adoption',
    FEATURES,
    `WITH tried AS (
       SELECT account, ${feature} AS feature, count(DISTINCT usr)::DOUBLE AS who FROM events WHERE ${uses} GROUP BY account, ${feature}
     ), ${active}
     SELECT account::DOUBLE, (list_position(${list(FEATURES)}, feature) - 1)::DOUBLE, who / users FROM tried JOIN active USING (account)`,
  );

  // Support load: tickets by their id.
  const ticket = property('t', 'ticketId');
  await sheet(
    [
      'support-load',
      'support-load.n',
      'support-load.open',
      'support-load.closed',
      'support-load.medianHoursToClose',
      'support-load.escalated',
    ],
    `WITH opened AS (
       SELECT account, ${ticket} AS ticket, min(time) AS at, min(day) AS day FROM events
       WHERE account IS NOT NULL AND ${named('Support Ticket Opened')} AND time < ${asOf} GROUP BY ALL
     ), closed AS (
       SELECT account, ${ticket} AS ticket, min(time) AS at, min(day) AS day FROM events
       WHERE account IS NOT NULL AND ${named('Support Ticket Closed')} AND time < ${asOf} GROUP BY ALL
     ), tickets AS (
       SELECT account,
         count(*) FILTER (opened.day > ${last - 30})::DOUBLE AS opened,
         count(*) FILTER (closed.at IS NULL)::DOUBLE AS open,
         count(*) FILTER (closed.day > ${last - 30})::DOUBLE AS closed,
         median((closed.at - opened.at) / 1000e0) FILTER (closed.day > ${last - 30}) / 3600 AS hours
       FROM opened LEFT JOIN closed USING (account, ticket) GROUP BY account
     ), escalations AS (
       SELECT account, count(*)::DOUBLE AS escalated FROM events
       WHERE account IS NOT NULL AND ${named('Support Ticket Opened', 'Support Ticket Escalated')} AND ${property('o', 'escalated')} = 'true' AND ${within(30)}
       GROUP BY account
     )
     SELECT account::DOUBLE, coalesce(opened, 0), coalesce(opened, 0), coalesce(open, 0), coalesce(closed, 0), hours, coalesce(escalated, 0)
     FROM subject LEFT JOIN tickets USING (account) LEFT JOIN escalations USING (account) WHERE seen`,
  );

  return { ids: textsOf(subjects, 1), indexes: numbersOf(subjects, 0).values, sheets, tables };
}
