/** Accounts and their parents as of an instant. */
export interface Hierarchy {
  /** Distance from the top of each account: 0 without a parent. */
  readonly depths: ReadonlyMap<string, number>;
  /** Greatest depth of an account that has a child; −1 when no account has one. */
  readonly deepestParent: number;
  /** Per parent account of that depth: itself and its descendants. An account is in one family of a depth, or in none. */
  familiesAt(depth: number): ReadonlyMap<string, string>;
  /** Accounts that are their own ancestors, one list per circle. Their links are not followed: each stands alone at the top of its own family. */
  readonly cycles: readonly (readonly string[])[];
}

/**
 * The hierarchy that links from account to parent make. A parent that is not an account links to nothing.
 *
 * @param accounts ids of all accounts
 * @param parentOf id of an account's parent, or null
 */
export function hierarchyOf(accounts: Iterable<string>, parentOf: (account: string) => string | null): Hierarchy {
  const known = new Set(accounts);
  const parents = new Map<string, string>();
  for (const account of known) {
    const parent = parentOf(account);
    if (parent !== null && known.has(parent)) parents.set(account, parent);
  }
  const cycles = cyclesIn(parents);
  for (const cycle of cycles) for (const account of cycle) parents.delete(account);

  const depths = new Map<string, number>();
  for (const account of known) {
    const path: string[] = [];
    let at: string | undefined = account;
    while (at !== undefined && !depths.has(at)) {
      path.push(at);
      at = parents.get(at);
    }
    let depth = at === undefined ? -1 : (depths.get(at) ?? -1);
    for (const each of path.reverse()) depths.set(each, ++depth);
  }
  const withChild = new Set(parents.values());
  let deepestParent = -1;
  for (const parent of withChild) deepestParent = Math.max(deepestParent, depths.get(parent) ?? 0);
  return {
    depths,
    deepestParent,
    cycles,
    familiesAt(depth) {
      const families = new Map<string, string>();
      for (const account of known) {
        let at = account;
        for (let steps = (depths.get(account) ?? 0) - depth; steps > 0; steps--) at = parents.get(at) ?? at;
        if (depths.get(at) === depth && withChild.has(at)) families.set(account, at);
      }
      return families;
    },
  };
}

function cyclesIn(parents: ReadonlyMap<string, string>): readonly (readonly string[])[] {
  const settled = new Set<string>();
  const cycles: string[][] = [];
  for (const start of parents.keys()) {
    const path: string[] = [];
    const onPath = new Set<string>();
    let at: string | undefined = start;
    while (at !== undefined && !settled.has(at) && !onPath.has(at)) {
      onPath.add(at);
      path.push(at);
      at = parents.get(at);
    }
    if (at !== undefined && onPath.has(at)) cycles.push(path.slice(path.indexOf(at)));
    for (const each of path) settled.add(each);
  }
  return cycles;
}
