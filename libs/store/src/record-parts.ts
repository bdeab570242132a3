/*
 * A run's record says nearly the same every day. Stores keep the long entries of it by content, so that runs share them.
 */

/** Entries of at least so many characters of JSON are parts of their own. */
const LONG = 200;

type Entry =
  readonly [name: string, kind: 'value', value: unknown] | readonly [name: string, kind: 'part', ref: string];
type Head = { readonly whole: unknown } | { readonly entries: readonly Entry[] };

/** A record as parts (JSON of its long entries) and a head that names them, once they are stored. */
export function splitRecord(record: unknown): {
  readonly parts: readonly string[];
  readonly head: (refs: readonly string[]) => string;
} {
  const plain = JSON.parse(JSON.stringify(record ?? null)) as unknown;
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain))
    return { parts: [], head: () => JSON.stringify({ whole: plain } satisfies Head) };
  const texts = Object.entries(plain).map(([name, value]) => [name, value as unknown, JSON.stringify(value)] as const);
  const long = texts.filter(([, , text]) => text.length >= LONG);
  return {
    parts: long.map(([, , text]) => text),
    head(refs) {
      const stored = new Map(long.map(([name], i) => [name, refs[i] ?? '']));
      const entries = texts.map(([name, value]): Entry => {
        const ref = stored.get(name);
        return ref === undefined ? [name, 'value', value] : [name, 'part', ref];
      });
      return JSON.stringify({ entries } satisfies Head);
    },
  };
}

/** The parts that a head names. */
export function partsOfRecord(head: string): readonly string[] {
  const parsed = JSON.parse(head) as Head;
  return 'whole' in parsed ? [] : parsed.entries.flatMap((entry) => (entry[1] === 'part' ? [entry[2]] : []));
}

/** The record again. `part` gives the JSON of a part. */
export function joinRecord(head: string, part: (ref: string) => string): unknown {
  const parsed = JSON.parse(head) as Head;
  if ('whole' in parsed) return parsed.whole;
  return Object.fromEntries(
    parsed.entries.map((entry) => [entry[0], entry[1] === 'part' ? (JSON.parse(part(entry[2])) as unknown) : entry[2]]),
  );
}
