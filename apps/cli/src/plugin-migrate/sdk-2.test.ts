import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPlugins, type CheckSettings } from '../plugin-check/check.js';
import { rapport } from '../program.js';
import { recordedIo } from '../recorded-io.js';
import { migrateSource } from './sdk-2.js';

const migrated = (text: string) => migrateSource(text).text;

describe('migrateSource', () => {
  it('tells the measure `last` from the window', () => {
    const source = `import { count, last, lifetime } from '@rapport/sdk';
const a = count({}, last('30d'));
const b = last('mrr', {}, lifetime(), 'text');
`;
    expect(migrated(source)).toBe(`import { count, last, latest, lifetime } from '@rapport/sdk';
const a = count({}, last('30d'));
const b = latest('mrr', {}, lifetime(), 'text');
`);
    expect(migrated("import { last } from '@rapport/sdk';\nlast('mrr', {}, window);\n")).toBe(
      "import { latest } from '@rapport/sdk';\nlatest('mrr', {}, window);\n",
    );
  });

  it('renames what was renamed, also where it is passed on or put into an object', () => {
    const source = `import { firstTime, named, previous, type Filter } from '@rapport/sdk';
const all = { previous, firstTime: firstTime({}, previous('7d')) };
const filters: Filter[] = [['a'], []].map(named);
const exact = named(['Signed In', event]);
const option = named(config.events);
const none = named([]);
`;
    expect(migrated(source)).toBe(`import { earliestTime, narrowedTo, preceding, type Filter } from '@rapport/sdk';
const all = { previous: preceding, firstTime: earliestTime({}, preceding('7d')) };
const filters: Filter[] = [['a'], []].map(narrowedTo);
const exact = { events: ['Signed In', event] };
const option = narrowedTo(config.events);
const none = narrowedTo([]);
`);
  });

  it('leaves alone what only has the same name', () => {
    for (const source of [
      "import { count } from '@rapport/sdk';\nconst last = (a, b, c) => a; last(1, 2, 3); named([1]);\n",
      "import { count } from '@rapport/sdk';\nconst { first, previous } = row; first.previous;\n",
      "import { last } from './own.js';\nlast('a', {}, window);\n",
    ])
      expect(migrateSource(source)).toEqual({ text: source, notes: [] });
    expect(migrated("import { first } from '@rapport/sdk';\nrow.first; ({ first: 1 }); first('a', {}, w);\n")).toBe(
      "import { earliest } from '@rapport/sdk';\nrow.first; ({ first: 1 }); earliest('a', {}, w);\n",
    );
  });

  it('imports from the subpaths what has moved there, types included', () => {
    const source = `import { noData, surveyOptions, type Survey, weightedMean as mean, mrrOption } from '@rapport/sdk';\n`;
    expect(migrated(source)).toBe(`import { noData } from '@rapport/sdk';
import { surveyOptions, type Survey } from '@rapport/sdk/survey';
import { weightedMean as mean } from '@rapport/sdk/score';
import { mrrOption } from '@rapport/sdk/subscription';
`);
    expect(migrated("import type { Component } from '@rapport/sdk';\n")).toBe(
      "import type { Component } from '@rapport/sdk/score';\n",
    );
  });

  it('keeps a name that is taken here apart', () => {
    const source = "import { last } from '@rapport/sdk';\nconst latest = last('mrr', {}, window);\n";
    expect(migrated(source)).toBe(
      "import { latest as sdkLatest } from '@rapport/sdk';\nconst latest = sdkLatest('mrr', {}, window);\n",
    );
  });

  it('says which folds and requests to see to', () => {
    const { text, notes } = migrateSource(`import { fold, type Reducer } from '@rapport/sdk';
const m = fold('x', {}, window);
await http.post(url, { body });
await context.http.post(url, request);
await client.post(url, {});
`);
    expect(text).toContain("await http.fetch(url, { method: 'POST', body });\nawait context.http.fetch(url, request);");
    expect(text).toContain('await client.post(url, {});');
    expect(notes.map(({ line }) => line)).toEqual([2, 4]);
  });
});

describe('rapport plugin migrate', () => {
  let scratch: string;
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'rapport-migrate-'));
    symlinkSync(resolve(import.meta.dirname, '../../../../node_modules'), join(scratch, 'node_modules'));
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
  const run = async (...argv: string[]) => {
    const io = recordedIo({ cwd: scratch });
    return { code: await rapport(['plugin', 'migrate', ...argv], io), out: io.out() };
  };

  const settings: CheckSettings = {
    runs: 2,
    embedded: false,
    patienceMs: 60_000,
    signal: new AbortController().signal,
    tell: () => undefined,
  };

  it('turns a plugin written for SDK 1 into one that loads, computes and is found right', async () => {
    const dir = join(scratch, 'plan-price');
    mkdirSync(join(dir, 'src'), { recursive: true });
    const manifest = {
      name: '@acme/plan-price',
      version: '1.2.3',
      description: 'What an account pays, and what it paid before',
      license: 'MIT',
      type: 'module',
      keywords: ['rapport-plugin'],
      rapport: { kind: 'metric', id: 'plan-price', sdk: '^1.0.0' },
      exports: './src/index.js',
      files: ['src'],
      peerDependencies: { '@rapport/sdk': '^1.0.0' },
    };
    writeFileSync(join(dir, 'package.json'), `${JSON.stringify(manifest, null, 4)}\n`);
    writeFileSync(join(dir, 'README.md'), '# Plan price\n');
    writeFileSync(
      join(dir, 'src/index.js'),
      `import { defineMetric, last, lastTime, lifetime, named, noData, previous, sum, Type, mrrOption, subscriptionOptions } from '@rapport/sdk';

export default defineMetric({
  id: 'plan-price',
  title: 'Plan price',
  description: 'What the account pays.',
  source: 'Our own',
  unit: 'currency',
  range: [null, null],
  subjects: ['account'],
  config: Type.Object({ events: Type.Array(Type.String(), { default: [] }), mrr: mrrOption(), ...subscriptionOptions() }),
  parts: { before: { description: 'Before', unit: 'currency' } },
  window: () => last('30d'),
  measures: ({ events, mrr, started }) => ({
    price: last(mrr, named([started]), lifetime()),
    at: lastTime(named(events), lifetime()),
    before: sum(mrr, named(events), previous('30d')),
  }),
  compute: ({ price, before }) => (price === null ? noData('no-data') : { value: price, parts: { before } }),
});
`,
    );
    expect(JSON.stringify(await checkPlugins([dir], settings))).toContain('RAPPORT_PLUGIN_SDK');

    const { code, out } = await run('plan-price');
    expect(code).toBe(0);
    expect(out).toContain('Changed: package.json, src/index.js.');
    const after = readFileSync(join(dir, 'package.json'), 'utf8');
    expect(after).toContain('    "description": "What an account pays, and what it paid before"');
    expect(JSON.parse(after)).toEqual({
      ...manifest,
      rapport: { ...manifest.rapport, sdk: '^2.0.0' },
      peerDependencies: { '@rapport/sdk': '^2.0.0' },
    });
    const [checked] = await checkPlugins([dir], settings);
    // What its README lacks is not what migrating is about.
    expect(checked?.findings.filter(({ code }) => !code.startsWith('RAPPORT_CHECK_'))).toEqual([]);
    expect((await run('plan-price')).out).toContain('Nothing to change.');
  });

  it('refuses a folder that is no plugin, and a file that it cannot read; nothing is changed', async () => {
    mkdirSync(join(scratch, 'broken'));
    expect((await run('broken', '--json')).out).toContain('RAPPORT_MIGRATE_PACKAGE');
    const manifest = '{ "rapport": { "sdk": "^1.0.0" } }';
    writeFileSync(join(scratch, 'broken/package.json'), manifest);
    writeFileSync(join(scratch, 'broken/index.ts'), "import { last } from '@rapport/sdk';\nconst = 3;\n");
    const { code, out } = await run('broken', '--json');
    expect(code).toBe(2);
    expect(out).toMatch(/RAPPORT_MIGRATE_SOURCE",\s+"message": "index\.ts cannot be read \(.*\(2:6\)\)/);
    expect(readFileSync(join(scratch, 'broken/package.json'), 'utf8')).toBe(manifest);
  });
});
