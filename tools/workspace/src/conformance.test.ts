import { posix } from 'node:path';
import { satisfies, valid, validRange } from 'semver';
import { describe, expect, it } from 'vitest';
import {
  isOfRapport,
  isTest,
  isThere,
  packages,
  readJson,
  readText,
  writtenFiles,
  type WorkspacePackage,
} from './packages.js';
import { importedPackages } from './source.js';

const byName = new Map(packages.map((p) => [p.json.name, p]));
const root = readJson('package.json') as { devDependencies: Record<string, string> };
const pluginKinds = new Map([
  ['metrics', 'metric'],
  ['segments', 'segment'],
  ['playbooks', 'playbook'],
  ['actions', 'action'],
  ['operators', 'operator'],
]);

const declared = ({ json }: WorkspacePackage) => ({
  ...json.devDependencies,
  ...json.optionalDependencies,
  ...json.peerDependencies,
  ...json.dependencies,
});
const production = ({ json }: WorkspacePackage) => ({
  ...json.optionalDependencies,
  ...json.peerDependencies,
  ...json.dependencies,
});
const plugin = ({ folder }: WorkspacePackage) => {
  const [top, group, id] = folder.split('/');
  return top === 'plugins' && group !== undefined && id !== undefined ? { kind: pluginKinds.get(group), id } : null;
};
/** Problems are sentences, so that a failing test says what to do. */
const none: string[] = [];

describe.each(packages.map((p) => [p.folder, p] as const))('%s', (folder, p) => {
  const { json, sources } = p;

  it('says what it is, in its name and its fields', () => {
    const is = plugin(p);
    const name = folder.replace(/^[^/]+\//, '');
    // A tool may be the command of the library that has its name.
    const tool = folder.startsWith('tools/') && isThere(`libs/${name}/package.json`) ? `${name}-command` : name;
    expect(json.name).toBe(`@rapport/${is ? `${is.kind ?? '?'}-${is.id}` : tool}`);
    expect(json).toMatchObject({ type: 'module', license: 'MIT' });
    expect(valid(json.version), `"version" of ${folder}/package.json`).toBe(json.version);
    expect(json.description ?? '', `"description" of ${folder}/package.json`).toMatch(/\S.{9,}/);
    // Apps and tools are run from this repository; libraries and plugins are published.
    expect(json.private ?? false).toBe(/^(apps|tools)\//.test(folder));
  });

  it('offers its source under @rapport/source and its build under default', () => {
    const { './package.json': manifest, ...entries } = json.exports ?? {};
    expect(manifest).toBe('./package.json');
    expect(Object.keys(entries)).toContain('.');
    for (const [entry, target] of Object.entries(entries)) {
      if (typeof target === 'string') continue;
      const source = target['@rapport/source'] ?? '';
      expect(source, `"${entry}" of ${folder}: the source`).toMatch(/^\.\/src\/.+\.ts$/);
      expect(isThere(posix.join(folder, source)), `${folder}: ${source} is there`).toBe(true);
      expect(target).toEqual({
        '@rapport/source': source,
        types: source.replace('/src/', '/dist/').replace(/\.ts$/, '.d.ts'),
        default: source.replace('/src/', '/dist/').replace(/\.ts$/, '.js'),
      });
      expect(Object.keys(target)[0], 'the first condition that holds wins, so the source comes first').toBe(
        '@rapport/source',
      );
    }
  });

  it('packs its build, without tests', () => {
    expect(json.files).toEqual(expect.arrayContaining(['dist', '!dist/**/*.test.*', '!dist/.tsbuildinfo']));
    const bins = Object.values(json.bin ?? {}).map((path) => posix.join(folder, path));
    expect(bins.filter((path) => !isThere(path))).toEqual(none);
  });

  it('has a README worth reading and a CHANGELOG that knows its version', () => {
    const readme = isThere(`${folder}/README.md`) ? readText(`${folder}/README.md`) : '';
    expect(readme.length, `${folder}/README.md says what the package does, with an example`).toBeGreaterThan(300);
    expect(readme, `${folder}/README.md has an example`).toContain('```');
    const changelog = isThere(`${folder}/CHANGELOG.md`) ? readText(`${folder}/CHANGELOG.md`) : '';
    expect(changelog, `${folder}/CHANGELOG.md has a heading for ${json.version}`).toMatch(
      new RegExp(`^## \\[?${json.version.replaceAll('.', '\\.')}`, 'm'),
    );
  });

  it('declares whatever it imports', () => {
    const problems = sources.flatMap((source) => {
      const allowed = isTest(source) ? { ...root.devDependencies, ...declared(p) } : production(p);
      return [...importedPackages(readText(source))]
        .filter((name) => !(name in allowed) && name !== json.name)
        .map((name) => `${source} imports ${name}: add it to the "dependencies" of ${folder}/package.json`);
    });
    expect(problems).toEqual(none);
  });

  it('imports whatever it declares', () => {
    const imported = new Set(sources.flatMap((source) => [...importedPackages(readText(source))]));
    const problems = Object.keys(json.dependencies ?? {})
      .filter((name) => !imported.has(name))
      .map((name) => `no source of ${folder} imports ${name}: remove it from its package.json`);
    expect(problems).toEqual(none);
  });

  it('pins what others wrote, and takes any compatible version of what is Rapport’s', () => {
    const problems = Object.entries(declared(p)).flatMap(([name, range]) => {
      const sibling = byName.get(name);
      if (!isOfRapport(name)) return valid(range) === range ? [] : [`${name} "${range}": pin one exact version`];
      if (!sibling) return [`${name} is no package of this repository`];
      if (validRange(range) === null || valid(range) !== null)
        return [`${name} "${range}": write a range, as in ^${sibling.json.version}`];
      return satisfies(sibling.json.version, range)
        ? []
        : [`${name} "${range}" does not admit its version ${sibling.json.version}`];
    });
    expect(problems).toEqual(none);
  });

  it('references in tsconfig.json exactly the packages of Rapport it depends on', () => {
    const { references = [] } = readJson(`${folder}/tsconfig.json`) as { references?: { path: string }[] };
    const expected = Object.keys(declared(p)).flatMap((name) => {
      const sibling = byName.get(name);
      return sibling ? [posix.relative(folder, sibling.folder)] : [];
    });
    expect(references.map(({ path }) => path).sort(), `run \`npx nx sync\` to mend ${folder}/tsconfig.json`).toEqual(
      expected.sort(),
    );
  });

  it('names its files after what they hold', () => {
    const hollow = /(^|[-._])(utils?|common|managers?|helpers?|misc|shared|stuff)([-._]|$)/i;
    expect(sources.filter((source) => hollow.test(posix.basename(source, '.ts')))).toEqual(none);
    expect(
      sources.filter((source) =>
        source
          .split('/')
          .slice(0, -1)
          .some((part) => hollow.test(part)),
      ),
    ).toEqual(none);
  });
});

describe.each(packages.filter((p) => plugin(p) !== null).map((p) => [p.folder, p] as const))('%s', (_folder, p) => {
  it('is a plugin that can be found and loaded with this SDK', () => {
    const { json } = p;
    const is = plugin(p);
    const { kind, id, sdk, requires, ...unknown } = json.rapport ?? {};
    expect({ kind, id, unknown }).toEqual({ kind: is?.kind, id: is?.id, unknown: {} });
    expect(id).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    expect(json.keywords).toContain('rapport-plugin');
    const current = byName.get('@rapport/sdk')?.json.version ?? '';
    expect(sdk, '"rapport.sdk" is the peer range').toBe(json.peerDependencies?.['@rapport/sdk']);
    expect(satisfies(current, String(sdk)), `"rapport.sdk" admits the SDK's version ${current}`).toBe(true);
    expect(json.dependencies?.['@rapport/sdk'], 'the SDK is the host’s: a peer').toBeUndefined();
    const problems = Object.entries((requires ?? {}) as Record<string, string>).flatMap(([needed, range]) => {
      const name = `@rapport/${needed.includes('/') ? needed.replace('/', '-') : `metric-${needed}`}`;
      const version = byName.get(name)?.json.version;
      return version !== undefined && satisfies(version, range)
        ? []
        : [`requires ${needed} ${range}, here is ${version ?? 'none'}`];
    });
    expect(problems).toEqual(none);
  });
});

describe('the repository', () => {
  it('builds every package', () => {
    const { references } = readJson('tsconfig.json') as { references: { path: string }[] };
    expect(references.map(({ path }) => path)).toEqual(packages.map(({ folder }) => `./${folder}`).sort());
  });

  it('pins every tool', () => {
    expect(
      Object.entries(root.devDependencies).filter(([, range]) => valid(range.replace(/^npm:[^@]+@/, '')) === null),
    ).toEqual([]);
  });

  it('uses one version of each third-party package', () => {
    const versions = new Map<string, Map<string, string[]>>();
    for (const [place, all] of [
      ['.', root.devDependencies] as const,
      ...packages.map((p) => [p.folder, declared(p)] as const),
    ]) {
      for (const [name, range] of Object.entries(all)) {
        if (isOfRapport(name)) continue;
        const places = versions.get(name) ?? new Map<string, string[]>();
        places.set(range, [...(places.get(range) ?? []), place]);
        versions.set(name, places);
      }
    }
    const problems = [...versions]
      .filter(([, places]) => places.size > 1)
      .map(([name, places]) => ({ name, versions: [...places] }));
    expect(problems).toEqual([]);
  });

  it('gives the reason of every third-party dependency in docs/decisions/0001', () => {
    const record = readText('docs/decisions/0001-stack-and-pins.md');
    const named = new Set([...record.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = '']) => cell.split(/[\s,]+/)));
    const problems = [root.devDependencies, ...packages.map(declared)]
      .flatMap((all) => Object.keys(all))
      .filter((name) => !isOfRapport(name) && !name.startsWith('@types/') && !named.has(name));
    expect([...new Set(problems)].sort()).toEqual(none);
  });

  it('leads from the README to every package', () => {
    const readme = readText('README.md');
    expect(packages.map(({ folder }) => folder).filter((folder) => !readme.includes(`](${folder})`))).toEqual(none);
  });

  it('has every link of its documents lead to a file', () => {
    const problems = writtenFiles
      .filter((path) => path.endsWith('.md'))
      .flatMap((path) => {
        const text = readText(path).replaceAll(/```[\s\S]*?```/g, '');
        return [...text.matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g), ...text.matchAll(/<img[^>]* src="(?!\w+:)([^"]+)"/g)]
          .map(([, target = '']) => posix.join(posix.dirname(path), target))
          .filter((target) => !target.startsWith('../') && !isThere(target))
          .map((target) => `${path} links to ${target}, which is not there`);
      });
    expect(problems).toEqual(none);
  });
});

describe('decision records', () => {
  const records = writtenFiles
    .filter((path) => /^docs\/decisions\/\d{4}-[a-z0-9-]+\.md$/.test(path))
    .map((path) => posix.basename(path));

  it('have a number each', () => {
    const numbers = records.map((name) => name.slice(0, 4));
    expect(numbers).toEqual([...new Set(numbers)]);
    const others = writtenFiles.filter(
      (path) => path.startsWith('docs/decisions/') && !records.includes(posix.basename(path)),
    );
    expect(others).toEqual(['docs/decisions/README.md']);
  });

  it.each(records)('%s has a context, a decision, consequences, and a line in the index', (name) => {
    const text = readText(`docs/decisions/${name}`);
    const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(text).toMatch(/^# \S/);
    expect(headings).toEqual(expect.arrayContaining(['Context', 'Decision', 'Consequences']));
    expect(readText('docs/decisions/README.md')).toContain(`](${name})`);
  });
});
