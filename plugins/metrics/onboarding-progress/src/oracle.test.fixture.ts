import type { Static } from '@rapport/sdk';
import type { OracleAnswer, OracleEvent, OracleSubject } from '@rapport/testkit';
import type onboarding from './index.js';

type Config = Static<typeof onboarding.config>;

/** Onboarding progress by going through the events one by one. */
export function oracle(subject: OracleSubject, config: Config): OracleAnswer {
  if (subject.kind === 'portfolio') return ofPortfolio(subject, config);
  const { steps } = config;
  const standing = standingOf(subject, config);
  if (standing === null) return { value: null, reason: 'no-data', n: null, parts: {} };
  const { done, hours } = standing;
  return {
    value: (done.length / steps.length) * 100,
    reason: null,
    n: steps.length,
    parts: {
      steps: steps.length,
      done: done.length,
      stepsDone: done,
      stalledAt: steps.find(({ id }) => !done.includes(id))?.id ?? null,
      activated: done.length === steps.length ? 1 : 0,
      timeToActivation: hours,
      activatedShare: null,
      funnel: null,
    },
  };
}

function ofPortfolio({ accounts }: OracleSubject, config: Config): OracleAnswer {
  const { steps } = config;
  const standings = accounts.map((account) => standingOf(account, config)).filter((standing) => standing !== null);
  if (standings.length === 0) return { value: null, reason: 'no-data', n: null, parts: {} };
  const n = standings.length;
  const mean = standings.reduce((sum, { done }) => sum + done.length, 0) / n;
  const activated = standings.filter(({ done }) => done.length === steps.length).length;
  const standingAt = (id: string) =>
    standings.filter(({ done }) => steps.find((step) => !done.includes(step.id))?.id === id).length;
  let stalledAt: string | null = null;
  for (const { id } of steps) {
    if (standingAt(id) > (stalledAt === null ? 0 : standingAt(stalledAt))) stalledAt = id;
  }
  const hours = standings.map((standing) => standing.hours).filter((time) => time !== null);
  hours.sort((a, b) => a - b);
  const median =
    hours.length % 2 === 1
      ? hours[(hours.length - 1) / 2]!
      : (hours[hours.length / 2 - 1]! + hours[hours.length / 2]!) / 2;
  return {
    value: (mean / steps.length) * 100,
    reason: null,
    n,
    parts: {
      steps: steps.length,
      done: mean,
      stalledAt,
      activated,
      activatedShare: (activated / n) * 100,
      timeToActivation: hours.length === 0 ? null : median,
      funnel: Object.fromEntries(steps.map(({ id }) => [id, standings.filter(({ done }) => done.includes(id)).length])),
    },
  };
}

/** Ids of the steps done, in the checklist's order, and the hours from signing up to the last of all. */
function standingOf({ events, traits }: OracleSubject, { steps, ordered, signupAt }: Config) {
  const signedUp = instantIn(traits[signupAt]);
  if (signedUp === null && events.length === 0) return null;
  const completes = (event: OracleEvent, step: Config['steps'][number]) =>
    step.events.includes(event.event) &&
    Object.entries(step.where ?? {}).every(([name, value]) => event.properties[name] === value);
  const doneAt = new Map<string, number>();
  for (const event of events) {
    for (const step of steps) {
      if (doneAt.has(step.id)) continue;
      const fits = completes(event, step);
      if (fits) doneAt.set(step.id, event.time);
      if (ordered) break;
    }
  }
  const done = steps.map(({ id }) => id).filter((id) => doneAt.has(id));
  const hours =
    signedUp === null || done.length < steps.length
      ? null
      : Math.max(0, Math.max(...doneAt.values()) - signedUp) / 3_600_000;
  return { done, hours };
}

const instantIn = (value: unknown): number | null => {
  if (typeof value === 'number') return Math.floor(value);
  return typeof value === 'string' && /^\d{4}-/.test(value) ? Date.parse(value) : null;
};
