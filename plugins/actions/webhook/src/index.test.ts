import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ActionContext, Delivery, HttpResponse } from '@rapport/sdk';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import webhook from './index.js';

const key = Buffer.from('a signing key of 32 bytes, padded');
const secret = `whsec_${key.toString('base64')}`;

/** What the host supplies. */
const sign: ActionContext<unknown>['sign'] = (text, signingKey) =>
  createHmac('sha256', signingKey).update(text).digest('base64');

const delivery: Delivery<{ type?: string; message?: string }> = {
  key: 'usage-alarm:acme:17:notify',
  attempt: 1,
  playbook: { id: 'usage-alarm', version: '1.0.0' },
  step: 'notify',
  subject: { kind: 'account', id: 'Zürich 株式会社' },
  transition: {
    segment: 'engagement-bands.dormant',
    change: 'enter',
    at: '2026-03-01T00:00:00.000Z',
    reason: 'customer-engagement-score is 0',
    facts: { 'customer-engagement-score': 0 },
  },
  input: {},
};

interface Received {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

describe('webhook', () => {
  let received: Received[] = [];
  let answer: (response: ServerResponse) => void;
  let base = '';
  const server = createServer((request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url: path, headers } = request;
      const body = Buffer.concat(chunks).toString();
      received.push({ method, path, headers: headers as Record<string, string>, body });
      answer(response);
    });
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));
  beforeEach(() => {
    received = [];
    answer = (response) => response.writeHead(204).end();
  });

  const send: ActionContext<unknown>['http']['fetch'] = async (url, request): Promise<HttpResponse> => {
    const response = await fetch(url, { ...request, redirect: 'manual' });
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
  };
  const deliver = (given: Partial<typeof delivery> = {}, config = {}, now = Date.now()) =>
    webhook.deliver(
      { ...delivery, ...given },
      {
        config: { url: `${base}/hook?team=cs`, secret, headers: {}, ...config },
        now: () => now,
        http: { fetch: send },
        sign,
        signal: new AbortController().signal,
      },
    );
  const only = (): Received => {
    expect(received).toHaveLength(1);
    return received[0] as Received;
  };
  const answering = (status: number, headers: Record<string, string> = {}, body = '') => {
    answer = (response) => response.writeHead(status, headers).end(body);
  };

  it('posts one JSON message: type, timestamp and data', async () => {
    expect(await deliver({ input: { type: 'usage.stopped', message: 'Call them.' } })).toEqual({
      delivered: true,
      detail: 'HTTP 204',
    });
    const { method, path, headers, body } = only();
    expect({ method, path, type: headers['content-type'] }).toEqual({
      method: 'POST',
      path: '/hook?team=cs',
      type: 'application/json',
    });
    const { playbook, step, subject, transition } = delivery;
    expect(JSON.parse(body)).toEqual({
      type: 'usage.stopped',
      timestamp: '2026-03-01T00:00:00.000Z',
      data: { playbook, step, subject, transition, message: 'Call them.' },
    });
  });

  it.each(['enter', 'exit'] as const)('names the change when the step gives no type: %s', async (change) => {
    await deliver({ transition: { ...delivery.transition, change } });
    expect(JSON.parse(only().body)).toMatchObject({ type: `segment.${change}` });
  });

  describe('is signed so that', () => {
    it('the verifier of Standard Webhooks accepts it', async () => {
      await deliver();
      const { headers, body } = only();
      expect(new Webhook(secret).verify(body, headers)).toMatchObject({ type: 'segment.enter' });
    });

    it('the signature is HMAC-SHA256 over id, timestamp and body', async () => {
      const now = Date.UTC(2026, 2, 1, 6, 0, 0, 999);
      await deliver({}, {}, now);
      const { headers, body } = only();
      expect(headers['webhook-id']).toBe(delivery.key);
      expect(headers['webhook-timestamp']).toBe(String(Date.UTC(2026, 2, 1, 6) / 1000));
      const signed = `${delivery.key}.${Date.UTC(2026, 2, 1, 6) / 1000}.${body}`;
      expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
    });

    it.each([
      ['another body', (it: Received) => ({ ...it, body: it.body.replace('usage-alarm', 'usage-alarn') })],
      ['another id', (it: Received) => ({ ...it, headers: { ...it.headers, 'webhook-id': 'other' } })],
      [
        'an old timestamp',
        (it: Received) => ({ ...it, headers: { ...it.headers, 'webhook-timestamp': '1700000000' } }),
      ],
    ])('the verifier refuses %s', async (_, change) => {
      await deliver();
      const { headers, body } = change(only());
      expect(() => new Webhook(secret).verify(body, headers)).toThrow(WebhookVerificationError);
    });

    it('another key does not verify', async () => {
      await deliver();
      const other = new Webhook(`whsec_${Buffer.from('another key of 32 bytes, padded!').toString('base64')}`);
      expect(() => other.verify(only().body, only().headers)).toThrow(WebhookVerificationError);
    });

    it('a secret without the prefix is the same secret', async () => {
      await deliver({}, { secret: key.toString('base64') });
      expect(() => new Webhook(secret).verify(only().body, only().headers)).not.toThrow();
    });
  });

  it('says the same on every attempt, so that the receiver can drop repeats', async () => {
    answering(500);
    await deliver({ attempt: 1 }, {}, Date.UTC(2026, 2, 1, 6));
    await deliver({ attempt: 2 }, {}, Date.UTC(2026, 2, 1, 7));
    const [first, second] = received;
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(second?.body).toBe(first?.body);
    expect(second?.headers['webhook-timestamp']).not.toBe(first?.headers['webhook-timestamp']);
  });

  it.each(['usage-alarm@1.0.0:acme', '株式会社', 'a'.repeat(300), 'line\nbreak'])(
    'sends a key that no header or signature can hold as its hash: %j',
    async (unfit) => {
      await deliver({ key: unfit });
      await deliver({ key: unfit, attempt: 2 });
      const [first, second] = received;
      expect(first?.headers['webhook-id']).toMatch(/^msg_[0-9a-f]{64}$/);
      expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
      expect(() => new Webhook(secret).verify(first?.body ?? '', first?.headers ?? {})).not.toThrow();
    },
  );

  it('adds the configured headers, which cannot replace its own', async () => {
    await deliver(
      {},
      { headers: { Authorization: 'Bearer abc', 'Webhook-Id': 'forged', 'Content-Type': 'text/plain' } },
    );
    expect(only().headers).toMatchObject({
      authorization: 'Bearer abc',
      'webhook-id': delivery.key,
      'content-type': 'application/json',
    });
  });

  describe('takes an answer of', () => {
    it.each([200, 201, 202, 204])('%d as delivered', async (status) => {
      answering(status);
      expect(await deliver()).toEqual({ delivered: true, detail: `HTTP ${status}` });
    });

    it.each([408, 425, 429, 500, 502, 503, 504])('%d as worth another attempt', async (status) => {
      answering(status, {}, 'come back later');
      expect(await deliver()).toEqual({ delivered: false, retry: true, reason: `HTTP ${status}: come back later` });
    });

    it.each([400, 401, 403, 404, 410, 413, 422])('%d as one for a person to look at', async (status) => {
      answering(status);
      expect(await deliver()).toMatchObject({ delivered: false, retry: false });
    });

    it('410 as “no more of these”, and says what to do', async () => {
      answering(410);
      expect(await deliver()).toMatchObject({
        retry: false,
        reason: expect.stringContaining('disable the playbook') as string,
      });
    });

    it('302 as a wrong address, and does not follow it', async () => {
      answering(302, { location: `${base}/elsewhere` });
      expect(await deliver()).toMatchObject({
        retry: false,
        reason: expect.stringContaining('final address') as string,
      });
      expect(only().path).toBe('/hook?team=cs');
    });

    it('a page with at most 200 characters of it', async () => {
      answering(500, {}, `<html>${'x'.repeat(5000)}`);
      expect(((await deliver()) as { reason: string }).reason).toHaveLength('HTTP 500: '.length + 200);
    });
  });

  describe('waits as told by Retry-After', () => {
    const now = Date.UTC(2026, 2, 1, 6);
    it.each([
      [429, '120', 120_000],
      [503, '0', 0],
      [503, 'Sun, 01 Mar 2026 06:05:00 GMT', 300_000],
      [503, 'Sun, 01 Mar 2026 05:00:00 GMT', 0],
    ])('%d with %j', async (status, value, retryAfterMs) => {
      answering(status, { 'retry-after': value });
      expect(await deliver({}, {}, now)).toMatchObject({ delivered: false, retry: true, retryAfterMs });
    });

    it.each(['soon', '-5', ''])('but not by %j', async (value) => {
      answering(503, { 'retry-after': value });
      expect(await deliver({}, {}, now)).not.toHaveProperty('retryAfterMs');
    });

    it('and not where there is no other attempt', async () => {
      answering(400, { 'retry-after': '120' });
      expect(await deliver({}, {}, now)).not.toHaveProperty('retryAfterMs');
    });
  });

  it('tries again when nobody answers, or the line breaks', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    expect(await deliver({}, { url: `http://127.0.0.1:${port}/` })).toMatchObject({ delivered: false, retry: true });
    answer = (response) => response.destroy();
    expect(await deliver()).toMatchObject({ delivered: false, retry: true });
  });

  it.each(['RAPPORT_HTTP_PRIVATE_ADDRESS', 'RAPPORT_HTTP_URL', 'RAPPORT_HTTP_REQUEST'])(
    'does not try again after %s, which another attempt would repeat',
    async (code) => {
      const refuse = () => Promise.reject(new Error(`${code}: this address may not be called.`));
      const config = { url: 'http://10.0.0.1/', secret, headers: {} };
      const { signal } = new AbortController();
      const outcome = await webhook.deliver(delivery, { config, now: () => 0, http: { fetch: refuse }, sign, signal });
      expect(outcome).toEqual({ delivered: false, retry: false, reason: `${code}: this address may not be called.` });
    },
  );

  it('marks what must never be shown', () => {
    expect(webhook.config.properties.secret).toMatchObject({ secret: true });
    expect(webhook.config.properties.headers).toMatchObject({ secret: true });
  });
});
