import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { DocumentVersion } from '@rapport/store';
import { numberColumn, readManifest, textColumn } from '@rapport/store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { columnBytes, subjectsBytes } from './frames.js';
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

/** What layout 6 changed, undone. */
const HISTORY_OF_5 = [
  'ALTER TABLE history ADD COLUMN data BLOB',
  'UPDATE history SET data = (SELECT b.data FROM result_blobs b WHERE b.idx = history.blob)',
  'ALTER TABLE history DROP COLUMN blob',
];
/** What layouts 5 and 6 changed, undone. */
const RECORDS_OF_4 = [
  ...HISTORY_OF_5,
  'ALTER TABLE runs RENAME COLUMN manifest TO provenance',
  'ALTER TABLE transitions DROP COLUMN baseline_reason',
  'ALTER TABLE transitions DROP COLUMN baseline_text',
  'CREATE TABLE evaluated_segments (segment VARCHAR)',
];
/** Results as layout 3 had them: of each run by themselves. */
const RESULTS_OF_3 = [
  ...RECORDS_OF_4,
  'DROP INDEX deliveries_key',
  'DROP TABLE result_blobs',
  'DROP TABLE result_frames',
  'CREATE TABLE result_subjects (run INTEGER, level VARCHAR, subjects BLOB)',
  'CREATE TABLE result_columns (run INTEGER, level VARCHAR, name VARCHAR, data BLOB)',
];
/** What makes an earlier layout of this one. */
const BEFORE = {
  1: [
    ...RESULTS_OF_3,
    'DROP TABLE document_versions',
    'DROP TABLE history',
    'DROP TABLE history_subjects',
    `DELETE FROM meta WHERE key IN ('id', 'erasures')`,
  ],
  2: [...RESULTS_OF_3, 'DROP TABLE document_versions'],
  3: RESULTS_OF_3,
  4: RECORDS_OF_4,
  5: HISTORY_OF_5,
};

/** A run's record of before. */
const PROVENANCE = {
  zone: 'Europe/Berlin',
  profiles: {},
  levels: ['account'],
  metrics: { nps: { title: 'x'.repeat(300), version: '1.2.0', config: { scale: 10 }, configHash: 'c0ffee', uses: ['csat'] } },
  segments: { low: { version: '0.0.0-rabc', documentHash: 'abc' } },
  playbooks: { call: { version: '1.0.0', documentHash: 'def', enabled: true } },
  operators: { near: { version: '1.0.0', package: '@x/near', definitionHash: '123' } },
  failures: [{ metric: 'nps', code: 'RAPPORT_METRIC_TIMEOUT', message: 'slow', subjects: 3 }],
  segmentErrors: [{ segment: 'low', message: 'failed' }],
}; // prettier-ignore

async function makeLayout(layout: keyof typeof BEFORE, then: readonly string[] = []): Promise<void> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  const version = `UPDATE meta SET value = '${String(layout)}' WHERE key = 'rapport'`;
  for (const sql of [...BEFORE[layout], version, ...then]) await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
}

describe('files of earlier layouts', () => {
  it.each([1, 2, 3, 4, 5] as const)('of layout %i take documents, and what was in them stays', async (layout) => {
    const made = await openDuckdbStore({ path, zone: 'UTC' });
    await made.append([{ id: '1', time: 0, member: { user: 'ann', account: 'acme' } }]);
    await made.close();
    await makeLayout(layout);

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

  it('of layout 3 keep their runs, results and history', async () => {
    const made = await openDuckdbStore({ path, zone: 'UTC' });
    const day = (day: number, value: number) => ({
      level: { kind: 'account' } as const,
      day,
      asOf: day,
      subjects: ['acme', 'zeta'],
      metrics: { nps: { origin: 'nps@1', values: numberColumn([value, null]) } },
    });
    const history = [day(1, 5), day(2, 5), day(3, 6)];
    await made.putHistory(history, 0);
    await made.close();
    const hex = (bytes: Uint8Array) => `unhex('${Buffer.from(bytes).toString('hex')}')`;
    const column = textColumn(['high', null]);
    await makeLayout(3, [
      `INSERT INTO runs VALUES (1, 10, 11, 12, '${JSON.stringify(PROVENANCE)}'), (2, 20, 21, 22, 'null')`,
      ...[1, 2].flatMap((run) => [
        `INSERT INTO result_subjects VALUES (${String(run)}, 'account', ${hex(subjectsBytes(['acme', 'zeta']))})`,
        `INSERT INTO result_columns VALUES (${String(run)}, 'account', 'band', ${hex(columnBytes(column))})`,
      ]),
    ]);
    for (let opened = 0; opened < 2; opened++) {
      const store = await openDuckdbStore({ path, zone: 'UTC' });
      expect(await store.runs(9)).toEqual([
        { number: 2, asOf: 20, startedAt: 21, committedAt: 22, manifest: readManifest(null) },
        { number: 1, asOf: 10, startedAt: 11, committedAt: 12, manifest: readManifest(PROVENANCE) },
      ]);
      expect(await store.history({ level: { kind: 'account' }, metrics: ['nps'], from: 0, to: 9 })).toEqual(history);
      for (const run of [1, 2])
        expect(await store.results(run, { kind: 'account' })).toEqual({
          level: { kind: 'account' },
          subjects: ['acme', 'zeta'],
          columns: { band: column },
        });
      await store.close();
    }
  });
});
