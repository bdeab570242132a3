import type {
  Column,
  Level,
  Membership,
  NewDelivery,
  ResultFrame,
  ResultStore,
  Run,
  RunLease,
  Transition,
} from '@rapport/store';
import { compareCodeUnits, StoreError } from '@rapport/store';
import type { Properties } from '@rapport/store';
import { Binary } from 'mongodb';
import { randomUUID } from 'node:crypto';
import { inBatches } from './batches.js';
import { decodeColumn, encodeColumn, withoutRow } from './codec.js';
import type { Collections, RunsState } from './collections.js';
import type { FrameDocument, RunDocument, TransitionDocument } from './result-document.js';
import { levelPath } from './result-document.js';
import { decodeText, encodeId } from './text.js';

/*
 * A run is committed by one update of one document, `state.runs`. Everything else is written before under the lease's number
 * (`fence`), and is invisible until `current.fence` has reached it and unless it is among `dead`. Deliveries are the exception:
 * they wait in `staged_deliveries` and move to `deliveries` after the commit, by whoever comes first, any number of times.
 */
const BLOB_BYTES = 8 * 1024 * 1024;

export interface Results extends ResultStore {
  /** Moves the last run's deliveries to the outbox, if nobody has yet. */
  release(): Promise<void>;
  /** Takes a subject out of every run: its row, its transitions. */
  erase(kind: 'account' | 'user', id: string): Promise<void>;
}

export async function runsState({ lease }: Collections): Promise<RunsState> {
  const found = await lease.findOne({ _id: 'runs' });
  if (!found) {
    throw new StoreError(
      'RAPPORT_STORE_FORMAT',
      'the document "runs" is missing from the collection "state"; open the store anew to write it again',
    );
  }
  return found;
}

/** What a reader may see: leases up to the committed one that were not given up. */
const committed = ({ current, dead }: RunsState) => ({
  $lte: current?.fence ?? 0,
  ...(dead.length > 0 && { $nin: [...dead] }),
});

export function createResults(collections: Collections): Results {
  const { lease, runs, frames, blobs, transitions, staged, deliveries } = collections;
  const lost = () =>
    new StoreError(
      'RAPPORT_STORE_LEASE_LOST',
      'another process took the run over, or the lease was given back; begin a new run',
    );

  async function release(): Promise<void> {
    const { current, released } = await runsState(collections);
    if (!current || released >= current.fence) return;
    const { fence } = current;
    for await (const { _id, fence: _fence, ...delivery } of staged.find({ fence })) {
      await deliveries.updateOne({ _id: delivery.key }, { $setOnInsert: delivery }, { upsert: true });
    }
    await lease.updateOne({ _id: 'runs', released: { $lt: fence } }, { $set: { released: fence } });
    await staged.deleteMany({ fence });
  }

  async function discard(fences: readonly number[]): Promise<void> {
    if (fences.length === 0) return;
    const fence = { $in: [...fences] };
    await Promise.all([
      frames.deleteMany({ fence }),
      blobs.deleteMany({ fence }),
      transitions.deleteMany({ fence }),
      staged.deleteMany({ fence }),
    ]);
  }

  /** Keeps the current run findable by number after the next one has taken its place. */
  async function archive({ current }: RunsState): Promise<void> {
    if (current) await runs.replaceOne({ _id: current._id }, current, { upsert: true });
  }

  async function runDocuments(limit: number): Promise<RunDocument[]> {
    const { current } = await runsState(collections);
    if (!current || limit <= 0) return [];
    const older = await runs
      .find({ _id: { $lt: current._id } })
      .sort({ _id: -1 })
      .limit(limit)
      .toArray();
    return [current, ...older].slice(0, limit);
  }

  async function runOf({ _id, fence, asOf, startedAt, committedAt }: RunDocument): Promise<Run> {
    const provenance = JSON.parse((await readBlob(`${String(fence)}/provenance`)).toString('utf8')) as unknown;
    return { number: _id, asOf, startedAt, committedAt, provenance };
  }

  async function readBlob(path: string): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let part = 0; ; part++) {
      const found = await blobs.findOne({ _id: `${path}/${String(part)}` });
      if (!found) return Buffer.concat(parts);
      parts.push(Buffer.from(found.data.value()));
    }
  }
  async function writeBlob(fence: number, path: string, bytes: Buffer): Promise<void> {
    for (let part = 0; part === 0 || part * BLOB_BYTES < bytes.length; part++) {
      const data = new Binary(bytes.subarray(part * BLOB_BYTES, (part + 1) * BLOB_BYTES));
      await blobs.replaceOne({ _id: `${path}/${String(part)}` }, { fence, data }, { upsert: true });
    }
  }

  const frameId = (fence: number, level: Level) => `${String(fence)}/${levelPath(level)}`;
  const pathOf = ({ _id, version }: FrameDocument) => `${_id}/${String(version)}`;

  async function writeFrame(
    document: FrameDocument,
    subjects: readonly string[],
    columns: readonly Column[],
  ): Promise<void> {
    const path = pathOf(document);
    await writeBlob(document.fence, `${path}/subjects`, Buffer.from(JSON.stringify(subjects), 'utf8'));
    for (const [i, column] of columns.entries()) {
      await writeBlob(document.fence, `${path}/${String(i)}`, encodeColumn(column));
    }
    await frames.replaceOne({ _id: document._id }, document, { upsert: true });
  }
  async function readSubjects(document: FrameDocument): Promise<readonly string[]> {
    return JSON.parse((await readBlob(`${pathOf(document)}/subjects`)).toString('utf8')) as string[];
  }

  return {
    release,

    async begin(holder, now, leaseMs) {
      const token = randomUUID();
      for (;;) {
        const before = await runsState(collections);
        if (before.lease && before.lease.until > now) {
          throw new StoreError(
            'RAPPORT_STORE_RUN_BUSY',
            `"${before.lease.holder}" is evaluating this workspace until ${new Date(before.lease.until).toISOString()} at the latest; wait for it to end`,
          );
        }
        const fence = before.fence + 1;
        const { modifiedCount } = await lease.updateOne(
          { _id: 'runs', fence: before.fence, 'lease.until': before.lease ? before.lease.until : null },
          {
            $set: { fence, lease: { token, holder, until: now + leaseMs, fence, startedAt: now } },
            ...(before.lease && { $push: { dead: before.lease.fence } }),
          },
        );
        if (modifiedCount === 0) continue;
        const taken = await runsState(collections);
        await discard(taken.dead);
        await release();
        await archive(taken);
        return leaseOf(token, fence, now, leaseMs);
      }
    },

    async latestRun() {
      const [latest] = await runDocuments(1);
      return latest ? runOf(latest) : null;
    },
    async runs(limit) {
      return Promise.all((await runDocuments(limit)).map(runOf));
    },

    async results(run, level, columns) {
      const { current } = await runsState(collections);
      if (!current || run > current._id) return null;
      const document = current._id === run ? current : await runs.findOne({ _id: run });
      const frame = document && (await frames.findOne({ _id: frameId(document.fence, level) }));
      if (!frame) return null;
      const wanted = frame.columns
        .map(({ name }, i) => ({ name: decodeText(name), i }))
        .filter(({ name }) => !columns || columns.includes(name));
      const read = await Promise.all(
        wanted.map(
          async ({ name, i }) => [name, decodeColumn(await readBlob(`${pathOf(frame)}/${String(i)}`))] as const,
        ),
      );
      return { level, subjects: await readSubjects(frame), columns: Object.fromEntries(read) };
    },

    async memberships(query = {}) {
      const fence = committed(await runsState(collections));
      const rows = await transitions
        .aggregate<{ latest: TransitionDocument }>(
          [
            {
              $match: {
                fence,
                ...(query.segment !== undefined && { segment: encodeId(query.segment) }),
                ...(query.subject !== undefined && { subject: encodeId(query.subject) }),
              },
            },
            { $sort: { fence: -1, position: -1 } },
            { $group: { _id: { g: '$segment', s: '$subject', k: '$kind' }, latest: { $first: '$$ROOT' } } },
            { $match: { 'latest.change': 'enter' } },
          ],
          { allowDiskUse: true },
        )
        .toArray();
      return rows
        .map(({ latest }): Membership => ({
          segment: decodeText(latest.segment),
          subject: decodeText(latest.subject),
          kind: latest.kind,
          enteredAt: latest.at,
          reason: latest.reason,
        }))
        .sort(
          (a, b) =>
            compareCodeUnits(a.segment, b.segment) ||
            compareCodeUnits(a.subject, b.subject) ||
            compareCodeUnits(a.kind, b.kind),
        );
    },

    async transitions({ segment, subject, limit }) {
      if (limit <= 0) return [];
      const fence = committed(await runsState(collections));
      const found = await transitions
        .find({
          fence,
          ...(segment !== undefined && { segment: encodeId(segment) }),
          ...(subject !== undefined && { subject: encodeId(subject) }),
        })
        .sort({ fence: -1, position: -1 })
        .limit(limit)
        .toArray();
      return found.map(({ run, segment: of, subject: who, kind, change, at, reason, facts, baseline }): Transition => ({
        segment: decodeText(of),
        subject: decodeText(who),
        kind,
        change,
        at,
        run,
        reason,
        facts: JSON.parse(facts) as Properties,
        baseline,
      }));
    },

    async evaluatedSegments() {
      return (await runsState(collections)).evaluated.map(decodeText).sort(compareCodeUnits);
    },

    async erase(kind, id) {
      const subject = encodeId(id);
      await transitions.deleteMany({ subject, kind });
      const kinds: FrameDocument['kind'][] = kind === 'account' ? ['account', 'family'] : [kind];
      for await (const frame of frames.find({ kind: { $in: kinds } })) {
        const subjects = await readSubjects(frame);
        const row = subjects.indexOf(id);
        if (row < 0) continue;
        const columns = await Promise.all(
          frame.columns.map(async (_, i) =>
            withoutRow(decodeColumn(await readBlob(`${pathOf(frame)}/${String(i)}`)), row),
          ),
        );
        await writeFrame(
          { ...frame, version: frame.version + 1 },
          subjects.filter((_, i) => i !== row),
          columns,
        );
        await blobs.deleteMany({ _id: { $gte: `${pathOf(frame)}/`, $lt: `${pathOf(frame)}0` } });
      }
    },
  };

  function leaseOf(token: string, fence: number, startedAt: number, leaseMs: number): RunLease {
    const held = { _id: 'runs' as const, 'lease.token': token };
    return {
      async extend(now) {
        const { matchedCount } = await lease.updateOne(held, { $set: { 'lease.until': now + leaseMs } });
        if (matchedCount === 0) throw lost();
      },

      async commit(commit, now) {
        const before = await runsState(collections);
        if (before.lease?.token !== token) throw lost();
        const number = (before.current?._id ?? 0) + 1;
        await writeBlob(
          fence,
          `${String(fence)}/provenance`,
          Buffer.from(JSON.stringify(commit.provenance ?? null), 'utf8'),
        );
        for (const frame of commit.frames) await writeResults(frame);
        await inBatches(commit.transitions, (batch, from) =>
          transitions.insertMany(
            batch.map((transition, i) => ({
              _id: `${String(fence)}/${String(from + i)}`,
              fence,
              position: from + i,
              run: number,
              segment: encodeId(transition.segment),
              subject: encodeId(transition.subject),
              kind: transition.kind,
              change: transition.change,
              at: transition.at,
              reason: transition.reason,
              facts: JSON.stringify(transition.facts),
              baseline: transition.baseline,
            })),
          ),
        );
        const byKey = new Map<string, NewDelivery>();
        for (const delivery of commit.deliveries) if (!byKey.has(delivery.key)) byKey.set(delivery.key, delivery);
        await inBatches([...byKey.values()], (batch) =>
          staged.insertMany(
            batch.map(({ key, payload, subject, ...delivery }) => ({
              ...delivery,
              _id: `${String(fence)}/${encodeId(key)}`,
              fence,
              key: encodeId(key),
              payload: JSON.stringify(payload),
              subject: { kind: subject.kind, id: encodeId(subject.id) },
              state: 'pending' as const,
              attempts: 0,
              leasedUntil: 0,
              lastError: null,
              deliveredAt: null,
            })),
          ),
        );
        const current: RunDocument = { _id: number, fence, asOf: commit.asOf, startedAt, committedAt: now };
        const { modifiedCount } = await lease.updateOne(held, {
          $set: { current, lease: null },
          $addToSet: { evaluated: { $each: commit.evaluated.map(encodeId) } },
        });
        if (modifiedCount === 0) {
          await discard([fence]);
          throw lost();
        }
        await release();
        return { number, asOf: commit.asOf, startedAt, committedAt: now, provenance: commit.provenance };
      },

      async abandon() {
        const { modifiedCount } = await lease.updateOne(held, { $set: { lease: null }, $push: { dead: fence } });
        if (modifiedCount === 1) await discard([fence]);
      },
    };

    async function writeResults({ level, subjects, columns }: ResultFrame): Promise<void> {
      const entries = Object.entries(columns);
      await writeFrame(
        {
          _id: frameId(fence, level),
          fence,
          kind: level.kind,
          version: 1,
          columns: entries.map(([name, { type }]) => ({ name: encodeId(name), type })),
        },
        subjects,
        entries.map(([, column]) => column),
      );
    }
  }
}
