import { Router } from 'express';
import { cohorts, compareCohorts, type CohortBy, type CohortTable, type Engine } from '@rapport/engine';
import { answerOfRun, runOfComputed } from './fresh.js';
import { computeSince, type Computed, type Latest } from './latest.js';
import { failure } from '@rapport/errors';
import { onlyMethods } from './problem.js';
import { onlyParameters, refuse, text, whole } from './query.js';

/** Tables that are held for the latest run. */
const HELD = 16;

/** `GET /v1/cohorts?metric=`: a metric by month of life, as of the latest run. A table takes one evaluation per day on which somebody signed up, so it is made once per run. */
export function cohortRoutes(engine: Engine, latestOf: () => Promise<Latest | null>): Router {
  const router = Router();
  let held: { readonly of: Latest | null; readonly tables: Map<string, Promise<Computed<CohortTable>>> } = {
    of: null,
    tables: new Map(),
  };
  router
    .route('/')
    .get(async (request, response) => {
      onlyParameters(request, 'metric', 'by', 'ages', 'kind', 'since', 'compare');
      const metric = text(request, 'metric');
      if (metric === null) throw refuse('metric', 'must name a metric');
      const by = cohortBy(text(request, 'by') ?? 'month');
      const ages = whole(request, 'ages', 1, 120) ?? 6;
      const kind = text(request, 'kind') ?? 'account';
      if (kind !== 'account' && kind !== 'user') throw refuse('kind', 'must be account or user');
      const since = text(request, 'since');
      const pair = text(request, 'compare')?.split(',') ?? null;
      const [first, second] = pair ?? [];
      if (pair && (pair.length !== 2 || first === undefined || second === undefined))
        throw refuse('compare', 'must be two cohorts, as in 2024-Q3,2024-Q4');
      await answerOfRun(request, response, latestOf, async (latest) => {
        if (latest === null) throw failure('RAPPORT_HTTP_NO_RUN', {});
        if (held.of !== latest) held = { of: latest, tables: new Map() };
        const { tables } = held;
        const key = JSON.stringify([metric, by, ages, kind, since, pair]);
        let table = tables.get(key);
        if (!table) {
          table = computeSince(engine, latest.run, () =>
            cohorts(engine, {
              metric,
              kind,
              by,
              ages,
              asOf: latest.run.asOf,
              ...(since === null ? {} : { since }),
              ...(pair ? { cohorts: pair } : {}),
            }),
          );
          if (tables.size >= HELD) tables.delete(tables.keys().next().value ?? '');
          tables.set(key, table);
          table.catch(() => tables.delete(key));
        }
        const { value: found, isOfRun } = await table;
        return {
          ...runOfComputed(latest, isOfRun),
          ...found,
          ...(first === undefined || second === undefined ? {} : { comparison: compareCohorts(found, first, second) }),
        };
      });
    })
    .all(onlyMethods('GET'));
  return router;
}

function cohortBy(given: string): CohortBy {
  if (given === 'week' || given === 'month' || given === 'quarter') return given;
  const trait = /^trait:(.+)$/s.exec(given)?.[1];
  if (trait === undefined) throw refuse('by', 'must be week, month, quarter, or trait:<name>, as in trait:plan');
  return { trait };
}
