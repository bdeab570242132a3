import type { HistoryDay, HistoryEntry, HistoryStore, Level, NumberColumn, Subject } from '@rapport/store';
import { compareCodeUnits, historyDays, StoreError, storeErased, subjectKindOf } from '@rapport/store';
import { Binary } from 'mongodb';
import { createHash, randomUUID } from 'node:crypto';
import { inBatches } from './batches.js';
import { decodeColumn, encodeColumn } from './codec.js';
import type { Collections } from './collections.js';
import type { HistoryDocument, HistorySubjectsDocument } from './result-document.js';
import { levelPath } from './result-document.js';
import { decodeText, encodeId } from './text.js';

/*
 * One metric's day is one document of `history`. Inserting it, after its values, makes it visible, and of several the one with the greatest `put`
 * counts: a day is replaced whole, and what a killed writer left is not seen and goes with the next put of that day. Lists of
 * subjects are shared by all days and metrics that have the same. Subjects and values are cut into parts alike, so that one
 * subject's course is read without the others'.
 */
const PART_SUBJECTS = 1024;
/** In place of the hash of a list that is no longer what it was. */
const ERASED = 'erased';

export interface History extends HistoryStore {
  /** Takes a subject's name out of every list, and its values with it; returns from how many days of how many levels. */
  erase(subject: Subject): Promise<number>;
}

type Query = Omit<Parameters<HistoryStore['history']>[0], 'metrics'> & { readonly metrics?: readonly string[] };
/** Subjects of a list, and the rows where their values are. */
interface Chosen {
  readonly subjects: string[];
  readonly parts: { readonly part: number; readonly rows: readonly number[] }[];
}

/** @param epoch the store's erasure epoch */
export function createHistory(
  { history, historyValues, historySubjects, historyState }: Collections,
  epoch: () => Promise<number>,
): History {
  return {
    async putHistory(days, of) {
      if ((await epoch()) !== of) throw storeErased();
      for (const day of days) await putDay(day, of);
    },

    async history(query) {
      for (;;) {
        const documents = await documentsOf(query);
        const entries = await entriesOf(query, documents);
        // What a day rests on is removed after the day itself: while that is there, all of it was.
        const still = new Set((await documentsOf(query)).map(({ _id }) => _id));
        if (!documents.every(({ _id }) => still.has(_id))) continue;
        if (entries) return historyDays(entries);
        throw new StoreError(
          'RAPPORT_STORE_FORMAT',
          `part of the history of days ${String(query.from)} to ${String(query.to)} is missing from "history_values" or "history_subjects"; put those days again`,
        );
      }
    },

    async historyOrigins(query) {
      const origins = new Map<number, [string, string][]>();
      for (const { day, metric, origin } of await documentsOf(query)) {
        const entry: [string, string] = [decodeText(metric), origin];
        const entries = origins.get(day);
        if (entries) entries.push(entry);
        else origins.set(day, [entry]);
      }
      return new Map([...origins].map(([day, entries]) => [day, Object.fromEntries(entries)]));
    },

    async erase({ kind, id }) {
      const days = new Set<string>();
      for await (const { _id, list, part, data } of historySubjects.find({ kind, ...including(encodeId(id)) })) {
        const ids = idsIn(data);
        const row = ids.indexOf(id);
        if (row < 0) continue;
        await historySubjects.updateMany({ kind, list, hash: { $exists: true } }, { $set: { hash: ERASED } });
        await inBatches(await history.find({ list }, { projection: { level: 1, day: 1 } }).toArray(), async (users) => {
          for (const { level, day } of users) days.add(`${level} ${String(day)}`);
          const values = { _id: { $in: users.map((document) => partId(document._id, part)) } };
          const operations = (await historyValues.find(values).toArray()).map((found) => {
            const without = new Binary(encodeColumn(withoutValue(numbersIn(found.data), row)));
            return { updateOne: { filter: { _id: found._id }, update: { $set: { data: without } } } };
          });
          if (operations.length > 0) await historyValues.bulkWrite(operations, { ordered: false });
        });
        // The name goes last: an erasure that was cut short finds the rest again by it.
        await historySubjects.updateOne(
          { _id },
          { $set: subjectsPart(ids.map((other) => (other === id ? null : other))) },
        );
      }
      return days.size;
    },
  };

  async function putDay({ level, day, asOf, subjects, metrics }: HistoryDay, of: number): Promise<void> {
    const entries = Object.entries(metrics).map(([name, metric]) => ({ ...metric, name: encodeId(name) }));
    if (entries.length === 0) return;
    const path = levelPath(level);
    const list = await pinnedList(level, subjects);
    const put = await nextPut();
    const written = entries.map(({ name, origin, values }) => ({
      document: { _id: documentId(path, day, name, put), level: path, day, metric: name, put, asOf, origin, list },
      values,
    }));
    const parts = written.flatMap(({ document, values }) =>
      partsOf(subjects).map((_, part) => ({
        _id: partId(document._id, part),
        data: new Binary(encodeColumn(valuesPart(values, part))),
      })),
    );
    await inBatches(parts, (batch) => historyValues.insertMany([...batch], { ordered: false }));
    await history.insertMany(written.map(({ document }) => document));
    await historySubjects.updateOne({ list, pins: { $gt: 0 } }, { $inc: { pins: -1 } });
    if ((await epoch()) !== of) {
      // An erasure may have come too early to find what was just written.
      await history.deleteMany({ _id: { $in: written.map(({ document }) => document._id) } });
      await inBatches(parts, (batch) => historyValues.deleteMany({ _id: { $in: batch.map(({ _id }) => _id) } }));
      await release(list);
      throw storeErased();
    }

    const names = entries.map(({ name }) => name);
    const older = await history.find({ level: path, day, metric: { $in: names }, put: { $lt: put } }).toArray();
    await history.deleteMany({ _id: { $in: older.map(({ _id }) => _id) } });
    await historyValues.bulkWrite(
      names.map((name) => ({
        deleteMany: {
          filter: { _id: { $gte: documentId(path, day, name, 0), $lt: documentId(path, day, name, put) } },
        },
      })),
    );
    for (const unused of new Set(older.map((document) => document.list))) await release(unused);
  }

  async function nextPut(): Promise<number> {
    const state = await historyState.findOneAndUpdate(
      { _id: 'history' },
      { $inc: { put: 1 } },
      { upsert: true, returnDocument: 'after' },
    );
    return state?.put ?? 1;
  }

  /** The list of these subjects, written if there is none; pinned until days use it. */
  async function pinnedList(level: Level, subjects: readonly string[]): Promise<string> {
    const kind = kindOf(level);
    const hash = createHash('sha256')
      .update(JSON.stringify([kind, subjects]))
      .digest('hex');
    const known = await historySubjects.findOneAndUpdate({ hash }, { $inc: { pins: 1 } });
    if (known) return known.list;
    const list = randomUUID();
    const parts = partsOf(subjects);
    const documents = parts.map((ids, part): HistorySubjectsDocument => ({
      _id: partId(list, part),
      list,
      part,
      kind,
      ...subjectsPart(ids),
      ...(part === parts.length - 1 && { hash, pins: 1 }),
    }));
    await inBatches(documents, (batch) => historySubjects.insertMany([...batch]));
    return list;
  }

  /** Removes a list that nothing uses any more. Without its hash nobody can pin it: what then neither is pinned nor used, stays so. */
  async function release(list: string): Promise<void> {
    const used = () => history.findOne({ list }, { projection: { _id: 1 } });
    if (await used()) return;
    await historySubjects.updateOne({ list, pins: 0 }, { $unset: { hash: '' } });
    const pinned = await historySubjects.findOne({ list, hash: { $exists: true } }, { projection: { _id: 1 } });
    if (pinned || (await used())) return;
    await historySubjects.deleteMany({ list });
  }

  /** Those that count, in the order of days and puts. */
  async function documentsOf({ level, metrics, from, to }: Query): Promise<readonly HistoryDocument[]> {
    const latest = new Map<string, HistoryDocument>();
    for await (const document of history.find({
      level: levelPath(level),
      day: { $gte: from, $lte: to },
      ...(metrics && { metric: { $in: metrics.map(encodeId) } }),
    })) {
      const key = `${String(document.day)} ${document.metric}`;
      if ((latest.get(key)?.put ?? 0) < document.put) latest.set(key, document);
    }
    return [...latest.values()].sort((a, b) => a.day - b.day || a.put - b.put || compareCodeUnits(a._id, b._id));
  }

  /** The values of documents; null when some are missing. */
  async function entriesOf(
    { level, subject }: Query,
    documents: readonly HistoryDocument[],
  ): Promise<readonly HistoryEntry[] | null> {
    const lists = await chosenFrom(level, [...new Set(documents.map(({ list }) => list))], subject);
    const ids = documents.flatMap(({ _id, list }) => lists.get(list)?.parts.map(({ part }) => partId(_id, part)) ?? []);
    const columns = new Map<string, NumberColumn>();
    await inBatches(ids, async (batch) => {
      for await (const { _id, data } of historyValues.find({ _id: { $in: [...batch] } }))
        columns.set(_id, numbersIn(data));
    });
    const entries: HistoryEntry[] = [];
    for (const { _id, day, asOf, list, metric, origin } of documents) {
      const chosen = lists.get(list);
      if (!chosen && subject !== undefined) continue;
      const values = chosen && gathered(chosen, (part) => columns.get(partId(_id, part)));
      if (!values) return null;
      entries.push({
        level,
        day,
        asOf,
        subjects: chosen.subjects,
        set: list,
        metric: decodeText(metric),
        origin,
        values,
      });
    }
    return entries;
  }

  /** Of each list all subjects; with `subject` that one, of the lists that know it. */
  async function chosenFrom(
    level: Level,
    lists: readonly string[],
    subject: string | undefined,
  ): Promise<ReadonlyMap<string, Chosen>> {
    const one = subject !== undefined && including(encodeId(subject));
    const parts = await historySubjects.find({ kind: kindOf(level), list: { $in: [...lists] }, ...one }).toArray();
    const chosen = new Map<string, Chosen>();
    for (const { list, part, data } of parts.sort((a, b) => a.part - b.part)) {
      const ids = idsIn(data);
      const rows = [...ids.keys()].filter((row) => ids[row] !== null && (subject ?? ids[row]) === ids[row]);
      if (rows.length === 0 && subject !== undefined) continue;
      const of = chosen.get(list) ?? { subjects: [], parts: [] };
      chosen.set(list, of);
      for (const row of rows) of.subjects.push(ids[row] ?? '');
      of.parts.push({ part, rows });
    }
    return chosen;
  }
}

const kindOf = (level: Level): HistorySubjectsDocument['kind'] => subjectKindOf(level) ?? 'portfolio';

// A JSON list ends where it ends: no id is the beginning of another.
const documentId = (path: string, day: number, metric: string, put: number) =>
  `${JSON.stringify([path, day, metric])}/${String(put).padStart(12, '0')}`;
const partId = (of: string, part: number) => `${of}/${String(part)}`;

/** At least one part, so that an empty list is one too. */
const partsOf = (subjects: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: Math.max(1, Math.ceil(subjects.length / PART_SUBJECTS)) }, (_, part) =>
    subjects.slice(part * PART_SUBJECTS, (part + 1) * PART_SUBJECTS),
  );
const valuesPart = ({ values, valid }: NumberColumn, part: number): NumberColumn => ({
  type: 'number',
  values: values.subarray(part * PART_SUBJECTS, (part + 1) * PART_SUBJECTS),
  valid: valid.subarray(part * PART_SUBJECTS, (part + 1) * PART_SUBJECTS),
});

function subjectsPart(ids: readonly (string | null)[]) {
  let [least, greatest] = ['', ''];
  for (const [i, id] of ids
    .filter((each) => each !== null)
    .map(encodeId)
    .entries()) {
    if (i === 0 || id < least) least = id;
    if (i === 0 || id > greatest) greatest = id;
  }
  return { least, greatest, data: new Binary(Buffer.from(JSON.stringify(ids), 'utf8')) };
}
/** Parts that a subject may be in. */
const including = (stored: string) => ({ least: { $lte: stored }, greatest: { $gte: stored } });
const idsIn = (data: Binary) => JSON.parse(Buffer.from(data.value()).toString('utf8')) as readonly (string | null)[];

function numbersIn(data: Binary): NumberColumn {
  const column = decodeColumn(Buffer.from(data.value()));
  if (column.type === 'number') return column;
  throw new StoreError('RAPPORT_STORE_FORMAT', 'a document of "history_values" holds no numbers; put its day again');
}
const withoutValue = ({ values, valid }: NumberColumn, row: number): NumberColumn => ({
  type: 'number',
  values: values.map((value, i) => (i === row ? 0 : value)),
  valid: valid.map((flag, i) => (i === row ? 0 : flag)),
});

function gathered(
  { subjects, parts }: Chosen,
  columnOf: (part: number) => NumberColumn | undefined,
): NumberColumn | null {
  const values = new Float64Array(subjects.length);
  const valid = new Uint8Array(subjects.length);
  let at = 0;
  for (const { part, rows } of parts) {
    const column = columnOf(part);
    if (!column) return null;
    for (const row of rows) {
      values[at] = column.values[row] ?? 0;
      valid[at++] = column.valid[row] ?? 0;
    }
  }
  return { type: 'number', values, valid };
}
