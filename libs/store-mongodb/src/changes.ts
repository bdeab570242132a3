import type { Snapshot } from '@rapport/store';
import { compareCodeUnits } from '@rapport/store';
import { appends } from './append.js';
import { inBatches } from './batches.js';
import type { AppendsState } from './collections.js';
import type { Expression, Stage } from './expression.js';
import { visibleMatch } from './expression.js';
import type { Scope } from './measure/scope.js';
import { collect } from './measure/scope.js';
import { decodeText, fieldOf } from './text.js';

/** Names what a snapshot sees. As JSON it is the snapshot's `state`. */
export interface DataState {
  /** The workspace's own id. */
  readonly store: string;
  /** Number of the last append; those that were under way then are `open` and not seen. */
  readonly last: number;
  readonly open: readonly number[];
  /** Erasures begun and ended; null while one is under way. */
  readonly erasures: number | null;
}

export const dataStateOf = (store: string, { next, open, erasures = 0, erasing = [] }: AppendsState): DataState => ({
  store,
  last: next,
  open: open.map(({ number }) => number),
  erasures: erasing.length > 0 ? null : erasures,
});

type Asked = Parameters<Snapshot['changes']>;

/**
 * The subjects that messages name which came, moved to another account or happened since an earlier snapshot. Each of the questions has an index. Messages that
 * were taken over from a killed writer bear the number of the append that took them, which no earlier snapshot sees.
 */
export async function changedSubjects(
  scope: Scope,
  now: DataState,
  since: Asked[0],
  asOf: number,
  effectiveAt: Asked[2],
): ReturnType<Snapshot['changes']> {
  const { collections, zone, usersAreAccounts, visible } = scope;
  const before = readState(since.state);
  const known = before?.store === now.store && before.last <= now.last;
  const sameDay = since.asOf <= asOf && zone.dayOf(since.asOf - 1) === zone.dayOf(asOf - 1);
  if (!known || !sameDay || !(await untouched())) return null;

  const ended = before.open.filter((number) => !now.open.includes(number));
  const meantime = { $gte: since.asOf, $lt: asOf };
  const conditions: Stage[] = [
    ...['batch', 'attributions.batch'].flatMap((field): Stage[] => [
      ...(now.last > before.last ? [{ [field]: { $gt: before.last } }] : []),
      ...(ended.length > 0 ? [{ [field]: { $in: ended } }] : []),
    ]),
    ...(since.asOf < asOf
      ? [
          { time: meantime },
          ...effectiveAt.flatMap((property) => instantFields(property).map((field) => ({ [field]: meantime }))),
        ]
      : []),
  ];
  if (since.asOf < asOf) {
    for (const field of effectiveAt.flatMap(instantFields)) {
      await collections.messages.createIndex({ [field]: 1 }, { name: `rapport_${field}`, sparse: true }, {});
    }
  }

  const accounts = new Set<string>();
  const users = new Set<string>();
  const members = new Set<string>();
  const name = (into: Set<string>, id: string | null | undefined) => {
    if (typeof id === 'string') into.add(id);
  };
  for (const condition of conditions) {
    const seen = [{ batch: visibleMatch(visible), time: { $lt: asOf } }, condition];
    for (const { _id } of await collect<{ _id: Named }>(scope, [{ $match: { $and: seen } }, NAMED])) {
      for (const id of [_id.account, _id.memberAccount, ...(_id.attributed ?? [])]) name(accounts, id);
      for (const id of [_id.user, _id.memberUser]) name(users, id);
      name(members, _id.memberUser);
      name(_id.of === 'user' ? users : accounts, _id.subject);
    }
  }
  // Wherever else these users belong or belonged, their events may have come from.
  await inBatches([...members], async (some) => {
    const theirs = { 'member.user': { $in: some }, batch: visibleMatch(visible) };
    const found = [{ $match: theirs }, { $group: { _id: '$member.account' } }];
    for (const { _id } of await collect<{ _id: string }>(scope, found)) name(accounts, _id);
  });
  if (!(await untouched())) return null;
  const sorted = (ids: ReadonlySet<string>) => [...ids].map(decodeText).sort(compareCodeUnits);
  return { accounts: sorted(usersAreAccounts ? users : accounts), users: sorted(users) };

  /** Nothing was erased since then, nor is being erased. */
  async function untouched(): Promise<boolean> {
    const current = dataStateOf(now.store, await appends(collections)).erasures;
    return current !== null && current === before?.erasures && current === now.erasures;
  }
}

/** Where a property's instant is stored; see `timeOf`. */
const instantFields = (property: string): string[] => ['at', 'num'].map((kind) => `${kind}.${fieldOf(property)}`);

interface Named {
  readonly user?: string | null;
  readonly account?: string | null;
  readonly attributed?: readonly string[];
  readonly of?: 'account' | 'user';
  readonly subject?: string;
  readonly memberUser?: string;
  readonly memberAccount?: string;
}
const NAMED = {
  $group: {
    _id: {
      user: '$user',
      account: '$account',
      attributed: '$attributions.account',
      of: '$traits.of',
      subject: '$traits.subject',
      memberUser: '$member.user',
      memberAccount: '$member.account',
    } satisfies Record<keyof Named, Expression>,
  },
};

/** Null for what is not a state of this kind of store. */
function readState(text: string): DataState | null {
  try {
    const state = JSON.parse(text) as Partial<DataState> | null;
    const { store, last, open, erasures = null } = state ?? {};
    return typeof store === 'string' && typeof last === 'number' && Array.isArray(open)
      ? { store, last, open, erasures }
      : null;
  } catch {
    return null;
  }
}
