import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import type { Condition, PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { catalogueOf, type FactDescription } from './catalogue.js';
import { operators, ruleOf, type FactType } from './operator.js';
import { operatorSet } from './operator-registration.js';
import { playbookSchema, schemaFor, segmentSchema } from './schema.js';
import { checkFacts, checkSegment, factsOf } from './validation.js';

const facts: readonly FactDescription[] = [
  { fact: 'customer-engagement-score', type: 'number', title: 'Engagement', unit: 'points', minimum: 0 },
  { fact: 'customer-engagement-score.change', type: 'number' },
  { fact: 'customer-engagement-score.changeRate', type: 'number' },
  { fact: 'license-utilization', type: 'number', unit: 'ratio', minimum: 0 },
  { fact: 'usage-frequency', type: 'number', unit: 'days', minimum: 0, maximum: 14, integer: true },
  { fact: 'trait.signupAt', type: 'time' },
  { fact: 'trait.plan', type: 'text', values: ['free', 'pro', 'team'] },
  { fact: 'trait.name', type: 'text' },
  { fact: 'features', type: 'list', values: ['a', 'b'] },
  { fact: 'trait.tags', type: 'list' },
  { fact: 'segment.x', type: 'boolean' },
];
const catalogue = catalogueOf(facts);
const ajv = () => new Ajv2020({ strict: true, allErrors: true });
const isSegment = ajv().compile(schemaFor('segment', catalogue) as object);
const segment = (enter: unknown, more: object = {}) => ({
  kind: 'segment',
  id: 's',
  title: 'S',
  subject: 'account',
  enter,
  ...more,
});
const accepts = (enter: unknown): boolean => isSegment(segment(enter));

/** Vite's: this floor does no I/O of its own. */
declare global {
  interface ImportMeta {
    glob<T>(
      pattern: string,
      options: { readonly eager: true; readonly import: 'default' },
    ): Readonly<Record<string, T>>;
  }
}
const segments = Object.entries(
  import.meta.glob<SegmentDocument>('../../../plugins/segments/*/src/*.json', { eager: true, import: 'default' }),
);
const playbooks = Object.entries(
  import.meta.glob<PlaybookDocument>('../../../plugins/playbooks/*/src/*.json', { eager: true, import: 'default' }),
);

/** A catalogue of the facts that a document reads, as it reads them. */
function catalogueFor(document: SegmentDocument | PlaybookDocument) {
  const types = new Map<string, Set<FactType>>();
  for (const { fact, operator, reading } of factsOf(document)) {
    const known = types.get(fact) ?? types.set(fact, new Set()).get(fact);
    if (ruleOf(operator)?.takes.ofList) known?.add('list');
    else if (reading !== 'any') known?.add(reading);
  }
  return catalogueOf(
    [...types].map(([fact, known]) => ({ fact, type: known.size === 1 ? ([...known][0] ?? 'any') : 'any' })),
  );
}

describe('the schemas made from a catalogue', () => {
  it.each([...segments, ...playbooks])('of its facts accept %s', (_, document) => {
    const validate = ajv().compile(schemaFor(document.kind, catalogueFor(document)) as object);
    validate(document);
    expect(validate.errors).toBeNull();
    const other = ajv().compile(schemaFor(document.kind, catalogueOf([])) as object);
    const traitsOnly = factsOf(document).every(({ fact }) => fact.startsWith('trait.'));
    expect(other(document)).toBe(traitsOnly);
  });
  it('find documents to be held against', () => {
    expect(segments.length).toBeGreaterThan(1);
    expect(playbooks.length).toBeGreaterThan(0);
  });
  it('compile without any fact, and strictly without a catalogue', () => {
    expect(ajv().compile(schemaFor('playbook', catalogueOf([])) as object)({})).toBe(false);
    expect(ajv().compile(segmentSchema)(segment({}))).toBe(true);
    expect(ajv().compile(playbookSchema)({})).toBe(false);
  });

  it.each<[string, string, unknown, boolean]>([
    ['usage-frequency', 'lessThan', 3, true],
    ['usage-frequency', 'lessThan', 15, false],
    ['usage-frequency', 'lessThan', '3', false],
    ['usage-frequency', 'lessThan', undefined, false],
    ['usage-frequency', 'lessThen', 3, false],
    ['usage-frequency', 'startsWith', 'x', false],
    ['usage-frequency', 'between', [1, 2], true],
    ['usage-frequency', 'between', [1], false],
    ['usage-frequency', 'in', [], false],
    ['usage-frequency', 'isKnown', undefined, true],
    ['usage-frequency', 'isKnown', 1, false],
    ['usage-frequency', 'decreasedBy', '20%', false],
    ['customer-engagement-score', 'decreasedBy', '20%', true],
    ['customer-engagement-score', 'decreasedBy', 5, true],
    ['customer-engagement-score', 'decreasedBy', -5, false],
    ['customer-engagement-score', 'decreasedBy', '20', false],
    ['trait.signupAt', 'withinLast', '60d', true],
    ['trait.signupAt', 'withinLast', '60', false],
    ['trait.signupAt', 'before', '2026-07-01', true],
    ['trait.signupAt', 'before', 5, false],
    ['trait.signupAt', 'equal', '2026-07-01', false],
    ['trait.plan', 'equal', 'pro', true],
    ['trait.plan', 'equal', 'prop', false],
    ['trait.plan', 'in', ['pro', 'team'], true],
    ['trait.plan', 'startsWith', 'p', true],
    ['trait.name', 'matches', '^A', true],
    ['trait.name', 'equal', 'anything', true],
    ['features', 'hasAny', ['a'], true],
    ['features', 'hasAny', ['c'], false],
    ['features', 'contains', 'a', true],
    ['features', 'equal', 'a', false],
    ['trait.tags', 'hasAll', ['c', 1], true],
    ['segment.x', 'equal', true, true],
    ['segment.x', 'equal', 'true', false],
    ['segment.y', 'equal', true, false],
    ['trait.unheard-of', 'greaterThan', 3, true],
    ['__proto__', 'equal', 1, false],
    ['toString', 'equal', 1, false],
  ])('%s %s %j: %s', (fact, operator, value, expected) => {
    const leaf = { fact, operator, ...(value === undefined ? {} : { value }) };
    expect(accepts(leaf)).toBe(expected);
    expect(accepts({ all: [{ not: leaf }] })).toBe(expected);
    // What an editor accepts is valid, as far as the schema can tell; what it refuses and is valid is only out of range.
    const checked = checkSegment(segment(leaf));
    const problems = checked.ok ? checkFacts(checked.document, catalogue) : checked.problems;
    if (expected || value !== 15) expect(problems.length === 0).toBe(expected);
  });

  it('refuse what is no condition', () => {
    for (const wrong of [
      {},
      { all: [], not: { all: [] } },
      { operator: 'equal' },
      { fact: 'segment.x' },
      { any: [] },
      [],
    ])
      expect(accepts(wrong)).toBe(false);
    expect(accepts({ all: [] })).toBe(true);
  });

  it('check the facts of tests', () => {
    const tested = (of: object) => isSegment(segment({ all: [] }, { tests: [{ name: 'x', facts: of, expect: 'in' }] }));
    expect(
      tested({ 'usage-frequency': 3, 'trait.tags': 'x', features: ['a'], 'trait.other': {}, 'segment.x': null }),
    ).toBe(true);
    expect(tested({ 'usage-frequency': '3' })).toBe(false);
    expect(tested({ features: ['c'] })).toBe(false);
    expect(tested({ 'usage-frequenzy': 3 })).toBe(false);
  });

  it('offer every operator for some fact', () => {
    const text = JSON.stringify(schemaFor('segment', catalogue));
    for (const operator of operators) expect(text).toContain(`{"const":"${operator}","description":"`);
  });
});

describe('the schemas of named conditions, facts as values, and compat documents', () => {
  const than = (fact: string, operator: string, other: unknown) => ({ fact, operator, value: { fact: other } });
  it.each<[string, string, unknown, boolean]>([
    ['usage-frequency', 'lessThan', 'license-utilization', true],
    ['usage-frequency', 'lessThan', 'trait.whatever', true],
    ['usage-frequency', 'lessThan', 'trait.plan', false],
    ['usage-frequency', 'lessThan', 'segment.x', false],
    ['usage-frequency', 'lessThan', 'usage-frequenzy', false],
    ['usage-frequency', 'between', 'license-utilization', false],
    ['usage-frequency', 'lessThan', 5, false],
    ['trait.signupAt', 'before', 'trait.renewalAt', true],
    ['trait.signupAt', 'before', 'usage-frequency', false],
    ['trait.plan', 'equal', 'trait.name', true],
    ['trait.plan', 'startsWith', 'trait.name', true],
    ['features', 'contains', 'trait.plan', true],
    ['features', 'contains', 'trait.tags', false],
    ['trait.other', 'equal', 'usage-frequency', true],
  ])('%s %s the fact %s: %s', (fact, operator, other, expected) => {
    const enter = than(fact, operator, other);
    expect(accepts(enter)).toBe(expected);
    const checked = checkSegment(segment(enter));
    const problems = checked.ok ? checkFacts(checked.document, catalogue) : checked.problems;
    expect(problems.length === 0).toBe(expected);
  });

  const low = { fact: 'usage-frequency', operator: 'lessThan', value: 3 };
  const legacy = { all: [{ fact: 'usage-frequency', operator: 'not:lessThan', value: 3, path: '$.a', priority: 2 }] };
  it.each<[boolean, object]>([
    [true, segment({ condition: 'low' }, { conditions: { low } })],
    [false, segment({ condition: 'low' }, { conditions: { low: { ...low, operator: 'lessThen' } } })],
    [false, segment({ condition: 5 })],
    [false, segment({ condition: 'low', all: [] })],
    [false, segment(legacy)],
    [false, segment(legacy, { mode: 'strict' })],
    [true, segment(legacy, { mode: 'compat', conditions: { a: legacy }, allowUndefinedFacts: true })],
    [true, segment({ any: [{ ...low, value: { fact: 'trait.plan', path: '$.a' } }] }, { mode: 'compat' })],
    [false, segment({ any: [{ ...low, value: { fact: 'usage' } }] }, { mode: 'compat' })],
    [false, segment({ any: [{ ...low, fact: 'usage' }] }, { mode: 'compat' })],
    [false, segment({ any: [{ ...low, operator: 'between' }] }, { mode: 'compat' })],
    [false, segment({ any: [{}] }, { mode: 'compat' })],
    [false, segment(legacy, { mode: 'compat', exit: { any: [{ ...low, fact: 'usage' }] } })],
  ])('%# accept: %s', (expected, document) => {
    expect(isSegment(document)).toBe(expected);
  });

  it('know the rules of bands and playbooks in either mode', () => {
    const band = (enter: object) => ({ bands: [{ id: 'b', title: 'B', enter }] });
    const { enter: _, ...base } = segment(null);
    expect(isSegment({ ...base, ...band(low) })).toBe(true);
    expect(isSegment({ ...base, ...band(legacy) })).toBe(false);
    expect(isSegment({ ...base, ...band(legacy), mode: 'compat' })).toBe(true);
    const isPlaybook = ajv().compile(schemaFor('playbook', catalogue) as object);
    const playbook = { ...base, kind: 'playbook', steps: [{ id: 'a', action: 'b' }], trigger: { when: legacy } };
    expect(isPlaybook(playbook)).toBe(false);
    expect(isPlaybook({ ...playbook, mode: 'compat' })).toBe(true);
  });
});

describe('operators of plugins', () => {
  const endsWith = {
    name: 'endsWith',
    reading: 'text',
    value: { type: 'string', minLength: 1 },
    description: 'The text ends with this.',
    words: ['ends with', 'does not end with'],
    test: (fact: unknown, value: unknown) => String(fact).endsWith(String(value)),
  } as const;
  const { operators: more, problems } = operatorSet([endsWith]);

  it('are in the schema, where they fit', () => {
    const validate = ajv().compile(schemaFor('segment', catalogue, more) as object);
    expect(problems).toEqual([]);
    expect(validate(segment({ fact: 'trait.name', operator: 'endsWith', value: 'x' }))).toBe(true);
    expect(validate(segment({ fact: 'trait.name', operator: 'endsWith', value: '' }))).toBe(false);
    expect(validate(segment({ fact: 'usage-frequency', operator: 'endsWith', value: 'x' }))).toBe(false);
  });
});

describe('values of facts that are all known', () => {
  it.each<[Condition, string, string]>([
    [{ fact: 'trait.plan', operator: 'equal', value: 'tema' }, '/enter/value', 'Did you mean "team"?'],
    [{ fact: 'trait.plan', operator: 'in', value: ['pro', 'x'] }, '/enter/value/1', 'is never "x"'],
    [{ fact: 'features', operator: 'hasAll', value: ['c'] }, '/enter/value/0', 'Known: a, b.'],
  ])('%j', (enter, pointer, message) => {
    expect(checkFacts(segment(enter) as unknown as SegmentDocument, catalogue)).toEqual([
      { code: 'RAPPORT_RULES_VALUE', pointer, message: expect.stringContaining(message) as unknown },
    ]);
  });
});
