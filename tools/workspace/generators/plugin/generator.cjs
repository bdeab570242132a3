module.exports = async function plugin(tree, { kind, id }) {
  const dir = `plugins/${kind}s/${id}`;
  if (tree.exists(`${dir}/package.json`)) throw new Error(`${dir} already exists`);
  const json = (f, o) => tree.write(`${dir}/${f}`, JSON.stringify(o, null, 2) + '\n');
  json('package.json', {
    name: `@rapport/${kind}-${id}`,
    version: '0.1.0',
    description: `The ${id} ${kind}`,
    type: 'module',
    keywords: ['rapport-plugin'],
    rapport: { plugin: { kind, id } },
    exports: {
      '.': { '@rapport/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
      './package.json': './package.json',
    },
    files: ['dist', '!dist/**/*.test.*', '!dist/.tsbuildinfo'],
    peerDependencies: { '@rapport/sdk': '^1.0.0' },
  });
  json('tsconfig.json', { extends: '../../../tsconfig.base.json', references: [{ path: '../../../libs/sdk' }] });
  tree.write(`${dir}/README.md`, `# @rapport/${kind}-${id}\n`);
  tree.write(
    `${dir}/src/index.ts`,
    `import { definePlugin } from '@rapport/sdk';\n\nexport default definePlugin({ kind: '${kind}', id: '${id}', evaluate: () => 0 });\n`,
  );
  tree.write(
    `${dir}/src/index.test.ts`,
    `import { expect, it } from 'vitest';\nimport plugin from './index.js';\n\nit('has an id', () => {\n  expect(plugin.id).toBe('${id}');\n});\n`,
  );
};
