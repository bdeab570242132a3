const BARS = '▁▂▃▄▅▆▇█';

/** Values as a line of bars from the least to the greatest, at most so many columns wide: then each column is a mean. A dot where there is no value. */
export function sparkline(values: readonly (number | null)[], width: number): string {
  const columns = Math.min(width, values.length);
  const means = Array.from({ length: columns }, (_, column) => {
    const part = values
      .slice(Math.floor((column * values.length) / columns), Math.floor(((column + 1) * values.length) / columns))
      .filter((value) => value !== null);
    return part.length === 0 ? null : part.reduce((sum, value) => sum + value, 0) / part.length;
  });
  const known = means.filter((mean) => mean !== null);
  const [least, greatest] = [Math.min(...known), Math.max(...known)];
  return means
    .map((mean) => {
      if (mean === null) return '·';
      if (greatest === least) return BARS[3];
      return BARS[Math.min(BARS.length - 1, Math.floor(((mean - least) / (greatest - least)) * BARS.length))];
    })
    .join('');
}
