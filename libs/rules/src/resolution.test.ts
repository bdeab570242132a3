import { utc } from '@rapport/sdk/time';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, SegmentDocument } from '@rapport/sdk';
import { catalogueOf } from './catalogue.js';
import { columnar, verdictAt } from './columnar.js';
import { columnsOf, condition, NOW, subject } from './condition.test.fixture.js';
import { evaluate, MAX_DEPTH } from './condition.js';
import { readDocument } from './document.js';
import { explain } from './explanation.js';
import { lint } from './lint.js';
import { nearestMiss } from './nearest-miss.js';
import { conditionsOf, factsOf, rulesOf } from './resolution.js';
import { trace } from './trace.js';
import { checkCondition, checkFacts, checkPlaybook, checkSegment } from './validation.js';
import { coverageOf, runTests } from './verdict.js';
import { within } from './computing-time.test.fixture.js';

const low: Condition = { fact: 'score', operator: 'lessThan', value: 40 };
const segment = (enter: unknown, more: object = {}): unknown => ({
  kind: 'segment',
  id: 's',
  title: 'S',
  subject: 'account',
  enter,
  ...more,
});
const problems = (document: unknown) => {
  const found = checkSegment(document);
  return found.ok ? [] : found.problems;
};
const checked = (document: unknown): SegmentDocument => {
  const found = checkSegment(document);
  if (!found.ok) throw new Error(JSON.stringify(found.problems));
  return found.document;
};

/** Leaves of a condition, some of them replaced by references; not deeper than `levels`. */
const withReferences = (names: readonly string[]): fc.Arbitrary<Condition> =>
  fc.letrec<{ tree: Condition }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small', maxDepth: 2 },
      condition,
      ...(names.length > 0 ? [fc.record({ condition: fc.constantFrom(...names) })] : []),
      fc.record({ all: fc.array(tie('tree'), { maxLength: 3 }) }),
      fc.record({ any: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }) }),
      fc.record({ not: tie('tree') }),
    ),
  })).tree;
const drawn = fc.record({
  enter: withReferences(['x', 'y', 'z']),
  conditions: fc.record({ x: withReferences(['y', 'z']), y: withReferences(['z']), z: withReferences([]) }),
});
/** What one would write without names. */
function byHand(node: Condition, named: Readonly<Record<string, Condition>>): Condition {
  if ('condition' in node) return byHand(named[node.condition]!, named);
  if ('all' in node) return { all: node.all.map((child) => byHand(child, named)) };
  if ('any' in node) return { any: node.any.map((child) => byHand(child, named)) };
  return 'not' in node ? { not: byHand(node.not, named) } : node;
}

describe('named conditions', () => {
  it('say what they would say in the place of the reference, to every reader', () => {
    fc.assert(
      fc.property(drawn, fc.array(subject, { minLength: 1, maxLength: 8 }), ({ enter, conditions }, subjects) => {
        const document = segment(enter, { conditions });
        fc.pre(problems(document).every(({ code }) => code !== 'RAPPORT_RULES_DEPTH'));
        const rule = rulesOf(checked(document)).enters[0]!.condition;
        const plain = byHand(enter, conditions);
        const [named, inlined] = columnar([rule, plain], NOW).evaluate(subjects.length, columnsOf(subjects));
        subjects.forEach((facts, i) => {
          const expected = evaluate(plain, facts, NOW);
          expect(evaluate(rule, facts, NOW)).toBe(expected);
          expect(trace(rule, facts, NOW).verdict).toBe(expected);
          expect([verdictAt(named!, i), verdictAt(inlined!, i)]).toEqual([expected, expected]);
          expect(explain(rule, facts, NOW)).toEqual(explain(plain, facts, NOW));
          expect(nearestMiss(rule, facts, NOW)?.text).toBe(nearestMiss(plain, facts, NOW)?.text);
        });
      }),
      { seed: 17, numRuns: 500 },
    );
  });

  it('stand for themselves anywhere: in exit, bands, other conditions, and a playbook’s own rule', () => {
    const conditions = { low, 'a/b': { not: { condition: 'low' } } };
    expect(problems(segment({ condition: 'low' }, { conditions, exit: { any: [{ condition: 'a/b' }] } }))).toEqual([]);
    const bands = [{ id: 'one', title: 'One', enter: { condition: 'a/b' } }];
    const banded = checked(segment(undefined, { conditions, bands, enter: undefined }));
    expect(conditionsOf(banded).map(({ pointer }) => pointer)).toEqual(['/bands/0/enter']);
    const playbook = {
      kind: 'playbook', id: 'p', title: 'P', subject: 'account', conditions,
      trigger: { when: { condition: 'a/b' } }, steps: [{ id: 'x', action: 'y' }],
    }; // prettier-ignore
    const found = checkPlaybook(playbook);
    expect(found.ok && factsOf(found.document)).toEqual([
      { fact: 'score', operator: 'lessThan', reading: 'number', pointer: '/conditions/low' },
    ]);
  });

  it('point to places that exist in the text of the document', () => {
    const text = JSON.stringify(
      segment({ all: [{ condition: 'x' }, low] }, { conditions: { x: { any: [low, { condition: 'y' }] }, y: { not: low } } }),
    ); // prettier-ignore
    const read = readDocument(text);
    if (!read.ok) throw new Error(text);
    const catalogue = catalogueOf([{ fact: 'store', type: 'number' }]);
    expect(checkFacts(read.document, catalogue).map(({ pointer }) => pointer)).toEqual([
      '/conditions/x/any/0/fact',
      '/conditions/y/not/fact',
      '/enter/all/1/fact',
    ]);
    const [rule] = conditionsOf(read.document);
    expect(trace(rule!.condition, {}, NOW, undefined, '/enter')).toMatchObject({
      pointer: '/enter',
      children: [
        { pointer: '/conditions/x', children: [{}, { pointer: '/conditions/y' }] },
        { pointer: '/enter/all/1' },
      ],
    });
  });

  it.each<[unknown, object, string, string, string]>([
    [{ condition: 'lo' }, { low }, 'RAPPORT_RULES_REFERENCE', '/enter/condition', 'Did you mean "low"? Named in "conditions": low.'],
    [{ condition: 'low' }, {}, 'RAPPORT_RULES_REFERENCE', '/enter/condition', 'Name it in the document\'s "conditions".'],
    [{ condition: 'toString' }, { low }, 'RAPPORT_RULES_REFERENCE', '/enter/condition', 'there is no condition "toString"'],
    [{ condition: 5 }, { low }, 'RAPPORT_RULES_SHAPE', '/enter/condition', 'the name of a condition'],
    [{ condition: 'low', priority: 2 }, { low }, 'RAPPORT_RULES_SHAPE', '/enter/priority', 'no effect in strict documents'],
    [{ condition: 'low', all: [] }, { low }, 'RAPPORT_RULES_SHAPE', '/enter', 'has "all", "condition"'],
    [{ conditon: 'low' }, { low }, 'RAPPORT_RULES_SHAPE', '/enter', 'Did you mean "condition"?'],
    [low, { low: { condition: 'lwo' } }, 'RAPPORT_RULES_REFERENCE', '/conditions/low/condition', 'Did you mean "low"?'],
    [low, { low: { ...low, operator: 'lessThen' } }, 'RAPPORT_RULES_OPERATOR', '/conditions/low/operator', 'Did you mean'],
    [low, { a: { condition: 'a' } }, 'RAPPORT_RULES_CYCLE', '/conditions/a/condition', '"a" → "a"'],
    [low, { a: { not: { condition: 'b' } }, b: { all: [low, { condition: 'c' }] }, c: { condition: 'b' } }, 'RAPPORT_RULES_CYCLE', '/conditions/c/condition', '"b" → "c" → "b"'],
    [low, { ' ': low }, 'RAPPORT_RULES_SHAPE', '/conditions/ ', 'this name'],
    [low, JSON.parse('{"__proto__":{"all":[]}}') as object, 'RAPPORT_RULES_SHAPE', '/conditions/__proto__', 'this name'],
  ])('%# %j among %j is refused: %s %s', (enter, conditions, code, pointer, message) => {
    expect(problems(segment(enter, { conditions }))).toEqual([
      { code, pointer, message: expect.stringContaining(message) as unknown },
    ]);
  }); // prettier-ignore

  it('have no choice of compat, and are none of a condition by itself', () => {
    expect(problems(segment(low, { allowUndefinedFacts: true }))).toMatchObject([{ code: 'RAPPORT_RULES_SHAPE', pointer: '/allowUndefinedFacts' }]); // prettier-ignore
    expect(problems(segment(low, { mode: 'compact' }))[0]?.message).toContain('Did you mean "compat"?');
    expect(checkCondition({ condition: 'x' })).toMatchObject([{ code: 'RAPPORT_RULES_REFERENCE' }]);
    expect(() => evaluate({ condition: 'x' }, {}, NOW)).toThrow('RAPPORT_RULES_REFERENCE');
  });

  const chain = (length: number, next: (name: string) => unknown, last: unknown) =>
    Object.fromEntries(
      Array.from({ length }, (_, i) => [`n${String(i)}`, i + 1 < length ? next(`n${String(i + 1)}`) : last]),
    );

  it('count in depth: a level for each reference', () => {
    const of = (length: number) => problems(segment({ condition: 'n0' }, { conditions: chain(length, (name) => ({ condition: name }), low) })); // prettier-ignore
    expect(of(MAX_DEPTH)).toEqual([]);
    expect(of(MAX_DEPTH + 1)).toMatchObject([{ code: 'RAPPORT_RULES_DEPTH', pointer: '/enter' }]);
    expect(of(20_000)).toMatchObject([{ code: 'RAPPORT_RULES_DEPTH' }]);
  });

  it('count in size, which is known before anything is put in place', () => within(3_000, () => {
    const twice = (name: string) => ({ all: [{ condition: name }, { condition: name }] });
    const doubling = (length: number) => segment({ condition: 'n0' }, { conditions: chain(length, twice, low) });
    expect(problems(doubling(9))).toEqual([]);
    expect(factsOf(checked(doubling(9)))).toHaveLength(2 ** 8);
    // Levels of two: a reference and a group.
    const wide = (name: string) => ({ all: Array.from({ length: 300 }, () => ({ condition: name })) });
    expect(problems(segment({ condition: 'n0' }, { conditions: chain(3, wide, low) }))).toMatchObject([
      { code: 'RAPPORT_RULES_SIZE', pointer: '/enter', message: expect.stringContaining('10000 conditions') as unknown },
    ]);
    expect(problems(segment({ condition: 'n0' }, { conditions: chain(8, wide, low) }))).toMatchObject([
      { code: 'RAPPORT_RULES_SIZE' },
    ]);
    const large = { fact: 'x', operator: 'in', value: Array.from({ length: 20_000 }, (_, i) => `value ${String(i)}`) };
    const often = { all: Array.from({ length: 4_000 }, () => ({ condition: 'large' })) };
    expect(problems(segment(often, { conditions: { large } }))).toMatchObject([{ code: 'RAPPORT_RULES_SIZE' }]);
    const circle = chain(20_000, (name) => ({ condition: name }), { condition: 'n0' });
    expect(problems(segment({ condition: 'n0' }, { conditions: circle }))).toMatchObject([{ code: 'RAPPORT_RULES_CYCLE' }]);
  })); // prettier-ignore

  it('are not followed for ever in a document that nobody has checked', () => {
    const circle = segment({ condition: 'a' }, { conditions: { a: { condition: 'a' } } }) as SegmentDocument;
    expect(() => factsOf(circle)).toThrow('RAPPORT_RULES_CYCLE');
    expect(() => factsOf(segment({ condition: 'a' }) as SegmentDocument)).toThrow('RAPPORT_RULES_REFERENCE');
  });

  it('are looked at by lint once each, and those that nothing refers to are found', () => {
    const never = { all: [low, { fact: 'score', operator: 'greaterThan', value: 50 }] };
    const document = checked(
      segment({ any: [{ condition: 'never' }, { condition: 'never' }, low] }, { conditions: { never, unused: low } }),
    );
    expect(lint(document, { now: NOW }).map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
      'RAPPORT_RULES_NEVER_TRUE /conditions/never',
      'RAPPORT_RULES_UNUSED /conditions/unused',
    ]);
  });

  it('are covered by tests as one place, however often they are referred to', () => {
    const tests = [{ name: 'low', facts: { score: 1 }, expect: 'in' }];
    const document = checked(
      segment({ any: [{ condition: 'low' }, { not: { condition: 'low' } }] }, { conditions: { low }, tests }),
    );
    expect(runTests(document, utc)).toEqual([]);
    expect(coverageOf(document, utc).leaves).toMatchObject([
      { pointer: '/conditions/low', wasTrue: true, wasFalse: false },
    ]);
  });
});
