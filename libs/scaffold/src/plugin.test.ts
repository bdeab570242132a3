import { format } from 'prettier';
import { describe, expect, it } from 'vitest';
import { checkRequest, kinds, ownPackage, repositoryPackage, type Files, type NewOwnPlugin } from './index.js';

const versions = { sdk: '1.2.0', testkit: '0.3.0', cli: '0.4.0' };
const plugin = (kind: string, id: string, name = `rapport-${kind}-${id}`): NewOwnPlugin => {
  checkRequest(kind, id);
  return { kind, id, name, versions };
};
const manifestOf = (files: Files) => JSON.parse(files['package.json'] ?? '') as Record<string, unknown>;

describe.each(kinds)('a new %s', (kind) => {
  it.each(['x', 'time-in-product', `${'long-'.repeat(12)}id`])(
    'is written in the style of the house: %s',
    async (id) => {
      const files = { ...ownPackage(plugin(kind, id)), ...repositoryPackage(plugin(kind, id)) };
      for (const [filepath, text] of Object.entries(files)) {
        if (filepath === '.gitignore') continue;
        expect(await format(text, { singleQuote: true, printWidth: 120, filepath })).toBe(text);
      }
    },
  );

  it('says what it is, and which SDK it was written for', () => {
    const own = manifestOf(ownPackage(plugin(kind, 'brand-new')));
    expect(own).toMatchObject({
      name: `rapport-${kind}-brand-new`,
      keywords: ['rapport-plugin'],
      rapport: { kind, id: 'brand-new', sdk: '^1.2.0' },
      peerDependencies: { '@rapport/sdk': '^1.2.0' },
      devDependencies: { '@rapport/testkit': '^0.3.0', '@rapport/cli': '^0.4.0' },
    });
    const shared = manifestOf(repositoryPackage(plugin(kind, 'brand-new', `@rapport/${kind}-brand-new`)));
    expect(shared).toMatchObject({ rapport: own['rapport'], peerDependencies: own['peerDependencies'] });
    expect(shared).not.toHaveProperty('scripts');
  });

  it('has the same sources wherever it lives', () => {
    const own = ownPackage(plugin(kind, 'brand-new'));
    const shared = repositoryPackage(plugin(kind, 'brand-new'));
    const sources = Object.keys(shared).filter((path) => path.startsWith('src/'));
    expect(sources.length).toBeGreaterThan(1);
    for (const path of sources) expect(own[path]).toBe(shared[path]);
  });

  it('installs the plugins that its manifest requires', () => {
    const { rapport, devDependencies } = manifestOf(ownPackage(plugin(kind, 'brand-new'))) as {
      rapport: { requires?: Record<string, string> };
      devDependencies: Record<string, string>;
    };
    for (const [key, range] of Object.entries(rapport.requires ?? {})) {
      const name = key.includes('/') ? key.replace('/', '-') : `metric-${key}`;
      expect(devDependencies[`@rapport/${name}`]).toBe(range);
    }
  });
});

describe('what cannot be a plugin', () => {
  it.each([
    ['widget', 'x', 'RAPPORT_SCAFFOLD_KIND'],
    ['constructor', 'x', 'RAPPORT_SCAFFOLD_KIND'],
    ['metric', 'Bad Id', 'RAPPORT_SCAFFOLD_ID'],
    ['metric', '-x', 'RAPPORT_SCAFFOLD_ID'],
    ['metric', 'a--b', 'RAPPORT_SCAFFOLD_ID'],
    ['metric', 'x'.repeat(65), 'RAPPORT_SCAFFOLD_ID'],
    ['metric', '../x', 'RAPPORT_SCAFFOLD_ID'],
    ['operator', 'within-2', 'RAPPORT_SCAFFOLD_ID'],
  ])('a %s called "%s"', (kind, id, code) => {
    expect(() => checkRequest(kind, id)).toThrow(code);
  });

  it.each(['', 'Upper', '../x', '@acme', 'a b', '.x'])('a package called "%s"', (name) => {
    expect(() => ownPackage(plugin('metric', 'x', name))).toThrow('RAPPORT_SCAFFOLD_NAME');
  });
});
