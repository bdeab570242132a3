import type { Message } from '@rapport/store';
import type { CreateEngine, Engine, Refusal } from './api.js';
import { checkConfig, limitsOf } from './config.js';
import { metricsOf } from './evaluation.js';
import { normalize } from './ingest.js';
import { loadPlugins } from './loading.js';
import { deliverDue } from './outbox.js';
import { propertiesOf } from './planner.js';
import { createPluginHost } from './plugin-host.js';
import { evaluateOnly, runOnce, type RunSetting } from './run.js';
import { storedDocuments } from './rules/publishing.js';
import { rulesOf } from './rules/rules.js';
import { frameCache, subjectReport } from './subject-report.js';

/**
 * Validates the configuration, loads plugins, and returns the engine. Close it.
 *
 * Throws `RAPPORT_CONFIG_*`; a bad plugin never throws, see `refused`.
 */
export const createEngine: CreateEngine = async ({
  config: given,
  store,
  pluginRoots,
  pluginDirs = [],
  documents = [],
  clock = { now: () => Date.now() },
}) => {
  const config = checkConfig(given);
  const limits = limitsOf(config);
  const host = createPluginHost({
    memoryMb: limits.memoryMb,
    loadMs: limits.loadMs,
    allowPrivateAddresses: config.network?.allowPrivateAddresses ?? false,
  });
  try {
    const files = [...documents, ...(await storedDocuments(store))];
    const strikes = new Map<string, number>();
    const { plugins, refused } = await loadPlugins(config, pluginRoots, pluginDirs, host, files, strikes);
    await store.declare(propertiesOf(metricsOf(plugins)));
    const setting: { -readonly [K in keyof RunSetting]: RunSetting[K] } = {
      config,
      store,
      host,
      plugins,
      clock,
      limits,
      strikes,
      memory: new Map(),
    };
    const ingestLimits = { eventBytes: limits.eventBytes, accounts: config.accounts ?? 'groups' };
    const framesOf = frameCache(store);
    const rules = rulesOf(setting);
    const engine: Engine = {
      config,
      store,
      get plugins() {
        return setting.plugins;
      },
      refused,
      async ingest(calls, options) {
        const receivedAt = options?.receivedAt ?? clock.now();
        const messages: Message[] = [];
        const refusals: Refusal[] = [];
        calls.forEach((call, index) => {
          const found = normalize(call, receivedAt, ingestLimits);
          if ('message' in found) messages.push(found.message);
          else refusals.push({ index, ...found.refusal });
        });
        const { accepted, duplicates } =
          messages.length > 0 ? await store.append(messages) : { accepted: 0, duplicates: 0 };
        return { accepted, duplicates, refused: refusals };
      },
      evaluate: (options = {}) => evaluateOnly({ ...setting }, options),
      async run(options = {}) {
        await rules.refresh();
        // What is published meanwhile is for the next run.
        return runOnce({ ...setting }, options);
      },
      deliver: () => deliverDue(store, host, plugins, clock, limits.deliveryMs),
      subject: (kind, id) =>
        subjectReport(store, setting.plugins, kind, id, framesOf, config.hierarchy?.parent ?? null),
      rules,
      stats: () => store.stats(),
      deliveries: (query) => store.list(query),
      close: () => host.close(),
    };
    return engine;
  } catch (error) {
    await host.close();
    throw error;
  }
};
