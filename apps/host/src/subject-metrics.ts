import { Router } from 'express';
import { attribute, evidence, type AttributionMoment, type Engine } from '@rapport/engine';
import { zone as zoneOf } from '@rapport/sdk/time';
import type { Latest } from './latest.js';
import { RapportError } from '@rapport/errors';
import { onlyMethods } from './problem.js';
import { instant, limit, moment, onlyParameters } from './query.js';

const DEFAULT_DAYS = 30;

/**
 * What is behind one metric of one subject: `GET …/:metric/evidence` (comments) and `GET …/:metric/attribution` (why it changed). Both look at the events that are known
 * now, so they carry no tag of a run.
 */
export function subjectMetricRoutes(
  engine: Engine,
  latestOf: () => Promise<Latest | null>,
  kind: 'account' | 'user' | 'portfolio',
): Router {
  const router = Router({ mergeParams: true });
  const zone = zoneOf(engine.store.zone);
  const idOf = (params: Readonly<Record<string, string | undefined>>) =>
    kind === 'portfolio' ? '' : (params['id'] ?? '');
  const latestRun = async () => {
    const latest = await latestOf();
    if (latest === null)
      throw new RapportError(
        'RAPPORT_HTTP_NO_RUN',
        'nothing has been evaluated yet; run "rapport evaluate", or name the instants',
      );
    return latest.run;
  };

  router
    .route('/:metric/evidence')
    .get(async (request, response) => {
      onlyParameters(request, 'asOf', 'limit');
      const asOf = instant(request, 'asOf', zone) ?? (await latestRun()).asOf;
      response.setHeader('Cache-Control', 'private, no-cache');
      response.json(
        await evidence(engine, {
          metric: request.params.metric,
          kind,
          id: idOf(request.params),
          asOf,
          limit: limit(request),
        }),
      );
    })
    .all(onlyMethods('GET'));

  router
    .route('/:metric/attribution')
    .get(async (request, response) => {
      onlyParameters(request, 'from', 'to');
      const to: AttributionMoment = moment(request, 'to', zone) ?? { run: (await latestRun()).number };
      const from = moment(request, 'from', zone) ?? (await daysBefore(to));
      response.setHeader('Cache-Control', 'private, no-cache');
      response.json(
        await attribute(engine, { metric: request.params.metric, kind, id: idOf(request.params), from, to }),
      );
    })
    .all(onlyMethods('GET'));
  return router;

  async function daysBefore(to: AttributionMoment): Promise<number> {
    const run = typeof to === 'number' ? null : await latestRun();
    if (run && typeof to !== 'number' && to.run !== run.number)
      throw new RapportError('RAPPORT_HTTP_QUERY', `"from" is needed where "to" is not the latest run`);
    const end = typeof to === 'number' ? to : (run?.asOf ?? 0);
    return zone.startOfDay(zone.dayOf(end - 1) + 1 - DEFAULT_DAYS);
  }
}
