import { Value } from 'typebox/value';
import { expect, it } from 'vitest';
import { calendar, last, lastComplete, periodOptions, periodWindow, Type } from './index.js';
import { monthlyRevenue, subscriptionOptions, subscriptionSpans } from './subscription.js';

const options = Type.Object({ ...subscriptionOptions(), ...periodOptions() });
const config = Value.Parse(options, Value.Default(options, {}));

it('knows subscriptions by the Segment spec’s form of names', () => {
  expect(subscriptionSpans(config)).toEqual({
    key: 'subscriptionId',
    open: { events: ['Subscription Started'] },
    change: { events: ['Subscription Renewed', 'Subscription Upgraded', 'Subscription Downgraded'] },
    close: { events: ['Subscription Cancelled'] },
    effectiveAt: 'effectiveAt',
  });
});

it('has no change of a subscription where none is configured, rather than every event', () => {
  expect(subscriptionSpans({ ...config, changed: [] }).change).toEqual({ events: [] });
});

it('takes no negative amount for revenue', () => {
  expect(monthlyRevenue('mrr')).toEqual({ sum: 'mrr', atLeast: 0 });
});

it('takes the last days for a period, or a calendar month', () => {
  expect(periodWindow(config)).toEqual(last('30d'));
  expect(periodWindow({ ...config, window: '12w' })).toEqual(last('84d'));
  expect(periodWindow({ ...config, period: 'month' })).toEqual(lastComplete('month'));
  expect(periodWindow({ ...config, period: 'month', month: -3 })).toEqual(lastComplete('month', 3));
  expect(periodWindow({ ...config, period: 'month', month: 0 })).toEqual(calendar('month', 0));
});
