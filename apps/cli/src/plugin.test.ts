import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPlugins, type CheckedPlugin, type CheckSettings } from './plugin-check/check.js';
import { rapport } from './program.js';
import { recordedIo } from './recorded-io.js';

const repository = resolve(import.meta.dirname, '../../..');
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'rapport-plugin-'));
  symlinkSync(join(repository, 'node_modules'), join(scratch, 'node_modules'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function run(argv: readonly string[], more: { signal?: AbortSignal } = {}) {
  const io = recordedIo({ cwd: scratch, ...more });
  const code = await rapport(argv, io);
  return { code, out: io.out(), json: () => JSON.parse(io.out()) as { [key: string]: unknown } };
}

describe('rapport plugin new', () => {
  it('writes a package that stands alone, named and placed as asked', async () => {
    const { code, json } = await run(['plugin', 'new', 'metric', 'shares', '--json']);
    expect(code).toBe(0);
    expect(json()).toMatchObject({ kind: 'metric', id: 'shares', name: 'rapport-metric-shares' });
    expect(readdirSync(join(scratch, 'shares')).sort()).toEqual([
      '.gitignore',
      'CHANGELOG.md',
      'README.md',
      'package.json',
      'sample',
      'src',
      'tsconfig.json',
      'vitest.config.ts',
    ]);
    const asked = await run(['plugin', 'new', 'segment', 'quiet', '--dir', 'plugins/quiet', '--name', '@acme/quiet']);
    expect(asked.out).toContain('Next: cd plugins/quiet && npm install && npm test && npm run dev');
    expect(readFileSync(join(scratch, 'plugins/quiet/package.json'), 'utf8')).toContain('"name": "@acme/quiet"');
  });

  it('is installed from the registry that is configured here, linked where there is a package to link it into', async () => {
    const team = join(scratch, 'team');
    const here = join(team, 'workspace');
    mkdirSync(here, { recursive: true });
    const added = async (id: string) => {
      const io = recordedIo({ cwd: here });
      await rapport(['plugin', 'new', 'metric', id], io);
      return io.out();
    };
    const without = await added('first');
    expect(without).toContain('Next: cd first && npm install && npm test && npm run dev\n');
    expect(without).toContain('npm config set @rapport:registry URL --location=project');
    expect(readdirSync(join(here, 'first'))).not.toContain('.npmrc');

    writeFileSync(join(team, '.npmrc'), 'audit=false\n@rapport:registry=http://127.0.0.1:4873/\n');
    writeFileSync(join(here, 'package.json'), '{}');
    const configured = await added('second');
    expect(configured).toContain('Next: npm install ./second && cd second && npm test && npm run dev\n');
    expect(configured).not.toContain('npm config set');
    expect(readFileSync(join(here, 'second/.npmrc'), 'utf8')).toBe('@rapport:registry=http://127.0.0.1:4873/\n');
  });

  it.each([
    [['metric', 'shares'], 'RAPPORT_SCAFFOLD_EXISTS'],
    [['widget', 'x'], 'RAPPORT_SCAFFOLD_KIND'],
    [['metric', 'Bad Id'], 'RAPPORT_SCAFFOLD_ID'],
    [['metric', 'x', '--name', '../x'], 'RAPPORT_SCAFFOLD_NAME'],
    [['metric', 'x', '--name', '@rapport/metric-x'], 'RAPPORT_SCAFFOLD_NAME'],
  ])('refuses %j, and writes nothing', async (args, error) => {
    const { code, json } = await run(['plugin', 'new', ...args, '--json']);
    expect([code, json()]).toEqual([2, { error: expect.objectContaining({ code: error }) as unknown }]);
  });
});

/** A package in plain JavaScript in which nothing is wrong but what a test makes wrong. */
interface Given {
  readonly kind?: string;
  readonly id?: string;
  readonly json?: object;
  readonly files?: Readonly<Record<string, string | null>>;
  readonly requires?: Readonly<Record<string, string>>;
  /** What `default export` says beside kind and id. */
  readonly code?: string;
}
const metric = (more = '') =>
  `title: 'Shares', description: 'How many.', source: 'Our own', unit: 'count', range: [0, null], subjects: ['account'],
   config: { type: 'object', properties: { window: { type: 'integer', minimum: 1, default: 30, description: 'Days.' } } },
   parts: { users: { unit: 'count', description: 'Users.' } },
   measures: ({ window = 30 }) => ({ events: { node: 'count', filter: {}, window: { kind: 'last', days: window } } }),
   compute: ({ events }) => events === 0 ? { noData: 'no-data' } : { value: events, parts: {} }, ${more}`;
const TWO_OPTIONS = `config: { type: 'object', properties: {
  window: { type: 'integer', default: 30, description: 'Days.' }, event: { type: 'string', default: 'x', description: 'Event.' } } }`;
const action = (config: string, input = `{ type: 'object', properties: {} }`) =>
  `title: 'Post', description: 'Posts.', config: ${config}, input: ${input}, deliver: async () => ({ delivered: true })`;
const operator = (more = '') =>
  `title: 'Ends with', description: 'It ends so.', reading: 'text', value: { type: 'string', minLength: 1, description: 'End.' },
   words: ['ends with', 'does not end with'], examples: [{ fact: 'ab', value: 'b', holds: true }, { fact: 'ab', value: 'a', holds: false }],
   test: (fact, value) => fact.endsWith(value), ${more}`;
const document = (more: object) => (kind: string, id: string) =>
  `document: ${JSON.stringify({ kind, id, title: id, subject: 'account', ...more })}`;
const low = { fact: 'usage-frequency', operator: 'lessThan', value: 1 };
const bothVerdicts = [
  { name: 'seldom', facts: { 'usage-frequency': 0 }, expect: 'in' },
  { name: 'often', facts: { 'usage-frequency': 5 }, expect: 'out' },
];

const peersOf = (requires: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(
    Object.entries(requires).map(([key, range]) => [
      `@rapport/${key.includes('/') ? key.replace('/', '-') : `metric-${key}`}`,
      range,
    ]),
  );
let made = 0;
function plugin({
  kind = 'metric',
  id = `given-${String(++made)}`,
  json,
  files,
  requires,
  code = metric(),
}: Given): string {
  const dir = join(scratch, 'given', `${kind}-${id}`);
  const all: Readonly<Record<string, string | null>> = {
    'package.json': JSON.stringify({
      name: `@given/${kind}-${id}`,
      version: '1.0.0',
      type: 'module',
      main: 'index.js',
      license: 'MIT',
      keywords: ['rapport-plugin'],
      rapport: { kind, id, sdk: '^2.0.0', ...(requires ? { requires } : {}) },
      peerDependencies: { '@rapport/sdk': '^2.0.0', ...peersOf(requires) },
      ...json,
    }),
    'README.md': '# Given\n\n```json\n{}\n```\n',
    'CHANGELOG.md': '# Changelog\n\n## 1.0.0\n\nFirst version.\n',
    'index.js': `export default { kind: '${kind}', id: '${id}', ${code} };`,
    ...files,
  };
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    if (text !== null) writeFileSync(join(dir, file), text);
  }
  return dir;
}
const readme = (...rows: readonly string[]) => ({
  'README.md': `# Given\n\n\`\`\`json\n{}\n\`\`\`\n\n${rows.join('\n')}\n`,
});
const table = (first: string, ...rows: readonly string[]) =>
  readme(`| ${first} | ${first === 'option' ? 'type | default' : 'type, unit'} | |`, '| - | - | - | - |', ...rows);

const settings = (more: Partial<CheckSettings> = {}): CheckSettings => ({
  runs: 2,
  embedded: false,
  patienceMs: 60_000,
  signal: new AbortController().signal,
  tell: () => undefined,
  ...more,
});
const told = ({ findings }: CheckedPlugin) => findings.map(({ code, place }) => `${code} ${place}`);

describe('rapport plugin check', () => {
  /** What is wrong, and what is found. One check of them all is one start of everything. */
  const cases: readonly (readonly [what: string, given: () => string, found: readonly string[]])[] = [
    ['a metric in order', () => plugin({}), []],
    ['a segment in order', () => segment({ enter: low, tests: bothVerdicts }), []],
    ['an operator in order', () => plugin({ kind: 'operator', id: 'ends-so', code: operator() }), []],
    ['no package', () => join(scratch, 'nowhere'), ['RAPPORT_PLUGIN_MANIFEST package.json#/rapport']],
    [
      'a manifest without an id',
      () => plugin({ json: { rapport: { kind: 'metric', sdk: '^2.0.0' } } }),
      ['RAPPORT_PLUGIN_MANIFEST package.json#/rapport'],
    ],
    [
      'another SDK',
      () =>
        plugin({
          json: { rapport: { kind: 'metric', id: 'x', sdk: '^9.0.0' }, peerDependencies: { '@rapport/sdk': '^9.0.0' } },
        }),
      ['RAPPORT_PLUGIN_SDK package.json#/rapport/sdk'],
    ],
    [
      'a package that is not built',
      () => plugin({ files: { 'index.js': null } }),
      ['RAPPORT_PLUGIN_ENTRY package.json#/exports'],
    ],
    ['another shape', () => plugin({ code: metric(`unit: 'miles'`) }), ['RAPPORT_PLUGIN_SHAPE default export']],
    ['no keyword', () => plugin({ json: { keywords: [] } }), ['RAPPORT_CHECK_KEYWORD package.json#/keywords']],
    ['no licence', () => plugin({ json: { license: undefined } }), ['RAPPORT_CHECK_LICENSE package.json#/license']],
    [
      'no peer',
      () => plugin({ json: { peerDependencies: {} } }),
      ['RAPPORT_CHECK_PEER package.json#/peerDependencies'],
    ],
    [
      'an SDK of its own',
      () => plugin({ json: { dependencies: { '@rapport/sdk': '^2.0.0' } } }),
      ['RAPPORT_CHECK_PEER package.json#/peerDependencies'],
    ],
    ['no README', () => plugin({ files: { 'README.md': null } }), ['RAPPORT_CHECK_README README.md']],
    ['no example', () => plugin({ files: { 'README.md': '# Given\n' } }), ['RAPPORT_CHECK_EXAMPLE README.md']],
    ['no CHANGELOG', () => plugin({ files: { 'CHANGELOG.md': null } }), ['RAPPORT_CHECK_CHANGELOG CHANGELOG.md']],
    [
      'an old CHANGELOG',
      () => plugin({ files: { 'CHANGELOG.md': '## 0.9.0\n' } }),
      ['RAPPORT_CHECK_CHANGELOG CHANGELOG.md'],
    ],
    [
      'a table of options in order',
      () => plugin({ files: table('option', '| `window` | whole number | `30` | Days. |') }),
      [],
    ],
    [
      'an option left out',
      () => plugin({ code: metric(TWO_OPTIONS), files: table('option', '| `window` | whole number | `30` | |') }),
      ['RAPPORT_CHECK_README_TABLE README.md'],
    ],
    [
      'an option too many, of another default',
      () => plugin({ files: table('option', '| `window` | number | `14` | |', '| `event` | text | `"x"` | |') }),
      ['RAPPORT_CHECK_README_TABLE README.md', 'RAPPORT_CHECK_README_TABLE README.md'],
    ],
    ['a table of parts in order', () => plugin({ files: table('part', '| `users` | number, count | Users. |') }), []],
    [
      'a part left out, one too many',
      () => plugin({ files: table('part', '| `people` | number, count | |') }),
      ['RAPPORT_CHECK_README_TABLE README.md', 'RAPPORT_CHECK_README_TABLE README.md'],
    ],
    [
      'a part of another type',
      () => plugin({ files: table('part', '| `users` | text | |') }),
      ['RAPPORT_CHECK_README_TABLE README.md'],
    ],
    [
      'an option without description',
      () =>
        plugin({
          code: metric(`config: { type: 'object', properties: { window: { type: 'integer', default: 30 } } }`),
        }),
      ['RAPPORT_CHECK_OPTION_DESCRIPTION config/window'],
    ],
    [
      'an option of an option without description',
      () =>
        plugin({
          code: metric(`config: { type: 'object', properties: { window: { type: 'integer', default: 30, description: 'Days.' },
            steps: { type: 'array', default: [], description: 'Steps.', items: { type: 'object', properties: { id: { type: 'string' } } } } } }`),
        }),
      ['RAPPORT_CHECK_OPTION_DESCRIPTION config/steps[].id'],
    ],
    [
      'a default that does not fit',
      () =>
        plugin({
          kind: 'action',
          code: action(
            `{ type: 'object', properties: { retries: { type: 'integer', default: 'three', description: 'Tries.' } } }`,
          ),
        }),
      ['RAPPORT_CHECK_OPTION_DEFAULT config/retries'],
    ],
    [
      'a secret in the open',
      () =>
        plugin({
          kind: 'action',
          code: action(`{ type: 'object', properties: { apiKey: { type: 'string', description: 'Key.' } } }`),
        }),
      ['RAPPORT_CHECK_SECRET config/apiKey'],
    ],
    [
      'an input without description',
      () =>
        plugin({
          kind: 'action',
          code: action(
            `{ type: 'object', properties: {} }`,
            `{ type: 'object', properties: { text: { type: 'string' } } }`,
          ),
        }),
      ['RAPPORT_CHECK_OPTION_DESCRIPTION input/text'],
    ],
    [
      'a document that is not valid',
      () => segment({ enter: { fact: 'usage-frequency', operator: 'smaller', value: 1 } }),
      ['RAPPORT_PLUGIN_DOCUMENT document'],
    ],
    [
      'a test of a document that fails',
      () =>
        segment({
          enter: low,
          tests: [...bothVerdicts, { name: 'wrong', facts: { 'usage-frequency': 9 }, expect: 'in' }],
        }),
      ['RAPPORT_PLUGIN_DOCUMENT_TEST document'],
    ],
    [
      'a fact that there is not',
      () => segment({ enter: { ...low, fact: 'usage-frequency.nothing' } }),
      ['RAPPORT_PLUGIN_FACT document'],
    ],
    [
      'a document with half its tests',
      () => segment({ enter: low, tests: bothVerdicts.slice(0, 1) }),
      ['RAPPORT_CHECK_DOCUMENT_TESTS document/tests'],
    ],
    [
      'a document that speaks of what it does not require',
      () => segment({ enter: low, tests: bothVerdicts }, {}),
      ['RAPPORT_CHECK_REQUIRES package.json#/rapport/requires'],
    ],
    [
      'a metric that uses what it does not require',
      () => plugin({ code: metric(`uses: () => ['usage-frequency']`) }),
      ['RAPPORT_CHECK_REQUIRES package.json#/rapport/requires'],
    ],
    [
      'a requirement that installing it does not bring',
      () =>
        plugin({
          code: metric(`uses: () => ['usage-frequency']`),
          requires: { 'usage-frequency': '^1.0.0' },
          json: { peerDependencies: { '@rapport/sdk': '^2.0.0' } },
        }),
      ['RAPPORT_CHECK_PEER package.json#/peerDependencies'],
    ],
    [
      'a source that was saved after it was built',
      () => {
        const built = {
          'dist/index.js': `export default { kind: 'metric', id: 'stale', ${metric()} };`,
          'src/index.ts': '',
        };
        const dir = plugin({
          id: 'stale',
          json: { main: 'dist/index.js' },
          files: { ...built, 'index.js': null, 'src/index.test.ts': '' },
        });
        utimesSync(join(dir, 'dist/index.js'), 1_700_000_000, 1_700_000_000);
        return dir;
      },
      ['RAPPORT_CHECK_STALE src/index.ts'],
    ],
    [
      'a requirement that is not installed',
      () => plugin({ requires: { 'no-such-metric': '^1.0.0' } }),
      ['RAPPORT_PLUGIN_REQUIRES_MISSING package.json#/rapport/requires'],
    ],
    [
      'a metric that keeps count of its calls',
      () => plugin({ code: metric(`calls: { n: 0 }, compute() { return { value: ++this.calls.n }; }`) }),
      ['RAPPORT_CONFORMANCE_IMPURE compute'],
    ],
    [
      'a metric that ends the process',
      () => plugin({ code: metric(`compute: () => process.exit(1)`) }),
      ['RAPPORT_CHECK_CONFORMANCE compute'],
    ],
    [
      'a metric that prints',
      () => plugin({ code: metric(`compute: ({ events }) => (console.log('here'), { value: events })`) }),
      [],
    ],
    [
      'an operator whose value has no description',
      () => plugin({ kind: 'operator', id: 'op-a', code: operator(`value: { type: 'string' }`) }),
      ['RAPPORT_CHECK_OPTION_DESCRIPTION value'],
    ],
    [
      'an operator with a wrong example',
      () =>
        plugin({ kind: 'operator', id: 'op-b', code: operator(`examples: [{ fact: 'a', value: 'b', holds: true }]`) }),
      ['RAPPORT_PLUGIN_EXAMPLE examples'],
    ],
    [
      'an operator that throws on some texts',
      () =>
        plugin({
          kind: 'operator',
          id: 'op-c',
          code: operator(
            `test(fact, value) { if (fact.length > 5) throw new Error('too long'); return fact.endsWith(value); }`,
          ),
        }),
      ['RAPPORT_CONFORMANCE_THREW test'],
    ],
    [
      'an operator that remembers',
      () =>
        plugin({
          kind: 'operator',
          id: 'op-d',
          code: operator(
            `asked: new Set(), test(fact, value) { const known = this.asked.has(fact); this.asked.add(fact); return !known && fact.endsWith(value); }`,
          ),
        }),
      ['RAPPORT_CONFORMANCE_IMPURE test'],
    ],
    [
      'a document that uses an operator which it does not require',
      () =>
        segment({
          enter: { fact: 'trait.plan', operator: 'endsSo', value: 'b' },
          tests: [
            { name: 'b', facts: { 'trait.plan': 'ab' }, expect: 'in' },
            { name: 'a', facts: { 'trait.plan': 'ba' }, expect: 'out' },
          ],
        }),
      ['RAPPORT_CHECK_REQUIRES package.json#/rapport/requires'],
    ],
  ];
  const segment = (rest: object, requires: Readonly<Record<string, string>> = { 'usage-frequency': '^1.0.0' }) => {
    const id = `given-${String(++made)}`;
    return plugin({ kind: 'segment', id, requires, code: document(rest)('segment', id) });
  };

  let checked: ReadonlyMap<string, CheckedPlugin>;
  beforeAll(async () => {
    const dirs = cases.map(([what, given]) => [what, given()] as const);
    const plugins = await checkPlugins(
      dirs.map(([, dir]) => dir),
      settings(),
    );
    checked = new Map(plugins.map((plugin, i) => [dirs[i]![0], plugin]));
  });

  it.each(cases.map(([what, , found]) => [what, found] as const))('finds in %s: %j', (what, found) => {
    const plugin = checked.get(what)!;
    expect(told(plugin), JSON.stringify(plugin.findings)).toEqual(found);
  });

  it('says what is wrong and the way out', () => {
    expect(checked.get('no licence')!.findings[0]!.message).toMatch(/^Nobody can tell .* Write an SPDX id/);
    expect(checked.get('an option too many, of another default')!.findings.map(({ message }) => message)).toEqual([
      'The table of options says that the default of "window" is 14; it is 30. Correct it.',
      'The table of options has "event", which the schema has not. Remove it, or correct its name.',
    ]);
  });

  it('ends a metric that goes on without end, and tries the others', async () => {
    const endless = plugin({ code: metric(`compute: () => { for (;;); }`) });
    const plugins = await checkPlugins([endless, plugin({})], settings({ patienceMs: 6000, runs: 1 }));
    expect(plugins.map(told)).toEqual([['RAPPORT_CHECK_TIMEOUT compute'], []]);
    const hanging = operator(`test(fact, value) { if (fact.length > 5) for (;;); return fact.endsWith(value); }`);
    const operators = [plugin({ kind: 'operator', id: 'hanging', code: hanging }), plugin({})];
    expect((await checkPlugins(operators, settings({ patienceMs: 6000, runs: 1 }))).map(told)).toEqual([
      ['RAPPORT_CHECK_TIMEOUT test'],
      [],
    ]);
  });

  it('can be interrupted', async () => {
    const endless = plugin({ code: metric(`compute: () => { for (;;); }`) });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 3000);
    const { code, json } = await run(['plugin', 'check', endless, '--json'], { signal: stop.signal });
    expect([code, json()]).toEqual([
      130,
      { error: { code: 'RAPPORT_CHECK_INTERRUPTED', message: expect.any(String) as unknown } },
    ]);
  });

  it('ends with 4 when there is something to put right, and prints it for people and for programs', async () => {
    const bad = plugin({ id: 'bad', json: { license: '' } });
    const people = await run(['plugin', 'check', bad, '--runs', '0']);
    expect(people.code).toBe(4);
    expect(people.out).toContain(
      '@given/metric-bad (metric bad, 1.0.0): 1 finding\n  RAPPORT_CHECK_LICENSE  package.json#/license\n',
    );
    const { json } = await run(['plugin', 'check', bad, '--runs', '0', '--json']);
    expect(json()).toMatchObject({
      findings: 1,
      plugins: [{ id: 'bad', findings: [{ code: 'RAPPORT_CHECK_LICENSE' }] }],
    });
    const good = await run(['plugin', 'check', plugin({ id: 'good' }), '--runs', '0']);
    expect([good.code, good.out]).toEqual([0, '@given/metric-good (metric good, 1.0.0): nothing found.\n']);
  });

  it('finds nothing in the plugins of this repository', async () => {
    const folders = readdirSync(join(repository, 'plugins')).flatMap((kinds) =>
      readdirSync(join(repository, 'plugins', kinds)).map((id) => join(repository, 'plugins', kinds, id)),
    );
    const plugins = await checkPlugins(folders, settings({ runs: 1 }));
    expect(plugins.filter(({ findings }) => findings.length > 0)).toEqual([]);
    expect(plugins.length).toBeGreaterThan(12);
  }, 300_000);
});
