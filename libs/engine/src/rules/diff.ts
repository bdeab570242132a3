import { isDeepStrictEqual } from 'node:util';
import { pointerToken } from '@rapport/rules';

/** A place in which two documents differ; without `before` something is new there, without `after` something is gone. */
export interface DocumentChange {
  /** JSON Pointer. */
  readonly pointer: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Where two JSON documents differ, as deep as they are alike: members of objects by name, items of lists by `id` or `name` where all have one, else by position.
 * The order of members does not matter.
 */
export function documentChanges(before: unknown, after: unknown, pointer = ''): readonly DocumentChange[] {
  if (isDeepStrictEqual(before, after)) return [];
  const [old, now] = [entriesOf(before, after), entriesOf(after, before)];
  if (!old || !now) return [{ pointer, before, after }];
  const names = [...new Set([...old.keys(), ...now.keys()])];
  return names.flatMap((name): readonly DocumentChange[] => {
    const place = `${pointer}/${pointerToken(name)}`;
    if (!now.has(name)) return [{ pointer: place, before: old.get(name) }];
    if (!old.has(name)) return [{ pointer: place, after: now.get(name) }];
    return documentChanges(old.get(name), now.get(name), place);
  });
}

/** What a value has inside, by name; null where it cannot be compared so with the other. */
function entriesOf(value: unknown, other: unknown): ReadonlyMap<string, unknown> | null {
  if (isObject(value) && isObject(other)) return new Map(Object.entries(value));
  if (!Array.isArray(value) || !Array.isArray(other)) return null;
  const key = ['id', 'name'].find((name) =>
    [...(value as unknown[]), ...(other as unknown[])].every(
      (item) => isObject(item) && typeof item[name] === 'string',
    ),
  );
  return new Map(
    value.map((item: unknown, i) => [key ? String((item as Record<string, unknown>)[key]) : String(i), item]),
  );
}
