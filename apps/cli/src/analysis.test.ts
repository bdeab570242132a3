import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  Attribution,
  BackfillReport,
  CohortComparison,
  CohortTable,
  EvidenceReport,
  GoalReport,
  GoalsReport,
  Trend,
} from '@rapport/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verbatimsText } from './command/account.js';
import { cohortText, comparisonText } from './command/cohorts.js';
import type { EvaluateReport } from './command/evaluate.js';
import { attributionText } from './command/explain-score.js';
import { goalsText } from './command/goals.js';
import { trendText } from './command/trend.js';
import { without } from './left-out.test.fixture.js';
import { rapport } from './program.js';
import { recordedIo } from './recorded-io.js';
import { sparkline } from './sparkline.js';

let messages = 0;
const call = (day: string, account: string, user: string, more: object) => ({
  type: 'track',
  messageId: `m${String(++messages)}`,
  timestamp: `${day}T10:00:00Z`,
  userId: user,
  context: { groupId: account },
  ...more,
});
const events = (day: string, account: string, event: string, times: number) =>
  Array.from({ length: times }, () => call(day, account, `user of ${account}`, { event }));
const nps = (day: string, account: string, user: string, score: number, comment?: string) =>
  call(day, account, user, {
    event: 'Survey Responded',
    properties: { survey: 'nps', score, ...(comment ? { comment } : {}) },
  });
const group = (account: string, signupAt: string) => ({
  type: 'group',
  messageId: `group ${account}`,
  timestamp: `${signupAt}T00:00:00Z`,
  groupId: account,
  traits: { signupAt },
});

const calls = [
  group('acme', '2024-01-10'),
  group('beta', '2024-02-10'),
  ...events('2024-01-15', 'acme', 'Feature Used', 3),
  ...events('2024-02-15', 'beta', 'Invite Sent', 2),
  ...events('2024-05-20', 'acme', 'Feature Used', 10),
  ...events('2024-06-20', 'acme', 'Invite Sent', 1),
  ...events('2024-06-10', 'beta', 'Feature Used', 4),
  nps('2024-06-02', 'acme', 'ada', 10, 'Great'),
  nps('2024-06-04', 'acme', 'bob', 3, 'Too slow'),
  nps('2024-06-03', 'beta', 'cid', 9),
];
const config = {
  workspace: 'test',
  metrics: without('metric', 'nps', 'customer-engagement-score'),
  segments: without('segment'),
  playbooks: without('playbook'),
  actions: without('action'),
  goals: [
    { metric: 'nps', baseline: 0, from: '2024-01-01', target: 50, by: '2024-12-31', benchmark: 40, label: 'Promoters' },
    {
      metric: 'customer-engagement-score',
      subject: 'account',
      baseline: 0,
      from: '2024-01-01',
      target: 15,
      by: '2024-12-31',
    },
  ],
};
const now = () => Date.parse('2024-07-02T09:00:00Z');

describe('the commands that look at how things develop', () => {
  const dir = mkdtempSync(join(tmpdir(), 'rapport-analysis-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const run = async (...argv: string[]) => {
    const io = recordedIo({ cwd: dir, now });
    const code = await rapport(argv, io);
    return { code, out: io.out(), err: io.err() };
  };
  const json = async <T>(...argv: string[]): Promise<T> => {
    const { code, out } = await run(...argv, '--json');
    expect(code, out).toBe(0);
    return JSON.parse(out) as T;
  };
  const failure = async (...argv: string[]) => {
    const { code, out } = await run(...argv, '--json');
    return { exit: code, ...(JSON.parse(out) as { error: { code: string; message: string } }).error };
  };
  beforeAll(async () => {
    writeFileSync(join(dir, 'rapport.json'), JSON.stringify(config));
    writeFileSync(join(dir, 'events.ndjson'), calls.map((one) => JSON.stringify(one)).join('\n'));
    expect((await run('import', 'events.ndjson')).code).toBe(0);
  });

  it('evaluate and goals: how far the goals are', async () => {
    const evaluated = await json<EvaluateReport>('evaluate', '--as-of', '2024-06-30');
    // 10, 3 and 9 make an NPS of 100·(2 − 1)/3. 182 of 366 days are over.
    const promoters = { label: 'Promoters', status: 'on-track', daysLeft: 184, kind: 'portfolio' };
    expect(evaluated.goals).toMatchObject([promoters]);
    const [goal] = evaluated.goals as [GoalReport];
    expect(goal.progress).toBeCloseTo(100 / 3 / 50, 12);
    expect(goal.expected).toBeCloseTo(182 / 366, 12);
    expect(goal.aboveBenchmark).toBeCloseTo(100 / 3 - 40, 12);
    const report = await json<GoalsReport>('goals');
    // acme has 5 for an invitation and 5 for each of two answers; beta 4, and 5 for an answer.
    const each = { subjects: 2, statuses: { reached: 1, 'on-track': 1, behind: 0 } };
    expect(report.goals).toMatchObject([promoters, each]);
    expect(goalsText(report)).toMatch(/Promoters +33\.3 +50 by 2024-12-31 +67 % +50 % +on-track +184 +-6\.7/);
    expect(goalsText(report)).toMatch(/Customer engagement score +2 accounts +1 +1 +0 +0 +0/);
  });

  it('account --verbatims: its goals, and the comments behind its survey values', async () => {
    const account = await json<{ goals: GoalReport[]; verbatims: EvidenceReport[] }>('account', 'acme', '--verbatims');
    expect(account.goals).toMatchObject([{ kind: 'account', id: 'acme', value: 15, status: 'reached', progress: 1 }]);
    const comments = account.verbatims.map(({ metric, items }) => [
      metric,
      items.map(({ user, properties }) => [user, properties]),
    ]);
    expect(comments).toEqual([
      [
        'nps',
        [
          ['bob', { comment: 'Too slow', score: 3 }],
          ['ada', { comment: 'Great', score: 10 }],
        ],
      ],
    ]);
    expect(verbatimsText(account.verbatims)).toMatch(/2024-06-04 +bob +score 3 +Too slow/);
  });

  it('backfill and trend: filled in once, and shown with its slope', async () => {
    const fill = ['backfill', '--from', '2024-06-01', '--to', '2024-06-05', '--metrics', 'nps'];
    expect(await json<BackfillReport>(...fill)).toMatchObject({
      evaluated: 5,
      skipped: 0,
      left: 0,
      metrics: ['nps'],
      levels: ['account', 'portfolio'],
    });
    expect((await run(...fill)).out).toContain('0 days evaluated, 5 were there already');
    // The run has added its day.
    const trend = await json<Trend>('trend', 'nps', '--from', '2024-06-01');
    expect(trend).toMatchObject({ kind: 'portfolio', from: '2024-06-01', to: '2024-06-30' });
    expect(trend.points.map(({ day, value }) => [day, value])).toEqual([
      ['2024-06-01', null],
      ['2024-06-02', 100],
      ['2024-06-03', 100],
      ['2024-06-04', 100 / 3],
      ['2024-06-05', 100 / 3],
      ['2024-06-30', 100 / 3],
    ]);
    const text = trendText(trend);
    expect(text).toContain('·██▁▁························▁');
    expect(text).toMatch(/Slope -\d\.\d+ per day over the last 30 days \(5 values\)/);
    expect(text).toContain('24 of 30 days are not in the history');
    expect(trendText({ ...trend, points: [] })).toContain('rapport backfill --from 2024-06-01 --to 2024-06-30');
  });

  it('cohorts: by month of life, and compared', async () => {
    const { comparison, ...table } = await json<CohortTable & { comparison: CohortComparison }>(
      ...['cohorts', 'customer-engagement-score', '--ages', '2', '--compare', '2024-01,2024-02'],
    );
    expect(table.cohorts.map(({ cohort, ages }) => [cohort, ages.map(({ n, mean }) => [n, mean])])).toEqual([
      ['2024-01', [[1, 3], [1, 0]]],
      ['2024-02', [[1, 10], [1, 0]]],
    ]); // prettier-ignore
    expect(comparison.ages).toMatchObject([
      { age: 1, difference: 7, interval: null },
      { age: 2, difference: 0, interval: null },
    ]);
    expect(cohortText(table, 'UTC')).toMatch(/2024-02 +1 +10 \(1\) +0 \(1\)/);
    expect(comparisonText(comparison)).toMatch(/1 +3 \(1\) +10 \(1\) +\+7 +too few to tell/);
  });

  it('explain-score: what changed it, and by how much', async () => {
    const found = await json<Attribution>('explain-score', 'customer-engagement-score', '--account', 'acme');
    // 30 days before the run: 10 for features. As of the run: 5 for the invitation, 10 for answers.
    expect(found).toMatchObject({
      from: { run: null, asOf: '2024-06-01T00:00:00.000Z', value: 10 },
      to: { run: 1, value: 15 },
      change: 5,
      effects: { data: 5, configuration: 0, version: 0, lateData: 0 },
    });
    const text = attributionText(found, 'UTC');
    expect(text).toContain('Customer engagement score of account acme: +5');
    expect(text).toMatch(
      /By data +before +after +change\nFeature Used +10 +0 +-10\nSurvey Responded +0 +10 +\+10\nInvite Sent +0 +5 +\+5/,
    );
  });

  it.each([
    [['cohorts', 'nps', '--by', 'year'], 2, 'RAPPORT_USAGE'],
    [['cohorts', 'nps', '--compare', '2024-01'], 2, 'RAPPORT_USAGE'],
    [['backfill', '--from', '2024-06-31', '--to', '2024-07-01'], 2, 'RAPPORT_ANALYSIS_OPTION'],
    [['backfill', '--from', '2024-06-01', '--to', '2024-06-02', '--levels', 'acount'], 2, 'RAPPORT_USAGE'],
    [['backfill', '--from', '2024-06-01'], 2, 'RAPPORT_USAGE'],
    [['trend', 'nps', '--account', 'a', '--user', 'b'], 2, 'RAPPORT_USAGE'],
    [['trend', 'nps', '--from', 'June'], 2, 'RAPPORT_ANALYSIS_OPTION'],
    [['explain-score', 'x', '--account', 'acme', '--from', 'then'], 2, 'RAPPORT_USAGE'],
    // Of those that have to open the workspace first, one for each way to end.
    [['cohorts', 'nsp'], 6, 'RAPPORT_EVALUATE_METRIC'],
    [['explain-score', 'nps', '--account', 'acme'], 2, 'RAPPORT_ANALYSIS_NO_CONTRIBUTIONS'],
  ])('%j ends with %i and %s', async (argv, exit, code) => {
    expect(await failure(...argv)).toMatchObject({ exit, code });
  });
});

describe('a line of bars', () => {
  it('goes from the least to the greatest, with dots where nothing is known', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 60)).toBe('▁▂▃▄▅▆▇█');
    expect(sparkline([null, 5, null], 60)).toBe('·▄·');
    expect(sparkline([], 60)).toBe('');
  });
  it('is a mean per column where there are more values than columns', () => {
    expect(sparkline([0, 2, 10, null, null, null], 3)).toBe('▁█·');
  });
});
