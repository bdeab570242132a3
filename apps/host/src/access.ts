import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { RequestHandler } from 'express';
import { failure } from '@rapport/errors';

/** Whether an address to listen on, or the host of a URL, stays on this machine. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  return isIP(name) === 4 ? name.startsWith('127.') : name === '::1' || name.startsWith('::ffff:127.');
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** The key a request brings: a bearer token, or, as Segment's libraries send it, the user name of basic authentication. */
function presentedKey(authorization: string | undefined): string | null {
  const [, scheme, credentials] = /^(\S+) +(\S+) *$/.exec(authorization ?? '') ?? [];
  if (credentials === undefined) return null;
  if (scheme?.toLowerCase() === 'bearer') return credentials;
  if (scheme?.toLowerCase() !== 'basic') return null;
  const pair = Buffer.from(credentials, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon < 0 ? pair : pair.slice(0, colon);
}

/**
 * With a key: asks for it (`RAPPORT_HTTP_UNAUTHORIZED`). Without one the API is for this machine only, so a request that came under another host's
 * name (a web page that has rebound its DNS name to loopback) is turned away (`RAPPORT_HTTP_HOST`).
 */
export function access(apiKey: string | undefined): RequestHandler {
  if (apiKey === undefined) {
    return (request, _response, next) => {
      if (!isLoopback(request.hostname)) {
        throw failure('RAPPORT_HTTP_HOST', {});
      }
      next();
    };
  }
  const expected = digest(apiKey);
  return (request, response, next) => {
    const key = presentedKey(request.headers.authorization);
    if (key === null || !timingSafeEqual(digest(key), expected)) {
      response.setHeader('WWW-Authenticate', 'Bearer realm="rapport", Basic realm="rapport"');
      throw failure('RAPPORT_HTTP_UNAUTHORIZED', {});
    }
    next();
  };
}
