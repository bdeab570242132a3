/** The circles of a graph: its strongly connected components of more than one node, each in order of name. */
export function circlesAmong(edges: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const reachable = (from: string): ReadonlySet<string> => {
    const found = new Set<string>();
    const left = [...(edges.get(from) ?? [])];
    for (let node = left.pop(); node !== undefined; node = left.pop()) {
      if (found.has(node) || !edges.has(node)) continue;
      found.add(node);
      left.push(...(edges.get(node) ?? []));
    }
    return found;
  };
  const reach = new Map([...edges.keys()].sort().map((node) => [node, reachable(node)]));
  const seen = new Set<string>();
  const circles: string[][] = [];
  for (const [node, found] of reach) {
    if (seen.has(node) || !found.has(node)) continue;
    const circle = [...new Set([node, ...[...found].filter((other) => reach.get(other)?.has(node))])].sort();
    for (const member of circle) seen.add(member);
    circles.push(circle);
  }
  return circles;
}
