import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino, type Logger } from 'pino';
import { isLoopback } from './access.js';
import { createApp } from './app.js';
import { prune } from './retention.js';
import { repeat } from './repeat.js';
import { failure } from '@rapport/errors';
import type { Workspace } from './workspace.js';

export interface ServeOptions {
  /** Default: `http.host` of the configuration, else 127.0.0.1. */
  readonly host?: string;
  /** Default: `http.port` of the configuration, else 8080. 0 takes a free one. */
  readonly port?: number;
  /** Default: JSON lines on stderr. */
  readonly logger?: Logger;
  /** Time between two looks at the outbox, ms; default 5000. */
  readonly outboxMs?: number;
  /** Time from the end of one evaluation to the next, ms; default: none is made. */
  readonly evaluateMs?: number;
  /** Time between two looks at what retention lets go, ms; default an hour. */
  readonly pruneMs?: number;
  /** How long requests in flight may take to finish at closing, ms; default 10000. */
  readonly graceMs?: number;
}
export interface Served {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** Takes no more requests, lets those in flight finish, stops the outbox. The workspace stays open: it is the caller's. */
  close(): Promise<void>;
}

/**
 * Serves a workspace's API, sends what is due in its outbox, and removes what retention lets go. Throws `RAPPORT_HTTP_UNPROTECTED` for an address that others can reach without an
 * API key, `RAPPORT_HTTP_LISTEN` when the port cannot be had.
 */
export async function serve(workspace: Workspace, options: ServeOptions = {}): Promise<Served> {
  const { engine } = workspace;
  const http = engine.config.http ?? {};
  const host = options.host ?? http.host ?? '127.0.0.1';
  const port = options.port ?? http.port ?? 8080;
  const logger = options.logger ?? pino({ name: 'rapport' }, pino.destination(2));
  if (http.apiKey === undefined && !isLoopback(host)) {
    throw failure('RAPPORT_HTTP_UNPROTECTED', { host });
  }
  const server = createServer({ requestTimeout: 60_000, headersTimeout: 20_000 }, createApp(workspace, { logger }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(failure('RAPPORT_HTTP_LISTEN', { host, port, reason: cause.code ?? cause.message }, { cause }));
    });
    server.listen(port, host, resolve);
  });
  const loops = [
    repeat(
      options.outboxMs ?? 5000,
      () => engine.deliver(),
      (error) => logger.error({ err: error }, 'outbox failed'),
    ),
    repeat(
      options.pruneMs ?? 3_600_000,
      () => prune(workspace),
      (error) => logger.error({ err: error }, 'retention failed'),
    ),
    ...(options.evaluateMs === undefined
      ? []
      : [
          repeat(
            options.evaluateMs,
            () => engine.run(),
            (error) => logger.error({ err: error }, 'evaluation failed'),
          ),
        ]),
  ];
  const { address, family, port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), options.graceMs ?? 10_000);
      await Promise.all([closed, ...loops.map((loop) => loop.stop())]);
      clearTimeout(cut);
    },
  };
}
