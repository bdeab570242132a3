import { setImmediate } from 'node:timers/promises';
import type { Condition, SegmentDocument } from '@rapport/sdk';
import {
  columnar,
  durationOf,
  explain,
  factsOf,
  usesOf,
  verdictAt,
  type FactUse,
  type RuleVerdicts,
} from '@rapport/rules';
import type { Membership, Transition } from '@rapport/store';
import type { FactTable } from './facts.js';
import { segmentKeys } from './segment-keys.js';

export type Move = Omit<Transition, 'run'>;
export interface Movement {
  readonly moves: readonly Move[];
  /** The first error per rule, with the number of subjects it hit. Null when there was none. */
  readonly error: string | null;
}
export interface MovementContext {
  readonly table: FactTable;
  /** Current members by segment key and subject. */
  readonly members: ReadonlyMap<string, ReadonlyMap<string, Membership>>;
  /** The run's instant, epoch ms. */
  readonly asOf: number;
  /** Whether this is the first evaluation of this version. */
  readonly baseline: boolean;
  /** Moves per segment and direction that are given a reason and facts; default all. Who only counts has no use for more. */
  readonly described?: number;
}

type RuleFailure = NonNullable<RuleVerdicts['failure']>;

const SLICE_MS = 10;

/** Calls `one` for each subject, and gives way to others every few milliseconds. */
async function eachSubject(subjects: readonly string[], one: (i: number) => void): Promise<void> {
  let since = performance.now();
  for (let i = 0; i < subjects.length; i++) {
    one(i);
    if ((i & 1023) === 1023 && performance.now() - since > SLICE_MS) {
      await setImmediate();
      since = performance.now();
    }
  }
}

/** Makes moves, the first of each segment and direction with reason and facts. */
function moveMaker(
  kind: 'account' | 'user',
  uses: readonly FactUse[],
  { table, asOf, baseline, described = Infinity }: MovementContext,
) {
  const made = new Map<string, number>();
  return (segment: string, change: Transition['change'], reason: () => string, i: number): Move => {
    const nth = (made.get(`${change} ${segment}`) ?? 0) + 1;
    made.set(`${change} ${segment}`, nth);
    const about = nth <= described ? { reason: reason(), facts: table.factsAt(uses, i) } : { reason: '', facts: {} };
    return { segment, subject: table.subjects[i] ?? '', kind, change, at: asOf, ...about, baseline };
  };
}

/** Moves subjects in and out of a segment or among its bands, and notes the new members in the fact table. */
export async function moveSegment(document: SegmentDocument, context: MovementContext): Promise<Movement> {
  const { table, members, asOf } = context;
  const { subjects } = table;
  const uses = factsOf(document);
  const dwell = durationOf(document.minimumDwell) ?? 0;
  const keys = segmentKeys(document);
  const state = new Map(keys.map((key) => [key, new Uint8Array(subjects.length)]));
  const enters = document.bands?.map(({ enter }) => enter) ?? (document.enter ? [document.enter] : []);
  const conditions = [...enters, ...(document.exit ? [document.exit] : [])];
  const verdicts = await columnar(conditions, asOf).evaluateInSlices(subjects.length, table.columns);
  const exit = document.exit ? verdicts[enters.length] : undefined;
  /** The key of the first rule that is true; null when none is, undefined when one might be. */
  const placeOf = (i: number): string | null | undefined => {
    let unknown = false;
    for (const [k, key] of keys.entries()) {
      const its = verdicts[k];
      const verdict = its ? verdictAt(its, i) : null;
      if (verdict === true) return key;
      unknown ||= verdict === null;
    }
    return unknown ? undefined : null;
  };
  const failures = verdicts.flatMap(({ failure }) => failure ?? []);
  const failed = (i: number) => failures.some(({ subjects: bits }) => ((bits[i >>> 5] ?? 0) >>> (i & 31)) & 1);
  const current = keys.map((key) => ({ key, of: members.get(key) }));
  const leavesOnUnknown = document.onUnknown === 'leave';
  const moves: Move[] = [];
  const moveOf = moveMaker(document.subject, uses, context);
  const why = (condition: Condition | undefined, i: number): string =>
    condition ? explain(condition, table.factsAt(usesOf(condition), i), asOf).text : '';
  const enterOf = (key: string): Condition | undefined =>
    document.bands?.find((band) => `${document.id}.${band.id}` === key)?.enter ?? document.enter;

  /** Where the subject belongs: a key, null for nowhere, undefined to stay. */
  const destination = (
    i: number,
    now: string | undefined,
  ): { readonly key: string | null; readonly reason: () => string } | undefined => {
    const leave = (reason: () => string) => (now === undefined ? undefined : { key: null, reason });
    if (exit) {
      const leaves = verdictAt(exit, i);
      if (now !== undefined) {
        if (leaves === true) return leave(() => why(document.exit, i));
        return leaves === null && leavesOnUnknown ? leave(() => why(document.exit, i)) : undefined;
      }
      if (leaves === true) return undefined;
    }
    const key = placeOf(i);
    if (key === undefined)
      return leavesOnUnknown ? leave(() => (now === undefined ? '' : why(enterOf(now), i))) : undefined;
    if (key === null) return leave(() => (now === undefined ? '' : why(enterOf(now), i)));
    return { key, reason: () => why(enterOf(key), i) };
  };

  await eachSubject(subjects, (i) => {
    const subject = subjects[i] ?? '';
    let membership: Membership | undefined;
    for (const { of } of current) membership ??= of?.get(subject);
    const now = membership?.segment;
    const stay = () => {
      const bits = now === undefined ? undefined : state.get(now);
      if (bits) bits[i] = 1;
    };
    // Whom a rule failed for stays where it is.
    const wanted = failures.length > 0 && failed(i) ? undefined : destination(i, now);
    const dwelling = membership !== undefined && asOf - membership.enteredAt < dwell;
    if (wanted === undefined || wanted.key === (now ?? null) || dwelling) {
      stay();
      return;
    }
    if (now !== undefined) moves.push(moveOf(now, 'exit', wanted.reason, i));
    if (wanted.key !== null) {
      moves.push(moveOf(wanted.key, 'enter', wanted.reason, i));
      const bits = state.get(wanted.key);
      if (bits) bits[i] = 1;
    }
  });
  for (const [key, bits] of state) table.segments.set(key, bits);
  return { moves, error: failures.length === 0 ? null : errorOf(failures, subjects) };
}

/** What went wrong, for how many, and for whom for example. */
function errorOf(failures: readonly RuleFailure[], subjects: readonly string[]): string {
  const hit = subjects.filter((_, i) => failures.some(({ subjects: bits }) => ((bits[i >>> 5] ?? 0) >>> (i & 31)) & 1));
  return `the rule failed for ${String(hit.length)} subjects, which stay where they are; "${hit[0] ?? ''}": ${failures[0]?.message ?? ''}`;
}

/** Follows a playbook's own rule, under the key `playbook.<id>`: in while it is true, out when it is false, as before while it is unknown. */
export async function moveRule(
  key: string,
  kind: 'account' | 'user',
  when: Condition,
  context: MovementContext,
): Promise<Movement> {
  const document: SegmentDocument = { kind: 'segment', id: key, title: key, subject: kind, enter: when };
  return moveSegment(document, context);
}
