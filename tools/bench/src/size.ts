/** A whole number of the command line, such as `1000000` or `1e6`. Throws a RangeError that names the option. */
export function size(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`--${name} ${text ?? ''}: give a whole number of at least 1`);
  }
  return value;
}

export const round = (value: number, digits: number): number => Number(value.toFixed(digits));
