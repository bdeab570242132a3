import { createHash } from 'node:crypto';
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

/**
 * Answers with what `body` makes of the latest run. Where a newer run is committed, or somebody erased, while the answer is put together, it is made again, so
 * that all of it is of one run. Its tag names the run and the very bytes: two answers that differ in anything have different tags.
 */
export async function answerOfRun(
  request: Request,
  response: Response,
  latestOf: () => Promise<Latest | null>,
  body: (latest: Latest | null) => unknown,
): Promise<void> {
  let latest = await latestOf();
  for (;;) {
    const text = JSON.stringify(await body(latest));
    const after = await latestOf();
    if (after === latest) {
      const digest = createHash('sha256').update(text).digest('base64url').slice(0, 22);
      if (!isKnown(request, response, `"run-${latest?.run.number ?? 0}-${digest}"`)) response.type('json').send(text);
      return;
    }
    latest = after;
  }
}

/** Which run an answer shows. */
export const runOf = (latest: Latest | null) =>
  latest === null
    ? { run: null, asOf: null }
    : { run: latest.run.number, asOf: new Date(latest.run.asOf).toISOString() };

/** Which run an answer shows that was computed after it: `run` is null where the numbers are not of what the run saw, although as of its instant. */
export const runOfComputed = (latest: Latest, isOfRun: boolean) => ({
  ...runOf(latest),
  ...(isOfRun ? {} : { run: null }),
  latestRun: latest.run.number,
});
