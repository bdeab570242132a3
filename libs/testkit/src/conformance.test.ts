import {
  activeTime,
  count,
  countByKey,
  defineMetric,
  distinct,
  equal,
  firstDays,
  fold,
  last,
  latestTime,
  lifetime,
  type MetricDefinition,
  noData,
  profile,
  since,
  spans,
  sum,
  trait,
  Type,
} from '@rapport/sdk';
import type { Message } from '@rapport/store';
import { createOracle } from '@rapport/store-testkit';
import { describe, expect, it } from 'vitest';
import {
  conformance,
  type ConformanceOptions,
  type FindingCode,
  type OracleSubject,
  type TrialStore,
} from './index.js';

const base = {
  title: '',
  description: '',
  source: '',
  unit: 'count',
  range: [0, null],
  subjects: ['account', 'user', 'portfolio'],
  config: Type.Object({ event: Type.String({ default: 'Paid' }) }),
  parts: { share: { description: 'Share', unit: 'ratio' }, each: { type: 'table', description: 'By event' } },
} as const;
const nothing = { initial: () => 0, step: (n: number) => n, done: (n: number) => n };
const steps = fold('steps', { initial: () => 0, step: (n) => n + 1, done: (n) => n });
const none = { measures: () => ({}), compute: () => noData('no-data') };
const events = { measures: () => ({ n: count({}, last('30d')) }) };

/** On the oracle's store alone, in few worlds. */
const check = (metric: unknown, options: ConformanceOptions = {}) =>
  conformance(metric as MetricDefinition, { runs: 12, stores: [], ...options });
const found = async (metric: unknown, options?: ConformanceOptions) =>
  (await check(metric, options)).map(({ code }) => code.replace('RAPPORT_CONFORMANCE_', ''));

describe('conformance', () => {
  it('finds nothing in a metric that keeps its contract', async () => {
    const share = defineMetric({
      ...base,
      id: 'share',
      unit: 'ratio',
      range: [0, 1],
      contributions: 'each',
      measures: ({ event }) => ({
        paid: count({ events: [event], where: equal('kind', 'card') }, last('30d')),
        all: countByKey('event', {}, last('30d')),
        users: distinct('user', {}, firstDays(7, since('signupAt'))),
        active: activeTime({}, last('7d')),
        seats: trait('seats'),
        stage: profile('stage'),
        open: spans({ key: 'id', open: { events: ['Opened'] }, close: { events: ['Closed'] }, effectiveAt: 'at' }, 'open', lifetime()), // prettier-ignore
      }),
      compute({ paid, all }) {
        let n = 0;
        all.forEach((events) => (n += events));
        if (n === 0) return noData('no-data', { parts: { share: null } });
        return { value: paid / n, n, parts: { share: paid / n, each: { paid: paid / n } } };
      },
    });
    const profiles = { stage: [{ id: 'new', when: { fact: 'tenure', operator: 'lessThan', value: 30 } }] };
    expect(await check(share, { profiles })).toEqual([]);
    const options = { config: { event: 'Refunded' }, events: ['Other'], properties: { kind: ['card', null, 1] }, traits: { seats: [5] } }; // prettier-ignore
    expect(await check(share, options)).toEqual([]);
  });

  it('says what is wrong in a sentence, with the smallest world in which it shows', async () => {
    const total = defineMetric({
      ...base,
      id: 'total',
      range: [0, 5],
      measures: ({ event }) => ({ total: sum('amount', { events: [event] }, lifetime()) }),
      compute: ({ total }) => (total === null ? noData('no-data') : { value: total }),
    });
    const [finding, ...more] = await check(total);
    expect(more).toEqual([]);
    expect(finding?.code).toBe('RAPPORT_CONFORMANCE_VALUE');
    expect(finding?.sentence).toMatch(
      /^metric "total" for (account|user|the portfolio).*: the value \d+ is outside the range 0 … 5; correct "range" or the formula$/,
    );
    const [setting, ...calls] = finding?.world?.split('\n') ?? [];
    expect(setting).toMatch(/^zone [\w/]+, accounts: '(groups|users)', as of \d{4}-/);
    expect(calls).toEqual([expect.stringMatching(/^ {2}track\(.*"Paid", '.*Z', \{"amount":\d+\}, .*\)$/)]);
  });

  it('finds several faults at once', async () => {
    const metric = defineMetric({
      ...base,
      ...events,
      id: 'bad',
      compute: ({ n }) => ({ value: n - 3 + Math.random() * 0, parts: { other: n } as never }),
    });
    expect((await found(metric)).sort()).toEqual(['CHANCE', 'PART', 'VALUE']);
  });

  describe('of a metric’s functions', () => {
    let calls = 0;
    const state = { n: 0 };
    const keeping = fold('keeping', { initial: () => state, step: () => ({ n: ++state.n }), done: () => state.n });
    const text = fold('text', { initial: () => 0, step: () => 'x' as never, done: (n) => n });
    const kept: { n: number }[] = [];
    const cache = new Map<string, number>();
    const faults: readonly (readonly [string, string, Partial<MetricDefinition> | object, RegExp])[] = [
      ['HOOK', 'measures that are not plain data', { measures: () => ({ n: count({ events: undefined as never }, lifetime()) }) }, /measures\(config\) must return plain JSON data/],
      ['HOOK', 'measures that change', { measures: () => ({ n: count({}, { kind: 'last', days: ++calls }) }) }, /returns other measures/],
      ['HOOK', 'a reducer that is not there', { measures: () => ({ n: fold('nowhere', nothing).over({}, lifetime()) }) }, /no fold "nowhere"/],
      ['HOOK', 'contributions that are not a table', { contributions: 'share' }, /not a part of the type table/],
      ['HOOK', 'families that cannot be reduced', { family: 'reduce' }, /there is no portfolio/],
      ['HOOK', 'a window that is not plain data', { window: () => ({ kind: 'last', days: NaN }) }, /window\(config\) must/],
      ['THREW', 'a call that throws', { compute: () => { throw new Error('oh no'); } }, /it threw: oh no/],
      ['INPUT', 'an input that is not declared', { compute: ({ m }: { m?: number }) => ({ value: m ?? 0 }) }, /the input "m"/],
      ['USES', 'a metric that is not named in uses', { compute: (_: unknown, { metric }: { metric: (id: string) => { value: number | null } }) => ({ value: metric('nps').value ?? 0 }) }, /"nps", which its "uses"/],
      ['USES', 'a metric that is not named in usesPortfolio', { compute: (_: unknown, { portfolio }: { portfolio: (id: string) => { value: number | null } }) => ({ value: portfolio('nps').value ?? 0 }) }, /which its "usesPortfolio"/],
      ['CHANGED', 'changed inputs', { compute: (inputs: { n: number }) => { inputs.n = 1; return { value: 1 }; } }, /changes the input "n"/],
      ['CHANGED', 'a changed configuration', { compute: (_: unknown, { config }: { config: { event: string } }) => { config.event = 'x'; return { value: 0 }; } }, /changes what it was given/],
      ['KEPT', 'rows that are kept', { portfolio: (rows: Iterable<{ n: number }>) => ({ value: [...rows].reduce((total, { n }) => total + n, 0) }) }, /it keeps rows/],
      ['IMPURE', 'another answer when called again', { compute: () => ({ value: calls++ }) }, /when called again/],
      ['IMPURE', 'an answer that depends on the subject before', { compute: (inputs: { n: number }) => { const value = kept.pop()?.n ?? 0; kept.push({ n: inputs.n }); return { value }; } }, /when called again/],
      ['IMPURE', 'an answer that is remembered by subject', { compute({ n }: { n: number }, { subject }: { subject: { id: string } }) { const value = cache.get(subject.id) ?? n; cache.set(subject.id, value); return { value }; } }, /have other names/],
      ['IMPURE', 'a reducer that keeps its state between subjects', { measures: () => ({ n: keeping.over({}, lifetime()) }), folds: [keeping] }, /after other subjects/],
      ['CLOCK', 'the clock', { compute: () => ({ value: Date.now() * 0 }) }, /it uses Date.now\(\); take context.asOf/],
      ['CLOCK', 'a new Date without an instant', { compute: () => ({ value: new Date().getTime() * 0 }) }, /new Date\(\)/],
      ['CLOCK', 'the machine’s time zone', { compute: () => ({ value: new Date(0).getDay() * 0 }) }, /the machine's time zone \(Date.getDay\)/],
      ['CHANCE', 'chance', { compute: () => ({ value: Math.random() * 0 }) }, /it uses Math.random\(\)/],
      ['VALUE', 'a division by zero', { compute: ({ n }: { n: number }) => ({ value: n / 0 }) }, /the value is (NaN|Infinity); return noData/],
      ['VALUE', 'no answer at all', { compute: () => undefined }, /it returned undefined/],
      ['VALUE', 'a reducer’s value that is not a number', { measures: () => ({ n: text.over({}, lifetime()) }), folds: [text] }, /fold "text" gives "x"/],
      ['VALUE', 'a Promise', { compute: () => Promise.resolve({ value: 1 }) }, /it returned a Promise; .* remove "async"/],
      ['IMPURE', 'the network', { compute: () => (fetch('http://127.0.0.1:9/').catch(() => undefined), { value: 1 }) }, /it uses the network \(fetch\)/],
      ['PART', 'a part that is not declared', { compute: () => ({ value: 0, parts: { other: 1 } }) }, /part "other" is not declared/],
      ['PART', 'a part of another type', { compute: () => ({ value: 0, parts: { share: 'a' } }) }, /part "share" is declared as number, but is "a"/],
      ['PART', 'a sample size below 0', { compute: () => ({ value: 0, n: -1 }) }, /n is -1/],
      ['CONTRIBUTIONS', 'contributions that do not add up', { contributions: 'each', compute: () => ({ value: 0, parts: { each: { a: 0.1, b: 0.2 } } }) }, /"each" adds up to 0.3/],
      ['NO_DATA', 'a value where nothing is known', { compute: () => ({ value: 100 }) }, /the value is 100, although nothing is known of it/],
      ['NO_DATA', 'a share of nothing', { unit: 'ratio', compute: ({ n }: { n: number }) => ({ value: 0, n }) }, /the value is 0, from a sample of 0/],
      ['NO_DATA', 'a reason that there is not', { compute: () => ({ noData: 'tired' }) }, /the reason is "tired"/],
    ]; // prettier-ignore

    it.each(faults)('finds %s: %s', async (code, _, fault, sentence) => {
      const metric = { kind: 'metric', ...base, ...events, id: 'bad', compute: () => ({ value: 0 }), ...fault };
      const findings = await check(metric);
      expect(findings.map((finding) => finding.code)).toContain(`RAPPORT_CONFORMANCE_${code}`);
      expect(findings.find((finding) => finding.code === `RAPPORT_CONFORMANCE_${code}`)?.sentence).toMatch(sentence);
    });

    it('leaves clock and chance as they were', () => {
      expect(Object.getOwnPropertyNames(performance)).not.toContain('now');
      expect(Date.now.name).toBe('now');
      expect(new Date(0).getTime()).toBe(0);
    });
  });

  describe('with an oracle', () => {
    const perUser = defineMetric({
      ...base,
      id: 'per-user',
      measures: ({ event }) => ({
        n: count({ events: [event] }, last('7d')),
        users: distinct('user', {}, last('7d')),
        seats: trait('seats'),
      }),
      compute: ({ n, users, seats }) =>
        users === 0 ? noData('no-data') : { value: n / users, n: users, parts: { share: seats } },
    });
    const oracle = (subject: OracleSubject, config: Readonly<Record<string, unknown>>) => {
      const today = subject.calendar.dayOf(subject.asOf - 1);
      const recent = subject.events.filter(({ time }) => subject.calendar.dayOf(time) > today - 7);
      const users = new Set(recent.map(({ user }) => user).filter((user) => user !== null)).size;
      if (users === 0) return { value: null, reason: 'no-data' } as const;
      const n = recent.filter(({ event }) => event === config['event']).length;
      const { seats } = subject.traits;
      return { value: n / users, reason: null, n: users, parts: { share: typeof seats === 'number' ? seats : null } };
    };

    it('finds nothing where they agree', async () => {
      expect(await check(perUser, { oracle, runs: 40 })).toEqual([]);
    });

    it.each<[string, (right: ReturnType<typeof oracle>, subject: OracleSubject) => object, RegExp]>([
      ['another value', (right) => ({ ...right, value: right.value === null ? null : right.value + 1 }), /the value is \d.*, the oracle says/],
      ['another reason', (right) => ({ ...right, reason: right.reason && 'pending' }), /the reason is "no-data", the oracle says "pending"/],
      ['another sample size', (right) => ({ ...right, n: 99 }), /n is .*, the oracle says 99/],
      ['another part', (right) => ({ ...right, parts: { share: 0.25 } }), /part "share" is .*, the oracle says 0.25/],
      ['an edge by a millisecond', (right, { events, asOf, calendar }) => events.some(({ time }) => time === calendar.startOfDay(calendar.dayOf(asOf - 1) - 6) - 1) ? { value: 0.5, reason: null } : right, /the oracle says 0.5/],
    ])('finds %s', async (_, other, sentence) => {
      const wrong = (subject: OracleSubject, config: Readonly<Record<string, unknown>>) =>
        other(oracle(subject, config), subject) as ReturnType<typeof oracle>;
      const findings = await check(perUser, { oracle: wrong, runs: 40 });
      expect(findings).toEqual([
        { code: 'RAPPORT_CONFORMANCE_ORACLE', sentence: expect.stringMatching(sentence) as string, world: expect.any(String) as string },
      ]);
      expect(findings[0]?.world?.split('\n').length).toBeLessThanOrEqual(3);
    }); // prettier-ignore

    it('shows an oracle all that is known of a subject', async () => {
      const seen = new Map<string, OracleSubject>();
      const uses = defineMetric({
        ...base,
        ...none,
        id: 'uses',
        uses: () => ['per-user'],
        usesPortfolio: () => ['per-user'],
      });
      await check(uses, {
        metrics: { 'per-user': perUser },
        profiles: { stage: [{ id: 'all', when: { all: [] } }] },
        oracle(subject) {
          const { kind, accounts, events } = subject;
          if (events.length > 3 && (kind !== 'portfolio' || accounts.length > 1)) seen.set(kind, subject);
          return { value: null, reason: 'no-data' };
        },
      });
      const [account, user, portfolio] = ['account', 'user', 'portfolio'].map((kind) => seen.get(kind)!);
      expect(account!.profile('stage')).toBe('all');
      expect(account!.profile('other')).toBeNull();
      expect(portfolio!.profile('stage')).toBeNull();
      expect(portfolio!.traits).toEqual({});
      expect(portfolio!.accounts.map(({ kind }) => kind)).toEqual(portfolio!.accounts.map(() => 'account'));
      expect(account!.accounts).toEqual([]);
      expect(new Set(user!.events.map((event) => event.user))).toEqual(new Set([user!.id]));
      const times = account!.events.map(({ time }) => time);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(Object.keys(account!.events[0]!).sort()).toEqual(['account', 'event', 'id', 'properties', 'session', 'time', 'user']); // prettier-ignore
      expect(user!.metric('per-user').value).toEqual(expect.any(Number));
      expect(user!.portfolio('per-user').value).toEqual(portfolio!.metric('per-user').value);
    });
  });

  describe('on a store', () => {
    const metric = defineMetric({ ...base, ...events, id: 'events', compute: ({ n }) => ({ value: n }) });
    type Change = (batch: readonly Message[], before: readonly Message[], zone: string) => readonly Message[];
    /** The oracle's store, but for what it does to a batch. */
    const faulty = (change: Change): TrialStore => ({
      name: 'a faulty store',
      open(options) {
        const store = createOracle(options);
        const before: Message[] = [];
        return Promise.resolve({
          store: {
            ...store,
            append(batch) {
              const changed = change(batch, before, options.zone);
              before.push(...batch);
              return store.append(changed);
            },
          },
          dispose: () => Promise.resolve(),
        });
      },
    });
    const asOf: Record<string, number> = {
      'Europe/Berlin': Date.parse('2024-04-01T22:00:00Z'),
      'America/New_York': Date.parse('2024-11-04T18:03:20Z'),
    };

    it.each<[FindingCode, string, Change]>([
      ['RAPPORT_CONFORMANCE_STORE', 'loses events', (batch) => batch.filter(({ event }) => !event)],
      ['RAPPORT_CONFORMANCE_ORDER', 'drops what comes in another order', (batch) => batch.filter(({ time }, i) => time >= (batch[i - 1]?.time ?? 0) || (batch[0]?.time ?? 0) < (batch.at(-1)?.time ?? 0))],
      ['RAPPORT_CONFORMANCE_DUPLICATE', 'counts repeats', (batch, before) => batch.map((message) => (before.some(({ id }) => id === message.id) ? { ...message, id: `${message.id} again` } : message))],
      ['RAPPORT_CONFORMANCE_LATE', 'drops what comes late', (batch, before) => batch.filter(({ time }) => time >= Math.max(0, ...before.map((earlier) => earlier.time)))],
      ['RAPPORT_CONFORMANCE_FUTURE', 'sees the future', (batch, _, zone) => batch.map((message) => ({ ...message, time: Math.min(message.time, asOf[zone]! - 1) }))],
    ])('finds %s: it %s', async (code, _, change) => {
      const findings = await check(metric, { stores: [faulty(change)] });
      expect(findings.map((finding) => finding.code)).toContain(code);
      expect(findings[0]?.sentence).toMatch(/^metric "events" for .* by the oracle, .* on a faulty store/);
    }); // prettier-ignore

    it('finds a subject whose change goes unnoticed', async () => {
      const store: TrialStore = {
        name: 'a sleepy store',
        open(options) {
          const oracle = createOracle(options);
          const snapshot = async () => ({
            ...(await oracle.snapshot()),
            changes: () => Promise.resolve({ accounts: [], users: [] }),
          });
          return Promise.resolve({ store: { ...oracle, snapshot }, dispose: () => Promise.resolve() });
        },
      };
      const [finding] = await check(metric, { stores: [store] });
      expect(finding).toMatchObject({ code: 'RAPPORT_CONFORMANCE_INCREMENTAL' });
      expect(finding?.sentence).toMatch(/on a sleepy store when only what changed is evaluated again/);
    });

    it('agrees with the oracle on DuckDB, and says which store is left out', async () => {
      const left: string[] = [];
      const rich = defineMetric({
        ...base,
        id: 'rich',
        measures: () => ({
          n: count({}, last('30d')),
          active: activeTime({}, last('7d')),
          by: countByKey({ property: 'kind' }, {}, lifetime()),
          steps: steps.over({}, last('7d')),
        }),
        folds: [steps],
        compute: ({ n, active, by, steps }) => ({ value: n + active + by.size + steps }),
      });
      expect(await conformance(rich, { runs: 6, tell: (sentence) => left.push(sentence) })).toEqual([]);
      expect(left).toEqual(
        process.env['MONGODB_URI'] === undefined ? ['MongoDB is left out: MONGODB_URI is not set'] : [],
      );
    });
  });

  it('lets an answer look at the instant', async () => {
    const metric = defineMetric({
      ...base,
      id: 'quiet-for',
      measures: () => ({ at: latestTime({}, lifetime()) }),
      compute: ({ at }, { asOf }) => (at === null ? noData('no-data') : { value: asOf - at }),
    });
    expect(await found(metric)).toEqual([]);
  });

  it('holds a metric that uses the portfolio’s values against full evaluations only', async () => {
    const share = defineMetric({
      ...base,
      ...events,
      id: 'of-all',
      usesPortfolio: () => ['events'],
      compute: ({ n }, { portfolio }) => ({ value: n / (portfolio('events').value || 1) }),
    });
    const metrics = { events: defineMetric({ ...base, ...events, id: 'events', compute: ({ n }) => ({ value: n }) }) };
    expect(await found(share, { metrics, runs: 30 })).toEqual([]);
  });

  it('makes the same worlds from a seed, and others from another', async () => {
    const worlds = async (seed: number) => {
      const seen: unknown[] = [];
      const oracle = ({ events }: OracleSubject) => {
        seen.push(events);
        return { value: null, reason: 'no-data' } as const;
      };
      await check(defineMetric({ ...base, ...none, id: 'none' }), { oracle, seed, runs: 3 });
      return seen;
    };
    expect(await worlds(1)).toEqual(await worlds(1));
    expect(await worlds(2)).not.toEqual(await worlds(1));
  });
});
