import {
  levelName,
  valueAt,
  type Level,
  type Message,
  type Delivery,
  type Membership,
  type Store,
  type Subject,
  type Transition,
} from '@rapport/store';

/** One thing that is held of a subject. `of` says what it is. */
export type HeldOfSubject =
  | { readonly of: 'message'; readonly message: Message }
  | ({ readonly of: 'membership' } & Membership)
  | ({ readonly of: 'transition' } & Transition)
  | ({ readonly of: 'delivery' } & Delivery)
  /** What a run found, by column. */
  | { readonly of: 'result'; readonly run: number; readonly level: string; readonly values: Readonly<Record<string, unknown>> } // prettier-ignore
  /** Epoch day and the metrics' values at its end. */
  | { readonly of: 'history'; readonly level: string; readonly day: number; readonly values: Readonly<Record<string, number | null>> }; // prettier-ignore

const ALL = 1_000_000_000;
/** As far as epoch days reach in any store. */
const DAYS = { from: -100_000_000, to: 100_000_000 } as const;

/** Everything that a store holds of one subject: what was accepted about it, then what was worked out. Nothing for a subject that is not there. */
export async function* dataOfSubject(
  store: Store,
  subject: Subject,
  parent: string | null,
): AsyncGenerator<HeldOfSubject> {
  const { kind, id } = subject;
  const snapshot = await store.snapshot();
  try {
    for await (const batch of snapshot.messagesOf(subject))
      for (const message of batch) yield { of: 'message', message };
  } finally {
    await snapshot.close();
  }
  for (const membership of await store.memberships({ subject: id }))
    if (membership.kind === kind) yield { of: 'membership', ...membership };
  for (const transition of await store.transitions({ subject: id, limit: ALL }))
    if (transition.kind === kind) yield { of: 'transition', ...transition };
  for (const delivery of await store.list({ subject, limit: ALL })) yield { of: 'delivery', ...delivery };

  const levels: readonly Level[] = [{ kind }, ...(kind === 'account' && parent !== null ? [{ kind: 'family', parent } as const] : [])]; // prettier-ignore
  for (const { number } of (await store.runs(ALL)).toReversed()) {
    for (const level of levels) {
      const frame = await store.results(number, level);
      const row = frame ? frame.subjects.indexOf(id) : -1;
      if (!frame || row < 0) continue;
      const values = Object.entries(frame.columns).map(
        ([name, column]) => [name, plain(valueAt(column, row))] as const,
      );
      yield { of: 'result', run: number, level: levelName(level), values: Object.fromEntries(values) };
    }
  }
  for (const level of levels) {
    const origins = await store.historyOrigins({ level, ...DAYS });
    const metrics = [...new Set([...origins.values()].flatMap((its) => Object.keys(its)))];
    for (const { day, metrics: its, subjects } of await store.history({ level, metrics, ...DAYS, subject: id })) {
      const row = subjects.indexOf(id);
      const values = Object.entries(its).map(([metric, of]): [string, number | null] => [
        metric,
        numberAt(of.values, row),
      ]);
      yield { of: 'history', level: levelName(level), day, values: Object.fromEntries(values) };
    }
  }
}

const numberAt = ({ values, valid }: { readonly values: Float64Array; readonly valid: Uint8Array }, row: number) =>
  valid[row] ? (values[row] ?? null) : null;
const plain = (value: unknown): unknown =>
  value instanceof Map ? Object.fromEntries(value as ReadonlyMap<string, number>) : value;
