import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { HistoryDay, HistoryEntry, HistoryMetric, HistoryStore, NumberColumn, Subject } from '@rapport/store';
import { compareCodeUnits, historyDays, levelName } from '@rapport/store';
import { putBlobs, readBlobs } from './blobs.js';
import { assertEpoch } from './changes.js';
import type { Packed } from './frames.js';
import { packed } from './frames.js';
import type { Connections } from './results.js';
import { levelsOf } from './results.js';
import { columns } from './rows.js';
import { transaction } from './schema.js';
import { anyOf, text, whole } from './sql.js';
import { tableWriter } from './writer.js';

/*
 * Values of a metric on a day lie in blocks of consecutive subject numbers: the history of one subject reads one block per metric and day, erasing
 * it rewrites no other, and a subject that is new makes no list of subjects new.
 */

const HISTORY_COLUMNS = ['text', 'integer', 'text', 'text', 'bigint', 'text', 'integer', 'integer'] as const;
const BLOCK = 4096;
const blockOf = (index: number) => Math.floor(index / BLOCK);

/** Values by number within the block. */
interface Block {
  /** 0 where there is no such subject, 1 for null, 2 for a value. Null: all have one. */
  readonly there: Uint8Array | null;
  readonly values: Packed;
}
const ABSENT = 0;
const VALUE = 2;
const blockBytes = (there: Uint8Array, values: Float64Array): Uint8Array => {
  const block: Block = { there: there.every((state) => state === VALUE) ? null : there, values: packed(values) };
  return deflateRawSync(serialize(block), { level: 1 });
};
const blockFrom = (bytes: Uint8Array): Block => deserialize(inflateRawSync(bytes)) as Block;

/** A block without anybody. */
const NOBODY: Block = { there: null, values: new Float64Array() };

async function readBlocks(connection: DuckDBConnection, blobs: Float64Array): Promise<ReadonlyMap<number, Block>> {
  const found = await readBlobs(connection, [...new Set(blobs)]);
  return new Map([...found].map(([blob, bytes]) => [blob, blockFrom(bytes)]));
}

export function historyStore({ writer, queue, reader }: Connections): HistoryStore {
  return {
    putHistory: (days, epoch) =>
      queue.run(() =>
        transaction(writer, async () => {
          await assertEpoch(writer, epoch);
          await put(writer, days);
        }),
      ),
    history: (query) => read(reader(), query),
    async historyOrigins({ level, from, to }) {
      const sql = `SELECT DISTINCT day::DOUBLE, metric, origin FROM history WHERE ${about(level, from, to)} ORDER BY day`;
      const [days, metrics, origins] = (await columns(reader(), sql, ['number', 'text', 'text'])).columns;
      const found = new Map<number, [metric: string, origin: string][]>();
      days.values.forEach((day, row) => {
        found.set(day, [...(found.get(day) ?? []), [metrics[row] ?? '', origins[row] ?? '']]);
      });
      return new Map([...found].map(([day, its]) => [day, Object.fromEntries(its)]));
    },
  };
}

const about = (level: HistoryDay['level'], from: number, to: number): string =>
  `level = ${text(levelName(level))} AND day BETWEEN ${whole(from)} AND ${whole(to)}`;

interface Put {
  readonly day: HistoryDay;
  readonly name: string;
  readonly metric: HistoryMetric;
}

async function put(connection: DuckDBConnection, days: readonly HistoryDay[]): Promise<void> {
  const levels = new Map<string, Map<string, Put>>();
  for (const day of days) {
    const its = levels.get(levelName(day.level)) ?? new Map<string, Put>();
    levels.set(levelName(day.level), its);
    // Of two answers put at once the later one.
    for (const [name, metric] of Object.entries(day.metrics))
      its.set(JSON.stringify([day.day, name]), { day, name, metric });
  }
  for (const [level, its] of levels) {
    const namesByDay = new Map<number, string[]>();
    for (const {
      day: { day },
      name,
    } of its.values())
      namesByDay.set(day, [...(namesByDay.get(day) ?? []), name]);
    const replaced = [...namesByDay].map(
      ([day, names]) => `(day = ${whole(day)} AND metric IN (${names.map(text).join(', ')}))`,
    );
    await connection.run(`DELETE FROM history WHERE level = ${text(level)} AND ${anyOf(replaced)}`);

    const numbers = await numbersFor(
      connection,
      level,
      [...its.values()].map(({ day }) => day.subjects),
    );
    const found = [...its.values()].flatMap(({ day, name, metric }) => {
      const indexes = numbers(day.subjects);
      const set = createHash('sha256').update(indexes).digest('base64url').slice(0, 22);
      return blocksOf(indexes, metric.values).map(
        ([block, data]) => [[level, day.day, name, metric.origin, day.asOf, set, block], data] as const,
      );
    });
    const blobs = await putBlobs(
      connection,
      found.map(([, data]) => data),
    );
    const rows = await tableWriter(connection, 'history', HISTORY_COLUMNS);
    found.forEach(([row], i) => {
      rows.add([...row, blobs[i]]);
    });
    rows.close();
  }
}

/** The numbers of lists of subjects; new subjects are given theirs first. */
async function numbersFor(connection: DuckDBConnection, level: string, lists: readonly (readonly string[])[]) {
  const { indexes, ids } = await knownSubjects(connection, level);
  const known = new Map<string, number>();
  let next = 0;
  ids.forEach((id, row) => {
    const index = indexes[row] ?? 0;
    if (id !== null) known.set(id, index);
    next = Math.max(next, index + 1);
  });
  const writer = await tableWriter(connection, 'history_subjects', ['text', 'integer', 'text']);
  for (const list of new Set(lists)) {
    for (const id of list) {
      if (known.has(id)) continue;
      known.set(id, next);
      writer.add([level, next++, id]);
    }
  }
  writer.close();
  const numbers = new Map<readonly string[], Int32Array>();
  return (list: readonly string[]) => {
    let its = numbers.get(list);
    if (!its) numbers.set(list, (its = Int32Array.from(list, (id) => known.get(id) ?? 0)));
    return its;
  };
}

async function knownSubjects(connection: DuckDBConnection, level: string) {
  const sql = `SELECT idx::DOUBLE, id FROM history_subjects WHERE level = ${text(level)}`;
  const [indexes, ids] = (await columns(connection, sql, ['number', 'text'])).columns;
  return { indexes: indexes.values, ids };
}

/** A column as blocks; one at least, so that a metric without subjects is there too. */
function blocksOf(indexes: Int32Array, column: NumberColumn): readonly (readonly [block: number, data: Uint8Array])[] {
  const open = new Map<number, { there: Uint8Array; values: Float64Array; length: number }>();
  indexes.forEach((index, row) => {
    const number = blockOf(index);
    let block = open.get(number);
    if (!block) {
      open.set(number, (block = { there: new Uint8Array(BLOCK), values: new Float64Array(BLOCK), length: 0 }));
    }
    const slot = index % BLOCK;
    block.length = Math.max(block.length, slot + 1);
    block.there[slot] = column.valid[row] ? VALUE : 1;
    block.values[slot] = column.valid[row] ? (column.values[row] ?? 0) : 0;
  });
  if (open.size === 0) open.set(0, { there: new Uint8Array(0), values: new Float64Array(0), length: 0 });
  return [...open].map(([number, { there, values, length }]) => [
    number,
    blockBytes(there.slice(0, length), values.slice(0, length)),
  ]);
}

async function read(
  connection: DuckDBConnection,
  { level, metrics, from, to, subject }: Parameters<HistoryStore['history']>[0],
): Promise<readonly HistoryDay[]> {
  if (metrics.length === 0) return [];
  const its = subject === undefined ? null : await numberOf(connection, levelName(level), subject);
  if (subject !== undefined && its === null) return [];
  const sql = `
    SELECT day::DOUBLE, metric, origin, as_of::DOUBLE, subjects, block::DOUBLE, blob::DOUBLE FROM history
    WHERE ${about(level, from, to)} AND metric IN (${metrics.map(text).join(', ')})
    ${its === null ? '' : `AND block = ${whole(blockOf(its))}`}`;
  const kinds = ['number', 'text', 'text', 'number', 'text', 'number', 'number'] as const;
  const [days, names, origins, instants, sets, blocks, held] = (await columns(connection, sql, kinds)).columns;

  const data = await readBlocks(connection, held.values);

  const found = new Map<string, { readonly row: number; readonly blocks: Map<number, Block> }>();
  names.forEach((name, row) => {
    const key = JSON.stringify([days.values[row], name]);
    const metric = found.get(key) ?? { row, blocks: new Map<number, Block>() };
    found.set(key, metric);
    metric.blocks.set(blocks.values[row] ?? 0, data.get(held.values[row] ?? 0) ?? NOBODY);
  });
  const rowsOf =
    its === null
      ? await subjectRows(connection, levelName(level))
      : () => ({ subjects: [subject ?? ''], indexes: [its] });
  const entries = [...found.values()].flatMap(({ row, blocks: parts }): HistoryEntry[] => {
    const set = sets[row] ?? '';
    const { subjects, indexes } = rowsOf(set, parts);
    if (its !== null && stateAt(parts, its) === ABSENT) return [];
    const valid = Uint8Array.from(indexes, (index) => (stateAt(parts, index) === VALUE ? 1 : 0));
    const values = Float64Array.from(indexes, (index) => parts.get(blockOf(index))?.values[index % BLOCK] ?? 0);
    return [
      {
        level,
        day: days.values[row] ?? 0,
        asOf: instants.values[row] ?? 0,
        set,
        subjects,
        metric: names[row] ?? '',
        origin: origins[row] ?? '',
        values: { type: 'number', values, valid },
      },
    ];
  });
  return historyDays(entries);
}

const stateIn = ({ there, values }: Block, slot: number): number =>
  slot < values.length ? (there?.[slot] ?? VALUE) : ABSENT;

function stateAt(blocks: ReadonlyMap<number, Block>, index: number): number {
  const block = blocks.get(blockOf(index));
  return block ? stateIn(block, index % BLOCK) : ABSENT;
}

/** The subjects of a set, in order, with their numbers: worked out once per set. */
async function subjectRows(connection: DuckDBConnection, level: string) {
  const { indexes, ids } = await knownSubjects(connection, level);
  const order = ids
    .flatMap((id, row) => (id === null ? [] : [{ id, index: indexes[row] ?? 0 }]))
    .sort((a, b) => compareCodeUnits(a.id, b.id));
  const sets = new Map<string, { readonly subjects: readonly string[]; readonly indexes: readonly number[] }>();
  return (set: string, blocks: ReadonlyMap<number, Block>) => {
    let its = sets.get(set);
    if (!its) {
      const there = order.filter(({ index }) => stateAt(blocks, index) !== ABSENT);
      sets.set(set, (its = { subjects: there.map(({ id }) => id), indexes: there.map(({ index }) => index) }));
    }
    return its;
  };
}

async function numberOf(connection: DuckDBConnection, level: string, subject: string): Promise<number | null> {
  const sql = `SELECT idx::DOUBLE FROM history_subjects WHERE level = ${text(level)} AND id = ${text(subject)}`;
  const [indexes] = (await columns(connection, sql, ['number'])).columns;
  return indexes.values[0] ?? null;
}

/** Takes a subject out of every level's history; returns from how many days. Inside a transaction. */
export async function eraseHistory(connection: DuckDBConnection, { kind, id }: Subject): Promise<number> {
  let known = 0;
  const where = `${levelsOf(kind)} AND id = ${text(id)}`;
  const sql = `SELECT level, idx::DOUBLE FROM history_subjects WHERE ${where}`;
  const [levels, indexes] = (await columns(connection, sql, ['text', 'number'])).columns;
  for (const [row, level] of levels.entries()) {
    const index = indexes.values[row] ?? 0;
    const block = `level = ${text(level ?? '')} AND block = ${whole(blockOf(index))}`;
    const kinds = ['number', 'text', 'text', 'number', 'text', 'number'] as const;
    const read = `SELECT day::DOUBLE, metric, origin, as_of::DOUBLE, subjects, blob::DOUBLE FROM history WHERE ${block}`;
    const [days, metrics, origins, instants, sets, held] = (await columns(connection, read, kinds)).columns;
    await connection.run(`DELETE FROM history WHERE ${block}`);
    const data = await readBlocks(connection, held.values);
    const blocks = [...data];
    const without = await putBlobs(
      connection,
      blocks.map(([, found]) => withoutSlot(found, index % BLOCK)),
    );
    const rewritten = new Map(blocks.map(([blob], i) => [blob, without[i] ?? 0]));
    const writer = await tableWriter(connection, 'history', HISTORY_COLUMNS);
    const its = new Set<number>();
    metrics.forEach((metric, at) => {
      const [day, blob] = [days.values[at] ?? 0, held.values[at] ?? 0];
      if (stateIn(data.get(blob) ?? NOBODY, index % BLOCK) !== ABSENT) its.add(day);
      const row = [level, day, metric, origins[at], instants.values[at], sets[at], blockOf(index)] as const;
      writer.add([...row, rewritten.get(blob) ?? 0]);
    });
    writer.close();
    known += its.size;
  }
  await connection.run(`UPDATE history_subjects SET id = NULL WHERE ${where}`);
  return known;
}

function withoutSlot({ there, values }: Block, slot: number): Uint8Array {
  const states = there ?? new Uint8Array(values.length).fill(VALUE);
  const numbers = Float64Array.from(values);
  if (slot < values.length) [states[slot], numbers[slot]] = [ABSENT, 0];
  return blockBytes(states, numbers);
}
