/** What `parseInt` makes of a value; null where it throws, as on an object that cannot become text. */
export function integerOf(value: unknown): number | null {
  try {
    return Number.parseInt(value as string, 10);
  } catch {
    return null;
  }
}

function keyOf(priority: unknown): string | null {
  try {
    // Whatever JSON has as a priority becomes the name of a property; an object may have a `toString` that is no function.
    const key = String((priority as string) || 1);
    return key in Object.prototype ? null : key;
  } catch {
    return null;
  }
}

/**
 * Positions by priority, the highest first, and each group in document order. A falsy priority is 1. Null where json-rules-engine throws: on a
 * priority that is a name of `Object.prototype`, or that cannot become text.
 */
export function groupsOf(priorities: readonly unknown[]): readonly (readonly number[])[] | null {
  const groups: Partial<Record<string, number[]>> = {};
  for (const [position, priority] of priorities.entries()) {
    const key = keyOf(priority);
    if (key === null) return null;
    (groups[key] ??= []).push(position);
  }
  // The reference's comparison, which is none where a priority is no number: only the same comparison of the same keys gives the same order.
  const keys = Object.keys(groups).sort((a, b) => (Number(a) > Number(b) ? -1 : 1));
  return keys.map((key) => groups[key] ?? []);
}
