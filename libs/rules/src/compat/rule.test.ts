import { Engine, Rule, type RuleProperties } from 'json-rules-engine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outlivingIt, reference } from './reference.test.fixture.js';
import { compileRule, type CompatOptions, type CompatRule } from './rule.js';

type Facts = Readonly<Record<string, unknown>>;

const ruleOf = (conditions: unknown) => ({ conditions, event: { type: 'event' } });
const is = (fact: unknown, operator: unknown, value: unknown, more: object = {}) => ({
  fact,
  operator,
  value,
  ...more,
});
const yes = (more: object = {}) => is('one', 'equal', 1, more);
const no = (more: object = {}) => is('one', 'equal', 2, more);
const ONE: Facts = { one: 1 };

function compiled(conditions: unknown, options: CompatOptions = {}): CompatRule {
  const rule = compileRule(ruleOf(conditions), options);
  if (!rule.ok) throw new Error(JSON.stringify(rule.problems));
  return rule;
}

/** What both make of it: the same verdict and the same result, or null where both fail. */
async function verdict(conditions: unknown, facts: Facts = ONE, options: CompatOptions = {}): Promise<boolean | null> {
  const { match, trace } = compiled(conditions, options);
  const outcome = await reference({ rule: ruleOf(conditions), facts, options });
  if ('rejected' in outcome) {
    expect(trace(facts)).toHaveProperty('problem');
    expect(match(facts)).toBeNull();
    return null;
  }
  expect(trace(facts)).toEqual(outcome.trace);
  expect(match(facts)).toBe(Boolean(outcome.trace['result']));
  return match(facts);
}
const compares = (fact: unknown, operator: unknown, value: unknown, options: CompatOptions = {}) =>
  verdict({ all: [is('fact', operator, value)] }, { fact }, options);
const codeOf = (conditions: unknown, facts: Facts, options: CompatOptions = {}) => {
  const traced = compiled(conditions, options).trace(facts);
  return 'problem' in traced ? traced.problem.code : null;
};
const problemsOf = (rule: unknown, options: CompatOptions = {}) => {
  const result = compileRule(rule, options);
  return result.ok ? [] : result.problems.map(({ code, pointer }) => `${code} ${pointer}`);
};

describe('all, any and not', () => {
  it('are true when empty, all and any alike', async () => {
    expect(await verdict({ all: [] })).toBe(true);
    expect(await verdict({ any: [] })).toBe(true);
    expect(await verdict({ all: [{ any: [] }, { all: [] }] })).toBe(true);
    expect(await verdict({ not: { any: [] } })).toBe(false);
  });

  it('count in the order any, all, not where a condition has several', async () => {
    expect(await verdict({ all: [no()], any: [yes()] })).toBe(true);
    expect(await verdict({ not: no(), all: [no()] })).toBe(false);
    expect(await verdict({ not: yes(), any: [yes()], all: 'whatever' })).toBe(true);
    expect(await verdict({ all: [{ not: yes(), any: [yes()] }, yes()] })).toBe(true);
  });

  it('take an operator by its word only where it says exactly true, but a single one at the root by whatever it says', async () => {
    const options = { operators: { raw: (fact: unknown) => fact } };
    const raw = is('one', 'raw', null);
    expect(await verdict({ all: [raw] }, ONE, options)).toBe(true);
    expect(await verdict({ any: [raw] }, ONE, options)).toBe(true);
    expect(await verdict({ not: raw }, ONE, options)).toBe(false);
    expect(await verdict({ all: [raw, raw] }, ONE, options)).toBe(false);
    expect(await verdict({ any: [raw, no()] }, ONE, options)).toBe(false);
    expect(await verdict({ all: [{ all: [raw] }] }, ONE, options)).toBe(false);
    expect(await verdict({ not: raw }, { one: '' }, options)).toBe(true);
  });
});

describe('priorities', () => {
  const leavesOf = (conditions: unknown, options: CompatOptions = {}) => {
    const traced = compiled(conditions, options).trace(ONE);
    if ('problem' in traced || !('all' in traced.conditions)) throw new Error('no list');
    return traced.conditions.all.map((leaf) => ('result' in leaf ? leaf.result : 'not reached'));
  };

  it('make groups: one that decides keeps those of lower priority from being reached', async () => {
    const conditions = { all: [yes({ priority: 1 }), no({ priority: 10 }), yes({ priority: 10 }), yes()] };
    expect(await verdict(conditions)).toBe(false);
    expect(leavesOf(conditions)).toEqual(['not reached', false, true, 'not reached']);
  });

  it('do not short-circuit within a group: all of it is evaluated, and one that fails makes the rule fail', async () => {
    const missing = is('missing', 'equal', 1);
    expect(leavesOf({ all: [no(), yes()] })).toEqual([false, true]);
    expect(await verdict({ all: [no(), missing] })).toBeNull();
    expect(await verdict({ any: [yes(), missing] })).toBeNull();
    expect(await verdict({ any: [yes({ priority: 2 }), missing] })).toBe(true);
  });

  it('make no difference to what fails within a group, however early it is decided', async () => {
    const hostile: unknown = { toString: 1 };
    const failing: readonly (readonly [fact: unknown, comparison: object])[] = [
      [hostile, is('fact', 'lessThan', 1)],
      [[hostile], is('fact', 'lessThan', 1)],
      [{ a: hostile }, is('fact', 'lessThan', 1, { path: '$.a' })],
      [1, is('fact', 'in', 5)],
      [Object.create(null), is('fact', 'in', 'text')],
    ];
    for (const [fact, fails] of failing) {
      const facts = { ...ONE, fact };
      expect(await verdict({ all: [fails] }, facts)).toBeNull();
      expect(await verdict({ any: [yes(), fails] }, facts)).toBeNull();
      expect(await verdict({ any: [yes(), { all: [no(), fails] }] }, facts)).toBeNull();
    }
    expect(compiled({ any: [yes(), is('fact', 'equal', 1)] }).match({ ...ONE, fact: Promise.resolve(1) })).toBeNull();
  });

  it('are numbers as text on comparisons, and integers on all, any and not', async () => {
    expect(await verdict({ all: [no({ priority: '9' }), is('missing', 'equal', 1, { priority: 5 })] })).toBe(false);
    expect(await verdict({ all: [{ all: [no()], priority: '2.9' }, is('missing', 'equal', 1)] })).toBe(false);
    expect(await verdict({ any: [yes({ priority: 'b' }), no({ priority: 'a' }), yes({ priority: 3 })] })).toBe(true);
  });

  it('fail where they are names of Object.prototype', async () => {
    for (const priority of ['constructor', '__proto__', 'toString']) {
      expect(await verdict({ all: [yes({ priority }), yes()] })).toBeNull();
      expect(await verdict({ all: [yes({ priority })] })).toBe(true);
    }
  });

  it('show results that a document says it has where a condition is not reached', async () => {
    const written = yes({ result: 'written', factResult: 7, valueResult: 8 });
    expect(await verdict({ all: [no({ priority: 2 }), written] })).toBe(false);
    expect(leavesOf({ all: [no({ priority: 2 }), written] })).toEqual([false, 'written']);
  });
});

describe('operators', () => {
  it('of order gate the fact by parseFloat, and then compare what is there', async () => {
    expect(await compares('2 apples', 'lessThan', 10)).toBe(false);
    expect(await compares('2', 'lessThan', 10)).toBe(true);
    expect(await compares('2', 'lessThan', '10')).toBe(false);
    expect(await compares([5], 'lessThan', 10)).toBe(true);
    expect(await compares('2026-01-01', 'lessThan', '2026-06-01')).toBe(true);
    expect(await compares('a', 'lessThan', 'b')).toBe(false);
    for (const fact of [null, undefined, '', true, NaN, {}, new Date(0)]) {
      expect(await compares(fact, 'lessThanInclusive', Infinity)).toBe(false);
      expect(await compares(fact, 'greaterThan', -1)).toBe(false);
    }
    expect(await compares(1, 'greaterThanInclusive', null)).toBe(true);
    expect(await compares(1, 'greaterThan', undefined)).toBe(false);
  });

  it('of equality are ===', async () => {
    expect(await compares('1', 'equal', 1)).toBe(false);
    expect(await compares(NaN, 'equal', NaN)).toBe(false);
    expect(await compares(NaN, 'notEqual', NaN)).toBe(true);
    expect(await compares(0, 'equal', -0)).toBe(true);
    const list = [1];
    expect(await compares(list, 'equal', list)).toBe(false);
    const facts = { a: list, b: list };
    expect(await verdict({ all: [is('a', 'equal', { fact: 'b' })] }, facts)).toBe(true);
  });

  it('in and notIn are indexOf: of lists, of parts of text, and a failure otherwise', async () => {
    expect(await compares('b', 'in', ['a', 'b'])).toBe(true);
    expect(await compares(NaN, 'in', [NaN])).toBe(false);
    expect(await compares(NaN, 'notIn', [NaN])).toBe(true);
    expect(await compares('ell', 'in', 'hello')).toBe(true);
    expect(await compares(null, 'in', 'null and void')).toBe(true);
    for (const value of [5, null, undefined, {}]) expect(await compares('a', 'notIn', value)).toBeNull();
  });

  it('contains and doesNotContain are both false where the fact is no list', async () => {
    for (const fact of ['abc', null, undefined, 5, { length: 1 }]) {
      expect(await compares(fact, 'contains', 'a')).toBe(false);
      expect(await compares(fact, 'doesNotContain', 'a')).toBe(false);
    }
    expect(await compares(['a'], 'contains', 'a')).toBe(true);
    expect(await compares(['a'], 'doesNotContain', 'a')).toBe(false);
  });

  it('that are not known fail where they are reached', async () => {
    for (const operator of ['nope', 'no:equal', ':equal', 'not:', '', '__proto__', 5, null, ['equal']]) {
      expect(await compares(1, operator, 1)).toBeNull();
      expect(await verdict({ any: [yes({ priority: 2 }), is('one', operator, 1)] })).toBe(true);
    }
    expect(codeOf({ all: [is('one', 'nope', 1)] }, ONE)).toBe('RAPPORT_RULES_OPERATOR');
  });

  it('can be added, and replaced', async () => {
    const operators = {
      equal: () => true,
      divides: (fact: unknown, value: unknown) => Number(fact) % Number(value) === 0,
    };
    expect(await compares(1, 'equal', 2, { operators })).toBe(true);
    expect(await compares(9, 'divides', 3, { operators })).toBe(true);
    expect(await compares(9, 'not:divides', 2, { operators })).toBe(true);
  });

  it('that throw make the rule fail', async () => {
    const operators = {
      broken() {
        throw new Error('broken');
      },
    };
    expect(await compares(1, 'broken', 1, { operators })).toBeNull();
    expect(await compares({ toString: 1 }, 'lessThan', 1)).toBeNull();
    expect(compiled({ all: [is('one', 'broken', 1)] }, { operators }).trace(ONE)).toEqual({
      result: null,
      problem: {
        code: 'RAPPORT_RULES_FAILED',
        pointer: '/conditions/all/0',
        message: 'the operator cannot compare these values: broken.',
      },
    });
  });
});

describe('decorators', () => {
  it('not: turns also a gate that failed', async () => {
    expect(await compares('many', 'lessThan', 5)).toBe(false);
    expect(await compares('many', 'not:lessThan', 5)).toBe(true);
    expect(await compares('abc', 'not:contains', 'a')).toBe(true);
  });

  it('someFact: and everyFact: are false where the fact is no list; every of an empty list is true', async () => {
    expect(await compares([1, 9], 'someFact:greaterThan', 5)).toBe(true);
    expect(await compares([1, 9], 'everyFact:greaterThan', 5)).toBe(false);
    expect(await compares([], 'everyFact:greaterThan', 5)).toBe(true);
    expect(await compares([], 'someFact:greaterThan', 5)).toBe(false);
    expect(await compares(9, 'someFact:greaterThan', 5)).toBe(false);
    expect(await compares(9, 'everyFact:greaterThan', 5)).toBe(false);
  });

  it('someValue: and everyValue: fail where the value is no list', async () => {
    expect(await compares(5, 'someValue:greaterThan', [3, 7])).toBe(true);
    expect(await compares(5, 'everyValue:greaterThan', [3, 7])).toBe(false);
    expect(await compares(5, 'someValue:greaterThan', 3)).toBeNull();
  });

  it('swap: turns fact and value round, and what is gated with them', async () => {
    expect(await compares(5, 'swap:lessThan', 3)).toBe(true);
    expect(await compares('many', 'swap:greaterThan', 3)).toBe(false);
    expect(await compares('a', 'swap:contains', ['a'])).toBe(true);
  });

  it('compose: the leftmost is the outermost', async () => {
    expect(await compares([1, 9], 'not:someFact:greaterThan', 5)).toBe(false);
    expect(await compares([1, 9], 'someFact:not:greaterThan', 5)).toBe(true);
    expect(await compares([1, 2], 'everyFact:someValue:equal', [2, 1])).toBe(true);
    expect(await compares(5, 'not:not:not:equal', 5)).toBe(false);
    expect(await compares([[1]], 'someFact:someFact:equal', 1)).toBe(true);
  });

  it('can be added; an operator of the whole name goes before', async () => {
    const decorators = {
      either: (fact: unknown, value: unknown, next: (a: unknown, b: unknown) => unknown) =>
        next(fact, value) || next(value, fact),
    };
    const operators = { 'not:equal': () => 'mine' };
    expect(await compares(1, 'either:lessThan', 0, { decorators })).toBe(true);
    expect(await compares(1, 'not:equal', 1, { operators })).toBe(true);
  });

  it('may be many', () => {
    const operator = `${'not:'.repeat(50_000)}equal`;
    expect(compiled({ all: [is('one', operator, 1)] }).match(ONE)).toBeNull();
  });
});

describe('facts', () => {
  it('that do not exist fail, or are undefined with allowUndefinedFacts', async () => {
    const missing = { all: [is('missing', 'equal', undefined)] };
    expect(await verdict(missing)).toBeNull();
    expect(codeOf(missing, ONE)).toBe('RAPPORT_RULES_FACT');
    expect(await verdict(missing, ONE, { allowUndefinedFacts: true })).toBe(true);
    expect(await verdict(missing, { missing: undefined })).toBe(true);
  });

  it('may be what a fact is compared with', async () => {
    const conditions = { all: [is('a', 'lessThan', { fact: 'b', path: '$.limit', params: { of: 'a' } })] };
    expect(await verdict(conditions, { a: 1, b: { limit: 2 } })).toBe(true);
    expect(await verdict(conditions, { a: 1, b: 2 })).toBe(true);
    expect(await verdict(conditions, { a: 1 })).toBeNull();
  });

  it('are found by text alone', async () => {
    for (const fact of [5, null, ['one']])
      expect(await verdict({ all: [is(fact, 'equal', 1)] }, { ...ONE, 5: 1 })).toBeNull();
  });

  it('of names such as __proto__ and constructor are facts like any other, and none when not given', async () => {
    const facts = JSON.parse('{ "__proto__": { "a": 1 }, "constructor": 2 }') as Facts;
    for (const [fact, path, value] of [
      ['__proto__', '$.a', 1],
      ['constructor', undefined, 2],
    ]) {
      expect(await verdict({ all: [is(fact, 'equal', value, { path })] }, facts)).toBe(true);
      expect(await verdict({ all: [is(fact, 'equal', value, { path })] }, {})).toBeNull();
      expect(await verdict({ all: [is('one', 'equal', { fact })] })).toBeNull();
    }
  });

  it('are own properties alone, where json-rules-engine also takes those of a prototype', async () => {
    const facts = Object.assign({}, JSON.parse('{ "__proto__": { "score": 100 } }')) as Facts;
    const conditions = { all: [is('score', 'equal', 100)] };
    expect(await reference({ rule: ruleOf(conditions), facts, options: {} })).toMatchObject({
      trace: { result: true },
    });
    expect(codeOf(conditions, facts)).toBe('RAPPORT_RULES_FACT');
  });

  it('are fetched before: a function or a promise is a failure', () => {
    for (const one of [() => 1, Promise.resolve(1)]) {
      expect(compiled({ all: [yes()] }).match({ one })).toBeNull();
      expect(codeOf({ all: [yes()] }, { one })).toBe('RAPPORT_RULES_FACT');
    }
  });
});

describe('paths', () => {
  const facts = { one: { a: { b: 5 }, list: [{ b: 5 }], 'a.b': 5, text: 'five!' } };
  const at = (path: unknown, value: unknown) => ({ all: [is('one', 'equal', value, { path })] });

  it('lead along own properties', async () => {
    for (const path of ['$.a.b', '$.list[0].b', "$['a']['b']", '$["a"].b', "$['a.b']", '$.text.length', '$.list.0.b'])
      expect(await verdict(at(path, 5), facts)).toBe(true);
    for (const path of ['$.no', '$.a.b.c', '$.list[7]', '$.constructor.name', '$.__proto__', '$.list[00]'])
      expect(await verdict(at(path, undefined), facts)).toBe(true);
    expect(await verdict({ all: [is('one', 'someFact:equal', 5, { path: '$' })] }, { one: [5] })).toBe(true);
  });

  it('need not begin with $, and may be written in any way that jsonpath-plus takes for names', async () => {
    for (const path of ['a.b', '$.a.', "$.'a'.'b'", 'a;b', '$.a[b]', 'a[b', "$['a']b", 'list[0].b', "['a']"])
      for (const value of [5, undefined]) await verdict(at(path, value), facts);
    expect(await verdict(at('a.b', 5), facts)).toBe(true);
    expect(await verdict(at('$.my key', 5), { one: { 'my key': 5 } })).toBe(true);
    expect(await verdict(at("$['a~b']", 5), { one: { 'a~b': 5 } })).toBe(true);
  });

  it('of which `.[` leads to every object below, as a list where it finds more than the one at the top', async () => {
    const path = "$.address.['dot.property']";
    const is5 = { all: [is('one', 'equal', 5, { path })] };
    expect(await verdict(is5, { one: { address: { 'dot.property': 5 } } })).toBe(true);
    for (const address of [
      { 'dot.property': 5, older: { 'dot.property': 5 } },
      { older: [{ 'dot.property': 5 }, null, { 'dot.property': [5] }] },
      { older: 'text', 'dot.property': undefined },
      [{ 'dot.property': 5 }],
      'text',
      null,
    ])
      for (const operator of ['equal', 'contains', 'someFact:equal'])
        await verdict({ all: [is('one', operator, 5, { path })] }, { one: { address } });
    await verdict(at('$.list.[0]', 5), facts);
    await verdict(at('$.text.[length]', 5), facts);
  });

  it('are ignored where they are falsy, and where the fact is no object', async () => {
    for (const path of ['', null, 0, undefined]) expect(await verdict(at(path, 5), { one: 5 })).toBe(true);
    expect(await verdict(at('$.a.b', 5), { one: 5 })).toBe(true);
    expect(await verdict(at('$.a.b', null), { one: null })).toBe(true);
  });

  it.each([
    ...[
      '$..b',
      '$.*',
      '$.list[*]',
      '$.list[-1:]',
      '$.list[0,1]',
      '$[?(@.b)]',
      '$[(@.length-1)]',
      '$.a^',
      '$.a~',
      '$.a.@number()',
    ],
    ...[
      '$.a.[0].[1]',
      'constructor',
      '$.`a',
      '$.$',
      'a#1',
      "$['a','b,c']",
      `$.${'a'.repeat(256)}`,
      '$[?(@.constructor.constructor("return 1")())]',
      5,
      ['$', 'a'],
      {},
    ],
  ])('of other kinds are refused: %j', (path) => {
    expect(problemsOf(ruleOf(at(path, 5)))).toEqual(['RAPPORT_RULES_PATH /conditions/all/0/path']);
    expect(problemsOf(ruleOf({ all: [is('one', 'equal', { fact: 'one', path })] }))).toEqual([
      'RAPPORT_RULES_PATH /conditions/all/0/value/path',
    ]);
  });

  it('of any kind agree with jsonpath-plus, where they are not refused', async () => {
    const piece = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('a', 'b', '0', 'a b', 'length', 'toString') },
      { weight: 8, arbitrary: fc.constantFrom('.', '[', ']', "['", "']", '["', '"]', '$', '$.') },
      fc.constantFrom(
        "'",
        '"',
        ';',
        '~',
        '^',
        '*',
        ',',
        ':',
        '@',
        '#1',
        '`',
        '(',
        '?(',
        '-1',
        '%@%',
        '%%@@%%',
        'ä',
        ' ',
      ),
      fc.string({ minLength: 1, maxLength: 2, unit: 'binary' }),
    );
    const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom<unknown>(5, 'five', null, ''),
        fc.dictionary(fc.constantFrom('a', 'b', '0', 'a b', '', '.', '~', '..', "a']", 'a.b', '%@%'), tie('any')),
        fc.array(tie('any'), { maxLength: 3 }),
      ),
    })).any;
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 7 }), value, async (pieces, one) => {
        const path = pieces.join('');
        if (problemsOf(ruleOf(at(path, 5))).length > 0) return;
        accepted += 1;
        await verdict(at(path, 5), { one });
      }),
      { numRuns: 1000, seed: 1 },
    );
    expect(accepted).toBeGreaterThan(500);
  });
});

describe('references', () => {
  const conditions = {
    good: { all: [yes()], priority: 7, name: 'the good' },
    bad: { any: [no()] },
    alias: { condition: 'good', name: 'an alias' },
  };

  it('stand for the named condition, whose properties are laid over theirs', async () => {
    expect(await verdict({ condition: 'good' }, ONE, { conditions })).toBe(true);
    expect(await verdict({ all: [{ condition: 'alias', name: 'mine' }, yes()] }, ONE, { conditions })).toBe(true);
    expect(await verdict({ not: { condition: 'bad' } }, ONE, { conditions })).toBe(true);
    const laid = {
      all: [
        { condition: 'good', any: [no()] },
        { condition: 'bad', all: [yes()] },
      ],
    };
    expect(await verdict(laid, ONE, { conditions })).toBe(false);
    expect(await verdict({ any: [yes()], condition: 'bad' }, ONE, { conditions })).toBe(true);
  });

  it('that are not reached stay references', async () => {
    expect(
      await verdict({ all: [no({ priority: 9 }), { condition: 'good', name: 'mine' }] }, ONE, { conditions }),
    ).toBe(false);
    expect(compiled({ all: [no({ priority: 9 }), { condition: 'good' }] }, { conditions }).trace(ONE)).toMatchObject({
      conditions: { all: [{ result: false }, { condition: 'good' }] },
    });
  });

  it('to nothing fail, or are false with allowUndefinedConditions', async () => {
    for (const condition of ['nothing', '__proto__', 'constructor', 5, null, undefined]) {
      expect(await verdict({ condition }, ONE, { conditions })).toBeNull();
      expect(await verdict({ any: [{ condition }, yes()] }, ONE, { conditions })).toBeNull();
      expect(await verdict({ any: [{ condition }, yes()] }, ONE, { conditions, allowUndefinedConditions: true })).toBe(
        true,
      );
      expect(await verdict({ condition }, ONE, { conditions, allowUndefinedConditions: true })).toBe(false);
    }
    expect(codeOf({ condition: 'goood' }, ONE, { conditions })).toBe('RAPPORT_RULES_REFERENCE');
  });

  it('in a circle fail where they are reached, where json-rules-engine exhausts the stack', async () => {
    const circles = { self: { condition: 'self' }, a: { all: [{ condition: 'b' }] }, b: { not: { condition: 'a' } } };
    for (const condition of ['self', 'a', 'b']) {
      expect(await verdict({ condition }, ONE, { conditions: circles })).toBeNull();
      expect(codeOf({ condition }, ONE, { conditions: circles })).toBe('RAPPORT_RULES_CYCLE');
      expect(await verdict({ any: [yes({ priority: 2 }), { condition }] }, ONE, { conditions: circles })).toBe(true);
    }
  });

  it('in a circle that begins again only sometimes have a verdict the other times', async () => {
    // Where `one` is 1, json-rules-engine goes on for ever, and never lets go of the process.
    const circle = { loop: { all: [is('one', 'equal', 1, { priority: 2 }), { condition: 'loop' }] } };
    expect(await verdict({ condition: 'loop' }, { one: 2 }, { conditions: circle })).toBe(false);
    expect(codeOf({ condition: 'loop' }, ONE, { conditions: circle })).toBe('RAPPORT_RULES_CYCLE');
  });
});

describe('a rule’s result', () => {
  it('has event, priority and name as json-rules-engine gives them', async () => {
    for (const more of [
      { name: 'a rule', priority: 5, event: { type: 'x', params: { a: [1] }, other: 1 } },
      { name: 0, priority: '3 or so', event: { type: undefined, params: null } },
      { name: '', priority: 'abc', event: null },
      { name: { a: 1 }, priority: 0 },
    ]) {
      const rule = { conditions: { all: [yes()] }, ...more };
      const outcome = await reference({ rule, facts: ONE, options: {} });
      const ours = compileRule(rule);
      expect(ours.ok && ours.trace(ONE)).toEqual('trace' in outcome && outcome.trace);
    }
  });
});

describe('what json-rules-engine has, and Rapport has not', () => {
  it('a rule that fails harms no other', async () => {
    const good = ruleOf({ all: [yes()] }) as RuleProperties;
    const bad = ruleOf({ all: [is('missing', 'equal', 1)] }) as RuleProperties;
    await expect(new Engine([structuredClone(good), structuredClone(bad)]).run({ one: 1 })).rejects.toThrow('missing');
    expect([good, bad].map(({ conditions }) => compiled(conditions).match(ONE))).toEqual([true, null]);
  });

  it('an unhandled rejection, which ends the process, where a missing fact meets an undefined reference', async () => {
    const conditions = { all: [is('missing', 'equal', 1), { condition: 'nothing' }] };
    const { value, unhandled } = await outlivingIt(() => verdict(conditions));
    expect(value).toBeNull();
    expect(unhandled).toBe(1);
  });

  it('a state that runs share, so that one that ends makes the others skip rules', async () => {
    let deep: unknown = is('a', 'equal', 1);
    for (let i = 0; i < 10; i++) deep = { all: [deep, yes({ priority: 2, fact: 'a' })] };
    const rules = [{ ...ruleOf(deep), priority: 2 }, ruleOf({ all: [is('a', 'lessThan', 5)] })] as RuleProperties[];
    const engine = new Engine(structuredClone(rules));
    const runs = await Promise.all([engine.run({ a: 1 }), engine.run({ a: 2 })]);
    expect(runs.map(({ results, failureResults }) => results.length + failureResults.length)).toEqual([1, 2]);

    const compiledRules = rules.map(({ conditions }) => compiled(conditions));
    expect([1, 2].map((a) => compiledRules.map(({ match }) => match({ a })))).toEqual([
      [true, true],
      [false, true],
    ]);
  });

  it('events, of which one of type error rejects where its rule is true', async () => {
    const rule = { conditions: { all: [yes()] }, event: { type: 'error' } };
    expect(await reference({ rule, facts: ONE, options: {} })).toHaveProperty('rejected');
    const ours = compileRule(rule);
    expect(ours.ok && ours.match(ONE)).toBe(true);
  });

  it('documents that are written into', () => {
    const frozen = Object.freeze(yes({ priority: Object.freeze(['7']) }));
    expect(() => new Engine([ruleOf({ all: [frozen] }) as unknown as RuleProperties])).toThrow('read only');
    expect(compiled({ all: [frozen] }).match(ONE)).toBe(true);
  });

  it('results that share what can be changed', () => {
    const document = { all: [is('list', 'in', [[1]], { params: { a: 1 } }), no({ priority: -1 })] };
    const rule = compiled(document);
    const before = structuredClone(rule.trace({ list: [] }));
    document.all.pop();
    const traced = rule.trace({ list: [] }) as unknown as { conditions: { all: Record<string, unknown[]>[] } };
    expect(() => traced.conditions.all[0]!['value']!.push(1)).toThrow(TypeError);
    expect(() => Object.assign(traced.conditions.all[1]!, { result: true })).toThrow(TypeError);
    traced.conditions.all[0]!['result'] = [];
    traced.conditions.all.pop();
    expect(rule.trace({ list: [] })).toEqual(before);
  });
});

describe('documents', () => {
  it('that json-rules-engine refuses are refused, and no others', () => {
    const scalar = fc.constantFrom<unknown>(undefined, null, 0, 1, -1, '', 'a', '5', true, {}, [], { toString: 1 });
    const { condition } = fc.letrec<{ condition: unknown; object: unknown; list: unknown }>((tie) => ({
      object: fc.record(
        {
          ...{ all: tie('list'), any: tie('list'), not: tie('condition'), condition: scalar },
          ...{ fact: scalar, operator: scalar, value: scalar, priority: scalar, name: scalar },
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
      list: fc.oneof({ weight: 5, arbitrary: fc.array(tie('condition'), { maxLength: 3 }) }, scalar),
      condition: fc.oneof(
        { depthSize: 'small', maxDepth: 4 },
        fc.constant(yes()),
        { weight: 3, arbitrary: fc.constant({ all: [] }) },
        { weight: 4, arbitrary: tie('object') },
        scalar,
      ),
    }));
    const event = fc.oneof(scalar, fc.constant({ type: 'event' }));
    const counts = { refused: 0, accepted: 0 };
    fc.assert(
      fc.property(condition, event, scalar, (conditions, event, priority) => {
        // Without conditions json-rules-engine takes the rule, and rejects every run.
        fc.pre(Boolean(conditions));
        const rule = { conditions, event, priority };
        const problems = problemsOf(rule);
        const refused = constructorThrows(rule);
        expect(problems.length > 0).toBe(refused);
        counts[refused ? 'refused' : 'accepted'] += 1;
      }),
      { numRuns: 2000, seed: 1 },
    );
    expect(counts.accepted).toBeGreaterThan(200);
    expect(counts.refused).toBeGreaterThan(200);
  });

  function constructorThrows(rule: unknown): boolean {
    try {
      new Rule(structuredClone(rule) as RuleProperties);
      return false;
    } catch {
      return true;
    }
  }

  it('have all their problems told, with the place', () => {
    expect(problemsOf(null)).toEqual(['RAPPORT_RULES_SHAPE ']);
    expect(problemsOf({ conditions: null })).toEqual(['RAPPORT_RULES_SHAPE /conditions']);
    expect(problemsOf({ conditions: yes() })).toEqual(['RAPPORT_RULES_SHAPE /conditions']);
    expect(problemsOf({ conditions: { all: [] }, priority: -1 })).toEqual(['RAPPORT_RULES_SHAPE /priority']);
    expect(problemsOf({ conditions: { all: [] }, event: { params: {} } })).toEqual(['RAPPORT_RULES_SHAPE /event']);
    expect(problemsOf(ruleOf({ all: [{ any: 5 }, { not: [] }, { fact: 'a' }, 'x', yes({ path: '$..a' })] }))).toEqual([
      'RAPPORT_RULES_SHAPE /conditions/all/0/any',
      'RAPPORT_RULES_SHAPE /conditions/all/1/not',
      'RAPPORT_RULES_SHAPE /conditions/all/2',
      'RAPPORT_RULES_SHAPE /conditions/all/3',
      'RAPPORT_RULES_PATH /conditions/all/4/path',
    ]);
    const conditions = { bad: { all: [{ any: 5 }] }, worse: yes() };
    expect(problemsOf(ruleOf({ any: [{ condition: 'bad' }, { condition: 'worse' }] }), { conditions })).toEqual([
      'RAPPORT_RULES_SHAPE /conditions/any/0/all/0/any',
      'RAPPORT_RULES_SHAPE /conditions/any/1',
    ]);
    expect(problemsOf(ruleOf({ any: [] }), { conditions })).toEqual([]);
  });

  it('with a key __proto__ in a condition are refused, since they end in a TypeError there; as a key of a value it does no harm', async () => {
    const rule = ruleOf({ all: [JSON.parse('{ "fact": "one", "operator": "equal", "value": 1, "__proto__": {} }')] });
    expect(await reference({ rule, facts: ONE, options: {} })).toHaveProperty('rejected');
    expect(problemsOf(rule)).toEqual(['RAPPORT_RULES_SHAPE /conditions/all/0/__proto__']);
    expect(await compares(1, 'equal', JSON.parse('{ "__proto__": { "polluted": 1 } }'))).toBe(false);
    expect({}).not.toHaveProperty('polluted');
  });

  it('that are too deep, too many, or refer to each other too often are refused', () => {
    const deep = (levels: number) => {
      let condition: unknown = { all: [] };
      for (let i = 0; i < levels; i++) condition = { all: [condition] };
      return condition;
    };
    expect(problemsOf(ruleOf(deep(100)))).toEqual([]);
    expect(problemsOf(ruleOf(deep(101)))).toEqual([`RAPPORT_RULES_DEPTH /conditions${'/all/0'.repeat(101)}`]);
    expect(problemsOf(ruleOf(deep(100_000)))).toEqual(['RAPPORT_RULES_DEPTH /conditions']);
    expect(problemsOf({ ...ruleOf({ all: [] }), name: deep(100_000) })).toEqual(['RAPPORT_RULES_DEPTH ']);
    const names = Array.from({ length: 40 }, (_, i) => `c${i}`);
    const twice = Object.fromEntries(
      names.map((name, i) => [name, { any: [{ condition: `c${i + 1}` }, { condition: `c${i + 1}` }] }]),
    );
    expect(problemsOf(ruleOf({ condition: 'c0' }), { conditions: twice })[0]).toMatch('RAPPORT_RULES_SIZE');
    expect(problemsOf(ruleOf({ all: Array.from({ length: 20_000 }, () => yes()) }))).toEqual([
      'RAPPORT_RULES_SIZE /conditions/all/9999',
    ]);
  });
});
