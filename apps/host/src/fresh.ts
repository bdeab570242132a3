import type { Request, Response } from 'express';
import type { Latest } from './latest.js';

/** Tags an answer. True when the caller has it already and has been told so (304). */
export function isKnown(request: Request, response: Response, etag: string): boolean {
  response.setHeader('Cache-Control', 'private, no-cache');
  response.setHeader('ETag', etag);
  // Not Express's `request.fresh`: fetch adds "Cache-Control: no-cache" to a conditional request, which that takes for a wish to have it all again.
  const known = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  if (!known.includes(etag)) return false;
  response.status(304).end();
  return true;
}

/** Tags an answer with the run it shows. True when the caller has it already and has been told so (304). */
export const isFresh = (request: Request, response: Response, latest: Latest | null): boolean =>
  isKnown(
    request,
    response,
    latest === null ? '"run-0"' : `"run-${latest.run.number}-${latest.run.committedAt.toString(36)}"`,
  );

/** Which run an answer shows. */
export const runOf = (latest: Latest | null) =>
  latest === null
    ? { run: null, asOf: null }
    : { run: latest.run.number, asOf: new Date(latest.run.asOf).toISOString() };
