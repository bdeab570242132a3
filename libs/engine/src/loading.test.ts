import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  actionCode,
  engineOver,
  metricCode,
  playbookCode,
  pluginFolder,
  segmentCode,
} from './plugin-packages.test.fixture.js';
import type { Engine } from './engine.js';

const over = (fact: string) => ({ enter: { fact, operator: 'greaterThan', value: 1 } });

describe('loading many plugins, most of them bad', () => {
  const folder = pluginFolder();
  let engine: Engine;
  beforeAll(async () => {
    const { add } = folder;
    add('metric', 'good', {
      code: metricCode('good', { parts: `{ share: { description: 'x' }, kind: { type: 'text', description: 'x' } }` }),
    });
    add('metric', 'uses-good', {
      code: metricCode('uses-good', { uses: `() => ['good']` }),
      requires: { good: '^1.0.0' },
    });
    add('segment', 'good-segment', { code: segmentCode('good-segment', over('good')) });
    add('action', 'unconfigured', { code: actionCode('unconfigured') });
    add('playbook', 'good-playbook', {
      code: playbookCode('good-playbook', {
        trigger: { segment: 'good-segment', on: 'enter' },
        steps: [{ id: 'one', action: 'unconfigured' }],
      }),
    });
    add('segment', 'document-only', { code: '', json: { exports: './segment.json' } });
    const { writeFileSync } = await import('node:fs');
    writeFileSync(
      `${folder.root}/node_modules/@test/segment-document-only/segment.json`,
      JSON.stringify({ kind: 'segment', id: 'document-only', title: 'x', subject: 'account', ...over('good') }),
    );

    add('metric', 'no-range', { code: metricCode('no-range'), sdk: 'latest-ish!' });
    add('metric', 'Bad_Id', { code: metricCode('x') }, '@test/metric-bad-id');
    add('metirc', 'bad-kind', { code: metricCode('x') });
    add('metric', 'extra-key', {
      code: metricCode('extra-key'),
      json: { rapport: { kind: 'metric', id: 'extra-key', sdk: '^2.0.0', requries: {} } },
    });
    add('metric', 'trait', { code: metricCode('trait') });
    add('metric', 'new-sdk', { code: metricCode('new-sdk'), sdk: '^9.0.0' });
    add('metric', 'good', { code: metricCode('good') }, '@test/second-good');
    add('metric', 'needs-nothing-there', { code: metricCode('needs-nothing-there'), requires: { goof: '^1.0.0' } });
    add('metric', 'needs-newer', { code: metricCode('needs-newer'), requires: { good: '^2.0.0' } });
    add('metric', 'circle-a', { code: metricCode('circle-a'), requires: { 'circle-b': '*' } });
    add('metric', 'circle-b', { code: metricCode('circle-b'), requires: { 'circle-a': '*' } });
    add('metric', 'on-circle', { code: metricCode('on-circle'), requires: { 'circle-a': '*' } });
    add('metric', 'uses-circle-a', { code: metricCode('uses-circle-a', { uses: `() => ['uses-circle-b']` }) });
    add('metric', 'uses-circle-b', { code: metricCode('uses-circle-b', { uses: `() => ['uses-circle-a']` }) });
    add('metric', 'uses-missing', { code: metricCode('uses-missing', { uses: `() => ['goood']` }) });
    add('metric', 'lies', { code: metricCode('truth') });
    add('metric', 'no-export', { code: 'export const x = 1;' });
    add('metric', 'no-entry', { code: '', json: { main: undefined, exports: './dist/missing.js' } });
    add('metric', 'outside', { code: '', json: { exports: '../metric-good/index.js' } });
    add('metric', 'syntax', { code: 'export default {' });
    add('metric', 'throws', { code: `throw new Error('no licence');` });
    add('metric', 'bad-shape', { code: metricCode('bad-shape', { compute: '42' }) });
    add('metric', 'bad-part', { code: metricCode('bad-part', { parts: `{ previous: { description: 'x' } }` }) });
    add('metric', 'not-json', {
      code: metricCode('not-json', {
        measures: `() => ({ events: { node: 'count', filter: { where: () => true }, window: { kind: 'lifetime' } } })`,
      }),
    });
    add('metric', 'unknown-node', {
      code: metricCode('unknown-node', {
        measures: `() => ({ events: { node: 'cuont', filter: {}, window: { kind: 'lifetime' } } })`,
      }),
    });
    add('metric', 'bad-node', {
      code: metricCode('bad-node', {
        measures: `() => ({ events: { node: 'count', filter: { event: [] }, window: { kind: 'lifetime' } } })`,
      }),
    });
    add('metric', 'bad-window', {
      code: metricCode('bad-window', {
        measures: `() => ({ e: { node: 'count', filter: {}, window: { kind: 'before', edge: 'start', of: { kind: 'lifetime' } } } })`,
      }),
    });
    add('metric', 'random', {
      code: metricCode(
        'random',
        {
          measures: `() => ({ e: { node: 'count', filter: {}, window: { kind: 'last', days: ++days } } })`,
        },
        'let days = 0;',
      ),
    });
    add('metric', 'no-reducer', {
      code: metricCode('no-reducer', {
        measures: `() => ({ e: { node: 'fold', reducer: 'stepp', properties: [], filter: {}, window: { kind: 'lifetime' } } })`,
        folds: `[{ name: 'step', initial: () => 0, step: (s) => s, done: (s) => s }]`,
      }),
    });
    add('metric', 'configured', {
      code: metricCode('configured', {
        config: `{ type: 'object', properties: { window: { type: 'string', default: '30d' }, mode: { anyOf: [{ const: 'average' }, { const: 'latest' }], default: 'average' } } }`,
      }),
    });
    add('metric', 'typo', {
      code: metricCode('typo', {
        config: `{ type: 'object', properties: { window: { type: 'string', default: '30d' } } }`,
      }),
    });
    add('metric', 'choice', {
      code: metricCode('choice', {
        config: `{ type: 'object', properties: { mode: { anyOf: [{ const: 'average' }, { const: 'latest' }], default: 'average' } } }`,
      }),
    });
    add('metric', 'measures-throw', {
      code: metricCode('measures-throw', { measures: `() => { throw new Error('boom'); }` }),
    });
    add('metric', 'left-out', { code: metricCode('left-out') });
    add('metric', 'needs-left-out', { code: metricCode('needs-left-out'), requires: { 'left-out': '*' } });
    add('segment', 'bad-operator', {
      code: segmentCode('bad-operator', { enter: { fact: 'good', operator: 'lessThen', value: 1 } }),
    });
    add('segment', 'bad-fact', { code: segmentCode('bad-fact', over('godo')) });
    add('segment', 'bad-type', { code: segmentCode('bad-type', over('good.kind')) });
    add('segment', 'derived', { code: segmentCode('derived', over('good.previous')) });
    add('segment', 'no-such-level', { code: segmentCode('no-such-level', { subject: 'user', ...over('good') }) });
    add('segment', 'failing-test', {
      code: segmentCode('failing-test', {
        ...over('good'),
        tests: [{ name: 'two', facts: { good: 2 }, expect: 'out' }],
      }),
    });
    add('segment', 'on-refused', { code: segmentCode('on-refused', over('throws')) });
    add('segment', 'segment-circle-a', {
      code: segmentCode('segment-circle-a', {
        enter: { fact: 'segment.segment-circle-b', operator: 'equal', value: true },
      }),
    });
    add('segment', 'segment-circle-b', {
      code: segmentCode('segment-circle-b', {
        enter: { fact: 'segment.segment-circle-a', operator: 'equal', value: true },
      }),
    });
    add('playbook', 'no-action', {
      code: playbookCode('no-action', {
        trigger: { when: { fact: 'good', operator: 'equal', value: 0 } },
        steps: [{ id: 'one', action: 'unconfiguerd' }],
      }),
    });
    add('playbook', 'bad-with', {
      code: playbookCode('bad-with', {
        trigger: { when: { fact: 'good', operator: 'equal', value: 0 } },
        steps: [{ id: 'one', action: 'unconfigured', with: { ntoe: 'x' } }],
      }),
    });
    add('playbook', 'no-segment', {
      code: playbookCode('no-segment', {
        trigger: { segment: 'good-segmnet', on: 'exit' },
        steps: [{ id: 'one', action: 'unconfigured' }],
      }),
    });
    add('action', 'bad-secret', {
      code: actionCode('bad-secret', {
        config: `{ type: 'object', properties: { secret: { type: 'string', secret: true, pattern: '^whsec_' } } }`,
      }),
    });
    engine = await engineOver(folder, {
      metrics: {
        'left-out': false,
        typo: { windwo: '7d' },
        choice: { mode: 'averag' },
        configured: { mode: 'latest' },
      },
      actions: { 'bad-secret': { secret: 'tops3cret' } },
    });
  });
  afterAll(async () => {
    await engine.close();
    folder.remove();
  });

  it('loads the good ones, in the order of their dependencies, with configuration and defaults', () => {
    const loaded = engine.plugins.map((plugin) => plugin.manifest.id);
    expect(loaded).toEqual([
      'unconfigured',
      'configured',
      'good',
      'uses-good',
      'good-segment',
      'good-playbook',
      'document-only',
    ]);
    expect(engine.plugins.find((plugin) => plugin.manifest.id === 'configured')?.config).toEqual({
      window: '30d',
      mode: 'latest',
    });
    expect(engine.plugins.find((plugin) => plugin.kind === 'action')).toMatchObject({ configured: false });
    expect(engine.plugins.find((plugin) => plugin.kind === 'playbook')).toMatchObject({
      enabled: false,
      document: { steps: [{ with: { note: 'none' } }] },
    });
  });

  it.each([
    ['@test/metric-no-range', 'RAPPORT_PLUGIN_MANIFEST', 'not a version range'],
    ['@test/metric-bad-id', 'RAPPORT_PLUGIN_MANIFEST', '#/rapport/id'],
    ['@test/metirc-bad-kind', 'RAPPORT_PLUGIN_MANIFEST', 'Did you mean "metric"?'],
    ['@test/metric-extra-key', 'RAPPORT_PLUGIN_MANIFEST', 'Did you mean "requires"?'],
    ['@test/metric-trait', 'RAPPORT_PLUGIN_MANIFEST', 'reserved'],
    ['@test/metric-new-sdk', 'RAPPORT_PLUGIN_SDK', '^9.0.0'],
    ['@test/second-good', 'RAPPORT_PLUGIN_DUPLICATE', '@test/metric-good'],
    ['@test/metric-needs-nothing-there', 'RAPPORT_PLUGIN_REQUIRES_MISSING', 'Did you mean "metric/good"?'],
    ['@test/metric-needs-newer', 'RAPPORT_PLUGIN_REQUIRES_RANGE', 'installed is @test/metric-good 1.0.0'],
    ['@test/metric-circle-a', 'RAPPORT_PLUGIN_REQUIRES_CYCLE', 'metric/circle-a → metric/circle-b → metric/circle-a'],
    ['@test/metric-on-circle', 'RAPPORT_PLUGIN_DEPENDENCY', '@test/metric-circle-a was refused'],
    ['@test/metric-uses-circle-a', 'RAPPORT_PLUGIN_USES_CYCLE', 'metric/uses-circle-b'],
    ['@test/metric-uses-missing', 'RAPPORT_PLUGIN_USES_MISSING', 'Did you mean "metric/good"?'],
    ['@test/metric-lies', 'RAPPORT_PLUGIN_ID', 'its manifest says metric/lies, its code says metric/truth'],
    ['@test/metric-no-export', 'RAPPORT_PLUGIN_SHAPE', 'no default export'],
    ['@test/metric-no-entry', 'RAPPORT_PLUGIN_ENTRY', 'names no file'],
    ['@test/metric-outside', 'RAPPORT_PLUGIN_ENTRY', 'inside the package'],
    ['@test/metric-syntax', 'RAPPORT_PLUGIN_IMPORT', 'SyntaxError'],
    ['@test/metric-throws', 'RAPPORT_PLUGIN_IMPORT', 'no licence'],
    ['@test/metric-bad-shape', 'RAPPORT_PLUGIN_SHAPE', '"compute" must be a function'],
    ['@test/metric-bad-part', 'RAPPORT_PLUGIN_SHAPE', 'reserved name'],
    ['@test/metric-not-json', 'RAPPORT_PLUGIN_MEASURES_NOT_JSON', '/events/filter/where holds a function'],
    ['@test/metric-unknown-node', 'RAPPORT_PLUGIN_MEASURE', 'Did you mean "count"?'],
    ['@test/metric-bad-node', 'RAPPORT_PLUGIN_MEASURE', 'Did you mean "events"?'],
    ['@test/metric-bad-window', 'RAPPORT_PLUGIN_MEASURE', 'a lifetime has no start'],
    ['@test/metric-random', 'RAPPORT_PLUGIN_MEASURE', 'different data'],
    ['@test/metric-no-reducer', 'RAPPORT_PLUGIN_MEASURE', 'Did you mean "step"?'],
    [
      '@test/metric-typo',
      'RAPPORT_PLUGIN_CONFIG',
      '#/metrics/typo/windwo: "windwo" is not a known key here. Did you mean "window"?',
    ],
    [
      '@test/metric-choice',
      'RAPPORT_PLUGIN_CONFIG',
      '#/metrics/choice/mode: must be one of "average", "latest". Did you mean "average"?',
    ],
    ['@test/metric-measures-throw', 'RAPPORT_PLUGIN_THREW', 'boom'],
    ['@test/metric-needs-left-out', 'RAPPORT_PLUGIN_DEPENDENCY', 'left out by rapport.json#/metrics/left-out'],
    [
      '@test/segment-bad-operator',
      'RAPPORT_PLUGIN_DOCUMENT',
      '/enter/operator: "lessThen" is not an operator. Did you mean "lessThan"?',
    ],
    ['@test/segment-bad-fact', 'RAPPORT_PLUGIN_FACT', 'Did you mean "good"?'],
    ['@test/segment-bad-type', 'RAPPORT_PLUGIN_FACT', 'asks for number'],
    ['@test/segment-derived', 'RAPPORT_PLUGIN_FACT', '"good" has no main window'],
    ['@test/segment-no-such-level', 'RAPPORT_PLUGIN_FACT', 'there is no fact "good"'],
    ['@test/segment-failing-test', 'RAPPORT_PLUGIN_DOCUMENT_TEST', '"two" expects out, but the rules say in'],
    [
      '@test/segment-on-refused',
      'RAPPORT_PLUGIN_DEPENDENCY',
      '@test/metric-throws was refused (RAPPORT_PLUGIN_IMPORT)',
    ],
    ['@test/segment-segment-circle-a', 'RAPPORT_PLUGIN_SEGMENT_CYCLE', 'segment/segment-circle-b'],
    ['@test/playbook-no-action', 'RAPPORT_PLUGIN_ACTION', 'Did you mean "unconfigured"?'],
    [
      '@test/playbook-bad-with',
      'RAPPORT_PLUGIN_DOCUMENT',
      '/steps/0/with/ntoe: "ntoe" is not a known key here. Did you mean "note"?',
    ],
    ['@test/playbook-no-segment', 'RAPPORT_PLUGIN_SEGMENT', 'Did you mean "good-segment"?'],
    ['@test/action-bad-secret', 'RAPPORT_PLUGIN_CONFIG', '#/actions/bad-secret/secret'],
  ])('refuses %s with %s', (name, code, part) => {
    expect(engine.refused.filter((refused) => refused.name === name)).toEqual([
      { name, code, message: expect.stringContaining(part) as unknown },
    ]);
  });

  it('never shows a secret', () => {
    expect(JSON.stringify([engine.refused, engine.plugins])).not.toContain('tops3cret');
  });

  it('refuses nothing else', () => {
    expect(engine.refused.map(({ name }) => name)).not.toContain('@test/metric-left-out');
    expect(new Set(engine.refused.map(({ code }) => code)).size).toBeGreaterThan(15);
  });
});

describe('loading plugins that do not end', () => {
  it('refuses what hangs, blocks, allocates or exits while it is imported, and loads the rest', async () => {
    const folder = pluginFolder();
    folder.add('metric', 'a-good', { code: metricCode('a-good') });
    folder.add('metric', 'b-blocks', { code: `for (;;);` });
    folder.add('metric', 'c-waits', { code: `await new Promise(() => {});\n${metricCode('c-waits')}` });
    folder.add('metric', 'd-allocates', { code: `const kept = []; for (;;) kept.push(new Uint8Array(1e7).fill(1));` });
    folder.add('metric', 'e-exits', { code: `process.exit(0);` });
    folder.add('metric', 'f-fails-later', {
      code: metricCode('f-fails-later', {}, `queueMicrotask(() => { throw new Error('later'); });`),
    });
    folder.add('metric', 'g-good', { code: metricCode('g-good') });
    const engine = await engineOver(folder, { limits: { loadMs: 3000, memoryMb: 96 } });
    try {
      expect(engine.plugins.map(({ manifest }) => manifest.id)).toEqual(['a-good', 'f-fails-later', 'g-good']);
      expect(engine.refused.map(({ name, code }) => [name, code])).toEqual([
        ['@test/metric-b-blocks', 'RAPPORT_PLUGIN_LOAD_TIMEOUT'],
        ['@test/metric-c-waits', 'RAPPORT_PLUGIN_LOAD_TIMEOUT'],
        ['@test/metric-d-allocates', 'RAPPORT_PLUGIN_LOAD_MEMORY'],
        ['@test/metric-e-exits', 'RAPPORT_PLUGIN_IMPORT'],
      ]);
      expect((await engine.evaluate()).failures).toEqual([]);
    } finally {
      await engine.close();
      folder.remove();
    }
  });
});

describe('the document of a package', () => {
  it('is refused with the place where a key is there twice', async () => {
    const folder = pluginFolder();
    const name = folder.add('segment', 'twice', { code: '', json: { exports: './segment.json' } });
    writeFileSync(
      `${folder.root}/node_modules/${name}/segment.json`,
      '{ "kind": "segment",\n"id": "twice", "id": "twice" }',
    );
    const engine = await engineOver(folder);
    expect(engine.refused).toMatchObject([
      {
        name,
        code: 'RAPPORT_PLUGIN_DOCUMENT',
        message: expect.stringContaining('2:16 "id" is there twice') as unknown,
      },
    ]);
    await engine.close();
    folder.remove();
  });
});

describe('configuration that is about plugins', () => {
  it('may be about a document that is not in force: it is told, and everything else runs', async () => {
    const folder = pluginFolder();
    folder.add('metric', 'stickiness', { code: metricCode('stickiness') });
    const engine = await engineOver(folder, { segments: { quiet: {} }, playbooks: { call: { enabled: true } } });
    expect(engine.plugins.map(({ name }) => name)).toHaveLength(1);
    expect(engine.refused.map(({ name, code }) => [name, code])).toEqual([
      ['rapport.json#/segments/quiet', 'RAPPORT_CONFIG_NOT_IN_FORCE'],
      ['rapport.json#/playbooks/call', 'RAPPORT_CONFIG_NOT_IN_FORCE'],
    ]);
    await engine.close();
    folder.remove();
  });

  it('must be about one that is installed', async () => {
    const folder = pluginFolder();
    folder.add('metric', 'stickiness', { code: metricCode('stickiness') });
    await expect(engineOver(folder, { metrics: { sticknes: {} } })).rejects.toThrow(
      /^RAPPORT_CONFIG_UNKNOWN_PLUGIN: rapport.json#\/metrics\/sticknes: .* Did you mean "stickiness"\?/,
    );
    folder.remove();
  });
});
