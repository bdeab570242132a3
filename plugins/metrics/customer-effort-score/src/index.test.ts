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
import customerEffortScore from './index.js';

// 90 days up to this midnight: 1 December … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const response = (
  score: number | string | null,
  time = '2026-02-10T09:00:00Z',
  user: string | null = 'ann',
  more = {},
  at: { readonly account?: string; readonly id?: string } = {},
) => track(user, 'Survey Responded', time, { survey: 'ces', score, ...more }, { account: 'acme', ...at });
const responses = (...scores: number[]) => scores.map((score) => response(score));
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(customerEffortScore, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });

function oracle({ events, asOf, calendar }: OracleSubject, config: { minSample: number; scale: 5 | 7 }): OracleAnswer {
  const from = calendar.startOfDay(calendar.dayOf(asOf - 1) - 89);
  const easyRatings = config.scale === 7 ? 5 : 4;
  let [n, sum, easy] = [0, 0, 0];
  for (const { time, event, properties } of events) {
    const { survey, score } = properties;
    if (time < from || event !== 'Survey Responded' || survey !== 'ces') continue;
    if (typeof score !== 'number' || score < 1 || score > config.scale) continue;
    n++;
    sum += score;
    if (score >= easyRatings) easy++;
  }
  if (n === 0) return { value: null, reason: 'no-data', n: null };
  const parts = { responses: n, sum, easy, easyShare: (easy / n) * 100 };
  return n < config.minSample
    ? { value: null, reason: 'below-min-sample', n, parts }
    : { value: sum / n, reason: null, n, parts };
}

describe('customer effort score', () => {
  it('computes the example of the README: {5, 6, 7, 2} on 1–7 = 5.0', async () => {
    expect(await evaluate(responses(5, 6, 7, 2))).toEqual({
      value: 5,
      reason: null,
      n: 4,
      parts: { responses: 4, sum: 20, easy: 3, easyShare: 75 },
    });
  });

  it.each([
    [7, [4, 5], 4.5, 1],
    [7, [1], 1, 0],
    [7, [7, 7], 7, 2],
    [5, [3, 4, 5], 4, 2],
    [5, [1, 3.5], 2.25, 0],
  ] as const)('on 1–%d, %j is %d with %d easy', async (scale, scores, value, easy) => {
    expect(await evaluate(responses(...scores), { scale })).toMatchObject({ value, parts: { easy } });
  });

  it('calls easy what the configuration calls easy, on the scale', async () => {
    expect((await evaluate(responses(5, 6, 7, 2), { easy: 6 })).parts).toMatchObject({ easy: 2, easyShare: 50 });
    expect((await evaluate(responses(0, 1, 2), { easy: -3 })).parts).toMatchObject({ responses: 2, easy: 2 });
  });

  it('counts every response, also two of one respondent, but a message once, in any order of arrival', async () => {
    const twice = response(1, '2026-02-11', 'ann', {}, { id: 'm1' });
    const calls = [response(7), response(7), twice, twice];
    expect(await evaluate(calls)).toMatchObject({ value: 5, n: 3 });
    expect(await evaluate(calls.toReversed())).toMatchObject({ value: 5, n: 3 });
  });

  it('leaves out other surveys, missing scores, text, and scores off the scale', async () => {
    const calls = [
      response(5),
      response(7, '2026-02-10', 'ben', { survey: 'nps' }),
      response(null),
      response('5'),
      response(0),
      response(8),
    ];
    expect(await evaluate(calls)).toMatchObject({ value: 5, n: 1 });
    expect(await evaluate([response(6), response(7)], { scale: 5 })).toMatchObject({ value: null, reason: 'no-data' });
  });

  it('has no value without responses, or with fewer than the minimum sample', async () => {
    expect(await evaluate([track('ann', 'Signed In', '2026-02-10', {}, { account: 'acme' })])).toEqual({
      value: null,
      reason: 'no-data',
      n: null,
      parts: {},
    });
    expect(await evaluate(responses(5, 4), { minSample: 3 })).toEqual({
      value: null,
      reason: 'below-min-sample',
      n: 2,
      parts: { responses: 2, sum: 9, easy: 1, easyShare: 50 },
    });
    expect((await evaluate(responses(5, 4, 1), { minSample: 3 })).reason).toBeNull();
  });

  it.each([
    ['just before the window', '2025-11-30T23:59:59.999Z', null],
    ['as the window opens', '2025-12-01T00:00:00Z', 6],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 6],
    ['at asOf', '2026-03-01T00:00:00Z', null],
  ])('with one response %s is as it should be', async (_, time, value) => {
    expect((await evaluate([response(6, time)])).value).toBe(value);
  });

  it('cuts days in the workspace’s zone', async () => {
    const honolulu = { zone: 'Pacific/Honolulu', asOf: '2026-03-01T10:00:00Z' };
    expect((await evaluate([response(6, '2025-12-01T10:00:00Z')], {}, honolulu)).value).toBe(6);
    expect((await evaluate([response(6, '2025-12-01T09:59:59.999Z')], {}, honolulu)).value).toBeNull();
  });

  it('takes other names', async () => {
    const calls = [5, 3].map((rating) =>
      track('ann', 'Rated', '2026-02-10', { form: 'effort', rating }, { account: 'acme' }),
    );
    const config = {
      event: 'Rated',
      survey: 'effort',
      surveyProperty: 'form',
      scoreProperty: 'rating',
      scale: 5,
    } as const;
    expect(await evaluate(calls, config)).toMatchObject({ value: 4, parts: { easyShare: 50 } });
  });

  it('refuses a scale that is neither 1–5 nor 1–7', async () => {
    await expect(evaluate([], { scale: 10 })).rejects.toThrow('RAPPORT_TESTKIT_CONFIG');
  });

  it('answers for a user, and for the portfolio also where no user is known', async () => {
    const calls = [
      group('acme', { plan: 'pro' }, '2026-01-01'),
      response(5),
      response(1, '2026-02-10', 'ben'),
      response(3, '2026-02-10', null),
    ];
    expect((await evaluate(calls, {}, { subject: { kind: 'user', id: 'ben' } })).value).toBe(1);
    expect(await evaluate(calls, {}, { subject: { kind: 'portfolio' } })).toMatchObject({ value: 3, n: 3 });
    expect(await evaluate(calls, {}, { subject: { kind: 'portfolio', by: 'plan' } })).toMatchObject({
      pro: { value: 3, n: 3 },
    });
  });

  it('has the comments of the window’s responses to read', () => {
    const evidence = customerEffortScore.evidence?.({
      window: '30d',
      scale: 7,
      survey: 'ces',
      minSample: 1,
      event: 'Survey Responded',
      surveyProperty: 'survey',
      scoreProperty: 'score',
      commentProperty: 'comment',
    });
    const response = allOf(equal('survey', 'ces'), atLeast('score', 1), atMost('score', 7));
    expect(evidence).toEqual({
      filter: { events: ['Survey Responded'], where: allOf(response, exists('comment'), not(equal('comment', ''))) },
      window: last('30d'),
      properties: ['comment', 'score'],
    });
  });

  const properties = { survey: ['ces', 'ces', 'ces', 'nps', null], score: [0, 1, 3, 4, 5, 6.5, 7, 8, '5', null] };

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(customerEffortScore, { properties, oracle });
  });

  it('is so on the scale 1–5', async () => {
    await checkMetric(customerEffortScore, {
      config: { minSample: 2, scale: 5 },
      properties,
      oracle,
      runs: 20,
      seed: 2,
    });
  });
});
