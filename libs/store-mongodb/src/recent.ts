import type { RecentEvent, Snapshot } from '@rapport/store';
import { carryingAny, compareCodeUnits } from '@rapport/store';
import type { PropertyFields } from './document.js';
import { propertiesOf } from './document.js';
import type { Stage } from './expression.js';
import { accountOf, eventsOf, filterExpression, flag, visibleMatch } from './expression.js';
import type { Scope } from './measure/scope.js';
import { collect } from './measure/scope.js';
import { decodeText, encodeId } from './text.js';

interface EventRow extends PropertyFields {
  readonly id: string;
  readonly time: number;
  readonly name: string;
  readonly user?: string | null;
  readonly a?: string | null;
}
const idOrNull = (id: string | null | undefined): string | null => (typeof id === 'string' ? decodeText(id) : null);

type Recent = Parameters<Snapshot['recent']>;

/**
 * Latest events of a subject, or of all. MongoDB reads them by time alone, as the indexes are; which of the same instant come
 * first is decided here, so that no more than one instant is read beyond the limit.
 */
export async function recentEvents(
  scope: Scope,
  of: Recent[0],
  subject: string,
  asOf: number,
  limit: number,
  only: Recent[4],
): Promise<readonly RecentEvent[]> {
  if (limit <= 0) return [];
  const id = encodeId(subject);
  const kind = scope.usersAreAccounts && of === 'account' ? 'user' : of;
  const { start = null, end = asOf } = only?.window ?? {};
  const match = {
    name: only?.filter.events ? { $in: only.filter.events.map(encodeId) } : { $gte: '' },
    batch: visibleMatch(scope.visible),
    ...(kind !== 'portfolio' && eventsOf(kind, [id])),
  };
  const matching: Stage[] = [
    { $addFields: { a: accountOf(scope.visible) } },
    ...(kind === 'account' ? [{ $match: { a: id } }] : []),
    ...(only
      ? [{ $addFields: { o: flag(filterExpression(carryingAny(only.filter, only.properties))) } }, { $match: { o: 1 } }]
      : []),
  ];
  const before = { ...(start !== null && { $gte: start }), $lt: Math.min(asOf, end) };
  const found = await collect<EventRow>(scope, [
    { $match: { ...match, time: before } },
    { $sort: { time: -1 } },
    ...matching,
    { $limit: limit + 1 },
  ]);
  const cut = found.length > limit ? found.at(-1)?.time : undefined;
  const rows =
    cut === undefined
      ? found
      : [
          ...found.filter(({ time }) => time > cut),
          ...(found[limit - 1]?.time === cut
            ? await collect<EventRow>(scope, [{ $match: { ...match, time: cut } }, ...matching])
            : []),
        ];
  return rows
    .map((row): RecentEvent => ({
      id: decodeText(row.id),
      time: row.time,
      event: decodeText(row.name),
      user: idOrNull(row.user),
      account: idOrNull(row.a),
      properties: propertiesOf(row),
    }))
    .sort((a, b) => b.time - a.time || compareCodeUnits(b.id, a.id))
    .slice(0, limit);
}
