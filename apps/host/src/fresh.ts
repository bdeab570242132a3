import type { Request, Response } from 'express';
import type { Latest } from './latest.js';

/** Tags an answer with the run it shows. True when the caller has it already and has been told so (304). */
export function isFresh(request: Request, response: Response, latest: Latest | null): boolean {
  response.setHeader('Cache-Control', 'private, no-cache');
  response.setHeader(
    'ETag',
    latest === null ? '"run-0"' : `"run-${latest.run.number}-${latest.run.committedAt.toString(36)}"`,
  );
  if (!request.fresh) return false;
  response.status(304).end();
  return true;
}

/** Which run an answer shows. */
export const runOf = (latest: Latest | null) =>
  latest === null
    ? { run: null, asOf: null }
    : { run: latest.run.number, asOf: new Date(latest.run.asOf).toISOString() };
