import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store, StoreOptions } from '@rapport/store';
import { describeStore } from '@rapport/store-testkit/conformance';
import { openDuckdbStore } from './index.js';

// A world asks some hundred questions; `RAPPORT_RUNS=100` for a long look.
process.env['RAPPORT_RUNS'] ??= '5';

describeStore('duckdb', async (options) => {
  const folder = await mkdtemp(join(tmpdir(), 'rapport-duckdb-'));
  const open = (with_: StoreOptions): Promise<Store> =>
    openDuckdbStore({ ...with_, path: join(folder, 'workspace.duckdb') });
  let store = await open(options);
  return {
    get store() {
      return store;
    },
    async reopen(changed) {
      await store.close();
      store = await open({ ...options, ...changed });
      return store;
    },
    async dispose() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
});
