import { resolve } from 'node:path';
import type { WorkspaceConfig } from '@rapport/engine';
import type { Store } from '@rapport/store';
import { openDuckdbStore } from '@rapport/store-duckdb';
import { openMongodbStore } from '@rapport/store-mongodb';
import { RapportError } from '@rapport/errors';

/** Opens the store that a configuration names, by its scheme. A DuckDB path is relative to the workspace's folder. Throws `RAPPORT_STORE_*`. */
export async function openStore(config: WorkspaceConfig, root: string): Promise<Store> {
  const location = config.store ?? 'duckdb:rapport.duckdb';
  const options = { zone: config.timeZone ?? 'UTC', accounts: config.accounts ?? 'groups' };
  if (location.startsWith('duckdb:'))
    return openDuckdbStore({ path: resolve(root, location.slice('duckdb:'.length)), ...options });
  if (/^mongodb(\+srv)?:/.test(location)) return openMongodbStore({ uri: location, ...options });
  throw new RapportError(
    'RAPPORT_CONFIG_STORE',
    '"store" must begin with duckdb: or mongodb:, as in "duckdb:rapport.duckdb"',
  );
}
