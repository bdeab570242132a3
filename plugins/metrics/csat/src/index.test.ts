import { allOf, atLeast, atMost, equal, exists, last, not } from '@rapport/sdk';
import { type Call, checkMetric, evaluateMetric, type OracleAnswer, type OracleSubject, track } from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import csat from './index.js';

// 90 days up to this midnight: 1 December … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const response = (
  score: number | string | null,
  time = '2026-02-10T09:00:00Z',
  user: string | null = 'ann',
  more = {},
) => track(user, 'Survey Responded', time, { survey: 'csat', score, ...more }, { account: 'acme' });
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(csat, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });

function oracle(
  { events, asOf, calendar }: OracleSubject,
  config: { minSample: number; satisfied: number; highest: number },
): OracleAnswer {
  const from = calendar.startOfDay(calendar.dayOf(asOf - 1) - 89);
  const scores: number[] = [];
  for (const { time, event, properties } of events) {
    const { survey, score } = properties;
    if (time < from || event !== 'Survey Responded' || survey !== 'csat') continue;
    if (typeof score === 'number' && score >= 1 && score <= config.highest) scores.push(score);
  }
  const n = scores.length;
  if (n === 0) return { value: null, reason: 'no-data', n: null };
  const satisfied = scores.filter((score) => score >= config.satisfied).length;
  const parts = { responses: n, satisfied, mean: scores.reduce((sum, score) => sum + score, 0) / n };
  return n < config.minSample
    ? { value: null, reason: 'below-min-sample', n, parts }
    : { value: (satisfied / n) * 100, reason: null, n, parts };
}

describe('CSAT', () => {
  it('computes the example of the README', async () => {
    expect(await evaluate([5, 4, 4, 3, 1].map((score) => response(score)))).toEqual({
      value: 60,
      reason: null,
      n: 5,
      parts: { responses: 5, satisfied: 3, mean: 3.4 },
    });
  });

  it.each([
    [[5], 100],
    [[4], 100],
    [[3], 0],
    [[1, 1, 1], 0],
  ])('is %j → %d %%', async (scores, value) => {
    expect((await evaluate(scores.map((score) => response(score)))).value).toBe(value);
  });

  it('counts every response, also two of one respondent, but a message once', async () => {
    const twice = track(
      'ann',
      'Survey Responded',
      '2026-02-11',
      { survey: 'csat', score: 1 },
      { account: 'acme', id: 'm1' },
    );
    expect(await evaluate([response(5), response(5), twice, twice])).toMatchObject({ n: 3, parts: { satisfied: 2 } });
  });

  it('leaves out other surveys, missing scores, text, and scores off the scale', async () => {
    const calls = [
      response(5),
      response(9, '2026-02-10', 'ben', { survey: 'nps' }),
      response(null),
      response('5'),
      response(0),
      response(6),
    ];
    expect(await evaluate(calls)).toMatchObject({ value: 100, n: 1, parts: { mean: 5 } });
  });

  it('has no value without responses, or with fewer than the minimum sample', async () => {
    expect(await evaluate([track('ann', 'Signed In', '2026-02-10', {}, { account: 'acme' })])).toMatchObject({
      value: null,
      reason: 'no-data',
    });
    expect(await evaluate([response(5), response(4)], { minSample: 3 })).toEqual({
      value: null,
      reason: 'below-min-sample',
      n: 2,
      parts: { responses: 2, satisfied: 2, mean: 4.5 },
    });
    expect((await evaluate([response(5), response(4), response(1)], { minSample: 3 })).reason).toBeNull();
  });

  it.each([
    ['just before the window', '2025-11-30T23:59:59.999Z', null],
    ['as the window opens', '2025-12-01T00:00:00Z', 100],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 100],
    ['at asOf', '2026-03-01T00:00:00Z', null],
  ])('with one response %s is as it should be', async (_, time, value) => {
    expect((await evaluate([response(5, time)])).value).toBe(value);
  });

  it('cuts days in the workspace’s zone', async () => {
    const auckland = { zone: 'Pacific/Auckland', asOf: '2026-02-28T11:00:00Z' };
    expect((await evaluate([response(5, '2025-11-30T11:00:00Z')], {}, auckland)).value).toBe(100);
    expect((await evaluate([response(5, '2025-11-30T10:59:59Z')], {}, auckland)).value).toBeNull();
  });

  it('takes another scale, and other names', async () => {
    const calls = [8, 9, 3].map((rating) =>
      track('ann', 'Rated', '2026-02-10', { form: 'support', rating }, { account: 'acme' }),
    );
    const config = {
      event: 'Rated',
      survey: 'support',
      surveyProperty: 'form',
      scoreProperty: 'rating',
      highest: 10,
      satisfied: 8,
    };
    expect(await evaluate(calls, config)).toMatchObject({ n: 3, parts: { satisfied: 2 } });
  });

  it('answers for a user, and for the portfolio also where no user is known', async () => {
    const calls = [response(5), response(1, '2026-02-10', 'ben'), response(2, '2026-02-10', null)];
    expect((await evaluate(calls, {}, { subject: { kind: 'user', id: 'ben' } })).value).toBe(0);
    expect(await evaluate(calls, {}, { subject: { kind: 'portfolio' } })).toMatchObject({ n: 3 });
  });

  it('has the comments of the window’s responses to read', () => {
    const evidence = csat.evidence?.({
      window: '30d',
      satisfied: 4,
      lowest: 1,
      highest: 5,
      survey: 'csat',
      minSample: 1,
      event: 'Survey Responded',
      surveyProperty: 'survey',
      scoreProperty: 'score',
      commentProperty: 'comment',
    });
    const response = allOf(equal('survey', 'csat'), atLeast('score', 1), atMost('score', 5));
    expect(evidence).toEqual({
      filter: { events: ['Survey Responded'], where: allOf(response, exists('comment'), not(equal('comment', ''))) },
      window: last('30d'),
      properties: ['comment', 'score'],
    });
  });

  const properties = { survey: ['csat', 'csat', 'csat', 'nps', null], score: [0, 1, 3, 3.9, 4, 5, 6, 10, '5', null] };

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(csat, { properties, oracle });
  });

  it('is so with another configuration', async () => {
    await checkMetric(csat, {
      config: { minSample: 2, satisfied: 8, highest: 10 },
      properties,
      oracle,
      runs: 20,
      seed: 2,
    });
  });
});
