import { type Verdicts, type LoadedPlugin, documentsAmong, playbookKey } from '@rapport/plugin-host';
import type { Membership } from '@rapport/store';
import type { FactTables } from './fact-tables.js';
import { type Move, type Movement, moveRule, moveSegment } from './transitions.js';

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
  readonly evaluated: readonly string[];
}

/**
 * Moves subjects by every document. Reads and writes nothing but what it is given.
 *
 * @param known documents (`key@version`) that were evaluated before; of others, members are taken as they are found
 * @param verdicts of the operators that plugins bring
 * @param described moves per segment and direction that are given a reason and facts; default all
 */
export async function moveAll(
  plugins: readonly LoadedPlugin[],
  tables: FactTables,
  members: Members,
  known: Pick<ReadonlySet<string>, 'has'>,
  asOf: number,
  verdicts: Verdicts,
  described?: number,
): Promise<Moved> {
  const moves: Move[] = [];
  const errors: { segment: string; message: string }[] = [];
  const evaluated: string[] = [];
  const note = (key: string, version: string, { moves: found, error }: Movement) => {
    for (const move of found) moves.push(move);
    if (error !== null) errors.push({ segment: key, message: error });
    evaluated.push(`${key}@${version}`);
  };
  // Plugins come in the order of their dependencies, so a segment's members are known before a rule asks for them.
  for (const plugin of documentsAmong(plugins)) {
    const table = tables.get(plugin.document.subject);
    if (!table) continue;
    const { id } = plugin.document;
    const contextFor = (key: string) => ({
      table,
      members,
      asOf,
      verdicts,
      baseline: !known.has(`${key}@${plugin.version}`),
      ...(described === undefined ? {} : { described }),
    });
    if (plugin.kind === 'segment') note(id, plugin.version, await moveSegment(plugin.document, contextFor(id)));
    else if ('when' in plugin.document.trigger) {
      const key = playbookKey(id);
      note(key, plugin.version, await moveRule(key, plugin.document, contextFor(key)));
    }
  }
  return { moves, errors, evaluated };
}
