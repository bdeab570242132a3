import { openDuckdbStore } from '@rapport/store-duckdb';
import { createEngine } from './engine.js';

/*
 * A process that opens the workspace given as JSON in its only argument, runs, and sends what is due; for tests that end it half way.
 * Prints a line after each step, and waits for ever after the one named by `stop`.
 */
interface Task {
  readonly path: string;
  readonly root: string;
  readonly url: string;
  readonly asOf: number;
  readonly calls: readonly unknown[];
  readonly stop?: 'ingested' | 'ran' | 'sent';
}
const task = JSON.parse(process.argv[2] ?? '{}') as Task;
const say = async (step: Task['stop']) => {
  process.stdout.write(`${String(step)}\n`);
  if (task.stop === step) await new Promise(() => setInterval(() => undefined, 1000));
};
const store = await openDuckdbStore({ path: task.path, zone: 'UTC' });
const engine = await createEngine({
  config: {
    workspace: 'test',
    playbooks: { alarm: { enabled: true } },
    actions: { webhook: { url: task.url, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' } },
    network: { allowPrivateAddresses: true },
  },
  store,
  pluginRoots: [task.root],
  clock: { now: () => task.asOf },
});
if (engine.refused.length > 0) throw new Error(JSON.stringify(engine.refused));
await engine.ingest(task.calls);
await say('ingested');
const { deliveries, transitions } = await engine.run();
process.stdout.write(`${JSON.stringify({ deliveries, transitions: transitions.length })}\n`);
await say('ran');
process.stdout.write(`${JSON.stringify(await engine.deliver())}\n`);
await say('sent');
await engine.close();
await store.close();
