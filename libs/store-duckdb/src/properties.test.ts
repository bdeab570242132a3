import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { count, countByKey, distinct, equal, lifetime, not, exists, sum } from '@rapport/sdk';
import type { Json, Message, MeasureNode, Store } from '@rapport/store';
import { zone } from '@rapport/sdk/time';
import { readKey, readNumber, readText, resolveMeasure, valueAt } from '@rapport/store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDuckdbStore } from './index.js';
import { COLUMN_KINDS, keySql, propertyColumns, pushColumns } from './properties.js';
import { columns } from './rows.js';
import type { Value } from './writer.js';
import { tableWriter } from './writer.js';

const times = fc.constantFrom(
  '2024-02-29', '2023-02-29', '2024-02-29T12:34:56', '2024-02-29T12:34:56Z', '2024-02-29T12:34:56.7Z', '2024-02-29T12:34:56.789+14:00',
  '2024-02-29T12:34:56-23:59', '2024-02-29T12:34:56.12-00:30', '0000-01-01', '0000-01-01T00:00:00+00:01', '9999-12-31T23:59:59.999Z',
  '9999-12-31T23:59:59.999-00:01', '2024-02-29T24:00:00Z', '2024-02-29T12:60:00Z', '2024-02-29T12:34:60Z', '2024-13-01', '2024-00-10', '2024-04-31',
  '2024-2-29', '2024-02-29 12:34:56', '2024-02-29T12:34', '2024-02-29T12:34:56.', '2024-02-29T12:34:56.1234Z', '2024-02-29T12:34:56+0100',
  '2024-02-29T12:34:56+24:00', '2024-02-29T12:34:56z', ' 2024-02-29', '2024-02-29\n', '+2024-02-29', '1969-12-31T23:59:59.999Z', 'epoch', 'infinity', 'today',
); // prettier-ignore
const numbers = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 0.1, 1e15, 1e15 - 1, -1e15, 1e16, 1e20, 1e21, 1e-6, 1e-7, 5e-324, 1.7e308, 2 ** 53, 2 ** 63, 2 ** 64, 253402300799999, 253402300800000, -62167219200000.5, 1.5, -0.5), // prettier-ignore
);
const anything: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: times },
  { weight: 4, arbitrary: numbers },
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom<Json>('', 'true', '1', '[]', "it's", true, false, null, [], {}, [1], { a: 1 }),
);

it('reads values in SQL as @rapport/store reads them', async () => {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run('CREATE TABLE one (i INTEGER, n0 DOUBLE, t0 VARCHAR, o0 VARCHAR)');
  const values = fc.sample(anything, { seed: 5, numRuns: 5000 });
  const writer = await tableWriter(connection, 'one', ['integer', ...COLUMN_KINDS]);
  values.forEach((value, i) => {
    const row: Value[] = [i];
    pushColumns(row, value);
    writer.add(row);
  });
  writer.close();
  const property = propertyColumns(0);
  const sql = `SELECT n0, t0, ${keySql(property)}, (n0 IS NOT NULL OR t0 IS NOT NULL OR o0 IS NOT NULL)::DOUBLE FROM one ORDER BY i`;
  const [number, text, key, there] = (await columns(connection, sql, ['number', 'text', 'text', 'number'])).columns;
  values.forEach((value, i) => {
    const seen = [number.valid[i] ? number.values[i] : null, text[i], key[i], there.values[i] === 1];
    expect({ value, seen }).toEqual({
      value,
      seen: [readNumber(value), readText(value), readKey(value), value !== null],
    });
  });
  connection.closeSync();
  instance.closeSync();
});

describe('a property', () => {
  let folder: string;
  let store: Store;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rapport-properties-'));
    store = await openDuckdbStore({ path: join(folder, 'workspace.duckdb'), zone: 'UTC' });
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const hostile = [
    'amount',
    `x"; DROP TABLE events; --`,
    `it's`,
    '$.a',
    '/a/b~1',
    '',
    'a\\b',
    '__proto__',
    'né😀',
    'n0',
    'e.id',
  ];
  let made = 0;
  const messages = (n: number): readonly Message[] =>
    Array.from({ length: n }, (_, i) => ({
      id: `m${String(made++)}`,
      time: i,
      event: {
        name: 'Used',
        user: 'ann',
        account: 'acme',
        session: null,
        properties: Object.fromEntries(
          hostile.map((name, k) => [name, [i % 7, `v${String(i % 3)}`, true, null, [i]][(i + k) % 5] ?? null]),
        ),
      },
    }));
  const AS_OF = Date.UTC(2024, 0, 1);
  const nodes = hostile.flatMap((property) =>
    [
      sum(property, {}, lifetime()),
      countByKey({ property }, {}, lifetime()),
      distinct({ property }, {}, lifetime()),
      count({ where: equal(property, true) }, lifetime()),
      count({ where: not(exists(property)) }, lifetime()),
    ].map((node) => resolveMeasure(node as MeasureNode, AS_OF, zone('UTC'))),
  );
  const plan = { level: { kind: 'account' }, asOf: AS_OF, measures: nodes } as const;
  async function measured(of: Pick<Store, 'snapshot'>): Promise<readonly unknown[]> {
    const snapshot = await of.snapshot();
    const [frame] = await snapshot.measure([plan]);
    await snapshot.close();
    return frame?.columns.map((column) => valueAt(column, 0)) ?? [];
  }

  it('answers alike declared before its events, after them, by a measure, or out of an older snapshot', async () => {
    await store.append(messages(100));
    const older = await store.snapshot();
    await store.append(messages(5));
    const [frame] = await older.measure([plan]);
    await older.close();

    const other = await openDuckdbStore({ path: join(folder, 'other.duckdb'), zone: 'UTC' });
    await other.declare(hostile);
    made = 0;
    await other.append(messages(100));
    expect(frame?.columns.map((column) => valueAt(column, 0))).toEqual(await measured(other));
    await other.append(messages(5));
    expect(await measured(store)).toEqual(await measured(other));
    await other.close();
    expect((await measured(store))[0]).toBeGreaterThan(0);
  });

  it('answers alike when there are more than may have columns', async () => {
    await store.append(messages(50));
    const before = await measured(store);
    const other = await openDuckdbStore({ path: join(folder, 'other.duckdb'), zone: 'UTC' });
    await other.declare(Array.from({ length: 250 }, (_, i) => `unused ${String(i)}`));
    made = 0;
    await other.append(messages(50));
    expect(await measured(other)).toEqual(before);
    await other.close();
  });

  it('goes on where a crash broke off a declaration', async () => {
    await store.append(messages(20));
    const before = await measured(store);
    await store.close();
    await rm(join(folder, 'workspace.duckdb'));
    store = await openDuckdbStore({ path: join(folder, 'workspace.duckdb'), zone: 'UTC' });
    await store.close();
    const instance = await DuckDBInstance.create(join(folder, 'workspace.duckdb'));
    const connection = await instance.connect();
    for (const column of ['n0 DOUBLE', 't0 VARCHAR', 'o0 VARCHAR', 'n1 DOUBLE', 't1 VARCHAR', 'o1 VARCHAR']) {
      await connection.run(`ALTER TABLE events ADD COLUMN ${column}`);
    }
    connection.closeSync();
    instance.closeSync();

    store = await openDuckdbStore({ path: join(folder, 'workspace.duckdb'), zone: 'UTC' });
    made = 0;
    const all = messages(20);
    await store.append(all.slice(0, 10));
    await store.declare(hostile.slice(0, 1));
    await store.append(all.slice(10));
    expect(await measured(store)).toEqual(before);
  });
});
