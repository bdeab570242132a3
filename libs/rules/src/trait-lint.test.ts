import { describe, expect, it } from 'vitest';
import { checkSegment } from './validation.js';
import { lintTraits, traitsOf, type TraitProfile, type TraitProfiles } from './trait-lint.js';

const nothing: TraitProfile = { texts: 0, numbers: 0, times: 0, frequent: [], isComplete: true, notATime: null };
const data: TraitProfiles = {
  kind: 'account',
  subjects: 50,
  names: ['plan', 'renewalAt', 'seats', 'sso', 'tag', 'zip'],
  profiles: new Map([
    ['plan', { ...nothing, texts: 50, frequent: ['Pro', 'Free'], notATime: 'Pro' }],
    ['seats', { ...nothing, numbers: 44, times: 44 }],
    ['renewalAt', { ...nothing, texts: 12, frequent: ['05/01/2025'], notATime: '05/01/2025' }],
    ['zip', { ...nothing, texts: 2, times: 1, frequent: ['8001', '2026-01-01'], notATime: '8001' }],
    ['sso', nothing],
    ['tag', { ...nothing, texts: 50, frequent: ['Gold', 'Silver'], isComplete: false, notATime: 'Gold' }],
  ]),
};
function document(enter: unknown, more: object = {}) {
  const checked = checkSegment({ kind: 'segment', id: 's', title: 'S', subject: 'account', enter, ...more });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.document;
}
const leaf = (fact: string, operator: string, value?: unknown) => ({ fact: `trait.${fact}`, operator, value });
const found = (enter: unknown, traits = data) =>
  lintTraits(document(enter), traits).map(({ code, pointer, message }) => `${code} ${pointer} ${message}`);

describe('traits of a document', () => {
  it('are those that its conditions read, each once, of both modes', () => {
    const both = { all: [leaf('plan', 'equal', 'Pro'), leaf('seats', 'lessThan', { fact: 'trait.used' })] };
    expect(traitsOf(document({ any: [both, leaf('plan', 'isKnown')] }))).toEqual(['plan', 'seats', 'used']);
    expect(traitsOf(document({ all: [leaf('plan', 'equal', 'Pro')] }, { mode: 'compat' }))).toEqual(['plan']);
  });

  it('that nobody has are told, with the name that was probably meant', () => {
    const [unknown] = found({ all: [leaf('plan', 'equal', 'Pro'), leaf('plna', 'equal', 'Pro')] });
    expect(unknown).toBe(
      'RAPPORT_RULES_TRAIT /enter/all/1/fact no account has ever had the trait "plna". Did you mean "plan"? Traits: plan, renewalAt, seats, sso, tag, zip.',
    );
    const compat = lintTraits(document({ all: [leaf('plna', 'equal', 1)] }, { mode: 'compat' }), data);
    expect(compat).toMatchObject([{ code: 'RAPPORT_RULES_TRAIT', pointer: '/enter/all/0/fact', sample: null }]);
    expect(found(leaf('seats', 'lessThan', { fact: 'trait.used' }))).toEqual([
      expect.stringContaining('RAPPORT_RULES_TRAIT /enter/value/fact'),
    ]);
  });

  it.each([
    [leaf('seats', 'equal', '44'), 'is a number (of 44 accounts), and never the text "44". Write 44 without quotes.'],
    [leaf('seats', 'startsWith', 'a'), 'is a number'],
    [leaf('plan', 'greaterThan', 5), 'is text (of 50 accounts), and never the number 5. Write "5" in quotes.'],
    [leaf('renewalAt', 'withinNext', '90d'), 'of 12 accounts cannot be read as a time, such as "05/01/2025"'],
    [leaf('plan', 'equal', true), 'is text or a number (of 50 accounts), which is neither true nor false'],
  ])('%j is of another type', (enter, message) => {
    expect(found(enter)).toEqual([expect.stringMatching(/^RAPPORT_RULES_TRAIT_TYPE \/enter\/value /)]);
    expect(found(enter)[0]).toContain(message);
  });

  it.each([
    leaf('seats', 'equal', 44),
    leaf('zip', 'withinNext', '90d'),
    leaf('sso', 'equal', true),
    leaf('sso', 'equal', 'yes'),
    leaf('plan', 'isKnown'),
    leaf('plan', 'startsWith', 'x'),
    leaf('plan', 'in', ['Pro', 'Free']),
    leaf('tag', 'equal', 'Bronze'),
  ])('%j may well be so', (enter) => {
    expect(found(enter)).toEqual([]);
  });

  it('are never a text that nobody has, where every text is known, or one that differs in case only', () => {
    expect(found(leaf('plan', 'equal', 'pro'))).toEqual([
      'RAPPORT_RULES_TRAIT_VALUE /enter/value no account has "pro" as "trait.plan". Did you mean "Pro"? Values: Pro, Free.',
    ]);
    expect(found(leaf('plan', 'notIn', ['Pro', 'Enterprise']))).toEqual([
      expect.stringContaining('/enter/value/1 no account has "Enterprise"'),
    ]);
    expect(found(leaf('tag', 'equal', 'gold '))).toEqual([
      expect.stringContaining('Did you mean "Gold"? Frequent values: Gold, Silver.'),
    ]);
  });

  it('say nothing where there are no subjects', () => {
    expect(found(leaf('plna', 'equal', 1), { ...data, subjects: 0 })).toEqual([]);
  });
});
