import type { Static } from '@rapport/sdk';
import type { OracleAnswer, OracleSubject } from '@rapport/testkit';
import type retentionRate from './index.js';

type Config = Static<typeof retentionRate.config>;

/** What is left of churn, and the cohorts by going through the events one by one. */
export function oracle(portfolio: OracleSubject, config: Config): OracleAnswer {
  const cohorts = new Map<string, { started: number; kept: number }>();
  for (const account of portfolio.accounts) {
    const end = endOf(account, config);
    const starts = account.events.filter(({ event, time }) => event === config.started && time < end);
    if (starts.length === 0) continue;
    const day = account.calendar.dayOf(instantIn(account.traits[config.signupAt]) ?? starts[0]!.time);
    const month = new Date(day * 86_400_000).toISOString().slice(0, 7);
    const cohort = cohorts.get(month) ?? { started: 0, kept: 0 };
    cohorts.set(month, cohort);
    cohort.started++;
    if (isCustomer(account, config, end)) cohort.kept++;
  }
  const churn = portfolio.metric('churn-rate');
  return {
    value: churn.value === null ? null : 1 - churn.value,
    reason: churn.value === null ? 'no-data' : null,
    n: churn.part('customersAtStart'),
    parts: {
      customersAtStart: churn.part('customersAtStart'),
      retained: churn.part('retained'),
      lost: churn.part('lost'),
      cohorts: Object.fromEntries([...cohorts].map(([month, { started, kept }]) => [month, kept / started])),
      cohortSizes: Object.fromEntries([...cohorts].map(([month, { started }]) => [month, started])),
    },
  };
}

/** The rolling period ends at `asOf`, that of the last complete month as the running one began. */
function endOf({ asOf, calendar }: OracleSubject, { period }: Config): number {
  if (period === 'rolling') return asOf;
  let day = calendar.dayOf(asOf);
  while (new Date(day * 86_400_000).getUTCDate() > 1) day--;
  return calendar.startOfDay(day);
}

/** Whether a subscription runs just before an instant, of all that is known by now. */
function isCustomer({ events }: OracleSubject, config: Config, at: number): boolean {
  const running = new Set<string>();
  const steps = events.flatMap(({ id, time, event, properties }) => {
    const key = keyIn(properties[config.subscriptionId]);
    const effective = instantIn(properties[config.effectiveAt]) ?? time;
    return [
      ...(event === config.started ? [{ id, time, order: 0, apply: () => running.add(key ?? '') }] : []),
      ...(event === config.cancelled
        ? [{ id, time: effective, order: 1, apply: () => (key === null ? running.clear() : running.delete(key)) }]
        : []),
    ];
  });
  steps.sort((a, b) => a.time - b.time || a.order - b.order || (a.id < b.id ? -1 : 1));
  for (const { time, apply } of steps) if (time < at) apply();
  return running.size > 0;
}

const keyIn = (value: unknown): string | null =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;

const instantIn = (value: unknown): number | null => {
  if (typeof value === 'number') return Math.floor(value);
  return typeof value === 'string' && /^\d{4}-/.test(value) ? Date.parse(value) : null;
};
