import { Value } from 'typebox/value';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  calendar,
  daysIn,
  durationOption,
  endOf,
  firstDays,
  last,
  lastComplete,
  lifetime,
  preceding,
  since,
  startOf,
  Type,
  type Duration,
  type Static,
} from './index.js';

describe('a duration', () => {
  it.each([
    ['1d', 1],
    ['30d', 30],
    ['1w', 7],
    ['2w', 14],
    ['999999d', 999_999],
  ] as const)('%s is %d days', (text, days) => {
    expect(daysIn(text)).toBe(days);
  });

  it.each(['', 'd', '30', '0d', '-1d', '1.5d', '1e3d', '030d', ' 30d', '30d ', '30 d', '30D', '12h', '1m', '1000000d'])(
    'is not %j, and the message says what is',
    (text) => {
      const tell = () => daysIn(text as Duration);
      expect(tell).toThrow(TypeError);
      expect(tell).toThrow('RAPPORT_SDK_DURATION');
      expect(tell).toThrow('"30d" or "2w"');
      expect(tell).toThrow(JSON.stringify(text));
    },
  );

  it('is the same thing in a configuration', () => {
    const schema = Type.Object({ window: durationOption('30d', 'Days looked at.') });
    expectTypeOf<Static<typeof schema>['window']>().toEqualTypeOf<Duration>();
    expect(JSON.parse(JSON.stringify(schema.properties.window))).toEqual({
      type: 'string',
      pattern: '^[1-9][0-9]{0,5}[dw]$',
      default: '30d',
      description: 'Days looked at.',
    });
    for (const window of ['1d', '2w', '999999d']) expect(Value.Check(schema, { window })).toBe(true);
    for (const window of ['', '0d', '30', '12h', '1000000d']) expect(Value.Check(schema, { window })).toBe(false);
  });
});

describe('a window', () => {
  it('is plain data', () => {
    expect(last('2w')).toEqual({ kind: 'last', days: 14 });
    expect(preceding('30d')).toEqual({ kind: 'preceding', days: 30 });
    expect(calendar('month')).toEqual({ kind: 'calendar', unit: 'month', offset: 0 });
    expect(calendar('quarter', -1)).toEqual({ kind: 'calendar', unit: 'quarter', offset: -1 });
    expect(lastComplete('month')).toEqual({ kind: 'complete', unit: 'month', back: 1 });
    expect(firstDays(7, since('signupAt'))).toEqual({ kind: 'firstDays', days: 7, since: { trait: 'signupAt' } });
    expect(lifetime()).toEqual({ kind: 'lifetime' });
    expect(startOf(last('1d'))).toEqual({ kind: 'before', edge: 'start', of: { kind: 'last', days: 1 } });
    expect(endOf(calendar('year'))).toEqual({
      kind: 'before',
      edge: 'end',
      of: { kind: 'calendar', unit: 'year', offset: 0 },
    });
  });
});
