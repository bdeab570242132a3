import { Router } from 'express';
import { goalsFor, type Engine } from '@rapport/engine';
import { isFresh, runOf } from './fresh.js';
import { metricIds, rowOf, type Latest } from './latest.js';
import { RapportError } from '@rapport/errors';
import { onlyMethods } from './problem.js';
import { onlyParameters, text } from './query.js';

/** `GET /v1/portfolio`, with `?by=<account trait>` broken down. */
export function portfolioRoutes(engine: Engine, latestOf: () => Promise<Latest | null>): Router {
  const router = Router();
  router
    .route('/')
    .get(async (request, response) => {
      onlyParameters(request, 'by');
      const by = text(request, 'by');
      const latest = await latestOf();
      if (isFresh(request, response, latest)) return;
      if (latest === null)
        throw new RapportError('RAPPORT_HTTP_NO_RUN', 'nothing has been evaluated yet; run "rapport evaluate"');
      if (by === null) {
        const report = await engine.subject('portfolio', '');
        if (report === null)
          throw new RapportError('RAPPORT_HTTP_NO_RUN', `run ${latest.run.number} did not evaluate the portfolio`);
        response.json({
          ...report,
          goals: goalsFor(engine, { kind: 'portfolio', id: '', asOf: latest.run.asOf, metrics: report.metrics }),
        });
        return;
      }
      const names = await accountTraits(engine);
      if (!names.includes(by)) {
        throw new RapportError(
          'RAPPORT_HTTP_QUERY',
          `"by" names no account trait: ${by.slice(0, 200)}; there are ${names.slice(0, 50).join(', ')}`,
        );
      }
      const frame = await latest.frame({ kind: 'portfolio', by });
      const metrics = metricIds(engine);
      response.json({
        ...runOf(latest),
        by,
        groups: (frame?.subjects ?? []).map((group, row) => ({
          group,
          ...(frame === null ? {} : rowOf(frame, metrics, row)),
        })),
      });
    })
    .all(onlyMethods('GET'));
  return router;
}

async function accountTraits(engine: Engine): Promise<readonly string[]> {
  const snapshot = await engine.store.snapshot();
  try {
    return await snapshot.traitNames('account');
  } finally {
    await snapshot.close();
  }
}
