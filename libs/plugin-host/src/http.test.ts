import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fetchFor } from './http.js';

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { method, headers } = request;
    const body = Buffer.concat(chunks).toString();
    response.end(JSON.stringify({ method, body, type: headers['content-type'], length: headers['content-length'] }));
  });
});
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const options = () => ({ allowPrivateAddresses: true, signal: new AbortController().signal });
const received = async (request: Parameters<typeof fetchFor>[1]) =>
  JSON.parse((await fetchFor(url, request, options())).body) as object;

it('sends what it is given with the method that it is given, GET by default', async () => {
  expect(await received({})).toEqual({ method: 'GET', body: '' });
  const headers = { 'content-type': 'text/plain' };
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const)
    expect(await received({ method, headers, body: 'zwölf' })).toEqual({
      method,
      body: 'zwölf',
      type: 'text/plain',
      length: '6',
    });
});

it('refuses a GET with a body, and private addresses unless they are allowed', async () => {
  await expect(fetchFor(url, { body: 'x' }, options())).rejects.toThrow('RAPPORT_HTTP_REQUEST');
  await expect(fetchFor(url, {}, { ...options(), allowPrivateAddresses: false })).rejects.toThrow(
    'RAPPORT_HTTP_PRIVATE_ADDRESS',
  );
});

it('refuses 0.0.0.0 and [::], which lead to this machine, too', async () => {
  for (const address of ['http://0.0.0.0:1/', 'http://[::]:1/'])
    await expect(fetchFor(address, {}, { ...options(), allowPrivateAddresses: false })).rejects.toThrow(
      'RAPPORT_HTTP_PRIVATE_ADDRESS',
    );
});
