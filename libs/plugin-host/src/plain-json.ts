import { pointerToken } from '@rapport/rules';

/** Where a value stops being plain JSON, and why; null when it is plain all through. `undefined` members count as absent. */
export function notPlain(value: unknown, maxDepth = 40): { readonly pointer: string; readonly what: string } | null {
  const left: { readonly value: unknown; readonly pointer: string; readonly depth: number }[] = [
    { value, pointer: '', depth: 0 },
  ];
  let seen = 0;
  for (let next = left.pop(); next; next = left.pop()) {
    const { value: node, pointer, depth } = next;
    if (++seen > 100_000) return { pointer: '', what: 'more than 100,000 values' };
    if (node === null || typeof node === 'string' || typeof node === 'boolean') continue;
    if (typeof node === 'number') {
      if (!Number.isFinite(node)) return { pointer, what: String(node) };
      continue;
    }
    if (typeof node !== 'object') return { pointer, what: `a ${typeof node}` };
    if (depth >= maxDepth) return { pointer, what: `nested deeper than ${String(maxDepth)} levels, or circular` };
    if (Array.isArray(node)) {
      node.forEach((item: unknown, i) =>
        left.push({ value: item, pointer: `${pointer}/${String(i)}`, depth: depth + 1 }),
      );
      continue;
    }
    const prototype: unknown = Object.getPrototypeOf(node);
    // Modules may be loaded into another realm, so the prototype is known by what it lacks.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
      return { pointer, what: 'an instance of a class' };
    for (const [key, item] of Object.entries(node)) {
      if (key === '__proto__') return { pointer, what: 'a key "__proto__"' };
      if (item !== undefined) left.push({ value: item, pointer: `${pointer}/${pointerToken(key)}`, depth: depth + 1 });
    }
  }
  return null;
}

/** A value in a message, 80 characters at most. */
export function inShort(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? 'nothing' : text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
