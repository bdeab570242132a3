// Infers every target from the folder a package sits in, so a package needs no project.json and no scripts.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const layers = { apps: 'app', libs: 'lib', plugins: 'plugin', tools: 'tool' };
const run = (command) => ({ executor: 'nx:run-commands', options: { command, cwd: '{workspaceRoot}' } });

const projectAt = (root, workspaceRoot) => {
  const { name } = JSON.parse(readFileSync(join(workspaceRoot, root, 'package.json'), 'utf8'));
  const [top, group] = root.split('/');
  return {
    name,
    root,
    tags: [`layer:${layers[top]}`, ...(top === 'plugins' ? [`plugin:${group}`] : [])],
    targets: {
      build: { ...run(`tsc --build ${root}`), syncGenerators: ['@rapport/workspace:sync-references'] },
      // Nx would infer one of its own; the build already checks the types.
      typecheck: { executor: 'nx:noop' },
      test: run(`vitest run ${root}/ --passWithNoTests`),
      lint: run(`eslint ${root}`),
    },
  };
};

export const name = 'rapport-targets';
export const createNodes = [
  '{{apps,libs,tools}/*,plugins/*/*}/tsconfig.json',
  (files, _options, { workspaceRoot }) =>
    files.map((file) => [file, { projects: { [dirname(file)]: projectAt(dirname(file), workspaceRoot) } }]),
];
