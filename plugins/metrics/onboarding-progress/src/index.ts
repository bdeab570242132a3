import {
  count,
  defineMetric,
  earliestTime,
  lifetime,
  noData,
  trait,
  Type,
  type Inputs,
  type Measure,
} from '@rapport/sdk';
import { completing, eventsOf, inOrder, propertiesOf, stepsOption, type Checklist } from './checklist.js';

type Instant = Measure<number | null>;
type Base = Readonly<{ signedUp: Instant; ever: Measure<number> }>;
/** Where any order will do, the instant of each step; else what `inOrder` gives. */
type Steps = Readonly<Record<`step ${number}`, Instant>> | Readonly<Record<'inOrder', ReturnType<typeof inOrder.over>>>;

/**
 * Steps of the onboarding checklist that are done ÷ all steps, 0–100 %, as of then. 0 is a fact about one that signed up or had
 * an event; without either there is no value (`no-data`). For the portfolio the mean over its accounts, with the funnel.
 *
 * Source: *User engagement in B2B SaaS* (onboarding).
 */
export default defineMetric({
  id: 'onboarding-progress',
  title: 'Onboarding progress',
  description: 'How far along the onboarding checklist somebody is.',
  source: 'User engagement in B2B SaaS: onboarding, key events, time to activation',
  unit: 'percent',
  range: [0, 100],
  subjects: ['account', 'user', 'portfolio'],
  config: Type.Object(
    {
      steps: stepsOption(),
      ordered: Type.Boolean({ default: false, description: 'Whether a step counts only after the one before it.' }),
      signupAt: Type.String({
        minLength: 1,
        default: 'signupAt',
        description: 'Trait with the instant of signing up, from which the time to activation runs.',
      }),
    },
    { additionalProperties: false },
  ),
  parts: {
    steps: { unit: 'count', description: 'Steps of the checklist' },
    done: { unit: 'count', description: 'Steps done; for the portfolio the mean per account' },
    stepsDone: { type: 'list', description: 'The steps done, in the checklist’s order. Not for the portfolio' },
    stalledAt: {
      type: 'text',
      description:
        'First step that is not done, null when all are; for the portfolio the one at which most accounts are',
    },
    activated: {
      unit: 'count',
      description: '1 when every step is done, else 0; for the portfolio how many accounts are',
    },
    activatedShare: { unit: 'percent', description: 'Portfolio: activated accounts ÷ accounts' },
    timeToActivation: {
      unit: 'hours',
      description: 'From signing up to the event that completed the last step; for the portfolio the median',
    },
    funnel: { type: 'table', unit: 'count', description: 'Portfolio: accounts that have done each step' },
  },
  measures({ steps, ordered, signupAt }): Base & Steps {
    const base = { signedUp: trait(signupAt, 'time'), ever: count({}, lifetime()) };
    if (ordered) return { ...base, inOrder: inOrder.over(eventsOf(steps), lifetime(), propertiesOf(steps)) };
    const times: Record<`step ${number}`, Instant> = {};
    steps.forEach((step, i) => (times[`step ${i}`] = earliestTime(completing(step), lifetime())));
    return { ...base, ...times };
  },
  folds: [inOrder],
  compute(row, { config: { steps } }) {
    const standing = standingOf(row, steps);
    if (standing === null) return noData('no-data');
    const { isDone, activatedAt } = standing;
    const stepsDone = steps.filter((_, i) => isDone[i]).map(({ id }) => id);
    return {
      value: (100 * stepsDone.length) / steps.length,
      n: steps.length,
      parts: {
        steps: steps.length,
        done: stepsDone.length,
        stepsDone,
        stalledAt: steps[isDone.indexOf(false)]?.id ?? null,
        activated: activatedAt === null ? 0 : 1,
        timeToActivation: hoursBetween(row.signedUp, activatedAt),
      },
    };
  },
  portfolio(accounts, { config: { steps } }) {
    const reached = steps.map(() => 0);
    const stalled = steps.map(() => 0);
    const hours: number[] = [];
    let [known, activated] = [0, 0];
    for (const row of accounts) {
      const standing = standingOf(row, steps);
      if (standing === null) continue;
      known++;
      const { isDone, activatedAt } = standing;
      isDone.forEach((done, i) => (reached[i] = (reached[i] ?? 0) + Number(done)));
      const at = isDone.indexOf(false);
      if (at >= 0) stalled[at] = (stalled[at] ?? 0) + 1;
      if (activatedAt !== null) activated++;
      const time = hoursBetween(row.signedUp, activatedAt);
      if (time !== null) hours.push(time);
    }
    if (known === 0) return noData('no-data');
    const done = reached.reduce((sum, each) => sum + each, 0);
    return {
      value: (100 * done) / (known * steps.length),
      n: known,
      parts: {
        steps: steps.length,
        done: done / known,
        stalledAt: activated === known ? null : (steps[stalled.indexOf(Math.max(...stalled))]?.id ?? null),
        activated,
        activatedShare: (100 * activated) / known,
        timeToActivation: medianOf(hours),
        funnel: Object.fromEntries(steps.map(({ id }, i) => [id, reached[i] ?? 0])),
      },
    };
  },
});

interface Standing {
  /** Per step of the checklist. */
  readonly isDone: readonly boolean[];
  /** Epoch ms; null while a step is missing. */
  readonly activatedAt: number | null;
}

/** Null for one that neither signed up nor had an event. */
function standingOf(row: Inputs<Base & Steps>, steps: Checklist): Standing | null {
  if (row.signedUp === null && row.ever === 0) return null;
  if ('inOrder' in row) {
    const { done, activatedAt } = row.inOrder;
    return { isDone: steps.map((_, i) => i < done), activatedAt };
  }
  const times = steps.map((_, i) => row[`step ${i}`] ?? null);
  const isDone = times.map((time) => time !== null);
  return { isDone, activatedAt: isDone.includes(false) ? null : Math.max(...times.map((time) => time ?? 0)) };
}

const hoursBetween = (signedUp: number | null, activatedAt: number | null) =>
  signedUp === null || activatedAt === null ? null : Math.max(0, activatedAt - signedUp) / 3_600_000;

function medianOf(values: readonly number[]): number | null {
  const ascending = [...values].sort((a, b) => a - b);
  const middle = (ascending.length - 1) / 2;
  const [below, above] = [ascending[Math.floor(middle)], ascending[Math.ceil(middle)]];
  return below === undefined || above === undefined ? null : (below + above) / 2;
}
