import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const run = (...args: string[]) =>
  spawnSync(
    process.execPath,
    ['--conditions=@rapport/source', '--import', 'tsx', fileURLToPath(new URL('./main.ts', import.meta.url)), ...args],
    { cwd: fileURLToPath(new URL('..', import.meta.url)), encoding: 'utf8' },
  );

describe('bench', () => {
  it('explains itself', () => {
    const { status, stdout } = run('--help');
    expect(status).toBe(0);
    expect(stdout).toContain('evaluate --events N');
  });

  it.each([
    [[], 'Name a benchmark.'],
    [['evalute'], 'There is no benchmark "evalute".'],
    [['evaluate', '--events', 'many'], '--events many: give a whole number'],
    [['evaluate', '--event', '5'], "Unknown option '--event'"],
  ])('refuses %j with exit code 2', (args, message) => {
    const { status, stdout, stderr } = run(...args);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });
});
