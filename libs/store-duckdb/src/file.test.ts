import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pathToFileURL } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import type { StoreOptions } from '@rapport/store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDuckdbStore } from './index.js';

const run = promisify(execFile);
const UTC: StoreOptions = { zone: 'UTC' };

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rapport-file-'));
  path = join(folder, 'workspace.duckdb');
});
afterEach(() => rm(folder, { recursive: true }));

const refused = (code: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(folder) as string }) as unknown;

/** Opens the file in another process; what it prints. */
async function elsewhere(): Promise<string> {
  const require = createRequire(import.meta.url);
  const script = `
    import { openDuckdbStore } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    await openDuckdbStore({ path: ${JSON.stringify(path)}, zone: 'UTC' }).then((store) => store.close()).then(() => console.log('opened'), (error) => console.log(error.message));`;
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  const args = ['--conditions=@rapport/source', '--import', tsx, '--input-type=module', '--eval', script];
  return (await run(process.execPath, args)).stdout.trim();
}

describe('the file', () => {
  it('is open in one process at a time', async () => {
    const store = await openDuckdbStore({ ...UTC, path });
    expect(await elsewhere()).toMatch(
      new RegExp(`^RAPPORT_STORE_LOCKED: "${path}" is open in process ${process.pid}, .*stop that process`),
    );
    await store.close();
    expect(await elsewhere()).toBe('opened');
  });

  it('is open once in a process', async () => {
    const store = await openDuckdbStore({ ...UTC, path });
    await expect(openDuckdbStore({ ...UTC, path: join(folder, '.', 'workspace.duckdb') })).rejects.toEqual(
      refused('RAPPORT_STORE_LOCKED'),
    );
    await store.close();
    await (await openDuckdbStore({ ...UTC, path })).close();
  });

  it('is let go of with snapshots open and appends under way', async () => {
    const store = await openDuckdbStore({ ...UTC, path });
    await store.snapshot();
    const append = store.append([{ id: '1', time: 0, member: { user: 'ann', account: 'acme' } }]);
    await store.close();
    expect(await append).toEqual({ accepted: 1, duplicates: 0 });
    await store.close();
    const again = await openDuckdbStore({ ...UTC, path });
    expect((await again.stats()).users).toBe(1);
    await again.close();
  });

  it('answers nothing once it is closed', async () => {
    const store = await openDuckdbStore({ ...UTC, path });
    const snapshot = await store.snapshot();
    await store.close();
    const closed = refused('RAPPORT_STORE_CLOSED');
    await expect(store.append([])).rejects.toEqual(closed);
    await expect(store.latestRun()).rejects.toEqual(closed);
    await expect(store.stats()).rejects.toEqual(closed);
    await expect(store.snapshot()).rejects.toEqual(closed);
    await expect(snapshot.traitNames('account')).rejects.toMatchObject({ code: 'RAPPORT_STORE_CLOSED' });
  });

  it('is refused when it is no database, or another program’s', async () => {
    await writeFile(path, 'account,plan\nacme,pro\n'.repeat(1000));
    await expect(openDuckdbStore({ ...UTC, path })).rejects.toEqual(refused('RAPPORT_STORE_NOT_OURS'));
    for (const sql of [
      'CREATE TABLE meta (a INTEGER)',
      'CREATE TABLE meta (key VARCHAR, value VARCHAR)',
      'CREATE TABLE other (a INTEGER)',
    ]) {
      await rm(path);
      const instance = await DuckDBInstance.create(path);
      const connection = await instance.connect();
      await connection.run(sql);
      connection.closeSync();
      instance.closeSync();
      await expect(openDuckdbStore({ ...UTC, path })).rejects.toEqual(refused('RAPPORT_STORE_NOT_OURS'));
    }
  });

  it('is refused when it is damaged', async () => {
    const store = await openDuckdbStore({ ...UTC, path });
    await store.append([{ id: '1', time: 0, member: { user: 'ann', account: 'acme' } }]);
    await store.close();
    await writeFile(path, Buffer.alloc(8192, 7), { flag: 'r+' });
    await expect(openDuckdbStore({ ...UTC, path })).rejects.toEqual(refused('RAPPORT_STORE_NOT_OURS'));
  });

  it('is refused when a later version wrote it', async () => {
    await (await openDuckdbStore({ ...UTC, path })).close();
    const instance = await DuckDBInstance.create(path);
    const connection = await instance.connect();
    await connection.run(`UPDATE meta SET value = '999' WHERE key = 'rapport'`);
    connection.closeSync();
    instance.closeSync();
    await expect(openDuckdbStore({ ...UTC, path })).rejects.toEqual(refused('RAPPORT_STORE_VERSION'));
  });

  it('says what is wrong with the path', async () => {
    await expect(openDuckdbStore({ ...UTC, path: folder })).rejects.toEqual(refused('RAPPORT_STORE_OPEN'));
    await expect(openDuckdbStore({ ...UTC, path: join(folder, 'no', 'such.duckdb') })).rejects.toEqual(
      refused('RAPPORT_STORE_OPEN'),
    );
  });

  it('keeps to the accounts it was made with', async () => {
    await (await openDuckdbStore({ ...UTC, path })).close();
    await expect(openDuckdbStore({ ...UTC, path, accounts: 'users' })).rejects.toEqual(
      refused('RAPPORT_STORE_ACCOUNTS_CHANGED'),
    );
  });
});
