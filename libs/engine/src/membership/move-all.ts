import { type Verdicts, type LoadedPlugin, documentsAmong } from '@rapport/plugin-host';
import type { Moment } from '@rapport/sdk/time';
import type { Membership } from '@rapport/store';
import { definitionKey } from './definition.js';
import type { FactTables } from './fact-tables.js';
import type { FailuresBehind } from './failures.js';
import { type Move, moveRule, moveSegment } from './transitions.js';

export type Members = ReadonlyMap<string, ReadonlyMap<string, Membership>>;

/** Memberships by segment and subject. */
export function membersBySegment(memberships: readonly Membership[]): Members {
  const members = new Map<string, Map<string, Membership>>();
  for (const membership of memberships) {
    const of = members.get(membership.segment) ?? new Map<string, Membership>();
    members.set(membership.segment, of.set(membership.subject, membership));
  }
  return members;
}

/** A rule that failed for some subjects: they stay where they are. */
export interface SegmentError {
  readonly segment: string;
  /** The first error, and how many subjects it hit. */
  readonly message: string;
}
export interface Moved {
  readonly moves: readonly Move[];
  readonly errors: readonly SegmentError[];
}
export interface MoveOptions {
  /** Moves per segment and direction that are given a reason and facts; default all. */
  readonly described?: number;
  /** Who stays where it is because a metric failed. */
  readonly failures?: FailuresBehind;
}

/**
 * Moves subjects by every document. Reads and writes nothing but what it is given; no move is marked as a baseline.
 *
 * @param verdicts of the operators that plugins bring
 */
export async function moveAll(
  plugins: readonly LoadedPlugin[],
  tables: FactTables,
  members: Members,
  moment: Moment,
  verdicts: Verdicts,
  { described, failures }: MoveOptions = {},
): Promise<Moved> {
  const moves: Move[] = [];
  const errors: SegmentError[] = [];
  // Plugins come in the order of their dependencies, so a segment's members are known before a rule asks for them.
  for (const plugin of documentsAmong(plugins)) {
    const { document } = plugin;
    if (document.kind === 'playbook' && !('when' in document.trigger)) continue;
    const table = tables.get(document.subject);
    if (!table) continue;
    const key = definitionKey(document);
    const failed = failures?.(document) ?? null;
    const isHeld = failed?.isHeld ?? null;
    const context = { table, members, moment, verdicts, isHeld, ...(described === undefined ? {} : { described }) };
    const { moves: found, error } =
      document.kind === 'segment' ? await moveSegment(document, context) : await moveRule(key, document, context);
    for (const move of found) moves.push(move);
    if (failed) errors.push({ segment: key, message: failed.message });
    if (error !== null) errors.push({ segment: key, message: error });
  }
  return { moves, errors };
}
