import { Router } from 'express';
import { goalsReport, type Engine } from '@rapport/engine';
import { answerOfRun } from './fresh.js';
import type { Latest } from './latest.js';
import { failure } from '@rapport/errors';
import { onlyMethods } from './problem.js';
import { onlyParameters } from './query.js';

/** `GET /v1/goals`: how far the goals of `rapport.json` are, by the latest run. */
export function goalRoutes(engine: Engine, latestOf: () => Promise<Latest | null>): Router {
  const router = Router();
  router
    .route('/')
    .get(async (request, response) => {
      onlyParameters(request);
      await answerOfRun(request, response, latestOf, async () => {
        const report = await goalsReport(engine);
        if (report === null) throw failure('RAPPORT_HTTP_NO_RUN', {});
        return report;
      });
    })
    .all(onlyMethods('GET'));
  return router;
}
