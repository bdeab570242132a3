import type { Zone } from '@rapport/sdk/time';
import type { Message } from '@rapport/store';
import type { AnyBulkWriteOperation, Binary, WriteError } from 'mongodb';
import { MongoBulkWriteError } from 'mongodb';
import { setTimeout as pause } from 'node:timers/promises';
import type { AppendsState, Collections, OpenAppend } from './collections.js';
import type { MessageDocument } from './document.js';
import { documentOf, orderKey } from './document.js';

/*
 * An append has a number. While it is under way the number is in `state.appends.open`, and no snapshot sees its messages; taking
 * the number out shows all of them at once. A snapshot therefore needs no transaction: it sees the numbers that had been given
 * out and were not open when it began.
 *
 * A writer that was killed leaves its number open. Whoever sends the same messages again takes them over into its own append, and
 * the next append but a minute later takes over the rest. `taken` tells a writer that was only slow that this has happened.
 */
const PATIENCE_MS = 2_000;
const PAUSE_MS = 50;
const ABANDONED_MS = 60_000;
const DUPLICATE_KEY = 11_000;
const LARGEST_APPEND = 5_000;

export interface Appended {
  readonly accepted: number;
  readonly duplicates: number;
}
export interface Appender {
  append(batch: readonly Message[]): Promise<Appended>;
  /** Takes over what killed writers left, if any. */
  recover(): Promise<void>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

/** Concurrent appends of one process are grouped into one. */
export function createAppender(
  collections: Collections,
  zone: Zone,
  usersAreAccounts: boolean,
  now: () => number,
): Appender {
  interface Waiting {
    readonly batch: readonly Message[];
    readonly resolve: (result: Appended) => void;
    readonly reject: (error: unknown) => void;
  }
  const waiting: Waiting[] = [];
  let working: Promise<void> | null = null;
  const abandoned = ({ since }: OpenAppend): boolean => now() - since > ABANDONED_MS;

  return {
    append(batch) {
      if (batch.length === 0) return Promise.resolve({ accepted: 0, duplicates: 0 });
      return new Promise((resolve, reject) => {
        waiting.push({ batch, resolve, reject });
        working ??= work();
      });
    },
    async recover() {
      if ((await appends(collections)).open.some(abandoned)) await write([]);
    },
    async idle() {
      await working;
    },
  };

  async function work(): Promise<void> {
    while (waiting.length > 0) {
      const group: Waiting[] = [];
      let size = 0;
      while (waiting.length > 0 && (size === 0 || size + (waiting[0]?.batch.length ?? 0) <= LARGEST_APPEND)) {
        const next = waiting.shift();
        if (next) size += group[group.push(next) - 1]?.batch.length ?? 0;
      }
      try {
        const fresh = await write(group.flatMap(({ batch }) => batch));
        let from = 0;
        for (const { batch, resolve } of group) {
          const accepted = fresh.slice(from, (from += batch.length)).filter(Boolean).length;
          resolve({ accepted, duplicates: batch.length - accepted });
        }
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    working = null;
  }

  /** For each message: was it new? */
  async function write(messages: readonly Message[]): Promise<boolean[]> {
    const number = await open(collections, now());
    const first = new Map<string, number>();
    const documents = messages.map((message) => documentOf(message, number, zone, usersAreAccounts));
    const fresh = documents.map((document, i) => {
      const key = document._id.toString('hex');
      return !first.has(key) && Boolean(first.set(key, i));
    });
    const unique = documents.filter((_, i) => fresh[i]);

    const known = new Set<string>();
    const refuse = (ids: readonly Binary[]) => {
      for (const id of ids) known.add(id.toString('hex'));
    };
    // Memberships first: events that follow read them back, whoever wrote them.
    const members = unique.filter(({ member }) => member);
    refuse(await insert(collections, members));
    const others = unique.filter(({ member }) => !member);
    const derivedUsers = usersAreAccounts ? [] : usersOf(others);
    const before = await membershipsOf(collections, derivedUsers);
    const events = others.map((document) => attributed(document, before));
    refuse(await insert(collections, events));
    for (const [key, i] of first) if (known.has(key)) fresh[i] = false;

    const repeated = unique.filter(({ _id }) => known.has(_id.toString('hex'))).map(({ _id }) => _id);
    const dead = (await appends(collections)).open.filter((other) => other.number !== number && abandoned(other));
    const adopted = await adopt(collections, dead, number);
    await takeOver(collections, number, repeated);
    if (!usersAreAccounts) {
      await attributeLate(collections, number, [...unique, ...adopted], known, derivedUsers, before);
    }
    await close(
      collections,
      number,
      dead.map((other) => other.number),
      now(),
    );
    return fresh;
  }
}

export async function appends(collections: Collections): Promise<AppendsState> {
  return (await collections.appends.findOne({ _id: 'appends' })) ?? { _id: 'appends', next: 0, open: [] };
}

/** Takes the next number and marks it open, in one step. */
async function open(collections: Collections, since: number): Promise<number> {
  for (;;) {
    const { next } = await appends(collections);
    const number = next + 1;
    const { modifiedCount } = await collections.appends.updateOne(
      { _id: 'appends', next },
      { $set: { next: number }, $push: { open: { number, since } } },
    );
    if (modifiedCount === 1) return number;
    await pause(number % 8); // another process was faster
  }
}

async function close(collections: Collections, number: number, also: readonly number[], since: number): Promise<void> {
  const numbers = [number, ...also];
  const { modifiedCount } = await collections.appends.updateOne(
    { _id: 'appends', open: { $elemMatch: { number, taken: { $ne: true } } } },
    { $pull: { open: { number: { $in: numbers } } } },
  );
  if (modifiedCount === 1) return;
  // Somebody took this append for dead and took messages over. What is left of it goes on under a fresh number.
  const again = await open(collections, since);
  await restamp(collections, [number], again);
  await close(collections, again, numbers, since);
}

/** Inserts what is not known yet; returns the ids that are. */
async function insert({ messages }: Collections, documents: readonly MessageDocument[]): Promise<Binary[]> {
  if (documents.length === 0) return [];
  try {
    await messages.insertMany(documents, { ordered: false });
    return [];
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const failures: readonly WriteError[] = [error.writeErrors].flat();
    if (failures.length === 0 || failures.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
    return failures.map((failure) => documents[failure.index]?._id).filter((id) => id !== undefined);
  }
}

/** Makes all that dead appends left this append's own. Returns what may still have to be attributed. */
async function adopt(
  collections: Collections,
  dead: readonly OpenAppend[],
  number: number,
): Promise<readonly MessageDocument[]> {
  if (dead.length === 0) return [];
  const numbers = dead.map((other) => other.number);
  for (const other of numbers) await take(collections, other);
  const left = await collections.messages
    .find({ batch: { $in: numbers }, $or: [{ member: { $exists: true } }, { by: { $gte: '' } }] })
    .toArray();
  await restamp(collections, numbers, number);
  return left;
}

/** Makes repeated messages this append's own, if the append that wrote them does not end. */
async function takeOver(collections: Collections, number: number, repeated: readonly Binary[]): Promise<void> {
  const { messages } = collections;
  for (let waited = 0; repeated.length > 0; waited += PAUSE_MS) {
    const others = (await appends(collections)).open.map((other) => other.number).filter((other) => other !== number);
    if (others.length === 0) return;
    const held = await messages.distinct('batch', { _id: { $in: [...repeated] }, batch: { $in: others } });
    if (held.length === 0) return;
    if (waited < PATIENCE_MS) await pause(PAUSE_MS);
    else {
      for (const other of held) await take(collections, other);
      await restamp(collections, held, number, repeated);
    }
  }
}

const take = (collections: Collections, number: number) =>
  collections.appends.updateOne({ _id: 'appends', 'open.number': number }, { $set: { 'open.$.taken': true } });

async function restamp(
  collections: Collections,
  from: readonly number[],
  to: number,
  only?: readonly Binary[],
): Promise<void> {
  if (from.length === 0) return;
  const batch = { $in: [...from] };
  await collections.messages.updateMany({ batch, ...(only && { _id: { $in: [...only] } }) }, { $set: { batch: to } });
  await collections.messages.updateMany(
    { 'attributions.batch': batch },
    { $set: { 'attributions.$[late].batch': to } },
    { arrayFilters: [{ 'late.batch': batch }] },
  );
}

interface Member {
  readonly _id: Binary;
  readonly id: string;
  readonly time: number;
  readonly member: { readonly user: string; readonly account: string };
}
/** Memberships by user, latest first. */
type Members = ReadonlyMap<string, readonly Member[]>;

const usersOf = (documents: readonly MessageDocument[]) =>
  [...new Set(documents.filter(({ by }) => by !== undefined).map(({ user }) => user))].filter(
    (user) => typeof user === 'string',
  );

async function membershipsOf({ messages }: Collections, users: readonly string[]): Promise<Members> {
  const found = new Map<string, Member[]>();
  if (users.length === 0) return found;
  const cursor = messages.find<Member>(
    { 'member.user': { $in: [...users] } },
    { projection: { id: 1, time: 1, member: 1 } },
  );
  for await (const member of cursor) {
    const of = found.get(member.member.user);
    if (of) of.push(member);
    else found.set(member.member.user, [member]);
  }
  for (const of of found.values()) of.sort((a, b) => (keyOf(a) < keyOf(b) ? 1 : -1));
  return found;
}

const keyOf = ({ time, id }: Member) => orderKey(time, id);
const latest = (members: Members, user: string | null | undefined, time: number) =>
  members.get(user ?? '')?.find((member) => member.time <= time);

function attributed(document: MessageDocument, members: Members): MessageDocument {
  if (document.by === undefined || document.time === undefined) return document;
  const member = latest(members, document.user, document.time);
  if (!member) return document;
  const { account } = member.member;
  const by = keyOf(member);
  return { ...document, attributions: [{ batch: 0, key: by, account }], by };
}

/**
 * Attributes events to memberships that came after them. Each event keeps the greatest membership it was given, so the order in
 * which processes do this does not matter, and doing it twice changes nothing.
 */
async function attributeLate(
  collections: Collections,
  number: number,
  written: readonly MessageDocument[],
  known: ReadonlySet<string>,
  derivedUsers: readonly string[],
  before: Members,
): Promise<void> {
  const memberUsers = written.flatMap(({ member }) => (member ? [member.user] : []));
  const users = [...new Set([...memberUsers, ...usersOf(written), ...derivedUsers])];
  const after = await membershipsOf(collections, users);
  if (after.size === 0) return;
  const seen = new Set([...before.values()].flat().map(({ _id }) => _id.toString('hex')));
  const own = new Set(written.map(({ _id }) => _id.toString('hex')));
  const late = [...after.values()]
    .flat()
    .filter(({ _id }) => own.has(_id.toString('hex')) || !seen.has(_id.toString('hex')));
  const { messages } = collections;
  const concerned = new Set(
    late.length === 0
      ? []
      : await messages.distinct('user', {
          user: { $in: [...new Set(late.map(({ member }) => member.user))] },
          by: { $gte: '' },
        }),
  );
  const operations: AnyBulkWriteOperation<MessageDocument>[] = late
    .filter(({ member }) => concerned.has(member.user))
    .sort((a, b) => (keyOf(a) < keyOf(b) ? 1 : -1)) // latest first: an event is then changed once
    .map((member) => ({
      updateMany: {
        filter: { user: member.member.user, time: { $gte: member.time }, by: { $lt: keyOf(member) } },
        update: attribution(member, number),
      },
    }));
  // Events of this batch that were there before (their writer may have died), or that came together with a membership.
  const unsure = written
    .filter(
      ({ _id, by, member, batch }) =>
        by !== undefined && (member !== undefined || batch !== number || known.has(_id.toString('hex'))),
    )
    .map(({ _id }) => _id);
  if (unsure.length > 0) {
    const cursor = messages.find(
      { _id: { $in: unsure }, by: { $gte: '' } },
      { projection: { user: 1, time: 1, by: 1 } },
    );
    for await (const { _id, user, time = 0, by = '' } of cursor) {
      const member = latest(after, user, time);
      if (member && by < keyOf(member)) {
        operations.push({
          updateMany: { filter: { _id, by: { $lt: keyOf(member) } }, update: attribution(member, number) },
        });
      }
    }
  }
  if (operations.length > 0) await messages.bulkWrite(operations, { ordered: true });
}

function attribution(member: Member, batch: number) {
  const { account } = member.member;
  const key = keyOf(member);
  return {
    $set: { by: key },
    $push: { attributions: { batch, key, account } },
  };
}
