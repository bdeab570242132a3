import { Router } from 'express';
import { goalsFor, type Engine } from '@rapport/engine';
import { answerOfRun, runOfComputed } from './fresh.js';
import { metricIds, rowOf, type Latest } from './latest.js';
import { failure, RapportError } from '@rapport/errors';
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
      await answerOfRun(request, response, latestOf, async (latest) => {
        if (latest === null) throw failure('RAPPORT_HTTP_NO_RUN', {});
        return by === null ? whole(latest) : brokenDown(latest, by);
      });
    })
    .all(onlyMethods('GET'));
  return router;

  async function whole(latest: Latest) {
    const report = await engine.subject('portfolio', '');
    if (report === null)
      throw new RapportError('RAPPORT_HTTP_NO_RUN', `run ${latest.run.number} did not evaluate the portfolio`);
    const goals = goalsFor(engine, { kind: 'portfolio', id: '', asOf: latest.run.asOf, metrics: report.metrics });
    return { ...report, goals };
  }

  async function brokenDown(latest: Latest, by: string) {
    const names = await accountTraits(engine);
    if (!names.includes(by)) {
      throw new RapportError(
        'RAPPORT_HTTP_QUERY',
        `"by" names no account trait: ${by.slice(0, 200)}; there are ${names.slice(0, 50).join(', ')}`,
      );
    }
    const { value: frame, isOfRun } = await latest.breakdown(by);
    const metrics = metricIds(engine);
    return {
      ...runOfComputed(latest, isOfRun),
      by,
      groups: (frame?.subjects ?? []).map((group, row) => ({
        group,
        ...(frame === null ? {} : rowOf(frame, metrics, row)),
      })),
    };
  }
}

async function accountTraits(engine: Engine): Promise<readonly string[]> {
  const snapshot = await engine.store.snapshot();
  try {
    return await snapshot.traitNames('account');
  } finally {
    await snapshot.close();
  }
}
