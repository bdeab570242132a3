import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { openWorkspace, type Workspace } from '@rapport/host';
import { failure, RapportError } from '@rapport/errors';
import type { Io } from './io.js';

/** Folder of the workspace that `import` and `demo` make for someone who has none; hidden, and not in git. */
export const OWN_FOLDER = '.rapport';
export const CONFIG = 'rapport.json';

/**
 * Folder of the workspace: `--workspace`, else `RAPPORT_WORKSPACE`, else the nearest folder upward that has a `rapport.json` or a
 * `.rapport/rapport.json`. Null when there is none. Throws `RAPPORT_WORKSPACE_MISSING` when a named one has no `rapport.json`.
 */
export function locateWorkspace(io: Io, option: string | undefined): string | null {
  const named = option ?? (io.env.RAPPORT_WORKSPACE === '' ? undefined : io.env.RAPPORT_WORKSPACE);
  if (named !== undefined) {
    const path = resolve(io.cwd, named);
    const dir = existsSync(path) && statSync(path).isFile() ? dirname(path) : path;
    if (existsSync(join(dir, CONFIG))) return dir;
    throw new RapportError(
      'RAPPORT_WORKSPACE_MISSING',
      `${option === undefined ? 'RAPPORT_WORKSPACE names' : '--workspace names'} ${named}, and there is no ${CONFIG} in it; "rapport init ${named}" makes one`,
    );
  }
  for (let dir = io.cwd; ; dir = dirname(dir)) {
    if (existsSync(join(dir, CONFIG))) return dir;
    if (existsSync(join(dir, OWN_FOLDER, CONFIG))) return join(dir, OWN_FOLDER);
    if (dirname(dir) === dir) return null;
  }
}

export function requireWorkspace(io: Io, option: string | undefined): string {
  const dir = locateWorkspace(io, option);
  if (dir !== null) return dir;
  throw new RapportError(
    'RAPPORT_WORKSPACE_MISSING',
    `there is no ${CONFIG} in ${io.cwd} or above it; "rapport init" makes one here, and --workspace DIR names one elsewhere`,
  );
}

/** Opens a workspace for as long as `use` takes. */
export async function withWorkspace<T>(dir: string, use: (workspace: Workspace) => Promise<T>): Promise<T> {
  const workspace = await openWorkspace(dir);
  try {
    return await use(workspace);
  } finally {
    await workspace.close();
  }
}

/** Writes `rapport.json` into a new or existing folder. Throws `RAPPORT_WORKSPACE_EXISTS` rather than overwrite one. */
export function createWorkspace(dir: string, config: object): string {
  const path = join(dir, CONFIG);
  mkdirSync(dir, { recursive: true });
  try {
    writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw failure('RAPPORT_WORKSPACE_EXISTS', { path });
  }
  return path;
}

/** A folder's name as the name of a workspace. */
export function workspaceName(dir: string): string {
  const name = basename(resolve(dir))
    .replace(/[^a-zA-Z0-9._-]+/g, '-')
    .replace(/^[^a-zA-Z0-9]+/, '')
    .slice(0, 63);
  return name === '' ? 'workspace' : name;
}
