import { utc } from '@rapport/sdk/time';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDuckdbStore } from '@rapport/store-duckdb';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEngine } from './engine.js';
import { createPluginHost, type PluginHost, AT_ONCE, verdictsOf, type OperatorDescriptor } from '@rapport/plugin-host';
import {
  actionCode,
  DAY,
  engineOver,
  group,
  JUNE,
  metricCode,
  operatorCode,
  playbookCode,
  pluginFolder,
  segmentCode,
  standingClock,
  track,
  type PluginFolder,
} from './plugin-packages.test.fixture.js';
import type { Engine } from './engine.js';

const at = (fact: string, operator: string, value?: unknown) => ({ fact, operator, value });
const seasonal = (value: unknown = '-2026', more: object = {}) => ({
  kind: 'segment',
  id: 'seasonal',
  title: 'Seasonal',
  subject: 'account',
  enter: { all: [at('trait.plan', 'endsWith', value), at('usage', 'greaterThan', 0)] },
  tests: [
    { name: 'this year', facts: { 'trait.plan': 'team-2026', usage: 1 }, expect: 'in' },
    { name: 'not known', facts: { usage: 1 }, expect: 'unknown' },
  ],
  ...more,
});
const endsWith = { 'operator/ends-with': '^1.0.0' };

describe('an operator of a plugin', () => {
  let folder: PluginFolder;
  let engine: Engine | null;
  beforeEach(() => {
    folder = pluginFolder();
    folder.add('metric', 'usage', { code: metricCode('usage') });
    engine = null;
  });
  afterEach(async () => {
    await engine?.close();
    folder.remove();
  });
  const refusals = async (config: object = {}, documents: { file: string; text: string }[] = []) => {
    engine = await engineOver(folder, config, { documents });
    return engine.refused;
  };

  it('is loaded before what uses it, and described as data', async () => {
    folder.add('operator', 'ends-with', { code: operatorCode('ends-with') });
    folder.add('segment', 'seasonal', { code: segmentCode('seasonal', seasonal()), requires: endsWith });
    expect(await refusals()).toEqual([]);
    expect(engine?.plugins.map(({ kind, manifest }) => `${kind}/${manifest.id}`)).toEqual([
      'metric/usage',
      'operator/ends-with',
      'segment/seasonal',
    ]);
    expect(engine?.plugins[1]).toMatchObject({
      version: '1.0.0',
      definition: {
        id: 'ends-with',
        name: 'endsWith',
        reading: 'text',
        words: ['ends with', 'does not end with'],
        source: null,
      },
    });
  });

  it('is refused where json-rules-engine’s documents would call it as they call another', async () => {
    folder.add('operator', 'ends-with', { code: operatorCode('ends-with') });
    folder.add('operator', 'tail', { code: operatorCode('tail', { compatName: `'endsWith'` }) });
    expect((await refusals()).map(({ name, code }) => [name, code])).toEqual([
      ['@test/operator-tail', 'RAPPORT_PLUGIN_DUPLICATE'],
    ]);
  });

  const wrong: readonly (readonly [
    id: string,
    why: string,
    more: Record<string, string>,
    code: string,
    message: string,
  ])[] = [
    [
      'less-than',
      'has the name of one of Rapport’s own',
      {},
      'RAPPORT_PLUGIN_OPERATOR',
      "one of Rapport's own operators",
    ],
    ['in-2', 'has no name in documents', {}, 'RAPPORT_PLUGIN_SHAPE', 'words that begin with a letter'],
    ['case-a', 'reads what there is not', { reading: `'date'` }, 'RAPPORT_PLUGIN_SHAPE', '"reading" must be one of'],
    ['case-b', 'takes what is no schema', { value: 'true' }, 'RAPPORT_PLUGIN_SHAPE', '"value" must be the JSON Schema'],
    ['case-c', 'has a schema that is none', { value: `{ type: 'words' }` }, 'RAPPORT_PLUGIN_OPERATOR', 'is not valid'],
    [
      'case-d',
      'has a schema that goes round',
      { value: `{ anyOf: [{ $ref: '#' }] }` },
      'RAPPORT_PLUGIN_OPERATOR',
      'it uses "$ref"',
    ],
    [
      'case-e',
      'has a pattern that can take forever',
      { value: `{ type: 'string', pattern: '(?=a)b' }` },
      'RAPPORT_PLUGIN_OPERATOR',
      'Look-around',
    ],
    [
      'case-f',
      'looks through lists of any length',
      { value: `{ type: 'array', uniqueItems: true }` },
      'RAPPORT_PLUGIN_OPERATOR',
      '"maxItems" of 1000',
    ],
    ['case-g', 'has one word', { words: `['ends with']` }, 'RAPPORT_PLUGIN_SHAPE', '"words" must be two texts'],
    ['case-h', 'has no test', { test: '1' }, 'RAPPORT_PLUGIN_SHAPE', '"test" must be a function'],
    ['case-i', 'has no examples', { examples: '[]' }, 'RAPPORT_PLUGIN_EXAMPLE', 'no example that holds'],
    [
      'case-j',
      'has no example that fails',
      { examples: `[{ fact: 'a', value: 'a', holds: true }]` },
      'RAPPORT_PLUGIN_EXAMPLE',
      'no example that does not hold',
    ],
    [
      'case-k',
      'has a wrong example',
      { examples: `[{ fact: 'a', value: 'b', holds: true }]` },
      'RAPPORT_PLUGIN_EXAMPLE',
      '/examples/0 says that it holds, but it does not',
    ],
    [
      'case-l',
      'has an example that its schema refuses',
      { examples: `[{ fact: 'a', value: 1, holds: true }]` },
      'RAPPORT_PLUGIN_EXAMPLE',
      'does not take',
    ],
    [
      'case-m',
      'has an example of another type',
      { examples: `[{ fact: 1, value: 'b', holds: true }]` },
      'RAPPORT_PLUGIN_EXAMPLE',
      'cannot be read as text',
    ],
    [
      'case-n',
      'throws on an example',
      { test: `() => { throw new Error('no') }` },
      'RAPPORT_PLUGIN_EXAMPLE',
      'throw (Error: no)',
    ],
    ['case-o', 'returns a promise', { test: 'async () => true' }, 'RAPPORT_PLUGIN_SHAPE', 'neither true nor false'],
    [
      'case-p',
      'has a value of another kind',
      { examples: `[{ fact: 'a', value: () => 1, holds: true }]` },
      'RAPPORT_PLUGIN_SHAPE',
      'holds a function',
    ],
  ];
  it('that cannot be used is refused, says why, and keeps nothing else from loading', async () => {
    for (const [id, , more] of wrong) folder.add('operator', id, { code: operatorCode(id, more) });
    const refused = new Map((await refusals()).map((each) => [each.name, each]));
    for (const [id, why, , code, message] of wrong) {
      expect([why, refused.get(`@test/operator-${id}`)?.code]).toEqual([why, code]);
      expect(refused.get(`@test/operator-${id}`)?.message).toContain(message);
    }
    expect(engine?.plugins.map(({ kind }) => kind)).toEqual(['metric']);
  });

  it('that hangs on its examples is refused in time, and with it what requires it', async () => {
    folder.add('operator', 'ends-with', { code: operatorCode('ends-with', { test: '() => { for (;;); }' }) });
    folder.add('segment', 'seasonal', { code: segmentCode('seasonal', seasonal()), requires: endsWith });
    expect((await refusals({ limits: { loadMs: 1000 } })).map(({ code }) => code)).toEqual([
      'RAPPORT_PLUGIN_LOAD_TIMEOUT',
      'RAPPORT_PLUGIN_DEPENDENCY',
    ]);
  });

  it('can be left out, and not be configured', async () => {
    folder.add('operator', 'ends-with', { code: operatorCode('ends-with') });
    expect(await refusals({ operators: { 'ends-with': false } })).toEqual([]);
    expect(engine?.plugins.map(({ kind }) => kind)).toEqual(['metric']);
    await expect(engineOver(folder, { operators: { 'ends-with': {} } as never })).rejects.toThrow(
      'RAPPORT_CONFIG_INVALID',
    );
    await expect(engineOver(folder, { operators: { 'end-with': false } })).rejects.toThrow('Did you mean "ends-with"?');
  });

  it('that is not there is told of with the place, in packages and files', async () => {
    folder.add('operator', 'ends-with', { code: operatorCode('ends-with') });
    const typo = { enter: at('trait.plan', 'endWith', '-2026'), tests: [] };
    folder.add('segment', 'seasonal', { code: segmentCode('seasonal', seasonal('', typo)) });
    const text = JSON.stringify(seasonal('', { ...typo, id: 'other' }), null, 1);
    const wrong = JSON.stringify(seasonal('', { tests: [], id: 'third' }));
    const found = await refusals({}, [
      { file: 'rules/other.json', text },
      { file: 'rules/third.json', text: wrong },
      { file: 'rules/good.json', text: JSON.stringify(seasonal('-2026', { id: 'good' })) },
    ]);
    expect(found.map(({ name, code }) => [name, code])).toEqual([
      ['rules/other.json', 'RAPPORT_PLUGIN_DOCUMENT'],
      ['rules/third.json', 'RAPPORT_PLUGIN_DOCUMENT'],
      ['@test/segment-seasonal', 'RAPPORT_PLUGIN_DOCUMENT'],
    ]);
    expect(found[2]?.message).toContain('"endWith" is not an operator. Did you mean "endsWith"?');
    expect(found[0]?.message).toContain(
      'rules/other.json: 8:15 /enter/operator: "endWith" is not an operator. Did you mean "endsWith"?',
    );
    expect(found[1]?.message).toContain('the value of "endsWith" must be what "endsWith" takes');
    expect(engine?.plugins.map(({ manifest }) => manifest.id)).toContain('good');
  });

  it('decides the documents’ own tests', async () => {
    folder.add('operator', 'ends-with', { code: operatorCode('ends-with') });
    folder.add('segment', 'seasonal', { code: segmentCode('seasonal', seasonal('-2025')) });
    expect(await refusals()).toMatchObject([
      {
        code: 'RAPPORT_PLUGIN_DOCUMENT_TEST',
        message: expect.stringContaining('"this year" expects in, but the rules say out') as unknown,
      },
    ]);
  });
});

describe('rules with operators of plugins, on DuckDB', () => {
  const data = mkdtempSync(join(tmpdir(), 'rapport-operators-'));
  const folder = pluginFolder();
  const clock = standingClock(JUNE - DAY);
  let engine: Engine;
  const opened = async () =>
    createEngine({
      config: { workspace: 'test', playbooks: { call: { enabled: true } }, limits: { operatorMs: 500 } },
      store: await openDuckdbStore({ path: join(data, 'w.duckdb'), zone: 'UTC' }),
      pluginRoots: [folder.root],
      clock,
    });

  beforeAll(async () => {
    const { add } = folder;
    add('metric', 'usage', { code: metricCode('usage') });
    add('operator', 'ends-with', { code: operatorCode('ends-with'), version: '1.2.0' });
    add('operator', 'is-even', {
      code: operatorCode('is-even', {
        reading: `'number'`,
        value: 'false',
        words: `['is even', 'is odd']`,
        examples: '[{ fact: 2, holds: true }, { fact: -1, holds: false }]',
        test: '(fact) => fact % 2 === 0',
      }),
    });
    add('operator', 'fails-at', {
      code: operatorCode('fails-at', {
        test: `(fact, value) => { if (fact === value) throw new Error('cannot say'); if (fact + '!' === value) for (;;); return fact + '?' === value ? 1 : fact < value; }`,
        examples: `[{ fact: 'a', value: 'b', holds: true }, { fact: 'b', value: 'a', holds: false }]`,
      }),
    });
    add('segment', 'seasonal', { code: segmentCode('seasonal', seasonal()) });
    add('action', 'note', { code: actionCode('note') });
    add('playbook', 'call', {
      code: playbookCode('call', {
        trigger: { when: { all: [at('usage', 'isEven'), at('trait.plan', 'endsWith', '-2026')] } },
        steps: [{ id: 'tell', action: 'note' }],
      }),
    });
    engine = await opened();
    for (let n = 1; n <= 6; n++) {
      const name = `a${String(n)}`;
      await engine.ingest([
        group(name, JUNE - 20 * DAY, n === 6 ? {} : { plan: n % 2 === 0 ? 'team-2025' : `plan${String(n)}-2026` }),
        ...Array.from({ length: n }, (_, i) => track(name, JUNE - (i + 2) * DAY)),
      ]);
    }
  });
  afterAll(async () => {
    const { store } = engine;
    await engine.close();
    await store.close();
    folder.remove();
    rmSync(data, { recursive: true, force: true });
  });

  it('move subjects, with the reason in the operator’s words, and start playbooks', async () => {
    expect(engine.refused).toEqual([]);
    const first = await engine.run();
    expect(first.segmentErrors).toEqual([]);
    expect(first.transitions.filter(({ segment }) => segment === 'seasonal').map(({ subject, reason }) => [subject, reason])).toEqual([
      ['a1', 'trait.plan plan1-2026 ends with -2026 and usage 1 > 0'],
      ['a3', 'trait.plan plan3-2026 ends with -2026 and usage 3 > 0'],
      ['a5', 'trait.plan plan5-2026 ends with -2026 and usage 5 > 0'],
    ]); // prettier-ignore
    expect(first.run.manifest).toMatchObject({
      operators: { 'ends-with': { version: '1.2.0', package: '@test/operator-ends-with' }, 'is-even': { version: '1.0.0' } },
    }); // prettier-ignore
    expect(Object.keys(first.run.manifest.operators)).toHaveLength(2);
    clock.set(JUNE);
    await engine.ingest([
      track('a3', JUNE - 2, { event: 'Exported' }),
      group('a5', JUNE - 1, { plan: 'none' }),
    ]); // prettier-ignore
    const second = await engine.run();
    expect(second.transitions.map(({ segment, subject, change, reason }) => [segment, subject, change, reason])).toEqual([
      ['playbook.call', 'a3', 'enter', 'usage 4 is even and trait.plan plan3-2026 ends with -2026'],
      ['seasonal', 'a5', 'exit', 'trait.plan none does not end with -2026'],
    ]); // prettier-ignore
    expect(second.deliveries).toBe(1);
  });

  it('are explained, traced, with the nearest miss and the version', async () => {
    const found = await engine.rules.explain(seasonal(), { subject: 'a2' });
    expect(found).toMatchObject({
      placement: 'out',
      errors: [],
      versions: { operators: { 'ends-with': '1.2.0' } },
      conditions: [
        {
          verdict: 'false',
          text: 'trait.plan team-2025 does not end with -2026',
          nearest: 'in if trait.plan ends with -2026; it is team-2025',
          trace: { children: [{ operator: 'endsWith', verdict: false, value: 'team-2025' }, { verdict: true }] },
        },
      ],
    });
    expect(await engine.rules.explain(seasonal(), { subject: 'a3' })).toMatchObject({ placement: 'in' });
    expect(await engine.rules.explain(seasonal(), { subject: 'a6' })).toMatchObject({ placement: 'unknown' });
  });

  it('are previewed and backtested', async () => {
    const report = await engine.rules.preview(seasonal('-2025', { tests: [] }));
    expect(report.segments[0]).toMatchObject({ before: 2, enter: 2, leave: 2, after: 2 });
    expect(report.segments[0]?.entering.map(({ subject }) => subject)).toEqual(['a2', 'a4']);
    expect(report.errors).toEqual([]);
    const past = await engine.rules.backtest(seasonal(), { days: 5 });
    expect(past.days.map(({ entered, left, members }) => [entered, left, members]).at(-1)).toEqual([0, 1, 2]);
    expect(past.errors).toEqual([]);
  });

  it('are tested, covered and linted, and completed by editors', async () => {
    const text = JSON.stringify(seasonal());
    expect(await engine.rules.test(text)).toMatchObject({
      tests: 2,
      failed: [],
      errors: [],
      untried: [
        { pointer: '/enter/all/0', never: 'false' },
        { pointer: '/enter/all/1', never: 'false' },
      ],
    });
    expect(await engine.rules.check(seasonal('-2025'))).toMatchObject([{ code: 'RAPPORT_RULES_TEST' }]);
    const lint = (enter: object) => engine.rules.lint(JSON.stringify(seasonal('', { enter, tests: [] })));
    expect(await lint({ all: [at('usage', 'isEven'), at('usage', 'lessThan', 0)] })).toMatchObject([
      { code: 'RAPPORT_RULES_CANNOT_TELL', message: expect.stringContaining('"isEven"') as unknown },
    ]);
    expect(await lint(at('usage', 'isEvn'))).toMatchObject([{ code: 'RAPPORT_RULES_OPERATOR', line: 1 }]);
    const { segment } = await engine.rules.schemas();
    expect(JSON.stringify(segment)).toContain('{"const":"endsWith","description":"The text ends with this."}');
  });

  it('stand in named conditions, but are not compared with other facts', async () => {
    const named = seasonal('', {
      conditions: { 'this year': at('trait.plan', 'endsWith', '-2026') },
      enter: { all: [{ condition: 'this year' }, at('usage', 'greaterThan', 0)] },
      exit: { not: { condition: 'this year' } },
      tests: [
        { name: 'a member of whom nothing is known', member: true, facts: {}, expect: 'in' },
        { name: 'a member of last year', member: true, facts: { 'trait.plan': 'team-2025' }, expect: 'out' },
      ],
    });
    expect(await engine.rules.check(named)).toEqual([]);
    expect(await engine.rules.explain(named, { subject: 'a2' })).toMatchObject({
      placement: 'out',
      conditions: [{ text: 'trait.plan team-2025 does not end with -2026' }, { verdict: 'true' }],
    });
    expect((await engine.rules.preview(named)).segments[0]).toMatchObject({ enter: 0, leave: 0, stay: 2 });
    const other = seasonal({ fact: 'trait.name' }, { tests: [] });
    expect(await engine.rules.check(other)).toMatchObject([
      { code: 'RAPPORT_RULES_VALUE', pointer: '/enter/all/0/value' },
    ]);
  });

  it('can be published, are read back at the next start, and retired', async () => {
    const change = { author: 'ann', reason: 'tried' };
    const document = seasonal('-2025', { id: 'stored', tests: [] });
    await engine.rules.publish(document, change);
    await engine.rules.approve('segment/stored', 1, { author: 'ben', reason: 'seen' });
    const { store } = engine;
    await engine.close();
    await store.close();
    engine = await opened();
    expect(engine.refused).toEqual([]);
    expect(engine.plugins.map(({ manifest }) => manifest.id)).toContain('stored');
    await engine.rules.retire('segment/stored', change);
    expect(engine.plugins.map(({ manifest }) => manifest.id)).not.toContain('stored');
  });

  it('fail for whom the operator throws, hangs or says nothing, and for nobody else', async () => {
    const failing = (value: string, id = 'failing') => ({ ...seasonal(), id, enter: at('trait.plan', 'failsAt', value), tests: [] });
    const threw = await engine.rules.preview(failing('plan3-2026'));
    expect(threw.segments[0]).toMatchObject({ enter: 2, entering: [{ subject: 'a1' }, { subject: 'a5' }] });
    expect(threw.errors).toHaveLength(1);
    expect(threw.errors[0]?.message).toContain('the rule failed for 1 subjects, which stay where they are; "a3": RAPPORT_OPERATOR_THREW: failsAt (@test/operator-fails-at 1.0.0)');
    expect(threw.errors[0]?.message).toContain('cannot say');
    const said = await engine.rules.preview(failing('plan3-2026?'));
    expect(said.errors[0]?.message).toContain('"plan3-2026" made it return 1, which is neither true nor false');
    const hung = await engine.rules.preview(failing('plan3-2026!'));
    expect(hung.segments[0]).toMatchObject({ enter: 2, entering: [{ subject: 'a1' }, { subject: 'a5' }] });
    expect(hung.errors[0]?.message).toContain('RAPPORT_OPERATOR_TIMEOUT');
    expect((await engine.rules.explain(seasonal(), { subject: 'a1' })).placement).toBe('in');
  }); // prettier-ignore

  it('that hangs does not cost a metric its values that is computed meanwhile', async () => {
    const failing = { ...seasonal(), id: 'failing', enter: at('trait.plan', 'failsAt', 'plan3-2026!'), tests: [] };
    const hanging = engine.rules.preview(failing);
    const evaluations = await Promise.all(
      [20, 100, 250].map(async (wait) => {
        await new Promise((resolve) => setTimeout(resolve, wait));
        return engine.evaluate({ full: true });
      }),
    );
    expect((await hanging).errors[0]?.message).toContain('RAPPORT_OPERATOR_TIMEOUT');
    expect(evaluations.map(({ failures }) => failures)).toEqual([[], [], []]);
  });

  it('is switched off when runs had to stop it too often, not by what is only tried, and harms nothing else', async () => {
    const failing = { ...seasonal(), id: 'failing', enter: at('trait.plan', 'failsAt', 'plan3-2026!'), tests: [] };
    const tests = [{ name: 'x', facts: { 'trait.plan': 'plan3-2026' }, expect: 'in' }];
    for (let i = 0; i < 4; i++)
      expect(await engine.rules.check({ ...failing, tests })).toMatchObject([
        { code: 'RAPPORT_RULES_TEST', message: expect.stringContaining('RAPPORT_OPERATOR_TIMEOUT') as unknown },
      ]);
    const explained = await engine.rules.explain(failing, { subject: 'a3' });
    expect(explained).toMatchObject({
      placement: 'unknown',
      errors: expect.arrayContaining([expect.stringContaining('TIMEOUT')]) as unknown,
    });
    expect((await engine.rules.preview(failing)).errors[0]?.message).toContain('RAPPORT_OPERATOR_TIMEOUT');
    const change = { author: 'ann', reason: 'tried' };
    const { version } = await engine.rules.publish(failing, change);
    await engine.rules.approve('segment/failing', version.number, { author: 'bob', reason: 'tried' });
    const errors: string[] = [];
    for (let i = 0; i < 4; i++) errors.push(...(await engine.run()).segmentErrors.map(({ message }) => message));
    const codes = errors.map((message) => /RAPPORT_OPERATOR_[A-Z_]+/.exec(message)?.[0]);
    const stopped = 'RAPPORT_OPERATOR_TIMEOUT';
    expect(codes).toEqual([stopped, stopped, stopped, 'RAPPORT_OPERATOR_SWITCHED_OFF']);
    await engine.rules.retire('segment/failing', change);
    expect((await engine.run()).segmentErrors).toEqual([]);
  });
});

describe('verdicts from the worker', () => {
  const folder = pluginFolder();
  const host: PluginHost = createPluginHost({
    memoryMb: 512,
    loadMs: 10_000,
    deliveryMs: 1000,
    workers: 2,
    allowPrivateAddresses: false,
  });
  const source = `(fact, value) => JSON.stringify(fact).length % 2 === value || Object.is(fact, 0)`;
  const direct = (fact: unknown, value: number) => JSON.stringify(fact).length % 2 === value || Object.is(fact, 0);
  let plugins: readonly Engine['plugins'][number][];

  beforeAll(async () => {
    const members = {
      reading: `'any'`,
      value: `{ type: 'number' }`,
      test: source,
      examples: '[{ fact: 1, value: 1, holds: true }, { fact: 1, value: 0, holds: false }]',
    };
    const name = folder.add('operator', 'has-parity', { code: operatorCode('has-parity', members) });
    const manifest = { kind: 'operator', id: 'has-parity', sdk: '^2.0.0' } as const;
    const dir = join(folder.root, 'node_modules', name);
    const about = { name, dir, manifest, config: {} };
    const reply = await host.load({
      ...about,
      key: 'operator/has-parity',
      entry: join(dir, 'index.js'),
      config: undefined,
    });
    const { definition } = reply as { definition: OperatorDescriptor };
    plugins = [{ ...about, version: '1.0.0', configHash: '', kind: 'operator', definition }];
  });
  afterAll(async () => {
    await host.close();
    folder.remove();
  });
  const verdicts = () => verdictsOf({ plugins, host, limits: { operatorMs: 10_000 }, strikes: new Map() });
  const asked = (facts: readonly unknown[], value: number) =>
    verdicts().settle(({ quiet }) => {
      const test = quiet.get('hasParity')?.test(value, 'any', { at: 0, zone: utc });
      return facts.map((fact) => test?.(fact));
    });

  it('are those of the operator, whatever the facts', async () => {
    const scalar = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constantFrom(0, -0, '0', '["a"]', ''));
    const fact = fc.oneof(scalar, fc.array(fc.jsonValue()), fc.constantFrom(null, undefined, Number.NaN));
    await fc.assert(
      fc.asyncProperty(fc.array(fact, { maxLength: 30 }), fc.constantFrom(0, 1), async (facts, value) => {
        const isKnown = (one: unknown) =>
          Array.isArray(one) || typeof one === 'string' || typeof one === 'boolean' || Number.isFinite(one);
        // −0 is asked about as 0.
        const expected = facts.map((one) => (isKnown(one) ? direct(one === 0 ? 0 : one, value) : null));
        expect(await asked(facts, value)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('come in batches, and nothing is asked twice', async () => {
    const session = verdicts();
    let rounds = 0;
    const facts = Array.from({ length: AT_ONCE + 10 }, (_, i) => i);
    const evaluate = () =>
      session.settle(({ quiet }) => {
        rounds++;
        const test = quiet.get('hasParity')?.test(1, 'any', { at: 0, zone: utc });
        return facts.filter((fact) => test?.(fact) === true).length;
      });
    expect(await evaluate()).toBe(facts.filter((fact) => direct(fact, 1)).length);
    expect(rounds).toBe(2);
    await evaluate();
    expect(rounds).toBe(3);
    expect(session.errors()).toEqual([]);
  });

  it('are not waited for where no plugin brings an operator: rules are evaluated once', async () => {
    let rounds = 0;
    const none = verdictsOf({ plugins: [], host, limits: { operatorMs: 1 }, strikes: new Map() });
    expect(await none.settle(() => ++rounds)).toBe(1);
  });
});
