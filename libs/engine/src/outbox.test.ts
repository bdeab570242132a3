import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readManifest, type Store } from '@rapport/store';
import { memoryStore } from '@rapport/store-testkit';
import { backoff, MAX_ATTEMPTS } from '@rapport/playbooks';
import { actionCode, engineOver, JUNE, pluginFolder, standingClock } from './plugin-packages.test.fixture.js';
import type { Engine } from './engine.js';

/** A receiver that remembers, and answers as it is told. */
function receiver() {
  const requests: { readonly path: string; readonly body: string }[] = [];
  const server: Server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      requests.push({ path: request.url ?? '', body });
      if (request.url === '/redirect') response.writeHead(302, { location: '/elsewhere' }).end();
      else if (request.url === '/large') response.end('x'.repeat(200_000));
      else if (request.url !== '/silent') response.end('ok');
    });
  });
  return { server, requests };
}

describe('the outbox', () => {
  const folder = pluginFolder();
  const clock = standingClock();
  const { server, requests } = receiver();
  let url = '';
  let store: Store;
  let engine: Engine;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const { add } = folder;
    const config = `{ type: 'object', required: ['url', 'secret'], properties: { url: { type: 'string' }, secret: { type: 'string', secret: true } } }`;
    const input = `{ type: 'object', properties: { path: { type: 'string' } } }`;
    const posts = `async ({ key, attempt, input }, { config, http }) => { const { status, body } = await http.fetch(config.url + (input.path ?? ''), { method: 'POST', body: JSON.stringify({ key, attempt }) }); return status === 200 ? { delivered: true } : { delivered: false, retry: false, reason: status + ' ' + body.length }; }`;
    add('action', 'post', { code: actionCode('post', { config, input, deliver: posts }) });
    add('action', 'unconfigured', { code: actionCode('unconfigured', { config }) });
    add('action', 'throws', {
      code: actionCode('throws', {
        config,
        deliver: `async (_, { config }) => { throw new Error('with ' + config.secret); }`,
      }),
    });
    add('action', 'refuses', {
      code: actionCode('refuses', {
        config,
        deliver: `async () => ({ delivered: false, retry: false, reason: 'no such channel' })`,
      }),
    });
    add('action', 'busy', {
      code: actionCode('busy', {
        config,
        deliver: `async () => ({ delivered: false, retry: true, reason: 'busy', retryAfterMs: 7200000 })`,
      }),
    });
    add('action', 'asks-for-a-year', {
      code: actionCode('asks-for-a-year', {
        config,
        deliver: `async () => ({ delivered: false, retry: true, reason: 'busy', retryAfterMs: 365 * 86400000 })`,
      }),
    });
    add('action', 'vague', { code: actionCode('vague', { config, deliver: `async () => 'sent'` }) });
    add('action', 'blocks', { code: actionCode('blocks', { config, deliver: `async () => { for (;;); }` }) });
    store = memoryStore({ zone: 'UTC' });
    const setting = { url, secret: 'tops3cret' };
    engine = await engineOver(
      folder,
      {
        actions: {
          post: setting,
          throws: setting,
          refuses: setting,
          busy: setting,
          'asks-for-a-year': setting,
          vague: setting,
          blocks: setting,
        },
        network: { allowPrivateAddresses: true },
        limits: { deliveryMs: 700 },
      },
      { store, clock },
    );
    expect(engine.refused).toEqual([]);
  }, 30_000);
  afterAll(async () => {
    await engine.close();
    server.closeAllConnections();
    server.close();
    folder.remove();
  });

  let count = 0;
  /** Puts deliveries into the outbox, as a run would. */
  const queue = async (
    ...wanted: readonly { readonly action: string; readonly path?: string }[]
  ): Promise<readonly string[]> => {
    const lease = await store.begin('test', clock.now(), 1000);
    const deliveries = wanted.map(({ action, path }) => {
      const subject = { kind: 'account', id: 'a' } as const;
      return {
        key: `key-${String(++count)}`,
        action,
        subject,
        dueAt: clock.now(),
        payload: {
          playbook: { id: 'p', version: '1.0.0' },
          step: 's',
          subject,
          transition: {},
          input: path === undefined ? {} : { path },
        },
      };
    });
    await lease.commit(
      { asOf: JUNE, epoch: 0, manifest: readManifest(null), frames: [], transitions: [], deliveries },
      clock.now(),
    );
    return deliveries.map(({ key }) => key);
  };
  const find = async (key: string | undefined) =>
    (await engine.deliveries({ limit: 1000 })).find((delivery) => delivery.key === key);

  it('sends what is due, once', async () => {
    const [key] = await queue({ action: 'post' });
    expect(await engine.deliver()).toEqual({ delivered: 1, retried: 0, parked: 0 });
    expect(await engine.deliver()).toEqual({ delivered: 0, retried: 0, parked: 0 });
    expect(requests).toEqual([{ path: '/', body: JSON.stringify({ key, attempt: 1 }) }]);
    expect(await find(key)).toMatchObject({ state: 'delivered', deliveredAt: clock.now(), attempts: 1 });
  });

  it('follows no redirect, and keeps 64 KiB of an answer', async () => {
    const [redirect, large] = await queue({ action: 'post', path: '/redirect' }, { action: 'post', path: '/large' });
    await engine.deliver();
    expect(await find(redirect)).toMatchObject({ state: 'parked', lastError: 'RAPPORT_ACTION_FAILED: 302 0' });
    expect(await find(large)).toMatchObject({ state: 'delivered' });
    expect(requests.map(({ path }) => path)).not.toContain('/elsewhere');
  });

  it('parks what cannot be sent, with the reason, and sends it when it is replayed', async () => {
    const [unconfigured, missing, refused] = await queue(
      { action: 'unconfigured' },
      { action: 'missing' },
      { action: 'refuses' },
    );
    expect(await engine.deliver()).toEqual({ delivered: 0, retried: 0, parked: 3 });
    expect((await find(unconfigured))?.lastError).toMatch(
      /^RAPPORT_DELIVERY_NOT_CONFIGURED: .*rapport.json#\/actions\/unconfigured/,
    );
    expect((await find(missing))?.lastError).toMatch(/^RAPPORT_DELIVERY_NO_ACTION/);
    expect((await find(refused))?.lastError).toBe('RAPPORT_ACTION_FAILED: no such channel');
    expect(await store.replay(refused ?? '', clock.now())).toBe(true);
    expect(await engine.deliver()).toEqual({ delivered: 0, retried: 0, parked: 1 });
  });

  it('tries again later what failed, without telling a secret, up to eight times', async () => {
    const [key] = await queue({ action: 'throws' });
    for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
      expect(await engine.deliver()).toEqual({ delivered: 0, retried: 1, parked: 0 });
      const delivery = await find(key);
      expect(delivery).toMatchObject({
        state: 'pending',
        attempts: attempt,
        lastError: 'RAPPORT_ACTION_THREW: Error: with •••',
        dueAt: clock.now() + backoff(key ?? '', attempt),
      });
      clock.set(delivery?.dueAt ?? 0);
    }
    expect(clock.now() - JUNE).toBeGreaterThan(15 * 3_600_000);
    expect(await engine.deliver()).toEqual({ delivered: 0, retried: 0, parked: 1 });
    expect(await find(key)).toMatchObject({ state: 'parked', attempts: MAX_ATTEMPTS });
  });

  it('waits as long as the receiver asks', async () => {
    const [key] = await queue({ action: 'busy' });
    await engine.deliver();
    expect((await find(key))?.dueAt).toBe(clock.now() + 7_200_000);
  });

  it('waits a day at most, however long the receiver asks for', async () => {
    const [key] = await queue({ action: 'asks-for-a-year' });
    await engine.deliver();
    expect((await find(key))?.dueAt).toBe(clock.now() + 86_400_000);
  });

  it('treats an unclear answer as a failure', async () => {
    const [key] = await queue({ action: 'vague' });
    await engine.deliver();
    expect((await find(key))?.lastError).toMatch(/^RAPPORT_ACTION_INVALID/);
  });

  it('gives up waiting for a receiver that does not answer', async () => {
    const [key] = await queue({ action: 'post', path: '/silent' });
    await engine.deliver();
    expect((await find(key))?.lastError).toMatch(/RAPPORT_HTTP_ABORTED: 127\.0\.0\.1:\d+ did not answer in time/);
  });

  it('stops an action that blocks, and delivers the others all the same', async () => {
    const [before, blocks, after] = await queue({ action: 'post' }, { action: 'blocks' }, { action: 'post' });
    const report = await engine.deliver();
    expect(report).toEqual({ delivered: 2, retried: 1, parked: 0 });
    expect((await find(blocks))?.lastError).toMatch(/^RAPPORT_ACTION_TIMEOUT/);
    expect([await find(before), await find(after)]).toMatchObject([{ state: 'delivered' }, { state: 'delivered' }]);
  }, 20_000);

  it('does not let a receiver that does not answer hold up others', async () => {
    // Both actions have their threads.
    await queue({ action: 'post' }, { action: 'refuses' });
    await engine.deliver();
    const dead = await queue(...Array.from({ length: 12 }, () => ({ action: 'post', path: '/silent' })));
    const alive = await queue(...Array.from({ length: 12 }, () => ({ action: 'refuses' })));
    const running = engine.deliver();
    const isParked = async () =>
      (await engine.deliveries({ limit: 1000 })).filter(({ key, state }) => alive.includes(key) && state === 'parked');
    await expect.poll(isParked, { timeout: 60_000, interval: 10 }).toHaveLength(12);
    const open = (await engine.deliveries({ limit: 1000 })).filter(
      ({ key, lastError }) => dead.includes(key) && lastError === null,
    );
    expect(open.length).toBeGreaterThanOrEqual(4);
    expect(await running).toEqual({ delivered: 0, retried: 12, parked: 12 });
  });

  it('leaves what is being delivered to whoever took it', async () => {
    const [key] = await queue({ action: 'post', path: '/silent' });
    const began = requests.length;
    const first = engine.deliver();
    await expect.poll(() => requests.length, { timeout: 60_000, interval: 5 }).toBe(began + 1);
    // Its lease outlasts the time that an attempt may take.
    clock.set(clock.now() + 2 * 700);
    expect(await engine.deliver()).toEqual({ delivered: 0, retried: 0, parked: 0 });
    await first;
    expect(requests).toHaveLength(began + 1);
    expect(await find(key)).toMatchObject({ attempts: 1 });
  });

  it('does not reach private addresses unless the workspace allows it', async () => {
    const [key] = await queue({ action: 'post' });
    const careful = await engineOver(folder, { actions: { post: { url, secret: 'x' } } }, { store, clock });
    const before = requests.length;
    await careful.deliver();
    await careful.close();
    expect(requests).toHaveLength(before);
    expect((await find(key))?.lastError).toMatch(
      /RAPPORT_HTTP_PRIVATE_ADDRESS: 127\.0\.0\.1:\d+ is not a public address/,
    );
  }, 20_000);
});
