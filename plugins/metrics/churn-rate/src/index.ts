import {
  atLeast,
  daysIn,
  defineMetric,
  endOf,
  latest,
  latestTime,
  noData,
  periodOptions,
  periodWindow,
  spans,
  startOf,
  Type,
  type ComputeContext,
  type Period,
} from '@rapport/sdk';
import { monthlyRevenue, mrrOption, subscriptionOptions, subscriptionSpans } from '@rapport/sdk/subscription';
import { reduceChurn } from './reduce.js';

/**
 * Customers at the window's start who are no customers at its end ÷ customers at the start, a ratio from 0 to 1. A customer is an
 * account with a running subscription; who leaves and comes back within the window is retained. No customer at the start: `no-data`.
 *
 * Source: *10 top customer engagement metrics* (SALESmanago, churn); *User engagement in B2B SaaS* (retention).
 */
export default defineMetric({
  id: 'churn-rate',
  title: 'Churn rate',
  description: 'Share of the customers that were lost in a period.',
  source: '10 top customer engagement metrics (SALESmanago): churn; User engagement in B2B SaaS: retention',
  unit: 'ratio',
  range: [0, 1],
  subjects: ['portfolio'],
  config: Type.Object(
    {
      ...periodOptions(),
      ...subscriptionOptions(),
      mrr: mrrOption(),
      reason: Type.String({
        minLength: 1,
        default: 'reason',
        description: 'Property with the reason of a cancellation.',
      }),
    },
    { additionalProperties: false },
  ),
  parts: {
    customersAtStart: { unit: 'count', description: 'Accounts with a running subscription when the window opened' },
    lost: { unit: 'count', description: 'Those without one when it closed' },
    retained: { unit: 'count', description: 'Those with one when it closed' },
    retentionRate: { unit: 'ratio', description: 'retained ÷ customersAtStart = 1 − churn' },
    monthlyRate: {
      unit: 'ratio',
      description: 'The rate per month of 30 days: 1 − retentionRate^(30 ÷ days); of a month that is over, the value',
    },
    mrrAtStart: { unit: 'currency', description: 'Monthly recurring revenue of the customers at the start' },
    mrrLost: { unit: 'currency', description: 'What cancellations and downgrades took of it' },
    mrrChurnRate: { unit: 'ratio', description: 'mrrLost ÷ mrrAtStart (gross)' },
    mrrUnknown: {
      unit: 'count',
      description: 'Customers at the start whose MRR is not known at both ends; the revenue parts leave them out',
    },
    netRevenueRetention: { unit: 'ratio', description: 'MRR at the end of the customers at the start ÷ mrrAtStart' },
    reasons: {
      type: 'table',
      unit: 'count',
      description: 'Lost customers by the latest reason they gave, or `unstated`',
    },
  },
  window: periodWindow,
  measures(config) {
    const window = periodWindow(config);
    const subscriptions = subscriptionSpans(config);
    // Every text is at least the empty one.
    const stated = { events: [config.cancelled], where: atLeast(config.reason, '') };
    return {
      openAtStart: spans(subscriptions, 'open', startOf(window)),
      openAtEnd: spans(subscriptions, 'open', endOf(window)),
      mrrAtStart: spans(subscriptions, monthlyRevenue(config.mrr), startOf(window)),
      mrrAtEnd: spans(subscriptions, monthlyRevenue(config.mrr), endOf(window)),
      reason: latest(config.reason, stated, endOf(window), 'text'),
      reasonAt: latestTime(stated, endOf(window)),
      startedAt: latestTime({ events: [config.started] }, endOf(window)),
    };
  },
  compute: () => noData('no-data'),
  portfolio: (accounts, context) => reduceChurn(accounts, monthsOf(context)),
});

/** A month that is still running says nothing about a whole one: null. */
function monthsOf(context: ComputeContext<Period>): number | null {
  const { period, window, month } = context.config;
  if (period === 'rolling') return daysIn(window) / 30;
  return month < 0 || isMonthOver(context) ? 1 : null;
}

function isMonthOver({ today, isOver }: ComputeContext<Period>): boolean {
  const tomorrow = today + 1;
  return isOver(today) && new Date(tomorrow * 86_400_000).getUTCDate() === 1;
}
