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

  // Net Promoter Score: the latest answer of each respondent in 90 days; who has no name answers alone.
  const answer = (survey: string, least: number, most: number) =>
    `account IS NOT NULL AND ${named('Survey Responded')} AND ${property('t', 'survey')} = '${survey}' AND ${score} BETWEEN ${least} AND ${most} AND ${within(90)}`;
  await sheet(
    ['nps', 'nps.n', 'nps.promoters', 'nps.passives', 'nps.detractors', 'nps.marginOfError', 'nps.latestScore'],
    `WITH answers AS (
       SELECT account, usr, ${score} AS score, {time: time, id: id} AS moment, CASE WHEN usr IS NULL THEN id END AS alone
       FROM events WHERE ${answer('nps', 0, 10)}
     ), respondents AS (
       SELECT account, arg_max(score, moment) AS score, max(moment) AS moment FROM answers GROUP BY account, usr, alone
     ), counts AS (
       SELECT account, count(*)::DOUBLE AS n, count(*) FILTER (score >= 9)::DOUBLE AS p, count(*) FILTER (score < 7)::DOUBLE AS d,
         arg_max(score, moment) AS latest
       FROM respondents GROUP BY account
     )
     SELECT account::DOUBLE, 100 * (p - d) / n, n, p, n - p - d, d, 196 * sqrt(((p + d) / n - ((p - d) / n) ** 2) / n), latest FROM counts`,
  );

  // Customer effort score: sum of the ratings of 90 days over their number.
  await sheet(
    [
      'customer-effort-score',
      'customer-effort-score.n',
      'customer-effort-score.responses',
      'customer-effort-score.sum',
      'customer-effort-score.easy',
      'customer-effort-score.easyShare',
    ],
    `WITH answers AS (
       SELECT account, count(*)::DOUBLE AS n, sum(${score})::DOUBLE AS total, count(*) FILTER (${score} >= 5)::DOUBLE AS easy
       FROM events WHERE ${answer('ces', 1, 7)} GROUP BY account
     )
     SELECT account::DOUBLE, total / n, n, n, total, easy, 100 * easy / n FROM answers`,
  );

  // Sessions that begin in the last 30 days: by their id, within a day of quiet, or by half an hour of quiet.
  await connection.run(`
    CREATE OR REPLACE TEMP TABLE visit AS
    WITH moments AS (
      SELECT account, usr, session, time, day, time - lag(time) OVER (PARTITION BY account, usr, session ORDER BY time) AS gap
      FROM events WHERE usr IS NOT NULL AND account IS NOT NULL AND ${within(32)}
    ), marked AS (
      SELECT account, usr, session, time, day,
        sum((gap IS NULL OR gap > CASE WHEN session IS NULL THEN 1800000 ELSE 86400000 END)::INTEGER)
          OVER (PARTITION BY account, usr, session ORDER BY time ROWS UNBOUNDED PRECEDING) AS nr
      FROM moments
    )
    SELECT account, min(day) AS day, (max(time) - min(time)) / 1000e0 AS seconds FROM marked GROUP BY account, usr, session, nr`);
  await sheet(
    ['visit-frequency', 'visit-frequency.n', 'visit-frequency.sessions', 'visit-frequency.perWeek'],
    `WITH visits AS (SELECT account, count(*)::DOUBLE AS n FROM visit WHERE day > ${last - 28} GROUP BY account)
     SELECT account::DOUBLE, coalesce(n, 0) / 4 / 5, 28::DOUBLE, coalesce(n, 0), coalesce(n, 0) / 4
     FROM subject LEFT JOIN visits USING (account) WHERE seen`,
  );
  await sheet(
    [
      'session-time',
      'session-time.n',
      'session-time.sessions',
      'session-time.total',
      'session-time.mean',
      'session-time.median',
      'session-time.p90',
    ],
    `WITH visits AS (
       SELECT account, count(*)::DOUBLE AS n, sum(seconds)::DOUBLE AS total, quantile_cont(seconds, 0.5) AS median, quantile_cont(seconds, 0.9) AS p90
       FROM visit WHERE day > ${last - 30} GROUP BY account
     )
     SELECT account::DOUBLE, total / n, n, n, total, total / n, median, p90 FROM visits`,
  );
  await sheet(
    [
      'sessions-per-day',
      'sessions-per-day.n',
      'sessions-per-day.sessions',
      'sessions-per-day.activeUsers',
      'sessions-per-day.monthlyActiveSessions',
      'sessions-per-day.dailyActiveSessions',
      'sessions-per-day.perUser',
    ],
    `WITH visits AS (
       SELECT account, count(*)::DOUBLE AS n, count(*) FILTER (day = ${last})::DOUBLE AS today FROM visit WHERE day > ${last - 30} GROUP BY account
     ), ${active}
     SELECT account::DOUBLE, n / users / 30, CASE WHEN users > 0 THEN users END, coalesce(n, 0), coalesce(users, 0), coalesce(n, 0), coalesce(today, 0),
       n / users
     FROM subject LEFT JOIN visits USING (account) LEFT JOIN active USING (account)`,
  );

  // Time in product: gaps of up to five minutes in a fortnight.
  await sheet(
    ['time-in-product', 'time-in-product.n', 'time-in-product.activeUsers', 'time-in-product.perActiveUser'],
    `WITH moments AS (
       SELECT account, usr, day, time - lag(time) OVER (PARTITION BY account, usr ORDER BY time) AS gap
       FROM events WHERE usr IS NOT NULL AND account IS NOT NULL AND ${within(15)}
     ), used AS (
       SELECT account, coalesce(sum(gap) FILTER (gap <= 300000), 0) / 1000e0 AS seconds, count(DISTINCT usr)::DOUBLE AS users
       FROM moments WHERE day > ${last - 14} GROUP BY account
     )
     SELECT account::DOUBLE, coalesce(seconds, 0), coalesce(users, 0), coalesce(users, 0), seconds / users
     FROM subject LEFT JOIN used USING (account) WHERE seen`,
  );

  // Core actions of 30 days.
  const actions = ['Feature Used', 'Order Completed', 'Invite Sent'];
  await sheet(
    ['core-actions', 'core-actions.n', 'core-actions.activeUsers', 'core-actions.perActiveUser'],
    `WITH acted AS (
       SELECT account, count(*)::DOUBLE AS n FROM events WHERE account IS NOT NULL AND ${named(...actions)} AND ${within(30)} GROUP BY account
     ), ${active}
     SELECT account::DOUBLE, coalesce(n, 0), coalesce(n, 0), coalesce(users, 0), CASE WHEN users > 0 THEN coalesce(n, 0) / users END
     FROM subject LEFT JOIN acted USING (account) LEFT JOIN active USING (account) WHERE seen`,
  );
  await table(
    'core-actions.byAction',
    actions,
    `SELECT account::DOUBLE, any_value(list_position(${list(actions)}, names.name) - 1)::DOUBLE, count(*)::DOUBLE
     FROM events JOIN names ON names.idx = events.name
     WHERE account IS NOT NULL AND events.${named(...actions)} AND ${within(30)} GROUP BY account, events.name`,
  );

  // First week: days, actions and minutes of the seven days from signing up, each against its target.
  await connection.run(`
    CREATE OR REPLACE TEMP TABLE signup AS
    SELECT account, instant, (instant // 86400000)::INTEGER AS first FROM (
      SELECT subject AS account, epoch_ms(try_cast(arg_max(value, {time: time, id: id}) ->> '$' AS TIMESTAMP)) AS instant FROM traits
      WHERE kind = 0 AND name = 'signupAt' AND time < ${asOf} GROUP BY subject
    ) WHERE instant IS NOT NULL`);
  const weeks = `WITH moments AS (
      SELECT account, usr, day, name, first,
        CASE WHEN usr IS NOT NULL THEN time - lag(time) OVER (PARTITION BY account, usr ORDER BY time) END AS gap
      FROM events JOIN signup USING (account) WHERE day BETWEEN first - 1 AND first + 6 AND time < ${asOf}
    ), weeks AS (
      SELECT account, count(DISTINCT day)::DOUBLE AS days, count(*) FILTER (${named(...actions)})::DOUBLE AS acts,
        coalesce(sum(gap) FILTER (gap <= 300000), 0) / 60000e0 AS minutes
      FROM moments WHERE day >= first GROUP BY account
    ), shares AS (
      SELECT account, first, coalesce(days, 0) AS days, coalesce(acts, 0) AS acts, coalesce(minutes, 0) AS minutes,
        [100 * least(1, coalesce(days, 0) / 3) / 3, 100 * least(1, coalesce(acts, 0) / 10) / 3, 100 * least(1, coalesce(minutes, 0) / 60) / 3] AS points
      FROM signup LEFT JOIN weeks USING (account)
    )`;
  await sheet(
    [
      'first-week-engagement',
      'first-week-engagement.n',
      'first-week-engagement.progress',
      'first-week-engagement.activeDays',
      'first-week-engagement.coreActions',
      'first-week-engagement.minutes',
    ],
    `${weeks}
     SELECT account::DOUBLE, CASE WHEN first + 6 <= ${last} THEN list_sum(points) END, CASE WHEN first + 6 <= ${last} THEN 7e0 END, list_sum(points), days, acts, minutes FROM shares`,
  );
  await table(
    'first-week-engagement.contributions',
    ['activeDays', 'coreActions', 'minutes'],
    `${weeks} SELECT account::DOUBLE, (k - 1)::DOUBLE, points[k] FROM shares, range(1, 4) each(k)`,
  );

  // Onboarding: which of four events there ever were, and when the last of them came first.
  const steps = ['Profile Completed', 'Integration Connected', 'First Project Created', 'Invite Sent'];
  await sheet(
    [
      'onboarding-progress',
      'onboarding-progress.n',
      'onboarding-progress.steps',
      'onboarding-progress.done',
      'onboarding-progress.activated',
      'onboarding-progress.timeToActivation',
    ],
    `WITH firsts AS (
       SELECT account, min(time) AS instant FROM events WHERE account IS NOT NULL AND ${named(...steps)} AND time < ${asOf} GROUP BY account, name
     ), counts AS (SELECT account, count(*)::DOUBLE AS done, max(instant) AS latest FROM firsts GROUP BY account)
     SELECT account::DOUBLE, 100 * coalesce(done, 0) / 4, 4::DOUBLE, 4::DOUBLE, coalesce(done, 0), coalesce(done = 4, false)::DOUBLE,
       CASE WHEN done = 4 THEN greatest(0, latest - signup.instant) / 3600000e0 END
     FROM subject LEFT JOIN counts USING (account) LEFT JOIN signup USING (account) WHERE seen OR signup.instant IS NOT NULL`,
  );

  // Lifetime value so far: average sale, sales per month, months since signing up or the first sale.
  const revenue = property('n', 'revenue');
  const position = (day: string) => {
    const date = `(DATE '1970-01-01' + (${day})::INTEGER)`;
    return `(year(${date}) * 12 + month(${date}) + (day(${date}) - 1) / day(last_day(${date}))::DOUBLE)`;
  };
  await sheet(
    [
      'lifetime-value',
      'lifetime-value.n',
      'lifetime-value.lv',
      'lifetime-value.clv',
      'lifetime-value.averageSale',
      'lifetime-value.transactionsPerMonth',
      'lifetime-value.retentionMonths',
    ],
    `WITH sales AS (
       SELECT account, count(*)::DOUBLE AS n, sum(${revenue})::DOUBLE AS total, min(time) AS first FROM events
       WHERE account IS NOT NULL AND ${named('Order Completed')} AND ${revenue} >= 0 AND time < ${asOf} GROUP BY account
     ), tenures AS (
       SELECT account, n, total, greatest(1, ${position(String(last + 1))} - ${position('least(sales.first, coalesce(signup.instant, sales.first)) // 86400000')}) AS months
       FROM sales LEFT JOIN signup USING (account)
     )
     SELECT account::DOUBLE, total, n, total, total, total / n, n / months, months FROM tenures`,
  );

  // Engagement score: five metrics, each as a share of its target, weighted; what is missing gives its weight to the others.
  const components = [
    'usage-frequency',
    'time-in-product.perActiveUser',
    'feature-adoption',
    'license-utilization',
    'stickiness',
  ];
  await connection.run(`
    CREATE OR REPLACE TEMP TABLE engagement AS
    WITH days AS (
      SELECT account, count(DISTINCT day) / 2e0 AS per_week FROM events WHERE account IS NOT NULL AND ${within(14)} GROUP BY account
    ), moments AS (
      SELECT account, usr, day, time - lag(time) OVER (PARTITION BY account, usr ORDER BY time) AS gap
      FROM events WHERE usr IS NOT NULL AND account IS NOT NULL AND ${within(15)}
    ), used AS (
      SELECT account, coalesce(sum(gap) FILTER (gap <= 300000), 0) / 1000e0 / count(DISTINCT usr) AS seconds
      FROM moments WHERE day > ${last - 14} GROUP BY account
    ), adopted AS (
      SELECT account, count(DISTINCT ${feature}) / ${FEATURES.length}e0 AS share FROM events WHERE ${uses} GROUP BY account
    ), bought AS (
      SELECT subject AS account, try_cast(arg_max(value, {time: time, id: id}) AS DOUBLE) AS seats FROM traits
      WHERE kind = 0 AND name = 'seats' AND time < ${asOf} GROUP BY subject
    ), user_days AS (
      SELECT DISTINCT account, usr, day FROM events WHERE usr IS NOT NULL AND account IS NOT NULL AND ${within(30)}
    ), monthly AS (
      SELECT account, count(DISTINCT usr)::DOUBLE AS users, count(*) / 30e0 / count(DISTINCT usr) AS sticky FROM user_days GROUP BY account
    ), activity AS (
      SELECT account, count(*)::DOUBLE AS events FROM events WHERE account IS NOT NULL AND ${within(30)} GROUP BY account
    )
    SELECT account, seen, coalesce(events, 0) AS events, coalesce(share, CASE WHEN seen THEN 0 END) AS adoption, sticky, list_transform([
      coalesce(per_week, CASE WHEN seen THEN 0 END) / 5, seconds / 7200, coalesce(share, CASE WHEN seen THEN 0 END) / 0.5,
      CASE WHEN seats > 0 THEN coalesce(users, 0) / seats END / 0.9, sticky / 0.4
    ], lambda reached: CASE WHEN reached > 1 THEN 10 ELSE 10 * reached END) AS points
    FROM subject LEFT JOIN days USING (account) LEFT JOIN used USING (account) LEFT JOIN adopted USING (account) LEFT JOIN bought USING (account)
      LEFT JOIN monthly USING (account) LEFT JOIN activity USING (account)`);
  const weights = '[30, 20, 20, 15, 15]';
  const present = `CASE WHEN points[k] IS NOT NULL THEN ${weights}[k] END`;
  const scored = `each AS (SELECT account, k, points[k] AS points, ${present} AS weight FROM engagement, range(1, 6) each(k) WHERE seen),
     totals AS (SELECT account, sum(weight)::DOUBLE AS weight, sum(weight * points)::DOUBLE AS points, count(weight)::DOUBLE AS n FROM each GROUP BY account)`;
  await sheet(
    ['engagement-score', 'engagement-score.n', 'engagement-score.coverage', 'engagement-score.events'],
    `WITH ${scored}
     SELECT account::DOUBLE, 10 * totals.points / weight, n, coalesce(weight, 0), events FROM totals JOIN engagement USING (account)`,
  );
  await table(
    'engagement-score.points',
    components,
    `WITH ${scored} SELECT account::DOUBLE, (k - 1)::DOUBLE, points FROM each WHERE points IS NOT NULL`,
  );
  await table(
    'engagement-score.contributions',
    components,
    `WITH ${scored} SELECT account::DOUBLE, (k - 1)::DOUBLE, 10 * each.points * each.weight / totals.weight
     FROM each JOIN totals USING (account) WHERE each.points IS NOT NULL`,
  );

  // Product engagement score: adoption, stickiness and growth; who came and who dropped, month over month.
  await connection.run(`
    CREATE OR REPLACE TEMP TABLE growth AS
    WITH users AS (
      SELECT account, usr, min(day) AS first, bool_or(day > ${last - 30}) AS now, bool_or(day BETWEEN ${last - 59} AND ${last - 30}) AS before
      FROM events WHERE usr IS NOT NULL AND account IS NOT NULL AND time < ${asOf} GROUP BY account, usr
    ), counts AS (
      SELECT account, count(*) FILTER (first > ${last - 30})::DOUBLE AS fresh, count(*) FILTER (now AND NOT before AND first <= ${last - 30})::DOUBLE AS recovered,
        count(*) FILTER (before AND NOT now)::DOUBLE AS dropped
      FROM users GROUP BY account
    ), rates AS (
      SELECT account, coalesce(fresh, 0) AS fresh, coalesce(recovered, 0) AS recovered, coalesce(dropped, 0) AS dropped
      FROM subject LEFT JOIN counts USING (account)
    )
    SELECT account, fresh, recovered, dropped, CASE WHEN dropped > 0 THEN (fresh + recovered) / dropped END AS quick, [
      100 * adoption, 100 * sticky,
      CASE WHEN dropped > 0 THEN 100 * least(1, (fresh + recovered) / dropped / 4) WHEN fresh + recovered > 0 THEN 100 END
    ]::DOUBLE[] AS scores
    FROM rates JOIN engagement USING (account)`);
  const product = 'product-engagement-score';
  await sheet(
    [
      product,
      ...['n', 'adoption', 'stickiness', 'growth', 'quickRatio', 'new', 'recovered', 'dropped', 'coverage'].map(
        (part) => `${product}.${part}`,
      ),
    ],
    `SELECT account::DOUBLE, list_avg(scores), list_count(scores)::DOUBLE, scores[1], scores[2], scores[3], quick, fresh, recovered, dropped,
       100 * list_count(scores) / 3e0
     FROM growth`,
  );
  await table(
    `${product}.contributions`,
    ['adoption', 'stickiness', 'growth'],
    `SELECT account::DOUBLE, (k - 1)::DOUBLE, scores[k] / list_count(scores) FROM growth, range(1, 4) each(k) WHERE scores[k] IS NOT NULL`,
  );

  return { ids: textsOf(subjects, 1), indexes: numbersOf(subjects, 0).values, sheets, tables };
}
