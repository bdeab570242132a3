const BATCH = 1_000;

/** Works through items in batches of at most 1,000, one after the other. `from` is the position of the batch's first item. */
export async function inBatches<T>(
  items: readonly T[],
  work: (batch: readonly T[], from: number) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < items.length; from += BATCH) await work(items.slice(from, from + BATCH), from);
}
