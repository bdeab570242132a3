import { Router } from 'express';
import type { Engine } from '@rapport/engine';
import type { Membership } from '@rapport/store';
import { answerOfRun, runOf } from './fresh.js';
import type { Latest } from './latest.js';
import { failure } from '@rapport/errors';
import { onlyMethods } from './problem.js';
import { cursor, cursorAfter, limit, onlyParameters } from './query.js';

const documents = (engine: Engine) => engine.plugins.flatMap((plugin) => (plugin.kind === 'segment' ? [plugin] : []));

/** Membership keys of the loaded segments: `<id>` and `<id>.<band>`. */
export const segmentKeys = (engine: Engine): readonly string[] =>
  documents(engine).flatMap(({ document: { id, bands } }) => [id, ...(bands ?? []).map((band) => `${id}.${band.id}`)]);

/** Members of a segment; of a segment with bands, those of all its bands. */
async function members(engine: Engine, key: string): Promise<readonly Membership[]> {
  const bands = documents(engine).find(({ document }) => document.id === key)?.document.bands ?? [];
  const lists = await Promise.all(
    [key, ...bands.map((band) => `${key}.${band.id}`)].map((segment) => engine.store.memberships({ segment })),
  );
  return lists
    .flat()
    .sort((a, b) => (a.subject < b.subject ? -1 : a.subject > b.subject ? 1 : a.segment < b.segment ? -1 : 1));
}

/** Errors of the latest run by segment. */
function errorsIn(latest: Latest | null): ReadonlyMap<string, string> {
  const { segmentErrors = [] } = latest?.run.manifest ?? {};
  return new Map(segmentErrors.map(({ segment, message }) => [segment, message]));
}

/** `GET /v1/segments`, `GET /v1/segments/:id` and `GET /v1/segments/:id/transitions`. */
export function segmentRoutes(engine: Engine, latestOf: () => Promise<Latest | null>): Router {
  const router = Router();
  router
    .route('/')
    .get(async (request, response) => {
      onlyParameters(request);
      await answerOfRun(request, response, latestOf, async (latest) => {
        const counts = new Map<string, number>();
        const errors = errorsIn(latest);
        for (const { segment } of await engine.store.memberships()) counts.set(segment, (counts.get(segment) ?? 0) + 1);
        return {
          ...runOf(latest),
          items: documents(engine).map(({ version, document: { id, title, description, subject, bands } }) => {
            const classes = (bands ?? []).map((band) => ({
              id: `${id}.${band.id}`,
              title: band.title,
              members: counts.get(`${id}.${band.id}`) ?? 0,
            }));
            return {
              id,
              version,
              // Members are those of the version that the run evaluated; another one counts from the next run on.
              evaluated: latest?.run.manifest.documents[`segment/${id}`]?.version ?? null,
              title,
              description: description ?? null,
              subject,
              members: classes.reduce((sum, band) => sum + band.members, counts.get(id) ?? 0),
              bands: classes,
              error: errors.get(id) ?? null,
            };
          }),
        };
      });
    })
    .all(onlyMethods('GET'));
  const known = (id: string) => {
    if (segmentKeys(engine).includes(id)) return;
    throw failure('RAPPORT_HTTP_UNKNOWN_SEGMENT', { segment: id.slice(0, 200) });
  };
  router
    .route('/:id/transitions')
    .get(async (request, response) => {
      onlyParameters(request, 'limit');
      const { id } = request.params;
      const size = limit(request);
      known(id);
      await answerOfRun(request, response, latestOf, async (latest) => {
        const bands = documents(engine).find(({ document }) => document.id === id)?.document.bands ?? [];
        const keys = [id, ...bands.map((band) => `${id}.${band.id}`)];
        const lists = await Promise.all(keys.map((segment) => engine.store.transitions({ segment, limit: size })));
        const newest = lists.flat().sort((a, b) => b.at - a.at || (a.subject < b.subject ? -1 : 1));
        return {
          ...runOf(latest),
          id,
          items: newest.slice(0, size).map((move) => ({ ...move, at: new Date(move.at).toISOString() })),
        };
      });
    })
    .all(onlyMethods('GET'));
  router
    .route('/:id')
    .get(async (request, response) => {
      onlyParameters(request, 'limit', 'cursor');
      const { id } = request.params;
      const size = limit(request);
      const after = cursor(request, id, 2);
      known(id);
      await answerOfRun(request, response, latestOf, async (latest) => {
        const all = await members(engine, id);
        const [subject, segment] = [String(after?.[0] ?? ''), String(after?.[1] ?? '')];
        const found =
          after === null
            ? 0
            : all.findIndex(
                (member) => member.subject > subject || (member.subject === subject && member.segment > segment),
              );
        const from = found < 0 ? all.length : found;
        const page = all.slice(from, from + size);
        const last = page.at(-1);
        return {
          ...runOf(latest),
          id,
          total: all.length,
          items: page.map((member) => ({ ...member, enteredAt: new Date(member.enteredAt).toISOString() })),
          next: last === undefined || from + size >= all.length ? null : cursorAfter(id, [last.subject, last.segment]),
        };
      });
    })
    .all(onlyMethods('GET'));
  return router;
}
