// Infers every target from the folder a package sits in, so a package needs no project.json or scripts.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const kinds = { apps: 'app', libs: 'lib', plugins: 'plugin', tools: 'tool' };
const run = (command) => ({ executor: 'nx:run-commands', options: { command, cwd: '{workspaceRoot}' } });

export const name = 'rapport-targets';
export const createNodes = [
  '{apps,libs,plugins}/**/tsconfig.json',
  (files, _options, { workspaceRoot }) => files.map((file) => {
    const root = dirname(file);
    const [top, group] = root.split('/');
    const pkg = JSON.parse(readFileSync(join(workspaceRoot, root, 'package.json'), 'utf8'));
    const tags = [`layer:${kinds[top]}`, ...(top === 'plugins' ? [`plugin:${group}`] : [])];
    return [file, { projects: { [root]: { name: pkg.name, root, tags, targets: {
      build: { ...run(`tsc --build ${root}`), syncGenerators: ['@rapport/workspace:sync-references'] },
      typecheck: { executor: 'nx:noop' },
      test: run(`vitest run ${root}/ --passWithNoTests`),
      lint: run(`eslint ${root}`),
    } } } }];
  }),
];
