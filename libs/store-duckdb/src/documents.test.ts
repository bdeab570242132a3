import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { DocumentVersion } from '@rapport/store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDuckdbStore } from './index.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rapport-documents-'));
  path = join(folder, 'workspace.duckdb');
});
afterEach(() => rm(folder, { recursive: true }));

const version: Omit<DocumentVersion, 'number'> = {
  key: 'segment/power-users',
  document: { id: 'power-users' },
  version: 'c0ffee',
  status: 'published',
  author: 'ann',
  reason: 'first',
  at: 0,
  of: null,
};

/** What an earlier layout lacks. */
const BEFORE = {
  1: [
    'DROP TABLE document_versions',
    'DROP TABLE history',
    'DROP TABLE history_subjects',
    `DELETE FROM meta WHERE key IN ('id', 'erasures')`,
  ],
  2: ['DROP TABLE document_versions'],
};

describe('documents', { timeout: 60_000 }, () => {
  it.each([1, 2] as const)('are put into a file of layout %i, and what was in it stays', async (layout) => {
    const made = await openDuckdbStore({ path, zone: 'UTC' });
    await made.append([{ id: '1', time: 0, member: { user: 'ann', account: 'acme' } }]);
    await made.close();
    const instance = await DuckDBInstance.create(path);
    const connection = await instance.connect();
    for (const sql of [...BEFORE[layout], `UPDATE meta SET value = '${String(layout)}' WHERE key = 'rapport'`])
      await connection.run(sql);
    connection.closeSync();
    instance.closeSync();

    for (const after of [0, 1]) {
      const store = await openDuckdbStore({ path, zone: 'UTC' });
      expect(await store.putDocument(version, after)).toEqual({ ...version, number: after + 1 });
      expect(await store.documents()).toHaveLength(after + 1);
      expect((await store.stats()).users).toBe(1);
      expect((await store.historyOrigins({ level: { kind: 'account' }, from: 0, to: 9 })).size).toBe(0);
      const snapshot = await store.snapshot();
      expect(snapshot.state).toMatch(/^[0-9a-f-]{36} 0 /);
      await store.close();
    }
  });
});
