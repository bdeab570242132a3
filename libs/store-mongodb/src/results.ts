import type {
  Erased,
  Level,
  Membership,
  NewDelivery,
  ResultFrame,
  ResultStore,
  RetentionStore,
  Run,
  RunLease,
  Subject,
  Transition,
} from '@rapport/store';
import {
  compareCodeUnits,
  joinRecord,
  partsOfRecord,
  readManifest,
  splitRecord,
  StoreError,
  storeErased,
} from '@rapport/store';
import type { Properties } from '@rapport/store';
import { randomUUID } from 'node:crypto';
import { inBatches } from './batches.js';
import { createBlobs, type BlobKey } from './blobs.js';
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
export interface Results extends ResultStore {
  /** Moves the last run's deliveries to the outbox, if nobody has yet. */
  release(): Promise<void>;
  /** Raises the erasure epoch: what rests on an earlier snapshot is no longer committed. */
  raiseEpoch(): Promise<void>;
  /** Takes a subject out of every run: its row, its transitions. */
  erase(subject: Subject): Promise<Pick<Erased, 'results' | 'memberships' | 'transitions'>>;
  prune: RetentionStore['prune'];
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

/** The epoch as a filter matches it. */
const epochIs = (epoch: number) => (epoch === 0 ? { $or: [{ epoch }, { epoch: { $exists: false } }] } : { epoch });

export function createResults(collections: Collections): Results {
  const { lease, runs, frames, transitions, staged, deliveries } = collections;
  const blobs = createBlobs(collections);
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
    const [{ deletedCount }] = await Promise.all([
      frames.deleteMany({ fence }),
      transitions.deleteMany({ fence }),
      staged.deleteMany({ fence }),
    ]);
    if (deletedCount > 0) await dropUnused();
  }

  /** Removes blobs that only what was removed needed. `without`: numbers of runs that are about to go. */
  async function dropUnused(without: readonly RunDocument[] = [], dryRun = false): Promise<number> {
    const { lease: held, fence, current } = await runsState(collections);
    const gone = new Set(without.map((run) => run.fence));
    const used = new Set<BlobKey>();
    const lists: BlobKey[] = [];
    for await (const frame of frames.find({})) {
      if (gone.has(frame.fence)) continue;
      const content = contentOf(frame);
      used.add(content.subjects);
      if (content.columns !== null) lists.push(content.columns);
      else for (const [, key] of content.list) used.add(key);
    }
    const distinct = [...new Set(lists)];
    await inBatches(distinct, async (some) => {
      const found = await blobs.get(some);
      for (const list of found?.values() ?? []) for (const [, key] of columnsIn(list)) used.add(key);
    });
    for (const key of distinct) used.add(key);
    for (const run of [...(await runs.find({}).toArray()), ...(current ? [current] : [])])
      if (!gone.has(run.fence)) for (const key of partsOf(run)) used.add(key);
    // What a run under way, or the next one, may want has its number.
    return blobs.dropUnused(used, held ? held.fence : fence + 1, dryRun);
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

  async function runOf(run: RunDocument): Promise<Run> {
    const { _id: number, asOf, startedAt, committedAt } = run;
    const parts = partsOf(run);
    const found = await blobs.get(parts);
    const text = (key: BlobKey) => found?.get(key)?.toString('utf8') ?? 'null';
    const record =
      run.provenance === undefined ? (JSON.parse(text(parts[0] ?? '')) as unknown) : joinRecord(run.provenance, text);
    return { number, asOf, startedAt, committedAt, manifest: readManifest(record) };
  }

  const frameId = (fence: number, level: Level) => `${String(fence)}/${levelPath(level)}`;

  /** Writes frames' contents, all at once. */
  async function writeContents(
    fence: number,
    contents: readonly Omit<ResultFrame, 'level'>[],
  ): Promise<readonly Required<FrameDocument>['content'][]> {
    const bytes = contents.flatMap(({ subjects, columns }) => [
      jsonBytes(subjects),
      ...Object.values(columns).map(encodeColumn),
    ]);
    const keys = await blobs.put(fence, bytes);
    let at = 0;
    const heads = contents.map(({ columns }) => ({
      subjects: keys[at++] ?? '',
      list: Object.keys(columns).map((name) => [name, keys[at++] ?? ''] as const),
    }));
    const lists = await blobs.put(
      fence,
      heads.map(({ list }) => jsonBytes(list)),
    );
    return heads.map(({ subjects }, i) => ({ subjects, columns: lists[i] ?? '' }));
  }

  /** Null when part of it went while it was read: an erasure has written the frame again. */
  async function readContent(
    frame: FrameDocument,
    wanted?: readonly string[],
  ): Promise<Omit<ResultFrame, 'level'> | null> {
    const content = contentOf(frame);
    const lists = await blobs.get([content.subjects, ...(content.columns === null ? [] : [content.columns])]);
    if (!lists) return null;
    const all = content.columns === null ? content.list : columnsIn(lists.get(content.columns));
    const list = all.filter(([name]) => wanted?.includes(name) ?? true);
    const found = await blobs.get(list.map(([, key]) => key));
    if (!found) return null;
    return {
      subjects: JSON.parse(lists.get(content.subjects)?.toString('utf8') ?? '[]') as string[],
      columns: Object.fromEntries(
        list.map(([name, key]) => [name, decodeColumn(found.get(key) ?? Buffer.alloc(0))] as const),
      ),
    };
  }

  async function findFrame(run: number, level: Level): Promise<FrameDocument | null> {
    const { current } = await runsState(collections);
    if (!current || run > current._id) return null;
    const document = current._id === run ? current : await runs.findOne({ _id: run });
    return document && frames.findOne({ _id: frameId(document.fence, level) });
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
    async latestRunNumber() {
      return (await runsState(collections)).current?._id ?? null;
    },
    async runs(limit) {
      return Promise.all((await runDocuments(limit)).map(runOf));
    },

    async results(run, level, columns) {
      for (;;) {
        const frame = await findFrame(run, level);
        if (!frame) return null;
        const content = await readContent(frame, columns);
        if (content) return { level, ...content };
        const again = await findFrame(run, level);
        if (JSON.stringify(again) === JSON.stringify(frame)) {
          throw new StoreError(
            'RAPPORT_STORE_FORMAT',
            `part of the results of run ${String(run)} is missing from "blobs"; restore it from a backup, or look at another run`,
          );
        }
      }
    },

    async memberships(query = {}) {
      const moves = await latestMoves(query);
      return moves
        .filter(({ change }) => change === 'enter')
        .map((latest): Membership => ({
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
      return found.map(
        ({ run, segment: of, subject: who, kind, change, at, reason, facts, baseline, ...why }): Transition => ({
          segment: decodeText(of),
          subject: decodeText(who),
          kind,
          change,
          at,
          run,
          reason,
          facts: JSON.parse(facts) as Properties,
          baseline,
          baselineReason: why.baselineReason ?? null,
          baselineText: why.baselineText ?? null,
        }),
      );
    },

    async raiseEpoch() {
      await lease.updateOne({ _id: 'runs' }, { $inc: { epoch: 1 } });
    },

    async erase(subject) {
      const { kind, id } = subject;
      const memberships = await latestMoves({ subject: id });
      const its = memberships.filter((latest) => latest.kind === kind && latest.change === 'enter');
      const { deletedCount } = await transitions.deleteMany({ subject: encodeId(id), kind });
      const kinds: FrameDocument['kind'][] = kind === 'account' ? ['account', 'family'] : [kind];
      const { current } = await runsState(collections);
      let results = 0;
      const written = new Map<string, Required<FrameDocument>['content'] | null>();
      for await (const frame of frames.find({ kind: { $in: kinds } })) {
        const before = JSON.stringify(contentOf(frame));
        let content = written.get(before);
        if (content === undefined) {
          content = await withoutSubject(frame, id);
          written.set(before, content);
        }
        if (!content) continue;
        await frames.updateOne({ _id: frame._id }, { $set: { content }, $unset: { version: '', columns: '' } });
        if (frame.fence <= (current?.fence ?? 0)) results++;
      }
      if (results > 0) await dropUnused();
      return { results, memberships: its.length, transitions: deletedCount };
    },

    async prune({ runs: choose, deliveriesBefore }, dryRun = false) {
      await release();
      const all = await runDocuments(Infinity);
      const committed = all.map(({ _id, asOf, startedAt, committedAt }) => ({
        number: _id,
        asOf,
        startedAt,
        committedAt,
      }));
      const chosen = new Set(choose(committed.reverse()));
      const gone = all.slice(1).filter(({ _id }) => chosen.has(_id));
      const over = { state: { $in: ['delivered', 'parked'] as const }, dueAt: { $lt: deliveriesBefore } };
      let moved = 0;
      if (gone.length > 0) {
        const moves = await latestMoves({});
        const kept = new Set(moves.filter(({ change }) => change === 'enter').map(({ _id }) => _id));
        await inBatches(gone, async (some) => {
          const of = { run: { $in: some.map(({ _id }) => _id) } };
          const ids = (await transitions.find(of, { projection: { _id: 1 } }).toArray()).map(({ _id }) => _id);
          const unneeded = ids.filter((id) => !kept.has(id));
          moved += unneeded.length;
          if (!dryRun) await inBatches(unneeded, (batch) => transitions.deleteMany({ _id: { $in: [...batch] } }));
        });
      }
      const deliveriesGone = dryRun
        ? await deliveries.countDocuments(over)
        : (await deliveries.deleteMany(over)).deletedCount;
      if (!dryRun) {
        await inBatches(gone, async (some) => {
          await frames.deleteMany({ fence: { $in: some.map(({ fence }) => fence) } });
          await runs.deleteMany({ _id: { $in: some.map(({ _id }) => _id) } });
        });
      }
      const bytes = gone.length > 0 ? await dropUnused(gone, dryRun) : 0;
      return { runs: gone.length, transitions: moved, deliveries: deliveriesGone, bytes };
    },
  };

  /** The latest transition of each subject in each segment. */
  async function latestMoves(query: {
    readonly segment?: string;
    readonly subject?: string;
  }): Promise<readonly TransitionDocument[]> {
    const fence = committed(await runsState(collections));
    const asked = {
      fence,
      ...(query.segment !== undefined && { segment: encodeId(query.segment) }),
      ...(query.subject !== undefined && { subject: encodeId(query.subject) }),
    };
    const stages = [
      { $match: asked },
      { $sort: { fence: -1, position: -1 } },
      { $group: { _id: { g: '$segment', s: '$subject', k: '$kind' }, latest: { $first: '$$ROOT' } } },
    ];
    const rows = await transitions.aggregate<{ latest: TransitionDocument }>(stages, { allowDiskUse: true }).toArray();
    return rows.map(({ latest }) => latest);
  }

  /** The frame's content without one subject; null when it does not know it. */
  async function withoutSubject(frame: FrameDocument, id: string) {
    const content = await readContent(frame);
    const row = content ? content.subjects.indexOf(id) : -1;
    if (!content || row < 0) return null;
    const columns = Object.entries(content.columns).map(([name, column]) => [name, withoutRow(column, row)] as const);
    const rest = { subjects: content.subjects.toSpliced(row, 1), columns: Object.fromEntries(columns) };
    // With the number of the run to come, so that nobody takes them for unused before the frame names them.
    const { fence } = await runsState(collections);
    const [written] = await writeContents(fence + 1, [rest]);
    return written ?? null;
  }

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
        if ((before.epoch ?? 0) !== commit.epoch) throw storeErased();
        const number = (before.current?._id ?? 0) + 1;
        const { parts, head } = splitRecord(commit.manifest);
        const keys = await blobs.put(
          fence,
          parts.map((part) => Buffer.from(part, 'utf8')),
        );
        const contents = await writeContents(fence, commit.frames);
        for (const [i, { level }] of commit.frames.entries()) {
          const _id = frameId(fence, level);
          const content = contents[i];
          if (content) await frames.replaceOne({ _id }, { fence, kind: level.kind, content }, { upsert: true });
        }
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
              baselineReason: transition.baselineReason,
              baselineText: transition.baselineText,
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
        const current = { _id: number, fence, asOf: commit.asOf, startedAt, committedAt: now, provenance: head(keys) };
        const { modifiedCount } = await lease.updateOne(
          { ...held, ...epochIs(commit.epoch) },
          { $set: { current, lease: null } },
        );
        if (modifiedCount === 0) {
          const after = await runsState(collections);
          await discard([fence]);
          throw after.lease?.token === token ? storeErased() : lost();
        }
        await release();
        return { number, asOf: commit.asOf, startedAt, committedAt: now, manifest: commit.manifest };
      },

      async abandon() {
        const { modifiedCount } = await lease.updateOne(held, { $set: { lease: null }, $push: { dead: fence } });
        if (modifiedCount === 1) await discard([fence]);
      },
    };
  }
}

const jsonBytes = (value: unknown) => Buffer.from(JSON.stringify(value), 'utf8');

/** A frame's columns: name and blob. */
type ColumnList = readonly (readonly [name: string, key: BlobKey])[];
const columnsIn = (list: Buffer | undefined): ColumnList => JSON.parse(list?.toString('utf8') ?? '[]') as ColumnList;

/** Where a frame's content is: its columns in a list, or (an earlier version) known from the frame. */
function contentOf({ _id, content, version = 0, columns = [] }: FrameDocument) {
  if (content) return { subjects: content.subjects, columns: content.columns };
  const path = `${_id}/${String(version)}`;
  const list = columns.map(({ name }, i) => [decodeText(name), `${path}/${String(i)}`] as const);
  return { subjects: `${path}/subjects`, columns: null, list };
}

const partsOf = ({ fence, provenance }: RunDocument): readonly BlobKey[] =>
  provenance === undefined ? [`${String(fence)}/provenance`] : partsOfRecord(provenance);
