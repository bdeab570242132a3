// What means something in JSONPath, or would be cut apart by jsonpath-plus, is in no name.
const SEGMENT =
  /\.([^\s.'"[\]()*?^~$@`,:;#]+)|\[(\d+)\]|\['([^'"[\]()*?^~$@`,:;#]+)'\]|\["([^'"[\]()*?^~$@`,:;#]+)"\]/gu;

/** The keys that a plain path leads along (`$.a.b`, `$.a[0].b`, `$['a']`; none for `$`), or null when it is any other JSONPath. */
export function keysOf(path: string): readonly string[] | null {
  if (!path.startsWith('$')) return null;
  const keys: string[] = [];
  let end = 1;
  for (const match of path.matchAll(SEGMENT)) {
    if (match.index !== end) return null;
    end += match[0].length;
    keys.push(match[1] ?? match[2] ?? match[3] ?? match[4] ?? '');
  }
  return end === path.length ? keys : null;
}

/** What lies in a value along own properties; undefined where they end. As in jsonpath-plus, text has a length and characters. */
export function follow(value: unknown, keys: readonly string[]): unknown {
  let found = value;
  for (const key of keys) {
    if (!found || !Object.hasOwn(found, key)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[key];
  }
  return found;
}
