import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from './engine.js';
import {
  DAY,
  engineOver,
  JUNE,
  metricCode,
  pluginFolder,
  standingClock,
  track,
} from './plugin-packages.test.fixture.js';

describe('the report of a subject', () => {
  const folder = pluginFolder();
  const clock = standingClock(JUNE + DAY);
  let engine: Engine;
  beforeAll(async () => {
    folder.add('metric', 'events', { code: metricCode('events') });
    engine = await engineOver(folder, {}, { clock });
  });
  afterAll(async () => {
    await engine.close();
    folder.remove();
  });

  it('is of the latest run, also when an earlier one was looked at', async () => {
    await engine.ingest([track('acme', JUNE - 1)]);
    await engine.run({ asOf: JUNE });
    expect(await engine.subject('account', 'acme')).toMatchObject({ run: 1, metrics: [{ value: 1 }] });
    await engine.ingest([track('acme', JUNE - 2), track('late', JUNE - 3)]);
    expect(await engine.subject('account', 'late')).toBeNull();
    await engine.run({ asOf: JUNE });
    expect(await engine.subject('account', 'acme')).toMatchObject({ run: 2, metrics: [{ value: 2 }] });
    expect(await engine.subject('account', 'late')).toMatchObject({ run: 2, metrics: [{ value: 1 }] });
  });
});
