/** True when a value nests no deeper than `most`. Does not recurse, so that no document can exhaust the stack. */
export function nestsWithin(value: unknown, most: number): boolean {
  const left: [unknown, number][] = [[value, 0]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [node, depth] = next;
    if (typeof node !== 'object' || node === null) continue;
    if (depth >= most) return false;
    for (const child of Object.values(node)) left.push([child, depth + 1]);
  }
  return true;
}
