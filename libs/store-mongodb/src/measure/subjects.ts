import type { Level } from '@rapport/store';
import { compareCodeUnits, hierarchyOf } from '@rapport/store';
import type { Expression, Stage } from '../expression.js';
import { accountOf, eventsOf, visibleMatch } from '../expression.js';
import { decodeText, encodeId } from '../text.js';
import type { Scope } from './scope.js';
import { collect, kindOf, narrowedTo } from './scope.js';

/** Latest value of one trait of one subject. Stored text. */
export interface TraitValue {
  readonly subject: string;
  readonly name: string;
  readonly num?: number;
  readonly str?: string;
  readonly key?: string;
  readonly json: string;
}

/** The latest values, as of an instant, of the named traits (null: of all) of all subjects of a kind, or of some (stored ids). Removed traits are absent. */
export async function traitValues(
  scope: Scope,
  kind: 'account' | 'user',
  asOf: number,
  names: readonly string[] | null,
  only: readonly string[] | null = null,
): Promise<TraitValue[]> {
  if (names?.length === 0) return [];
  const named = names && { $in: names.map(encodeId) };
  const rows = await collect<{ _id: { s: string; n: string }; latest: Omit<TraitValue, 'subject' | 'name'> }>(scope, [
    {
      $match: {
        'traits.of': kind,
        ...(only && { 'traits.subject': { $in: only } }),
        ...(named && { 'traits.values.name': named }),
        batch: visibleMatch(scope.visible),
        time: { $lt: asOf },
      },
    },
    { $project: { _id: 0, s: '$traits.subject', t: '$time', i: '$id', v: '$traits.values' } },
    { $unwind: '$v' },
    ...(named ? [{ $match: { 'v.name': named } }] : []),
    {
      $group: {
        _id: { s: '$s', n: '$v.name' },
        latest: {
          $max: { t: '$t', i: '$i', num: '$v.num', str: '$v.str', key: '$v.key', json: '$v.json' },
        },
      },
    },
    { $match: { 'latest.json': { $ne: 'null' } } },
  ]);
  return rows.map(({ _id, latest }) => ({ ...latest, subject: _id.s, name: _id.n }));
}

/** Stored ids of every subject that an event, a trait or a membership before `asOf` names. With `only`, no more is read than what may name those. */
function namedIds(
  scope: Scope,
  level: 'account' | 'user',
  asOf: number,
  only: readonly string[] | null = null,
): Promise<ReadonlySet<string>> {
  const key = JSON.stringify([level, asOf, only]);
  const ids = scope.asked?.get(key) ?? findNamed(scope, level, asOf, only);
  scope.asked?.set(key, ids);
  return ids;
}

async function findNamed(
  scope: Scope,
  level: 'account' | 'user',
  asOf: number,
  only: readonly string[] | null,
): Promise<ReadonlySet<string>> {
  const kind = kindOf(scope, { kind: level });
  const seen = { batch: visibleMatch(scope.visible), time: { $lt: asOf } };
  const wanted: Expression = only ? { $in: only } : { $gte: '' };
  const event: Expression = kind === 'user' ? '$user' : accountOf(scope.visible);
  const sources: Stage[][] = [
    [{ $match: { ...seen, name: { $gte: '' }, ...(only && eventsOf(kind, only)) } }, { $group: { _id: event } }],
    [{ $match: { ...seen, 'traits.of': kind, 'traits.subject': wanted } }, { $group: { _id: '$traits.subject' } }],
    [{ $match: { ...seen, [`member.${kind}`]: wanted } }, { $group: { _id: `$member.${kind}` } }],
  ];
  const ids = new Set<string>();
  for (const rows of await Promise.all(sources.map((stages) => collect<{ _id: string | null }>(scope, stages)))) {
    for (const { _id } of rows) if (_id !== null) ids.add(_id);
  }
  return ids;
}

export interface Subjects {
  /** In code-unit order. */
  readonly ids: readonly string[];
  /** Index of a subject by its stored id. */
  readonly index: ReadonlyMap<string, number>;
  /** Of a portfolio by a trait: accounts (stored ids) and their groups (stored text), but those in the group "". Of a family: accounts and their head. */
  readonly groups?: ReadonlyMap<string, string>;
}

/** The subjects that a question is about; with `subjects`, those of them that there are. */
export async function subjectsOf(
  scope: Scope,
  { level, asOf, subjects }: { readonly level: Level; readonly asOf: number; readonly subjects?: readonly string[] },
): Promise<Subjects> {
  switch (level.kind) {
    case 'account':
    case 'user': {
      const asked = subjects && new Set(subjects.map(encodeId));
      const named = await namedIds(scope, level.kind, asOf, narrowedTo(asked));
      return indexed(asked ? [...asked].filter((id) => named.has(id)) : [...named]);
    }
    case 'family': {
      const groups = await familiesOf(scope, level, asOf);
      return { ...indexed([...new Set(groups.values())]), groups };
    }
    case 'portfolio': {
      if (level.by === undefined) return indexed(['']);
      const [accounts, traits] = await Promise.all([
        namedIds(scope, 'account', asOf),
        traitValues(scope, kindOf(scope, level), asOf, [level.by]),
      ]);
      const groups = new Map<string, string>();
      for (const { subject, key } of traits) if (key !== undefined) groups.set(subject, key);
      return { ...indexed([...new Set([...accounts].map((account) => groups.get(account) ?? ''))]), groups };
    }
  }
}

/** Accounts that are in a family of the level's depth, and its head. Stored ids. */
async function familiesOf(
  scope: Scope,
  level: Level & { readonly kind: 'family' },
  asOf: number,
): Promise<ReadonlyMap<string, string>> {
  const [accounts, traits] = await Promise.all([
    namedIds(scope, 'account', asOf),
    traitValues(scope, kindOf(scope, level), asOf, [level.parent]),
  ]);
  const parents = new Map(traits.map(({ subject, key }) => [subject, key ?? null]));
  return hierarchyOf(accounts, (account) => parents.get(account) ?? null).familiesAt(level.depth ?? 0);
}

function indexed(stored: readonly string[]): Subjects {
  const pairs = stored.map((id) => ({ id: decodeText(id), stored: id }));
  pairs.sort((a, b) => compareCodeUnits(a.id, b.id));
  return { ids: pairs.map(({ id }) => id), index: new Map(pairs.map((pair, i) => [pair.stored, i])) };
}
