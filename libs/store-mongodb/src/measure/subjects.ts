import type { Level } from '@rapport/store';
import { compareCodeUnits } from '@rapport/store';
import type { Expression, Stage } from '../expression.js';
import { accountOf, visibleMatch } from '../expression.js';
import { decodeText, encodeId } from '../text.js';
import type { Scope } from './scope.js';
import { collect, kindOf } from './scope.js';

/** Latest value of one trait of one subject. Stored text. */
export interface TraitValue {
  readonly subject: string;
  readonly name: string;
  readonly num?: number;
  readonly str?: string;
  readonly key?: string;
  readonly at?: number;
  readonly json: string;
}

/** The latest values, as of an instant, of the named traits (null: of all) of all subjects of a kind, or of one. Removed traits are absent. */
export async function traitValues(
  scope: Scope,
  kind: 'account' | 'user',
  asOf: number,
  names: readonly string[] | null,
  subject?: string,
): Promise<TraitValue[]> {
  if (names?.length === 0) return [];
  const named = names && { $in: names.map(encodeId) };
  const rows = await collect<{ _id: { s: string; n: string }; latest: Omit<TraitValue, 'subject' | 'name'> }>(scope, [
    {
      $match: {
        'traits.of': kind,
        ...(subject !== undefined && { 'traits.subject': encodeId(subject) }),
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
          $max: { t: '$t', i: '$i', num: '$v.num', str: '$v.str', key: '$v.key', at: '$v.at', json: '$v.json' },
        },
      },
    },
    { $match: { 'latest.json': { $ne: 'null' } } },
  ]);
  return rows.map(({ _id, latest }) => ({ ...latest, subject: _id.s, name: _id.n }));
}

/** Stored ids of every subject that an event, a trait or a membership before `asOf` names. */
function namedIds(scope: Scope, level: 'account' | 'user', asOf: number): Promise<ReadonlySet<string>> {
  const key = `${level} ${String(asOf)}`;
  const ids = scope.asked?.get(key) ?? findNamed(scope, level, asOf);
  scope.asked?.set(key, ids);
  return ids;
}

async function findNamed(scope: Scope, level: 'account' | 'user', asOf: number): Promise<ReadonlySet<string>> {
  const kind = kindOf(scope, { kind: level });
  const seen = { batch: visibleMatch(scope.visible), time: { $lt: asOf } };
  const event: Expression = kind === 'user' ? '$user' : accountOf(scope.visible);
  const sources: Stage[][] = [
    [{ $match: { ...seen, name: { $gte: '' } } }, { $group: { _id: event } }],
    [{ $match: { ...seen, 'traits.of': kind } }, { $group: { _id: '$traits.subject' } }],
    [{ $match: { ...seen, [`member.${kind}`]: { $gte: '' } } }, { $group: { _id: `$member.${kind}` } }],
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
  /** Of a portfolio by a trait: accounts (stored ids) and their groups (stored text), but those in the group "". */
  readonly groups?: ReadonlyMap<string, string>;
}

export async function subjectsOf(scope: Scope, level: Level, asOf: number): Promise<Subjects> {
  if (level.kind !== 'portfolio') {
    return indexed([...(await namedIds(scope, level.kind, asOf))]);
  }
  if (level.by === undefined) return indexed(['']);
  const [accounts, traits] = await Promise.all([
    namedIds(scope, 'account', asOf),
    traitValues(scope, kindOf(scope, level), asOf, [level.by]),
  ]);
  const groups = new Map<string, string>();
  for (const { subject, key } of traits) if (key !== undefined) groups.set(subject, key);
  return { ...indexed([...new Set([...accounts].map((account) => groups.get(account) ?? ''))]), groups };
}

function indexed(stored: readonly string[]): Subjects {
  const pairs = stored.map((id) => ({ id: decodeText(id), stored: id }));
  pairs.sort((a, b) => compareCodeUnits(a.id, b.id));
  return { ids: pairs.map(({ id }) => id), index: new Map(pairs.map((pair, i) => [pair.stored, i])) };
}
