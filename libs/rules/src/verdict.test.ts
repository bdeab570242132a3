import { utc } from '@rapport/sdk/time';
import { describe, expect, it } from 'vitest';
import type { Condition, DocumentTest, SegmentDocument } from '@rapport/sdk';
import { checkSegment } from './validation.js';
import { coverageOf, destinationOf, OUT, runTests, STAYS } from './verdict.js';

const low: Condition = { fact: 'score', operator: 'lessThan', value: 40 };
const renews: Condition = { fact: 'trait.renewalAt', operator: 'withinNext', value: '90d' };
const falling: Condition = { fact: 'score', operator: 'decreasedBy', value: '20%' };
const covered = (tests: readonly DocumentTest[], more: Partial<Extract<SegmentDocument, { mode?: 'strict' }>> = {}) =>
  coverageOf(
    {
      kind: 'segment',
      id: 's',
      title: 'S',
      subject: 'account',
      enter: { any: [low, { not: renews }] },
      tests,
      ...more,
    },
    utc,
  );
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

describe('where a subject goes', () => {
  const verdict = [true, false, null];
  // [exit, first enter, second enter, leaves on unknown] → of a member, of another.
  it('is told by exit first, then by the first enter that is true', () => {
    for (const exit of [undefined, ...verdict])
      for (const first of verdict)
        for (const second of verdict)
          for (const leavesOnUnknown of [true, false]) {
            const of = (isMember: boolean) =>
              destinationOf(
                {
                  enters: 2,
                  enter: (rule) => (rule === 0 ? first : second),
                  exit: exit === undefined ? null : () => exit,
                  leavesOnUnknown,
                },
                0,
                isMember,
              );
            const place = first === true ? 0 : second === true ? 1 : null;
            const unknown = place === null && (first === null || second === null);
            if (exit === undefined) {
              expect(of(true)).toBe(place ?? (unknown && !leavesOnUnknown ? STAYS : OUT));
              expect(of(false)).toBe(place ?? STAYS);
            } else {
              expect(of(true)).toBe(exit === true || (exit === null && leavesOnUnknown) ? OUT : STAYS);
              expect(of(false)).toBe(exit === true ? STAYS : (place ?? STAYS));
            }
          }
  });
});

describe('tests of members', () => {
  const is = (member: boolean | string, facts: DocumentTest['facts'], expect: string): DocumentTest => ({
    name: `${String(member)} ${JSON.stringify(facts)}`,
    member,
    facts,
    expect,
  });
  const base = { kind: 'segment', id: 's', title: 'S', subject: 'account' } as const;
  const high: Condition = { fact: 'score', operator: 'greaterThan', value: 60 };
  const plain = { ...base, enter: low, exit: high };
  const banded = {
    ...base,
    bands: [
      { id: 'low', title: 'Low', enter: low },
      { id: 'high', title: 'High', enter: high },
    ],
  };
  const found = (document: SegmentDocument, tests: readonly DocumentTest[]) =>
    runTests({ ...document, tests }, utc).map((failed) => `${failed.name} ${failed.found}`);

  it('try exit, and what is unknown', () => {
    const tests = [is(true, { score: 50 }, 'in'), is(true, { score: 70 }, 'out'), is(true, {}, 'in')];
    expect(found(plain, tests)).toEqual([]);
    expect(found({ ...plain, onUnknown: 'leave' }, tests)).toEqual(['true {} out']);
    expect(found({ ...base, enter: low }, tests)).toEqual(['true {"score":50} out']);
    expect(found(plain, [is(false, { score: 50 }, 'out'), is(false, {}, 'unknown')])).toEqual([]);
    const both = { ...plain, exit: { fact: 'other', operator: 'greaterThan', value: 0 } };
    expect(found(both, [is(false, { score: 1, other: 1 }, 'out'), is(false, { score: 1 }, 'in')])).toEqual([]);
  });

  it('try the ways between bands', () => {
    const tests = [
      is('low', { score: 70 }, 'high'),
      is('low', { score: 1 }, 'low'),
      is('high', { score: 50 }, 'out'),
      is('high', {}, 'high'),
    ];
    expect(found(banded, tests)).toEqual([]);
    expect(found({ ...banded, onUnknown: 'leave' }, tests)).toEqual(['high {} out']);
  });

  it.each<[object, unknown, string, string, string]>([
    [plain, 'low', 'in', '/tests/0/member', 'true or false'],
    [plain, true, 'unknown', '/tests/0/expect', 'A member is somewhere afterwards'],
    [banded, true, 'low', '/tests/0/member', 'one of low, high'],
    [banded, 'hihg', 'low', '/tests/0/member', 'Did you mean "high"?'],
    [banded, 'low', 'in', '/tests/0/expect', 'must be one of low, high, out'],
  ])('%# refuse a membership that there is not', (document, member, expected, pointer, message) => {
    const checked = checkSegment({ ...document, tests: [{ name: 'x', facts: {}, member, expect: expected }] });
    expect(checked.ok ? [] : checked.problems).toEqual([
      { code: 'RAPPORT_RULES_SHAPE', pointer, message: expect.stringContaining(message) as unknown },
    ]);
  });
});
