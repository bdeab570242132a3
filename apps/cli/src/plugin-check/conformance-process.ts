import type { MetricDefinition } from '@rapport/sdk';
import { conformance, operatorConformance, type AnyOperator } from '@rapport/testkit';
import type { FromConformance, MetricToTry, PluginToTry } from './conformance.js';

/*
 * Where metrics and operators are tried: a process of its own, so that a loop without end, or what they print, does not reach the command. (No thread: the
 * embedded database is a native addon, and one that ends in the middle of its work takes the whole process with it.)
 */

const say = (message: FromConformance) => process.send?.(message);
const exportAt = async <T>(url: string) => ((await import(url)) as { default: T }).default;

process.once('message', (plugins: readonly PluginToTry[]) => {
  void tryAll(plugins).finally(() => process.disconnect());
});

async function tryAll(plugins: readonly PluginToTry[]): Promise<void> {
  for (const plugin of plugins) {
    const { key } = plugin;
    say({ type: 'begins', key });
    try {
      const breaches =
        plugin.kind === 'metric'
          ? await tryMetric(plugin)
          : operatorConformance(await exportAt<AnyOperator>(plugin.entry), { runs: 10 * plugin.runs });
      say({ type: 'tried', key, breaches });
    } catch (error) {
      say({ type: 'failed', key, message: error instanceof Error ? error.message : String(error) });
    }
  }
}

async function tryMetric({ entry, others, runs, embedded }: MetricToTry) {
  const used = Object.entries(others).map(async ([id, url]) => [id, await exportAt<MetricDefinition>(url)] as const);
  return conformance(await exportAt<MetricDefinition>(entry), {
    metrics: Object.fromEntries(await Promise.all(used)),
    runs,
    ...(embedded ? {} : { stores: [] }),
    tell: (sentence) => say({ type: 'note', sentence }),
  });
}
