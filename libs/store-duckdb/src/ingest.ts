import type { DuckDBConnection } from '@duckdb/node-api';
import type { Zone } from '@rapport/sdk/time';
import type { Message } from '@rapport/store';
import { compareCodeUnits, ownValue } from '@rapport/store';
import type { Keys, KnownIds } from './known.js';
import { messageKeys, writeKeys } from './known.js';
import { storedId } from './order.js';
import { COLUMN_KINDS, declaredProperties, physicalColumns, pushColumns } from './properties.js';
import { columns } from './rows.js';
import { transaction } from './schema.js';
import type { TableWriter, Value, WriterColumn } from './writer.js';
import { tableWriter } from './writer.js';

export interface Appended {
  readonly accepted: number;
  readonly duplicates: number;
}

/** What ingest keeps in memory of the file. Read once, before the first append; dropped when an append fails or somebody is erased. */
export interface Ingest {
  /** Appends batches in one transaction; one answer per batch. Durable when it resolves. */
  append(batches: readonly (readonly Message[])[]): Promise<readonly Appended[]>;
  /** Looks again which properties have columns. */
  declared(): Promise<void>;
}

const EVENT_COLUMNS: readonly WriterColumn[] = [
  'text',
  'bigint',
  'integer',
  'integer',
  'integer',
  'integer',
  'boolean',
  'text',
  'text',
];

export async function openIngest(
  connection: DuckDBConnection,
  zone: Zone,
  usersAreAccounts: boolean,
  known: KnownIds,
): Promise<Ingest> {
  const accounts = await dictionary(connection, 'accounts', 'id');
  const users = await dictionary(connection, 'users', 'id');
  const names = await dictionary(connection, 'names', 'name');
  const accountSightings = await sightings(connection, 'account_sightings');
  const userSightings = await sightings(connection, 'user_sightings');
  const belonging = await belongings(connection);
  let properties: readonly string[] = [];
  let eventColumns: readonly WriterColumn[] = EVENT_COLUMNS;
  await declared();

  return {
    async append(batches) {
      const { fresh, keys, reports } = await sift(batches, known);
      if (fresh.length === 0) return reports;
      await transaction(connection, () => write(fresh, keys));
      known.add(keys);
      return reports;
    },
    declared,
  };

  async function declared(): Promise<void> {
    properties = [...(await declaredProperties(connection)).keys()];
    // A crash between adding columns and naming them leaves columns that belong to no property yet; they stay null.
    const columnCount = await physicalColumns(connection);
    eventColumns = [...EVENT_COLUMNS, ...Array.from({ length: columnCount }, () => COLUMN_KINDS).flat()];
  }

  async function write(messages: readonly Message[], keys: Keys): Promise<void> {
    await writeKeys(connection, 'message_ids', keys);

    // Memberships first: they decide where the events of the same commit belong.
    const joins = messages.filter(({ member }) => member !== undefined);
    if (joins.length > 0) {
      const writer = await tableWriter(connection, 'members', ['integer', 'integer', 'bigint', 'text']);
      for (const { id, time, member } of joins) {
        if (!member) continue;
        const user = users.indexOf(member.user);
        const account = accounts.indexOf(member.account);
        userSightings.see(user, time);
        if (!usersAreAccounts) {
          accountSightings.see(account, time);
          belonging.join(user, account, time, id);
        }
        writer.add([user, account, time, storedId(id)]);
      }
      writer.close();
    }

    const events = await tableWriter(connection, 'events', eventColumns);
    const row: Value[] = [];
    for (const { id, time, event } of messages) {
      if (!event) continue;
      const user = event.user === null ? null : users.indexOf(event.user);
      const account = usersAreAccounts
        ? user
        : event.account !== null
          ? accounts.indexOf(event.account)
          : user === null
            ? null
            : belonging.accountOf(user, time);
      if (user !== null) userSightings.see(user, time);
      if (account !== null && !usersAreAccounts) accountSightings.see(account, time);
      row.length = 0;
      row.push(storedId(id), time, zone.dayOf(time), names.indexOf(event.name), user, account);
      row.push(usersAreAccounts || event.account !== null || user === null, event.session);
      row.push(JSON.stringify(event.properties));
      for (const property of properties) pushColumns(row, ownValue(event.properties, property));
      events.add(row);
    }
    events.close();

    const traits = messages.filter((message) => message.traits !== undefined);
    if (traits.length > 0) {
      const kinds = ['integer', 'integer', 'text', 'bigint', 'text', 'text'] as const;
      const writer = await tableWriter(connection, 'traits', kinds);
      for (const message of traits) {
        if (!message.traits) continue;
        const { of, subject, values } = message.traits;
        const index = of === 'account' ? accounts.indexOf(subject) : users.indexOf(subject);
        if (of === 'user') userSightings.see(index, message.time);
        else if (!usersAreAccounts) accountSightings.see(index, message.time);
        const kind = of === 'account' ? 0 : 1;
        const id = storedId(message.id);
        const entries = Object.entries(values);
        for (const [name, value] of entries) writer.add([kind, index, name, message.time, id, JSON.stringify(value)]);
        if (entries.length === 0) writer.add([kind, index, null, message.time, id, 'null']);
      }
      writer.close();
    }
    await accounts.write(connection, 'accounts');
    await users.write(connection, 'users');
    await names.write(connection, 'names');
    await accountSightings.write(connection, 'account_sightings');
    await userSightings.write(connection, 'user_sightings');
    await belonging.settle(connection);
  }
}

/** Drops what is known already and repeats within the batches. */
async function sift(batches: readonly (readonly Message[])[], known: KnownIds) {
  const seen = new Set<string>();
  const candidates: Message[] = [];
  const ownerOf: number[] = [];
  batches.forEach((batch, owner) => {
    for (const message of batch) {
      if (seen.has(message.id)) continue;
      seen.add(message.id);
      candidates.push(message);
      ownerOf.push(owner);
    }
  });
  const allKeys = messageKeys(candidates.map(({ id }) => id));
  const old = await known.known(allKeys);
  const accepted = batches.map(() => 0);
  const fresh = old.size === 0 ? candidates : candidates.filter((_, position) => !old.has(position));
  const keys = old.size === 0 ? allKeys : new Uint32Array(fresh.length * 4);
  let taken = 0;
  ownerOf.forEach((owner, position) => {
    if (old.has(position)) return;
    accepted[owner] = (accepted[owner] ?? 0) + 1;
    if (old.size > 0) keys.set(allKeys.subarray(position * 4, position * 4 + 4), taken++ * 4);
  });
  const reports = batches.map((batch, owner) => {
    const count = accepted[owner] ?? 0;
    return { accepted: count, duplicates: batch.length - count };
  });
  return { fresh, keys, reports };
}

interface Dictionary {
  indexOf(id: string): number;
  write(connection: DuckDBConnection, table: string): Promise<void>;
}

async function dictionary(connection: DuckDBConnection, table: string, column: string): Promise<Dictionary> {
  const stored = await columns(connection, `SELECT idx::DOUBLE, ${column} FROM ${table}`, ['number', 'text']);
  const [indexes, ids] = stored.columns;
  const known = new Map(ids.map((id, row) => [id ?? '', indexes.values[row] ?? 0]));
  let next = indexes.values.reduce((most, index) => Math.max(most, index), -1) + 1;
  let fresh: [index: number, id: string][] = [];
  return {
    indexOf(id) {
      let index = known.get(id);
      if (index === undefined) {
        index = next++;
        known.set(id, index);
        fresh.push([index, id]);
      }
      return index;
    },
    async write(to, name) {
      if (fresh.length === 0) return;
      const writer: TableWriter = await tableWriter(to, name, ['integer', 'text']);
      for (const row of fresh) writer.add(row);
      writer.close();
      fresh = [];
    },
  };
}

/** Numbers by dense index; absent ones read as `absent`. */
function indexed(absent: number) {
  let values = new Float64Array(1024).fill(absent);
  return {
    get: (index: number) => values[index] ?? absent,
    set(index: number, value: number) {
      if (index >= values.length) {
        const larger = new Float64Array(Math.max(index + 1, values.length * 2)).fill(absent);
        larger.set(values);
        values = larger;
      }
      values[index] = value;
    },
  };
}

async function sightings(connection: DuckDBConnection, table: string) {
  const earliest = indexed(Infinity);
  const sql = `SELECT idx::DOUBLE, min(time)::DOUBLE FROM ${table} GROUP BY idx`;
  const [subjects, times] = (await columns(connection, sql, ['number', 'number'])).columns;
  subjects.values.forEach((subject, row) => {
    earliest.set(subject, times.values[row] ?? 0);
  });
  let earlier = new Set<number>();
  return {
    see(subject: number, time: number) {
      if (time >= earliest.get(subject)) return;
      earliest.set(subject, time);
      earlier.add(subject);
    },
    async write(to: DuckDBConnection, name: string) {
      if (earlier.size === 0) return;
      const writer = await tableWriter(to, name, ['integer', 'bigint']);
      for (const subject of earlier) writer.add([subject, earliest.get(subject)]);
      writer.close();
      earlier = new Set();
    },
  };
}

/**
 * Which account a user's events belong to. The latest membership of each user is in memory, which settles nearly every event as it is
 * written; users whose memberships or events came in another order are settled again by one update at the end of the commit.
 */
async function belongings(connection: DuckDBConnection) {
  const latestTime = indexed(-Infinity);
  const latestAccount = indexed(-1);
  const lastDerived = indexed(-Infinity);
  const members = await columns(
    connection,
    `SELECT usr::DOUBLE, max(time)::DOUBLE, arg_max(account, {time: time, id: id})::DOUBLE FROM members GROUP BY usr`,
    ['number', 'number', 'number'],
  );
  members.columns[0].values.forEach((user, row) => {
    latestTime.set(user, members.columns[1].values[row] ?? 0);
    latestAccount.set(user, members.columns[2].values[row] ?? 0);
  });
  const derived = await columns(
    connection,
    'SELECT usr::DOUBLE, max(time)::DOUBLE FROM events WHERE NOT given GROUP BY usr',
    ['number', 'number'],
  );
  derived.columns[0].values.forEach((user, row) => {
    lastDerived.set(user, derived.columns[1].values[row] ?? 0);
  });

  interface Stay {
    readonly account: number;
    readonly time: number;
    readonly id: string;
  }
  /** Per user with new memberships: what was latest before this commit, then the new ones. */
  let joined = new Map<number, { before: { time: number; account: number }; stays: Stay[]; sorted: boolean }>();
  let unsettled = new Set<number>();

  const hold = (user: number, time: number) => {
    if (time > lastDerived.get(user)) lastDerived.set(user, time);
  };
  return {
    join(user: number, account: number, time: number, id: string) {
      const before = { time: latestTime.get(user), account: latestAccount.get(user) };
      const changesNothing = time > before.time && account === before.account;
      if (time <= lastDerived.get(user) && !changesNothing) unsettled.add(user);
      const entry = joined.get(user) ?? { before, stays: [], sorted: true };
      joined.set(user, entry);
      // Which of two memberships at one instant counts depends on their ids; the one from before is not at hand.
      if (time === entry.before.time) unsettled.add(user);
      entry.stays.push({ account, time, id });
      entry.sorted = false;
      if (time >= before.time) {
        latestTime.set(user, time);
        latestAccount.set(user, account);
      }
    },
    accountOf(user: number, time: number): number | null {
      hold(user, time);
      const entry = joined.get(user);
      if (!entry) {
        const since = latestTime.get(user);
        if (since === -Infinity) return null;
        if (time >= since) return latestAccount.get(user);
        unsettled.add(user);
        return null;
      }
      if (!entry.sorted) {
        entry.stays.sort((a, b) => a.time - b.time || compareCodeUnits(a.id, b.id));
        entry.sorted = true;
      }
      const stay = entry.stays.findLast((candidate) => candidate.time <= time);
      if (time < entry.before.time) unsettled.add(user);
      if (stay && stay.time >= entry.before.time) return stay.account;
      return time >= entry.before.time && entry.before.time !== -Infinity ? entry.before.account : null;
    },
    async settle(to: DuckDBConnection) {
      // Ties within the commit: the greatest id is the latest.
      for (const [user, { stays, before }] of joined) {
        stays.sort((a, b) => a.time - b.time || compareCodeUnits(a.id, b.id));
        const last = stays.at(-1);
        if (last && last.time > before.time) latestAccount.set(user, last.account);
      }
      joined = new Map();
      if (unsettled.size === 0) return;
      await to.run('CREATE OR REPLACE TEMP TABLE unsettled (usr INTEGER)');
      const writer = await tableWriter(to, 'temp.unsettled', ['integer']);
      for (const user of unsettled) writer.add([user]);
      writer.close();
      await to.run(SETTLE);
      const sql = `SELECT usr::DOUBLE, arg_max(account, {time: time, id: id})::DOUBLE FROM members SEMI JOIN unsettled USING (usr) GROUP BY usr`;
      const [settled, account] = (await columns(to, sql, ['number', 'number'])).columns;
      settled.values.forEach((user, row) => {
        latestAccount.set(user, account.values[row] ?? 0);
      });
      unsettled = new Set();
    },
  };
}

const SETTLE = `
UPDATE events SET account = settled.account FROM (
  WITH stays AS (
    SELECT usr, time, arg_max(account, id) AS account FROM members SEMI JOIN unsettled USING (usr) GROUP BY usr, time
  ), derived AS (
    SELECT rowid AS event, usr, time, account FROM events WHERE NOT given AND usr IN (SELECT usr FROM unsettled)
  )
  SELECT derived.event, stays.account
  FROM derived ASOF LEFT JOIN stays ON derived.usr = stays.usr AND derived.time >= stays.time
  WHERE derived.account IS DISTINCT FROM stays.account
) AS settled
WHERE events.rowid = settled.event`;
