/** A line for the person who waits; figures go to stdout, these to stderr. */
export const progress = (text: string): void => {
  process.stderr.write(`${text}\n`);
};
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};
