import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { repeat } from './repeat.js';

it('goes on after a failure, never overlaps, and ends the round under way before it stops', async () => {
  let rounds = 0;
  let inside = 0;
  const failures: unknown[] = [];
  const loop = repeat(
    1,
    async () => {
      expect(++inside).toBe(1);
      await pause(5);
      inside--;
      if (++rounds === 1) throw new Error('first');
    },
    (error) => failures.push(error),
  );
  await vi.waitFor(() => expect(rounds).toBeGreaterThan(2), { timeout: 30_000, interval: 5 });
  await loop.stop();
  expect(inside).toBe(0);
  const before = rounds;
  await pause(30);
  expect(rounds).toBe(before);
  expect(failures).toEqual([new Error('first')]);
});
