import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { numberColumn, type Column } from '@rapport/store';
import { createPluginHost, type Held, type PluginHost } from './plugin-host.js';
import type { ComputeReply, LoadReply } from './protocol.js';

/* What metrics share a process with, and what they cannot do to it. */

const root = mkdtempSync(join(tmpdir(), 'rapport-isolation-'));
const load = (host: PluginHost, id: string, compute: string, before = ''): Promise<LoadReply> => {
  const dir = join(root, id);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: id, type: 'module' }));
  const entry = join(dir, 'index.js');
  writeFileSync(
    entry,
    `${before}
export default {
  kind: 'metric', id: '${id}', title: 'x', description: 'x', source: 'x', unit: 'count', range: [null, null],
  subjects: ['account'], config: { type: 'object', properties: {} }, parts: {},
  measures: () => ({ events: { node: 'count', filter: {}, window: { kind: 'last', days: 30 } } }),
  compute: ${compute},
};`,
  );
  const manifest = { kind: 'metric', id, sdk: '^1.0.0' } as const;
  return host.load({ key: `metric/${id}`, name: id, dir, entry, manifest, config: undefined });
};
let frame = 0;
const subjects = ['a', 'b', 'c', 'd'];
const request = (id: string) => ({
  frame: {
    id: ++frame,
    head: { kind: 'account', asOf: 0, zone: 'UTC', subjects } as const,
    columns: [[0, numberColumn([1, 2, 3, 4])] as const],
    results: {},
  },
  metric: id,
  key: `metric/${id}`,
  portfolio: {},
  inputs: { events: 0 },
  maxFailures: 100,
  keep: false,
});
const compute = (host: PluginHost, id: string, budgetMs = 60_000): Promise<ComputeReply> =>
  host.compute(`metric/${id}`, async (held: Held) => (await held.call('compute', request(id), budgetMs)).reply);
const values = (column: Column | undefined) =>
  column?.type === 'number' ? [...column.values].map((value, i) => (column.valid[i] ? value : null)) : null;

const hostWith = (more: { memoryMb?: number; workers?: number } = {}) =>
  createPluginHost({
    memoryMb: 64, loadMs: 60_000, deliveryMs: 1000, workers: 1, allowPrivateAddresses: false, ...more,
  }); // prettier-ignore

let host: PluginHost;
beforeAll(() => {
  host = hostWith();
});
afterAll(async () => {
  await host.close();
  rmSync(root, { recursive: true, force: true });
});

describe('a metric', () => {
  it.each([
    ['CLOCK', 'Date.now()'],
    ['CLOCK', 'new Date()'],
    ['CLOCK', 'Date()'],
    ['CLOCK', 'new events.constructor.constructor("return new Date()")()'],
    ['CLOCK', 'new (new Date(0).constructor)()'],
    ['CLOCK', 'performance.now()'],
    ['CLOCK', 'process.hrtime()'],
    ['CLOCK', 'process.hrtime.bigint()', 'TypeError'],
    ['ZONE', 'new Date(0).getHours()'],
    ['ZONE', 'new Date(2026, 1, 1)'],
    ['CHANCE', 'Math.random()'],
    ['CHANCE', 'crypto.randomUUID()'],
    ['CHANCE', 'crypto.getRandomValues(new Uint8Array(4))'],
    ['CHANCE', `nodeCrypto.randomBytes(4)`],
    ['TIMER', 'setTimeout(() => {}, 1)'],
    ['TIMER', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)'],
    ['NETWORK', `fetch('http://127.0.0.1:1')`],
    ['NETWORK', `http.get('http://127.0.0.1:1')`],
    ['NETWORK', `new net.Socket()`],
    ['NETWORK', `require('https').request('https://127.0.0.1:1')`],
    ['FILES', `fs.readFileSync('/etc/hostname')`],
    ['FILES', `readFileSync('/etc/hostname')`],
    ['FILES', `fs.promises.readFile('/etc/hostname')`],
    ['FILES', `require('fs').writeFileSync('/tmp/x', '')`],
    ['FILES', `process.getBuiltinModule('fs').readFileSync('/etc/hostname')`],
    ['PROCESS', `process.exit(1)`],
    ['PROCESS', `process.binding('fs')`],
    ['PROCESS', `process.env.X = '1'`],
    ['PROCESS', `delete process.env.PATH`],
    ['PROCESS', `new workers.Worker('')`],
    ['PROCESS', `require('child_process').execSync('true')`],
    ['PROCESS', `require('vm').runInNewContext('Date.now()')`],
    ['PROCESS', `new (require('inspector').Session)()`],
  ])('is refused with RAPPORT_PLUGIN_%s: %s', async (code, what, instead?: string) => {
    const before = `
import fs, { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import nodeCrypto from 'node:crypto';
import workers from 'node:worker_threads';
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);`;
    const id = `refused-${String(++frame)}`;
    expect(await load(host, id, `({ events }) => { ${what}; return { value: 1 }; }`, before)).toHaveProperty('kind');
    const { threw } = await compute(host, id);
    expect(threw).toMatchObject({ subjects: 4 });
    expect(threw.example).toContain(instead ?? `RAPPORT_PLUGIN_${code}: `);
  });

  it.each([
    'Math.min = () => 7',
    'Array.prototype.map = () => []',
    'Array.prototype.more = 1',
    'Object.prototype.polluted = 1',
    'globalThis.Math = {}',
    'globalThis.kept = 1',
    'Intl.NumberFormat.prototype.format = () => "x"',
    'URL.prototype.toString = () => "x"',
    'Buffer.from = () => null',
    'Object.getPrototypeOf(Uint8Array).prototype.fill = () => null',
    'Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: true })',
    'Error.prototype.message = "x"',
    'Map.prototype.get = () => 1',
    'globalThis.Buffer = null',
  ])('cannot change what others compute with: %s', async (patch) => {
    const refused = await load(host, `patches-${String(++frame)}`, '() => ({ value: 1 })', `${patch};`);
    expect(refused).toMatchObject({ refused: { code: 'RAPPORT_PLUGIN_IMPORT' } });
    expect(JSON.stringify(refused)).toContain(', at index.js:1:');
  });

  it('may do with its own objects what it likes', async () => {
    const own = `
class Odd extends Error { constructor(m) { super(m); this.name = 'Odd'; this.message = m + '!'; } }
const plain = {}; plain.toString = () => 'mine'; plain.constructor = 1; plain.hasOwnProperty = 2;
const list = []; list.push(3); list.extra = 1;
const date = new Date(86400000);
if (date.getUTCDate() !== 2 || !(date instanceof Date) || Date.UTC(1970, 0, 2) !== date.getTime()) throw new Odd('date');
if (String(plain) !== 'mine' || new Odd('a').message !== 'a!' || new Odd('a').name !== 'Odd') throw new Error('own');`;
    expect(await load(host, 'own', '({ events }) => ({ value: events + plain.hasOwnProperty })', own)).toHaveProperty(
      'kind',
    );
    expect(values((await compute(host, 'own')).columns['own'])).toEqual([3, 4, 5, 6]);
  });

  it('that keeps state between calls is found', async () => {
    await load(host, 'counts', '({ events }) => ({ value: events + calls++ })', 'let calls = 0;');
    expect((await compute(host, 'counts')).keptState).toContain('account "a"');
    await load(host, 'cached', '({ events }) => ({ value: (seen[events] ??= events) })', 'const seen = {};');
    expect((await compute(host, 'cached')).keptState).toBeNull();
  });

  it('that returns a Promise is told so', async () => {
    await load(host, 'later', 'async () => ({ value: 1 })');
    expect((await compute(host, 'later')).invalid.example).toContain('compute returned a Promise');
  });

  it('is told where in loading it was stopped', async () => {
    const impatient = createPluginHost({ memoryMb: 64, loadMs: 1500, deliveryMs: 1000, workers: 1, allowPrivateAddresses: false }); // prettier-ignore
    const module = await load(impatient, 'module-loops', '() => ({ value: 1 })', 'for (;;);');
    const hook = await load(impatient, 'hook-loops', '() => ({ value: 1 }), measures: () => { for (;;); }');
    await impatient.close();
    expect(module).toMatchObject({ refused: { code: 'RAPPORT_PLUGIN_LOAD_TIMEOUT', message: expect.stringContaining('in its module') as unknown } }); // prettier-ignore
    expect(hook).toMatchObject({ refused: { code: 'RAPPORT_PLUGIN_LOAD_TIMEOUT', message: expect.stringContaining('measures') as unknown } }); // prettier-ignore
  });
});

describe('memory', () => {
  const busy = `() => { let x = 0; for (let i = 0; i < 1e8; i++) x += i % 7; return { value: x }; }`;

  it.each([
    ['heap', 'const kept = []; for (;;) kept.push({ i: kept.length });'],
    ['one array', 'const kept = []; for (;;) kept.push(kept.length);'],
    ['array buffers', 'const kept = []; for (;;) kept.push(new Float64Array(1e5).fill(1));'],
  ])('is limited: %s', async (name, body) => {
    const id = `grows-${name.replace(' ', '-')}`;
    await load(host, id, `() => { ${body} }`);
    await expect(compute(host, id)).rejects.toMatchObject({ how: 'memory', alone: true });
  });

  it('that the rest of the process takes is not a metric’s', async () => {
    await load(host, 'busy', busy);
    const running = compute(host, 'busy');
    const kept: Uint8Array[] = [];
    for (let i = 0; i < 10; i++) {
      kept.push(new Uint8Array(50_000_000).fill(1));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(values((await running).columns['busy'])?.every((value) => value !== null)).toBe(true);
    expect(kept).toHaveLength(10);
  });
});

describe('several at once', () => {
  it('wait for each other without being charged for it', async () => {
    const slow = `({ events }) => { let x = 0; for (let i = 0; i < 1e7; i++) x += i % 7; return { value: events }; }`;
    await load(host, 'slow', slow);
    const [{ tookMs }] = await Promise.all([
      host.compute('metric/slow', (held) => held.call('compute', request('slow'), 60_000)),
    ]);
    // Eight of them one after the other take far longer than the budget of each.
    const found = await Promise.all(Array.from({ length: 8 }, () => compute(host, 'slow', Math.max(4 * tookMs, 500))));
    for (const { columns } of found) expect(values(columns['slow'])).toEqual([1, 2, 3, 4]);
  });

  it('compute at the same time in as many threads as there may be', async () => {
    const wide = hostWith({ workers: 2 });
    await load(wide, 'one', '({ events }) => ({ value: events })');
    await load(wide, 'two', '({ events }) => ({ value: 2 * events })');
    const inside: string[] = [];
    let meet: (value: unknown) => void = () => undefined;
    const met = new Promise((resolve) => (meet = resolve));
    const threads = await Promise.all(
      ['one', 'two'].map((id) =>
        wide.compute(`metric/${id}`, async (held) => {
          inside.push(id);
          if (inside.length === 2) meet(null);
          await met;
          expect(values((await held.call('compute', request(id), 60_000)).reply.columns[id])?.[0]).toBe(
            id === 'one' ? 1 : 2,
          );
          return held.thread;
        }),
      ),
    );
    expect(new Set(threads).size).toBe(2);
    await wide.close();
  });
});
