import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DocumentFile } from '@rapport/plugin-host';
import type { Store } from '@rapport/store';
import { openDuckdbStore } from '@rapport/store-duckdb';
import {
  DAY,
  engineOver,
  group,
  JUNE,
  metricCode,
  pluginFolder,
  standingClock,
  track,
} from '../plugin-packages.test.fixture.js';
import { attribute, type Attribution } from './attribution.js';
import type { Engine } from '../engine.js';

/** Points per event of 30 days: weight × count, as declared contributions. Version 2 gives everybody a point more, and may be asked for a fixed weight. */
const points = (second: boolean) =>
  metricCode('points', {
    range: '[null, null]',
    subjects: `['account', 'user', 'portfolio']`,
    config: `{ type: 'object', additionalProperties: false, properties: {
      weights: { type: 'object', additionalProperties: { type: 'number' }, default: { a: 2, b: 1 } },
      least: { type: 'number', default: 0 } ${second ? '' : `, old: { type: 'boolean' }`} } }`,
    parts: `{ made: { type: 'table', description: 'x' } }`,
    contributions: `'made'`,
    measures: `() => ({ by: { node: 'countByKey', key: 'event', of: 'events', filter: {}, window: { kind: 'last', days: 30 } } })`,
    compute: `({ by }, { config, metric }) => {
      const made = {};
      let value = 0, n = 0;
      for (const [event, weight] of Object.entries(config.weights)) { n += by.get(event) ?? 0; made[event] = weight * (by.get(event) ?? 0); value += made[event]; }
      ${second ? 'made.bonus = 1; value += 1;' : ''}
      return n < config.least ? { noData: 'below-min-sample', n } : { value, parts: { made } };
    }`,
  });
const event = (account: string, name: string, time: number, key = '') => ({
  ...track(account, time, { event: name }),
  messageId: `${account} ${name} ${String(time)} ${key}`,
});
const some = (account: string, name: string, time: number, times: number, key = '') =>
  Array.from({ length: times }, (_, i) => event(account, name, time, `${key}${String(i)}`));

const T1 = JUNE;
const T2 = JUNE + 20 * DAY;
/** As T2, but of a day on which there is no run. */
const LATER = T2 + 1;

/** Adds up, in whatever order. */
const addsUp = ({ change, effects, steps, from, to }: Attribution) => {
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  expect(sum(Object.values(effects!))).toBe(change);
  expect(sum(Object.values(effects!).reverse())).toBe(change);
  for (const step of steps) {
    if (step.contributions) expect(sum(step.contributions.map((part) => part.change))).toBe(step.change);
    expect(step.change).toBeCloseTo(step.after - step.before, 9);
  }
  expect(steps[0]!.before).toBe(from.value);
  expect(steps.at(-1)!.after).toBe(to.value);
  steps.forEach((step, i) => i > 0 && expect(step.before).toBe(steps[i - 1]!.after));
};

describe('attribution', () => {
  const one = pluginFolder();
  const two = pluginFolder();
  let store: Store;
  const engines: Engine[] = [];
  const engine = async (
    folder: typeof one,
    points: Readonly<Record<string, unknown>> = {},
    vip = 'pro',
    documents: readonly DocumentFile[] = [],
  ) => {
    // prettier-ignore
    const clock = standingClock(T2 + 10 * DAY);
    const profiles = { stage: [{ id: 'vip', when: { fact: 'trait.plan', operator: 'equal', value: vip } }] } as const;
    const made = await engineOver(folder, { metrics: { points }, profiles }, { store, clock, documents });
    expect(made.refused).toEqual([]);
    engines.push(made);
    return made;
  };
  /** Where a document is about users, runs evaluate them. */
  const aboutUsers: DocumentFile = {
    file: 'few.json',
    text: JSON.stringify({ kind: 'segment', id: 'few', title: 'few', subject: 'user', enter: { fact: 'points', operator: 'lessThan', value: 1 } }), // prettier-ignore
  };
  /** Version 1 with its defaults. */
  let plain: Engine;
  const acme = { metric: 'points', kind: 'account', id: 'acme' } as const;

  beforeAll(async () => {
    one.add('metric', 'points', { code: points(false) });
    one.add('metric', 'plain', { code: metricCode('plain') });
    one.add('metric', 'composite', {
      requires: { points: '^1.0.0' },
      code: metricCode('composite', {
        range: '[null, null]',
        parts: `{ made: { type: 'table', description: 'x' } }`,
        contributions: `'made'`,
        uses: `() => ['points']`,
        measures: `() => ({ stage: { node: 'profile', name: 'stage' } })`,
        compute: `({ stage }, { metric }) => {
          const made = { points: metric('points').value ?? 0, stage: stage === 'vip' ? 10 : 1 };
          return { value: made.points + made.stage, parts: { made } };
        }`,
      }),
    });
    two.add('metric', 'points', { version: '2.0.0', code: points(true) });
    store = await openDuckdbStore({ path: join(one.root, 'w.duckdb'), zone: 'UTC' });
    plain = await engine(one);
    // As of T1: 3 a, 4 b. As of T2 the first two a are older than 30 days, three a have come, and three b are gone.
    for (const account of ['acme', 'busy'])
      await plain.ingest([
        group(account, T1 - 100 * DAY, { plan: 'pro' }),
        ...some(account, 'a', T1 - 20 * DAY, 2),
        ...some(account, 'a', T1 - 2 * DAY, 1),
        ...some(account, 'b', T1 - 15 * DAY, 3),
        ...some(account, 'b', T1 - DAY, 1),
        ...some(account, 'a', T1 + 5 * DAY, 3),
      ]);
    await plain.ingest([...some('busy', 'a', T1 + 6 * DAY, 3), event('new', 'a', T1 + 5 * DAY)]);
    await plain.run({ asOf: T1 });
    // These come after the run, and count from then on.
    await plain.ingest(['acme', 'busy'].map((account) => event(account, 'b', T1 - 3 * DAY, 'late')));
    // Run 2, with other weights, and with another rule for the stage.
    const heavy = await engine(one, { weights: { a: 5, b: 0.5 } }, 'enterprise', [aboutUsers]);
    await heavy.run({ asOf: T2 });
    // Run 3, with an option that version 2 does not have any more.
    const old = await engine(one, { old: true, weights: { a: 1 } });
    await old.run({ asOf: T2 + 5 * DAY });
  });
  afterAll(async () => {
    for (const made of engines) await made.close();
    await store.close();
    one.remove();
    two.remove();
  });

  it('tells version, configuration and data apart, each by contribution', async () => {
    const now = await engine(two, { weights: { a: 3, b: 1 } });
    const found = await attribute(now, { ...acme, from: T1, to: LATER });
    addsUp(found);
    // The run's 3·2 + 4·1. With version 2 and the late b it is 3·2 + 5·1 + 1 = 12, with the new weights 3·3 + 5·1 + 1 = 15.
    expect(found.from).toMatchObject({ run: 1, value: 10, version: 'points@1.0.0', contributions: { a: 6, b: 4 } });
    // 4·3 + 2·1 + 1.
    expect(found.to).toMatchObject({
      run: null,
      value: 15,
      version: 'points@2.0.0',
      contributions: { a: 12, b: 2, bonus: 1 },
    });
    expect(found).toMatchObject({
      change: 5,
      effects: { version: 2, lateData: 0, configuration: 3, data: 0 },
      steps: [
        {
          effects: ['version'],
          before: 10,
          after: 12,
          contributions: [
            { name: 'b', before: 4, after: 5, change: 1 },
            { name: 'bonus', before: 0, after: 1, change: 1 },
          ],
        },
        {
          effects: ['configuration'],
          before: 12,
          after: 15,
          contributions: [{ name: 'a', before: 6, after: 9, change: 3 }],
        },
        {
          effects: ['data'],
          before: 15,
          after: 15,
          contributions: [
            { name: 'a', change: 3 },
            { name: 'b', change: -3 },
          ],
        },
      ],
      notes: [],
    });
  });

  it('calls what came after the run late data, where the version is the same', async () => {
    const found = await attribute(plain, { ...acme, from: { run: 1 }, to: LATER });
    addsUp(found);
    expect(found).toMatchObject({
      from: { run: 1, value: 10 },
      to: { value: 4 * 2 + 2 * 1 },
      change: 0,
      effects: { version: 0, lateData: 1, configuration: 0, data: -1 },
    });
  });

  it('goes between two runs with the configurations that they had, whatever the configuration is now', async () => {
    const between = { from: { run: 1 }, to: { run: 2 } };
    const found = await attribute(plain, { ...acme, ...between });
    addsUp(found);
    // 10 → late b 11 → 3·5 + 5·0.5 = 17.5 → 4·5 + 2·0.5 = 21.
    expect(found).toMatchObject({
      to: { run: 2, value: 21 },
      change: 11,
      effects: { version: 0, lateData: 1, configuration: 6.5, data: 3.5 },
      notes: [],
    });
  });

  it('counts as configuration what the metrics that it uses are configured with, and the profiles', async () => {
    const found = await attribute(plain, { ...acme, metric: 'composite', from: { run: 1 }, to: { run: 2 } });
    addsUp(found);
    // Points go as above: 10 → 11 → 17.5 → 21. The stage is worth 10, and 1 since acme's plan is no longer that of a vip.
    expect(found).toMatchObject({
      from: { value: 20 },
      to: { value: 22 },
      effects: { version: 0, lateData: 1, configuration: 6.5 - 9, data: 3.5 },
      notes: [],
    });
    expect(found.steps.find(({ effects }) => effects.includes('configuration'))?.contributions).toEqual([
      { name: 'stage', before: 10, after: 1, change: -9 },
      { name: 'points', before: 11, after: 17.5, change: 6.5 },
    ]);
  });

  it('is for users and the portfolio as well', async () => {
    const between = { metric: 'points', from: { run: 1 }, to: { run: 2 } };
    // Run 1 did not evaluate users, so that they are evaluated now.
    const user = await attribute(plain, { ...between, kind: 'user', id: 'user of acme' });
    addsUp(user);
    expect(user).toMatchObject({ from: { run: null, value: 11 }, to: { run: 2, value: 21 } });
    expect(user.notes).toEqual([expect.stringContaining('run 1 has no points of users')]);
    const whole = await attribute(plain, { ...between, kind: 'portfolio', id: '' });
    addsUp(whole);
    // acme's 10 and busy's 10; then acme's 21, busy's 7·5 + 2·0.5 = 36, the new account's 5.
    expect(whole).toMatchObject({ from: { run: 1, value: 20 }, to: { run: 2, value: 62 } });
  });

  it('evaluates where there is no run of that day, and takes the latest run of the day where there is one', async () => {
    const runs = async (from: number, to: number) => {
      const found = await attribute(plain, { ...acme, from, to });
      addsUp(found);
      return [found.from.run, found.to.run];
    };
    expect(await runs(T1 + DAY, T1 + 10 * DAY)).toEqual([null, null]);
    // The run at T1, the first instant of a day, is one of the day before.
    expect(await runs(T1, T1 + 1)).toEqual([1, null]);
    expect(await runs(T1 - 1, T2)).toEqual([null, 2]);
  });

  it('does not tell version and configuration apart when the new version does not take the old configuration', async () => {
    const now = await engine(two);
    const found = await attribute(now, { ...acme, from: { run: 3 }, to: T2 + 8 * DAY });
    addsUp(found);
    // 4·1 → 4·2 + 2·1 + 1
    expect(found.steps[0]).toMatchObject({ effects: ['version', 'configuration'], before: 4, after: 11 });
    expect(found.effects).toMatchObject({ 'version+configuration': 7, version: 0, configuration: 0 });
    expect(found.notes).toEqual([expect.stringContaining('does not take the configuration of run 3')]);
    const back = await attribute(now, { ...acme, from: T1 + DAY, to: { run: 3 } });
    addsUp(back);
    expect(back.steps.at(-1)).toMatchObject({ effects: ['version', 'configuration'], after: 4 });
  });

  it('passes over a stage without a value, and has no change to break down where an end has none', async () => {
    const strict = await engine(one, { least: 9 });
    const found = await attribute(strict, { ...acme, id: 'busy', from: T1, to: LATER });
    addsUp(found);
    // 10 → late b 11 → as of T1 there are 8 events, and so no value → as of T2 7·2 + 2·1 = 16.
    expect(found.steps.map(({ effects, after }) => [effects, after])).toEqual([
      [['lateData'], 11],
      [['configuration', 'data'], 16],
    ]);
    expect(found.effects).toMatchObject({ lateData: 1, 'configuration+data': 5, configuration: 0, data: 0 });
    expect(await attribute(strict, { ...acme, from: T1, to: LATER })).toMatchObject({
      from: { value: 10 },
      to: { value: null, reason: 'below-min-sample' },
      change: null,
      effects: null,
      steps: [],
    });
  });

  it('takes an account that there was not yet as one without a value', async () => {
    expect(await attribute(plain, { ...acme, id: 'new', from: T1, to: LATER })).toMatchObject({
      from: { run: 1, value: null, reason: 'unknown-subject' },
      to: { value: 2 },
      change: null,
    });
  });

  it.each([
    [{ metric: 'pionts' }, 'RAPPORT_EVALUATE_METRIC'],
    [{ metric: 'plain' }, 'RAPPORT_ANALYSIS_NO_CONTRIBUTIONS'],
    [{ metric: 'plain', kind: 'user' as const }, 'RAPPORT_ANALYSIS_SUBJECT'],
    [{ id: 'nobody' }, 'RAPPORT_ANALYSIS_UNKNOWN_SUBJECT'],
    [{ from: T2, to: T1 }, 'RAPPORT_ANALYSIS_OPTION'],
    [{ from: { run: 99 } }, 'RAPPORT_ANALYSIS_RUN'],
  ])('refuses %j with %s', async (wrong, code) => {
    await expect(attribute(plain, { ...acme, from: T1, to: LATER, ...wrong })).rejects.toThrow(code);
  });
});
