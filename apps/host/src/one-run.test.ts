import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkspace, serve, type Served, type Workspace } from './index.js';

const installed = readdirSync(fileURLToPath(new URL('../../../node_modules/@rapport', import.meta.url)));
const without = (kind: string, ...kept: readonly string[]) =>
  Object.fromEntries(
    installed
      .filter((name) => name.startsWith(`${kind}-`))
      .map((name) => name.slice(kind.length + 1))
      .filter((id) => !kept.includes(id))
      .map((id) => [id, false as const]),
  );

const NOW = Date.parse('2024-07-01T00:00:00Z');
let messages = 0;
const answer = (account: string, day: string, score: number) => ({
  type: 'track',
  messageId: `m${String(++messages)}`,
  timestamp: `${day}T10:00:00Z`,
  userId: `user of ${account}`,
  context: { groupId: account },
  event: 'Survey Responded',
  properties: { survey: 'nps', score },
});
const group = (account: string, traits: object) => ({
  type: 'group',
  messageId: `m${String(++messages)}`,
  timestamp: '2024-01-01T00:00:00Z',
  groupId: account,
  traits,
});
const fans = (below: number) => ({
  kind: 'segment',
  id: 'fans',
  title: 'Fans',
  subject: 'account',
  enter: { fact: 'nps', operator: 'greaterThan', value: below },
});
interface Answer {
  readonly status: number;
  readonly etag: string | null;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

describe('what an answer shows is of one run', { timeout: 120_000 }, () => {
  const root = mkdtempSync(join(tmpdir(), 'host-one-run-'));
  let workspace: Workspace;
  let served: Served;
  const get = async (path: string, headers: Record<string, string> = {}): Promise<Answer> => {
    const response = await fetch(served.url + path, { headers });
    const text = await response.text();
    const body = (text === '' ? {} : JSON.parse(text)) as Answer['body'];
    return { status: response.status, etag: response.headers.get('etag'), text, body };
  };
  const paths = ['/v1/portfolio', '/v1/portfolio?by=plan', '/v1/segments', '/v1/segments/fans', '/v1/accounts', '/v1/accounts/acme', '/v1/goals', '/v1/cohorts?metric=nps']; // prettier-ignore

  beforeAll(async () => {
    workspace = await openWorkspace({
      root,
      config: {
        workspace: 'w',
        metrics: without('metric', 'nps'),
        segments: without('segment'),
        playbooks: without('playbook'),
        actions: without('action'),
        rules: { approvalShare: 1 },
      },
    });
    expect(workspace.engine.refused).toEqual([]);
    served = await serve(workspace, { port: 0, logger: pino({ enabled: false }) });
    await workspace.engine.ingest([
      group('acme', { zeta: 1, plan: 'pro', alpha: { b: 1, a: 2 }, signupAt: '2024-01-10' }),
      group('beta', { plan: 'free' }),
      answer('acme', '2024-06-20', 10),
      answer('beta', '2024-06-20', 2),
    ]);
    await workspace.engine.rules.publish(fans(50), { author: 'ann', reason: 'test' });
    await workspace.engine.run({ asOf: NOW });
  }, 120_000);
  afterAll(async () => {
    await served.close();
    await workspace.close();
    rmSync(root, { recursive: true });
  });

  it('has a tag that names the run and the bytes', async () => {
    for (const path of paths) {
      const first = await get(path);
      expect([path, first.status, first.etag]).toEqual([path, 200, expect.stringMatching(/^"run-1-[\w-]{22}"$/)]);
      const again = await get(path);
      expect([again.text, again.etag]).toEqual([first.text, first.etag]);
      expect((await get(path, { 'If-None-Match': first.etag ?? '' })).status).toBe(304);
    }
    const { body } = await get('/v1/accounts/acme');
    expect(Object.keys(body['traits'] as object)).toEqual(['alpha', 'plan', 'signupAt', 'zeta']);
    expect(body['traitsOfRun']).toBe(true);
    expect((await get('/v1/portfolio?by=plan')).body).toMatchObject({ run: 1, latestRun: 1 });
  });

  it('says so where it was computed over data that came later', async () => {
    const before = await get('/v1/portfolio');
    const account = await get('/v1/accounts/acme');
    // The breakdown by this trait was not made yet.
    await workspace.engine.ingest([group('acme', { region: 'eu' }), answer('beta', '2024-06-21', 10)]);
    expect((await get('/v1/portfolio')).text).toBe(before.text);
    const late = await get('/v1/portfolio?by=region');
    expect(late.body).toMatchObject({ run: null, latestRun: 1, asOf: '2024-07-01T00:00:00.000Z' });
    expect((await get('/v1/cohorts?metric=nps&ages=1')).body).toMatchObject({ run: null, latestRun: 1 });
    const changed = await get('/v1/accounts/acme', { 'If-None-Match': account.etag ?? '' });
    expect(changed).toMatchObject({ status: 200, body: { run: 1, traits: { region: 'eu' }, traitsOfRun: false } });
    expect(changed.etag).not.toBe(account.etag);
    // What was made of the run's own data stays so.
    expect((await get('/v1/portfolio?by=plan')).body).toMatchObject({ run: 1 });
    await workspace.engine.run({ asOf: NOW });
    expect((await get('/v1/portfolio?by=region')).body).toMatchObject({ run: 2, latestRun: 2 });
  });

  it('tells about a document that was published since, and which one the members are of', async () => {
    const before = await get('/v1/segments');
    const [item] = before.body['items'] as readonly { readonly version: string }[];
    expect(item).toMatchObject({ id: 'fans', members: 2, evaluated: item?.version });
    const { version } = await workspace.engine.rules.publish(fans(10), { author: 'ann', reason: 'test' });
    const after = await get('/v1/segments', { 'If-None-Match': before.etag ?? '' });
    expect(after).toMatchObject({
      status: 200,
      body: { run: 2, items: [{ version: version.version, evaluated: item?.version, members: 2 }] },
    });
  });

  it('is of the newer run where one is committed while it is made', async () => {
    const { store } = workspace.engine;
    const memberships = store.memberships.bind(store);
    let runs = 0;
    Object.assign(store, {
      memberships: async (query?: Parameters<typeof memberships>[0]) => {
        if (runs++ === 0) await workspace.engine.run({ asOf: NOW });
        return memberships(query);
      },
    });
    try {
      const { body, etag } = await get('/v1/segments');
      const [item] = body['items'] as readonly { readonly version: string }[];
      expect(body).toMatchObject({ run: 3, items: [{ evaluated: item?.version }] });
      expect(etag).toMatch(/^"run-3-/);
    } finally {
      Object.assign(store, { memberships });
    }
  });
});
