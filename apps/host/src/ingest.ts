import { json, Router } from 'express';
import type { Engine } from '@rapport/engine';
import { failure, RapportError } from '@rapport/errors';
import { onlyMethods } from './problem.js';
import { onlyParameters } from './query.js';

/** Largest body of a batch, after decompression. */
export const BODY_LIMIT = '5mb';
const MOST_CALLS = 10_000;

/** `POST /v1/batch`: calls in the Segment spec's shapes. Answered once everything accepted is on disk. */
export function ingestRoutes(engine: Engine): Router {
  const router = Router();
  router
    .route('/')
    .post(json({ limit: BODY_LIMIT, type: ['application/json', 'application/*+json'] }), async (request, response) => {
      onlyParameters(request);
      const body: unknown = request.body;
      if (body === undefined) {
        throw failure('RAPPORT_HTTP_CONTENT_TYPE', {});
      }
      if (typeof body !== 'object' || body === null || Array.isArray(body)) {
        throw new RapportError('RAPPORT_HTTP_BATCH', 'the body must be an object: {"batch": [ … ]}', { pointer: '' });
      }
      const batch: unknown = 'batch' in body ? body.batch : undefined;
      if (!Array.isArray(batch)) {
        throw new RapportError('RAPPORT_HTTP_BATCH', '"batch" must be a list of calls: {"batch": [ … ]}', {
          pointer: '/batch',
        });
      }
      if (batch.length > MOST_CALLS) {
        throw new RapportError(
          'RAPPORT_HTTP_TOO_LARGE',
          `"batch" holds ${batch.length} calls; send at most ${MOST_CALLS} at a time`,
          { pointer: '/batch' },
        );
      }
      const { accepted, duplicates, refused, unreadable } = await engine.ingest(batch);
      response.json({
        accepted,
        duplicates,
        refused: refused.map((refusal) => ({ ...refusal, pointer: `/batch/${refusal.index}${refusal.pointer}` })),
        unreadable,
      });
    })
    .all(onlyMethods('POST'));
  return router;
}
