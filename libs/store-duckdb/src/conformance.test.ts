import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store, StoreOptions } from '@rapport/store';
import { describeStore } from '@rapport/store-testkit/conformance';
import { openDuckdbStore } from './index.js';

const open: Parameters<typeof describeStore>[1] = async (options) => {
  const folder = await mkdtemp(join(tmpdir(), 'rapport-duckdb-'));
  const opened = (with_: StoreOptions): Promise<Store> =>
    openDuckdbStore({ ...with_, path: join(folder, 'workspace.duckdb') });
  let store = await opened(options);
  return {
    get store() {
      return store;
    },
    async reopen(changed) {
      await store.close();
      store = await opened({ ...options, ...changed });
      return store;
    },
    async dispose() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
};
// A world asks some hundred questions.
describeStore('duckdb', open, { runs: 3 });
