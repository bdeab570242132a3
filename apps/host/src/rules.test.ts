import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkspace, serve, type Served, type Workspace } from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'host-rules-'));
const NOW = Date.parse('2025-03-01T00:00:00Z');
const DAY = 86_400_000;
const rarely = (below: number, id = 'rarely') => ({
  kind: 'segment', id, title: 'Rarely there', subject: 'account',
  enter: { fact: 'usage-frequency', operator: 'lessThan', value: below },
}); // prettier-ignore

const server = process.env['MONGODB_URI'];
if (server === undefined) console.info('rules of several hosts skipped: MONGODB_URI is not set');
describe.skipIf(server === undefined)('rules of several hosts of a workspace', () => {
  it('are the same at once', async () => {
    const name = `rapport_hosts_${String(process.pid)}`;
    const url = new URL(server ?? '');
    url.pathname = `/${name}`;
    const root = mkdtempSync(join(tmpdir(), 'hosts-'));
    const hosts: { readonly workspace: Workspace; readonly served: Served }[] = [];
    try {
      for (let i = 0; i < 2; i++) {
        const workspace = await openWorkspace({ root, config: { workspace: 'hosts', store: url.href } });
        hosts.push({ workspace, served: await serve(workspace, { port: 0, logger: pino({ enabled: false }) }) });
      }
      const at = (i: number) => `${hosts[i]?.served.url ?? ''}/v1/rules/segment/rarely`;
      const published = await fetch(at(0), {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json', 'If-None-Match': '*' },
        body: JSON.stringify({ document: rarely(2), author: 'ann', reason: 'test' }),
      });
      expect(published.status).toBe(201);
      expect(await (await fetch(at(1))).json()).toMatchObject({ document: { enter: { value: 2 } } });
    } finally {
      for (const { workspace, served } of hosts) {
        await served.close();
        await workspace.close();
      }
      rmSync(root, { recursive: true });
    }
  });
});

describe('rules over HTTP', () => {
  let workspace: Workspace;
  let served: Served;
  const send = async (
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    method = body === undefined ? 'GET' : 'POST',
  ) => {
    const response = await fetch(`${served.url}/v1/rules${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      etag: response.headers.get('etag'),
      body: text === '' ? null : (JSON.parse(text) as Record<string, unknown>),
    };
  };
  const put = (document: object, seen: Record<string, string>, author = 'ann') =>
    send('/segment/rarely', { document, author, reason: 'test' }, seen, 'PUT');

  beforeAll(async () => {
    mkdirSync(join(folder, 'rules/schemas'), { recursive: true });
    writeFileSync(
      join(folder, 'rules/often.json'),
      JSON.stringify({ ...rarely(3, 'often'), enter: { fact: 'usage-frequency', operator: 'greaterThan', value: 3 } }),
    );
    writeFileSync(join(folder, 'rules/broken.json'), '{');
    writeFileSync(join(folder, 'rules/LOUD.JSON'), JSON.stringify(rarely(2, 'loud')));
    writeFileSync(join(folder, 'rules/notes.md'), 'Notes.');
    writeFileSync(join(folder, 'rules/other.yaml'), 'kind: segment');
    symlinkSync('nowhere.json', join(folder, 'rules/link.json'));
    writeFileSync(join(folder, 'rules/schemas/segment.schema.json'), '{}');
    workspace = await openWorkspace({
      root: folder,
      config: {
        workspace: 'rules',
        store: 'duckdb:rules.duckdb',
        rules: { approvalShare: 0.3 },
        playbooks: { broke: { enabled: true } },
      },
    });
    served = await serve(workspace, { port: 0, logger: pino({ enabled: false }) });
    const calls = [1, 3, 6, 9, 12].flatMap((days) =>
      Array.from({ length: days }, (_, i) => ({
        type: 'track', event: 'Feature Used', messageId: `${String(days)}-${String(i)}`, userId: `u${String(days)}`,
        context: { groupId: `d${String(days)}` }, timestamp: new Date(NOW - (i + 0.5) * DAY).toISOString(),
      })),
    ); // prettier-ignore
    await workspace.engine.ingest(calls);
    await workspace.engine.run({ asOf: NOW });
  });
  afterAll(async () => {
    await served.close();
    await workspace.close();
    rmSync(folder, { recursive: true });
  });

  it('lists what is in force, files among it, and what was refused', async () => {
    const { body } = await send('');
    expect(body?.items).toContainEqual(expect.objectContaining({ id: 'often', from: 'rules/often.json' }));
    expect(body?.items).toContainEqual(expect.objectContaining({ id: 'loud', from: 'rules/LOUD.JSON' }));
    expect(body?.refused).toEqual([
      expect.objectContaining({ name: 'rules/link.json', code: 'RAPPORT_RULES_FILE' }),
      expect.objectContaining({ name: 'rules/other.yaml', code: 'RAPPORT_RULES_FILE' }),
      expect.objectContaining({ name: 'rules/broken.json', code: 'RAPPORT_RULES_JSON' }),
      {
        name: 'rapport.json#/playbooks/broke',
        code: 'RAPPORT_CONFIG_NOT_IN_FORCE',
        message: expect.stringContaining('one of the files that were refused: rules/broken.json') as unknown,
      },
    ]);
    const one = await send('/segment/often');
    expect(one).toMatchObject({ status: 200, body: { document: { id: 'often' } } });
    expect((await send('/segment/often', undefined, { 'If-None-Match': one.etag ?? '' })).status).toBe(304);
    expect(await send('/segment/nothing')).toMatchObject({ status: 404, body: { code: 'RAPPORT_HTTP_UNKNOWN_RULE' } });
  });

  it('refuses a key that is there twice, with its place, wherever a document is sent', async () => {
    const twice = `{ "author": "ann", "reason": "test",\n"document": ${JSON.stringify(rarely(1)).replace('"title"', '"id": "other", "title"')} }`;
    const response = await fetch(`${served.url}/v1/rules/segment/rarely`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json', 'If-None-Match': '*' },
      body: twice,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'RAPPORT_HTTP_BODY',
      detail: expect.stringContaining('line 2, column') as unknown,
      pointer: '/document/id',
    });
  });

  it('verifies what is in force by json-rules-engine', async () => {
    const { status, body } = await send('/verify', { documents: ['segment/loud'], subjects: 3 });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { engine: 'json-rules-engine 7.3.1', compared: 3, differ: 0, documents: [{ document: 'segment/loud' }] },
    });
    expect((await send('/verify', { subjects: 0 })).status).toBe(400);
    expect(await send('/verify', { documents: ['segment/no'] })).toMatchObject({
      status: 404,
      body: { code: 'RAPPORT_RULES_VERIFY' },
    });
  });

  it('takes operators of plugins', async () => {
    const ours = {
      ...rarely(1),
      id: 'ours',
      enter: { fact: 'trait.contact', operator: 'hasDomain', value: ['acme.com'] },
      tests: [
        { name: 'ours', facts: { 'trait.contact': 'ann@eu.acme.com' }, expect: 'in' },
        { name: 'not ours', facts: { 'trait.contact': 'ann@notacme.com' }, expect: 'out' },
      ],
    };
    expect((await send('/check', { document: ours })).body).toMatchObject({
      problems: [],
      warnings: [{ code: 'RAPPORT_RULES_TRAIT', pointer: '/enter/fact' }],
    });
    const typo = { ...ours, enter: { ...ours.enter, operator: 'hasDomains' } };
    expect((await send('/check', { document: typo })).body).toMatchObject({
      problems: [{ message: expect.stringContaining('Did you mean "hasDomain"?') as unknown }],
    });
    expect(
      (await send('/check', { document: { ...ours, enter: { ...ours.enter, value: ['@acme.com'] } } })).body,
    ).toMatchObject({
      problems: [{ code: 'RAPPORT_RULES_VALUE', pointer: '/enter/value' }],
    });
    expect((await send('/test', { text: JSON.stringify(ours) })).body).toMatchObject({
      tests: 2,
      failed: [],
      untried: [],
    });
    // The data of this test has no traits.
    expect((await send('/lint', { text: JSON.stringify(ours) })).body).toMatchObject({
      findings: [{ code: 'RAPPORT_RULES_TRAIT', severity: 'warning', pointer: '/enter/fact' }],
    });
    expect((await send('/explain', { document: ours, subject: 'd1' })).body).toMatchObject({
      placement: 'unknown',
      versions: { operators: { 'has-domain': '1.0.0' } },
    });
  });

  it('checks, previews, backtests, explains and compares, and changes nothing', async () => {
    expect(
      (
        await send('/check', {
          document: { ...rarely(1), enter: { fact: 'usage-frequncy', operator: 'lessThan', value: 1 } },
        })
      ).body,
    ).toMatchObject({
      problems: [{ code: 'RAPPORT_RULES_FACT', pointer: '/enter/fact' }],
    });
    expect((await send('/preview', { document: rarely(1) })).body).toMatchObject({
      subjects: 5,
      share: 0.2,
      segments: [{ segment: 'rarely', enter: 1 }],
    });
    expect(
      (await send('/backtest', { document: rarely(1), days: 10, asOf: '2025-03-01T00:00:00Z', outcome: 'churn' })).body,
    ).toMatchObject({ subjects: 5, counts: { outcomes: 0 } });
    expect((await send('/explain', { document: rarely(1), subject: 'd1' })).body).toMatchObject({
      placement: 'in',
      conditions: [{ verdict: 'true' }],
    });
    expect((await send('/diff', { before: rarely(1), after: rarely(2) })).body).toEqual({
      changes: [{ pointer: '/enter/value', before: 1, after: 2 }],
    });
    expect((await workspace.engine.rules.versions()).length).toBe(0);
  });

  it('publishes against what was seen, asks for a second person, goes back', async () => {
    expect(await put(rarely(1), {})).toMatchObject({
      status: 428,
      body: { code: 'RAPPORT_HTTP_PRECONDITION_REQUIRED' },
    });
    expect(await put(rarely(1), { 'If-None-Match': '*' })).toMatchObject({
      status: 201,
      etag: '"1"',
      body: { needsApproval: false },
    });
    expect(await put(rarely(2), { 'If-None-Match': '*' })).toMatchObject({
      status: 412,
      body: { code: 'RAPPORT_STORE_DOCUMENT_CONFLICT' },
    });
    expect(await put(rarely(6), { 'If-Match': '"1"' })).toMatchObject({
      status: 202,
      etag: '"2"',
      body: { needsApproval: true },
    });
    const approve = (author: string, etag: string) =>
      send('/segment/rarely/approve', { number: 2, author, reason: 'fine' }, { 'If-Match': etag });
    expect(await approve('ann', '"2"')).toMatchObject({ status: 403, body: { code: 'RAPPORT_RULES_APPROVAL' } });
    expect(await approve('bob', '"1"')).toMatchObject({ status: 412 });
    expect(await approve('bob', '"2"')).toMatchObject({ status: 201, etag: '"3"' });
    expect((await send('/segment/rarely')).body).toMatchObject({ document: { enter: { value: 6 } } });
    expect(
      await send('/segment/rarely/rollback', { number: 1, author: 'bob', reason: 'too many' }, { 'If-Match': '"3"' }),
    ).toMatchObject({ status: 201 });
    const versions = await send('/segment/rarely/versions');
    expect(versions.etag).toBe('"4"');
    expect(
      (versions.body?.items as { number: number; status: string; of: number | null }[]).map(
        ({ number, status, of }) => [number, status, of],
      ),
    ).toEqual([
      [1, 'published', null],
      [2, 'proposed', null],
      [3, 'published', 2],
      [4, 'published', 1],
    ]);
    await workspace.engine.run({ asOf: NOW });
    const members = (await (await fetch(`${served.url}/v1/segments/rarely`)).json()) as {
      items: { subject: string }[];
    };
    expect(members.items.map(({ subject }) => subject)).toEqual(['d1']);
    const moves = (await (await fetch(`${served.url}/v1/segments/rarely/transitions?limit=5`)).json()) as {
      items: unknown[];
    };
    expect(moves.items).toMatchObject([
      { subject: 'd1', change: 'enter', run: 2, reason: 'usage-frequency 0.5 < 1', baseline: true },
    ]);
    expect((await fetch(`${served.url}/v1/segments/nothing/transitions`)).status).toBe(404);
    expect(
      await send('/segment/rarely/retire', { author: 'bob', reason: 'done' }, { 'If-Match': '"4"' }),
    ).toMatchObject({ status: 201 });
    expect((await send('/segment/rarely')).status).toBe(404);
  });

  it('answers bad requests with a problem that names the place', async () => {
    expect(await send('/preview', [])).toMatchObject({ status: 400, body: { code: 'RAPPORT_HTTP_BODY' } });
    expect(await send('/preview', { document: rarely(1), sample: 3 })).toMatchObject({
      status: 400,
      body: { pointer: '/sample' },
    });
    expect(await send('/preview', { document: { kind: 'x' } })).toMatchObject({
      status: 422,
      body: { code: 'RAPPORT_RULES_REFUSED' },
    });
    expect(await send('/backtest', { document: rarely(1), days: 4000 })).toMatchObject({
      status: 400,
      body: { code: 'RAPPORT_RULES_BACKTEST' },
    });
    expect(await send('/explain', { document: rarely(1), subject: 'nobody' })).toMatchObject({ status: 404 });
    expect(await send('/preview')).toMatchObject({ status: 405 });
    expect(await put({ ...rarely(1), id: 'other' }, { 'If-None-Match': '*' })).toMatchObject({
      status: 400,
      body: { pointer: '/document' },
    });
    expect(await send('/preview', { document: 'x'.repeat(2_000_000) })).toMatchObject({ status: 413 });
  });
});
