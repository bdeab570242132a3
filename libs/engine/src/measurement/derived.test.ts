import { calendar, last, lastComplete, type Window } from '@rapport/sdk';
import { zone } from '@rapport/sdk/time';
import { resolveWindow } from '@rapport/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryStore } from '@rapport/store-testkit';
import type { Engine } from '../engine.js';
import { DAY, engineOver, JUNE, metricCode, pluginFolder, track } from '../plugin-packages.test.fixture.js';
import { previousAsOf } from './derived.js';
import { originOf } from './origin.js';

describe('derived facts', () => {
  const folder = pluginFolder();
  const store = memoryStore({ zone: 'UTC' });
  let engine: Engine;
  beforeAll(async () => {
    // Points that may be negative: the number of events less three.
    const less = { range: '[null, null]', compute: '({ events }) => ({ value: events - 3 })' };
    folder.add('metric', 'balance', {
      code: metricCode('balance', {
        ...less,
        measures: `() => ({ events: { node: 'count', filter: {}, window: { kind: 'last', days: 2 } } })`,
        window: `() => ({ kind: 'last', days: 2 })`,
      }),
    });
    engine = await engineOver(folder, { trends: { slopeDays: 3 } }, { store });
  });
  afterAll(async () => {
    await engine.close();
    folder.remove();
  });
  const derived = async (account: string) => {
    const { frames } = await engine.evaluate({ asOf: JUNE, levels: [{ kind: 'account' }], derived: 'all' });
    const frame = frames[0]!;
    const row = frame.subjects.indexOf(account);
    return (name: string) => {
      const column = frame.columns[`balance.${name}`];
      return column?.type === 'number' && column.valid[row] ? column.values[row] : null;
    };
  };

  it('count a change as a share of how far from zero the value was, so that growth is positive', async () => {
    expect(engine.refused).toEqual([]);
    // −2 in the window before (one event), −1 now (two events).
    await engine.ingest([track('a', JUNE - 3 * DAY), track('a', JUNE - DAY), track('a', JUNE - DAY + 1)]);
    const found = await derived('a');
    expect([found('previous'), found('change'), found('changeRate')]).toEqual([-2, 1, 0.5]);
  });

  it('take a slope over the last days, and no day more', async () => {
    const today = JUNE / DAY - 1;
    const origin = originOf(engine.plugins, 'balance')!;
    const put = (day: number, value: number) => ({
      level: { kind: 'account' } as const,
      day,
      asOf: (day + 1) * DAY,
      subjects: ['a'],
      metrics: { balance: { origin, values: { type: 'number' as const, values: Float64Array.of(value), valid: Uint8Array.of(1) } } },
    }); // prettier-ignore
    // Three days with today: −1 each. What was four days ago would turn the slope.
    await store.putHistory([put(today - 3, 1000), put(today - 2, -1), put(today - 1, -1)], await store.epoch());
    expect((await derived('a'))('slope')).toBe(0);
  });
});

describe('the window before', () => {
  const utc = zone('UTC');
  const day = (date: string) => Date.parse(date) / DAY;
  it.each<[string, Window, string, string, string]>([
    ['a month so far', calendar('month'), '2024-03-10', '2024-03-01', '2024-02-01'],
    ['the calendar month before', calendar('month', -1), '2024-03-10', '2024-02-01', '2024-01-01'],
    ['the last complete month', lastComplete('month'), '2024-03-10', '2024-02-01', '2024-01-01'],
    ['the last complete month, as it ends', lastComplete('month'), '2024-03-01', '2024-02-01', '2024-01-01'],
    ['the complete month before that', lastComplete('month', 2), '2024-03-01', '2024-01-01', '2023-12-01'],
    ['the last complete quarter', lastComplete('quarter'), '2024-05-10', '2024-01-01', '2023-10-01'],
    ['thirty days', last('30d'), '2024-03-02', '2024-02-01', '2024-01-02'],
  ])('of %s is the same one earlier', (_, window, asOf, first, firstBefore) => {
    expect(resolveWindow(window, Date.parse(asOf), utc)).toMatchObject({ from: day(first) });
    const before = previousAsOf({ window }, Date.parse(asOf), utc);
    expect(resolveWindow(window, before!, utc)).toMatchObject({ from: day(firstBefore) });
  });
});
