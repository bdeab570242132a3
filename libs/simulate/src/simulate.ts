import { accountHash, fitOf, profile } from './account.js';
import { PHASES, type Call, type Truth } from './call.js';
import { dice, mix, share, type Dice } from './dice.js';
import {
  COMMENTS,
  companyName,
  FEATURES,
  PAGES,
  personName,
  PLANS,
  REASONS,
  TICKET_SUBJECTS,
  type Cause,
  type Persona,
} from './vocabulary.js';

export interface SimulateOptions {
  /** Whole number; the same seed and sizes give the same bytes. */
  readonly seed: number;
  /** Calls to make; default 500 per account, or 100,000. */
  readonly events?: number;
  /** Default: one per 500 events. */
  readonly accounts?: number;
  /** Length of the simulated time in days; default 365. */
  readonly days?: number;
  /** First instant after the simulated time, epoch ms; cut down to a UTC midnight. */
  readonly end: number;
  /** Receives what the event stream does not say, in the order of time. */
  readonly onTruth?: (truth: Truth) => void;
}

const DAY = 86_400_000;
const HOUR = 3_600_000;
const MAX_USERS = 64;
const NEVER = 0x7fffffff;
const TICKETS = 3;
const PER_ACCOUNT = 500;
const TRIAL_DAYS = 14;

const TRIAL = 1;
const CUSTOMER = 2;
const LEAVING = 3;
const CHURNED = 4;
const LAPSED = 5;

/** Cumulative Zipf weights (exponent 1) of the first n features, for each n. */
const POPULARITY = FEATURES.map((_, n) => {
  const weights = FEATURES.slice(0, n + 1).map((__, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let cumulated = 0;
  return weights.map((weight) => (cumulated += weight / total));
});
/** Share of sessions that begin before the end of each hour of the local day. */
const HOURS = (() => {
  const weights = [1, 1, 1, 1, 1, 2, 6, 20, 60, 90, 100, 85, 55, 75, 95, 90, 75, 50, 25, 15, 12, 9, 5, 2];
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let cumulated = 0;
  return weights.map((weight) => (cumulated += weight / total));
})();
/** Relative activity, Sunday first. */
const WEEKDAYS = [0.12, 0.95, 1.08, 1.1, 1.05, 0.85, 0.15];
const BUSIEST = Math.max(...WEEKDAYS);
const LIVELINESS: Readonly<Record<Persona, number>> = { admin: 0.5, champion: 0.75, regular: 0.4, occasional: 0.1 };

const PAD2 = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'));
const PAD3 = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, '0'));

/** Everything that is remembered of the accounts: some 110 bytes each, whatever happened to them. */
function memory(accounts: number) {
  return {
    phase: new Uint8Array(accounts),
    plan: new Uint8Array(accounts),
    seats: new Uint16Array(accounts),
    /** Users that ever joined; bit j of `low`/`high` says whether user j (j + 32) is there now. */
    joined: new Uint8Array(accounts),
    low: new Uint32Array(accounts),
    high: new Uint32Array(accounts),
    health: new Float32Array(accounts),
    adoption: new Float32Array(accounts),
    trouble: new Float32Array(accounts),
    champion: new Uint8Array(accounts),
    start: new Int32Array(accounts),
    renewal: new Int32Array(accounts).fill(NEVER),
    leaves: new Int32Array(accounts).fill(NEVER),
    returns: new Int32Array(accounts).fill(NEVER),
    subscription: new Uint8Array(accounts),
    /** Per ticket slot: day of opening (NEVER: free), and minutes from there until it escalates (0: it does not) and closes. */
    opened: new Int32Array(accounts * TICKETS).fill(NEVER),
    escalates: new Uint16Array(accounts * TICKETS),
    closes: new Uint16Array(accounts * TICKETS),
  };
}

/**
 * A software company's customers as a stream of calls, one batch per account and day that saw any. Ordered by UTC day, within a
 * day by account, within an account by time. `events` is met within 1 % or so, small simulations (below 10,000) less closely.
 */
export function* simulateBatches(options: SimulateOptions): Generator<readonly Call[], void> {
  const seed = whole('seed', options.seed, Number.MIN_SAFE_INTEGER) | 0;
  const days = whole('days', options.days ?? 365, 1);
  const accounts = whole(
    'accounts',
    options.accounts ?? Math.max(1, Math.round((options.events ?? 100_000) / PER_ACCOUNT)),
    1,
  );
  const wanted = whole('events', options.events ?? accounts * PER_ACCOUNT, 1);
  const begin = Math.floor(whole('end', options.end, 0) / DAY) * DAY - days * DAY;
  const { onTruth } = options;
  const state = memory(accounts);
  const roll = dice();

  // Account i signs up on that day; half of them in the first quarter or so.
  const signupDay = (index: number) =>
    Math.floor(days * 0.97 * ((index + share(mix(accountHash(seed, index), 5))) / accounts) ** 1.8);
  let started = 0;
  let made = 0;
  // How many events one unit of planned activity has made so far, so that the rest of the budget can be spread over the rest of the time.
  let spent = 0;
  let planned = 0;
  const plan = planOf(
    begin,
    days,
    Array.from({ length: accounts }, (_, index) => signupDay(index)),
  );
  let remaining = plan.reduce((sum, weight) => sum + weight, 0);

  for (let day = 0; day < days; day++) {
    const known = started;
    while (started < accounts && signupDay(started) <= day) started++;
    const weight = plan[day] ?? 0;
    const yieldPerUnit = (spent + 2.4 * accounts) / (planned + accounts);
    const pace = Math.min(40, Math.max(0.01, (wanted - made) / Math.max(1e-9, remaining * yieldPerUnit)));
    remaining -= weight;
    const before = made;
    const lastOfMonth = day === days - 1 || new Date(begin + (day + 1) * DAY).getUTCDate() === 1;
    const prefix = new Date(begin + day * DAY).toISOString().slice(0, 11);
    const context = { seed, begin, day, prefix, pace, roll, state, onTruth };
    for (let index = 0; index < started; index++) {
      const calls = accountDay(context, index, index >= known);
      if (lastOfMonth && onTruth) onTruth(healthTruth(context, index));
      if (calls.length === 0) continue;
      made += calls.length;
      yield calls;
    }
    spent += made - before;
    planned += weight * pace;
  }
}

/** Activity to expect per day, in accounts at full strength: after the trial a quarter is gone, and then some every month. */
function planOf(begin: number, days: number, signups: readonly number[]): readonly number[] {
  const arrivals = new Float64Array(days);
  for (const day of signups) arrivals[day] = (arrivals[day] ?? 0) + 1;
  return Array.from({ length: days }, (_, day) => {
    let alive = 0;
    for (let from = 0; from <= day; from++) {
      const age = day - from;
      alive += (arrivals[from] ?? 0) * (age < TRIAL_DAYS ? 1.3 : 0.75 * Math.exp(-age / 800));
    }
    return alive * (WEEKDAYS[new Date(begin + day * DAY).getUTCDay()] ?? 1);
  });
}

/** The same, call by call. */
export function* simulate(options: SimulateOptions): Generator<Call, void> {
  for (const batch of simulateBatches(options)) yield* batch;
}

function whole(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(
      `RAPPORT_SIMULATE_OPTION: "${name}" is ${String(value)}; give a whole number of at least ${String(least)}`,
    );
  }
  return value;
}

interface Context {
  readonly seed: number;
  readonly begin: number;
  readonly day: number;
  /** `YYYY-MM-DDT` */
  readonly prefix: string;
  /** Events to make per planned one. */
  readonly pace: number;
  readonly roll: Dice;
  readonly state: ReturnType<typeof memory>;
  readonly onTruth: ((truth: Truth) => void) | undefined;
}

const monthOf = (instant: number): string => new Date(instant).toISOString().slice(0, 7);

function healthTruth({ seed, begin, day, state }: Context, index: number): Truth {
  return {
    kind: 'health',
    account: profile(seed, index).id,
    month: monthOf(begin + day * DAY),
    phase: PHASES[(state.phase[index] ?? TRIAL) - 1] ?? 'trial',
    health: round(state.health[index] ?? 0),
    fit: round(fitOf(accountHash(seed, index))),
    adoption: round(state.adoption[index] ?? 0),
    trouble: round(state.trouble[index] ?? 0),
    users: bits(state.low[index] ?? 0) + bits(state.high[index] ?? 0),
  };
}

const round = (value: number): number => Math.round(value * 10_000) / 10_000;
function bits(word: number): number {
  let count = 0;
  for (let rest = word >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}
const clamp = (value: number, low: number, high: number): number => (value < low ? low : value > high ? high : value);

function personaOf(hash: number, user: number): Persona {
  if (user === 0) return 'admin';
  if (user === 1) return 'champion';
  return share(mix(mix(hash, 21), user)) < 0.6 ? 'regular' : 'occasional';
}

/** One account's calls of one UTC day, in order of time. Moves the account's state. */
function accountDay(context: Context, index: number, signsUp: boolean): readonly Call[] {
  const { seed, begin, day, prefix, roll, state, onTruth } = context;
  const midnight = begin + day * DAY;
  const account = profile(seed, index);
  const { hash, zone } = account;
  roll.place(mix(mix(hash, 31), day));
  const calls: Call[] = [];
  const userPrefix = `user-${account.id.slice(5)}-`;
  const idPrefix = `${(seed >>> 0).toString(36)}-${day.toString(36)}-${index.toString(36)}-`;

  const instant = (ms: number): string => {
    const at = clamp(Math.floor(ms), 0, DAY - 1);
    const seconds = Math.floor(at / 1000);
    return `${prefix}${PAD2[Math.floor(seconds / 3600)] ?? ''}:${PAD2[Math.floor(seconds / 60) % 60] ?? ''}:${PAD2[seconds % 60] ?? ''}.${PAD3[at % 1000] ?? ''}Z`;
  };
  const userOf = (user: number) => userPrefix + String(user + 1);
  const nextId = () => idPrefix + calls.length.toString(36);
  const iso = (onDay: number, ms = 0) => new Date(begin + onDay * DAY + ms).toISOString();
  /** A moment of the local working day as ms after UTC midnight. */
  const moment = (): number => {
    const position = roll.uniform();
    let hour = 0;
    while (hour < 23 && (HOURS[hour] ?? 1) <= position) hour++;
    const local = hour * HOUR + roll.uniform() * HOUR;
    return (((local - zone.offset * 60_000) % DAY) + DAY) % DAY;
  };
  const track = (
    ms: number,
    user: number | null,
    event: string,
    properties: NonNullable<Call['properties']>,
    session?: string,
  ) => {
    const messageId = nextId();
    const timestamp = instant(ms);
    // Spelled out per shape: this is the hot spot, and object spreads are slow.
    if (user === null)
      calls.push({ type: 'track', messageId, timestamp, event, properties, context: { groupId: account.id } });
    else if (!account.explicit)
      calls.push({ type: 'track', messageId, timestamp, userId: userOf(user), event, properties });
    else {
      const whence = session === undefined ? { groupId: account.id } : { groupId: account.id, sessionId: session };
      calls.push({ type: 'track', messageId, timestamp, userId: userOf(user), event, properties, context: whence });
    }
  };
  const groupTraits = (ms: number, traits: NonNullable<Call['traits']>) => {
    calls.push({ type: 'group', messageId: nextId(), timestamp: instant(ms), groupId: account.id, traits });
  };
  const price = () => (PLANS[state.plan[index] ?? 0] ?? PLANS[0]).price * (state.seats[index] ?? 1);
  const planName = () => (PLANS[state.plan[index] ?? 0] ?? PLANS[0]).name;
  const term = () => (PLANS[state.plan[index] ?? 0] ?? PLANS[0]).termDays;
  const subscriptionId = () => `sub-${account.id.slice(5)}-${String(state.subscription[index] ?? 0)}`;
  const isThere = (user: number) =>
    (((user < 32 ? (state.low[index] ?? 0) : (state.high[index] ?? 0)) >>> (user & 31)) & 1) === 1;
  const setThere = (user: number, there: boolean) => {
    const word = user < 32 ? state.low : state.high;
    const bit = 1 << (user & 31);
    word[index] = (there ? (word[index] ?? 0) | bit : (word[index] ?? 0) & ~bit) >>> 0;
  };
  const userCount = () => bits(state.low[index] ?? 0) + bits(state.high[index] ?? 0);

  const join = (ms: number, invitedBy: number | null) => {
    const user = state.joined[index] ?? 0;
    if (user >= MAX_USERS) return;
    const name = personName(mix(mix(hash, 22), user));
    if (invitedBy !== null)
      track(ms - 900_000 * (1 + roll.uniform()), invitedBy, 'Invite Sent', { role: personaOf(hash, user) });
    const timestamp = instant(ms);
    calls.push({
      type: 'identify',
      messageId: nextId(),
      timestamp,
      userId: userOf(user),
      traits: {
        name,
        email: `${name.toLowerCase().replace(' ', '.')}.${String(user + 1)}@${account.id}.example`,
        role: personaOf(hash, user),
        createdAt: timestamp,
      },
    });
    calls.push({ type: 'group', messageId: nextId(), timestamp, groupId: account.id, userId: userOf(user) });
    track(ms + 1000, user, 'Signed Up', { method: roll.chance(0.7) ? 'email' : 'sso' });
    setThere(user, true);
    state.joined[index] = user + 1;
    if (user === 1) state.champion[index] = 1;
  };

  const subscribe = (ms: number, again: boolean) => {
    state.phase[index] = CUSTOMER;
    state.start[index] = day;
    state.renewal[index] = day + term();
    state.subscription[index] = (state.subscription[index] ?? 0) + 1;
    const subscription = {
      subscriptionId: subscriptionId(),
      plan: planName(),
      seats: state.seats[index] ?? 1,
      mrr: price(),
    };
    track(ms, 0, 'Subscription Started', { ...subscription, ...(again ? { reactivation: true } : {}) });
    bill(ms + 2000);
    groupTraits(ms + 3000, {
      plan: planName(),
      seats: subscription.seats,
      mrr: subscription.mrr,
      renewalAt: iso(state.renewal[index] ?? day),
      status: 'customer',
    });
  };
  const bill = (ms: number) => {
    track(ms, 0, 'Order Completed', {
      revenue: Math.round((price() * term()) / 30),
      currency: 'USD',
      plan: planName(),
    });
  };

  // Who joins today is seen using the product from tomorrow on, but for the very first session.
  const team = state.joined[index] ?? 0;

  let firstSession: number | null = null;
  // Signing up
  if (signsUp) {
    const ms = moment();
    const plan = PLANS[account.plan] ?? PLANS[0];
    state.plan[index] = account.plan;
    state.seats[index] = Math.max(plan.seats, Math.round(account.users * (0.9 + 0.6 * share(mix(hash, 8)))));
    state.health[index] = clamp(0.35 + 0.4 * account.fit + 0.1 * (account.onboarding - 0.6), 0.05, 0.95);
    state.adoption[index] = 0.1;
    state.start[index] = day;
    groupTraits(ms, {
      name: companyName(mix(hash, 9)),
      industry: account.industry,
      country: zone.country,
      timeZone: zone.name,
      plan: account.plan === 3 ? plan.name : 'trial',
      seats: state.seats[index] ?? 1,
      signupAt: instant(ms),
      status: account.plan === 3 ? 'customer' : 'trial',
    });
    join(ms + 1000, null);
    if (account.plan === 3) subscribe(ms + 10_000, false);
    else {
      state.phase[index] = TRIAL;
      track(ms + 10_000, 0, 'Trial Started', { plan: plan.name, days: TRIAL_DAYS });
    }
    firstSession = ms + 60_000;
  }
  const phase = state.phase[index] ?? TRIAL;
  const age = day - (state.start[index] ?? day);
  const running = phase === TRIAL || phase === CUSTOMER || phase === LEAVING;

  // The team arrives in the first days
  const firstDays = running && (state.joined[index] ?? 0) < account.users && (state.subscription[index] ?? 0) <= 1;
  if (firstDays && !signsUp) {
    for (let user = state.joined[index] ?? 0; user < account.users && roll.chance(0.35); user++) join(moment(), 0);
  }
  if (phase === TRIAL && age >= TRIAL_DAYS) {
    const ms = moment();
    const converts = roll.chance(1 / (1 + Math.exp(-9 * ((state.health[index] ?? 0) - 0.42))));
    track(ms, 0, 'Trial Ended', { converted: converts });
    if (converts) subscribe(ms + 5000, false);
    else {
      state.phase[index] = LAPSED;
      groupTraits(ms + 5000, { status: 'lapsed' });
    }
  }

  // A cancellation takes effect; some come back
  if (phase === LEAVING && day >= (state.leaves[index] ?? NEVER)) {
    state.phase[index] = CHURNED;
    state.leaves[index] = NEVER;
    state.renewal[index] = NEVER;
    // The plan stays: churn is looked at by the plan that was left.
    groupTraits(1000, { seats: 0, mrr: 0, status: 'churned', renewalAt: null });
    if (roll.chance(0.14)) state.returns[index] = day + 20 + roll.below(90);
  }
  if (phase === CHURNED && day >= (state.returns[index] ?? NEVER)) {
    state.returns[index] = NEVER;
    state.health[index] = Math.max(state.health[index] ?? 0, 0.55);
    state.trouble[index] = 0;
    subscribe(moment(), true);
  }

  const cancel = (ms: number, takesEffect: number | null) => {
    const health = state.health[index] ?? 0;
    const causes: readonly (readonly [Cause, number])[] = [
      ['champion-left', state.champion[index] === 0 && (state.joined[index] ?? 0) > 1 ? 0.3 : 0],
      ['support', (state.trouble[index] ?? 0) * 0.8],
      ['poor-fit', (0.62 - account.fit) * 1.2],
      ['low-adoption', (0.5 - (state.adoption[index] ?? 0)) * 0.7],
      ['budget', 0.05],
    ];
    const cause: Cause = causes.reduce((worst, candidate) => (candidate[1] > worst[1] ? candidate : worst))[0];
    const told = roll.chance(0.8) ? cause : roll.pick<Cause>(['budget', 'low-adoption', 'poor-fit']);
    const effective = takesEffect === null ? instant(ms) : iso(takesEffect);
    track(ms, 0, 'Subscription Cancelled', {
      subscriptionId: subscriptionId(),
      plan: planName(),
      mrr: price(),
      reason: REASONS[told],
      ...(takesEffect === null ? {} : { effectiveAt: effective }),
    });
    state.phase[index] = LEAVING;
    // A cancellation at once ends at the next midnight here; in the stream it took effect with the event.
    state.leaves[index] = takesEffect ?? day + 1;
    onTruth?.({
      kind: 'churn',
      account: account.id,
      at: instant(ms),
      effectiveAt: effective,
      cause,
      reason: REASONS[told],
      health: round(health),
    });
  };

  // Renewals
  if (phase === CUSTOMER) {
    const renewal = state.renewal[index] ?? NEVER;
    const notice = 1 + ((mix(mix(hash, 41), renewal) >>> 0) % (term() >= 90 ? 20 : 7));
    if (day === renewal - notice) {
      const risk = 1 / (1 + Math.exp(15 * ((state.health[index] ?? 0) - (term() >= 90 ? 0.38 : 0.3))));
      if (roll.chance(risk)) cancel(moment(), roll.chance(0.75) ? renewal : null);
    } else if (day >= renewal) {
      const ms = moment();
      state.renewal[index] = day + term();
      const seats = state.seats[index] ?? 1;
      const users = userCount();
      if (users < seats * 0.7 && seats > 3 && (state.health[index] ?? 0) < 0.6 && roll.chance(0.35)) {
        state.seats[index] = Math.max(2, Math.ceil(users * 1.3));
        track(ms - 60_000, 0, 'Subscription Downgraded', {
          subscriptionId: subscriptionId(),
          plan: planName(),
          seats: state.seats[index] ?? 1,
          mrr: price(),
        });
      }
      track(ms, 0, 'Subscription Renewed', {
        subscriptionId: subscriptionId(),
        plan: planName(),
        seats: state.seats[index] ?? 1,
        mrr: price(),
      });
      bill(ms + 2000);
      groupTraits(ms + 3000, {
        seats: state.seats[index] ?? 1,
        mrr: price(),
        renewalAt: iso(state.renewal[index] ?? day),
      });
    }
  }

  // Once a week the account changes inwardly
  if (running && !signsUp && (day + index) % 7 === 0) week();
  function week(): void {
    const champion = state.champion[index] === 1;
    const teams = (state.joined[index] ?? 0) > 1;
    const ceiling = account.onboarding * (0.35 + 0.65 * account.fit) * (champion || !teams ? 1 : 0.55);
    state.adoption[index] = clamp((state.adoption[index] ?? 0) + 0.14 * (ceiling - (state.adoption[index] ?? 0)), 0, 1);
    state.trouble[index] = (state.trouble[index] ?? 0) * 0.82;
    const target =
      account.fit * 0.75 +
      (state.adoption[index] ?? 0) * 0.45 -
      (state.trouble[index] ?? 0) * 0.55 -
      (champion || !teams ? 0 : 0.22);
    const health = state.health[index] ?? 0;
    state.health[index] = clamp(health + 0.16 * (target - health) + 0.045 * roll.normal(), 0.02, 0.98);
    const users = userCount();
    for (let user = 1; user < (state.joined[index] ?? 0); user++) {
      if (!isThere(user) || !roll.chance(0.003 + 0.008 * (1 - health))) continue;
      setThere(user, false);
      const timestamp = instant(moment());
      calls.push({
        type: 'identify',
        messageId: nextId(),
        timestamp,
        userId: userOf(user),
        traits: { deactivatedAt: timestamp },
      });
      if (user === 1) state.champion[index] = 0;
    }
    // A new champion grows from the ranks now and then.
    if (teams && !champion && users > 2 && roll.chance(0.03)) state.champion[index] = 1;
    if (state.phase[index] !== CUSTOMER) return;
    const seats = state.seats[index] ?? 1;
    if (users < seats * 1.15 && roll.chance(0.22 * health)) join(moment(), 0);
    if (users >= seats * 0.95 && health > 0.5 && roll.chance(0.3)) {
      const ms = moment();
      state.seats[index] = Math.min(900, Math.ceil(seats * 1.3) + 1);
      if ((state.seats[index] ?? 0) > 20 && (state.plan[index] ?? 0) < 3)
        state.plan[index] = (state.plan[index] ?? 0) + 1;
      track(ms, 0, 'Subscription Upgraded', {
        subscriptionId: subscriptionId(),
        plan: planName(),
        seats: state.seats[index] ?? 1,
        mrr: price(),
      });
      groupTraits(ms + 1000, { plan: planName(), seats: state.seats[index] ?? 1, mrr: price() });
    }
  }

  tickets();
  function tickets(): void {
    for (let slot = index * TICKETS; slot < (index + 1) * TICKETS; slot++) {
      const openedOn = state.opened[slot] ?? NEVER;
      if (openedOn === NEVER) continue;
      const ticket = { ticketId: `t-${account.id.slice(5)}-${openedOn.toString(36)}` };
      const from = (day - openedOn) * 1440;
      const escalates = state.escalates[slot] ?? 0;
      const closes = state.closes[slot] ?? 0;
      if (escalates > 0 && escalates >= from && escalates < from + 1440) {
        track((escalates - from) * 60_000, null, 'Support Ticket Escalated', { ...ticket, escalated: true });
        state.trouble[index] = (state.trouble[index] ?? 0) + 0.25;
      }
      if (closes < from + 1440) {
        const ms = Math.max(0, closes - from) * 60_000;
        track(ms, null, 'Support Ticket Closed', ticket);
        state.opened[slot] = NEVER;
        // A quick answer is soon forgotten; a slow one is not.
        state.trouble[index] = (state.trouble[index] ?? 0) + 0.25 * Math.min(1, closes / (7 * 1440));
        if (running && roll.chance(0.45)) {
          const mood =
            1 +
            4 * ((state.health[index] ?? 0) * 0.8 + 0.45 * (1 - Math.min(1, closes / (6 * 1440)))) +
            0.7 * roll.normal();
          survey(ms + 600_000, 0, 'csat', clamp(Math.round(mood), 1, 5), 5, ticket);
          if (roll.chance(0.3)) survey(ms + 660_000, 0, 'ces', clamp(Math.round(mood * 1.4), 1, 7), 7, ticket);
        }
      }
    }
    if (
      !running ||
      signsUp ||
      !roll.chance((0.012 + 0.03 * share(mix(hash, 51))) * Math.min(3, 0.5 + userCount() / 10))
    )
      return;
    for (let slot = index * TICKETS; slot < (index + 1) * TICKETS; slot++) {
      if (state.opened[slot] !== NEVER) continue;
      const ms = moment();
      const openedAt = Math.floor(ms / 60_000);
      const minutes = Math.min(
        40_000,
        30 + Math.floor(roll.exponential(1) * 2200 * (0.4 + 1.6 * share(mix(hash, 52)))),
      );
      state.opened[slot] = day;
      state.closes[slot] = openedAt + minutes;
      state.escalates[slot] = minutes > 600 && roll.chance(0.25) ? openedAt + Math.floor(minutes / 2) : 0;
      track(ms, 0, 'Support Ticket Opened', {
        ticketId: `t-${account.id.slice(5)}-${day.toString(36)}`,
        subject: roll.pick(TICKET_SUBJECTS),
        priority: roll.pick(['low', 'normal', 'normal', 'high']),
      });
      state.trouble[index] = (state.trouble[index] ?? 0) + 0.04;
      // What would close today is closed when the day is over and the next one is looked at.
      return;
    }
  }
  function survey(
    ms: number,
    user: number,
    kind: string,
    score: number,
    top: number,
    about: NonNullable<Call['properties']> = {},
  ): void {
    const mood = score / top;
    const comment = roll.chance(0.3) ? roll.pick(COMMENTS[mood >= 0.85 ? 'good' : mood >= 0.6 ? 'fair' : 'bad']) : null;
    track(ms, user, 'Survey Responded', { survey: kind, score, ...about, ...(comment === null ? {} : { comment }) });
  }

  if (firstSession !== null) session(0, firstSession);
  if (running) for (let user = 0; user < team; user++) if (isThere(user)) userDay(user);
  function userDay(user: number): void {
    const health = state.health[index] ?? 0;
    const persona = personaOf(hash, user);
    if (age > 20 && (day + (mix(mix(hash, 61), user) >>> 0)) % 90 === 0 && roll.chance(0.4)) {
      survey(moment(), user, 'nps', clamp(Math.round(1.5 + health * 10.5 + 1.6 * roll.normal()), 0, 10), 10);
    }
    const early = phase === TRIAL || (state.subscription[index] ?? 0) <= 1 ? Math.max(0, 1 - age / 28) : 0;
    let rate = context.pace * LIVELINESS[persona] * (0.1 + 1.2 * health) * (1 + early * account.onboarding);
    if (state.phase[index] === LEAVING) rate *= 0.35;
    // Most users stay away on most days: tell before the moment is drawn whether even the busiest weekday would see them.
    const position = roll.uniform();
    if (rate * BUSIEST <= position) return;
    const ms = moment();
    rate *= WEEKDAYS[(Math.floor((midnight + ms + zone.offset * 60_000) / DAY) + 4) % 7] ?? 1;
    let sessions = Math.floor(rate) + (position < rate - Math.floor(rate) ? 1 : 0);
    for (let at = ms; sessions > 0; sessions--, at = moment()) session(user, at);
  }
  function session(user: number, from: number): void {
    const id = account.explicit
      ? `s-${index.toString(36)}-${day.toString(36)}-${user.toString(36)}-${Math.floor(from / 1000).toString(36)}`
      : undefined;
    let at = from;
    if (roll.chance(0.5)) track(at, user, 'Signed In', {}, id);
    if (early(user)) onboard(user, at, id);
    const breadth = POPULARITY[clamp(Math.floor(5 + 17 * (state.adoption[index] ?? 0)), 1, FEATURES.length) - 1] ?? [1];
    do {
      at += roll.chance(0.08) ? 400_000 + roll.exponential(900_000) : 5000 + roll.exponential(80_000);
      if (at >= DAY) return;
      if (roll.chance(0.15)) {
        const page = roll.pick(PAGES);
        calls.push({
          type: 'page',
          messageId: nextId(),
          timestamp: instant(at),
          userId: userOf(user),
          name: page,
          properties: { path: `/${page.toLowerCase()}` },
          ...(id === undefined ? {} : { context: { groupId: account.id, sessionId: id } }),
        });
        continue;
      }
      const position = roll.uniform();
      let rank = 0;
      while (rank < breadth.length - 1 && (breadth[rank] ?? 1) <= position) rank++;
      track(at, user, 'Feature Used', { feature: FEATURES[rank] ?? FEATURES[0] }, id);
    } while (roll.chance(0.72));
  }
  function early(user: number): boolean {
    return user <= 1 && age < 28 && (state.subscription[index] ?? 0) <= 1;
  }
  function onboard(user: number, at: number, id: string | undefined): void {
    for (const step of ['Profile Completed', 'Integration Connected', 'First Project Created']) {
      if (roll.chance(0.1 * account.onboarding)) track(at + 1000 + roll.below(4000), user, step, {}, id);
    }
  }

  if (calls.length > 1) calls.sort((a, b) => (a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0));
  return calls;
}
