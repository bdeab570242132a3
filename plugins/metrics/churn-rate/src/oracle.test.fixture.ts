import type { Static } from '@rapport/sdk';
import type { OracleAnswer, OracleSubject } from '@rapport/testkit';
import type churnRate from './index.js';

type Config = Static<typeof churnRate.config>;

/** Churn by going through the events of each account one by one, up to both ends of the period. */
export function oracle(portfolio: OracleSubject, config: Config): OracleAnswer {
  const { start, end, months } = periodOf(portfolio, config);
  const reasons = new Map<string, number>();
  let [customers, lost, mrrAtStart, mrrAtEnd, mrrLost, mrrUnknown] = [0, 0, 0, 0, 0, 0];
  for (const account of portfolio.accounts) {
    const before = runningAt(account, config, start);
    const after = runningAt(account, config, end);
    if (before.length === 0) continue;
    customers++;
    if (after.length === 0) {
      lost++;
      const reason = reasonOf(account, config, end);
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    const had = totalOf(before);
    const has = after.length === 0 ? 0 : totalOf(after);
    if (had === null || has === null) {
      mrrUnknown++;
      continue;
    }
    mrrAtStart += had;
    mrrAtEnd += has;
    if (has < had) mrrLost += had - has;
  }
  if (customers === 0) return { value: null, reason: 'no-data', n: null, parts: {} };
  const kept = (customers - lost) / customers;
  const known = mrrAtStart > 0;
  return {
    value: lost / customers,
    reason: null,
    n: customers,
    parts: {
      customersAtStart: customers,
      lost,
      retained: customers - lost,
      retentionRate: kept,
      monthlyRate: months === null ? null : 1 - Math.pow(kept, 1 / months),
      mrrAtStart: known ? mrrAtStart : null,
      mrrLost: known ? mrrLost : null,
      mrrChurnRate: known ? mrrLost / mrrAtStart : null,
      netRevenueRetention: known ? mrrAtEnd / mrrAtStart : null,
      mrrUnknown,
      reasons: Object.fromEntries(reasons),
    },
  };
}

function periodOf({ asOf, calendar }: OracleSubject, { period, window, month }: Config) {
  if (period === 'rolling') {
    const days = Number(window.slice(0, -1)) * (window.endsWith('w') ? 7 : 1);
    return { start: calendar.startOfDay(calendar.dayOf(asOf - 1) - days + 1), end: asOf, months: days / 30 };
  }
  // The running month holds the last instant before asOf; the complete ones are over at asOf.
  const today = calendar.dayOf(month < 0 ? asOf : asOf - 1);
  const firstOf = (day: number) => day - new Date(day * 86_400_000).getUTCDate() + 1;
  let [first, next] = [firstOf(today), firstOf(firstOf(today) + 31)];
  for (let i = 0; i > month; i--) [first, next] = [firstOf(first - 1), first];
  const end = Math.min(asOf, calendar.startOfDay(next));
  return { start: calendar.startOfDay(first), end, months: end === calendar.startOfDay(next) ? 1 : null };
}

/** The MRR of each subscription that runs just before an instant, of all that is known by now. */
function runningAt({ events }: OracleSubject, config: Config, at: number): readonly (number | null)[] {
  const running = new Map<string, number | null>();
  const steps = events.flatMap(({ id, time, event, properties }) => {
    const key = keyIn(properties[config.subscriptionId]);
    const name = key ?? '';
    const given = properties[config.mrr];
    const mrr = typeof given === 'number' && given >= 0 ? given : null;
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
  for (const { time, apply } of steps) if (time < at) apply();
  return [...running.values()];
}

function totalOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

/** The latest that was stated before the end, unless the account started anew after it. */
function reasonOf({ events }: OracleSubject, config: Config, end: number): string {
  let reason = '';
  let statedAt = -Infinity;
  for (const { time, event, properties } of events) {
    if (time >= end) continue;
    if (event === config.started && time > statedAt) reason = '';
    const given = properties[config.reason];
    if (event === config.cancelled && typeof given === 'string') [reason, statedAt] = [given, time];
  }
  return reason === '' ? 'unstated' : reason;
}

const keyIn = (value: unknown): string | null =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;

const instantIn = (value: unknown): number | null => {
  if (typeof value === 'number') return Math.floor(value);
  return typeof value === 'string' && /^\d{4}-/.test(value) ? Date.parse(value) : null;
};
