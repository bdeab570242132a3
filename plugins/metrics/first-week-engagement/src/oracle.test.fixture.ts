import type { Static } from '@rapport/sdk';
import type { OracleAnswer, OracleEvent, OracleSubject } from '@rapport/testkit';
import type firstWeek from './index.js';

type Config = Static<typeof firstWeek.config>;

/** First-week engagement by going through the events one by one. */
export function oracle(subject: OracleSubject, config: Config): OracleAnswer {
  if (subject.kind === 'portfolio') return ofPortfolio(subject, config);
  const week = weekOf(subject, config);
  if (week === null) return { value: null, reason: 'no-data', n: null, parts: {} };
  const { score, over, parts } = week;
  return over
    ? { value: score, reason: null, n: config.days, parts }
    : { value: null, reason: 'pending', n: null, parts };
}

function ofPortfolio({ accounts, asOf, calendar }: OracleSubject, config: Config): OracleAnswer {
  const weeks = accounts.map((account) => weekOf(account, config)).filter((week) => week !== null);
  const today = calendar.dayOf(asOf - 1);
  const daysBack = Number(config.cohort.slice(0, -1)) * (config.cohort.endsWith('w') ? 7 : 1);
  const cohort = weeks.filter(({ over, lastDay }) => over && lastDay > today - daysBack);
  const pending = weeks.filter(({ over }) => !over).length;
  if (cohort.length === 0) {
    return { value: null, reason: pending > 0 ? 'pending' : 'no-data', n: 0, parts: { cohort: 0, pending } };
  }
  const reached = cohort.filter(({ score }) => score >= config.threshold).length;
  return {
    value: (reached / cohort.length) * 100,
    reason: null,
    n: cohort.length,
    parts: { cohort: cohort.length, reached, pending },
  };
}

function weekOf(subject: OracleSubject, config: Config) {
  const { events, traits, calendar, asOf } = subject;
  const signedUp = instantIn(traits[config.signupAt]);
  if (signedUp === null) return null;
  const firstDay = calendar.dayOf(signedUp);
  const lastDay = firstDay + config.days - 1;

  const days = new Set<number>();
  let coreActions = 0;
  let active = 0;
  const before = new Map<string, OracleEvent>();
  for (const event of events) {
    const day = calendar.dayOf(event.time);
    const inWeek = day >= firstDay && day <= lastDay;
    if (inWeek && config.actions.includes(event.event)) coreActions++;
    if (config.events.length > 0 && !config.events.includes(event.event)) continue;
    if (inWeek) days.add(day);
    if (event.user === null) continue;
    const who = JSON.stringify([event.user, event.account]);
    const gap = event.time - (before.get(who)?.time ?? -Infinity);
    if (inWeek && gap <= config.idleMinutes * 60_000) active += gap;
    before.set(who, event);
  }

  const set = config.sets.find(({ when }) =>
    Object.entries(when).every(([name, wanted]) => {
      const is = name.startsWith('trait.') ? traits[name.slice(6)] : subject.profile(name);
      return typeof is === 'string' && (typeof wanted === 'string' ? [wanted] : wanted).includes(is);
    }),
  );
  const targets = { ...config.targets, ...set?.targets };
  const { weights } = config;
  const minutes = active / 60_000;
  const score =
    (100 *
      (weights.activeDays * Math.min(1, days.size / targets.activeDays) +
        weights.coreActions * Math.min(1, coreActions / targets.coreActions) +
        weights.minutes * Math.min(1, minutes / targets.minutes))) /
    (weights.activeDays + weights.coreActions + weights.minutes);
  return {
    score,
    lastDay,
    over: asOf >= calendar.startOfDay(lastDay + 1),
    parts: { progress: score, activeDays: days.size, coreActions, minutes, set: set?.name ?? 'default' },
  };
}

const instantIn = (value: unknown): number | null => {
  if (typeof value === 'number') return Math.floor(value);
  return typeof value === 'string' && /^\d{4}-/.test(value) ? Date.parse(value) : null;
};
