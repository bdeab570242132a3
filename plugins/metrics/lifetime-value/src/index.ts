import {
  atLeast,
  count,
  defineMetric,
  earliestTime,
  lifetime,
  noData,
  spans,
  sum,
  total,
  trait,
  Type,
  type ComputeContext,
  type Inputs,
  type Static,
} from '@rapport/sdk';
import { monthlyRevenue, mrrOption, subscriptionOptions, subscriptionSpans } from '@rapport/sdk/subscription';
import { acquisitionOf } from './acquisition.js';
import { monthsBetween } from './months.js';

const name = (initial: string, description: string) => Type.String({ minLength: 1, default: initial, description });

const config = Type.Object(
  {
    mode: Type.Union([Type.Literal('historic'), Type.Literal('predictive'), Type.Literal('subscription')], {
      default: 'historic',
      description:
        'Months of the customer so far (`historic`), or as the portfolio’s churn lets expect (`predictive`); or the MRR over those (`subscription`).',
    }),
    margin: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      default: 1,
      description: 'Share of the revenue that is left after costs.',
    }),
    sale: name('Order Completed', 'Event of a sale.'),
    revenue: name('revenue', 'Property with what a sale brought, 0 or more.'),
    signupAt: name('signupAt', 'Trait with the instant of signing up, from which the tenure runs.'),
    cac: name('cac', 'Trait with the cost of acquiring the customer.'),
    cacLimit: Type.Number({
      exclusiveMinimum: 0,
      default: 1 / 3,
      description: 'Share of the CLV above which the cost of acquisition is a warning.',
    }),
    ...subscriptionOptions(),
    mrr: mrrOption(),
  },
  { additionalProperties: false },
);

function measures(options: Static<typeof config>) {
  const sales = { events: [options.sale], where: atLeast(options.revenue, 0) };
  return {
    sales: count(sales, lifetime()),
    revenue: sum(options.revenue, sales, lifetime()),
    firstSale: earliestTime(sales, lifetime()),
    signedUp: trait(options.signupAt, 'time'),
    mrr: spans(subscriptionSpans(options), monthlyRevenue(options.mrr), lifetime()),
    cac: trait(options.cac),
  };
}

type Account = Inputs<ReturnType<typeof measures>>;
type Context = ComputeContext<Static<typeof config>, never, 'churn-rate'>;

/**
 * Customer lifetime value, in the workspace's currency: LV = average sale × transactions per month × retention months, CLV = LV × margin.
 * `historic` takes the tenure so far, `predictive` the lifetime that the portfolio's churn lets expect, 1 ÷ monthly churn; `subscription` is ARPA × margin ÷ monthly
 * churn. No sale, no MRR, no churn (which has no end to expect): `no-data`. For the portfolio the mean over accounts that have a value.
 *
 * Source: *10 top customer engagement metrics* (SALESmanago, CLV).
 */
export default defineMetric({
  id: 'lifetime-value',
  title: 'Customer lifetime value',
  description: 'What a customer brings over its whole time.',
  source: '10 top customer engagement metrics (SALESmanago): LV, CLV, CAC share',
  unit: 'currency',
  range: [0, null],
  subjects: ['account', 'portfolio'],
  config,
  parts: {
    lv: { unit: 'currency', description: 'Lifetime value before the margin' },
    clv: { unit: 'currency', description: 'lv × margin; the value' },
    averageSale: {
      unit: 'currency',
      description: 'Revenue ÷ sales; in `subscription` the MRR, for the portfolio ARPA',
    },
    transactionsPerMonth: { unit: 'ratio', description: 'Sales ÷ months of tenure; in `subscription` 1' },
    retentionMonths: { unit: 'ratio', description: 'Months of tenure so far, or 1 ÷ monthlyChurn' },
    monthlyChurn: { unit: 'ratio', description: 'The portfolio’s churn rate per month; null in `historic`' },
    cacShare: { unit: 'ratio', description: 'Cost of acquisition ÷ clv' },
    cacStatus: {
      type: 'text',
      values: ['sound', 'warning'],
      description: '`sound`, or `warning` when the share is above the limit',
    },
    cacWarnings: { unit: 'count', description: 'Portfolio: accounts with a warning' },
  },
  usesPortfolio: ({ mode }) => (mode === 'historic' ? [] : ['churn-rate']),
  measures,
  compute(account, context) {
    const earned = earningsOf(account, context);
    if (earned === null) return noData('no-data');
    const { margin, cacLimit } = context.config;
    const averageSale = earned.revenue / earned.sales;
    const transactionsPerMonth = earned.sales / earned.months;
    const monthlyChurn = monthlyChurnOf(context);
    const retentionMonths = retentionOf(earned, monthlyChurn, context);
    const parts = { averageSale, transactionsPerMonth, retentionMonths, monthlyChurn };
    if (retentionMonths === null) return noData('no-data', { n: earned.sales, parts });
    const lv = averageSale * transactionsPerMonth * retentionMonths;
    const clv = lv * margin;
    return {
      value: clv,
      n: earned.sales,
      parts: { lv, clv, ...parts, ...acquisitionOf(account.cac, clv, cacLimit) },
    };
  },
  portfolio(accounts, context) {
    const { margin, cacLimit } = context.config;
    const monthlyChurn = monthlyChurnOf(context);
    const all: { readonly lv: number; readonly earned: Earnings; readonly retentionMonths: number }[] = [];
    const acquired: { readonly cac: number; readonly clv: number }[] = [];
    let cacWarnings = 0;
    for (const account of accounts) {
      const earned = earningsOf(account, context);
      const retentionMonths = earned && retentionOf(earned, monthlyChurn, context);
      if (earned === null || retentionMonths === null) continue;
      const lv = (earned.revenue / earned.months) * retentionMonths;
      all.push({ lv, earned, retentionMonths });
      if (account.cac === null || account.cac < 0) continue;
      acquired.push({ cac: account.cac, clv: lv * margin });
      if (acquisitionOf(account.cac, lv * margin, cacLimit).cacStatus === 'warning') cacWarnings++;
    }
    if (all.length === 0) return noData('no-data', { parts: { monthlyChurn } });
    const totalOf = (of: (each: (typeof all)[number]) => number) => total(all.map(of));
    const lv = totalOf((each) => each.lv) / all.length;
    const sales = totalOf(({ earned }) => earned.sales);
    const cac = acquired.length === 0 ? null : total(acquired.map((each) => each.cac));
    return {
      value: lv * margin,
      n: all.length,
      parts: {
        lv,
        clv: lv * margin,
        averageSale: totalOf(({ earned }) => earned.revenue) / sales,
        transactionsPerMonth: sales / totalOf(({ earned }) => earned.months),
        retentionMonths: totalOf((each) => each.retentionMonths) / all.length,
        monthlyChurn,
        ...acquisitionOf(cac, total(acquired.map((each) => each.clv)), cacLimit),
        cacWarnings,
      },
    };
  },
});

/** What came in, in how many sales, over how many months. */
interface Earnings {
  readonly revenue: number;
  readonly sales: number;
  readonly months: number;
}

/** Null for an account that brought nothing in. The tenure is whole days, and one month at least: a sale on the first day is no sale a day. */
function earningsOf(account: Account, { today, calendar, config: { mode } }: Context): Earnings | null {
  const { sales, revenue, firstSale, signedUp, mrr } = account;
  if (mode === 'subscription') return mrr === null ? null : { revenue: mrr, sales: 1, months: 1 };
  if (revenue === null || firstSale === null) return null;
  const since = Math.min(firstSale, signedUp ?? firstSale);
  const months = monthsBetween(calendar.dayOf(since), today + 1);
  return { revenue, sales, months: Math.max(1, months) };
}

const monthlyChurnOf = ({ config: { mode }, portfolio }: Context) =>
  mode === 'historic' ? null : portfolio('churn-rate').part('monthlyRate');

/** Months that the customer stays; null where nothing lets expect an end. */
function retentionOf({ months }: Earnings, monthlyChurn: number | null, { config: { mode } }: Context): number | null {
  if (mode === 'historic') return months;
  return monthlyChurn === null || monthlyChurn === 0 ? null : 1 / monthlyChurn;
}
