import { describe, expect, it } from 'vitest';
import { zone } from '@rapport/sdk/time';
import { checkConfig } from '../config.js';
import { goalProgress, type Goal } from './goal.js';

const utc = zone('UTC');
const at = (text: string) => Date.parse(text);
/** From 20 to 40 within the 100 days 2026-01-01 … 2026-04-10. */
const nps: Goal = { metric: 'nps', baseline: 20, from: '2026-01-01', target: 40, by: '2026-04-10', benchmark: 30 };
const progress = (value: number | null, asOf: string, goal: Goal = nps) => goalProgress(goal, value, at(asOf), utc);

describe('a goal', () => {
  it('is on track when it is at least as far as an even pace asks for', () => {
    // After 25 of 100 days an even pace is at 25.
    expect(progress(25, '2026-01-26')).toEqual({
      status: 'on-track',
      progress: 0.25,
      expected: 0.25,
      daysLeft: 75,
      aboveBenchmark: -5,
    });
    expect(progress(24.9, '2026-01-26')).toMatchObject({ status: 'behind' });
    expect(progress(15, '2026-01-26')).toMatchObject({ status: 'behind', progress: -0.25 });
  });

  it('is reached at the target itself, also before its time, and beyond it', () => {
    expect(progress(40, '2026-01-02')).toMatchObject({ status: 'reached', progress: 1, aboveBenchmark: 10 });
    expect(progress(50, '2026-05-01')).toMatchObject({ status: 'reached', progress: 1.5, daysLeft: 0 });
    expect(progress(40 - 1e-9, '2026-01-02').status).toBe('on-track');
  });

  it('is missed from the end of its last day on, and not before', () => {
    expect(progress(39, '2026-04-10T23:59:59.999Z')).toMatchObject({ status: 'behind', daysLeft: 0 });
    expect(progress(39, '2026-04-11')).toMatchObject({ status: 'missed', expected: 1, daysLeft: 0 });
    expect(progress(39, '2027-04-11')).toMatchObject({ status: 'missed', expected: 1, daysLeft: 0 });
  });

  it('may be a falling one', () => {
    const churn: Goal = { metric: 'churn-rate', baseline: 0.05, from: '2026-01-01', target: 0.03, by: '2026-04-10' };
    const half = progress(0.04, '2026-02-20', churn);
    expect(half.progress).toBeCloseTo(0.5, 12);
    expect(half).toMatchObject({ expected: 0.5, aboveBenchmark: null });
    expect(progress(0.041, '2026-02-20', churn).status).toBe('behind');
    expect(progress(0.039, '2026-02-20', churn).status).toBe('on-track');
    expect(progress(0.03, '2026-02-20', churn).status).toBe('reached');
    expect(progress(0.06, '2026-02-20', churn).progress).toBeCloseTo(-0.5, 12);
  });

  it('is unknown without a value, whatever the day', () => {
    expect(progress(null, '2026-02-20')).toEqual({
      status: 'unknown',
      progress: null,
      expected: 0.5,
      daysLeft: 50,
      aboveBenchmark: null,
    });
    expect(progress(null, '2026-12-31').status).toBe('unknown');
  });

  it('asks for nothing before it begins, and counts days in the workspace’s zone', () => {
    expect(progress(20, '2025-12-01')).toMatchObject({ status: 'on-track', expected: 0 });
    const oneDay: Goal = { ...nps, from: '2026-03-29', by: '2026-03-29' };
    // In Berlin this Sunday has 23 hours, from 23:00 UTC to 22:00 UTC.
    const berlin = zone('Europe/Berlin');
    expect(goalProgress(oneDay, 30, at('2026-03-29T10:30:00Z'), berlin).expected).toBeCloseTo(0.5, 12);
    expect(goalProgress(oneDay, 30, at('2026-03-29T22:00:00Z'), berlin).status).toBe('missed');
    expect(goalProgress(oneDay, 30, at('2026-03-29T22:00:00Z'), utc).status).toBe('behind');
  });
});

describe('goals in rapport.json', () => {
  const check = (goal: object) => () => checkConfig({ workspace: 'w', goals: [nps, { ...nps, ...goal }] });

  it('are taken as they are', () => {
    expect(check({ subject: 'account', id: 'acme', label: 'Promoters' })).not.toThrow();
    expect(check({ subject: 'account' })().goals).toHaveLength(2);
  });

  it.each([
    [{ from: '2026-02-30' }, 'RAPPORT_CONFIG_GOAL', '#/goals/1/from: "2026-02-30" is no day'],
    [{ by: '2026-13-01' }, 'RAPPORT_CONFIG_GOAL', '#/goals/1/by'],
    [{ by: '2025-12-31' }, 'RAPPORT_CONFIG_GOAL', 'is before 2026-01-01'],
    [{ target: 20 }, 'RAPPORT_CONFIG_GOAL', '#/goals/1/target'],
    [{ id: 'acme' }, 'RAPPORT_CONFIG_GOAL', '#/goals/1/id'],
    [{ target: '40' }, 'RAPPORT_CONFIG_INVALID', '#/goals/1/target'],
    [{ by: 'soon' }, 'RAPPORT_CONFIG_INVALID', '#/goals/1/by'],
    [{ bassline: 1 }, 'RAPPORT_CONFIG_UNKNOWN_KEY', '#/goals/1'],
  ])('that say %j are refused with %s', (wrong, code, place) => {
    expect(check(wrong)).toThrow(code);
    expect(check(wrong)).toThrow(place);
  });
});
