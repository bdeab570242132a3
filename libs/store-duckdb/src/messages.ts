import type { DuckDBConnection } from '@duckdb/node-api';
import type { Json, Message, Properties, Subject } from '@rapport/store';
import { originalId } from './order.js';
import { rows } from './rows.js';
import { text, whole } from './sql.js';

/** Where a page ended: time and stored id of its last message. */
export interface Position {
  readonly time: number;
  readonly id: string;
}
export interface Page {
  readonly messages: readonly Message[];
  /** Null after the last page. */
  readonly last: Position | null;
}
type ReadPage = (after: Position | null) => Promise<Page>;

const PAGE = 5_000;

/** What reads the messages about a subject, a page at a time: its memberships, its traits, its events. */
export function readers(
  connection: DuckDBConnection,
  { kind, id }: Subject,
  usersAreAccounts: boolean,
): readonly ReadPage[] {
  const asUser = kind === 'user' || usersAreAccounts;
  const user = `(SELECT idx FROM users WHERE id = ${text(id)})`;
  const account = `(SELECT idx FROM accounts WHERE id = ${text(id)})`;
  const asAccount = kind === 'account';
  const either = (ofUser: string, ofAccount: string) =>
    `(${[...(asUser ? [ofUser] : []), ...(asAccount ? [ofAccount] : [])].join(' OR ')})`;

  const page = (from: string, its: string, select: string, after: Position | null, order = '') => {
    const rest = after
      ? `AND (m.time > ${whole(after.time)} OR (m.time = ${whole(after.time)} AND m.id > ${text(after.id)}))`
      : '';
    const sql = `SELECT m.time::DOUBLE, m.id, ${select} FROM ${from} WHERE ${its} ${rest} ORDER BY m.time, m.id ${order}`;
    return sql;
  };
  const paged = <T extends { readonly time: number | null; readonly id: string | null }>(
    found: readonly T[],
    messageOf: (row: T, head: { readonly id: string; readonly time: number }) => Message,
  ): Page => {
    const last = found.at(-1);
    return {
      messages: found.map((row) => messageOf(row, { id: originalId(row.id ?? ''), time: row.time ?? 0 })),
      last: last && found.length === PAGE ? { time: last.time ?? 0, id: last.id ?? '' } : null,
    };
  };

  return [
    async (after) => {
      const from = 'members m JOIN users u ON u.idx = m.usr JOIN accounts a ON a.idx = m.account';
      const its = either(`m.usr IN ${user}`, `m.account IN ${account}`);
      const sql = page(from, its, 'u.id, a.id', after, `LIMIT ${whole(PAGE)}`);
      const found = await rows(connection, sql, { time: 'number', id: 'text', user: 'text', account: 'text' });
      return paged(found, (row, head) => ({ ...head, member: { user: row.user ?? '', account: row.account ?? '' } }));
    },
    async () => {
      // Few enough to be read at once, and a message has a row per trait.
      const from = 'traits m';
      const its = either(`(m.kind = 1 AND m.subject IN ${user})`, `(m.kind = 0 AND m.subject IN ${account})`);
      const sql = page(from, its, 'm.kind::DOUBLE, m.name, m.value', null, ', m.rowid');
      const shape = { time: 'number', id: 'text', kind: 'number', name: 'text', value: 'text' } as const;
      const messages = new Map<string, { time: number; of: 'account' | 'user'; values: [string, Json][] }>();
      for (const row of await rows(connection, sql, shape)) {
        const message = messages.get(row.id ?? '') ?? {
          time: row.time ?? 0,
          of: row.kind === 1 ? ('user' as const) : ('account' as const),
          values: [],
        };
        messages.set(row.id ?? '', message);
        if (row.name !== null) message.values.push([row.name, JSON.parse(row.value ?? 'null') as Json]);
      }
      const found = [...messages].map(([stored, { time, of, values }]) => ({
        id: originalId(stored),
        time,
        traits: { of, subject: id, values: Object.fromEntries(values) },
      }));
      return { messages: found, last: null };
    },
    async (after) => {
      const from = `events m JOIN names n ON n.idx = m.name LEFT JOIN users u ON u.idx = m.usr LEFT JOIN accounts a ON a.idx = m.account`;
      const its = asUser ? `m.usr IN ${user}` : `m.account IN ${account}`;
      const select = `n.name, u.id, ${usersAreAccounts ? 'u.id' : 'a.id'}, m.session, m.properties`;
      const sql = page(from, its, select, after, `LIMIT ${whole(PAGE)}`);
      const shape = { time: 'number', id: 'text', name: 'text', user: 'text', account: 'text', session: 'text', properties: 'text' } as const; // prettier-ignore
      return paged(await rows(connection, sql, shape), ({ name, user, account, session, properties }, head) => ({
        ...head,
        event: {
          name: name ?? '',
          user,
          account,
          session,
          properties: JSON.parse(properties ?? '{}') as Properties,
        },
      }));
    },
  ];
}
