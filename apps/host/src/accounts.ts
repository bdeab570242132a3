import { Router } from 'express';
import { goalsFor, type Engine } from '@rapport/engine';
import { answerOfRun, runOf } from './fresh.js';
import { metricIds, rowOf, type Latest } from './latest.js';
import { failure, RapportError } from '@rapport/errors';
import { onlyMethods } from './problem.js';
import { cursor, cursorAfter, limit, onlyParameters, text } from './query.js';
import { segmentKeys } from './segments.js';
import { erase, exportData } from './subject-data.js';

/** `GET /v1/accounts`, `GET` and `DELETE /v1/accounts/:id`. */
export function accountRoutes(engine: Engine, latestOf: () => Promise<Latest | null>): Router {
  const router = Router();
  router
    .route('/')
    .get(async (request, response) => {
      onlyParameters(request, 'limit', 'cursor', 'sort', 'segment');
      const [size, sort, segment] = [limit(request), text(request, 'sort'), text(request, 'segment')];
      const descending = sort?.startsWith('-') ?? false;
      const by = sort === null ? null : descending ? sort.slice(1) : sort;
      const metric = by === 'id' ? null : by;
      const metrics = metricIds(engine);
      if (metric !== null && !metrics.includes(metric)) {
        throw new RapportError(
          'RAPPORT_HTTP_QUERY',
          `"sort" names no loaded metric: ${metric}; there are id, ${metrics.join(', ')} (a "-" before it sorts down)`,
        );
      }
      if (segment !== null && !segmentKeys(engine).includes(segment)) {
        throw new RapportError(
          'RAPPORT_HTTP_QUERY',
          `"segment" names no loaded segment: ${segment}; GET /v1/segments lists them`,
        );
      }
      const listing = `${sort ?? 'id'}/${segment ?? ''}`;
      const after = cursor(request, listing, 2);
      await answerOfRun(request, response, latestOf, async (latest) => {
        const frame = (await latest?.frame({ kind: 'account' })) ?? null;
        const order = (await latest?.accountOrder(metric, descending)) ?? null;
        if (latest === null || frame === null || order === null) {
          return { ...runOf(latest), total: 0, items: [], next: null };
        }
        const column = metric === null ? undefined : frame.columns[metric];
        const valueAt = (row: number) =>
          column?.type === 'number' && column.valid[row] ? (column.values[row] ?? null) : null;
        const members =
          segment === null
            ? null
            : new Set((await engine.store.memberships({ segment })).map(({ subject }) => subject));
        const rows = members === null ? order : order.filter((row) => members.has(frame.subjects[row] ?? ''));
        let from = 0;
        if (after) {
          const [value = null, id = null] = after;
          const sign = descending ? -1 : 1;
          // First row behind the key; the key itself may be gone by now.
          from = rows.findIndex((row) => {
            const [here, subject] = [valueAt(row), frame.subjects[row] ?? ''];
            if (metric === null) return descending ? subject < String(id) : subject > String(id);
            if (here === null || value === null) return here === null && (value !== null || subject > String(id));
            return here === value ? subject > String(id) : sign * (here - Number(value)) > 0;
          });
          if (from < 0) from = rows.length;
        }
        const page = rows.subarray(from, from + size);
        const last = page.at(-1);
        return {
          ...runOf(latest),
          total: rows.length,
          items: Array.from(page, (row) => ({ id: frame.subjects[row] ?? '', ...rowOf(frame, metrics, row) })),
          next:
            last === undefined || from + size >= rows.length
              ? null
              : cursorAfter(listing, [valueAt(last), frame.subjects[last] ?? '']),
        };
      });
    })
    .all(onlyMethods('GET'));
  router
    .route('/:id')
    .get(async (request, response) => {
      onlyParameters(request);
      await answerOfRun(request, response, latestOf, async (latest) => {
        const { id } = request.params;
        if (latest === null) throw failure('RAPPORT_HTTP_NO_RUN', {});
        const report = await engine.subject('account', id);
        if (report === null) {
          throw new RapportError(
            'RAPPORT_HTTP_UNKNOWN_ACCOUNT',
            `run ${latest.run.number} knows no account "${id.slice(0, 200)}"; GET /v1/accounts lists them`,
          );
        }
        return {
          ...report,
          goals: goalsFor(engine, { kind: 'account', id, asOf: latest.run.asOf, metrics: report.metrics }),
        };
      });
    })
    .delete(erase(engine, 'account'))
    .all(onlyMethods('GET', 'DELETE'));
  router.route('/:id/export').get(exportData(engine, 'account')).all(onlyMethods('GET'));
  return router;
}
