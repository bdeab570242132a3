import { describe, expect, it } from 'vitest';
import type { Condition, DocumentTest, SegmentDocument } from '@rapport/sdk';
import { coverageOf } from './verdict.js';

const low: Condition = { fact: 'score', operator: 'lessThan', value: 40 };
const renews: Condition = { fact: 'trait.renewalAt', operator: 'withinNext', value: '90d' };
const falling: Condition = { fact: 'score', operator: 'decreasedBy', value: '20%' };
const covered = (tests: readonly DocumentTest[], more: Partial<Extract<SegmentDocument, { mode?: 'strict' }>> = {}) =>
  coverageOf({
    kind: 'segment',
    id: 's',
    title: 'S',
    subject: 'account',
    enter: { any: [low, { not: renews }] },
    tests,
    ...more,
  });
const test = (facts: DocumentTest['facts'], asOf?: string): DocumentTest => ({
  name: 'x',
  facts,
  expect: 'in',
  ...(asOf === undefined ? {} : { asOf }),
});
const told = ({ leaves }: ReturnType<typeof covered>) =>
  leaves.map(({ pointer, wasTrue, wasFalse }) => `${pointer} ${wasTrue ? 'T' : '-'}${wasFalse ? 'F' : '-'}`);

describe('condition coverage', () => {
  it('is nothing without tests', () => {
    expect(told(covered([]))).toEqual(['/enter/any/0 --', '/enter/any/1/not --']);
  });

  it('counts leaves that were both true and false, though the verdict did not hang on them', () => {
    const one = covered([test({ score: 10, 'trait.renewalAt': '2026-07-01' }, '2026-06-01')]);
    expect(told(one)).toEqual(['/enter/any/0 T-', '/enter/any/1/not T-']);
    expect(one.covered).toBe(0);
    const two = covered([
      test({ score: 10, 'trait.renewalAt': '2026-07-01' }, '2026-06-01'),
      test({ score: 40 }),
      test({ score: null, 'trait.renewalAt': '2026-07-01' }, '2026-07-02'),
    ]);
    expect(told(two)).toEqual(['/enter/any/0 TF', '/enter/any/1/not TF']);
    expect(two.covered).toBe(2);
  });

  it('counts unknown as neither', () => {
    expect(told(covered([test({ score: 'x' }), test({})]))).toEqual(['/enter/any/0 --', '/enter/any/1/not --']);
  });

  it('is of every rule of the document, by the fact that each reads', () => {
    const report = covered([test({ 'score.changeRate': -0.3 })], { exit: falling });
    expect(report.leaves[2]).toEqual({
      pointer: '/exit',
      fact: 'score.changeRate',
      operator: 'decreasedBy',
      wasTrue: true,
      wasFalse: false,
    });
  });
});
