import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WorkspaceConfig } from '@rapport/engine';
import { openDuckdbStore } from '@rapport/store-duckdb';
import { openWorkspace, serve, type ServeOptions, type Served, type Workspace } from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'host-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const DAY = 86_400_000;
const NOW = Date.parse('2025-03-01T00:00:00Z');

let names = 0;
/** A workspace of its own on a real DuckDB file, served on a free port. */
async function start(config: Partial<WorkspaceConfig> = {}, options: ServeOptions = {}) {
  const name = `w${String(++names)}`;
  const workspace = await openWorkspace({
    root: folder,
    config: { workspace: name, store: `duckdb:${name}.duckdb`, ...config },
  });
  const served = await serve(workspace, { port: 0, logger: pino({ enabled: false }), ...options });
  return { workspace, served };
}
async function stop({ workspace, served }: { workspace: Workspace; served: Served }) {
  await served.close();
  await workspace.close();
}
const track = (account: string, user: string, daysAgo: number, more: object = {}) => ({
  type: 'track',
  event: 'Feature Used',
  messageId: `${account}-${user}-${String(daysAgo)}`,
  timestamp: new Date(NOW - daysAgo * DAY).toISOString(),
  userId: user,
  context: { groupId: account },
  properties: { feature: 'reports' },
  ...more,
});
const group = (account: string, traits: object) => ({
  type: 'group',
  messageId: `g-${account}`,
  timestamp: new Date(NOW - 60 * DAY).toISOString(),
  groupId: account,
  traits,
});
const post = (url: string, body: string | Buffer, headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/batch`, { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers } });
const problem = async (response: Response) => {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const body = (await response.json()) as {
    status: number;
    code: string;
    detail: string;
    pointer?: string;
    instance: string;
  };
  expect(body.status).toBe(response.status);
  expect(body.instance).toBe(`urn:request:${response.headers.get('x-request-id') ?? ''}`);
  return body;
};

describe('the API on a workspace with results', () => {
  let running: Awaited<ReturnType<typeof start>>;
  let url: string;
  const get = async (path: string) => (await (await fetch(url + path)).json()) as Record<string, never>;
  beforeAll(async () => {
    running = await start();
    url = running.served.url;
    const calls: object[] = [];
    for (let account = 1; account <= 25; account++) {
      const id = `acct-${String(account).padStart(2, '0')}`;
      calls.push(group(id, { plan: account % 2 ? 'pro' : 'team', seats: 10 }));
      // Account n has n mod 10 active users, all in one week; every tenth has none.
      for (let user = 0; user < account % 10; user++) calls.push(track(id, `${id}-u${String(user)}`, 1 + user));
    }
    const answer = await post(url, JSON.stringify({ batch: calls }));
    expect(answer.status).toBe(200);
    await running.workspace.engine.run({ asOf: NOW });
  });
  afterAll(() => stop(running));

  it('pages through all accounts in order, once each', async () => {
    const seen: string[] = [];
    for (let next: string | null = ''; next !== null;) {
      const page = (await get(`/v1/accounts?limit=7${next === '' ? '' : `&cursor=${next}`}`)) as unknown as {
        total: number;
        items: { id: string }[];
        next: string | null;
      };
      expect(page.total).toBe(25);
      seen.push(...page.items.map(({ id }) => id));
      next = page.next;
    }
    expect(seen).toEqual([...new Set(seen)].sort());
    expect(seen.length).toBe(25);
  });

  it.each(['license-utilization', '-license-utilization'])(
    'sorts by %s over all pages, accounts without a value last',
    async (sort) => {
      const values: (number | null)[] = [];
      for (let next: string | null = ''; next !== null;) {
        const page = (await get(
          `/v1/accounts?limit=4&sort=${sort}${next === '' ? '' : `&cursor=${next}`}`,
        )) as unknown as {
          items: { metrics: Record<string, number | null> }[];
          next: string | null;
        };
        values.push(...page.items.map(({ metrics }) => metrics['license-utilization'] ?? null));
        next = page.next;
      }
      const numbers = values.filter((value) => value !== null);
      expect(values.length).toBe(25);
      expect(values.slice(numbers.length).every((value) => value === null)).toBe(true);
      expect(numbers).toEqual([...numbers].sort((a, b) => (sort.startsWith('-') ? b - a : a - b)));
      expect(new Set(numbers).size).toBeGreaterThan(5);
    },
  );

  it('shows one account with values, parts, versions, traits and memberships', async () => {
    const account = (await get('/v1/accounts/acct-07')) as unknown as {
      id: string;
      traits: object;
      metrics: { metric: string; value: number | null; version: string; parts: Record<string, unknown> }[];
      memberships: { segment: string }[];
    };
    expect(account).toMatchObject({ id: 'acct-07', kind: 'account', run: 1, traits: { plan: 'pro', seats: 10 } });
    const stickiness = account.metrics.find(({ metric }) => metric === 'stickiness');
    // Seven users, each on one of thirty days.
    expect(stickiness?.version).toMatch(/^stickiness@\d/);
    expect(stickiness?.parts['mau']).toBe(7);
    expect(stickiness?.value).toBeCloseTo(7 / 30 / 7, 12);
    expect(account.memberships.map(({ segment }) => segment)).toContainEqual(
      expect.stringMatching(/^license-capacity/),
    );
  });

  it('says why a value is missing', async () => {
    const { metrics } = (await get('/v1/accounts/acct-10')) as unknown as {
      metrics: { metric: string; value: null; reason: string }[];
    };
    expect(metrics.find(({ metric }) => metric === 'stickiness')).toMatchObject({ value: null, reason: 'no-data' });
  });

  it('lists segments with their sizes, and members page by page', async () => {
    const { items } = (await get('/v1/segments')) as unknown as {
      items: { id: string; members: number; bands: { id: string; members: number }[] }[];
    };
    const capacity = items.find(({ id }) => id === 'license-capacity');
    expect(capacity?.members).toBeGreaterThan(0);
    const seen: string[] = [];
    for (let next: string | null = ''; next !== null;) {
      const page = (await get(
        `/v1/segments/license-capacity?limit=3${next === '' ? '' : `&cursor=${next}`}`,
      )) as unknown as {
        items: { subject: string }[];
        next: string | null;
      };
      seen.push(...page.items.map(({ subject }) => subject));
      next = page.next;
    }
    expect(seen.length).toBe(capacity?.members);
    const band = capacity?.bands.find(({ members }) => members > 0);
    const filtered = (await get(`/v1/accounts?segment=${band?.id ?? ''}`)) as unknown as { total: number };
    expect(filtered.total).toBe(band?.members);
  });

  it('shows the portfolio, whole and by plan', async () => {
    const whole = (await get('/v1/portfolio')) as unknown as {
      kind: string;
      metrics: { metric: string; parts: Record<string, number> }[];
    };
    expect(whole.kind).toBe('portfolio');
    const { groups } = (await get('/v1/portfolio?by=plan')) as unknown as {
      groups: { group: string; metrics: Record<string, number> }[];
    };
    expect(groups.map(({ group: name }) => name)).toEqual(['pro', 'team']);
    const users = groups.reduce((sum, { metrics }) => sum + (metrics['active-users'] ?? 0), 0);
    expect(users).toBe(2 * 45 + 15);
  });

  it('answers 304 until a newer run commits', async () => {
    const first = await fetch(`${url}/v1/accounts`);
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"run-\d+/);
    expect((await fetch(`${url}/v1/accounts`, { headers: { 'If-None-Match': etag } })).status).toBe(304);
    await running.workspace.engine.run({ asOf: NOW });
    const again = await fetch(`${url}/v1/accounts`, { headers: { 'If-None-Match': etag } });
    expect(again.status).toBe(200);
    expect(again.headers.get('etag')).not.toBe(etag);
  });

  it('lists plugins, loaded and refused', async () => {
    const { plugins, refused } = (await get('/v1/plugins')) as unknown as {
      plugins: { id: string; version: string }[];
      refused: unknown[];
    };
    expect(plugins.map(({ id }) => id)).toContain('stickiness');
    expect(plugins).toContainEqual(
      expect.objectContaining({ kind: 'operator', id: 'has-domain', operator: 'hasDomain', reading: 'text' }),
    );
    expect(refused).toEqual([]);
  });

  it('has a start page with the URLs, safe headers, a request id', async () => {
    const response = await fetch(`${url}/`, { headers: { 'X-Request-Id': 'from-the-proxy' } });
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(response.headers.get('x-request-id')).toBe('from-the-proxy');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.has('x-powered-by')).toBe(false);
    expect(await response.text()).toContain('/v1/accounts/acct-01');
  });

  it.each([
    ['/v1/accounts/nobody', 404, 'RAPPORT_HTTP_UNKNOWN_ACCOUNT'],
    ['/v1/accounts/%00', 404, 'RAPPORT_HTTP_UNKNOWN_ACCOUNT'],
    ['/v1/accounts/%E0%A4%A', 400, 'RAPPORT_HTTP_BODY'],
    ['/v1/segments/nothing', 404, 'RAPPORT_HTTP_UNKNOWN_SEGMENT'],
    ['/v1/nothing', 404, 'RAPPORT_HTTP_NOT_FOUND'],
    ['/v1/accounts?limit=0', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/accounts?limit=5&limit=6', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/accounts?lmit=5', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/accounts?sort=charm', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/accounts?segment=charm', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/accounts?cursor=x', 400, 'RAPPORT_HTTP_QUERY'],
    ['/v1/portfolio?by=constructor', 400, 'RAPPORT_HTTP_QUERY'],
  ])('answers %s with a problem document: %i %s', async (path, status, code) => {
    const response = await fetch(url + path);
    expect(response.status).toBe(status);
    expect((await problem(response)).code).toBe(code);
  });

  it('refuses a cursor of another listing', async () => {
    const { next } = (await get('/v1/accounts?limit=3&sort=-stickiness')) as unknown as { next: string };
    expect((await fetch(`${url}/v1/accounts?limit=3&cursor=${next}`)).status).toBe(400);
  });

  it('says which methods a path has', async () => {
    const response = await fetch(`${url}/v1/accounts`, { method: 'DELETE' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET');
    expect((await problem(response)).code).toBe('RAPPORT_HTTP_METHOD');
  });
});

describe('erasure and export', () => {
  let running: Awaited<ReturnType<typeof start>>;
  let url: string;
  beforeAll(async () => {
    running = await start();
    url = running.served.url;
    const calls = ['acme', 'beta'].flatMap((account) => [track(account, `user-of-${account}`, 1), group(account, { plan: 'pro' })]); // prettier-ignore
    await post(url, JSON.stringify({ batch: calls }));
    await running.workspace.engine.run({ asOf: NOW });
  });
  afterAll(() => stop(running));

  it('gives all that is held of a subject, a line each', async () => {
    const response = await fetch(`${url}/v1/accounts/acme/export`);
    expect(response.headers.get('content-type')).toMatch(/^application\/x-ndjson/);
    const held = (await response.text()).trimEnd().split('\n').map((line) => JSON.parse(line) as { of: string }); // prettier-ignore
    expect(new Set(held.map(({ of }) => of))).toEqual(new Set(['message', 'membership', 'transition', 'result', 'history'])); // prettier-ignore
    expect(await (await fetch(`${url}/v1/users/user-of-acme/export`)).text()).toContain('"Feature Used"');
    expect(await (await fetch(`${url}/v1/users/nobody/export`)).text()).toBe('');
  });

  it('forgets a subject, says how much, and shows it in no answer, held ones included', async () => {
    const etag = (await fetch(`${url}/v1/accounts`)).headers.get('etag') ?? '';
    expect((await fetch(`${url}/v1/accounts/acme`)).status).toBe(200);
    const erased = await fetch(`${url}/v1/accounts/acme`, { method: 'DELETE' });
    expect(erased.status).toBe(200);
    expect(await erased.json()).toMatchObject({ kind: 'account', id: 'acme', erased: { events: 1, traits: 1, results: 1 } }); // prettier-ignore
    const again = await fetch(`${url}/v1/accounts`, { headers: { 'If-None-Match': etag } });
    expect(again.status).toBe(200);
    expect(await again.text()).not.toContain('acme');
    expect((await fetch(`${url}/v1/accounts/acme`)).status).toBe(404);
    expect((await fetch(`${url}/v1/accounts/beta`)).status).toBe(200);
    const user = await fetch(`${url}/v1/users/user-of-beta`, { method: 'DELETE' });
    expect(await user.json()).toMatchObject({ kind: 'user', erased: { events: 1 } });
    expect((await fetch(`${url}/v1/users/user-of-beta`)).status).toBe(405);
  });
});

describe('a batch', () => {
  let running: Awaited<ReturnType<typeof start>>;
  let url: string;
  beforeAll(async () => {
    running = await start();
    url = running.served.url;
  });
  afterAll(() => stop(running));

  it('sent again counts once', async () => {
    const body = JSON.stringify({ batch: [track('a', 'u', 1), track('a', 'u', 2), track('a', 'u', 2)] });
    expect(await (await post(url, body)).json()).toEqual({ accepted: 2, duplicates: 1, refused: [], unreadable: [] });
    expect(await (await post(url, body)).json()).toEqual({ accepted: 0, duplicates: 3, refused: [], unreadable: [] });
    expect((await running.workspace.engine.stats()).events).toBe(2);
  });

  it('keeps what is good and names what is not, with its place in the body', async () => {
    const body = JSON.stringify({
      batch: [track('b', 'u', 1), { type: 'track', messageId: 'bad', userId: 'u' }, track('b', 'u', 3)],
    });
    const answer = (await (await post(url, body)).json()) as {
      accepted: number;
      refused: { index: number; pointer: string; code: string }[];
    };
    expect(answer.accepted).toBe(2);
    expect(answer.refused).toEqual([
      expect.objectContaining({
        index: 1,
        messageId: 'bad',
        code: expect.stringMatching(/^RAPPORT_INGEST_/) as string,
      }),
    ]);
    expect(answer.refused[0]?.pointer).toMatch(/^\/batch\/1/);
  });

  it('may be compressed', async () => {
    const body = gzipSync(JSON.stringify({ batch: [track('c', 'u', 1)] }));
    expect(await (await post(url, body, { 'Content-Encoding': 'gzip' })).json()).toMatchObject({ accepted: 1 });
  });

  it.each([
    ['broken JSON', '{"batch": [', {}, 400, 'RAPPORT_HTTP_JSON', ''],
    ['a list', '[]', {}, 400, 'RAPPORT_HTTP_BATCH', ''],
    ['no batch', '{}', {}, 400, 'RAPPORT_HTTP_BATCH', '/batch'],
    ['a batch that is an object', '{"batch":{}}', {}, 400, 'RAPPORT_HTTP_BATCH', '/batch'],
    ['plain text', 'hello', { 'Content-Type': 'text/plain' }, 415, 'RAPPORT_HTTP_CONTENT_TYPE', undefined],
    ['an unknown encoding', '{}', { 'Content-Encoding': 'zip' }, 415, 'RAPPORT_HTTP_ENCODING', undefined],
    ['what only says that it is gzip', '{}', { 'Content-Encoding': 'gzip' }, 400, 'RAPPORT_HTTP_BODY', undefined],
  ])('that is %s is refused', async (_, body, headers, status, code, pointer) => {
    const response = await post(url, body, headers);
    expect(response.status).toBe(status);
    expect(await problem(response)).toMatchObject({ code, ...(pointer === undefined ? {} : { pointer }) });
  });

  it('that is too large is refused, also when compression hid it', async () => {
    const large = JSON.stringify({ batch: [track('d', 'u', 1, { properties: { text: 'x'.repeat(6 << 20) } })] });
    for (const [body, headers] of [
      [large, {}],
      [gzipSync(large), { 'Content-Encoding': 'gzip' }],
    ] as const) {
      const response = await post(url, body, headers);
      expect(response.status).toBe(413);
      expect((await problem(response)).code).toBe('RAPPORT_HTTP_TOO_LARGE');
    }
    const many = await post(url, JSON.stringify({ batch: Array.from({ length: 10_001 }, () => 0) }));
    expect(many.status).toBe(413);
  });

  it('before any evaluation leaves the listings empty, and single subjects unknown', async () => {
    expect(await (await fetch(`${url}/v1/accounts`)).json()).toEqual({
      run: null,
      asOf: null,
      total: 0,
      items: [],
      next: null,
    });
    expect((await problem(await fetch(`${url}/v1/accounts/a`))).code).toBe('RAPPORT_HTTP_NO_RUN');
    expect((await problem(await fetch(`${url}/v1/portfolio`))).code).toBe('RAPPORT_HTTP_NO_RUN');
  });
});

describe('access', () => {
  let workspace: Workspace;
  beforeAll(async () => {
    workspace = await openWorkspace({ root: folder, config: { workspace: 'access', store: 'duckdb:access.duckdb' } });
  });
  afterAll(() => workspace.close());
  const silent = pino({ enabled: false });
  const withKey = (apiKey: string): Workspace => ({
    ...workspace,
    engine: { ...workspace.engine, config: { ...workspace.engine.config, http: { apiKey } } },
  });

  it('asks for the key on everything but health, as a bearer token or the user name of basic authentication', async () => {
    const lines: string[] = [];
    const logger = pino({}, { write: (line: string) => lines.push(line) });
    const served = await serve(withKey('s3cret-key'), { port: 0, logger });
    const status = async (path: string, authorization?: string) =>
      (await fetch(served.url + path, authorization === undefined ? {} : { headers: { Authorization: authorization } }))
        .status;
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
    expect(await status('/v1/health')).toBe(200);
    expect(await status('/v1/ready')).toBe(200);
    for (const path of ['/', '/v1/accounts', '/v1/plugins', '/v1/nothing']) expect(await status(path)).toBe(401);
    expect(await status('/v1/accounts', 'Bearer s3cret-key')).toBe(200);
    expect(await status('/v1/accounts', basic('s3cret-key:'))).toBe(200);
    expect(await status('/v1/accounts', 'Bearer s3cret-kez')).toBe(401);
    expect(await status('/v1/accounts', basic(':s3cret-key'))).toBe(401);
    expect(await status('/v1/accounts', 'Digest s3cret-key')).toBe(401);
    await served.close();
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.join('')).not.toContain('s3cret-key');
    expect(lines.join('')).not.toContain(Buffer.from('s3cret-key:').toString('base64'));
  });

  it('is not given to others without a key', async () => {
    await expect(serve(workspace, { host: '0.0.0.0', port: 0 })).rejects.toThrow(
      /RAPPORT_HTTP_UNPROTECTED.*http\.apiKey/,
    );
    await (await serve(withKey('k'), { host: '0.0.0.0', port: 0, logger: silent })).close();
  });

  it('is not given to a page that has rebound its name to this machine', async () => {
    const served = await serve(workspace, { port: 0, logger: silent });
    const { port } = new URL(served.url);
    const status = await new Promise((resolve, reject) => {
      httpRequest(
        { host: '127.0.0.1', port, path: '/v1/accounts', headers: { Host: `evil.example:${port}` } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      )
        .on('error', reject)
        .end();
    });
    expect(status).toBe(421);
    await served.close();
  });

  it('needs a free port', async () => {
    const served = await serve(workspace, { port: 0, logger: silent });
    const port = Number(new URL(served.url).port);
    await expect(serve(workspace, { port, logger: silent })).rejects.toThrow(/RAPPORT_HTTP_LISTEN.*EADDRINUSE/);
    await served.close();
  });

  it('ends when it is told to: a request in flight finishes, and no new one is taken', async () => {
    const served = await serve(workspace, { port: 0, logger: silent });
    const { port } = new URL(served.url);
    const body = JSON.stringify({ batch: [track('closing', 'u', 1)] });
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const inFlight = httpRequest({ host: '127.0.0.1', port, path: '/v1/batch', method: 'POST', headers });
    const status = new Promise((resolve, reject) => {
      inFlight.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      inFlight.on('error', reject);
    });
    // The head and the first byte have arrived once a later request has been answered.
    inFlight.write(body.slice(0, 1));
    await fetch(`${served.url}/v1/health`);
    const closed = served.close();
    await expect(fetch(`${served.url}/v1/health`)).rejects.toThrow();
    inFlight.end(body.slice(1));
    expect(await status).toBe(200);
    await closed;
  });
});

describe('kill -9', () => {
  it('after an acknowledged batch loses nothing', async () => {
    const path = join(folder, 'killed.duckdb');
    const script = `
      const { openWorkspace, serve } = await import(${JSON.stringify(fileURLToPath(new URL('./index.ts', import.meta.url)))});
      const workspace = await openWorkspace({ root: ${JSON.stringify(folder)}, config: { workspace: 'k', store: ${JSON.stringify(`duckdb:${path}`)} } });
      const { url } = await serve(workspace, { port: 0 });
      console.log(url);`;
    const child: ChildProcess = spawn(
      process.execPath,
      ['--conditions=@rapport/source', '--import', 'tsx', '--input-type=module', '-e', script],
      {
        cwd: fileURLToPath(new URL('..', import.meta.url)),
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    const url = await new Promise<string>((resolve) =>
      child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim())),
    );
    let acknowledged = 0;
    for (let batch = 0; batch < 20; batch++) {
      const calls = Array.from({ length: 50 }, (_, call) => track(`k${String(batch)}`, `u${String(call)}`, 1));
      const answer = await post(url, JSON.stringify({ batch: calls }));
      acknowledged += ((await answer.json()) as { accepted: number }).accepted;
    }
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    const store = await openDuckdbStore({ path, zone: 'UTC' });
    expect(acknowledged).toBe(1000);
    expect((await store.stats()).events).toBe(1000);
    await store.close();
  });
});
