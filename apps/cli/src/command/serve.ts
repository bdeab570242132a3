import { once } from 'node:events';
import { serve as serveWorkspace } from '@rapport/host';
import { exit } from '@rapport/errors';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';

export interface ServeOptions {
  readonly port?: number;
  readonly host?: string;
}

/** Serves the workspace's API until the process is asked to end. */
export async function serve(session: Session, options: ServeOptions): Promise<Outcome> {
  return withWorkspace(requireWorkspace(session.io, session.workspace), async (workspace) => {
    const server = await serveWorkspace(workspace, options);
    session.say(`Serving workspace "${workspace.engine.config.workspace}" at ${server.url} (Ctrl-C ends it)`);
    await interrupted(session.io.signal);
    await server.close();
    return { json: { url: server.url, ended: true }, text: 'Stopped.', exitCode: exit.ok };
  });
}

export async function interrupted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
