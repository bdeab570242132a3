import type { MetricDefinition } from '@rapport/sdk';
import { conformance } from '@rapport/testkit';
import type { FromConformance, MetricToTry } from './conformance.js';

/*
 * Where metrics are tried: a process of its own, so that a loop without end, or what they print, does not reach the command. (No thread: the
 * embedded database is a native addon, and one that ends in the middle of its work takes the whole process with it.)
 */

const say = (message: FromConformance) => process.send?.(message);
const definitionAt = async (url: string) => ((await import(url)) as { default: MetricDefinition }).default;

process.once('message', (metrics: readonly MetricToTry[]) => {
  void tryAll(metrics).finally(() => process.disconnect());
});

async function tryAll(metrics: readonly MetricToTry[]): Promise<void> {
  for (const { key, entry, others, runs, embedded } of metrics) {
    say({ type: 'begins', key });
    try {
      const definitions = Object.entries(others).map(async ([id, url]) => [id, await definitionAt(url)] as const);
      const breaches = await conformance(await definitionAt(entry), {
        metrics: Object.fromEntries(await Promise.all(definitions)),
        runs,
        ...(embedded ? {} : { stores: [] }),
        tell: (sentence) => say({ type: 'note', sentence }),
      });
      say({ type: 'tried', key, breaches });
    } catch (error) {
      say({ type: 'failed', key, message: error instanceof Error ? error.message : String(error) });
    }
  }
}
