import { join } from 'node:path';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';
import { isOfRapport, packages, repository } from './packages.js';

// The floors need no types; without them a file is checked in milliseconds.
const eslint = new ESLint({
  cwd: repository,
  overrideConfig: [
    { ...tseslint.configs.disableTypeChecked, files: ['**/*.ts'] },
    { files: ['**/*.ts'], rules: { '@typescript-eslint/no-unused-vars': 'off' } },
  ],
});
const complaints = async (path: string, text: string): Promise<string[]> => {
  const [result] = await eslint.lintText(text, { filePath: join(repository, path) });
  return (result?.messages ?? []).map(({ ruleId, message }) => `${ruleId ?? 'error'}: ${message}`);
};

describe('imports only point down', () => {
  it.each([
    ['libs/sdk/src/x.ts', '@rapport/rules'],
    ['libs/sdk/src/x.ts', 'node:fs'],
    ['libs/rules/src/x.ts', '@rapport/store'],
    ['libs/rules/src/x.ts', 'node:crypto'],
    ['libs/errors/src/x.ts', 'node:fs'],
    ['libs/errors/src/x.ts', '@rapport/sdk'],
    ['libs/sdk/src/x.ts', '@rapport/errors'],
    ['libs/store/src/x.ts', '@rapport/engine'],
    ['libs/store/src/x.ts', 'mongodb'],
    ['libs/store-duckdb/src/x.ts', '@rapport/engine'],
    ['libs/store-mongodb/src/x.ts', '@rapport/store-duckdb'],
    ['libs/store-duckdb/src/x.ts', '@rapport/store-testkit'],
    ['libs/store/src/x.test.ts', '@rapport/store-testkit'],
    ['libs/store-testkit/src/x.test.ts', '@rapport/store-duckdb'],
    ['libs/engine/src/x.ts', '@rapport/store-testkit'],
    ['apps/host/src/x.ts', '@rapport/store-testkit'],
    ['libs/engine/src/x.ts', '@rapport/store-duckdb'],
    ['libs/engine/src/x.ts', '@duckdb/node-api'],
    ['libs/engine/src/x.ts', '@rapport/host'],
    ['libs/simulate/src/x.ts', '@rapport/engine'],
    ['apps/cli/src/x.ts', '@rapport/simulate-command'],
    ['libs/testkit/src/x.ts', '@rapport/engine'],
    ['apps/host/src/x.ts', '@rapport/cli'],
    ['apps/cli/src/x.ts', '@rapport/metric-nps'],
    ['plugins/metrics/stickiness/src/index.ts', '@rapport/store'],
    ['plugins/metrics/stickiness/src/index.ts', '@rapport/testkit'],
    ['plugins/metrics/stickiness/src/index.test.ts', '@rapport/engine'],
    ['plugins/metrics/stickiness/src/index.ts', '@rapport/metric-active-users'],
    ['plugins/metrics/stickiness/src/index.ts', '@rapport/sdk/dist/measure.js'],
    ['plugins/metrics/stickiness/src/index.ts', '../../active-users/src/index.js'],
    ['libs/engine/src/x.ts', '../../store/src/index.js'],
    ['tools/bench/src/x.ts', '../../../libs/store/dist/index.js'],
  ])('%s may not import %s', async (path, specifier) => {
    expect(await complaints(path, `import * as x from '${specifier}';\n`)).toEqual([
      expect.stringContaining('no-restricted-imports'),
    ]);
  });

  it.each([
    ['libs/engine/src/x.ts', '@rapport/store'],
    ['libs/engine/src/x.test.ts', '@rapport/store-duckdb'],
    ['libs/engine/src/x.test.fixture.ts', '@rapport/store-duckdb'],
    ['libs/engine/src/x.test.ts', '@rapport/store-testkit'],
    ['libs/store-duckdb/src/x.test.ts', '@rapport/store-testkit'],
    ['libs/testkit/src/x.ts', '@rapport/store-testkit'],
    ['libs/store/src/x.ts', 'node:crypto'],
    ['libs/store-duckdb/src/x.ts', '@rapport/errors'],
    ['apps/host/src/x.ts', '@rapport/errors'],
    ['apps/host/src/x.ts', '@rapport/store-mongodb'],
    ['apps/cli/src/x.ts', '@rapport/host'],
    ['plugins/metrics/stickiness/src/index.ts', '@rapport/sdk'],
    ['plugins/metrics/stickiness/src/index.test.ts', '@rapport/testkit'],
    ['plugins/metrics/stickiness/src/index.test.ts', './index.js'],
    ['tools/bench/src/x.ts', '@rapport/engine'],
    ['tools/simulate/src/x.ts', '@rapport/simulate'],
    ['apps/cli/src/x.ts', '@rapport/simulate'],
    ['libs/simulate/src/x.test.ts', '@rapport/engine'],
  ])('%s may import %s', async (path, specifier) => {
    expect(await complaints(path, `import * as x from '${specifier}';\n`)).toEqual([]);
  });

  // A dynamic import passes the linter's rule, but not this: what is not declared cannot be imported (conformance.test.ts).
  it.each(packages.map((p) => [p.folder, p] as const))(
    '%s declares only packages of its floor',
    async (folder, { json }) => {
      const imports = (names: object = {}) =>
        Object.keys(names)
          .filter(isOfRapport)
          .map((name, index) => `import * as x${index} from '${name}';\n`)
          .join('');
      // A plugin that requires another has it for a peer, so that npm installs it; it imports nothing of it.
      const required = Object.keys(json.rapport?.['requires'] ?? {}).map(
        (key) => `@rapport/${key.includes('/') ? key.replace('/', '-') : `metric-${key}`}`,
      );
      const peers = Object.entries(json.peerDependencies ?? {}).filter(([name]) => !required.includes(name));
      const production = imports({ ...json.dependencies, ...Object.fromEntries(peers) });
      expect(await complaints(`${folder}/src/floor.ts`, production)).toEqual([]);
      expect(await complaints(`${folder}/src/floor.test.ts`, imports(json.devDependencies))).toEqual([]);
    },
  );
});

describe('other rules of the house', () => {
  it('only a plugin’s index.ts has a default export', async () => {
    const text = 'export default 1;\n';
    expect(await complaints('plugins/metrics/stickiness/src/index.ts', text)).toEqual([]);
    expect(await complaints('plugins/metrics/stickiness/src/ratio.ts', text)).toHaveLength(1);
    expect(await complaints('libs/engine/src/x.ts', text)).toHaveLength(1);
  });

  it('a plugin and the ground floor take time and chance from their caller', async () => {
    const text = 'export const x = [Date.now(), new Date(), Math.random()];\n';
    expect(await complaints('plugins/metrics/stickiness/src/index.ts', text)).toHaveLength(3);
    expect(await complaints('libs/sdk/src/x.ts', text)).toHaveLength(3);
    expect(await complaints('plugins/metrics/stickiness/src/index.test.ts', text)).toEqual([]);
  });

  it('nobody orders by the machine’s language, and nobody switches a rule off in passing', async () => {
    expect(await complaints('libs/engine/src/x.ts', "export const x = 'a'.localeCompare('b');\n")).toHaveLength(1);
    const waived = "// eslint-disable-next-line no-restricted-syntax\nexport const x = 'a'.localeCompare('b');\n";
    expect((await complaints('libs/engine/src/x.ts', waived)).join()).toContain('no-restricted-syntax');
  });
});
