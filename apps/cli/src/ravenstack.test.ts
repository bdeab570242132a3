import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import type { Evaluation } from '@rapport/engine';
import { openWorkspace, type Workspace } from '@rapport/host';
import { valueAt } from '@rapport/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EvaluateReport } from './command/evaluate.js';
import type { ImportReport } from './command/import.js';
import { rapport } from './program.js';
import { recordedIo } from './recorded-io.js';

/*
 * The main job on data that nobody here wrote, through the commands as README.md has them. Every number is computed a second time by SQL
 * over the CSV files themselves.
 */
const root = resolve(import.meta.dirname, '../../..');
const data = process.env.RAVENSTACK_DATA ?? resolve(root, '../shared/data/ravenstack');
const there = existsSync(join(data, 'accounts.csv'));
if (!there)
  console.warn(`The RavenStack tests are skipped: there is no data in ${data} (RAVENSTACK_DATA names another folder).`);

const monthEnds = Array.from({ length: 24 }, (_, i) => new Date(Date.UTC(2023, i + 1, 0)).toISOString().slice(0, 10));
const dates = ['2023-06-30', '2024-03-31', '2024-12-31'];
const DAY = 86_400_000;
/** A bare date is up to and including that day. */
const endOf = (date: string) => Date.parse(date) + DAY;
const daysInMonth = (date: string) => Number(date.slice(8));

type Row = Record<string, unknown>;
interface AccountReport {
  readonly traits: Row;
  readonly metrics: readonly { readonly metric: string; readonly value: number | null }[];
  readonly memberships: readonly { readonly segment: string }[];
}
type Facts = Map<string, number | null>;

describe.skipIf(!there)('RavenStack', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'rapport-ravenstack-'));
  const config = join(cwd, '.rapport');
  let db: DuckDBConnection;
  let first: ImportReport;
  let second: ImportReport;
  let last: EvaluateReport;
  let account: AccountReport;
  let workspace: Workspace;

  const command = async <T>(...argv: string[]): Promise<T> => {
    const io = recordedIo({ cwd });
    const code = await rapport([...argv, '--json'], io);
    expect(code, io.out() + io.err()).toBe(0);
    return JSON.parse(io.out()) as T;
  };
  const sql = async (query: string): Promise<Row[]> => (await db.runAndReadAll(query)).getRowObjectsJS();
  const one = async (query: string): Promise<Row> => (await sql(query))[0] ?? {};
  /** A query for `account` and `value`. */
  const perAccount = async (query: string): Promise<Facts> =>
    new Map((await sql(query)).map(({ account, value }) => [account as string, value as number | null]));

  beforeAll(async () => {
    db = await (await DuckDBInstance.create(':memory:')).connect();
    for (const table of ['accounts', 'subscriptions', 'feature_usage', 'support_tickets', 'churn_events']) {
      await db.run(`create table ${table} as from read_csv('${join(data, `${table}.csv`)}', header = true)`);
    }
    await db.run(`
      create table usage as select account_id as account, subscription_id as actor, feature_name as feature, usage_date as day
        from feature_usage join subscriptions using (subscription_id);
      create macro started(t) as table select * from subscriptions where start_date < t;
      -- Running at t: begun before, not ended before, and no cancellation of the whole account since it began.
      create macro running(t) as table select s.* from subscriptions s where s.start_date < t
        and not coalesce(s.end_date < t, false)
        and not exists (from churn_events c where c.account_id = s.account_id and c.churn_date >= s.start_date and c.churn_date < t);
      create macro events(t) as table
        select account, day::timestamp as at, 'Feature Used' as event from usage where day < t
        union all select account_id, start_date, 'Subscription Started' from subscriptions where start_date < t
        union all select account_id, end_date, 'Subscription Cancelled' from subscriptions where end_date < t
        union all select account_id, churn_date, 'Subscription Cancelled' from churn_events where churn_date < t
        union all select account_id, submitted_at, 'Support Ticket Opened' from support_tickets where submitted_at < t
        union all select account_id, closed_at, 'Support Ticket Closed' from support_tickets where closed_at < t
        union all select account_id, closed_at, 'Survey Responded' from support_tickets where closed_at < t and satisfaction_score is not null;
      -- An account is known from its sign-up, or from an event that is dated before it.
      create macro known(t) as table select account_id as account from accounts where signup_date < t union select account from events(t);
      create macro eventful(t) as table select distinct account from events(t);
      create macro score(t) as table select account, sum(case
          when e.at is null or e.at < t - interval 30 day then 0 when event = 'Feature Used' then 15
          when event in ('Survey Responded', 'Subscription Started') then 5 else 0 end)::double as value
        from eventful(t) left join events(t) e using (account) group by account;
    `);
    first = await command<ImportReport>('import', join(root, 'examples/ravenstack'), '--data', data);
    second = await command<ImportReport>('import', join(root, 'examples/ravenstack'), '--data', data);
    last = await command<EvaluateReport>('evaluate', '--as-of', '2024-12-31');
    account = await command<AccountReport>('account', 'A-2e4581');
    workspace = await openWorkspace(config);
    return () => workspace.close();
  });
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));

  /** A column of an evaluation, by account. */
  const column = (evaluation: Evaluation, name: string): Facts => {
    const frame = evaluation.frames.find(({ level }) => level.kind === 'account')!;
    return new Map(frame.subjects.map((subject, i) => [subject, valueAt(frame.columns[name]!, i) as number | null]));
  };
  const portfolio = (evaluation: Evaluation, name: string): unknown => {
    const frame = evaluation.frames.find(({ level }) => level.kind === 'portfolio')!;
    return valueAt(frame.columns[name]!, 0);
  };
  const agree = (facts: Facts, expected: Facts, name: string) => {
    expect([...facts.keys()], name).toEqual([...expected.keys()].sort((a, b) => (a < b ? -1 : 1)));
    for (const [account, value] of expected) {
      const fact = facts.get(account) ?? null;
      if (value === null || fact === null) expect(fact, `${name} of ${account}`).toBe(value);
      else expect(fact, `${name} of ${account}`).toBeCloseTo(value, 9);
    }
  };

  it('is imported whole, and a second import changes nothing', async () => {
    const { calls } =
      await one(`select ((select count(*) from accounts) + (select 2 * count(*) + count(end_date) from subscriptions)
      + (select count(*) from feature_usage) + (select count(*) + count(closed_at) + count(satisfaction_score) from support_tickets)
      + (select count(*) from churn_events))::double as calls`);
    expect(first).toMatchObject({ calls, accepted: calls, duplicates: 0, refused: { total: 0 } });
    expect(second).toMatchObject({ calls, accepted: 0, duplicates: calls, refused: { total: 0 } });
    const { events } = await one(`select count(*)::double as events from events(date '2030-01-01')`);
    expect(await workspace.engine.stats()).toMatchObject({ events, accounts: 500, users: 4967 });
  });

  describe.each(dates)('as of %s, per account', (date) => {
    const t = `date '${date}' + 1`;
    const since = (days: number) => `date '${date}' + 1 - ${days}`;
    let evaluation: Evaluation;
    beforeAll(async () => {
      evaluation = await workspace.engine.evaluate({ asOf: endOf(date) });
    });

    it('no metric fails', () => {
      expect(evaluation.failures).toEqual([]);
      expect(workspace.engine.refused).toEqual([]);
    });

    it('active users: of the day, the week and the month, new and returning', async () => {
      const users = (days: number, more = 'true') => `select account, case when account in (from eventful(${t})) then
        (select count(distinct actor) from usage u where u.account = k.account and day >= ${since(days)} and day < ${t} and ${more})::double end as value from known(${t}) k`;
      agree(column(evaluation, 'active-users'), await perAccount(users(30)), 'active-users');
      agree(column(evaluation, 'active-users.dau'), await perAccount(users(1)), 'dau');
      agree(column(evaluation, 'active-users.wau'), await perAccount(users(7)), 'wau');
      const before = `actor in (select actor from usage where day < ${since(30)})`;
      agree(column(evaluation, 'active-users.returning'), await perAccount(users(30, before)), 'returning');
      agree(column(evaluation, 'active-users.new'), await perAccount(users(30, `not ${before}`)), 'new');
    });

    it('stickiness: mean daily over monthly users', async () => {
      agree(
        column(evaluation, 'stickiness'),
        await perAccount(`with daily as (select account, day, count(distinct actor) as n from usage where day >= ${since(30)} and day < ${t} group by all),
          monthly as (select account, count(distinct actor) as n from usage where day >= ${since(30)} and day < ${t} group by all)
          select k.account, (select sum(n) / 30 from daily d where d.account = k.account) / (select n from monthly m where m.account = k.account) as value from known(${t}) k`),
        'stickiness',
      );
    });

    it('active days in two weeks', async () => {
      agree(
        column(evaluation, 'usage-frequency.activeDays'),
        await perAccount(`select account, case when account in (from eventful(${t})) then
          (select count(distinct day) from usage u where u.account = k.account and day >= ${since(14)} and day < ${t})::double end as value from known(${t}) k`),
        'activeDays',
      );
    });

    it('seats against use, with the seats of then', async () => {
      // Of two purchases on a day the greater message id counts, as for any trait.
      const seats = `select account_id as account, arg_max(seats, (day, origin, id)) as seats from (
          select account_id, signup_date as day, 0 as origin, '' as id, seats from accounts where signup_date < ${t}
          union all select account_id, start_date, 1, subscription_id, seats from started(${t})) group by 1`;
      agree(
        column(evaluation, 'license-utilization'),
        await perAccount(`with seats as (${seats}) select k.account,
          (select count(distinct actor) from usage u where u.account = k.account and day >= ${since(30)} and day < ${t}) / seats::double as value
          from known(${t}) k left join seats using (account)`),
        'license-utilization',
      );
      const row = await one(`with seats as (${seats}) select sum(seats)::double as seats from seats`);
      expect(portfolio(evaluation, 'license-utilization.seats')).toBe(row.seats);
    });

    it('features adopted', async () => {
      agree(
        column(evaluation, 'feature-adoption.used'),
        await perAccount(`select account, case when account in (from eventful(${t})) then
          (select count(distinct feature) from usage u where u.account = k.account and day >= ${since(30)} and day < ${t})::double end as value from known(${t}) k`),
        'features',
      );
    });

    it('tickets opened, open, escalated, and the median hours to close', async () => {
      const tickets = (value: string, where: string) => `select account, case when account in (from eventful(${t})) then
        (select ${value} from support_tickets s where s.account_id = k.account and ${where}) end as value from known(${t}) k`;
      const opened = `submitted_at >= ${since(30)} and submitted_at < ${t}`;
      const closed = `closed_at >= ${since(30)} and closed_at < ${t}`;
      agree(column(evaluation, 'support-load'), await perAccount(tickets('count(*)::double', opened)), 'opened');
      agree(
        column(evaluation, 'support-load.escalated'),
        await perAccount(tickets('count(*)::double', `escalation_flag and ${opened}`)),
        'escalated',
      );
      agree(column(evaluation, 'support-load.closed'), await perAccount(tickets('count(*)::double', closed)), 'closed');
      agree(
        column(evaluation, 'support-load.open'),
        await perAccount(tickets('count(*)::double', `submitted_at < ${t} and closed_at >= ${t}`)),
        'open',
      );
      agree(
        column(evaluation, 'support-load.medianHoursToClose'),
        await perAccount(tickets('quantile_cont(resolution_time_hours, 0.5)', closed)),
        'median',
      );
    });

    it('satisfaction in 90 days', async () => {
      const where = `s.account_id = k.account and satisfaction_score is not null and closed_at >= ${since(90)} and closed_at < ${t}`;
      agree(
        column(evaluation, 'csat'),
        await perAccount(
          `select account, (select 100.0::double * count(*) filter (satisfaction_score >= 4) / nullif(count(*), 0) from support_tickets s where ${where}) as value from known(${t}) k`,
        ),
        'csat',
      );
      agree(
        column(evaluation, 'csat.mean'),
        await perAccount(
          `select account, (select avg(satisfaction_score) from support_tickets s where ${where}) as value from known(${t}) k`,
        ),
        'csat.mean',
      );
    });

    it('the engagement score', async () => {
      agree(
        column(evaluation, 'customer-engagement-score'),
        await perAccount(`select k.account, s.value from known(${t}) k left join score(${t}) s using (account)`),
        'score',
      );
    });
  });

  it('customers are lost month by month, and some come back', async () => {
    let returned = 0;
    for (const [i, date] of monthEnds.entries()) {
      const evaluation = await workspace.engine.evaluate({
        asOf: endOf(date),
        levels: [{ kind: 'portfolio' }],
        metrics: ['churn-rate'],
      });
      const from = `date '${date.slice(0, 8)}01'`;
      const to = `date '${date}' + 1`;
      const row =
        await one(`with before as (select distinct account_id from running(${from})), after as (select distinct account_id from running(${to}))
        select count(*)::double as "customersAtStart", count(*) filter (account_id not in (from after))::double as lost,
          (select count(*) from after where account_id not in (from before) and account_id in (select account_id from started(${from})))::double as returned,
          (select sum(mrr_amount)::double from running(${from})) as "mrrAtStart" from before`);
      const of = (part: string) => portfolio(evaluation, `churn-rate${part}`);
      returned += row.returned as number;
      if (row.customersAtStart === 0) {
        expect(of(''), date).toBeNull();
        expect(i).toBe(0);
        continue;
      }
      expect(
        { customersAtStart: of('.customersAtStart'), lost: of('.lost'), mrrAtStart: of('.mrrAtStart') },
        date,
      ).toEqual({
        customersAtStart: row.customersAtStart,
        lost: row.lost,
        mrrAtStart: row.mrrAtStart,
      });
      expect(of('')).toBeCloseTo((row.lost as number) / (row.customersAtStart as number), 12);

      const reasons =
        await sql(`with lost as (select distinct account_id from running(${from}) where account_id not in (select account_id from running(${to})))
        select reason, count(*)::double as n from (select account_id, coalesce((select arg_max(reason_code, (churn_date, churn_event_id)) from churn_events c
          where c.account_id = lost.account_id and churn_date < ${to}
            and churn_date >= (select max(start_date) from started(${to}) s where s.account_id = lost.account_id)), 'unstated') as reason from lost) group by 1`);
      const found = of('.reasons');
      const table: unknown = found instanceof Map ? Object.fromEntries(found as Map<string, number>) : found;
      expect(table, date).toEqual(Object.fromEntries(reasons.map(({ reason, n }) => [reason, n])));
    }
    expect(returned).toBeGreaterThan(50);
  });

  it('satisfaction by calendar month', async () => {
    await workspace.close();
    const lengths = new Map<number, string[]>();
    for (const date of monthEnds) lengths.set(daysInMonth(date), [...(lengths.get(daysInMonth(date)) ?? []), date]);
    for (const [days, ends] of lengths) {
      // The metric looks at a number of days, so each length of month is a configuration; nothing else is loaded.
      const { config: base, plugins } = workspace.engine;
      const off = (kind: string) =>
        Object.fromEntries(plugins.filter((p) => p.kind === kind).map((p) => [p.manifest.id, false as const]));
      const monthly = {
        ...base,
        metrics: { ...off('metric'), csat: { window: `${days}d` } },
        segments: off('segment'),
        playbooks: off('playbook'),
        actions: off('action'),
      };
      const opened = await openWorkspace({ config: monthly, root: config });
      try {
        for (const date of ends) {
          const evaluation = await opened.engine.evaluate({
            asOf: endOf(date),
            levels: [{ kind: 'portfolio' }],
            metrics: ['csat'],
          });
          const row =
            await one(`select count(satisfaction_score)::double as n, 100.0::double * count(*) filter (satisfaction_score >= 4) / nullif(count(satisfaction_score), 0) as value
            from support_tickets where date_trunc('month', closed_at) = date '${date.slice(0, 8)}01'`);
          expect(portfolio(evaluation, 'csat.responses'), date).toBe(row.n);
          expect(portfolio(evaluation, 'csat'), date).toBeCloseTo(row.value as number, 9);
        }
      } finally {
        await opened.close();
      }
    }
    workspace = await openWorkspace(config);
  });

  describe('evaluate --as-of 2024-12-31', () => {
    const t = `date '2025-01-01'`;

    it('counts every account in its band', async () => {
      const row =
        await one(`select count(*) filter (value = 0)::double as dormant, count(*) filter (value > 0 and value <= 40)::double as disengaged,
        count(*) filter (value > 40 and value <= 70)::double as engaged, count(*) filter (value > 70 and value <= 100)::double as "highly-engaged",
        count(*) filter (value > 100)::double as "power-user" from (select k.account, coalesce(s.value, 0) as value from known(${t}) k left join score(${t}) s using (account))`);
      const bands = last.segments.find(({ segment }) => segment === 'engagement-bands')?.bands;
      expect(Object.fromEntries(bands?.map(({ id, members }) => [id, members]) ?? [])).toEqual(row);
      expect(Object.values(row).reduce((sum: number, n) => sum + (n as number), 0)).toBe(500);
    });

    it('names the accounts whose score changed most in 30 days', async () => {
      const rows =
        await sql(`select k.account, b.value as before, a.value as after, coalesce(a.value, 0) - coalesce(b.value, 0) as change
        from known(${t}) k left join score(${t}) a using (account) left join score(${t} - 30) b using (account)
        where change <> 0 order by abs(change) desc, k.account limit 10`);
      expect(last.movers.accounts).toEqual(rows);
      expect(last.movers.comparedTo).toBe('2024-12-02T00:00:00.000Z');
    });

    it('shows an account with its traits, metrics and bands', async () => {
      expect(account.traits).toMatchObject({
        industry: 'EdTech',
        country: 'US',
        signupAt: '2024-10-16',
        seats: 44,
        plan: 'Basic',
      });
      const row = await one(`select value from score(${t}) where account = 'A-2e4581'`);
      const score = account.metrics.find(({ metric }) => metric === 'customer-engagement-score');
      expect(score?.value).toBe(row.value);
      expect(account.memberships.map(({ segment }) => segment).join()).toContain('engagement-bands.');
    });
  });
});
