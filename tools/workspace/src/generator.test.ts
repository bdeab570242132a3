import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pins } from '@rapport/scaffold';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newPlugin, type Tree } from './new-plugin.js';
import { readJson, repository } from './packages.js';

const require = createRequire(import.meta.url);
const run = promisify(execFile);
const kinds = ['metric', 'segment', 'playbook', 'action', 'operator'] as const;

interface FsTree extends Tree {
  listChanges(): { readonly path: string; readonly type: string }[];
}
const { FsTree, flushChanges } = require('nx/src/generators/tree.js') as {
  FsTree: new (root: string, verbose: boolean) => FsTree;
  flushChanges: (root: string, changes: ReturnType<FsTree['listChanges']>) => void;
};

// A repository with the real libraries and tools, and room for new plugins.
let scratch: string;
const tool = (path: string, ...args: string[]) =>
  run(process.execPath, [join(repository, 'node_modules', path), ...args], { cwd: scratch });

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'rapport-generator-'));
  for (const file of ['package.json', 'tsconfig.json', 'tsconfig.base.json', 'vitest.config.ts', '.prettierrc.json']) {
    await cp(join(repository, file), join(scratch, file));
  }
  for (const folder of ['node_modules', 'libs']) await symlink(join(repository, folder), join(scratch, folder));
  for (const kind of kinds) {
    const tree = new FsTree(scratch, false);
    newPlugin(tree, { kind, id: 'brand-new' });
    flushChanges(scratch, tree.listChanges());
  }
  // What they refer to: the plugins that they require, without their sources.
  for (const plugin of ['actions/webhook', 'metrics/usage-frequency'])
    await cp(join(repository, 'plugins', plugin, 'tsconfig.json'), join(scratch, 'plugins', plugin, 'tsconfig.json'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe('nx g @rapport/workspace:plugin', () => {
  // TypeScript counts the types that it makes out of generic ones. A count does not depend on how busy the machine is. A generic that is opened too early
  // costs a million and five seconds, in every editor, and nobody would know why.
  it.each(kinds)('makes a %s that compiles, with no more than 100,000 instantiations', async (kind) => {
    const folder = `plugins/${kind}s/brand-new`;
    const project = {
      extends: './tsconfig.base.json',
      compilerOptions: { rootDir: '.', noEmit: true },
      include: [folder, `${folder}/**/*.json`],
    };
    await writeFile(join(scratch, 'tsconfig.check.json'), JSON.stringify(project));
    const { stdout } = await tool(
      'native-typescript/bin/tsc',
      ...['-p', 'tsconfig.check.json', '--singleThreaded', '--extendedDiagnostics'],
    );
    const instantiations = Number(/^Instantiations: +(\d+)$/m.exec(stdout)?.[1]);
    expect(instantiations).toBeGreaterThan(0);
    expect(instantiations).toBeLessThanOrEqual(100_000);
  });

  it('makes plugins that pass their own tests', async () => {
    const { stdout } = await tool('vitest/vitest.mjs', 'run', '--root', scratch, '--reporter=json', 'plugins');
    expect(JSON.parse(stdout)).toMatchObject({ success: true, numTotalTestSuites: 5, numFailedTests: 0 });
  });

  it('gives packages that stand alone the tools that this repository is tested with', () => {
    expect((readJson('package.json') as { devDependencies: object }).devDependencies).toMatchObject(pins);
  });

  it('writes them in the style of the house, and adds them to the build', async () => {
    await tool('prettier/bin/prettier.cjs', '--check', 'plugins', 'tsconfig.json');
    const { references } = JSON.parse(await readFile(join(scratch, 'tsconfig.json'), 'utf8')) as {
      references: { path: string }[];
    };
    const paths = references.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(kinds.map((kind) => `./plugins/${kind}s/brand-new`)));
    expect(paths).toEqual([...paths].sort());
  });

  it('declares the kind, the id and the SDK in the manifest', async () => {
    const manifest: unknown = JSON.parse(
      await readFile(join(scratch, 'plugins/actions/brand-new/package.json'), 'utf8'),
    );
    expect(manifest).toMatchObject({
      name: '@rapport/action-brand-new',
      rapport: { kind: 'action', id: 'brand-new' },
      keywords: ['rapport-plugin'],
    });
  });

  it.each([
    ['metric', 'brand-new', 'already there'],
    ['metric', 'Bad Id', 'cannot be a plugin'],
    ['widget', 'x', 'not a kind of plugin'],
  ])('refuses a %s called "%s"', (kind, id, reason) => {
    expect(() => newPlugin(new FsTree(scratch, false), { kind, id })).toThrow(reason);
  });

  it('is what Nx finds and calls', async () => {
    const { generators } = readJson('tools/workspace/generators.json') as {
      generators: Record<string, { factory: string }>;
    };
    const factory = join(repository, 'tools/workspace', generators['plugin']?.factory ?? '');
    const call = `
      const { FsTree } = require('nx/src/generators/tree.js');
      const tree = new FsTree(process.cwd(), false);
      require(${JSON.stringify(factory)})(tree, { kind: 'metric', id: 'called-by-nx' })
        .then((done) => { done(); console.log(tree.listChanges().map(({ path }) => path).join('\\n')); });`;
    const { stdout } = await run(process.execPath, ['-e', call], { cwd: scratch, env: { PATH: process.env['PATH'] } });
    expect(stdout).toContain('npx vitest run plugins/metrics/called-by-nx');
    expect(stdout).toContain('\nplugins/metrics/called-by-nx/src/index.ts\n');
  });
});
