import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readText, repository } from './packages.js';
import { serveRegistry, type Registry } from './registry.js';

/*
 * What a team sees that has Rapport from a registry, in an empty folder elsewhere: packages as `npm pack` makes them, and none of this repository's
 * settings. Packages of others come from npm's cache, in the versions of package-lock.json.
 */

const run = promisify(execFile);
let registry: Registry;
let scratch: string;
beforeAll(async () => {
  registry = await serveRegistry(0);
  scratch = mkdtempSync(join(tmpdir(), 'rapport-own-'));
});
afterAll(async () => {
  await registry.close();
  rmSync(scratch, { recursive: true, force: true });
});

interface Ran {
  readonly ok: boolean;
  /** Standard output and error. */
  readonly output: string;
  /** Where the script ended. */
  readonly cwd: string;
}
/** Runs a script as a person would type it, with nothing of npm's or vitest's own environment. */
async function shell(script: string, cwd: string): Promise<Ran> {
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    NO_COLOR: '1',
    npm_config_registry: registry.url,
    npm_config_prefer_offline: 'true',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
  };
  const place = join(scratch, 'cwd');
  const args = ['-e', '-c', `trap 'pwd > ${place}' EXIT\nexec 2>&1\n${script}`];
  const { ok, output } = await run('bash', args, { cwd, env, timeout: 240_000 }).then(
    ({ stdout }) => ({ ok: true, output: stdout }),
    (error: unknown) => ({ ok: false, output: `${(error as { stdout?: string }).stdout ?? ''}\n${String(error)}` }),
  );
  return { ok, output, cwd: readFileSync(place, 'utf8').trim() };
}
async function succeed(script: string, cwd: string): Promise<Ran> {
  const ran = await shell(script, cwd);
  expect(ran.ok, `${script}\n${ran.output}`).toBe(true);
  return ran;
}

interface Block {
  readonly language: string;
  /** What follows the language: a file to write, or how to take the block. */
  readonly about: string;
  readonly text: string;
}
const blocksOf = (markdown: string): readonly Block[] =>
  [...markdown.matchAll(/^(`{3,})(\w+)(?: (.+))?\n([\s\S]*?)^\1$/gm)].map(
    ([, , language = '', about = '', text = '']) => ({
      language,
      about,
      text,
    }),
  );
const words = (text: string) => text.trim().split(/\s+/).join(' ');

describe('docs/write-a-metric.md', () => {
  it('does what it says, command by command', { timeout: 300_000 }, async () => {
    const root = join(scratch, 'engagement');
    let last: Ran = { ok: true, output: '', cwd: scratch };
    for (const { language, about, text } of blocksOf(readText('docs/write-a-metric.md'))) {
      switch (`${language} ${about}`.trim()) {
        case 'sh in-the-clone':
          // What that serves is what the registry of this test serves.
          expect(text.trim()).toBe('npm run registry');
          break;
        case 'sh':
          last = await succeed(text.replaceAll('http://127.0.0.1:4873/', registry.url), last.cwd);
          break;
        case 'sh fails':
          last = await shell(text, last.cwd);
          expect(last.ok, last.output).toBe(false);
          break;
        case 'text':
          for (const line of text.trim().split('\n')) expect(words(last.output)).toContain(words(line));
          break;
        default: {
          const [, place] = /^in (.+)$/.exec(about) ?? [];
          if (place === undefined) writeFileSync(join(root, about), text);
          else expect(JSON.parse(readFileSync(join(root, place), 'utf8'))).toMatchObject(JSON.parse(text) as object);
        }
      }
    }
  });
});

describe('a package of a team’s own', () => {
  it('builds, tests, passes its check and is evaluated, as it was written', { timeout: 300_000 }, async () => {
    const alone = join(scratch, 'elsewhere', 'first-metric');
    mkdirSync(dirname(alone));
    const command = join(repository, 'apps/cli/bin/rapport.js');
    await succeed(`node ${command} plugin new metric first-metric --name @acme/first-metric`, dirname(alone));
    await succeed('npm install', alone);
    expect((await succeed('npm test', alone)).output).toContain('3 passed');
    await succeed('npm run build', alone);
    const nothing = '@acme/first-metric (metric first-metric, 0.1.0): nothing found.';
    expect((await succeed('npm run check', alone)).output).toContain(nothing);
    expect((await succeed('npm pack --dry-run --ignore-scripts', alone)).output).toMatch(/total files:\s*6$/m);

    const workspace = join(scratch, 'workspace');
    mkdirSync(workspace);
    const opened = (userId: string, day: string) =>
      JSON.stringify({
        type: 'track',
        messageId: `${userId} ${day}`,
        userId,
        timestamp: `${day}T09:00:00Z`,
        event: 'Report Opened',
        context: { groupId: 'acme' },
      });
    const calls = [opened('ann', '2026-02-10'), opened('ben', '2026-02-28'), opened('ben', '2026-01-29')];
    writeFileSync(join(workspace, 'events.ndjson'), calls.join('\n'));
    const rapport = join(alone, 'node_modules/.bin/rapport');
    await succeed(
      `npm init -y\nnpm install ${alone}\n${rapport} init\n${rapport} import events.ndjson\n${rapport} evaluate --as-of 2026-02-28`,
      workspace,
    );
    const { output } = await succeed(`${rapport} account acme --json`, workspace);
    expect(JSON.parse(output)).toMatchObject({
      metrics: [{ metric: 'first-metric', version: 'first-metric@0.1.0', value: 2, n: 2, parts: { users: 2 } }],
    });
  });
});
