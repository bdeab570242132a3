/** A cycle in a directed graph as a path that ends where it begins, or null. Nodes are visited in the order given. */
export function cycleIn(
  nodes: readonly string[],
  edges: (node: string) => readonly string[],
): readonly string[] | null {
  const done = new Set<string>();
  for (const start of nodes) {
    // Depth first, without recursion: the path and, for each of its nodes, the edges left to follow.
    const path: string[] = [];
    const left: string[][] = [];
    const enter = (node: string) => {
      path.push(node);
      left.push([...edges(node)].reverse());
    };
    if (!done.has(start)) enter(start);
    while (path.length > 0) {
      const next = left.at(-1)?.pop();
      if (next === undefined) {
        done.add(path.pop() ?? '');
        left.pop();
      } else if (path.includes(next)) return [...path.slice(path.indexOf(next)), next];
      else if (!done.has(next)) enter(next);
    }
  }
  return null;
}

/** Nodes in an order in which each comes after what it depends on; ties in the order given. The graph must have no cycle. */
export function inOrder(nodes: readonly string[], edges: (node: string) => readonly string[]): readonly string[] {
  const wanted = new Set(nodes);
  const ordered = new Set<string>();
  const visit = (node: string) => {
    if (ordered.has(node) || !wanted.has(node)) return;
    wanted.delete(node);
    for (const next of edges(node)) visit(next);
    ordered.add(node);
  };
  for (const node of nodes) visit(node);
  return [...ordered];
}
