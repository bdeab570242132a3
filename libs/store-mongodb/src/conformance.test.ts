import type { StoreOptions } from '@rapport/store';
import type { OpenedStore } from '@rapport/store-testkit/conformance';
import { describeStore } from '@rapport/store-testkit/conformance';
import { MongoClient } from 'mongodb';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openMongodbStore } from './index.js';

const uri = process.env['MONGODB_URI'];

if (uri === undefined) {
  if (process.env['CI_REQUIRE_MONGODB'] === '1') {
    it('has a server to run against', () => {
      expect.fail('CI_REQUIRE_MONGODB=1, but MONGODB_URI is not set; run: eval "$(bash tools/ci/start-mongodb.sh)"');
    });
  } else {
    console.log('MongoDB conformance skipped: MONGODB_URI is not set');
    describe.skip('MongoDB conformance skipped: MONGODB_URI is not set');
  }
} else {
  const open = async (options: StoreOptions): Promise<OpenedStore> => {
    const database = `rapport_${randomUUID().replaceAll('-', '')}`;
    let store = await openMongodbStore({ ...options, uri, database });
    return {
      store,
      async reopen(changed) {
        await store.close();
        store = await openMongodbStore({ ...options, ...changed, uri, database });
        return store;
      },
      async dispose() {
        await store.close();
        const client = new MongoClient(uri);
        await client.db(database).dropDatabase();
        await client.close();
      },
    };
  };
  // A world is some 500 pipelines; mongo-java-server takes a second or two for them.
  describeStore('store-mongodb', open, { runs: 5 });
}
