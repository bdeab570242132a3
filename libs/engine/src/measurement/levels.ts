import { hierarchyOf, readKey, type Column, type Level, type ResultFrame, type Snapshot } from '@rapport/store';
import type { HeldLevel } from './computing.js';
import { pick, runsOf } from './column-merge.js';

/** Something that was not as it should be, and what was done about it. */
export interface Warning {
  /** `RAPPORT_HIERARCHY_CYCLE`. */
  readonly code: string;
  readonly message: string;
}
export interface Hierarchies {
  /** Levels as stores are asked for them: families one depth at a time. */
  readonly levels: readonly Level[];
  readonly warnings: readonly Warning[];
}

/** Splits families by depth. Accounts that are their own ancestors belong to nobody, and are named in a warning. */
export async function splitFamilies(levels: readonly Level[], snapshot: Snapshot, asOf: number): Promise<Hierarchies> {
  const split: Level[] = [];
  const warnings: Warning[] = [];
  for (const level of levels) {
    if (level.kind !== 'family' || level.depth !== undefined) {
      split.push(level);
      continue;
    }
    const hierarchy = await hierarchyAsOf(level.parent, snapshot, asOf);
    for (const cycle of hierarchy.cycles) {
      warnings.push({
        code: 'RAPPORT_HIERARCHY_CYCLE',
        message: `these accounts are their own ancestors by the trait "${level.parent}", and are evaluated without a parent: ${shown(cycle)}. Correct the trait of one of them.`,
      });
    }
    // At least one depth, so that a family of nobody is an empty frame and not a missing one.
    for (let depth = 0; depth <= Math.max(0, hierarchy.deepestParent); depth++) split.push({ ...level, depth });
  }
  return { levels: split, warnings };
}

const shown = (cycle: readonly string[]): string =>
  [...cycle.slice(0, 10).map((id) => `"${id.slice(0, 100)}"`), cycle.length > 10 ? '…' : `"${cycle[0] ?? ''}"`].join(
    ' → ',
  );

async function hierarchyAsOf(parent: string, snapshot: Snapshot, asOf: number) {
  const [frame] = await snapshot.measure([{ level: { kind: 'account' }, asOf, measures: [] }]);
  const traits = await snapshot.traits('account', asOf);
  return hierarchyOf(frame?.subjects ?? [], (account) => {
    const values = traits.get(account);
    return values && Object.hasOwn(values, parent) ? readKey(values[parent]) : null;
  });
}

/** Per account of `rows` the subject of a portfolio by a trait, or of a family's depth, that it belongs to; null for the whole portfolio. */
export async function groupsOf(
  level: HeldLevel,
  rows: HeldLevel,
  snapshot: Snapshot,
  asOf: number,
): Promise<Int32Array | null> {
  const of = level.plan.plan.level;
  const index = new Map(level.frame.subjects.map((subject, i) => [subject, i]));
  if (of.kind === 'family') {
    const families = (await hierarchyAsOf(of.parent, snapshot, asOf)).familiesAt(of.depth ?? 0);
    return Int32Array.from(rows.frame.subjects, (account) => index.get(families.get(account) ?? '') ?? -1);
  }
  if (of.kind !== 'portfolio' || of.by === undefined) return null;
  const { by } = of;
  const traits = await snapshot.traits('account', asOf);
  return Int32Array.from(rows.frame.subjects, (account) => {
    const values = traits.get(account);
    const value = values && Object.hasOwn(values, by) ? readKey(values[by]) : null;
    return index.get(value ?? '') ?? -1;
  });
}

/** Families of all depths as one frame, in code-unit order of the parents; other frames as they are. */
export function joinFamilies(frames: readonly ResultFrame[]): readonly ResultFrame[] {
  const joined: ResultFrame[] = [];
  const depths = new Map<string, ResultFrame[]>();
  for (const frame of frames) {
    if (frame.level.kind !== 'family') joined.push(frame);
    else depths.set(frame.level.parent, [...(depths.get(frame.level.parent) ?? []), frame]);
  }
  for (const [parent, parts] of depths) {
    const order = parts
      .flatMap(({ subjects }, part) => subjects.map((subject, row) => ({ subject, part, row })))
      .sort((a, b) => (a.subject < b.subject ? -1 : 1));
    const runs = runsOf(order);
    const names = Object.keys(parts[0]?.columns ?? {});
    joined.push({
      level: { kind: 'family', parent },
      subjects: order.map(({ subject }) => subject),
      columns: Object.fromEntries(
        names.map((name) => [
          name,
          pick(
            parts.map(({ columns }) => columns[name] as Column),
            runs,
            name.endsWith('.reason'),
          ),
        ]),
      ),
    });
  }
  return joined;
}
