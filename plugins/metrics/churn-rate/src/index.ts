import { calendar, defineMetric, durationOption, endOf, last, named, noData, spans, startOf, Type } from '@rapport/sdk';
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
      period: Type.Union([Type.Literal('rolling'), Type.Literal('month')], {
        default: 'rolling',
        description: 'The last days (`rolling`), or a calendar month (`month`).',
      }),
      window: durationOption('30d', 'Length of the rolling period.'),
      month: Type.Integer({
        maximum: 0,
        default: -1,
        description: 'Which calendar month: −1 the last complete one, 0 the running one so far.',
      }),
      started: Type.String({ minLength: 1, default: 'Subscription Started', description: 'Event that begins one.' }),
      changed: Type.Array(Type.String({ minLength: 1 }), {
        default: ['Subscription Renewed', 'Subscription Upgraded', 'Subscription Downgraded'],
        description: 'Events that change a running subscription.',
      }),
      cancelled: Type.String({ minLength: 1, default: 'Subscription Cancelled', description: 'Event that ends one.' }),
      subscriptionId: Type.String({
        minLength: 1,
        default: 'subscriptionId',
        description: 'Property that tells an account’s subscriptions apart; not needed where it has one at a time.',
      }),
      effectiveAt: Type.String({
        minLength: 1,
        default: 'effectiveAt',
        description: 'Property of a cancellation that says when it takes effect; without it, at the event.',
      }),
      mrr: Type.String({ minLength: 1, default: 'mrr', description: 'Property with the monthly recurring revenue.' }),
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
    mrrAtStart: { unit: 'currency', description: 'Monthly recurring revenue of the customers at the start' },
    mrrLost: { unit: 'currency', description: 'What cancellations and downgrades took of it' },
    mrrChurnRate: { unit: 'ratio', description: 'mrrLost ÷ mrrAtStart (gross)' },
    netRevenueRetention: { unit: 'ratio', description: 'MRR at the end of the customers at the start ÷ mrrAtStart' },
    reasons: {
      type: 'table',
      unit: 'count',
      description: 'Lost customers by the latest reason they gave, or `unstated`',
    },
  },
  measures(config) {
    const window = config.period === 'month' ? calendar('month', config.month) : last(config.window);
    const subscription = {
      key: config.subscriptionId,
      open: named([config.started]),
      change: { events: config.changed },
      close: named([config.cancelled]),
      effectiveAt: config.effectiveAt,
    };
    return {
      openAtStart: spans(subscription, 'open', startOf(window)),
      openAtEnd: spans(subscription, 'open', endOf(window)),
      mrrAtStart: spans(subscription, { sum: config.mrr }, startOf(window)),
      mrrAtEnd: spans(subscription, { sum: config.mrr }, endOf(window)),
      reason: last(config.reason, named([config.cancelled]), endOf(window), 'text'),
    };
  },
  compute: () => noData('no-data'),
  portfolio: (accounts) => reduceChurn(accounts),
});
