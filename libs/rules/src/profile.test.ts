import { describe, expect, it } from 'vitest';
import { readerOf } from './condition.js';
import { anyTime } from './moment.js';
import { checkProfile, classify, profileFacts, type ProfileClass } from './profile.js';

const trial: ProfileClass = { id: 'trial', when: { fact: 'trait.plan', operator: 'equal', value: 'trial' } };
const young: ProfileClass = { id: 'onboarding', when: { fact: 'tenure', operator: 'lessThan', value: 60 } };
const of = (facts: Readonly<Record<string, unknown>>, classes = [trial, young]) =>
  classify(classes, readerOf(facts), anyTime)(0);

describe('a profile', () => {
  it('puts a subject into the first class whose rule is true', () => {
    expect(of({ 'trait.plan': 'trial', tenure: 3 })).toBe('trial');
    expect(of({ 'trait.plan': 'pro', tenure: 59 })).toBe('onboarding');
    expect(of({ 'trait.plan': 'pro', tenure: 60 })).toBeNull();
  });

  it('takes what is unknown for not true, and goes on', () => {
    expect(of({ tenure: 3 })).toBe('onboarding');
    expect(of({})).toBeNull();
  });

  it('may call a class whatever it likes', () => {
    expect(of({ tenure: 1 }, [{ ...young, id: 'unknown' }])).toBe('unknown');
    expect(of({}, [{ ...young, id: 'unknown' }])).toBeNull();
  });

  it('knows traits and tenure, and says so of anything else', () => {
    expect(checkProfile([trial, young])).toEqual([]);
    expect(profileFacts([trial, young]).map(({ fact }) => fact)).toEqual(['trait.plan', 'tenure']);
    expect(checkProfile([{ id: 'x', when: { not: { fact: 'nps', operator: 'equal', value: 1 } } }])).toMatchObject([
      { code: 'RAPPORT_RULES_FACT', pointer: '/0/when/not/fact' },
    ]);
    expect(checkProfile([trial, { ...trial, when: { fact: 'tenure', operator: 'les', value: 1 } }])).toMatchObject([
      { code: 'RAPPORT_RULES_SHAPE', pointer: '/1/id' },
      { code: 'RAPPORT_RULES_OPERATOR', pointer: '/1/when/operator' },
    ]);
  });
});
