import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { numberColumn, type ResultFrame } from '@rapport/store';
import { company } from './company.js';
import { benchConcurrent } from './concurrent.js';
import { concurrently, wrongValues, type Found } from './concurrent-step.js';

const cache = mkdtempSync(join(tmpdir(), 'bench-'));
afterAll(() => {
  rmSync(cache, { recursive: true });
});

const small = ['--events', '3000', '--accounts', '20', '--json'];

describe('bench concurrent', () => {
  it('gives its figures as one line of JSON, with nothing wrong, late or sent twice', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--conditions=@rapport/source', '--import', 'tsx', fileURLToPath(new URL('./main.ts', import.meta.url))].concat(
        'concurrent',
        small,
        ['--deliveries', '16', '--delivery-ms', '60000'],
      ),
      {
        cwd: fileURLToPath(new URL('..', import.meta.url)),
        encoding: 'utf8',
        env: { ...process.env, RAPPORT_BENCH_CACHE: cache },
      },
    );
    expect(status, stderr).toBe(0);
    const { slowdown, ...faults } = JSON.parse(stdout) as Record<string, number>;
    expect(faults).toEqual({ wrong: 0, timeouts: 0, duplicates: 0 });
    expect(slowdown).toBeGreaterThan(0);
    expect(stderr).toContain('16 deliveries in 16 requests');
  });

  it('fails when attempts run out of time and are sent again', async () => {
    process.env['RAPPORT_BENCH_CACHE'] = cache;
    let found: Found | null = null;
    const status = await benchConcurrent(
      [...small, '--deliveries', '3', '--answer-ms', '60000', '--delivery-ms', '300'],
      async ({ events, accounts, ...load }) =>
        (found = await concurrently({ ...(await company({ events, accounts })), ...load })),
    );
    // Eight attempts of each.
    expect(found).toMatchObject({ wrong: 0, timeouts: 24, duplicates: 3 });
    expect(status).toBe(1);
  });
});

describe('values that differ', () => {
  const frame = (...values: (number | null)[]): ResultFrame => ({
    level: { kind: 'account' },
    subjects: ['a', 'b', 'c'],
    columns: { one: numberColumn([1, 2, 3]), two: numberColumn(values) },
  });

  it('are counted one by one, null and the last bit as well', () => {
    expect(wrongValues([frame(1, 2, 3)], [frame(1, 2, 3)])).toBe(0);
    expect(wrongValues([frame(1, 2 + Number.EPSILON * 2, null)], [frame(1, 2, 3)])).toBe(2);
    expect(wrongValues([frame(0, null, 3)], [frame(-0, 0, 3)])).toBe(2);
  });

  it('are all those of a column or frame that only one side has', () => {
    const { one } = frame(1, 2, 3).columns;
    const less = { ...frame(1, 2, 3), columns: one ? { one } : {} };
    expect(wrongValues([less], [frame(1, 2, 3)])).toBe(3);
    expect(wrongValues([], [frame(1, 2, 3)])).toBe(6);
  });
});
