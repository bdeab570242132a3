import { setImmediate } from 'node:timers/promises';
import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import {
  columnar,
  destinationOf,
  durationOf,
  explain,
  factsOf,
  OUT,
  rulesOf,
  STAYS,
  usesOf,
  verdictAt,
  type FactUse,
  type PlacedCondition,
  type RuleVerdicts,
} from '@rapport/rules';
import type { Moment } from '@rapport/sdk/time';
import type { Membership, Transition } from '@rapport/store';
import type { FactTable } from './facts.js';
import { segmentKeys, type Operators, type Verdicts } from '@rapport/plugin-host';

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
  /** The run's instant, in the workspace's zone. */
  readonly moment: Moment;
  readonly verdicts: Verdicts;
  /** Subjects that stay where they are, because a metric failed for them; null for none. */
  readonly isHeld: ((subject: number) => boolean) | null;
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
/** Whether a move is a baseline is settled once all are known (baseline.ts). */
const FOUND = { baseline: false, baselineReason: null, baselineText: null } as const;

function moveMaker(
  kind: 'account' | 'user',
  uses: readonly FactUse[],
  { table, moment, described = Infinity }: MovementContext,
) {
  const made = new Map<string, number>();
  return (segment: string, change: Transition['change'], reason: () => string, i: number): Move => {
    const nth = (made.get(`${change} ${segment}`) ?? 0) + 1;
    made.set(`${change} ${segment}`, nth);
    const about = nth <= described ? { reason: reason(), facts: table.factsAt(uses, i) } : { reason: '', facts: {} };
    return { segment, subject: table.subjects[i] ?? '', kind, change, at: moment.at, ...about, ...FOUND };
  };
}

/** Moves subjects in and out of a segment or among its bands, and notes the new members in the fact table. */
export const moveSegment = (document: SegmentDocument, context: MovementContext): Promise<Movement> =>
  // All over again only where a reason asks what the rules did not.
  context.verdicts.settle((operators) => move(document, segmentKeys(document), document, context, operators));

/** Follows a playbook's own rule, under the key `playbook.<id>`: in while it is true, out when it is false, as before while it is unknown. */
export const moveRule = (key: string, document: PlaybookDocument, context: MovementContext): Promise<Movement> =>
  context.verdicts.settle((operators) => move(document, [key], {}, context, operators));

async function move(
  document: SegmentDocument | PlaybookDocument,
  keys: readonly string[],
  { minimumDwell, onUnknown }: Pick<SegmentDocument, 'minimumDwell' | 'onUnknown'>,
  context: MovementContext,
  { quiet }: Operators,
): Promise<Movement> {
  const { table, members, moment, isHeld } = context;
  const { subjects } = table;
  const uses = factsOf(document, quiet);
  const dwell = durationOf(minimumDwell) ?? 0;
  const state = new Map(keys.map((key) => [key, new Uint8Array(subjects.length)]));
  const { enters, exit } = rulesOf(document);
  const conditions = [...enters, ...(exit ? [exit] : [])].map(({ condition }) => condition);
  const verdicts = await context.verdicts.settle(({ throwing }) =>
    columnar(conditions, moment, throwing).evaluateInSlices(subjects.length, table.columns),
  );
  const leaving = verdicts[enters.length];
  const deciding = {
    enters: enters.length,
    enter: (rule: number, i: number) => verdictAt(verdicts[rule] as RuleVerdicts, i),
    exit: leaving ? (i: number) => verdictAt(leaving, i) : null,
    leavesOnUnknown: onUnknown === 'leave',
  };
  const failures = verdicts.flatMap(({ failure }) => failure ?? []);
  const failed = (i: number) => failures.some(({ subjects: bits }) => ((bits[i >>> 5] ?? 0) >>> (i & 31)) & 1);
  const current = keys.map((key) => ({ key, of: members.get(key) }));
  const moves: Move[] = [];
  const moveOf = moveMaker(document.subject, uses, context);
  const why = (rule: PlacedCondition | undefined, i: number): string =>
    rule ? explain(rule.condition, table.factsAt(usesOf(rule.condition, '', quiet), i), moment, quiet).text : '';

  await eachSubject(subjects, (i) => {
    const subject = subjects[i] ?? '';
    let membership: Membership | undefined;
    for (const { of } of current) membership ??= of?.get(subject);
    // A segment may have been about users before, or about accounts: who is not of its kind now is no member (retired.ts).
    if (membership?.kind !== document.subject) membership = undefined;
    const now = membership?.segment;
    const stay = () => {
      const bits = now === undefined ? undefined : state.get(now);
      if (bits) bits[i] = 1;
    };
    // Whom a rule or a metric failed for stays where it is: a failure must not look like something the customer did.
    const to =
      isHeld?.(i) || (failures.length > 0 && failed(i)) ? STAYS : destinationOf(deciding, i, now !== undefined);
    // A negative index would be looked up as a name, which is slow.
    const wanted = to < 0 ? undefined : keys[to];
    const dwelling = membership !== undefined && moment.at - membership.enteredAt < dwell;
    if (to === STAYS || wanted === now || dwelling) {
      stay();
      return;
    }
    const left = exit ?? enters[now === undefined ? -1 : keys.indexOf(now)];
    const reason = () => why(to === OUT ? left : enters[to], i);
    if (now !== undefined) moves.push(moveOf(now, 'exit', reason, i));
    if (wanted !== undefined) {
      moves.push(moveOf(wanted, 'enter', reason, i));
      const bits = state.get(wanted);
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
