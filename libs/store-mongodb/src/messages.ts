import type { Json, Message, Subject } from '@rapport/store';
import { compareCodeUnits } from '@rapport/store';
import type { MessageDocument } from './document.js';
import { propertiesOf } from './document.js';
import { accountOf, eventsOf, visibleMatch } from './expression.js';
import type { Scope } from './measure/scope.js';
import { aggregate, collect } from './measure/scope.js';
import { decodeText, encodeId } from './text.js';

const BATCH = 2_000;
const idOrNull = (id: string | null | undefined): string | null => (typeof id === 'string' ? decodeText(id) : null);
const byOrder = (a: Message, b: Message) => a.time - b.time || compareCodeUnits(a.id, b.id);

/** The messages about a subject: its memberships, its traits, its events. */
export async function* messagesOf(scope: Scope, { kind, id }: Subject): AsyncGenerator<readonly Message[]> {
  const stored = encodeId(id);
  const { usersAreAccounts, visible } = scope;
  const kinds = usersAreAccounts && kind === 'account' ? (['account', 'user'] as const) : [kind];
  const batch = visibleMatch(visible);
  const headOf = (row: MessageDocument) => ({ id: decodeText(row.id ?? ''), time: row.time ?? 0 });

  const members = await collect<MessageDocument>(scope, [
    { $match: { $or: kinds.map((of) => ({ [`member.${of}`]: stored })), batch } },
  ]);
  const joined = members.flatMap((row): Message[] =>
    row.member
      ? [{ ...headOf(row), member: { user: decodeText(row.member.user), account: decodeText(row.member.account) } }]
      : [],
  );
  if (joined.length > 0) yield joined.sort(byOrder);

  const traits = await collect<MessageDocument>(scope, [
    { $match: { 'traits.of': { $in: [...kinds] }, 'traits.subject': stored, batch } },
  ]);
  const set = traits.flatMap((row): Message[] => {
    if (!row.traits) return [];
    const values = row.traits.values.map(({ name, json }) => [decodeText(name), JSON.parse(json) as Json] as const);
    return [{ ...headOf(row), traits: { of: row.traits.of, subject: id, values: Object.fromEntries(values) } }];
  });
  if (set.length > 0) yield set.sort(byOrder);

  const as = usersAreAccounts ? 'user' : kind;
  const events = aggregate<MessageDocument & { readonly a?: string | null }>(scope, [
    { $match: { name: { $gte: '' }, batch, ...eventsOf(as, [stored]) } },
    { $addFields: { a: accountOf(visible) } },
    ...(as === 'account' ? [{ $match: { a: stored } }] : []),
    { $sort: { time: 1, id: 1 } },
  ]);
  let page: Message[] = [];
  for await (const row of events) {
    const event = {
      name: decodeText(row.name ?? ''),
      user: idOrNull(row.user),
      account: idOrNull(row.a),
      session: idOrNull(row.session),
      properties: propertiesOf(row),
    };
    if (page.push({ ...headOf(row), event }) < BATCH) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
