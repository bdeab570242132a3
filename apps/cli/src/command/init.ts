import { join, resolve } from 'node:path';
import { zone } from '@rapport/sdk/time';
import { exit, RapportError } from '@rapport/errors';
import { CONFIG, createWorkspace, workspaceName } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';

export interface InitOptions {
  readonly timeZone: string;
  readonly name?: string;
}

/** Writes a `rapport.json` that says what would hold anyway, so that one can see what there is to change. */
export function init(session: Session, dir: string, options: InitOptions): Outcome {
  try {
    zone(options.timeZone);
  } catch {
    const message = `--time-zone "${options.timeZone}" is not an IANA time zone; write one such as UTC or Europe/Berlin`;
    throw new RapportError('RAPPORT_USAGE', message);
  }
  const folder = resolve(session.io.cwd, dir);
  const config = {
    workspace: options.name ?? workspaceName(folder),
    timeZone: options.timeZone,
    store: 'duckdb:rapport.duckdb',
    metrics: {},
    segments: {},
    playbooks: {},
    actions: {},
  };
  const path = createWorkspace(folder, config);
  return {
    json: { workspace: config.workspace, config: path, created: true },
    text: [
      `Workspace "${config.workspace}" in ${join(dir, CONFIG)}: days are cut in ${config.timeZone}, data goes to ${join(dir, 'rapport.duckdb')}.`,
      'Change the time zone now if you must: it is fixed with the first event.',
      'Next: rapport import events.ndjson, then rapport evaluate.',
    ].join('\n'),
    exitCode: exit.ok,
  };
}
