import { afterEach, expect, it, vi } from 'vitest';
import { memoryStore } from '@rapport/store-testkit';
import { engineOver, JUNE, metricCode, pluginFolder, standingClock, track } from './plugin-packages.test.fixture.js';

afterEach(() => vi.useRealTimers());

it('keeps its lease however long a run takes, and gives it back', async () => {
  const folder = pluginFolder();
  folder.add('metric', 'events', { code: metricCode('events') });
  const store = memoryStore({ zone: 'UTC' });
  const clock = standingClock();
  let others: string[] = [];
  const slow = {
    ...store,
    async snapshot() {
      // Ten minutes pass, five seconds at a time; another host asks for the lease again and again.
      for (let i = 0; i < 120; i++) {
        clock.set(clock.now() + 5000);
        await vi.advanceTimersByTimeAsync(5000);
        others.push(await store.begin('another', clock.now(), 30_000).then(() => 'taken over', () => 'busy')); // prettier-ignore
      }
      return store.snapshot();
    },
  };
  const engine = await engineOver(folder, {}, { store: slow, clock });
  try {
    await engine.ingest([track('acme', JUNE - 1)]);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    await engine.run({ asOf: JUNE });
    expect(new Set(others)).toEqual(new Set(['busy']));
    expect(vi.getTimerCount()).toBe(0);
    others = [];
    await (await store.begin('another', clock.now(), 30_000)).abandon();
  } finally {
    vi.useRealTimers();
    await engine.close();
    folder.remove();
  }
});
