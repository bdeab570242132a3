import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'simulate-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const command = [
  '--conditions=@rapport/source',
  '--import',
  'tsx',
  fileURLToPath(new URL('./main.ts', import.meta.url)),
];
const cwd = fileURLToPath(new URL('..', import.meta.url));
const run = (...args: string[]) =>
  spawnSync(process.execPath, [...command, ...args], { cwd, encoding: 'utf8', maxBuffer: 1 << 28 });

describe('simulate', () => {
  it('writes NDJSON to stdout, progress to stderr', () => {
    const { stdout, stderr, status } = run('--events', '2000');
    expect(status).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(1500);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ type: 'group' });
    expect(stderr).toContain(`${String(lines.length)} events in`);
  });

  it('compresses by extension, with the same bytes inside, and writes the truth beside it', () => {
    const [plain, packed, truth] = ['a.ndjson', 'a.ndjson.gz', 'truth.ndjson'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    expect(run('--events', '3000', '--out', plain, '--quiet').stderr).toBe('');
    expect(run('--events', '3e3', '--out', packed, '--truth', truth).status).toBe(0);
    expect(gunzipSync(readFileSync(packed)).equals(readFileSync(plain))).toBe(true);
    expect(readFileSync(truth, 'utf8')).toContain('"kind":"health"');
  });

  it('stops quietly when the reader of its output has seen enough', async () => {
    const child = spawn(process.execPath, [...command, '--events', '200000', '--quiet'], { cwd });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout.once('data', () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it.each([
    [['--events', 'many'], '--events many: give a whole number'],
    [['--end', 'soon'], '--end soon: give a date'],
    [['--acounts', '3'], "Unknown option '--acounts'"],
    [['--days', '0'], 'RAPPORT_SIMULATE_OPTION: "days" is 0'],
  ])('refuses %j with exit code 2 and says why', (args, message) => {
    const { status, stderr } = run(...args);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });

  it('exits with 1 where it cannot write', () => {
    const { status, stderr } = run('--events', '1000', '--out', join(folder, 'nowhere', 'x.ndjson'));
    expect(status).toBe(1);
    expect(stderr).toContain('ENOENT');
  });
});
