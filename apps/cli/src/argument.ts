import { InvalidArgumentError } from 'commander';

/** A whole number in a range. */
export const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const n = Number(text);
    if (!Number.isInteger(n) || n < least || n > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return n;
  };

/** A number of days or weeks. */
export const days = (text: string): string => {
  if (!/^[1-9]\d{0,4}[dw]$/.test(text))
    throw new InvalidArgumentError('It must be a number of days or weeks, as in 30d or 4w.');
  return text;
};

/** What cohorts are made by. */
export const period = (text: string): string => {
  if (!/^(week|month|quarter|trait:.+)$/.test(text))
    throw new InvalidArgumentError('It must be month, quarter, week, or trait:NAME, as in trait:plan.');
  return text;
};
