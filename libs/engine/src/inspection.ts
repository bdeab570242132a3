import { checkConfig, limitsOf } from './config.js';
import { loadPlugins, type Loaded, createPluginHost } from '@rapport/plugin-host';
import type { EngineOptions } from './engine.js';

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
  const limits = limitsOf(config);
  const { memoryMb, loadMs, deliveryMs } = limits;
  const host = createPluginHost({ memoryMb, loadMs, deliveryMs, workers: 1, allowPrivateAddresses: false });
  try {
    return await loadPlugins(config, pluginRoots, pluginDirs, host, limits);
  } finally {
    await host.close();
  }
}
