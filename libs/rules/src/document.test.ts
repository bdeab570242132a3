import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalogueOf } from './catalogue.js';
import { readDocument, type ReadDocument } from './document.js';
import { evaluate } from './condition.js';
import { anyTime } from './moment.js';
import { locate, locator } from './position.js';
import { pointerToken } from './problem.js';
import { checkCondition, checkFacts, checkSegment } from './validation.js';
import { within } from './computing-time.test.fixture.js';

const low = { fact: 'score', operator: 'lessThan', value: 40 };
const segment = (enter: unknown, more: object = {}) => ({
  kind: 'segment',
  id: 'low',
  title: 'Low',
  subject: 'account',
  enter,
  ...more,
});
const text = (enter: unknown, more: object = {}) => JSON.stringify(segment(enter, more), null, 2);
const told = (read: ReadDocument) =>
  read.ok
    ? []
    : read.problems.map(({ code, pointer, line, column }) => `${String(line)}:${String(column)} ${pointer} ${code}`);
const quickly = <T>(run: () => T, most = 10_000): T => within(most, run);

describe('positions', () => {
  const json = '{\r\n  "a": [1, { "b/c": true,\n"~": null }],\r"": "x" }';
  it.each([
    ['', 1, 1],
    ['/a', 2, 8],
    ['/a/0', 2, 9],
    ['/a/1/b~1c', 2, 21],
    ['/a/1/~0', 3, 6],
    ['/', 4, 5],
    ['/a/7', 2, 8],
    ['/a/1/nothing/more', 2, 12],
    ['/__proto__', 1, 1],
  ])('%j is at %d:%d', (pointer, line, column) => {
    expect(locate(json, pointer)).toEqual({ line, column });
  });

  it('are where the values stand, of any JSON, however it is written', () => {
    /** Every value that is not an object or a list, with its pointer. */
    const scalars = (value: unknown, pointer: string): readonly (readonly [string, unknown])[] =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, child]) => scalars(child, `${pointer}/${pointerToken(key)}`))
        : [[pointer, value]];
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 1, 2), (value, indent) => {
        const json = JSON.stringify(value, null, indent);
        const at = locator(json);
        const lines = json.split('\n');
        for (const [pointer, scalar] of scalars(value, '')) {
          const { line, column } = at(pointer);
          expect(lines[line - 1]?.slice(column - 1).startsWith(JSON.stringify(scalar))).toBe(true);
        }
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});

describe('reading a document', () => {
  it('gives the document', () => {
    expect(readDocument(text(low))).toEqual({ ok: true, document: segment(low) });
    expect(readDocument(`\uFEFF${text(low)}`).ok).toBe(true);
    const steps = [{ id: 'one', action: 'webhook' }];
    const playbook = { kind: 'playbook', id: 'p', title: 'P', subject: 'user', trigger: { when: low }, steps };
    expect(readDocument(JSON.stringify(playbook))).toEqual({ ok: true, document: playbook });
  });

  it.each<[string, string, readonly string[]]>([
    [
      'an operator',
      text({ all: [low, { ...low, operator: 'lessThen' }] }),
      ['15:21 /enter/all/1/operator RAPPORT_RULES_OPERATOR'],
    ],
    ['a value', text({ ...low, value: 'x' }), ['9:14 /enter/value RAPPORT_RULES_VALUE']],
    ['a value that is missing', text({ fact: 'x', operator: 'equal' }), ['6:12 /enter/value RAPPORT_RULES_VALUE']],
    ['a key', text(low, { entre: 1 }), ['11:12 /entre RAPPORT_RULES_SHAPE']],
    ['no kind', '{ "id": "x" }', ['1:1 /kind RAPPORT_RULES_KIND']],
    ['another kind', '{ "kind": "metric" }', ['1:11 /kind RAPPORT_RULES_KIND']],
    ['no object', '[]', ['1:1 /kind RAPPORT_RULES_KIND']],
    ['no JSON', '{\n  "kind": segment }', ['2:11  RAPPORT_RULES_JSON']],
    ['a comment', '{\n // why\n}', ['2:2  RAPPORT_RULES_JSON']],
    ['a comma too many', '{ "kind": "segment", }', ['1:22  RAPPORT_RULES_JSON']],
    ['nothing', '', ['1:1  RAPPORT_RULES_JSON']],
    [
      'a key that is there twice',
      '{ "kind": "segment",\n  "a": { "x/y": 1, "x\\/y": 2 }, "kind": 3 }',
      ['2:20 /a/x~1y RAPPORT_RULES_DUPLICATE_KEY', '2:33 /kind RAPPORT_RULES_DUPLICATE_KEY'],
    ],
    ['NaN', text(low).replace('40', 'NaN'), ['9:14  RAPPORT_RULES_JSON']],
    ['an infinite number', text(low).replace('40', '1e999'), ['9:14 /enter/value RAPPORT_RULES_VALUE']],
  ])('says where %s is wrong', (_, json, expected) => {
    expect(told(readDocument(json))).toEqual(expected);
  });

  it('never throws, whatever the text', () => {
    const piece = fc.oneof(
      fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '"kind":"segment"', '\n', 'null', '1', '/*'),
      fc.string(),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
        ),
        (json) => {
          const read = readDocument(json);
          if (!read.ok)
            for (const { line, column } of read.problems) expect(Math.min(line, column)).toBeGreaterThanOrEqual(1);
        },
      ),
      { seed: 11, numRuns: 2_000 },
    );
  });
});

describe('bad input', () => {
  it('of five megabytes is refused by its size', () => {
    const large = text({ all: Array.from({ length: 80_000 }, () => low) });
    expect(large.length).toBeGreaterThan(5_000_000);
    expect(told(quickly(() => readDocument(large), 200))).toEqual(['1:1  RAPPORT_RULES_SIZE']);
    expect(told(readDocument(text(low, { title: 'é'.repeat(100) }), { maxBytes: 300 }))).toEqual([
      '1:1  RAPPORT_RULES_SIZE',
    ]);
    expect(readDocument(text(low, { title: 'é'.repeat(100) }), { maxBytes: 400 }).ok).toBe(true);
  });

  it.each([
    ['conditions', `${'{"not":'.repeat(10_000)}{}${'}'.repeat(10_000)}`],
    ['lists', '['.repeat(900_000)],
    ['objects that do not end', '{"a":'.repeat(190_000)],
  ])('of %s nested ten thousand levels and more is refused, not run out of stack', (_, enter) => {
    const json = text(low).replace('"title": "Low"', `"title": ${enter}`);
    expect(told(quickly(() => readDocument(json)))).toEqual([expect.stringMatching(/^4:\d+ {2}RAPPORT_RULES_DEPTH$/)]);
  });

  it('of conditions nested deeper than they may be is told by its place', () => {
    const nested = Array.from({ length: 25 }).reduce<object>((inner) => ({ not: inner }), low);
    expect(told(readDocument(text(nested)))).toEqual([`27:52 /enter${'/not'.repeat(21)} RAPPORT_RULES_DEPTH`]);
  });

  it.each<[string, object]>([
    ['valid', low],
    ['without a known operator', { ...low, operator: 'lessThen' }],
    ['with a wrong key', { ...low, valeu: 3 }],
    ['with a wrong value', { ...low, value: {} }],
  ])('of ten thousand conditions, %s, is read in a moment and told by a hundred problems at most', (_, leaf) => {
    const read = quickly(() =>
      readDocument(JSON.stringify(segment({ all: Array.from({ length: 10_000 }, () => leaf) }))),
    );
    expect(read.ok).toBe(leaf === low);
    expect(told(read).length).toBeLessThanOrEqual(100);
  });

  it('with ten thousand facts that there are not is told by a hundred problems', () => {
    const checked = checkSegment(
      segment({ all: Array.from({ length: 10_000 }, (_, i) => ({ ...low, fact: `scoer-${String(i)}` })) }),
    );
    const catalogue = catalogueOf(
      Array.from({ length: 500 }, (_, i) => ({ fact: `score-${String(i)}`, type: 'number' as const })),
    );
    expect(checked.ok && quickly(() => checkFacts(checked.document, catalogue)).length).toBe(100);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'trait.__proto__', 'segment.__proto__'])(
    '%s as a fact is a name like any other',
    (fact) => {
      const leaf = { fact, operator: 'isKnown' };
      const checked = checkSegment(segment(leaf));
      expect(checked.ok && checkFacts(checked.document, catalogueOf([{ fact: 'score', type: 'number' }]))).toEqual(
        fact.startsWith('trait.')
          ? []
          : [expect.objectContaining({ code: 'RAPPORT_RULES_FACT', pointer: '/enter/fact' })],
      );
      expect(evaluate(leaf, {}, anyTime)).toBe(false);
      expect(evaluate(leaf, JSON.parse(`{"${fact}": 1}`) as Record<string, unknown>, anyTime)).toBe(true);
    },
  );

  it('with __proto__ as a key is refused where keys are known, and does no harm where they are not', () => {
    for (const json of [
      text(low).replace('"title"', '"__proto__": { "polluted": true }, "title"'),
      text(low).replace('"value"', '"__proto__": { "polluted": true }, "value"'),
    ])
      expect(told(readDocument(json))).toEqual([expect.stringMatching(/__proto__ RAPPORT_RULES_SHAPE$/)]);
    const facts = JSON.parse('{ "__proto__": { "score": 1, "polluted": true } }') as object;
    const read = readDocument(text(low, { tests: [{ name: 'x', facts, expect: 'unknown' }] }));
    expect(read.ok).toBe(true);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    // Own or inherited, it is no "score".
    expect(evaluate(low, facts as Record<string, unknown>, anyTime)).toBeNull();
    expect(evaluate(low, { __proto__: { score: 1 } }, anyTime)).toBeNull();
  });

  it.each<[string, unknown]>([
    ['text', '30'],
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a list', [30]],
    ['an object', { valueOf: () => 30 }],
    ['true', true],
    ['a function', () => 30],
    ['a symbol', Symbol('x')],
    ['a big integer', 30n],
  ])('%s where a number is asked for is unknown', (_, value) => {
    expect(evaluate(low, { score: value }, anyTime)).toBeNull();
    expect(evaluate({ not: low }, { score: value }, anyTime)).toBeNull();
  });

  it.each<[string, unknown]>([
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['an object', {}],
    ['null', null],
    ['a list with an object', [{}]],
    ['a list of infinities', Array.from({ length: 3 }, () => Number.NEGATIVE_INFINITY)],
  ])('%s as a value is refused by every operator', (_, value) => {
    for (const operator of [
      'equal',
      'lessThan',
      'between',
      'in',
      'contains',
      'isKnown',
      'before',
      'withinNext',
      'startsWith',
      'matches',
      'hasAll',
      'decreasedBy',
    ])
      expect(checkCondition({ fact: 'x', operator, value })).toMatchObject([
        { code: 'RAPPORT_RULES_VALUE', pointer: '/value' },
      ]);
  });
});

describe('patterns', () => {
  const matching = (count: number, pattern: (i: number) => string) => ({
    any: Array.from({ length: count }, (_, i) => ({ fact: 'trait.plan', operator: 'matches', value: pattern(i) })),
  });
  // As costly as a pattern may be.
  const costly = (i: number) => `(a|b|c){1,60}${'[a-z0-9]+x?'.repeat(8)}${String(i)}`;

  it('may be 200 in a document, and are compiled once', () => {
    const json = text(matching(200, costly));
    quickly(() => readDocument(json));
    expect(readDocument(json).ok).toBe(true);
    expect(readDocument(text(matching(3000, () => '^pro'))).ok).toBe(true);
  });

  it('that are more are refused at the first that is too many, before any is compiled', () => {
    const read = quickly(() => readDocument(text(matching(3000, costly))), 5000);
    expect(read.ok ? [] : read.problems).toMatchObject([
      { code: 'RAPPORT_RULES_SIZE', pointer: '/enter/any/200', line: expect.any(Number) as number },
    ]);
    const named = segment({ condition: 'one' }, { conditions: { one: matching(201, String) } });
    expect(told(readDocument(JSON.stringify(named)))).toEqual([
      expect.stringContaining('/conditions/one/any/200 RAPPORT_RULES_SIZE'),
    ]);
  });
});
