import { utc } from '@rapport/sdk/time';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, SegmentDocument } from '@rapport/sdk';
import { MAX_DEPTH } from './condition.js';
import { checkCondition, checkFacts, checkPlaybook, checkSegment, factsOf } from './validation.js';
import { nearest } from './suggestion.js';
import { runTests } from './verdict.js';

const low: Condition = { fact: 'score', operator: 'lessThan', value: 40 };
const segment = (more: object = {}) => ({
  kind: 'segment',
  id: 'low',
  title: 'Low',
  subject: 'account',
  enter: low,
  ...more,
});
const playbook = (more: object = {}) => ({
  kind: 'playbook',
  id: 'alarm',
  title: 'Alarm',
  subject: 'account',
  trigger: { when: low },
  steps: [{ id: 'one', action: 'webhook' }],
  ...more,
});
const first = (checked: ReturnType<typeof checkSegment> | ReturnType<typeof checkPlaybook>) =>
  checked.ok ? null : checked.problems[0];
const nested = (levels: number): object =>
  Array.from({ length: levels }).reduce<object>((inner) => ({ not: inner }), low);

describe('segments', () => {
  it('accepts a full document', () => {
    const document = segment({
      $schema: '../x.json',
      description: 'x',
      exit: { fact: 'score', operator: 'greaterThanInclusive', value: 50 },
      onUnknown: 'leave',
      minimumDwell: '3d',
      tests: [{ name: 'low', asOf: '2026-06-01T00:00:00Z', facts: { score: 1 }, expect: 'in' }],
    });
    expect(checkSegment(document)).toEqual({ ok: true, document });
  });

  it.each<[object, string, string, string]>([
    [{ entre: low }, 'RAPPORT_RULES_SHAPE', '/entre', 'Did you mean "enter"?'],
    [{ subject: 'acount' }, 'RAPPORT_RULES_SHAPE', '/subject', 'Did you mean "account"?'],
    [{ enter: undefined }, 'RAPPORT_RULES_SHAPE', '', 'either "enter" or "bands"'],
    [{ minimumDwell: '3 days' }, 'RAPPORT_RULES_SHAPE', '/minimumDwell', 'must match'],
    [{ enter: { any: [] } }, 'RAPPORT_RULES_EMPTY', '/enter/any', 'can never be true'],
    [{ enter: {} }, 'RAPPORT_RULES_SHAPE', '/enter', 'has none'],
    [{ enter: { all: [], not: low } }, 'RAPPORT_RULES_SHAPE', '/enter', '"all", "not"'],
    [{ enter: { ...low, valeu: 1 } }, 'RAPPORT_RULES_SHAPE', '/enter/valeu', 'Did you mean "value"?'],
    [{ enter: { ...low, path: '$.a' } }, 'RAPPORT_RULES_SHAPE', '/enter/path', 'a part of the metric'],
    [{ enter: { ...low, params: {} } }, 'RAPPORT_RULES_SHAPE', '/enter/params', 'facts are computed before'],
    [{ enter: { ...low, priority: 1 } }, 'RAPPORT_RULES_SHAPE', '/enter/priority', 'all conditions are looked at'],
    [
      { enter: { all: [low, { ...low, operator: 'lessThen' }] } },
      'RAPPORT_RULES_OPERATOR',
      '/enter/all/1/operator',
      'Did you mean "lessThan"?',
    ],
    [{ enter: { ...low, operator: 'lower than' } }, 'RAPPORT_RULES_OPERATOR', '/enter/operator', 'Operators: equal'],
    [{ enter: { ...low, value: 'forty' } }, 'RAPPORT_RULES_VALUE', '/enter/value', 'a number, or a time'],
    [{ enter: { fact: 'x', operator: 'in', value: [] } }, 'RAPPORT_RULES_VALUE', '/enter/value', 'at least one'],
    [
      { enter: { fact: 'x', operator: 'between', value: [7, 4] } },
      'RAPPORT_RULES_VALUE',
      '/enter/value',
      'the lesser first',
    ],
    [{ enter: { fact: 'x', operator: 'withinNext', value: '3h' } }, 'RAPPORT_RULES_VALUE', '/enter/value', '"90d"'],
    [{ enter: { fact: 'x', operator: 'isKnown', value: 1 } }, 'RAPPORT_RULES_VALUE', '/enter/value', 'absent'],
    [
      { enter: { fact: 'x', operator: 'lessThan', value: '2026-02-30' } },
      'RAPPORT_RULES_VALUE',
      '/enter/value',
      'a time',
    ],
    [{ enter: nested(MAX_DEPTH + 1) }, 'RAPPORT_RULES_DEPTH', `/enter${'/not'.repeat(MAX_DEPTH + 1)}`, 'split'],
    [
      { tests: [{ name: 'x', facts: {}, expect: 'inn' }] },
      'RAPPORT_RULES_SHAPE',
      '/tests/0/expect',
      'Did you mean "in"?',
    ],
    [
      {
        enter: undefined,
        bands: [
          { id: 'a', title: 'a', enter: low },
          { id: 'a', title: 'a', enter: low },
        ],
      },
      'RAPPORT_RULES_SHAPE',
      '/bands/1/id',
      'twice',
    ],
    [
      { enter: undefined, bands: [{ id: 'out', title: 'a', enter: low }] },
      'RAPPORT_RULES_SHAPE',
      '/bands/0/id',
      'reserved',
    ],
  ])('%# refuses with %s%s', (more, code, pointer, message) => {
    expect(first(checkSegment(segment(more)))).toEqual({
      code,
      pointer,
      message: expect.stringContaining(message) as unknown,
    });
  });

  it('does not run out of stack on conditions that nest fifty thousand levels', () => {
    expect(first(checkSegment(segment({ enter: nested(50_000) })))).toMatchObject({ code: 'RAPPORT_RULES_DEPTH' });
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        checkSegment(value);
        checkPlaybook(value);
        checkCondition(value);
        checkSegment(segment({ enter: value }));
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  it('run their own tests', () => {
    const document = segment({
      enter: undefined,
      bands: [
        { id: 'low', title: 'low', enter: low },
        { id: 'high', title: 'high', enter: { fact: 'score', operator: 'greaterThan', value: 70 } },
      ],
      tests: [
        { name: 'a', facts: { score: 1 }, expect: 'low' },
        { name: 'b', facts: { score: 71 }, expect: 'low' },
        { name: 'c', facts: { score: 50 }, expect: 'out' },
        { name: 'd', facts: {}, expect: 'unknown' },
      ],
    }) as unknown;
    expect(runTests(document as SegmentDocument, utc)).toEqual([
      { name: 'b', pointer: '/tests/1', expected: 'low', found: 'high' },
    ]);
  });
});

describe('playbooks', () => {
  it('accept a trigger on a segment or a rule', () => {
    expect(checkPlaybook(playbook()).ok).toBe(true);
    expect(checkPlaybook(playbook({ trigger: { segment: 'low', on: 'enter' } })).ok).toBe(true);
  });
  it.each<[object, string, string]>([
    [{ trigger: { segment: 'low' } }, '/trigger', 'must be'],
    [{ trigger: { segment: 'low', on: 'entered' } }, '/trigger/on', 'must be one of'],
    [{ steps: [] }, '/steps', 'fewer than 1'],
    [
      {
        steps: [
          { id: 'a', action: 'x' },
          { id: 'a', action: 'y' },
        ],
      },
      '/steps/1/id',
      'twice',
    ],
    [{ steps: [{ id: 'a', acton: 'x' }] }, '/steps/0/acton', 'Did you mean "action"?'],
  ])('%# refuses %j', (more, pointer, message) => {
    expect(first(checkPlaybook(playbook(more)))).toMatchObject({
      code: 'RAPPORT_RULES_SHAPE',
      pointer,
      message: expect.stringContaining(message) as unknown,
    });
  });
});

describe('facts', () => {
  const document = segment({
    enter: {
      all: [
        low,
        {
          not: {
            any: [
              { fact: 'trait.renewalAt', operator: 'withinNext', value: '90d' },
              { fact: 'plan', operator: 'isKnown' },
            ],
          },
        },
      ],
    },
    exit: { fact: 'segment.x', operator: 'equal', value: true },
  }) as unknown as SegmentDocument;

  it('are listed with their place and how they are read', () => {
    expect(factsOf(document)).toEqual([
      { fact: 'score', operator: 'lessThan', reading: 'number', pointer: '/enter/all/0' },
      { fact: 'trait.renewalAt', operator: 'withinNext', reading: 'time', pointer: '/enter/all/1/not/any/0' },
      { fact: 'plan', operator: 'isKnown', reading: 'any', pointer: '/enter/all/1/not/any/1' },
      { fact: 'segment.x', operator: 'equal', reading: 'boolean', pointer: '/exit' },
    ]);
  });

  it('must exist and be of the type that the operator asks for', () => {
    const known = new Map([['score', ['text']], ['trait.renewalAt', ['time']], ['segment.x', ['boolean']], ['plans', ['text']]]); // prettier-ignore
    expect(checkFacts(document, { names: known.keys(), readingsOf: (fact) => known.get(fact) ?? null })).toEqual([
      {
        code: 'RAPPORT_RULES_TYPE',
        pointer: '/enter/all/0',
        message:
          '"score" is text, but "lessThan" with this value asks for number. Operators for it: equal, notEqual, in, notIn, isKnown, isUnknown, startsWith, matches.',
      },
      {
        code: 'RAPPORT_RULES_FACT',
        pointer: '/enter/all/1/not/any/1/fact',
        message: 'there is no fact "plan". Did you mean "plans"?',
      },
    ]);
  });
});

describe('suggestions', () => {
  it.each([
    ['lessThen', 'lessThan'],
    ['less-than', 'lessThan'],
    ['LESSTHAN', 'lessThan'],
    ['lesTshan', 'lessThan'],
    ['contans', 'contains'],
    ['zzz', null],
    ['', null],
  ])('%s → %s', (word, meant) => {
    expect(nearest(word, ['lessThan', 'contains'])).toBe(meant);
  });
});
