import { Value } from 'typebox/value';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { profile, type ProfileSet, setFor, setMeasures, setsOption, type Static, trait, Type } from './index.js';

const sets: readonly ProfileSet[] = [
  { name: 'trial admins', when: { stage: ['trial', 'onboarding'], persona: 'admin' } },
  { name: 'trial', when: { stage: 'trial' } },
  { name: 'pro', when: { 'trait.plan': 'pro' } },
];
const given = (stage: string | null, persona: string | null, plan: string | null) => ({
  'set by stage': stage,
  'set by persona': persona,
  'set by trait.plan': plan,
});

describe('sets for profiles', () => {
  it('ask for each profile and trait once', () => {
    expect(setMeasures(sets)).toEqual({
      'set by stage': profile('stage'),
      'set by persona': profile('persona'),
      'set by trait.plan': trait('plan', 'text'),
    });
    expect(setMeasures([])).toEqual({});
  });

  it.each([
    [given('trial', 'admin', null), 'trial admins'],
    [given('onboarding', 'admin', 'pro'), 'trial admins'],
    [given('trial', 'user', 'pro'), 'trial'],
    [given('onboarding', null, 'pro'), 'pro'],
    [given('onboarding', 'user', 'free'), null],
    [given(null, null, null), null],
  ])('the first whose conditions all hold is in force: %j → %j', (inputs, name) => {
    expect(setFor(sets, inputs)?.name ?? null).toBe(name);
  });

  it('are a configuration option, with the overrides that the metric admits', () => {
    const option = setsOption({ weight: Type.Number({ description: 'Points.' }) }, 'Weights that differ.');
    expectTypeOf<Static<typeof option>[number]['weight']>().toEqualTypeOf<number>();
    const set = { name: 'trial', when: { stage: 'trial' }, weight: 3 };
    expect(Value.Check(option, [set, { ...set, when: { stage: ['a', 'b'], 'trait.plan': 'pro' } }])).toBe(true);
    for (const wrong of [{ when: {} }, { when: { stage: [] } }, { when: { stage: 1 } }, { name: '' }, { more: 1 }])
      expect(Value.Check(option, [{ ...set, ...wrong }])).toBe(false);
  });
});
