import { Type } from 'typebox';
import type { Spans, SpanSum } from './measure.js';

/** Where an account's subscriptions are found. */
export interface Subscriptions {
  readonly started: string;
  readonly changed: readonly string[];
  readonly cancelled: string;
  readonly subscriptionId: string;
  readonly effectiveAt: string;
}

/** Configuration options of a metric over subscriptions, to be spread into its schema. Metrics that name the same events share their measures. */
export const subscriptionOptions = () => ({
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
});
/** Configuration option with the property that says what a subscription brings in a month. */
export const mrrOption = () =>
  Type.String({ minLength: 1, default: 'mrr', description: 'Property with the monthly recurring revenue, 0 or more.' });
/** Monthly recurring revenue of the running subscriptions, for `spans`. A negative amount is unknown. */
export const monthlyRevenue = (property: string): SpanSum => ({ sum: property, atLeast: 0 });

/** Subscriptions as spans: an account is a customer while one of its spans is open. */
export const subscriptionSpans = (subscriptions: Subscriptions): Spans => ({
  key: subscriptions.subscriptionId,
  open: { events: [subscriptions.started] },
  change: { events: subscriptions.changed },
  close: { events: [subscriptions.cancelled] },
  effectiveAt: subscriptions.effectiveAt,
});
