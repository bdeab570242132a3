import { expect } from 'vitest';

/** Processor time that this process has used, ms. Unlike the clock it does not run while a busy machine does something else. */
const used = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** What `run` returns, when it takes no more than so much processor time, ms. */
export function within<T>(most: number, run: () => T): T {
  const before = used();
  const result = run();
  expect(used() - before).toBeLessThan(most);
  return result;
}
