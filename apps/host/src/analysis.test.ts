import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  backfill,
  type Attribution,
  type CohortComparison,
  type CohortTable,
  type EvidenceReport,
  type GoalReport,
  type GoalsReport,
  type Trend,
} from '@rapport/engine';
import { openWorkspace, serve, type Served, type Workspace } from './index.js';

const installed = readdirSync(fileURLToPath(new URL('../../../node_modules/@rapport', import.meta.url)));
/** Every installed plugin of a kind but those named is left out, so that the workspace opens fast. */
const without = (kind: string, ...kept: readonly string[]) =>
  Object.fromEntries(
    installed
      .filter((name) => name.startsWith(`${kind}-`))
      .map((name) => name.slice(kind.length + 1))
      .filter((id) => !kept.includes(id))
      .map((id) => [id, false as const]),
  );

const DAY = 86_400_000;
const NOW = Date.parse('2024-07-01T00:00:00Z');
let messages = 0;
const track = (account: string, user: string, day: string, event: string, properties: object = {}) => ({
  type: 'track',
  messageId: `m${String(++messages)}`,
  timestamp: `${day}T10:00:00Z`,
  userId: user,
  context: { groupId: account },
  event,
  properties,
});
const group = (account: string, traits: object) => ({
  type: 'group',
  messageId: `group ${account}`,
  timestamp: '2024-01-01T00:00:00Z',
  groupId: account,
  traits,
});

describe('the API on how things develop', () => {
  const root = mkdtempSync(join(tmpdir(), 'host-analysis-'));
  let workspace: Workspace;
  let served: Served;
  const get = (path: string) => fetch(served.url + path);
  const json = async <T>(path: string): Promise<T> => {
    const response = await get(path);
    expect(response.status, path).toBe(200);
    return (await response.json()) as T;
  };
  beforeAll(async () => {
    workspace = await openWorkspace({
      root,
      config: {
        workspace: 'w',
        metrics: without('metric', 'nps', 'customer-engagement-score'),
        segments: without('segment'),
        playbooks: without('playbook'),
        actions: without('action'),
        goals: [
          { metric: 'nps', baseline: -50, from: '2024-01-01', target: 0, by: '2024-12-31' },
          { metric: 'customer-engagement-score', subject: 'account', id: 'acme', baseline: 0, from: '2024-01-01', target: 5, by: '2024-12-31' }, // prettier-ignore
        ],
      },
    });
    expect(workspace.engine.refused).toEqual([]);
    served = await serve(workspace, { port: 0, logger: pino({ enabled: false }) });
  });
  afterAll(async () => {
    await served.close();
    await workspace.close();
    rmSync(root, { recursive: true });
  });

  it('has nothing to show before the first run', async () => {
    for (const path of [
      '/v1/goals',
      '/v1/cohorts?metric=nps',
      '/v1/metrics/nps/trend',
      '/v1/portfolio/metrics/nps/evidence',
    ]) {
      const response = await get(path);
      expect([path, response.status, ((await response.json()) as { code: string }).code]).toEqual([
        path,
        404,
        'RAPPORT_HTTP_NO_RUN',
      ]);
    }
  });

  it('shows goals: all of them, and those of a subject', async () => {
    await workspace.engine.ingest([
      group('acme', { signupAt: '2024-01-10', plan: 'pro' }),
      group('beta', { signupAt: '2024-02-10', plan: 'free' }),
      track('acme', 'ada', '2024-01-20', 'Feature Used'),
      track('beta', 'cid', '2024-02-20', 'Invite Sent'),
      track('acme', 'ada', '2024-05-20', 'Feature Used'),
      track('acme', 'ada', '2024-06-20', 'Survey Responded', { survey: 'nps', score: 10, comment: 'Great' }),
      track('beta', 'cid', '2024-06-21', 'Survey Responded', { survey: 'nps', score: 2, comment: 'No' }),
    ]);
    await workspace.engine.run({ asOf: NOW });
    const { run, goals } = await json<GoalsReport>('/v1/goals');
    expect(run).toBe(1);
    expect(goals).toMatchObject([
      { kind: 'portfolio', value: 0, status: 'reached', progress: 1, daysLeft: 184 },
      { kind: 'account', id: 'acme', value: 5, status: 'reached' },
    ]);
    type WithGoals = { readonly goals: readonly GoalReport[] };
    expect((await json<WithGoals>('/v1/portfolio')).goals).toEqual([goals[0]]);
    expect((await json<WithGoals>('/v1/accounts/acme')).goals).toEqual([goals[1]]);
    expect((await json<WithGoals>('/v1/accounts/beta')).goals).toEqual([]);
  });

  it('shows a trend: the days of runs, and those that were filled in', async () => {
    const last = NOW / DAY - 1;
    const before = await json<Trend>('/v1/metrics/nps/trend?account=acme');
    expect(before).toMatchObject({ kind: 'account', id: 'acme', from: '2024-04-02', to: '2024-06-30' });
    expect(before.points).toMatchObject([{ day: '2024-06-30', value: 100, complete: true, current: true }]);
    await backfill(workspace.engine, { from: last - 10, to: last, now: NOW, metrics: ['nps'] });
    const { points, slope } = await json<Trend>('/v1/metrics/nps/trend?from=2024-06-19&to=2024-06-22');
    expect(points.map(({ day, value }) => [day, value])).toEqual([
      ['2024-06-20', 100],
      ['2024-06-21', 0],
      ['2024-06-22', 0],
    ]);
    expect(slope).toEqual({ perDay: -50, days: 30, points: 3 });
  });

  it('shows cohorts, once per run', async () => {
    const path = '/v1/cohorts?metric=customer-engagement-score&ages=2&compare=2024-01,2024-02';
    const first = await get(path);
    const table = (await first.json()) as CohortTable & { readonly comparison: CohortComparison; readonly run: number };
    expect(table.run).toBe(1);
    expect(table.cohorts.map(({ cohort, ages }) => [cohort, ages.map(({ mean }) => mean)])).toEqual([
      ['2024-01', [1, 0]],
      ['2024-02', [5, 0]],
    ]);
    expect(table.comparison.ages.map(({ difference }) => difference)).toEqual([4, 0]);
    const etag = first.headers.get('etag') ?? '';
    expect((await fetch(served.url + path, { headers: { 'If-None-Match': etag } })).status).toBe(304);
    const byPlan = await json<CohortTable>('/v1/cohorts?metric=nps&by=trait:plan&ages=1');
    expect(byPlan.cohorts.map(({ cohort, size }) => [cohort, size])).toEqual([['free', 1], ['pro', 1]]); // prettier-ignore
  });

  it('shows the comments behind a value, of accounts, users and the portfolio', async () => {
    const comments = async (path: string) =>
      (await json<EvidenceReport>(path)).items.map(({ properties }) => properties);
    expect(await comments('/v1/accounts/acme/metrics/nps/evidence')).toEqual([{ comment: 'Great', score: 10 }]);
    expect(await comments('/v1/users/cid/metrics/nps/evidence?asOf=2024-06-21')).toEqual([{ comment: 'No', score: 2 }]);
    expect(await comments('/v1/users/cid/metrics/nps/evidence?asOf=2024-06-21T10:00:00Z')).toEqual([]);
    expect(await comments('/v1/portfolio/metrics/nps/evidence?limit=1')).toEqual([{ comment: 'No', score: 2 }]);
  });

  it('shows why a score changed', async () => {
    const path = '/v1/accounts/acme/metrics/customer-engagement-score/attribution';
    const found = await json<Attribution>(path);
    expect(found).toMatchObject({
      from: { asOf: '2024-06-01T00:00:00.000Z', run: null, value: 1 },
      to: { run: 1, value: 5 },
      effects: { data: 4, configuration: 0, version: 0, lateData: 0 },
    });
    expect(await json<Attribution>(`${path}?from=2024-05-31&to=run:1`)).toEqual(found);
    expect(await json<Attribution>(path.replace('accounts/acme', 'users/ada'))).toMatchObject({ change: 4 });
  });

  it.each([
    ['/v1/cohorts', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/cohorts?metric=nps&by=year', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/cohorts?metric=nps&ages=0', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/cohorts?metric=nps&kind=family', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/cohorts?metric=nps&compare=a', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/cohorts?metric=nps&compare=2024-01,2025-01', 404, 'RAPPORT_ANALYSIS_COHORT'],
    ['/v1/cohorts?metric=nps&by=trait:pan', 400, 'RAPPORT_ANALYSIS_TRAIT'],
    ['/v1/cohorts?metric=mps', 404, 'RAPPORT_EVALUATE_METRIC'],
    ['/v1/metrics/mps/trend', 404, 'RAPPORT_EVALUATE_METRIC'],
    ['/v1/metrics/nps/trend?from=yesterday', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/metrics/nps/trend?account=a&user=b', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/metrics/nps/trend?from=2024-06-30&to=2024-06-01', 400, 'RAPPORT_ANALYSIS_OPTION'],
    ['/v1/metrics/nps/trend?family=acme', 400, 'RAPPORT_ANALYSIS_OPTION'],
    ['/v1/accounts/acme/metrics/customer-engagement-score/evidence', 400, 'RAPPORT_ANALYSIS_NO_EVIDENCE'],
    ['/v1/accounts/acme/metrics/nps/evidence?limit=0', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/accounts/acme/metrics/nps/evidence?asOf=then', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/accounts/acme/metrics/nps/attribution', 400, 'RAPPORT_ANALYSIS_NO_CONTRIBUTIONS'],
    ['/v1/portfolio/metrics/customer-engagement-score/attribution', 400, 'RAPPORT_ANALYSIS_SUBJECT'],
    ['/v1/accounts/nobody/metrics/customer-engagement-score/attribution', 404, 'RAPPORT_ANALYSIS_UNKNOWN_SUBJECT'],
    ['/v1/accounts/acme/metrics/customer-engagement-score/attribution?from=run:9', 404, 'RAPPORT_ANALYSIS_RUN'],
    ['/v1/accounts/acme/metrics/nps', 404, 'RAPPORT_HTTP_NOT_FOUND'],
    ['/v1/goals?id=1', 400, 'RAPPORT_HTTP_QUERY'],
  ])('answers %s with %i %s', async (path, status, code) => {
    const response = await get(path);
    expect(((await response.json()) as { code: string }).code).toBe(code);
    expect(response.status).toBe(status);
  });
});
