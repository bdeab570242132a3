const DAY = 86_400_000;

/**
 * Calendar months from one epoch day up to another, exclusive. Whole months count 1, the first and last as the share of their days: 11 September … 28
 * February is 20 ÷ 30 + 5.
 */
export const monthsBetween = (from: number, to: number): number => positionOf(to) - positionOf(from);

/** Months since year 0, with the share of the running one that is over. */
function positionOf(day: number): number {
  const date = new Date(day * DAY);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  const days = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return year * 12 + month + (date.getUTCDate() - 1) / days;
}
