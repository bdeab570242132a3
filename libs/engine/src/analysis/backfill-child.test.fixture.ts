import { openDuckdbStore } from '@rapport/store-duckdb';
import { createEngine } from '../engine.js';
import { backfill } from './backfill.js';

/** What the child of the kill -9 test is to fill in. */
export interface BackfillTask {
  readonly path: string;
  readonly root: string;
  readonly from: number;
  readonly to: number;
}

const { path, root, from, to } = JSON.parse(process.argv[2] ?? '') as BackfillTask;
const store = await openDuckdbStore({ path, zone: 'UTC' });
const engine = await createEngine({ config: { workspace: 'test' }, store, pluginRoots: [root] });
await backfill(engine, {
  from,
  to,
  now: Number.MAX_SAFE_INTEGER,
  onProgress: ({ day, evaluated }) => process.stdout.write(`${day} ${evaluated ? 'evaluated' : 'skipped'}\n`),
});
await engine.close();
await store.close();
