import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../engine.js';
import { DAY, engineOver, JUNE, metricCode, pluginFolder, track } from '../plugin-packages.test.fixture.js';

const HOUR = 3_600_000;
const levels = [{ kind: 'account' }] as const;

describe('what is kept from one evaluation to the next', () => {
  const folder = pluginFolder();
  let engine: Engine;
  beforeAll(async () => {
    // Throws before 02:00: an instant later in the day, the same events and the same code have a value.
    folder.add('metric', 'early', {
      code: metricCode('early', {
        compute: `({ events }, { asOf }) => { if (asOf < ${String(JUNE + 2 * HOUR)}) throw new Error('too early'); return { value: events }; }`,
      }),
    });
    folder.add('metric', 'recent', {
      code: metricCode('recent', {
        measures: `() => ({ recent: { node: 'profile', name: 'recent' } })`,
        parts: `{ recent: { type: 'text', description: 'x' } }`,
        compute: `({ recent }) => ({ value: recent === null ? 0 : 1, parts: { recent } })`,
      }),
    });
    engine = await engineOver(folder, {
      profiles: { recent: [{ id: 'yes', when: { fact: 'trait.calledAt', operator: 'withinLast', value: '1d' } }] },
    });
    await engine.ingest([
      track('acme', JUNE - 1),
      {
        type: 'group',
        messageId: 'g1',
        groupId: 'acme',
        traits: { calledAt: new Date(JUNE + 90 * 60_000 - DAY).toISOString() },
        timestamp: new Date(JUNE - 2 * DAY).toISOString(),
      },
    ]);
  });
  afterAll(async () => {
    await engine.close();
    folder.remove();
  });
  const valueOf = async (metric: string, asOf: number) => {
    const { frames, failures } = await engine.evaluate({ asOf, levels, metrics: [metric] });
    const column = frames[0]?.columns[metric];
    const row = frames[0]?.subjects.indexOf('acme') ?? -1;
    return { value: column?.type === 'number' && column.valid[row] ? column.values[row] : null, failures: failures.length };
  }; // prettier-ignore

  it('is not a failure', async () => {
    expect(engine.refused).toEqual([]);
    expect(await valueOf('early', JUNE + HOUR)).toEqual({ value: null, failures: 1 });
    expect(await valueOf('early', JUNE + HOUR)).toEqual({ value: null, failures: 1 });
    expect(await valueOf('early', JUNE + 3 * HOUR)).toEqual({ value: 1, failures: 0 });
  });

  it('is not the class of a profile that counts back from the instant', async () => {
    expect(await valueOf('recent', JUNE + HOUR)).toEqual({ value: 1, failures: 0 });
    expect(await valueOf('recent', JUNE + 2 * HOUR)).toEqual({ value: 0, failures: 0 });
  });
});
