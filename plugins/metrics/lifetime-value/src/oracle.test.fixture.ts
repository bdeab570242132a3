import type { Static } from '@rapport/sdk';
import type { OracleAnswer, OracleSubject } from '@rapport/testkit';
import type lifetimeValue from './index.js';

type Config = Static<typeof lifetimeValue.config>;

/** Customer lifetime value by going through the events one by one. */
export function oracle(subject: OracleSubject, config: Config): OracleAnswer {
  const monthlyChurn = config.mode === 'historic' ? null : subject.portfolio('churn-rate').part('monthlyRate');
  if (subject.kind === 'portfolio') return ofPortfolio(subject, config, monthlyChurn);
  const worth = worthOf(subject, config, monthlyChurn);
  if (worth === null) return { value: null, reason: 'no-data', n: null, parts: {} };
  const { revenue, sales, months, retentionMonths, lv, clv, cac } = worth;
  return {
    value: clv,
    reason: null,
    n: sales,
    parts: {
      lv,
      clv,
      averageSale: revenue / sales,
      transactionsPerMonth: sales / months,
      retentionMonths,
      monthlyChurn,
      ...acquisition(cac, clv, config),
    },
  };
}

function ofPortfolio(portfolio: OracleSubject, config: Config, monthlyChurn: number | null): OracleAnswer {
  const all = portfolio.accounts
    .map((account) => worthOf(account, config, monthlyChurn))
    .filter((each) => each !== null);
  if (all.length === 0) return { value: null, reason: 'no-data', n: null, parts: { monthlyChurn } };
  const sum = (of: (each: (typeof all)[number]) => number) => all.reduce((total, each) => total + of(each), 0);
  const acquired = all.filter(({ cac }) => cac !== null);
  const warnings = acquired.filter(({ cac, clv }) => acquisition(cac, clv, config).cacStatus === 'warning');
  const cac = acquired.reduce((total, each) => total + (each.cac ?? 0), 0);
  const clv = acquired.reduce((total, each) => total + each.clv, 0);
  return {
    value: sum((each) => each.clv) / all.length,
    reason: null,
    n: all.length,
    parts: {
      lv: sum((each) => each.lv) / all.length,
      averageSale: sum(({ revenue }) => revenue) / sum(({ sales }) => sales),
      transactionsPerMonth: sum(({ sales }) => sales) / sum(({ months }) => months),
      retentionMonths: sum(({ retentionMonths }) => retentionMonths) / all.length,
      monthlyChurn,
      ...acquisition(acquired.length === 0 ? null : cac, clv, config),
      cacWarnings: warnings.length,
    },
  };
}

function worthOf(account: OracleSubject, config: Config, monthlyChurn: number | null) {
  const earned = config.mode === 'subscription' ? monthOf(account, config) : salesOf(account, config);
  if (earned === null) return null;
  const retentionMonths = config.mode === 'historic' ? earned.months : 1 / (monthlyChurn ?? 0);
  const lv = (earned.revenue / earned.months) * retentionMonths;
  const cac = numberIn(account.traits[config.cac]);
  return { ...earned, retentionMonths, lv, clv: lv * config.margin, cac: cac !== null && cac >= 0 ? cac : null };
}

function salesOf({ events, traits, calendar, asOf }: OracleSubject, config: Config) {
  let [revenue, sales] = [0, 0];
  let since = instantIn(traits[config.signupAt]) ?? Infinity;
  for (const { event, time, properties } of events) {
    const paid = numberIn(properties[config.revenue]);
    if (event !== config.sale || paid === null || paid < 0) continue;
    revenue += paid;
    sales++;
    since = Math.min(since, time);
  }
  if (sales === 0) return null;
  // Day by day, each a share of its month.
  let months = 0;
  for (let day = calendar.dayOf(since); day <= calendar.dayOf(asOf - 1); day++) {
    const date = new Date(day * 86_400_000);
    months += 1 / new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  }
  return { revenue, sales, months: Math.max(1, months) };
}

/** One month of what runs now. */
function monthOf({ events, asOf }: OracleSubject, config: Config) {
  const running = new Map<string, number | null>();
  const steps = events.flatMap(({ id, time, event, properties }) => {
    const key = keyIn(properties[config.subscriptionId]);
    const name = key ?? '';
    const given = numberIn(properties[config.mrr]);
    const mrr = given !== null && given >= 0 ? given : null;
    const ends = instantIn(properties[config.effectiveAt]) ?? time;
    const start = () => running.has(name) || running.set(name, mrr);
    const change = () => running.has(name) && mrr !== null && running.set(name, mrr);
    const cancel = () => (key === null ? running.clear() : running.delete(key));
    return [
      ...(event === config.started ? [{ id, time, order: 0, apply: start }] : []),
      ...(config.changed.includes(event) ? [{ id, time, order: 1, apply: change }] : []),
      ...(event === config.cancelled ? [{ id, time: ends, order: 2, apply: cancel }] : []),
    ];
  });
  steps.sort((a, b) => a.time - b.time || a.order - b.order || (a.id < b.id ? -1 : 1));
  for (const { time, apply } of steps) if (time < asOf) apply();
  const known = [...running.values()].filter((mrr) => mrr !== null);
  return known.length === 0 ? null : { revenue: known.reduce((sum, mrr) => sum + mrr, 0), sales: 1, months: 1 };
}

function acquisition(cac: number | null, clv: number, { cacLimit }: Config) {
  if (cac === null) return { cacShare: null, cacStatus: null };
  if (clv === 0) return { cacShare: null, cacStatus: cac > 0 ? 'warning' : null };
  return { cacShare: cac / clv, cacStatus: cac / clv > cacLimit ? 'warning' : 'sound' };
}

const numberIn = (value: unknown): number | null => (typeof value === 'number' ? value : null);

const keyIn = (value: unknown): string | null =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;

const instantIn = (value: unknown): number | null => {
  if (typeof value === 'number') return Math.floor(value);
  return typeof value === 'string' && /^\d{4}-/.test(value) ? Date.parse(value) : null;
};
