import { utc } from '@rapport/sdk/time';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CompatCondition, SegmentDocument } from '@rapport/sdk';
import { catalogueOf } from '../catalogue.js';
import { columnar, verdictAt, type FactColumn } from '../columnar.js';
import { evaluate } from '../condition.js';
import { explain } from '../explanation.js';
import { lint } from '../lint.js';
import { nearestMiss } from '../nearest-miss.js';
import { conditionsOf, rulesOf } from '../resolution.js';
import { missingFacts, trace } from '../trace.js';
import { checkFacts, checkSegment, factsOf } from '../validation.js';
import { coverageOf, placementOf, runTests } from '../verdict.js';
import { readerOf } from '../condition.js';
import { outlivingIt, reference, same } from './reference.test.fixture.js';
import { within } from '../computing-time.test.fixture.js';
import { randomCases } from '../random-cases.test.fixture.js';

const numRuns = randomCases(300);
const NOW = { at: Date.UTC(2026, 5, 1), zone: utc };

const segment = (enter: unknown, more: object = {}): unknown => ({
  kind: 'segment',
  id: 's',
  title: 'S',
  subject: 'account',
  mode: 'compat',
  enter,
  ...more,
});
const checked = (document: unknown): SegmentDocument => {
  const found = checkSegment(document);
  if (!found.ok) throw new Error(JSON.stringify(found.problems));
  return found.document;
};
const problems = (document: unknown) => {
  const found = checkSegment(document);
  return found.ok ? [] : found.problems;
};
const is = (fact: string, operator: string, value: unknown, more: object = {}) => ({ fact, operator, value, ...more });

// Valid documents: everything that json-rules-engine offers, and facts of every shape, some missing, some null.
const scalar = fc.constantFrom<unknown>(0, 1, 2, 10, -1.5, '0', '1', '10', 'a', 'abc', '', '2026-06-01', true, false);
const list = fc.array(scalar, { maxLength: 3 });
const nested = fc.record({ a: fc.oneof(scalar, list, fc.record({ b: scalar })) }, { noNullPrototype: true });
const factNames = ['a', 'b', 'c', 'trait.d'] as const;
const subject = fc.record(
  Object.fromEntries(
    factNames.map((name) => [
      name,
      fc.oneof({ weight: 6, arbitrary: scalar }, { weight: 2, arbitrary: list }, nested, fc.constant(null)),
    ]),
  ),
  { requiredKeys: ['a', 'b'], noNullPrototype: true },
);
const decorators = ['not', 'someFact', 'everyFact', 'swap'];
const operator = fc
  .tuple(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant<string[]>([]) },
      fc.array(fc.constantFrom(...decorators), { minLength: 1, maxLength: 2 }),
    ),
    fc.constantFrom(
      ...['equal', 'notEqual', 'lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive'],
      ...['in', 'notIn', 'contains', 'doesNotContain'],
    ),
  )
  .map(([before, name]) => [...before, name].join(':'));
const factName = fc.constantFrom(...factNames);
const path = fc.constantFrom('$', '$.a', '$.a.b', '$[0]', "$['a']");
const record = (
  required: Record<string, fc.Arbitrary<unknown>>,
  optional: Record<string, fc.Arbitrary<unknown>> = {},
) => fc.record({ ...required, ...optional }, { requiredKeys: Object.keys(required), noNullPrototype: true });
const value = fc.oneof(
  { weight: 5, arbitrary: scalar },
  { weight: 2, arbitrary: list },
  record({ fact: factName }, { path }),
);
const labels = { priority: fc.constantFrom<unknown>(1, 2, 10, '3'), name: fc.constant('x') };
const comparison = record(
  { fact: factName, operator, value },
  { path, params: fc.constant({ per: 'day' }), priority: fc.constantFrom<unknown>(1, 2, 10) },
);
const conditionsWith = (names: readonly string[]) =>
  fc.letrec<{ root: object; tree: object }>((tie) => {
    const children = fc.array(tie('tree'), { maxLength: 3 });
    const group = fc.oneof(
      record({ all: children }, labels),
      record({ any: children }, labels),
      record({ not: tie('tree') }, labels),
    );
    const referring = names.length > 0 ? [record({ condition: fc.constantFrom(...names) }, labels)] : [];
    return {
      root: fc.oneof({ weight: 4, arbitrary: group }, ...referring),
      tree: fc.oneof({ depthSize: 'small', maxDepth: 3 }, { weight: 4, arbitrary: comparison }, ...referring, {
        weight: 2,
        arbitrary: group,
      }),
    };
  }).root;
const document = fc
  .record({
    enter: conditionsWith(['x', 'y']),
    x: conditionsWith(['y']),
    y: conditionsWith([]),
    allowUndefinedFacts: fc.boolean(),
  })
  .map(({ enter, x, y, allowUndefinedFacts }) => ({ enter, conditions: { x, y }, allowUndefinedFacts }));

/** As the engine gives them: some by columns of one type, anything else by a function. */
const columnsOf =
  (subjects: readonly Record<string, unknown>[]) =>
  (fact: string): FactColumn => {
    const values = subjects.map((facts) => facts[fact] ?? null);
    if (values.every((one) => one === null || typeof one === 'number'))
      return {
        type: 'number',
        values: Float64Array.from(values, Number),
        valid: Uint8Array.from(values, (one) => (one === null ? 0 : 1)),
      };
    if (values.every((one) => one === null || typeof one === 'string')) {
      const dictionary = values.filter((one) => one !== null);
      return { type: 'text', codes: Int32Array.from(values, (one) => (one === null ? -1 : dictionary.indexOf(one))), dictionary }; // prettier-ignore
    }
    return (i) => values[i];
  };

describe('a compat document', () => {
  it(`has the verdict of json-rules-engine, in every reader; unknown where that rejects (${String(numRuns)} documents)`, async () => {
    const counts = { true: 0, false: 0, null: 0 };
    await outlivingIt(() =>
      fc.assert(
        fc.asyncProperty(document, fc.array(subject, { minLength: 1, maxLength: 4 }), async (drawn, subjects) => {
          const { enter, ...more } = drawn;
          const [rule] = conditionsOf(checked(segment(enter, more)));
          const [verdicts] = columnar([rule!.condition], NOW).evaluate(subjects.length, columnsOf(subjects));
          for (const [i, all] of subjects.entries()) {
            const facts = Object.fromEntries(Object.entries(all).filter(([, one]) => one !== null));
            const outcome = await reference({
              rule: { conditions: enter, event: { type: 'x' } },
              facts,
              options: more,
            });
            const expected = 'rejected' in outcome ? null : Boolean(outcome.trace['result']);
            counts[String(expected) as keyof typeof counts] += 1;
            expect(evaluate(rule!.condition, all, NOW)).toBe(expected);
            expect(verdictAt(verdicts!, i)).toBe(expected);
            const traced = trace(rule!.condition, all, NOW);
            expect(traced.verdict).toBe(expected);
            if (traced.kind !== 'compat') throw new Error(traced.kind);
            if ('trace' in outcome) expect(same(traced.result, outcome.trace['conditions'])).toBe(true);
            else expect(traced).toMatchObject({ result: null, problem: { code: expect.stringMatching(/^RAPPORT_RULES_/) as unknown } }); // prettier-ignore
            expect(explain(rule!.condition, all, NOW).text).not.toBe('');
          }
        }),
        { numRuns, seed: 20240229 },
      ),
    );
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(numRuns / 10);
  }, 600_000);

  it('holds whom a fact is missing of, or compares with undefined when told so', () => {
    const enter = { all: [is('a', 'notEqual', 1)] };
    const strict = rulesOf(checked(segment(enter))).enters[0]!.condition;
    expect([{}, { a: null }, { a: 2 }].map((facts) => evaluate(strict, facts, NOW))).toEqual([null, null, true]);
    expect(missingFacts(trace(strict, {}, NOW))).toEqual(['a']);
    const lenient = rulesOf(checked(segment(enter, { allowUndefinedFacts: true }))).enters[0]!.condition;
    expect([{}, { a: null }, { a: 1 }].map((facts) => evaluate(lenient, facts, NOW))).toEqual([true, true, false]);
  });

  it('lists the facts that it reads, with places that exist in the document', () => {
    const document = segment(
      { any: [is('a', 'lessThan', { fact: 'b' }), { condition: 'x' }, { all: [{ condition: 'x' }] }] },
      { conditions: { x: { not: is('c', 'not:equal', 1) } } },
    );
    expect(factsOf(checked(document)).map(({ fact, reading, pointer }) => `${pointer} ${fact} ${reading}`)).toEqual([
      '/enter/any/0 a any',
      '/enter/any/0/value b any',
      '/conditions/x/not c any',
    ]);
    const catalogue = catalogueOf([{ fact: 'a', type: 'number' }]);
    expect(checkFacts(checked(document), catalogue).map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
      'RAPPORT_RULES_FACT /enter/any/0/value/fact',
      'RAPPORT_RULES_FACT /conditions/x/not/fact',
    ]);
  });

  it.each<[object, object, string, string, string]>([
    [is('a', 'equal', 1), {}, 'RAPPORT_RULES_SHAPE', '/enter', '"all", "any", "not" or "condition"'],
    [{ all: [is('a', 'lessThen', 1)] }, {}, 'RAPPORT_RULES_OPERATOR', '/enter/all/0/operator', 'Did you mean "lessThan"?'],
    [{ all: [is('a', 'nott:equal', 1)] }, {}, 'RAPPORT_RULES_OPERATOR', '/enter/all/0/operator', 'decorators'],
    [{ all: [is('a', 'not:between', [1, 2])] }, {}, 'RAPPORT_RULES_OPERATOR', '/enter/all/0/operator', 'strict documents only'],
    [{ all: [is('a', 'equal', 1, { path: '$..a' })] }, {}, 'RAPPORT_RULES_PATH', '/enter/all/0/path', 'must lead along names'],
    [{ all: [is('', 'equal', 1)] }, {}, 'RAPPORT_RULES_SHAPE', '/enter/all/0/fact', 'name of a fact'],
    [{ all: [{ fact: 'a', value: 1 }] }, {}, 'RAPPORT_RULES_SHAPE', '/enter/all/0', '"operator" is missing'],
    [{ condition: 'y' }, { conditions: { yy: { all: [] } } }, 'RAPPORT_RULES_REFERENCE', '/enter/condition', 'Did you mean "yy"?'],
    [{ condition: 'y' }, { conditions: { y: { all: [is('a', 'no', 1)] } } }, 'RAPPORT_RULES_OPERATOR', '/conditions/y/all/0/operator', 'no operator "no"'],
    [{ condition: 'y' }, { conditions: { y: { all: [{ condition: 'z' }] } } }, 'RAPPORT_RULES_REFERENCE', '/conditions/y/all/0/condition', '"z"'],
    [{ condition: 'y' }, { conditions: { y: { any: [{ condition: 'z' }] }, z: { condition: 'y' } } }, 'RAPPORT_RULES_CYCLE', '/conditions/z/condition', '"y" → "z" → "y"'],
    [{ all: [] }, { conditions: { unused: is('a', 'equal', 1) } }, 'RAPPORT_RULES_SHAPE', '/conditions/unused', 'must be an object'],
    [{ all: [] }, { conditions: { 'a/b': { all: [is('a', 'no', 1)] } } }, 'RAPPORT_RULES_OPERATOR', '/conditions/a~1b/all/0/operator', 'no operator'],
  ])('%# %j %j is refused when it is checked: %s %s', (enter, more, code, pointer, message) => {
    expect(problems(segment(enter, more))).toEqual([
      { code, pointer, message: expect.stringContaining(message) as unknown },
    ]);
  }); // prettier-ignore

  it('has no operator that would take longer than it may, and nests no deeper than it may', () => {
    const decorated = { all: [is('a', `${'not:'.repeat(100_000)}equal`, 1)] };
    expect(problems(segment(decorated))).toMatchObject([
      { code: 'RAPPORT_RULES_SIZE', pointer: '/enter/all/0/operator' },
    ]);
    const deep = (levels: number) =>
      Array.from({ length: levels }).reduce<object>((inner) => ({ all: [inner] }), is('a', 'equal', 1));
    expect(problems(segment(deep(39)))).toEqual([]);
    expect(problems(segment(deep(50_000)))).toMatchObject([{ code: 'RAPPORT_RULES_DEPTH' }]);
  });

  it('may refer to what does not exist when told so: that is false', () => {
    const document = checked(segment({ any: [{ condition: 'gone' }] }, { allowUndefinedConditions: true }));
    expect(evaluate(rulesOf(document).enters[0]!.condition, {}, NOW)).toBe(false);
  });

  it('says why in words, also of paths, decorators, and what the other fact was', () => {
    const text = (enter: CompatCondition, facts: object, more: object = {}) =>
      explain(rulesOf(checked(segment(enter, more))).enters[0]!.condition, { ...facts }, NOW).text;
    expect(text({ all: [is('a', 'lessThan', 3), { not: is('b', 'equal', 'x') }] }, { a: 1, b: 'y' })).toBe('a 1 < 3 and b y ≠ x'); // prettier-ignore
    expect(text({ all: [is('a', 'lessThan', { fact: 'b' })] }, { a: 1, b: 2 })).toBe('a < b: 1 < 2');
    expect(text({ all: [is('a', 'equal', 1, { path: '$.x' })] }, { a: { x: 2 } })).toBe('a.x 2 ≠ 1');
    expect(text({ all: [is('a', 'not:equal', 1)] }, { a: 1 })).toBe('a 1 fails not:equal 1');
    expect(text({ all: [is('a', 'lessThan', 1), is('b', 'lessThan', 1)] }, { a: 0 })).toBe('b is unknown');
    expect(text({ all: [is('a', 'in', 5)] }, { a: 0 })).toContain('cannot compare these values');
  });

  it('has no nearest miss, and cannot be told by lint; an unused condition can', () => {
    const document = checked(
      segment({ all: [is('a', 'equal', 1)] }, { exit: { all: [is('a', 'equal', 1)] }, conditions: { x: { all: [] } } }),
    );
    expect(nearestMiss(rulesOf(document).enters[0]!.condition, { a: 2 }, NOW)).toBeNull();
    expect(lint(document, { now: NOW }).map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
      'RAPPORT_RULES_CANNOT_TELL /enter',
      'RAPPORT_RULES_CANNOT_TELL /exit',
      'RAPPORT_RULES_UNUSED /conditions/x',
      'RAPPORT_RULES_CANNOT_TELL /exit',
    ]);
  });

  it('is tested and covered like any other', () => {
    const tests = [
      { name: 'in', facts: { a: 1 }, expect: 'in' },
      { name: 'out', facts: { a: 2 }, expect: 'out' },
      { name: 'wrong', facts: {}, expect: 'out' },
      { name: 'leaves', facts: { a: 3 }, member: true, expect: 'out' },
      { name: 'stays', facts: { a: 2 }, member: true, expect: 'in' },
    ];
    const document = checked(segment({ all: [is('a', 'equal', 1)] }, { exit: { any: [is('a', 'equal', 3)] }, tests }));
    expect(runTests(document, utc).map(({ name, found }) => `${name} ${found}`)).toEqual(['wrong unknown']);
    expect(coverageOf(document, utc)).toMatchObject({
      covered: 2,
      leaves: [
        { pointer: '/enter', fact: 'a', operator: 'compat', wasTrue: true, wasFalse: true },
        { pointer: '/exit', wasTrue: true, wasFalse: true },
      ],
    });
    expect(placementOf(document, readerOf({ a: 1 }), NOW)(0)).toBe('in');
  });

  it('does not become larger than it may, however it refers to itself', () => {
    const names = Array.from({ length: 40 }, (_, i) => `n${String(i)}`);
    const doubling = (last: unknown) =>
      Object.fromEntries(
        names.map((name, i) => [
          name,
          i + 1 < names.length ? { all: [{ condition: names[i + 1] }, { condition: names[i + 1] }] } : last,
        ]),
      );
    const problemsOf = (document: unknown) => within(2_000, () => problems(document));
    expect(problemsOf(segment({ condition: 'n0' }, { conditions: doubling({ all: [] }) }))).toMatchObject([
      { code: 'RAPPORT_RULES_SIZE' },
    ]);
    // Few conditions, much text.
    const large = {
      all: [
        is(
          'a',
          'in',
          Array.from({ length: 20_000 }, (_, i) => `value ${String(i)}`),
        ),
      ],
    };
    const often = { all: Array.from({ length: 4_000 }, () => ({ condition: 'large' })) };
    expect(problemsOf(segment(often, { conditions: { large } }))).toMatchObject([{ code: 'RAPPORT_RULES_SIZE' }]);
  });
});
