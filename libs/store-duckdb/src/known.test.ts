import { DuckDBInstance } from '@duckdb/node-api';
import { expect, it } from 'vitest';
import { knownIds, messageKeys, writeKeys } from './known.js';

const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `message ${String(from + i)}`);

it('knows exactly the ids it was given, also beyond the size it began with, and after reading them again', async () => {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run('CREATE TABLE message_ids (id HUGEINT)');
  let known = await knownIds(connection);
  const step = 20_000;
  for (let from = 0; from < 5 * step; from += step) {
    const keys = messageKeys(ids(from, from + step));
    expect(await known.known(keys)).toEqual(new Set());
    await writeKeys(connection, 'message_ids', keys);
    known.add(keys);
    if (from === 2 * step) known = await knownIds(connection);
  }
  const mixed = messageKeys([...ids(0, 50), 'new', ...ids(4 * step, 4 * step + 50)]);
  const expected = new Set(Array.from({ length: 101 }, (_, i) => i));
  expected.delete(50);
  expect(await known.known(mixed)).toEqual(expected);
  connection.closeSync();
  instance.closeSync();
});
