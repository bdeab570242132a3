import type { TraitProfile, TraitProfiles } from '@rapport/rules';
import type { Column, Snapshot } from '@rapport/store';

/** Traits that are looked at for one document; those beyond are known by name only. */
const MOST_TRAITS = 50;
/** Texts that are kept of one trait. With more different ones it is free text, of which none can be missing. */
const MOST_TEXTS = 200;

/** A trait of every subject, by how it can be read; null where it cannot. */
export interface TraitColumns {
  readonly text: (row: number) => string | null;
  readonly number: (row: number) => number | null;
  readonly time: (row: number) => number | null;
}
export interface MeasuredTraits {
  readonly subjects: readonly string[];
  readonly traits: ReadonlyMap<string, TraitColumns>;
}

const textAt = (column: Column | undefined) => (row: number) =>
  column?.type === 'text' ? (column.dictionary[column.codes[row] ?? -1] ?? null) : null;
const numberAt = (column: Column | undefined) => (row: number) =>
  column?.type === 'number' && column.valid[row] === 1 ? (column.values[row] ?? null) : null;

/** The first fifty of these traits, of all subjects. One query, whatever they are. */
export async function measureTraits(
  snapshot: Snapshot,
  kind: 'account' | 'user',
  asOf: number,
  names: readonly string[],
): Promise<MeasuredTraits> {
  const few = names.slice(0, MOST_TRAITS);
  const measures = few.flatMap((name) =>
    (['text', 'number', 'time'] as const).map((as) => ({ node: 'trait', name, as }) as const),
  );
  const [frame] = await snapshot.measure([{ level: { kind }, asOf, measures }]);
  const columns = frame?.columns ?? [];
  return {
    subjects: frame?.subjects ?? [],
    traits: new Map(
      few.map((name, i) => [
        name,
        { text: textAt(columns[3 * i]), number: numberAt(columns[3 * i + 1]), time: numberAt(columns[3 * i + 2]) },
      ]),
    ),
  };
}

function profileOf({ text, number, time }: TraitColumns, subjects: number): TraitProfile {
  const counts = new Map<string, number>();
  let [texts, numbers, times] = [0, 0, 0];
  let notATime: string | null = null;
  for (let row = 0; row < subjects; row++) {
    const written = text(row);
    const isTime = time(row) !== null;
    if (isTime) times += 1;
    if (number(row) !== null) numbers += 1;
    if (written === null) continue;
    texts += 1;
    counts.set(written, (counts.get(written) ?? 0) + 1);
    if (!isTime) notATime ??= written;
  }
  const byCount = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return {
    texts,
    numbers,
    times,
    frequent: byCount.slice(0, MOST_TEXTS).map(([written]) => written),
    isComplete: byCount.length <= MOST_TEXTS,
    notATime,
  };
}

/** What the data holds of traits: the names of all, and types and values of these. */
export async function traitProfiles(
  snapshot: Snapshot,
  kind: 'account' | 'user',
  asOf: number,
  names: readonly string[],
): Promise<TraitProfiles> {
  const { subjects, traits } = await measureTraits(snapshot, kind, asOf, names);
  return {
    kind,
    subjects: subjects.length,
    names: await snapshot.traitNames(kind),
    profiles: new Map(Array.from(traits, ([name, columns]) => [name, profileOf(columns, subjects.length)])),
  };
}
