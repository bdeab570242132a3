import { checkProfile } from '@rapport/rules';
import { canonical, sha256, EngineError, type LoadedPlugin, metricConfigHash } from '@rapport/plugin-host';
import type { EvaluateOptions } from '../measurement/evaluation.js';
import type { WorkspaceConfig } from '../config.js';
import type { RunSetting } from './setting.js';

export interface OtherSettings extends Pick<EvaluateOptions, 'configs' | 'profiles'> {
  readonly signupTrait?: string;
  readonly slopeDays?: number;
}

/**
 * Runs something with other settings than the workspace's. The workspace's own stay loaded beside them, so that
 * others may evaluate meanwhile. Throws `RAPPORT_EVALUATE_CONFIG` for a metric that is not loaded, and for a configuration that its schema refuses.
 */
export async function whatIf<T>(
  setting: RunSetting,
  { configs = {}, profiles, signupTrait, slopeDays }: OtherSettings,
  what: (setting: RunSetting) => Promise<T>,
): Promise<T> {
  const others: Partial<WorkspaceConfig> = {
    ...(profiles === undefined ? {} : { profiles }),
    ...(signupTrait === undefined ? {} : { signupTrait }),
    ...(slopeDays === undefined ? {} : { trends: { ...setting.config.trends, slopeDays } }),
  };
  if (Object.keys(configs).length === 0 && Object.keys(others).length === 0) return what(setting);
  for (const [name, classes] of Object.entries(profiles ?? {})) {
    const [problem] = checkProfile(classes);
    if (problem) throw refused(`profile "${name}"${problem.pointer}: ${problem.message}`);
  }
  const config = { ...setting.config, ...others };
  const loaded = new Map(
    setting.plugins.flatMap((plugin) => (plugin.kind === 'metric' ? [[plugin.definition.id, plugin]] : [])),
  );
  const keys: string[] = [];
  try {
    for (const [id, other] of Object.entries(configs)) {
      const plugin = loaded.get(id);
      if (!plugin) throw refused(`there is no metric "${id}".`);
      const key = `${plugin.definition.key}#${sha256(canonical(other)).slice(0, 16)}-${String(next++)}`;
      keys.push(key);
      const reply = await setting.host.loadAgain(plugin.definition.key, key, other);
      if ('refused' in reply)
        throw refused(`the metric "${id}" does not take this configuration: ${reply.refused.message}`);
      if (reply.kind !== 'metric') continue;
      loaded.set(id, { ...plugin, config: reply.config, definition: reply.definition });
    }
    const plugins = setting.plugins.map((plugin): LoadedPlugin => {
      const own = plugin.kind === 'metric' ? loaded.get(plugin.definition.id) : undefined;
      if (!own) return plugin;
      const [, scope] = own.definition.id.split(':', 2);
      const events = scope === undefined ? undefined : config.scopes?.[scope];
      return { ...own, configHash: metricConfigHash(own.definition, own.config, config, events) };
    });
    return await what({ ...setting, config, plugins, memory: new Map() });
  } finally {
    for (const key of keys) setting.host.forget(key);
  }
}
let next = 1;

const refused = (sentence: string) => new EngineError('RAPPORT_EVALUATE_CONFIG', sentence);
