/** Where a path leads. Read as jsonpath-plus 10 reads it, which json-rules-engine hands every path. */
export interface Path {
  /** Keys from the fact down. */
  readonly keys: readonly string[];
  /**
   * How many keys lead to where the rest is looked for in every object below; null where the path is plain. `$.address.['city']` has such a
   * place: jsonpath-plus takes `.[` for `..`.
   */
  readonly descendsAt: number | null;
}

/** Longer paths are not read: the expressions below take time that is quadratic in the length. */
const LONGEST = 256;

const TYPE_TEST = /@(?:null|boolean|number|string|integer|undefined|nonFinite|scalar|array|object|function|other)\(\)/u;
const SCRIPT = /[['](\??\(.*?\))[\]'](?!.\])/u;
const QUOTED = /\[['"]([^'\]]*)['"]\]/gu;
const BOUNDARY = /['"]?\.['"]?(?![^[]*\])|\[['"]?/gu;

/** The parts of a path, by the same replacements in the same order as in jsonpath-plus (`toPathArray`). */
const partsOf = (path: string): readonly string[] =>
  path
    .replaceAll(QUOTED, (_, name: string) => `['${name.replaceAll('.', '%@%').replaceAll('~', '%%@@%%')}']`)
    .replaceAll('~', ';~;')
    .replaceAll(BOUNDARY, ';')
    .replaceAll('%@%', '.')
    .replaceAll('%%@@%%', '~')
    .replaceAll(/;;;|;;/gu, ';..;')
    .replaceAll(/;$|'?\]|'$/gu, '')
    .split(';');

/** Whether jsonpath-plus takes a part for more than the name of a property. */
const hasMeaning = (part: string): boolean =>
  ['*', '~', '$'].includes(part) ||
  /^(?:-?\d*:-?\d*:?\d*$|\?\(|[(@`])/u.test(part) ||
  part.includes(',') ||
  /#\d/u.test(part);

/**
 * Reads a path that uses nothing of JSONPath but names and places in lists: `$.a.b`, `a`, `$.my key`, `$['a.b'][0]`. Null for any other, and for
 * one that jsonpath-plus cannot read.
 */
export function pathOf(path: string): Path | null {
  // jsonpath-plus keeps what it has read in an object, and so takes `constructor` for a path that it knows.
  if (path.length > LONGEST || path in {} || path.includes('^') || TYPE_TEST.test(path) || SCRIPT.test(path))
    return null;
  const parts = partsOf(path);
  // A path of the root alone is the fact itself.
  const keys = parts[0] === '$' ? parts.slice(1) : parts;
  const descents = keys.flatMap((key, i) => (key === '..' ? [i] : []));
  const [descent = null] = descents;
  if (descents.length > 1 || (descent !== null && path.includes('..'))) return null;
  const names = keys.filter((key) => key !== '..');
  return names.some(hasMeaning) ? null : { keys: names, descendsAt: descent };
}

const NOTHING: readonly unknown[] = [];

/** What lies along own properties: at most one value. As in jsonpath-plus, text has a length and characters. */
function along(value: unknown, keys: readonly string[]): readonly unknown[] {
  let found = value;
  for (const key of keys) {
    if (!found || !Object.hasOwn(found, key)) return NOTHING;
    found = (found as Readonly<Record<string, unknown>>)[key];
  }
  return [found];
}

/** What lies in a value; undefined where nothing does. Where the rest of the path is looked for in all objects below, a list unless the only find is at the top. */
export function follow(value: unknown, { keys, descendsAt }: Path): unknown {
  if (descendsAt === null) return along(value, keys)[0];
  const [top] = along(value, keys.slice(0, descendsAt));
  const rest = keys.slice(descendsAt);
  // Every second part jsonpath-plus takes for a name first, whatever it means.
  if (descendsAt % 2 === 1 && top && Object.hasOwn(top, '..')) return along(top, ['..', ...rest])[0];
  const atTop = along(top, rest);
  const found = [...atTop];
  const below = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const child of Array.isArray(node) ? node : Object.values(node)) {
      if (typeof child !== 'object') continue;
      found.push(...along(child, rest));
      below(child);
    }
  };
  below(top);
  if (found.length === 0) return undefined;
  return found.length === atTop.length ? found[0] : found;
}
