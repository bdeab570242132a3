import { activeTime, count, distinct, equal, last, lifetime, profile, spans, trait, type Measures } from '@rapport/sdk';
import { describe, expect, it } from 'vitest';
import { narrowMeasures, type Scope } from './scope.js';

const crm: Scope = { events: ['A', 'B'], where: equal('product', 'crm') };
const narrowed = (measure: Measures[string], scope = crm) => narrowMeasures({ measure }, scope).measure;

describe('narrowMeasures', () => {
  it('adds the scope to a filter', () => {
    expect(narrowed(count({}, last('7d')))).toEqual(
      count({ events: ['A', 'B'], where: equal('product', 'crm') }, last('7d')),
    );
    expect(narrowed(activeTime({ events: ['B', 'C'], where: equal('x', 1) }, lifetime()))).toEqual(
      activeTime({ events: ['B'], where: { all: [equal('x', 1), equal('product', 'crm')] } }, lifetime()),
    );
  });

  it('leaves no event where the names have nothing in common', () => {
    expect(narrowed(count({ events: ['C'] }, last('7d')))).toMatchObject({ filter: { events: [] } });
  });

  it('narrows whatever a measure looks at: qualifications, and the sides of spans', () => {
    const scope = { events: ['A'] };
    expect(
      narrowed(distinct('user', {}, last('7d'), { qualifying: [{ events: ['A', 'B'], atLeast: 2 }] }), scope),
    ).toEqual(distinct('user', { events: ['A'] }, last('7d'), { qualifying: [{ events: ['A'], atLeast: 2 }] }));
    const tickets = { key: 'id', open: { events: ['A'] }, close: { events: ['B'] } };
    expect(narrowed(spans({ ...tickets, change: {} }, 'open', last('7d')), scope)).toEqual(
      spans(
        { key: 'id', open: { events: ['A'] }, close: { events: [] }, change: { events: ['A'] } },
        'open',
        last('7d'),
      ),
    );
  });

  it('leaves traits and profiles alone', () => {
    expect(narrowed(trait('seats'))).toEqual(trait('seats'));
    expect(narrowed(profile('stage'))).toEqual(profile('stage'));
  });
});
