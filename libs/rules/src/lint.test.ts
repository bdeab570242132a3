import { utc } from '@rapport/sdk/time';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, SegmentDocument } from '@rapport/sdk';
import { catalogueOf, type FactDescription } from './catalogue.js';
import { compile, evaluate, readerOf, usesOf } from './condition.js';
import { lint, type Finding, type LintOptions } from './lint.js';
import type { Verdict } from './operator.js';
import { checkSegment } from './validation.js';
import { placementOf } from './verdict.js';
import { within } from './computing-time.test.fixture.js';

const NOW = { at: Date.UTC(2026, 5, 1), zone: utc };
const is = (fact: string, operator: string, value?: unknown): Condition => ({
  fact,
  operator,
  ...(value === undefined ? {} : { value }),
});
const documentOf = (more: object) =>
  ({ kind: 'segment', id: 's', title: 'S', subject: 'account', ...more }) as unknown as SegmentDocument;
const bandsOf = (...enters: readonly Condition[]) =>
  documentOf({ bands: enters.map((enter, i) => ({ id: `b${String(i)}`, title: 'B', enter })) });
const told = (findings: readonly Finding[]) =>
  findings.map(({ code, pointer }) => `${pointer} ${code.replace('RAPPORT_RULES_', '')}`);

/** The part of a document at a pointer. */
const partAt = (document: unknown, pointer: string): unknown =>
  pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((part, token) => Reflect.get(part as object, token), document);
/** Whether the sample of a finding shows what the finding says, by the predicate that segments are moved by. */
function shows(document: SegmentDocument, { code, pointer, message, sample }: Finding): boolean {
  if (code === 'RAPPORT_RULES_CANNOT_TELL') return sample === null;
  if (sample === null) return false;
  const verdict = (place: string) => evaluate(partAt(document, place) as Condition, sample, NOW);
  const placed = document.bands || document.enter ? placementOf(document, readerOf(sample), NOW)(0) : '';
  switch (code.replace('RAPPORT_RULES_', '')) {
    case 'NEVER_TRUE':
      return verdict(pointer) !== true;
    case 'ALWAYS_TRUE':
      return verdict(pointer) === true;
    case 'DUPLICATE':
      return verdict(pointer) === verdict(/as (\S+);/.exec(message)?.[1] ?? '');
    case 'ENTER_AND_EXIT':
      return verdict('/enter') === true && verdict('/exit') === true;
    case 'SHADOWED':
    case 'OVERLAP':
      return (
        verdict(`${pointer}/enter`) === true &&
        placed !== partAt(document, `${pointer}/id`) &&
        message.includes(`"${placed}"`)
      );
    case 'GAP':
      return placed === 'out' && Object.values(sample).every((value) => value !== null);
    default:
      return false;
  }
}
function linted(document: SegmentDocument, options: Partial<LintOptions> = {}) {
  const checked = checkSegment(document);
  expect(checked).toMatchObject({ ok: true });
  const findings = lint(document, { now: NOW, ...options });
  for (const finding of findings) expect([finding, shows(document, finding)]).toEqual([finding, true]);
  return findings;
}
const about = (facts: readonly FactDescription[]) => ({ catalogue: catalogueOf(facts) });

describe('a condition', () => {
  it.each<[string, Condition, readonly string[]]>([
    ['that is fine', { all: [is('score', 'lessThan', 80), is('score', 'greaterThanInclusive', 40)] }, []],
    [
      'with a range of nothing',
      { all: [is('score', 'lessThan', 40), is('score', 'greaterThan', 70)] },
      ['/enter NEVER_TRUE'],
    ],
    [
      'with a range that ends where it begins',
      { all: [is('score', 'lessThan', 40), is('score', 'greaterThanInclusive', 40)] },
      ['/enter NEVER_TRUE'],
    ],
    ['with one value', { all: [is('score', 'lessThanInclusive', 40), is('score', 'greaterThanInclusive', 40)] }, []],
    [
      'with two values at once',
      { all: [is('plan', 'equal', 'pro'), is('plan', 'equal', 'team')] },
      ['/enter NEVER_TRUE'],
    ],
    [
      'with a value and another beginning',
      { all: [is('plan', 'equal', 'pro'), is('plan', 'startsWith', 'team')] },
      ['/enter NEVER_TRUE'],
    ],
    [
      'with beginnings of beginnings',
      { all: [is('plan', 'startsWith', 'a'), { not: is('plan', 'startsWith', 'ab') }, is('plan', 'notEqual', 'a')] },
      [],
    ],
    [
      'that all values meet',
      { any: [is('score', 'lessThan', 40), is('score', 'greaterThanInclusive', 40)] },
      ['/enter ALWAYS_TRUE'],
    ],
    ['that all values but one meet', { any: [is('score', 'lessThan', 40), is('score', 'greaterThan', 40)] }, []],
    ['that asks nothing', { all: [] }, ['/enter ALWAYS_TRUE']],
    ['that is true or false', { any: [is('vip', 'equal', true), is('vip', 'equal', false)] }, ['/enter ALWAYS_TRUE']],
    ['that is known or not', { any: [is('x', 'isKnown'), is('x', 'isUnknown')] }, ['/enter ALWAYS_TRUE']],
    [
      'that is known, and below or not',
      { all: [is('x', 'isKnown'), { any: [is('x', 'lessThan', 4), is('x', 'greaterThan', 3)] }] },
      ['/enter/all/1 ALWAYS_TRUE'],
    ],
    ['that is unknown and compared', { all: [is('x', 'isUnknown'), is('x', 'lessThan', 4)] }, ['/enter NEVER_TRUE']],
    [
      'with a list that holds and does not',
      { all: [is('l', 'hasAll', ['a', 'b']), is('l', 'doesNotContain', 'a')] },
      ['/enter NEVER_TRUE'],
    ],
    ['with a list that has one of two', { all: [is('l', 'hasAny', ['a', 'b']), is('l', 'doesNotContain', 'a')] }, []],
    ['of an hour that never comes', { all: [is('t', 'withinLast', '3d'), is('t', 'withinNext', '3d')] }, []],
    [
      'of the past of the future',
      { all: [is('t', 'withinLast', '3d'), { not: is('t', 'withinLast', '1w') }] },
      ['/enter NEVER_TRUE'],
    ],
    ['of times', { all: [is('t', 'before', '2026-01-01'), is('t', 'after', '2026-02-01')] }, ['/enter NEVER_TRUE']],
    [
      'of times that depend on the day',
      { all: [is('t', 'before', '2020-01-01'), is('t', 'withinNext', '3d')] },
      ['/enter CANNOT_TELL'],
    ],
    [
      'with a part that is never true',
      { any: [is('plan', 'equal', 'pro'), { all: [is('score', 'lessThan', 4), is('score', 'greaterThan', 7)] }] },
      ['/enter/any/1 NEVER_TRUE'],
    ],
    [
      'that is the same, written otherwise',
      {
        all: [is('score', 'lessThanInclusive', 4), is('plan', 'equal', 'pro'), { not: is('score', 'greaterThan', 4) }],
      },
      ['/enter/all/2 DUPLICATE'],
    ],
    [
      'that is there twice, with a pattern',
      { any: [is('plan', 'matches', '^p'), is('plan', 'equal', 'pro'), is('plan', 'matches', '^p')] },
      ['/enter/any/2 DUPLICATE'],
    ],
    ['of a pattern that nothing tried meets', is('plan', 'matches', '^x'), ['/enter CANNOT_TELL']],
    [
      'of more than can be tried',
      { any: Array.from({ length: 14 }, (_, i) => is(`f${String(i)}`, 'equal', true)) },
      ['/enter CANNOT_TELL'],
    ],
    [
      'of a list of more than can be tried',
      is(
        'l',
        'hasAll',
        Array.from({ length: 40 }, (_, i) => i),
      ),
      ['/enter CANNOT_TELL'],
    ],
    ['of a fall and a rise', { all: [is('m', 'decreasedBy', 5), is('m', 'increasedBy', 5)] }, ['/enter NEVER_TRUE']],
    ['of a change and a fall', { any: [is('m', 'changedBy', 5), is('m', 'decreasedBy', 5)] }, []],
    ['of a change of what is unknown', { all: [is('m', 'changedBy', 5), is('m', 'isUnknown')] }, ['/enter NEVER_TRUE']],
    [
      'of two bands at once',
      { all: [is('segment.a.x', 'equal', true), is('segment.a.y', 'equal', true)] },
      ['/enter NEVER_TRUE'],
    ],
    ['of two segments', { all: [is('segment.a', 'equal', true), is('segment.b.y', 'equal', true)] }, []],
    [
      'of neighbouring numbers',
      { all: [is('n', 'greaterThan', 0.1 + 0.2), is('n', 'lessThan', 0.3)] },
      ['/enter NEVER_TRUE'],
    ],
    [
      'of neighbouring numbers, the other way',
      { all: [is('n', 'greaterThanInclusive', 0.3), is('n', 'lessThan', 0.1 + 0.2)] },
      [],
    ],
    [
      'of the fact __proto__',
      { all: [is('__proto__', 'lessThan', 1), is('__proto__', 'greaterThan', 1)] },
      ['/enter NEVER_TRUE'],
    ],
  ])('%s', (_, enter, expected) => {
    expect(told(linted(documentOf({ enter })))).toEqual(expected);
  });

  it.each<[string, FactDescription, Condition, readonly string[]]>([
    [
      'above what there can be',
      { fact: 'x', type: 'number', maximum: 1 },
      is('x', 'greaterThan', 1),
      ['/enter NEVER_TRUE'],
    ],
    [
      'within what there must be',
      { fact: 'x', type: 'number', minimum: 0 },
      is('x', 'greaterThanInclusive', 0),
      ['/enter ALWAYS_TRUE'],
    ],
    [
      'between whole numbers',
      { fact: 'x', type: 'number', integer: true },
      { all: [is('x', 'greaterThan', 1), is('x', 'lessThan', 2)] },
      ['/enter NEVER_TRUE'],
    ],
    [
      'of all values',
      { fact: 'x', type: 'text', values: ['a', 'b'] },
      is('x', 'in', ['a', 'b']),
      ['/enter ALWAYS_TRUE'],
    ],
    [
      'of a pattern on known values',
      { fact: 'x', type: 'text', values: ['ab', 'b'] },
      is('x', 'matches', 'b$'),
      ['/enter ALWAYS_TRUE'],
    ],
    [
      'of a pattern on some known values',
      { fact: 'x', type: 'text', values: ['ab', 'c'] },
      is('x', 'matches', 'b$'),
      [],
    ],
    [
      'of a fall by more than there can be',
      { fact: 'x', type: 'number', minimum: 0 },
      is('x', 'decreasedBy', '150%'),
      ['/enter NEVER_TRUE'],
    ],
  ])('%s is told from the catalogue', (_, fact, enter, expected) => {
    expect(told(linted(documentOf({ enter }), about([fact])))).toEqual(expected);
  });

  it('says the same as another only where no other type of the fact tells them apart', () => {
    const anyNumber = { any: [is('x', 'isUnknown'), is('x', 'lessThan', 4), is('x', 'greaterThanInclusive', 4)] };
    const anything = { any: [is('x', 'isUnknown'), is('x', 'isKnown')] };
    const enter = { any: [anyNumber, anything].map((part) => ({ all: [is('b', 'equal', true), part] })) };
    const constants = ['/enter/any/0/all/1 ALWAYS_TRUE', '/enter/any/1/all/1 ALWAYS_TRUE'];
    expect(told(linted(documentOf({ enter })))).toEqual(constants);
    expect(told(linted(documentOf({ enter }), about([{ fact: 'x', type: 'number' }])))).toEqual([
      '/enter/any/1 DUPLICATE',
      ...constants,
    ]);
  });

  it('is tried with the texts of the document’s own tests', () => {
    const tests = [{ name: 'x', facts: { plan: 'xl' }, expect: 'in' }];
    expect(told(linted(documentOf({ enter: is('plan', 'matches', '^x'), tests })))).toEqual([]);
  });
});

describe('bands', () => {
  const band = (from: number, to: number) => ({
    all: [is('x', 'greaterThanInclusive', from), is('x', 'lessThan', to)],
  });
  const positive = about([{ fact: 'x', type: 'number', minimum: 0 }]);

  it.each<[string, readonly Condition[], readonly string[]]>([
    ['that take turns', [is('x', 'lessThan', 5), band(5, 9), is('x', 'greaterThanInclusive', 9)], []],
    ['with a gap', [is('x', 'lessThan', 5), band(6, 9), is('x', 'greaterThanInclusive', 9)], ['/bands GAP']],
    ['with a gap of one value', [is('x', 'lessThan', 5), is('x', 'greaterThan', 5)], ['/bands GAP']],
    ['that overlap', [is('x', 'lessThan', 5), is('x', 'greaterThan', 4)], ['/bands/1 OVERLAP']],
    [
      'that overlap in one value',
      [is('x', 'lessThanInclusive', 5), is('x', 'greaterThanInclusive', 5)],
      ['/bands/1 OVERLAP'],
    ],
    [
      'of which the second is in the first',
      [is('x', 'lessThan', 9), band(2, 5), is('x', 'greaterThanInclusive', 9)],
      ['/bands/1 SHADOWED'],
    ],
    [
      'of which two take all of the third',
      [is('x', 'lessThan', 5), is('x', 'greaterThanInclusive', 5), band(2, 7)],
      ['/bands/2 SHADOWED'],
    ],
  ])('%s', (_, enters, expected) => {
    expect(told(linted(bandsOf(...enters), positive))).toEqual(expected);
  });

  it('leave a gap below when nothing says that there is nothing below', () => {
    expect(linted(bandsOf(band(0, 5), is('x', 'greaterThanInclusive', 5)))).toMatchObject([
      { code: 'RAPPORT_RULES_GAP', pointer: '/bands', sample: { x: -1 } },
    ]);
  });
});

describe('enter and exit', () => {
  const both = (enter: Condition, exit: Condition) => documentOf({ enter, exit });
  it('can both be true', () => {
    const document = both(is('x', 'lessThan', 50), is('x', 'greaterThan', 40));
    expect(linted(document)).toMatchObject([
      { code: 'RAPPORT_RULES_ENTER_AND_EXIT', pointer: '/exit', sample: { x: 41 } },
    ]);
    expect(linted(both(is('x', 'lessThan', 50), is('x', 'greaterThan', 50)))).toEqual([]);
  });

  it('are not told of what no metric can be', () => {
    const enter = is('m', 'lessThanInclusive', 0);
    // Who is at 0 and never below cannot have risen.
    expect(
      told(linted(both(enter, is('m', 'increasedBy', 4)), about([{ fact: 'm', type: 'number', minimum: 0 }]))),
    ).toEqual(['/exit CANNOT_TELL']);
    expect(told(linted(both(enter, is('m', 'increasedBy', 4))))).toEqual(['/exit ENTER_AND_EXIT']);
  });
});

describe('against trying everything', () => {
  // Every subject that conditions with these values can tell apart, and more.
  const grid: Readonly<Record<string, readonly unknown[]>> = {
    n: [null, -1, 0, 0.5, 1, 1.5, 2, 2.5, 3, 4],
    m: [null, -1, 0, 0.5, 1, 1.5, 2, 2.5, 3, 4],
    t: [null, 'a', 'ab', 'abc', 'ac', 'b', 'c', 'z'],
    b: [null, true, false],
    l: [null, [], ['a'], ['b'], ['c'], ['a', 'b'], ['a', 'c'], ['b', 'c'], ['a', 'b', 'c']],
    d: [
      null,
      ...[-9, -8, -7, -4, -3, -2, 0, 1, 3, 4, 7, 8].map((days) => new Date(NOW.at + days * 86_400_000).toISOString()),
    ],
  };
  const number = fc.constantFrom(0, 1, 2, 3);
  const text = fc.constantFrom('a', 'ab', 'b', 'c');
  const some = (value: fc.Arbitrary<unknown>) => fc.uniqueArray(value, { minLength: 1, maxLength: 3 });
  const of = (
    facts: readonly string[],
    operators: readonly string[],
    value: fc.Arbitrary<unknown>,
  ): fc.Arbitrary<Condition> =>
    fc
      .tuple(fc.constantFrom(...facts), fc.constantFrom(...operators), value)
      .map(([fact, operator, operand]) => is(fact, operator, operand));
  const numbers = ['n', 'm'];
  const leaf = fc.oneof(
    of(numbers, ['lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive', 'equal', 'notEqual'], number),
    of(
      numbers,
      ['between'],
      fc.tuple(number, number).map(([a, b]) => [Math.min(a, b), Math.max(a, b)]),
    ),
    of(numbers, ['in', 'notIn'], some(number)),
    of(['t'], ['equal', 'notEqual', 'startsWith'], text),
    of(['t'], ['in', 'notIn'], some(text)),
    of(['b'], ['equal', 'notEqual'], fc.boolean()),
    of(['l'], ['contains', 'doesNotContain'], fc.constantFrom('a', 'b', 'c')),
    of(['l'], ['hasAll', 'hasAny'], some(fc.constantFrom('a', 'b'))),
    of(['d'], ['withinNext', 'withinLast'], fc.constantFrom('3d', '1w')),
    of(['n', 't', 'b', 'l'], ['isKnown', 'isUnknown'], fc.constant(undefined)),
  );
  const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
    condition: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.record({ all: fc.array(tie('condition'), { maxLength: 3 }) }),
      fc.record({ any: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
      fc.record({ not: tie('condition') }),
    ),
  }));
  /** Every subject of the grid, of the facts that conditions read; null when there are too many for a test. */
  function subjectsOf(conditions: readonly Condition[]): readonly Record<string, unknown>[] | null {
    const facts = [...new Set(conditions.flatMap((each) => usesOf(each)).map(({ fact }) => fact))];
    if (facts.reduce((size, fact) => size * (grid[fact]?.length ?? 0), 1) > 10_000) return null;
    return facts.reduce<readonly Record<string, unknown>[]>(
      (subjects, fact) =>
        subjects.flatMap((subject) => (grid[fact] ?? []).map((value) => ({ ...subject, [fact]: value }))),
      [{}],
    );
  }

  /** The verdict on each subject, by the predicate. */
  const verdictsOf = (enter: Condition, subjects: readonly Record<string, unknown>[]): readonly Verdict[] =>
    subjects.map((_, i) => i).map(compile(enter, (fact) => (i) => subjects[i]?.[fact] ?? null, NOW));

  it('what is never and always true is just that, and nothing else is', () => {
    let constant = 0;
    fc.assert(
      fc.property(condition, (enter) => {
        const subjects = subjectsOf([enter]);
        fc.pre(subjects !== null);
        const verdicts = new Set(verdictsOf(enter, subjects));
        const expected = !verdicts.has(true)
          ? ['/enter NEVER_TRUE']
          : !verdicts.has(false)
            ? ['/enter ALWAYS_TRUE']
            : [];
        constant += expected.length;
        const found = told(linted(documentOf({ enter })));
        expect(found.filter((each) => /^\/enter (?:NEVER|ALWAYS|CANNOT)/.test(each))).toEqual(expected);
      }),
      { seed: 17, numRuns: 1_500 },
    );
    expect(constant).toBeGreaterThan(50);
  });

  it('what is said of bands, and of enter and exit, is so', () => {
    const counts = new Map<string, number>();
    const count = (findings: readonly string[]) => {
      for (const each of findings)
        counts.set(each.split(' ')[1] ?? '', (counts.get(each.split(' ')[1] ?? '') ?? 0) + 1);
    };
    fc.assert(
      fc.property(fc.array(condition, { minLength: 2, maxLength: 4 }), (enters) => {
        const subjects = subjectsOf(enters);
        fc.pre(subjects !== null);
        const each = enters.map((enter) => verdictsOf(enter, subjects));
        const verdicts = subjects.map((_, i) => each.map((those) => those[i] ?? null));
        const allKnown = subjects.map((subject) => Object.values(subject).every((value) => value !== null));
        const expected = enters.flatMap((_, i) => {
          const mine = verdicts.filter((each) => each[i] === true);
          const taken = mine.filter((each) => each.indexOf(true) < i).length;
          if (taken === 0) return [];
          return [`/bands/${String(i)} ${taken === mine.length ? 'SHADOWED' : 'OVERLAP'}`];
        });
        if (verdicts.some((each, i) => allKnown[i] && each.every((verdict) => verdict === false)))
          expected.push('/bands GAP');
        const found = told(linted(bandsOf(...enters))).filter((each) =>
          /SHADOWED|OVERLAP|GAP|^\/bands CANNOT/.test(each),
        );
        expect(found).toEqual(expected);
        const [enter, exit] = enters;
        const exits = told(linted(documentOf({ enter, exit }))).filter((each) => each.includes('ENTER_AND_EXIT'));
        expect(exits).toEqual(verdicts.some(([a, b]) => a === true && b === true) ? ['/exit ENTER_AND_EXIT'] : []);
        count([...found, ...exits]);
      }),
      { seed: 19, numRuns: 500 },
    );
    for (const code of ['SHADOWED', 'OVERLAP', 'GAP', 'ENTER_AND_EXIT'])
      expect(counts.get(code) ?? 0).toBeGreaterThan(20);
  });

  it('what is said twice is said twice: without the second, every verdict is the same', () => {
    let duplicates = 0;
    fc.assert(
      fc.property(fc.constantFrom('all', 'any'), fc.array(leaf, { minLength: 2, maxLength: 5 }), (kind, children) => {
        const enter = { [kind]: children } as unknown as Condition;
        const subjects = subjectsOf([enter]);
        fc.pre(subjects !== null);
        const twice = new Set(
          told(linted(documentOf({ enter }))).flatMap((each) => /^\/enter\/\w+\/(\d) DUPLICATE$/.exec(each)?.[1] ?? []),
        );
        duplicates += twice.size;
        const without = { [kind]: children.filter((_, i) => !twice.has(String(i))) } as unknown as Condition;
        expect(verdictsOf(without, subjects)).toEqual(verdictsOf(enter, subjects));
      }),
      { seed: 23, numRuns: 500 },
    );
    expect(duplicates).toBeGreaterThan(5);
  });
});

describe('hostile documents', () => {
  const quickly = (document: SegmentDocument): readonly string[] => within(30_000, () => told(linted(document)));
  it('of ten thousand conditions are told to be too large', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => is('x', 'greaterThan', i));
    expect(quickly(documentOf({ enter: { any: many } }))).toEqual(['/enter CANNOT_TELL']);
  });
  it('of many conditions in many layers end in time', () => {
    const some = Array.from({ length: 500 }, (_, i) => is('x', 'lessThan', 2 * i));
    const layered = Array.from({ length: 19 }).reduce<Condition>(
      (inner) => ({ any: [inner, ...some] }),
      is('x', 'greaterThan', 999),
    );
    const findings = lint(documentOf({ enter: layered }), { now: NOW });
    expect(findings.at(-1)?.message).toContain('the document is too large to try all of it');
  });
});
