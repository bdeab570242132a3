import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readText, repository } from './packages.js';
import { serveRegistry, type Registry } from './registry.js';

/*
 * What a team sees that has Rapport from a registry, in an empty folder elsewhere: packages as `npm pack` makes them, and none of this repository's
 * settings. npm's default registry has no package of Rapport, so a command that asks it for one fails. Packages of others come from npm's cache, in the
 * versions of package-lock.json.
 */

const run = promisify(execFile);
let registry: Registry;
let npmjs: Registry;
let scratch: string;
beforeAll(async () => {
  registry = await serveRegistry(0);
  npmjs = await serveRegistry(0, { rapport: false });
  scratch = mkdtempSync(join(tmpdir(), 'rapport-own-'));
});
afterAll(async () => {
  await Promise.all([registry.close(), npmjs.close()]);
  rmSync(scratch, { recursive: true, force: true });
}, 300_000);

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
    npm_config_registry: npmjs.url,
    npm_config_prefer_offline: 'true',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
  };
  const place = join(scratch, 'cwd');
  const args = ['-e', '-c', `trap 'pwd > ${place}' EXIT\nexec 2>&1\n${script}`];
  const { ok, output } = await run('bash', args, { cwd, env, timeout: 900_000 }).then(
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

/**
 * Types a page's commands, one block after the other, and holds what they print to the page.
 *
 * @param root where the page's files are; where the last command ended, if it is not given
 */
async function walk(page: string, root?: string): Promise<void> {
  let last: Ran = { ok: true, output: '', cwd: scratch };
  for (const { language, about, text } of blocksOf(readText(page))) {
    const at = (path: string) => join(root ?? last.cwd, path);
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
        if (place === undefined) writeFileSync(at(about), text);
        else expect(JSON.parse(readFileSync(at(place), 'utf8'))).toMatchObject(JSON.parse(text) as object);
      }
    }
  }
}

// npm, compilers and tests of other packages run in here; none of it is quick on a busy machine.
const PATIENCE = { timeout: 1_800_000 };

describe('a page does what it says, command by command', () => {
  it('docs/write-a-metric.md', PATIENCE, () => walk('docs/write-a-metric.md', join(scratch, 'engagement')));
  it('docs/write-a-plugin.md', PATIENCE, () => walk('docs/write-a-plugin.md'));
});

describe('a package of a team’s own', () => {
  it('is installed by itself, from the registry that its folder is configured for', PATIENCE, async () => {
    const above = join(scratch, 'elsewhere');
    const alone = join(above, 'first-metric');
    mkdirSync(above);
    const command = join(repository, 'apps/cli/bin/rapport.js');
    const { output } = await succeed(
      `echo '@rapport:registry=${registry.url}' > .npmrc\nnode ${command} plugin new metric first-metric --name @acme/first-metric`,
      above,
    );
    const [, next = ''] = /^Next: (.*)$/m.exec(output) ?? [];
    expect(next).toBe('cd first-metric && npm install && npm test && npm run dev');
    const ran = await succeed(`${next} -- --once`, above);
    expect(ran.output).toContain('3 passed');
    expect(ran.output).toContain('account acme: 3, n 3, users 2');
    expect((await succeed('npm pack --dry-run --ignore-scripts', alone)).output).toMatch(/total files:\s*6$/m);
  });
});
