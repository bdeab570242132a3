import { format } from 'prettier';
import { describe, expect, it } from 'vitest';
import { checkRequest, kinds, ownPackage, repositoryPackage, type Files, type NewOwnPlugin } from './index.js';

const schemas = { segment: { title: 'a segment' }, playbook: { title: 'a playbook' } };
const versions = { sdk: '1.2.0', testkit: '0.3.0', cli: '0.4.0' };
const plugin = (kind: string, id: string, name = `rapport-${kind}-${id}`): NewOwnPlugin => {
  checkRequest(kind, id);
  return { kind, id, name, versions, schemas, registry: null };
};
const manifestOf = (files: Files) => JSON.parse(files['package.json'] ?? '') as Record<string, unknown>;

describe.each(kinds)('a new %s', (kind) => {
  it.each(['x', 'time-in-product', `${'long-'.repeat(12)}id`])(
    'is written in the style of the house: %s',
    async (id) => {
      const files = { ...ownPackage(plugin(kind, id)), ...repositoryPackage(plugin(kind, id)) };
      for (const [filepath, text] of Object.entries(files)) {
        if (/^\.gitignore$|\.ndjson$|\.schema\.json$/.test(filepath)) continue;
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
    const withoutSchema = (text = '') => text.replace(/\n {2}"\$schema": .*/, '');
    for (const path of sources) expect(withoutSchema(own[path])).toBe(shared[path]);
  });

  it('brings the plugins that its manifest requires to whoever installs it', () => {
    for (const files of [ownPackage(plugin(kind, 'brand-new')), repositoryPackage(plugin(kind, 'brand-new'))]) {
      const { rapport, peerDependencies } = manifestOf(files) as {
        rapport: { requires?: Record<string, string> };
        peerDependencies: Record<string, string>;
      };
      const required = Object.entries(rapport.requires ?? {}).map(([key, range]) => [
        `@rapport/${key.includes('/') ? key.replace('/', '-') : `metric-${key}`}`,
        range,
      ]);
      expect(peerDependencies).toEqual({ ...Object.fromEntries(required), '@rapport/sdk': '^1.2.0' });
    }
  });

  it('has a document that an editor completes, by a schema in the package', () => {
    const files = ownPackage(plugin(kind, 'brand-new'));
    const document = files['src/brand-new.json'];
    const schema = `schemas/${kind}.schema.json`;
    if (document === undefined) expect(Object.keys(files)).not.toContain(schema);
    else {
      expect(JSON.parse(document)).toMatchObject({ $schema: `../${schema}`, kind });
      expect(JSON.parse(files[schema] ?? '')).toEqual(schemas[kind as 'segment' | 'playbook']);
    }
  });

  it('has a sample to be shown with, of events that every store takes', () => {
    const files = ownPackage(plugin(kind, 'brand-new'));
    expect(JSON.parse(files['sample/rapport.json'] ?? '')).toMatchObject({ workspace: 'sample' });
    const calls = (files['sample/events.ndjson'] ?? '').trim().split('\n');
    const ids = calls.map((line) => (JSON.parse(line) as { messageId: string }).messageId);
    expect(new Set(ids).size).toBe(calls.length);
  });

  it('asks the registry that it is told for packages of Rapport, and else npm’s own', () => {
    const own = plugin(kind, 'brand-new');
    expect(ownPackage(own)).not.toHaveProperty(['.npmrc']);
    const registry = 'http://127.0.0.1:4873/';
    expect(ownPackage({ ...own, registry })['.npmrc']).toBe(`@rapport:registry=${registry}\n`);
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

  it.each(['', 'Upper', '../x', '@acme', 'a b', '.x', '@rapport/metric-x'])('a package called "%s"', (name) => {
    expect(() => ownPackage(plugin('metric', 'x', name))).toThrow('RAPPORT_SCAFFOLD_NAME');
  });
});
