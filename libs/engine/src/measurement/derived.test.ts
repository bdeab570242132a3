import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryStore } from '@rapport/store-testkit';
import type { Engine } from '../engine.js';
import { DAY, engineOver, JUNE, metricCode, pluginFolder, track } from '../plugin-packages.test.fixture.js';
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
