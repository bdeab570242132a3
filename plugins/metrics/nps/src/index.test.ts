import { allOf, atLeast, atMost, equal, exists, last, not } from '@rapport/sdk';
import {
  type Call,
  checkMetric,
  evaluateMetric,
  group,
  type OracleAnswer,
  type OracleSubject,
  track,
} from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import nps from './index.js';

// 90 days up to this midnight: 1 December … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const response = (
  user: string | null,
  score: number | string | null,
  time = '2026-02-10T09:00:00Z',
  more = {},
  at: { readonly account?: string; readonly id?: string } = {},
) => track(user, 'Survey Responded', time, { survey: 'nps', score, ...more }, { account: 'acme', ...at });
/** One respondent per score. */
const responses = (...scores: number[]) => scores.map((score, i) => response(`user-${i}`, score));
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(nps, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });

/** The opinions of the respondents as 1, 0 and −1: their mean is the score, their spread its margin of error. */
function oracle(
  { events, asOf, calendar }: OracleSubject,
  config: { minSample: number; promoter: number; passive: number },
): OracleAnswer {
  const from = calendar.startOfDay(calendar.dayOf(asOf - 1) - 89);
  const latest = new Map<string, number>();
  let latestScore = null;
  for (const { id, time, event, user, properties } of events) {
    const { survey, score } = properties;
    if (time < from || event !== 'Survey Responded' || survey !== 'nps') continue;
    if (typeof score !== 'number' || score < 0 || score > 10) continue;
    latest.set(user === null ? `message ${id}` : `user ${user}`, score);
    latestScore = score;
  }
  const opinions = [...latest.values()].map((score) =>
    score >= config.promoter ? 1 : score >= config.passive ? 0 : -1,
  );
  const n = opinions.length;
  if (n === 0) return { value: null, reason: 'no-data', n: null };
  const mean = opinions.reduce<number>((sum, opinion) => sum + opinion, 0) / n;
  const variance = opinions.reduce<number>((sum, opinion) => sum + (opinion - mean) ** 2, 0) / n;
  const parts = {
    promoters: opinions.filter((opinion) => opinion === 1).length,
    passives: opinions.filter((opinion) => opinion === 0).length,
    detractors: opinions.filter((opinion) => opinion === -1).length,
    marginOfError: 100 * 1.96 * Math.sqrt(variance / n),
    latestScore,
  };
  return n < config.minSample
    ? { value: null, reason: 'below-min-sample', n, parts }
    : { value: 100 * mean, reason: null, n, parts };
}

describe('Net Promoter Score', () => {
  it('computes the example of the README: {10, 9, 9, 8, 7, 6, 3} = 100 · (3 − 2) ÷ 7', async () => {
    expect(await evaluate(responses(10, 9, 9, 8, 7, 6, 3))).toEqual({
      value: 100 / 7,
      reason: null,
      n: 7,
      parts: {
        promoters: 3,
        passives: 2,
        detractors: 2,
        marginOfError: expect.closeTo(196 * Math.sqrt((5 / 7 - 1 / 49) / 7), 10) as number,
        latestScore: 3,
      },
    });
  });

  it.each([
    [[9, 10], 100],
    [[7, 8], 0],
    [[0, 6], -100],
    [[8.5], 0],
    [[6.9], -100],
    [[10, 0], 0],
  ])('is %j → %d', async (scores, value) => {
    expect((await evaluate(responses(...scores))).value).toBe(value);
  });

  it('has a margin of 0 when all agree, and of 196 ÷ √n where half promote and half detract', async () => {
    expect((await evaluate(responses(9, 9, 10))).parts.marginOfError).toBe(0);
    expect((await evaluate(responses(9, 9, 1, 1))).parts.marginOfError).toBe(98);
  });

  it('counts each respondent once, by the latest response, in any order of arrival', async () => {
    const calls = [
      response('ann', 3, '2026-02-20T09:00:00Z'),
      response('ann', 10, '2026-02-10T09:00:00Z'),
      response('ben', 9, '2026-02-11T09:00:00Z'),
    ];
    const expected = { value: 0, n: 2, parts: { promoters: 1, passives: 0, detractors: 1, latestScore: 3 } };
    expect(await evaluate(calls)).toMatchObject(expected);
    expect(await evaluate(calls.toReversed())).toMatchObject(expected);
  });

  it('takes the greater message id of two responses at one instant, and a message once', async () => {
    const calls = [
      response('ann', 0, undefined, {}, { id: 'm2' }),
      response('ann', 10, undefined, {}, { id: 'm1' }),
      response('ann', 0, undefined, {}, { id: 'm2' }),
    ];
    expect(await evaluate(calls)).toMatchObject({ value: -100, n: 1, parts: { latestScore: 0 } });
  });

  it('keeps the latest response on the scale, whatever came after it', async () => {
    const calls = [
      response('ann', 9, '2026-02-10T09:00:00Z'),
      response('ann', 11, '2026-02-11T09:00:00Z'),
      response('ann', '3', '2026-02-12T09:00:00Z'),
      response('ann', null, '2026-02-13T09:00:00Z'),
      response('ann', 1, '2026-02-14T09:00:00Z', { survey: 'csat' }),
    ];
    expect(await evaluate(calls)).toMatchObject({ value: 100, n: 1, parts: { latestScore: 9 } });
  });

  it('counts every response that names no user', async () => {
    expect(await evaluate([response(null, 9), response(null, 9), response('ann', 1)])).toMatchObject({
      n: 3,
      parts: { promoters: 2, detractors: 1 },
    });
  });

  it('has no value without responses, or with fewer respondents than the minimum sample', async () => {
    expect(await evaluate([track('ann', 'Signed In', '2026-02-10', {}, { account: 'acme' })])).toEqual({
      value: null,
      reason: 'no-data',
      n: null,
      parts: {},
    });
    expect(await evaluate([...responses(9, 9), ...responses(9, 8)], { minSample: 3 })).toEqual({
      value: null,
      reason: 'below-min-sample',
      n: 2,
      parts: { promoters: 1, passives: 1, detractors: 0, marginOfError: 196 * Math.sqrt(0.125), latestScore: 8 },
    });
    expect((await evaluate(responses(9, 9, 8), { minSample: 3 })).reason).toBeNull();
  });

  it.each([
    ['just before the window', '2025-11-30T23:59:59.999Z', null],
    ['as the window opens', '2025-12-01T00:00:00Z', 100],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 100],
    ['at asOf', '2026-03-01T00:00:00Z', null],
  ])('with one response %s is as it should be', async (_, time, value) => {
    expect((await evaluate([response('ann', 9, time)])).value).toBe(value);
  });

  it('cuts days in the workspace’s zone', async () => {
    const auckland = { zone: 'Pacific/Auckland', asOf: '2026-02-28T11:00:00Z' };
    expect((await evaluate([response('ann', 9, '2025-11-30T11:00:00Z')], {}, auckland)).value).toBe(100);
    expect((await evaluate([response('ann', 9, '2025-11-30T10:59:59.999Z')], {}, auckland)).value).toBeNull();
  });

  it('takes another scale, and other names', async () => {
    const calls = [5, 4, 2].map((rating, i) =>
      track(`user-${i}`, 'Rated', '2026-02-10', { form: 'loyalty', rating }, { account: 'acme' }),
    );
    const config = {
      event: 'Rated',
      survey: 'loyalty',
      surveyProperty: 'form',
      scoreProperty: 'rating',
      lowest: 1,
      highest: 5,
      promoter: 5,
      passive: 4,
    };
    expect(await evaluate(calls, config)).toMatchObject({
      value: 0,
      n: 3,
      parts: { promoters: 1, passives: 1, detractors: 1 },
    });
  });

  it('is 100, 0 or −100 for one user, and counts a respondent once in the portfolio', async () => {
    const calls = [
      group('acme', { plan: 'pro' }, '2026-01-01'),
      group('zeta', { plan: 'free' }, '2026-01-01'),
      response('ann', 10, '2026-02-10'),
      response('ann', 2, '2026-02-11', {}, { account: 'zeta' }),
      response('ben', 9, '2026-02-12'),
      response('cleo', 8, '2026-02-12'),
    ];
    const of = (id: string) => evaluate(calls, {}, { subject: { kind: 'user', id } });
    expect([(await of('ann')).value, (await of('ben')).value, (await of('cleo')).value]).toEqual([-100, 100, 0]);
    expect(await evaluate(calls, {}, { subject: { kind: 'portfolio' } })).toMatchObject({ value: 0, n: 3 });
    const byPlan = await evaluateMetric(nps, { calls, asOf, subject: { kind: 'portfolio', by: 'plan' } });
    expect(byPlan).toMatchObject({ pro: { value: 200 / 3, n: 3 }, free: { value: -100, n: 1 } });
  });

  it('has the comments of the window’s responses to read', () => {
    const evidence = nps.evidence?.({
      window: '30d',
      promoter: 9,
      passive: 7,
      lowest: 0,
      highest: 10,
      survey: 'nps',
      minSample: 1,
      event: 'Survey Responded',
      surveyProperty: 'survey',
      scoreProperty: 'score',
      commentProperty: 'comment',
    });
    const response = allOf(equal('survey', 'nps'), atLeast('score', 0), atMost('score', 10));
    expect(evidence).toEqual({
      filter: { events: ['Survey Responded'], where: allOf(response, exists('comment'), not(equal('comment', ''))) },
      window: last('30d'),
      properties: ['comment', 'score'],
    });
  });

  const properties = {
    survey: ['nps', 'nps', 'nps', 'csat', null],
    score: [0, 6, 6.5, 7, 8, 9, 10, 11, -1, '9', null],
  };

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(nps, { properties, oracle });
  });

  it('is so with another configuration', async () => {
    const config = { minSample: 2, promoter: 10, passive: 8 };
    await checkMetric(nps, { config, properties, oracle, runs: 20, seed: 2 });
  });
});
