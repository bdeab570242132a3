import type { EngineOptions } from './api.js';
import { checkConfig, limitsOf } from './config.js';
import { loadPlugins, type Loaded } from './loading.js';
import { createPluginHost } from './plugin-host.js';

/**
 * Loads plugins as an engine would, and says which would be refused, without a store: nothing is evaluated, and none of their code runs afterwards.
 * Throws `RAPPORT_CONFIG_*`.
 */
export async function inspectPlugins({
  config: given,
  pluginRoots,
  pluginDirs = [],
}: Pick<EngineOptions, 'config' | 'pluginRoots' | 'pluginDirs'>): Promise<Loaded> {
  const config = checkConfig(given);
  const { memoryMb, loadMs } = limitsOf(config);
  const host = createPluginHost({ memoryMb, loadMs, allowPrivateAddresses: false });
  try {
    return await loadPlugins(config, pluginRoots, pluginDirs, host);
  } finally {
    await host.close();
  }
}
