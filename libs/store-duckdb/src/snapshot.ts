import type { DuckDBConnection } from '@duckdb/node-api';
import type { Filter } from '@rapport/sdk';
import type { Zone } from '@rapport/sdk/time';
import type {
  Frame,
  Json,
  Plan,
  Properties,
  RecentEvent,
  ResolvedWindow,
  Snapshot,
  StreamedEvent,
  StreamQuery,
} from '@rapport/store';
import { StoreError, carryingAny, compareCodeUnits, ownValue } from '@rapport/store';
import { epochOf, readChanges } from './changes.js';
import { measureFew } from './few.js';
import { measurePlans } from './measure.js';
import { readers, type Page, type Position } from './messages.js';
import { originalId } from './order.js';
import { filterSql } from './predicate.js';
import { declaredProperties, eventColumns, extractProperties } from './properties.js';
import { queue } from './queue.js';
import { columns, rows } from './rows.js';
import { allOf, text, whole } from './sql.js';
import type { Reader } from './view.js';
import { openView, scanned, windowsOf } from './view.js';
import { namesOf, propertiesOf } from './wanted.js';
import { tableWriter } from './writer.js';

export interface SnapshotOptions {
  readonly connection: DuckDBConnection;
  readonly zone: Zone;
  readonly usersAreAccounts: boolean;
  /** Names the data that it shows (changes.ts). */
  readonly state: string;
  /** Gives properties columns, and begins the snapshot again where that shows the same data. Elsewhere it stays as it is. */
  declare(properties: readonly string[]): Promise<void>;
  closed(): void;
}

const PAGE = 20_000;

/** A read transaction on a connection of its own. Calls wait for each other. */
export function openSnapshot(options: SnapshotOptions): Snapshot {
  const { connection, zone, usersAreAccounts } = options;
  const calls = queue();
  let open = true;
  let tables = 0;
  let dropping = Promise.resolve();
  const done = () => undefined;

  const exclusive = <T>(task: () => Promise<T>): Promise<T> =>
    calls.run(() => {
      if (!open) {
        return Promise.reject(new StoreError('RAPPORT_STORE_CLOSED', 'this snapshot is closed; take another one'));
      }
      return dropping.then(task);
    });

  /** Runs a body with a reader that knows the given properties and names; its temp tables go when it ends. */
  async function reading<T>(
    wanted: { readonly properties: readonly string[]; readonly names: readonly string[] },
    body: (reader: Reader) => Promise<T>,
  ): Promise<T> {
    const first = tables;
    const made: string[] = [];
    const temporary = () => {
      const table = `temporary_${String(tables++)}`;
      made.push(table);
      return table;
    };
    try {
      let declared = wanted.properties.length > 0 ? await declaredProperties(connection) : new Map<string, number>();
      const missing = () => wanted.properties.filter((property) => !declared.has(property));
      if (missing().length > 0) {
        await options.declare(missing());
        declared = await declaredProperties(connection);
      }
      const refs = new Map<string, number | string>(declared);
      let events = 'events e';
      const undeclared = missing();
      if (undeclared.length > 0) {
        const table = temporary();
        const extracted = new Map(undeclared.map((property, i) => [property, `${String(first)}_${String(i)}`]));
        await extractProperties(connection, table, extracted);
        for (const [property, ref] of extracted) refs.set(property, ref);
        events = `(SELECT events.*, ${table}.* EXCLUDE (event) FROM events LEFT JOIN ${table} ON events.rowid = ${table}.event) e`;
      }
      const names = await nameIndexes(connection, wanted.names);
      return await body({
        connection,
        zone,
        usersAreAccounts,
        events,
        temporary,
        name: (name) => names.get(name),
        property: (name) => eventColumns(refs.get(name) ?? ''),
      });
    } finally {
      // Not waited for: the connection runs one statement after the other anyway.
      const drops = made.map((table) => `DROP TABLE IF EXISTS temp.${table}`);
      if (drops.length > 0) dropping = connection.run(drops.join(';')).then(done, done);
    }
  }

  return {
    state: options.state,
    epoch: epochOf(options.state),

    measure: (plans) =>
      exclusive(async () => {
        const frames = new Map<Plan, Frame>();
        const few = plans.filter(({ subjects }) => subjects);
        if (few.length > 0) {
          await reading({ properties: [], names: [] }, async (reader) => {
            for (const plan of few) {
              const frame = await measureFew(reader, plan);
              if (frame) frames.set(plan, frame);
            }
          });
        }
        const rest = plans.filter((plan) => !frames.has(plan));
        const wanted = { properties: propertiesOf(rest), names: namesOf(rest) };
        const answered = rest.length > 0 ? await reading(wanted, (reader) => measurePlans(reader, rest)) : [];
        rest.forEach((plan, i) => frames.set(plan, answered[i] ?? { subjects: [], columns: [] }));
        return plans.map((plan) => frames.get(plan) ?? { subjects: [], columns: [] });
      }),

    async *stream(query) {
      const table = `stream_${String(tables++)}`;
      const wanted = { properties: filterProperties(query.filter), names: namesOf([query.filter]) };
      const subjects = await exclusive(() =>
        reading(wanted, async (reader) => {
          const traits = query.window.kind === 'sinceTrait' ? [query.window.trait] : [];
          const view = await openView(reader, { ...query, traits });
          await sortEvents(view, query, table);
          return view.subjects;
        }),
      );
      try {
        for (let from = 1; ; from += PAGE) {
          const page = await exclusive(() => readPage(connection, table, from, subjects, query.properties));
          if (page.length > 0) yield page;
          if (page.length < PAGE) break;
        }
      } finally {
        if (open) await connection.run(`DROP TABLE IF EXISTS temp.${table}`);
      }
    },

    async *messagesOf(subject) {
      for (const read of readers(connection, subject, usersAreAccounts)) {
        for (let after: Position | null = null; ;) {
          const page: Page = await exclusive(() => read(after));
          if (page.messages.length > 0) yield page.messages;
          if (!page.last) break;
          after = page.last;
        }
      }
    },

    traits: (of, asOf, subject) =>
      exclusive(async () => {
        const kind = usersAreAccounts ? 'user' : of;
        const its = subject === undefined ? '' : `AND s.id = ${text(subject)}`;
        const sql = `
          SELECT s.id, t.name, arg_max(t.value, {time: t.time, id: t.id}) AS value FROM traits t
          JOIN ${kind}s s ON s.idx = t.subject ${its}
          WHERE t.kind = ${kind === 'account' ? '0' : '1'} AND t.name IS NOT NULL AND t.time < ${whole(asOf)} GROUP BY ALL`;
        const [ids, names, values] = (await columns(connection, sql, ['text', 'text', 'text'])).columns;
        const found = new Map<string, [string, Json][]>();
        ids.forEach((id, row) => {
          const value = JSON.parse(values[row] ?? 'null') as Json;
          if (value === null || id === null) return;
          const entry = [names[row] ?? '', value] as [string, Json];
          const entries = found.get(id);
          if (entries) entries.push(entry);
          else found.set(id, [entry]);
        });
        const ordered = [...found].sort(([a], [b]) => compareCodeUnits(a, b));
        return new Map(ordered.map(([id, entries]) => [id, Object.fromEntries(entries) as Properties]));
      }),

    traitNames: (of) =>
      exclusive(async () => {
        const kind = of === 'user' || usersAreAccounts ? 1 : 0;
        const sql = `SELECT DISTINCT name FROM traits WHERE kind = ${whole(kind)} AND name IS NOT NULL AND value <> 'null'`;
        return (await rows(connection, sql, { name: 'text' })).map(({ name }) => name ?? '').sort(compareCodeUnits);
      }),

    recent: (of, subject, asOf, limit, only) => {
      const filter = only ? carryingAny(only.filter, only.properties) : {};
      const wanted = { properties: filterProperties(filter), names: namesOf([filter]) };
      return exclusive(() =>
        reading(wanted, (reader) => readRecent(reader, of, subject, asOf, limit, filter, only?.window)),
      );
    },

    changes: (since, asOf, effectiveAt, kinds) =>
      exclusive(() =>
        reading({ properties: effectiveAt, names: [] }, (reader) =>
          readChanges(reader, options.state, since, asOf, effectiveAt, kinds),
        ),
      ),

    async close() {
      if (!open) return;
      await calls.run(async () => {
        open = false;
        await dropping;
        connection.closeSync();
        options.closed();
      });
    },
  };
}

async function nameIndexes(
  connection: DuckDBConnection,
  names: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (names.length === 0) return new Map();
  const sql = `SELECT idx::DOUBLE, name FROM names WHERE name IN (${names.map(text).join(', ')})`;
  const found = await rows(connection, sql, { idx: 'number', name: 'text' });
  return new Map(found.map(({ idx, name }) => [name ?? '', idx ?? 0]));
}

/** Events, newest first. */
async function readRecent(
  reader: Reader,
  of: 'account' | 'user' | 'portfolio',
  subject: string,
  asOf: number,
  limit: number,
  filter: Filter,
  window?: ResolvedWindow & { readonly kind: 'days' },
): Promise<readonly RecentEvent[]> {
  const { connection, usersAreAccounts } = reader;
  const [table, column] = of === 'user' || usersAreAccounts ? ['users', 'usr'] : ['accounts', 'account'];
  const start = window?.start ?? null;
  const wanted = allOf([
    of === 'portfolio' ? 'true' : `e.${column} IN (SELECT idx FROM ${table} WHERE id = ${text(subject)})`,
    `e.time < ${whole(window ? Math.min(asOf, window.end) : asOf)}`,
    start === null ? 'true' : `e.time >= ${whole(start)}`,
    filterSql(filter, reader),
  ]);
  const sql = `
    SELECT e.id, e.time::DOUBLE, n.name, u.id, ${usersAreAccounts ? 'u.id' : 'a.id'}, e.properties FROM (
      SELECT e.id, e.time, e.name, e.usr, e.account, e.properties FROM ${reader.events} WHERE ${wanted}
      ORDER BY e.time DESC, e.id DESC LIMIT ${whole(limit)}
    ) e JOIN names n ON n.idx = e.name LEFT JOIN users u ON u.idx = e.usr LEFT JOIN accounts a ON a.idx = e.account
    ORDER BY e.time DESC, e.id DESC`;
  const shape = {
    id: 'text', time: 'number', event: 'text', user: 'text', account: 'text', properties: 'text',
  } as const; // prettier-ignore
  return (await rows(connection, sql, shape)).map(
    (row) =>
      ({
        ...row,
        id: originalId(row.id ?? ''),
        properties: JSON.parse(row.properties ?? '{}') as Properties,
      }) as RecentEvent,
  );
}

const filterProperties = (filter: Filter): readonly string[] =>
  propertiesOf([
    {
      level: { kind: 'portfolio' },
      asOf: 0,
      measures: [{ node: 'count', filter, window: { kind: 'days', from: null, to: 0, start: null, end: 0 } }],
    },
  ]);

/** The query's events as a temp table with a row number in the order of subjects, time and id. */
async function sortEvents(
  view: Awaited<ReturnType<typeof openView>>,
  query: StreamQuery,
  table: string,
): Promise<void> {
  const { reader } = view;
  const positions = reader.temporary();
  await reader.connection.run(`CREATE TEMP TABLE ${positions} (subject INTEGER, position INTEGER)`);
  const writer = await tableWriter(reader.connection, `temp.${positions}`, ['integer', 'integer']);
  view.positions.forEach((position, subject) => {
    if (position >= 0) writer.add([subject, position]);
  });
  writer.close();
  const none = view.level.kind === 'portfolio' && query.window.kind === 'sinceTrait';
  const windows = await windowsOf(view, none ? [] : [query.window]);
  const filter = filterSql(query.filter, reader);
  const scope = view.scope('e');
  const wanted = none
    ? 'false'
    : allOf([scope.where, scanned(view.asOf, windows, [filter]), windows.condition(query.window, 'e.day')]);
  await reader.connection.run(`
    CREATE TEMP TABLE ${table} AS
    SELECT row_number() OVER (ORDER BY p.position, e.time, e.id) AS n, p.position, e.time, e.name, e.usr, e.properties
    FROM ${reader.events} ${scope.join} JOIN ${positions} p ON p.subject = ${scope.subject} ${none ? '' : windows.joins(scope.subject)}
    WHERE ${wanted}`);
}

async function readPage(
  connection: DuckDBConnection,
  table: string,
  from: number,
  subjects: readonly string[],
  properties: readonly string[],
): Promise<readonly StreamedEvent[]> {
  const sql = `
    SELECT s.position::DOUBLE, s.time::DOUBLE, n.name, u.id, s.properties
    FROM ${table} s JOIN names n ON n.idx = s.name LEFT JOIN users u ON u.idx = s.usr
    WHERE s.n BETWEEN ${whole(from)} AND ${whole(from + PAGE - 1)} ORDER BY s.n`;
  const [positions, times, names, users, json] = (
    await columns(connection, sql, ['number', 'number', 'text', 'text', 'text'])
  ).columns;
  return json.map((written, row) => {
    const all = JSON.parse(written ?? '{}') as Properties;
    const named = properties.filter((property) => Object.hasOwn(all, property));
    return {
      subject: subjects[positions.values[row] ?? 0] ?? '',
      time: times.values[row] ?? 0,
      event: names[row] ?? '',
      user: users[row] ?? null,
      properties: Object.fromEntries(named.map((property) => [property, ownValue(all, property) ?? null])),
    };
  });
}
