import { utc } from '@rapport/sdk/time';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, SegmentDocument } from '@rapport/sdk';
import { catalogueOf } from './catalogue.js';
import { evaluate, usesOf } from './condition.js';
import { lint } from './lint.js';
import { readingOf, testOf, type Verdict } from './operator.js';
import {
  answeredBy,
  operatorIdOf,
  operatorNameOf,
  operatorSet,
  type OperatorDefinition,
} from './operator-registration.js';
import { checkCondition, checkFacts, checkSegment, factsOf } from './validation.js';
import { coverageOf, runTests } from './verdict.js';
import { within } from './computing-time.test.fixture.js';

const NOW = { at: Date.UTC(2026, 5, 1), zone: utc };
const leaf = (fact: string, operator: string, value: unknown): Condition => ({ fact, operator, value });
const facts = {
  renewalAt: '2026-07-01',
  seenAt: Date.UTC(2026, 4, 31),
  plan: 'pro-2026',
  score: 55,
  features: ['a', 'b', 3],
  none: [],
  long: 'a'.repeat(1001),
  'use.change': -2,
  'use.changeRate': -0.2,
  'new.change': 3,
};

describe('operators', () => {
  it.each<[string, string, unknown, Verdict]>([
    ['renewalAt', 'before', '2026-07-02', true],
    ['renewalAt', 'before', '2026-07-01', false],
    ['renewalAt', 'after', '2026-07-01', false],
    ['renewalAt', 'after', '2026-06-30T23:59:59Z', true],
    ['seenAt', 'before', '2026-06-01', true],
    ['plan', 'after', '2026-06-01', null],
    ['absent', 'before', '2026-06-01', null],
    ['plan', 'startsWith', 'pro', true],
    ['plan', 'startsWith', 'Pro', false],
    ['plan', 'startsWith', 'pro-2026-x', false],
    ['score', 'startsWith', '5', null],
    ['plan', 'matches', '^pro-[0-9]{4}$', true],
    ['plan', 'matches', '2026', true],
    ['plan', 'matches', '^2026', false],
    ['score', 'matches', '5', null],
    ['long', 'matches', 'a', null],
    ['features', 'hasAll', ['a', 3], true],
    ['features', 'hasAll', ['a', 'c'], false],
    ['features', 'hasAny', ['c', 'b'], true],
    ['features', 'hasAny', ['c', '3'], false],
    ['none', 'hasAny', ['c'], false],
    ['plan', 'hasAny', ['pro'], null],
    ['absent', 'hasAll', ['a'], null],
    ['use', 'decreasedBy', 2, true],
    ['use', 'decreasedBy', 2.1, false],
    ['use', 'decreasedBy', '20%', true],
    ['use', 'decreasedBy', '20.5%', false],
    ['use', 'increasedBy', 1, false],
    ['use', 'changedBy', 2, true],
    ['use', 'changedBy', '25%', false],
    ['new', 'increasedBy', 3, true],
    ['new', 'increasedBy', '1%', null],
  ])('%s %s %j is %s', (fact, operator, value, verdict) => {
    expect(checkCondition(leaf(fact, operator, value))).toEqual([]);
    expect(evaluate(leaf(fact, operator, value), facts, NOW)).toBe(verdict);
  });

  it.each<[string, unknown, string]>([
    ['before', '2026-02-30', 'a time such as'],
    ['after', 1_780_000_000_000, 'a time such as'],
    ['startsWith', '', 'text of at least one character'],
    ['startsWith', 5, 'text of at least one character'],
    ['hasAll', [], 'a list of at least one'],
    ['hasAny', 'a', 'a list of at least one'],
    ['decreasedBy', 0, 'above 0'],
    ['decreasedBy', -5, 'above 0'],
    ['decreasedBy', '0%', 'above 0'],
    ['decreasedBy', '20', 'such as "20%"'],
    ['changedBy', '-20%', 'such as "20%"'],
    ['increasedBy', Number.POSITIVE_INFINITY, 'above 0'],
    ['lessThan', Number.NaN, 'a number'],
    ['between', [Number.NEGATIVE_INFINITY, 3], 'two numbers'],
    ['matches', 5, 'it must be text'],
    ['matches', '[a-', 'missing closing ]'],
    ['matches', '(?=a)b', 'Look-around'],
    ['matches', '(a)\\1', 'back references'],
    ['matches', 'a'.repeat(201), 'more than 200 characters'],
    ['matches', '((a{30}){33}|(b{30}){33})', 'too large'],
    ['matches', '((a{100}){100}){100}', 'invalid repeat count'],
  ])('the value of %s: %j is refused at its place', (operator, value, message) => {
    expect(checkCondition(leaf('x', operator, value), '/enter')).toEqual([
      { code: 'RAPPORT_RULES_VALUE', pointer: '/enter/value', message: expect.stringContaining(message) as unknown },
    ]);
  });

  it.each(['(a+)+$', 'a(a|b){70}[cd]', '(.*)*x', '(a?){60}a{40}', '^(([a-z])+.)+[A-Z]([a-z])+$'])(
    'the pattern %s takes no longer than others',
    (pattern) => {
      const test = testOf('matches', pattern, NOW);
      const text = `${'a'.repeat(999)}!`;
      // Exponential would be longer than the universe is old; a second is for slow machines.
      within(1_000, () => {
        for (let i = 0; i < 10; i++) expect(test(text)).toBe(pattern === '(a?){60}a{40}');
      });
    },
  );
});

describe('changes', () => {
  it('read the derived facts, so that the planner provides these', () => {
    const all = { all: [leaf('use', 'decreasedBy', '20%'), leaf('use', 'changedBy', 4), leaf('use', 'lessThan', 4)] };
    expect(usesOf(all, '/enter')).toEqual([
      { fact: 'use.changeRate', operator: 'decreasedBy', reading: 'number', pointer: '/enter/all/0' },
      { fact: 'use.change', operator: 'changedBy', reading: 'number', pointer: '/enter/all/1' },
      { fact: 'use', operator: 'lessThan', reading: 'number', pointer: '/enter/all/2' },
    ]);
  });

  it('are of metrics that have a window', () => {
    const catalogue = catalogueOf([
      { fact: 'use', type: 'number' },
      { fact: 'use.change', type: 'number' },
      { fact: 'total', type: 'number' },
    ]);
    const about = (fact: string) =>
      checkFacts({ enter: leaf(fact, 'decreasedBy', 4) } as unknown as SegmentDocument, catalogue).map(
        ({ pointer, message }) => `${pointer}: ${message}`,
      );
    expect(about('use')).toEqual([]);
    expect(about('total')).toEqual([
      '/enter/fact: "decreasedBy" compares a metric with its value one window before, and "total" has no window: there is no fact "total.change".',
    ]);
    expect(about('totl')).toEqual(['/enter/fact: there is no fact "totl". Did you mean "total"?']);
    expect(checkCondition(leaf('trait.seats', 'decreasedBy', 4))).toMatchObject([
      { code: 'RAPPORT_RULES_TYPE', pointer: '/fact' },
    ]);
  });
});

describe('operators of plugins', () => {
  const endsWith: OperatorDefinition = {
    name: 'endsWith',
    reading: 'text',
    value: { type: 'string', minLength: 1 },
    description: 'The text ends with this.',
    words: ['ends with', 'does not end with'],
    test: (fact, value) => String(fact).endsWith(String(value)),
  };
  const isEven: OperatorDefinition = {
    ...endsWith,
    name: 'isEven',
    reading: 'number',
    value: false,
    test: (fact) => Number(fact) % 2 === 0,
  };
  const { operators: more, problems } = operatorSet([endsWith, isEven]);
  const checked = (condition: unknown) => checkCondition(condition, '/enter', 0, more);

  it('are checked, read and tested as Rapport’s own', () => {
    expect(problems).toEqual([]);
    expect(checked(leaf('plan', 'endsWith', 'x'))).toEqual([]);
    expect(checked({ fact: 'score', operator: 'isEven' })).toEqual([]);
    expect(readingOf('endsWith', 'x', more)).toBe('text');
    const test = testOf('endsWith', '-2026', NOW, more);
    expect([test('pro-2026'), test('pro'), test(null), test(2026)]).toEqual([true, false, null, null]);
    expect([4, 5, Number.NaN].map(testOf('isEven', undefined, NOW, more))).toEqual([true, false, null]);
  });

  it('are refused with a value that does not fit, and without the set', () => {
    expect(checked(leaf('plan', 'endsWith', ''))).toMatchObject([
      { code: 'RAPPORT_RULES_VALUE', pointer: '/enter/value' },
    ]);
    expect(checked(leaf('score', 'isEven', 2))).toMatchObject([{ code: 'RAPPORT_RULES_VALUE' }]);
    expect(checked({ fact: 'plan', operator: 'endsWith' })).toMatchObject([{ code: 'RAPPORT_RULES_VALUE' }]);
    expect(checked(leaf('plan', 'endWith', 'x'))).toMatchObject([
      { code: 'RAPPORT_RULES_OPERATOR', message: expect.stringContaining('Did you mean "endsWith"?') as unknown },
    ]);
    expect(checkCondition(leaf('plan', 'endsWith', 'x'))).toMatchObject([{ code: 'RAPPORT_RULES_OPERATOR' }]);
    const segment = { kind: 'segment', id: 's', title: 'S', subject: 'account', enter: leaf('plan', 'endsWith', 'x') };
    expect([checkSegment(segment).ok, checkSegment(segment, more).ok]).toEqual([false, true]);
  });

  it('that cannot be used are told, each by its place', () => {
    const wrong = operatorSet([
      { ...endsWith, name: 'equal' },
      { ...endsWith, name: 'lessthan' },
      { ...endsWith, name: '__proto__' },
      endsWith,
      endsWith,
      { ...isEven, value: { type: 'nonsense' } },
      { ...isEven, description: ' ' },
    ]);
    expect([...wrong.operators.keys()]).toEqual(['endsWith']);
    expect(wrong.problems.map(({ pointer }) => pointer)).toEqual(['/0', '/1', '/2', '/4', '/5', '/6']);
  });

  it('have schemas that no value can take long to check against', () => {
    const nested = { anyOf: [{ items: { $ref: '#' } }, { items: { $ref: '#' } }] };
    const told = [
      nested,
      { $id: 'x', type: 'string' },
      { type: 'array', uniqueItems: true },
      { type: 'array', uniqueItems: true, maxItems: 1001 },
      { type: 'string', pattern: '^(?=a)' },
      { type: 'object', patternProperties: { '(a)\\1': {} } },
    ].map((value) => operatorSet([{ ...endsWith, value }]).problems.map(({ code }) => code));
    expect(told).toEqual(told.map(() => ['RAPPORT_RULES_OPERATOR']));
    // Backtracking would take 2⁴⁰ steps.
    const slow = operatorSet([{ ...endsWith, value: { type: 'string', pattern: '^(a+)+$' } }]);
    expect(readingOf('endsWith', `${'a'.repeat(40)}b`, slow.operators)).toBe(null);
    expect(readingOf('endsWith', 'aaa', slow.operators)).toBe('text');
  });

  it('are called by the id of their plugin, there and back', () => {
    expect(['has-domain', 'in', 'a1-b2-c'].map(operatorNameOf)).toEqual(['hasDomain', 'in', 'a1B2C']);
    const word = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
        const id = words.join('-');
        expect(operatorIdOf(operatorNameOf(id))).toBe(id);
      }),
    );
  });

  it('can be answered from elsewhere, for facts that are known', () => {
    const asked: unknown[] = [];
    const set = answeredBy(more, (name, value) => (fact) => {
      asked.push([name, value, fact]);
      return fact === 'a' ? null : true;
    });
    const test = testOf('endsWith', 'x', NOW, set);
    expect(['a', 'b', null, 7].map(test)).toEqual([null, true, null, null]);
    expect(asked).toEqual([
      ['endsWith', 'x', 'a'],
      ['endsWith', 'x', 'b'],
    ]);
  });

  it('are read by tests of documents, coverage and lint', () => {
    const segment: SegmentDocument = {
      kind: 'segment',
      id: 's',
      title: 'S',
      subject: 'account',
      enter: { all: [{ fact: 'score', operator: 'isEven' }, leaf('score', 'greaterThan', 3)] },
      tests: [
        { name: 'even', facts: { score: 4 }, expect: 'in' },
        { name: 'odd', facts: { score: 5 }, expect: 'in' },
      ],
    };
    expect(runTests(segment, utc, more).map(({ name, found }) => [name, found])).toEqual([['odd', 'out']]);
    expect(coverageOf(segment, utc, more)).toMatchObject({
      covered: 1,
      leaves: [{ operator: 'isEven' }, { wasFalse: false }],
    });
    expect(factsOf(segment, more).map(({ operator, reading }) => [operator, reading])).toEqual([
      ['isEven', 'number'],
      ['greaterThan', 'number'],
    ]);
    const catalogue = catalogueOf([{ fact: 'score', type: 'text' }]);
    expect(checkFacts(segment, catalogue, more)).toMatchObject([{ code: 'RAPPORT_RULES_TYPE' }, {}]);
    // Its tests show both verdicts; without them nothing does.
    expect(lint(segment, { now: NOW, operators: more })).toEqual([]);
    const untested = {
      ...segment,
      enter: { all: [{ fact: 'score', operator: 'isEven' }, leaf('score', 'equal', 3)] },
      tests: [],
    };
    expect(lint(untested, { now: NOW, operators: more })).toMatchObject([{ code: 'RAPPORT_RULES_CANNOT_TELL' }]);
  });
});
