import { Router } from 'express';
import { trend, type Engine } from '@rapport/engine';
import { zone as zoneOf } from '@rapport/sdk/time';
import type { Latest } from './latest.js';
import { RapportError } from '@rapport/errors';
import { onlyMethods } from './problem.js';
import { day, onlyParameters, refuse, text } from './query.js';

const DEFAULT_DAYS = 90;
const KINDS = ['account', 'user', 'family'] as const;

/** `GET /v1/metrics/:id/trend`: a metric's daily history, of the portfolio or of one subject. */
export function trendRoutes(engine: Engine, latestOf: () => Promise<Latest | null>): Router {
  const router = Router();
  router
    .route('/:id/trend')
    .get(async (request, response) => {
      onlyParameters(request, ...KINDS, 'from', 'to');
      const [subject = { kind: 'portfolio' as const, id: '' }, another] = KINDS.flatMap((kind) => {
        const id = text(request, kind);
        return id === null ? [] : [{ kind, id }];
      });
      if (another) throw refuse(another.kind, `and "${subject.kind}" exclude each other; name one`);
      const to = day(request, 'to') ?? (await lastDay());
      const from = day(request, 'from') ?? to - DEFAULT_DAYS + 1;
      response.setHeader('Cache-Control', 'private, no-cache');
      response.json(await trend(engine, { metric: request.params.id, ...subject, from, to }));
    })
    .all(onlyMethods('GET'));
  return router;

  /** The day of the latest run. */
  async function lastDay(): Promise<number> {
    const latest = await latestOf();
    if (latest === null)
      throw new RapportError(
        'RAPPORT_HTTP_NO_RUN',
        'nothing has been evaluated yet; run "rapport evaluate", or name the days with "from" and "to"',
      );
    return zoneOf(engine.store.zone).dayOf(latest.run.asOf - 1);
  }
}
