import type { StoreOptions } from '@rapport/store';
import { StoreError } from '@rapport/store';
import { describeStore } from './conformance.js';
import type { OpenedStore } from './conformance/open-store.js';
import { memoryStore } from './memory-store.js';

function openMemory(options: StoreOptions): OpenedStore {
  const store = memoryStore(options);
  return {
    store,
    reopen(changed) {
      return changed?.zone === undefined || changed.zone === options.zone
        ? Promise.resolve(store)
        : Promise.reject(
            new StoreError(
              'RAPPORT_STORE_ZONE_CHANGED',
              `this store cuts its days in ${options.zone}; open it with that`,
            ),
          );
    },
    dispose: () => Promise.resolve(),
  };
}

// The oracle against itself: a few worlds show that the suite runs, and that what it asks for can be done.
describeStore('a store in memory', (options) => Promise.resolve(openMemory(options)), { runs: 5 });
