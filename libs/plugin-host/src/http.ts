import http from 'node:http';
import https from 'node:https';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';
import type { HttpRequest, HttpResponse } from '@rapport/sdk';
import { EngineError, messageOf } from './error.js';

const LONGEST_RESPONSE = 65_536;
const LONGEST_REQUEST = 1_048_576;

/**
 * A request over HTTP or HTTPS. Follows no redirect; keeps at most 64 KiB of the response; refuses private, loopback, link-local and other
 * addresses that are not public, also when a public name resolves to one, unless `allowPrivateAddresses`.
 *
 * Throws `RAPPORT_HTTP_URL`, `RAPPORT_HTTP_PRIVATE_ADDRESS`, `RAPPORT_HTTP_REQUEST`, `RAPPORT_HTTP_ABORTED`, `RAPPORT_HTTP_FAILED`. The URL's path and query,
 * which may hold a secret, are not in the message.
 */
export function fetchFor(
  url: string,
  { method = 'GET', headers: given, body: text = '' }: HttpRequest,
  options: { readonly allowPrivateAddresses: boolean; readonly signal: AbortSignal },
): Promise<HttpResponse> {
  let target: URL;
  try {
    target = new URL(url);
  } catch {
    return Promise.reject(
      new EngineError('RAPPORT_HTTP_URL', 'the address is not a URL. Write one that begins with https://.'),
    );
  }
  const secure = target.protocol === 'https:';
  if (!secure && target.protocol !== 'http:')
    return Promise.reject(
      new EngineError(
        'RAPPORT_HTTP_URL',
        `"${target.protocol}" is not supported. Write a URL that begins with https://.`,
      ),
    );
  if (method === 'GET' && text !== '')
    return Promise.reject(
      new EngineError('RAPPORT_HTTP_REQUEST', 'a GET has no body. Name another method, such as "POST".'),
    );
  if (text.length > LONGEST_REQUEST)
    return Promise.reject(new EngineError('RAPPORT_HTTP_REQUEST', 'the body is longer than 1 MiB. Send less.'));
  const filter = {
    allowPrivateIPAddress: options.allowPrivateAddresses,
    allowMetaIPAddress: options.allowPrivateAddresses,
  };
  const agent = secure ? new RequestFilteringHttpsAgent(filter) : new RequestFilteringHttpAgent(filter);
  const body = Buffer.from(text);
  return new Promise<HttpResponse>((resolve, reject) => {
    const fail = (error: unknown) => {
      const message = messageOf(error);
      if (options.signal.aborted)
        reject(new EngineError('RAPPORT_HTTP_ABORTED', `${target.host} did not answer in time.`));
      else if (/is not allowed|private|metadata/i.test(message) && /IP|address/i.test(message)) {
        reject(
          new EngineError(
            'RAPPORT_HTTP_PRIVATE_ADDRESS',
            `${target.host} is not a public address. Set network.allowPrivateAddresses in rapport.json if it is meant.`,
          ),
        );
      } else reject(new EngineError('RAPPORT_HTTP_FAILED', `the request to ${target.host} failed (${message}).`));
    };
    try {
      const send = secure ? https.request : http.request;
      const outgoing = send(
        target,
        {
          method,
          agent,
          signal: options.signal,
          headers: { ...given, ...(method === 'GET' ? {} : { 'content-length': String(body.byteLength) }) },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          const done = () => {
            const headers = Object.fromEntries(
              Object.entries(response.headers).map(([name, value]) => [
                name,
                Array.isArray(value) ? value.join(', ') : (value ?? ''),
              ]),
            );
            resolve({
              status: response.statusCode ?? 0,
              headers,
              body: Buffer.concat(chunks).subarray(0, LONGEST_RESPONSE).toString('utf8'),
            });
          };
          response.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            size += chunk.byteLength;
            if (size < LONGEST_RESPONSE) return;
            done();
            response.destroy();
          });
          response.on('end', done);
          response.on('error', fail);
        },
      );
      outgoing.on('error', fail);
      outgoing.end(body);
    } catch (error) {
      fail(error);
    }
  }).finally(() => {
    agent.destroy();
  });
}
