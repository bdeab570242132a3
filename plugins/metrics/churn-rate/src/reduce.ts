import { noData, total } from '@rapport/sdk';

/** One account: subscriptions running and their MRR when the window opened and closed, and the latest reason of a cancellation. */
export interface Customer {
  readonly openAtStart: number;
  readonly openAtEnd: number;
  readonly mrrAtStart: number | null;
  readonly mrrAtEnd: number | null;
  readonly reason: string | null;
  /** Instants, epoch ms: of that reason, and of the latest start of a subscription. */
  readonly reasonAt: number | null;
  readonly startedAt: number | null;
}

/**
 * Churn over accounts. Revenue counts only customers whose MRR is known at both ends; with none of them its parts are null.
 *
 * @param months length of the window, for the rate per month; null when that has no meaning
 */
export function reduceChurn(accounts: Iterable<Customer>, months: number | null) {
  let customersAtStart = 0;
  let lost = 0;
  let mrrUnknown = 0;
  const atStart: number[] = [];
  const atEnd: number[] = [];
  const gaveUp: number[] = [];
  const reasons = new Map<string, number>();
  for (const account of accounts) {
    if (account.openAtStart === 0) continue;
    customersAtStart++;
    const gone = account.openAtEnd === 0;
    if (gone) {
      lost++;
      const reason = reasonOf(account);
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    const mrrNow = gone ? 0 : account.mrrAtEnd;
    if (account.mrrAtStart === null || mrrNow === null) {
      mrrUnknown++;
      continue;
    }
    atStart.push(account.mrrAtStart);
    atEnd.push(mrrNow);
    if (mrrNow < account.mrrAtStart) gaveUp.push(account.mrrAtStart, -mrrNow);
  }
  if (customersAtStart === 0) return noData('no-data');
  const value = lost / customersAtStart;
  const retained = customersAtStart - lost;
  const mrrAtStart = total(atStart);
  const mrrLost = total(gaveUp);
  const ofRevenue = (amount: number) => (mrrAtStart > 0 ? amount / mrrAtStart : null);
  return {
    value,
    n: customersAtStart,
    parts: {
      customersAtStart,
      lost,
      retained,
      retentionRate: retained / customersAtStart,
      monthlyRate: months === null ? null : months === 1 ? value : 1 - (retained / customersAtStart) ** (1 / months),
      mrrAtStart: mrrAtStart > 0 ? mrrAtStart : null,
      mrrLost: mrrAtStart > 0 ? mrrLost : null,
      mrrChurnRate: ofRevenue(mrrLost),
      netRevenueRetention: ofRevenue(total(atEnd)),
      mrrUnknown,
      reasons: Object.fromEntries(reasons),
    },
  };
}

/** A reason from before the latest start is one for leaving an earlier time. */
function reasonOf({ reason, reasonAt, startedAt }: Customer): string {
  if (reason === null || reason === '' || reasonAt === null) return 'unstated';
  return startedAt === null || reasonAt >= startedAt ? reason : 'unstated';
}
