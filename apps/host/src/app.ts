import { randomUUID } from 'node:crypto';
import express, { type Express } from 'express';
import helmet from 'helmet';
import { pino, type Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import { access } from './access.js';
import { accountRoutes } from './accounts.js';
import { cohortRoutes } from './cohorts.js';
import { goalRoutes } from './goals.js';
import { BODY_LIMIT, ingestRoutes } from './ingest.js';
import { latestResults } from './latest.js';
import { pluginRoutes } from './plugins.js';
import { portfolioRoutes } from './portfolio.js';
import { notFound, onlyMethods, problems } from './problem.js';
import { ruleRoutes } from './rules.js';
import { segmentRoutes } from './segments.js';
import { startPage } from './start-page.js';
import { subjectMetricRoutes } from './subject-metrics.js';
import { userRoutes } from './subject-data.js';
import { trendRoutes } from './trends.js';
import type { Workspace } from './workspace.js';

export interface AppOptions {
  /** Default: none. */
  readonly logger?: Logger;
}

/** The HTTP API of one workspace, as an Express application; docs/http-api.md describes it. */
export function createApp({ engine }: Workspace, { logger = pino({ enabled: false }) }: AppOptions = {}): Express {
  const app = express();
  const latestOf = latestResults(engine);
  app.set('query parser', 'simple');
  app.set('etag', false);
  app.use(
    pinoHttp({
      logger,
      genReqId: (request, response) => {
        const given = request.headers['x-request-id'];
        const id = typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
        response.setHeader('X-Request-Id', id);
        return id;
      },
      redact: ['req.headers.authorization', 'req.headers.cookie'],
      customLogLevel: (_request, response) => (response.statusCode >= 500 ? 'error' : 'info'),
    }),
  );
  // The page may be looked at over plain HTTP on another machine, where nothing answers to an upgraded link.
  app.use(helmet({ contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } } }));

  app
    .route('/v1/health')
    .get((_request, response) => {
      response.json({ status: 'ok' });
    })
    .all(onlyMethods('GET'));
  app
    .route('/v1/ready')
    .get(async (_request, response) => {
      response.json({ status: 'ready', run: await engine.store.latestRunNumber() });
    })
    .all(onlyMethods('GET'));

  app.use(access(engine.config.http?.apiKey));
  app
    .route('/')
    .get(async (_request, response) => {
      const latest = await latestOf();
      const accounts = await latest?.frame({ kind: 'account' });
      response.type('html').send(startPage(engine.config.workspace, latest, accounts?.subjects[0] ?? null));
    })
    .all(onlyMethods('GET'));
  app.use('/v1/accounts', accountRoutes(engine, latestOf));
  app.use('/v1/segments', segmentRoutes(engine, latestOf));
  app.use('/v1/portfolio', portfolioRoutes(engine, latestOf));
  app.use('/v1/goals', goalRoutes(engine, latestOf));
  app.use('/v1/cohorts', cohortRoutes(engine, latestOf));
  app.use('/v1/metrics', trendRoutes(engine, latestOf));
  app.use('/v1/accounts/:id/metrics', subjectMetricRoutes(engine, latestOf, 'account'));
  app.use('/v1/users/:id/metrics', subjectMetricRoutes(engine, latestOf, 'user'));
  app.use('/v1/users', userRoutes(engine));
  app.use('/v1/portfolio/metrics', subjectMetricRoutes(engine, latestOf, 'portfolio'));
  app.use('/v1/rules', ruleRoutes(engine));
  app.use('/v1/plugins', pluginRoutes(engine));
  app.use('/v1/batch', ingestRoutes(engine));
  app.use(notFound);
  app.use(problems(BODY_LIMIT));
  return app;
}
