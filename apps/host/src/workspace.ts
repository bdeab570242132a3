import { join, resolve } from 'node:path';
import { createEngine, readConfig, type Clock, type Engine, type WorkspaceConfig } from '@rapport/engine';
import { pluginRoots } from './plugin-roots.js';
import { ruleFiles } from './rule-files.js';
import { openStore } from './store.js';

/** One workspace, wired: configuration, store, plugins, engine. */
export interface Workspace {
  /** Its folder; paths in the configuration are relative to it. */
  readonly root: string;
  readonly engine: Engine;
  close(): Promise<void>;
}
export interface OpenOptions {
  /** Extra plugin package folders, for a plugin under development. */
  readonly pluginDirs?: readonly string[];
  readonly clock?: Clock;
}

/**
 * The composition root: everything that runs a workspace is put together here and nowhere else.
 *
 * @param where the folder with `rapport.json`, or a configuration and the folder its paths are relative to
 * Throws `RAPPORT_CONFIG_*` and `RAPPORT_STORE_*`; a bad plugin does not throw (see `engine.refused`).
 */
export async function openWorkspace(
  where: string | { readonly config: WorkspaceConfig; readonly root: string },
  options: OpenOptions = {},
): Promise<Workspace> {
  const root = resolve(typeof where === 'string' ? where : where.root);
  const config = typeof where === 'string' ? await readConfig(join(root, 'rapport.json')) : where.config;
  const store = await openStore(config, root);
  try {
    const engine = await createEngine({
      config,
      store,
      pluginRoots: pluginRoots(root),
      ...ruleFiles(root),
      ...options,
    });
    return {
      root,
      engine,
      async close() {
        await engine.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
