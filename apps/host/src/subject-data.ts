import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Router, type RequestHandler } from 'express';
import type { Engine, HeldOfSubject } from '@rapport/engine';
import { onlyMethods } from './problem.js';
import { onlyParameters } from './query.js';

type Kind = 'account' | 'user';
const idOf = (params: Readonly<Record<string, string | string[]>>) => String(params['id']);

/** `DELETE /v1/accounts/:id`, `/v1/users/:id`: forgets the subject, and says how much went, by kind. A subject that is not there is no error. */
export const erase =
  (engine: Engine, kind: Kind): RequestHandler =>
  async (request, response) => {
    onlyParameters(request);
    const id = idOf(request.params);
    response.json({ kind, id, erased: await engine.erase({ kind, id }) });
  };

/** `GET /v1/accounts/:id/export`, `/v1/users/:id/export`: all that is held of the subject, as NDJSON. */
export const exportData =
  (engine: Engine, kind: Kind): RequestHandler =>
  async (request, response) => {
    onlyParameters(request);
    response.setHeader('Cache-Control', 'private, no-store');
    response.type('application/x-ndjson');
    await pipeline(Readable.from(lines(engine.dataOf({ kind, id: idOf(request.params) }))), response);
  };

async function* lines(items: AsyncIterable<HeldOfSubject>) {
  for await (const item of items) yield `${JSON.stringify(item)}\n`;
}

/** `DELETE /v1/users/:id` and `GET /v1/users/:id/export`. */
export function userRoutes(engine: Engine): Router {
  const router = Router();
  router.route('/:id').delete(erase(engine, 'user')).all(onlyMethods('DELETE'));
  router.route('/:id/export').get(exportData(engine, 'user')).all(onlyMethods('GET'));
  return router;
}
