import type { Snapshot, StoreStats, StreamedEvent, StreamQuery } from '@rapport/store';
import { compareCodeUnits } from '@rapport/store';
import type { Json, Properties } from '@rapport/store';
import type { DataState } from './changes.js';
import { changedSubjects } from './changes.js';
import type { PropertyFields } from './document.js';
import { propertiesOf } from './document.js';
import type { Stage } from './expression.js';
import { filterExpression, visibleMatch } from './expression.js';
import { measurePlan, prepare } from './measure/measure.js';
import { createScan, withinWindow } from './measure/scan.js';
import type { Scope } from './measure/scope.js';
import { aggregate, collect, isGrouped, kindOf } from './measure/scope.js';
import { subjectsOf, traitValues } from './measure/subjects.js';
import { messagesOf } from './messages.js';
import { recentEvents } from './recent.js';
import { decodeText, encodeId, fieldOf } from './text.js';

const STREAM_BATCH = 2_000;

/** A reader over what `scope.visible` lets it see. It holds nothing open in MongoDB. */
export function createSnapshot(scope: Scope, state: DataState, epoch: number): Snapshot {
  return {
    state: JSON.stringify(state),
    epoch,
    messagesOf: (subject) => messagesOf(scope, subject),
    changes: (since, asOf, effectiveAt) => changedSubjects(scope, state, since, asOf, effectiveAt),
    recent: (of, subject, asOf, limit, only) => recentEvents(scope, of, subject, asOf, limit, only),
    async measure(plans) {
      const shared = { ...scope, asked: new Map<string, Promise<ReadonlySet<string>>>() };
      const frames = [];
      for (const plan of plans) frames.push(await measurePlan(shared, plan));
      return frames;
    },
    stream: (query) => streamEvents(scope, query),
    async traits(of, asOf, subject) {
      const values = await traitValues(
        scope,
        kindOf(scope, { kind: of }),
        asOf,
        null,
        subject === undefined ? null : [encodeId(subject)],
      );
      const bySubject = new Map<string, [string, Json][]>();
      for (const { subject: id, name, json } of values) {
        const entry: [string, Json] = [decodeText(name), JSON.parse(json) as Json];
        const entries = bySubject.get(id);
        if (entries) entries.push(entry);
        else bySubject.set(id, [entry]);
      }
      return new Map(
        [...bySubject]
          .map(([id, entries]): [string, Properties] => [decodeText(id), Object.fromEntries(entries)])
          .sort(([a], [b]) => compareCodeUnits(a, b)),
      );
    },
    async traitNames(of) {
      const names = await collect<{ _id: string }>(scope, [
        { $match: { 'traits.of': kindOf(scope, { kind: of }), batch: visibleMatch(scope.visible) } },
        { $project: { _id: 0, v: '$traits.values' } },
        { $unwind: '$v' },
        { $match: { 'v.json': { $ne: 'null' } } },
        { $group: { _id: '$v.name' } },
      ]);
      return names.map(({ _id }) => decodeText(_id)).sort(compareCodeUnits);
    },
    close: () => Promise.resolve(),
  };
}

/** The one place where raw events come to Node: a `fold` asked for them. Ordered and cut by MongoDB, read by cursor. */
async function* streamEvents(scope: Scope, query: StreamQuery): AsyncGenerator<readonly StreamedEvent[]> {
  const { level, filter, window } = query;
  if (level.kind === 'portfolio' && window.kind === 'sinceTrait') return;
  const groups = isGrouped(level) ? (await subjectsOf(scope, query)).groups : undefined;
  const asked = query.subjects && new Set(query.subjects.map(encodeId));
  const call = await prepare(scope, query, [window], groups);
  try {
    const scan = createScan(call.setting, { filters: [filter], windows: [window], keep: pathsOf(query.properties) });
    const wanted = new Set(query.properties);
    const field = (expression: string) => scan.fields.add(expression).slice(1);
    const names = { time: field('$time'), id: field('$id'), name: field('$name'), user: field('$user') };
    const inside = scan.fields.add({
      $cond: [{ $and: [filterExpression(filter), withinWindow(window, '$time')] }, 1, 0],
    });
    const stages: Stage[] = [
      ...scan.stages(),
      { $match: { [inside.slice(1)]: 1 } },
      { $sort: { s: 1, [names.time]: 1, [names.id]: 1 } },
    ];
    let batch: StreamedEvent[] = [];
    for await (const row of aggregate<Record<string, unknown> & PropertyFields & { s: string }>(scope, stages)) {
      if (asked && !asked.has(row.s)) continue;
      const user = row[names.user];
      batch.push({
        subject: decodeText(row.s),
        time: row[names.time] as number,
        event: decodeText(row[names.name] as string),
        user: typeof user === 'string' ? decodeText(user) : null,
        properties: propertiesOf(row, wanted),
      });
      if (batch.length >= STREAM_BATCH) {
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  } finally {
    await call.end();
  }
}

/** Where properties are stored, whatever their type. */
const pathsOf = (properties: readonly string[]): string[] =>
  properties.length === 0
    ? []
    : [
        'nulls',
        ...properties.flatMap((name) => ['num', 'str', 'flag', 'json'].map((kind) => `${kind}.${fieldOf(name)}`)),
      ];

/** Figures over all that is visible. */
export async function statsOf(scope: Scope): Promise<StoreStats> {
  const [[row], accounts, users] = await Promise.all([
    collect<{ n: number; from: number; to: number }>(scope, [
      { $match: { name: { $gte: '' }, batch: visibleMatch(scope.visible) } },
      { $group: { _id: null, n: { $sum: 1 }, from: { $min: '$time' }, to: { $max: '$time' } } },
    ]),
    subjectsOf(scope, { level: { kind: 'account' }, asOf: Infinity }),
    subjectsOf(scope, { level: { kind: 'user' }, asOf: Infinity }),
  ]);
  return {
    events: row?.n ?? 0,
    accounts: accounts.ids.length,
    users: users.ids.length,
    from: row?.from ?? null,
    to: row?.to ?? null,
  };
}
