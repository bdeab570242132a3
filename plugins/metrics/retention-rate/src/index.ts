import {
  defineMetric,
  endOf,
  earliestTime,
  noData,
  periodOptions,
  periodWindow,
  spans,
  trait,
  Type,
  type Calendar,
} from '@rapport/sdk';
import { subscriptionOptions, subscriptionSpans } from '@rapport/sdk/subscription';

/**
 * Customers at the window's start who are customers at its end ÷ customers at the start, a ratio from 0 to 1: what `churn-rate` leaves of 1, so that the two
 * are of the same customers and add up to 1 exactly. Without a churn rate: `no-data`.
 *
 * Source: *User engagement in B2B SaaS* (retention).
 */
export default defineMetric({
  id: 'retention-rate',
  title: 'Retention rate',
  description: 'Share of the customers that were kept in a period.',
  source: 'User engagement in B2B SaaS: retention, cohorts',
  unit: 'ratio',
  range: [0, 1],
  subjects: ['portfolio'],
  config: Type.Object(
    {
      ...periodOptions(),
      ...subscriptionOptions(),
      signupAt: Type.String({
        minLength: 1,
        default: 'signupAt',
        description: 'Trait with the instant of signing up, whose month is the cohort.',
      }),
    },
    { additionalProperties: false },
  ),
  parts: {
    customersAtStart: { unit: 'count', description: 'Customers when the window opened' },
    retained: { unit: 'count', description: 'Those that still were when it closed' },
    lost: { unit: 'count', description: 'Those that were not' },
    cohorts: {
      type: 'table',
      unit: 'ratio',
      description:
        'By month of signing up, as in `2024-03`: customers when the window closed ÷ all that ever became one',
    },
    cohortSizes: { type: 'table', unit: 'count', description: 'By that month: accounts that ever became a customer' },
  },
  window: periodWindow,
  uses: () => ['churn-rate'],
  measures(config) {
    const end = endOf(periodWindow(config));
    return {
      signedUp: trait(config.signupAt, 'time'),
      becameCustomer: earliestTime({ events: [config.started] }, end),
      open: spans(subscriptionSpans(config), 'open', end),
    };
  },
  compute: () => noData('no-data'),
  portfolio(accounts, { calendar, metric }) {
    const sizes = new Map<string, number>();
    const kept = new Map<string, number>();
    for (const { signedUp, becameCustomer, open } of accounts) {
      if (becameCustomer === null) continue;
      const month = monthOf(signedUp ?? becameCustomer, calendar);
      sizes.set(month, (sizes.get(month) ?? 0) + 1);
      if (open > 0) kept.set(month, (kept.get(month) ?? 0) + 1);
    }
    const months = [...sizes].sort(([a], [b]) => (a < b ? -1 : 1));
    const churn = metric('churn-rate');
    const customersAtStart = churn.part('customersAtStart');
    const parts = {
      customersAtStart,
      retained: churn.part('retained'),
      lost: churn.part('lost'),
      cohorts: Object.fromEntries(months.map(([month, size]) => [month, (kept.get(month) ?? 0) / size])),
      cohortSizes: Object.fromEntries(months),
    };
    if (churn.value === null) return noData('no-data', { parts });
    return { value: 1 - churn.value, parts, ...(customersAtStart === null ? {} : { n: customersAtStart }) };
  },
});

/** Calendar month of an instant in the workspace's zone, as in `2024-03`. */
const monthOf = (instant: number, calendar: Calendar) =>
  new Date(calendar.dayOf(instant) * 86_400_000).toISOString().slice(0, 7);
