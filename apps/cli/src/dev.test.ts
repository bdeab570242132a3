import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { rapport } from './program.js';
import { recordedIo } from './recorded-io.js';

const repository = resolve(import.meta.dirname, '../../..');
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'rapport-dev-test-'));
  symlinkSync(join(repository, 'node_modules'), join(scratch, 'node_modules'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Looked {
  readonly plugin: string;
  readonly asOf: string | null;
  readonly rows: readonly { readonly about: string; readonly shows: string }[];
  readonly problems: readonly string[];
}
async function once(dir: string, ...more: string[]) {
  const io = recordedIo({ cwd: scratch });
  const code = await rapport(['dev', dir, '--once', '--json', ...more], io);
  const found = JSON.parse(io.out()) as Partial<Looked> & { readonly error?: { readonly code: string } };
  return { code, ...found, shows: Object.fromEntries((found.rows ?? []).map(({ about, shows }) => [about, shows])) };
}

/** A package in plain JavaScript, which needs no build. */
function plugin(kind: string, id: string, code: string, files: Readonly<Record<string, string>> = {}): string {
  const dir = join(scratch, `${kind}-${id}`);
  const all = {
    'package.json': JSON.stringify({
      name: `given-${id}`,
      version: '1.0.0',
      type: 'module',
      main: 'index.js',
      keywords: ['rapport-plugin'],
      rapport: { kind, id, sdk: '^2.0.0' },
    }),
    'index.js': `export default { kind: '${kind}', id: '${id}', ${code} };`,
    'sample/events.ndjson': events,
    ...files,
  };
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
  return dir;
}
const line = (call: object) => `${JSON.stringify(call)}\n`;
const group = (account: string, plan: string) =>
  line({ type: 'group', messageId: account, userId: 'ann', groupId: account, timestamp: '2026-02-10T09:00:00Z', traits: { plan } }); // prettier-ignore
const seen = line({ type: 'track', messageId: 'seen', userId: 'ann', timestamp: '2026-02-10T09:00:00Z', event: 'Seen', context: { groupId: 'acme' } }); // prettier-ignore
const events = group('acme', 'pro') + group('beta', 'free') + seen;
const onPlan = (value: string) => ({ fact: 'trait.plan', operator: 'equal', value });
const document = (kind: string, id: string, more: object) =>
  JSON.stringify({ kind, id, title: id, subject: 'account', ...more });
const tells = (action: string, input: object) =>
  document('playbook', 'tells', {
    trigger: { when: onPlan('pro') },
    steps: [{ id: 'first', action, with: input }],
  });

// Each loads every plugin that is installed, and some more than once.
describe('rapport dev --once', { timeout: 300_000 }, () => {
  it('says of a segment who is in it, and of the others what keeps them out', async () => {
    const dir = plugin('segment', 'payers', `document: ${document('segment', 'payers', { enter: onPlan('pro') })}`);
    const { code, shows, asOf } = await once(dir);
    expect(code).toBe(0);
    expect(asOf).toBe('2026-02-11T00:00:00.000Z');
    expect(shows).toEqual({
      'segment payers, account acme': 'in: trait.plan pro = pro',
      'segment payers, account beta': 'out: trait.plan free ≠ pro; in if trait.plan = pro; it is free',
    });
    expect(Object.keys((await once(dir, '--subject', 'beta')).shows)).toEqual(['segment payers, account beta']);
  });

  it('says of a playbook whom it begins for, and what it hands to its action', async () => {
    const input = { type: 'plan.pro', message: 'On pro.' };
    const { code, shows } = await once(plugin('playbook', 'tells', `document: ${tells('webhook', input)}`));
    expect(code).toBe(0);
    expect(shows).toEqual({
      'playbook tells, account acme': 'begins: trait.plan pro = pro',
      'playbook tells, account beta': expect.stringContaining('does not begin: ') as string,
      'playbook tells, step first, account acme': `webhook ${JSON.stringify(input)}`,
    });
  });

  it('shows what an action would send, sends nothing, and hides its secrets', async () => {
    let received = 200;
    const receiver = createServer((_, response) => response.writeHead(++received).end());
    await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${String((receiver.address() as AddressInfo).port)}/hook`;
    const post = (deliver: string) => `title: 'Post', description: 'Posts.',
      config: { type: 'object', required: ['url', 'token'], properties: {
        url: { type: 'string' }, token: { type: 'string', secret: true }, method: { type: 'string', default: 'PUT' } } },
      input: { type: 'object', properties: { text: { type: 'string' } } },
      async deliver({ input, key }, { config, http }) { ${deliver} }`;
    const sends = `await http.fetch(config.url, { method: config.method, headers: { authorization: config.token }, body: input.text });
      return { delivered: true };`;
    const files = {
      'sample/rapport.json': JSON.stringify({ workspace: 'sample', actions: { post: { url, token: 'hush-hush' } } }),
      'sample/rules/tells.json': tells('post', { text: 'hello' }),
    };
    const about = 'playbook tells, step first, account acme, dry run';
    const dir = plugin('action', 'post', post(sends), files);
    const { code, shows } = await once(dir);
    expect(code).toBe(0);
    expect(shows[about]).toBe(`PUT ${url} {"authorization":"•••"} hello → delivered`);
    plugin('action', 'post', post(`throw new Error('no ' + input.text)`), files);
    expect((await once(dir)).shows[about]).toBe('threw: no hello');
    plugin('action', 'post', post(sends), { ...files, 'sample/rapport.json': '{ "workspace": "sample" }' });
    expect((await once(dir)).shows[about]).toContain('not configured');
    expect(received).toBe(200);
    receiver.close();
  });

  it('shows an operator by the rules of the sample', async () => {
    const code = `title: 'Ends with', description: 'It ends so.', reading: 'text', words: ['ends with', 'does not end with'],
      value: { type: 'string', description: 'End.' }, examples: [{ fact: 'ab', value: 'b', holds: true }, { fact: 'ab', value: 'a', holds: false }],
      test: (fact, value) => fact.endsWith(value)`;
    const rule = document('segment', 'ends', { enter: { fact: 'trait.plan', operator: 'endsIn', value: 'ro' } });
    const dir = plugin('operator', 'ends-in', code, { 'sample/rules/ends.json': rule });
    expect((await once(dir)).shows).toMatchObject({
      'segment ends, account acme': 'in: trait.plan pro ends with ro',
      'segment ends, account beta': expect.stringMatching(/^out: /) as string,
    });
  });

  it('names what is refused, of the plugin and of its sample, and ends with 4', async () => {
    const dir = plugin('segment', 'broken', `document: ${document('segment', 'broken', { enter: { fact: 'nps' } })}`, {
      'sample/events.ndjson': `${events}{"type":"track"}\n`,
      'sample/rules/bad.json': '{ "kind": "segment", ',
    });
    const { code, rows, problems } = await once(dir);
    expect([code, rows]).toEqual([4, []]);
    expect(problems).toEqual([
      expect.stringMatching(/^events\.ndjson:4.*RAPPORT_INGEST_/) as string,
      expect.stringMatching(/^RAPPORT_RULES_JSON: rules\/bad\.json: 1:/) as string,
      expect.stringMatching(/^RAPPORT_PLUGIN_DOCUMENT: given-broken .*\/enter/) as string,
    ]);
  });

  it('shows a plugin without a sample with a simulated company', async () => {
    const dir = plugin('segment', 'anybody', `document: ${document('segment', 'anybody', { enter: { fact: 'trait.plan', operator: 'isKnown' } })}`); // prettier-ignore
    rmSync(join(dir, 'sample'), { recursive: true });
    const { code, rows } = await once(dir);
    expect([code, rows?.length]).toEqual([0, 5]);
  });

  it.each([
    ['no-such-folder', 2, 'RAPPORT_DEV_PLUGIN'],
    ['without-tools', 3, 'RAPPORT_DEV_TYPESCRIPT'],
  ])('refuses %s with %i', async (dir, code, error) => {
    const alone = mkdtempSync(join(tmpdir(), 'rapport-dev-alone-'));
    mkdirSync(join(alone, 'without-tools'));
    writeFileSync(join(alone, 'without-tools/package.json'), JSON.stringify({ name: 'x', rapport: {} }));
    writeFileSync(join(alone, 'without-tools/tsconfig.json'), '{}');
    expect(await once(join(alone, dir))).toMatchObject({ code, error: { code: error } });
    rmSync(alone, { recursive: true });
  });
});

describe('rapport dev', () => {
  it('builds, and shows what changed, on every save; broken code does not end it', { timeout: 600_000 }, async () => {
    const made = recordedIo({ cwd: scratch });
    await rapport(['plugin', 'new', 'metric', 'opened'], made);
    const dir = join(scratch, 'opened');
    const ending = new AbortController();
    const io = recordedIo({ cwd: dir, signal: ending.signal });
    const ended = rapport(['dev'], io);
    let seen = 0;
    /** What is printed from now on, once it has all of this. */
    const printed = async (...texts: string[]): Promise<string> => {
      const text = await vi.waitFor(
        () => {
          const more = io.out().slice(seen);
          for (const each of texts) expect(more).toContain(each);
          return more;
        },
        { timeout: 120_000, interval: 50 },
      );
      seen = io.out().length;
      return text;
    };
    const source = join(dir, 'src/index.ts');
    const original = readFileSync(source, 'utf8');
    const save = (from: string, to: string) => {
      expect(original).toContain(from);
      writeFileSync(source, original.replace(from, to));
    };

    await printed('account acme: 3, n 3, users 2', 'account zeta: none (no-data)');
    save('value: times,', 'value: 10 * times,');
    const changed = await printed('account acme: 3, n 3, users 2  →  30, n 3, users 2', 'user ann: 2');
    expect(changed).not.toContain('zeta');

    save('value: times,', 'value: nowhere,');
    await printed('src/index.ts(', "error TS2304: Cannot find name 'nowhere'", 'as it was before');
    save('export default', `throw new Error('not today');\nexport default`);
    await printed('RAPPORT_PLUGIN_IMPORT: ', 'not today');
    writeFileSync(source, original);
    await printed('account acme: 30, n 3, users 2  →  3, n 3, users 2');

    const sample = join(dir, 'sample/events.ndjson');
    writeFileSync(sample, readFileSync(sample, 'utf8').replace('2026-02-11T09:00:00Z"', '2026-01-11T09:00:00Z"'));
    await printed('account acme: 3, n 3, users 2  →  2, n 2, users 2');
    writeFileSync(
      join(dir, 'sample/rapport.json'),
      '{ "workspace": "sample", "metrics": { "opened": { "wndow": "1d" } } }',
    );
    await printed('RAPPORT_PLUGIN_CONFIG: ', 'wndow');

    ending.abort();
    expect(await ended).toBe(0);
    expect(io.out()).toMatch(/Stopped\.\n$/);
  });
});
