import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store, Transition } from '@rapport/store';
import { memoryStore } from '@rapport/store-testkit';
import {
  actionCode,
  DAY,
  engineOver,
  group,
  JUNE,
  metricCode,
  playbookCode,
  pluginFolder,
  segmentCode,
  standingClock,
  track,
} from './plugin-packages.test.fixture.js';
import type { Engine } from './engine.js';

/** The score that the account's trait says, so that a test can set it. */
const scoreCode = metricCode('score', {
  range: '[null, null]',
  measures: `() => ({ score: { node: 'trait', name: 'score', as: 'number' } })`,
  compute: `({ score }) => score === null ? { noData: 'no-data' } : { value: score }`,
});
const at = (fact: string, operator: string, value: unknown) => ({ fact, operator, value });

describe('runs', () => {
  const folder = pluginFolder();
  const clock = standingClock();
  let store: Store;
  let engine: Engine;
  let day = 0;
  const open = (playbooks = true) =>
    engineOver(
      folder,
      { playbooks: { alarm: { enabled: playbooks }, rule: { enabled: playbooks } } },
      { store, clock },
    );

  beforeAll(async () => {
    const { add } = folder;
    add('metric', 'score', { code: scoreCode });
    add('segment', 'low', {
      code: segmentCode('low', { enter: at('score', 'lessThan', 40), exit: at('score', 'greaterThanInclusive', 50) }),
    });
    add('segment', 'bands', {
      code: segmentCode('bands', {
        bands: [
          {
            id: 'none',
            title: 'none',
            enter: { any: [{ fact: 'score', operator: 'isUnknown' }, at('score', 'equal', 0)] },
          },
          { id: 'some', title: 'some', enter: at('score', 'lessThan', 50) },
          { id: 'many', title: 'many', enter: at('score', 'greaterThanInclusive', 50) },
        ],
      }),
    });
    add('segment', 'patient', {
      code: segmentCode('patient', { enter: at('score', 'lessThan', 40), minimumDwell: '3d' }),
    });
    add('segment', 'strict', {
      code: segmentCode('strict', { enter: at('score', 'lessThan', 40), onUnknown: 'leave' }),
    });
    add('segment', 'due', {
      code: segmentCode('due', {
        enter: {
          all: [
            at('segment.low', 'equal', true),
            at('trait.renewalAt', 'withinNext', '90d'),
            at('trait.vip', 'equal', true),
          ],
        },
      }),
    });
    add('action', 'note', { code: actionCode('note') });
    const steps = [
      { id: 'tell', action: 'note', with: { note: 'low' } },
      { id: 'tell-again', action: 'note' },
    ];
    add('playbook', 'alarm', { code: playbookCode('alarm', { trigger: { segment: 'low', on: 'enter' }, steps }) });
    add('playbook', 'rule', {
      code: playbookCode('rule', {
        trigger: { when: at('score', 'equal', 0) },
        steps: [{ id: 'one', action: 'note' }],
      }),
    });
    store = memoryStore({ zone: 'UTC' });
    engine = await open();
    expect(engine.refused).toEqual([]);
  });
  afterAll(async () => {
    await engine.close();
    folder.remove();
  });

  /** A day passes on which scores change; then a run. */
  const next = async (scores: Readonly<Record<string, number | null>>) => {
    const asOf = JUNE + ++day * DAY;
    clock.set(asOf);
    await engine.ingest(Object.entries(scores).map(([account, score]) => group(account, asOf - 1000, { score })));
    return engine.run();
  };
  const moves = (transitions: readonly Transition[], segment: string) =>
    transitions
      .filter((move) => move.segment.startsWith(segment))
      .map(({ subject, change, segment: key }) => `${subject} ${change} ${key}`);

  it('takes the first evaluation as a baseline, and starts nothing', async () => {
    const report = await next({ a: 10, b: 90, c: 0 });
    expect(moves(report.transitions, 'low')).toEqual(['a enter low', 'c enter low']);
    expect(report.transitions.every(({ baseline }) => baseline)).toBe(true);
    expect(report.transitions.find(({ segment, subject }) => segment === 'low' && subject === 'a')).toMatchObject({
      reason: 'score 10 < 40',
      facts: { score: 10 },
      at: JUNE + DAY,
      run: 1,
      kind: 'account',
    });
    expect(report).toMatchObject({ deliveries: 0, segmentErrors: [], run: { number: 1 } });
    expect(await engine.deliveries({ limit: 10 })).toEqual([]);
  });

  it('does nothing when nothing changed, also when run again', async () => {
    const report = await engine.run();
    expect(report.run.number).toBe(2);
    expect(report).toMatchObject({ transitions: [], deliveries: 0 });
  });

  it('enters at one threshold and leaves at another', async () => {
    expect(moves((await next({ b: 45 })).transitions, 'low')).toEqual([]);
    expect(moves((await next({ a: 45 })).transitions, 'low')).toEqual([]);
    expect(moves((await next({ a: 50 })).transitions, 'low')).toEqual(['a exit low']);
  });

  it('queues each step of a playbook once, under a key of its own', async () => {
    const report = await next({ b: 30 });
    expect(moves(report.transitions, 'low')).toEqual(['b enter low']);
    expect(report.deliveries).toBe(2);
    const deliveries = await engine.deliveries({ limit: 10 });
    expect(new Set(deliveries.map(({ key }) => key)).size).toBe(2);
    expect(deliveries[0]).toMatchObject({
      action: 'note',
      subject: { kind: 'account', id: 'b' },
      state: 'pending',
      payload: {
        playbook: { id: 'alarm', version: '1.0.0' },
        step: 'tell',
        transition: { segment: 'low', change: 'enter', reason: 'score 30 < 40', facts: { score: 30 } },
        input: { note: 'low' },
      },
    });
    expect((await engine.run()).deliveries).toBe(0);
  });

  it('follows a playbook’s own rule', async () => {
    const report = await next({ b: 0 });
    expect(moves(report.transitions, 'playbook.')).toEqual(['b enter playbook.rule']);
    expect(report.deliveries).toBe(1);
  });

  it('records transitions, but sends nothing, for a playbook that is not enabled', async () => {
    await engine.close();
    engine = await open(false);
    const report = await next({ b: 60 });
    expect(moves(report.transitions, 'playbook.')).toEqual(['b exit playbook.rule']);
    expect((await next({ b: 0 })).deliveries).toBe(0);
    await engine.close();
    engine = await open();
    expect((await next({ b: 60 })).deliveries).toBe(0);
  });

  it('moves among bands, one at a time', async () => {
    const report = await next({ b: 10 });
    expect(moves(report.transitions, 'bands')).toEqual(['b exit bands.many', 'b enter bands.some']);
    const members = await store.memberships({ subject: 'b' });
    expect(members.filter(({ segment }) => segment.startsWith('bands')).map(({ segment }) => segment)).toEqual([
      'bands.some',
    ]);
  });

  it('holds a member on an unknown verdict, unless told otherwise', async () => {
    const report = await next({ b: null });
    expect(moves(report.transitions, 'low')).toEqual([]);
    expect(moves(report.transitions, 'strict')).toEqual(['b exit strict']);
    expect(report.transitions.find(({ segment }) => segment === 'strict')?.reason).toBe('score is unknown');
    expect(moves(report.transitions, 'bands')).toEqual(['b exit bands.some', 'b enter bands.none']);
  });

  it('keeps a member for the minimum dwell time', async () => {
    expect(moves((await next({ d: 10 })).transitions, 'patient')).toEqual(['d enter patient']);
    expect(moves((await next({ d: 90 })).transitions, 'patient')).toEqual([]);
    expect(moves((await next({})).transitions, 'patient')).toEqual([]);
    expect(moves((await next({})).transitions, 'patient')).toEqual(['d exit patient']);
  });

  it('knows segments in the order they depend on each other, and traits of any type', async () => {
    const renewal = JUNE + 60 * DAY;
    await engine.ingest([group('e', JUNE, { renewalAt: new Date(renewal).toISOString(), vip: true })]);
    const report = await next({ e: 10 });
    expect(moves(report.transitions, 'due')).toEqual(['e enter due']);
    expect(report.transitions.find(({ segment }) => segment === 'due')).toMatchObject({
      facts: { 'segment.low': true, 'trait.renewalAt': new Date(renewal).toISOString(), 'trait.vip': true },
      reason: expect.stringContaining('is within the next 90d') as unknown,
    });
  });

  it('refuses a run as of before the last one, and one in the future', async () => {
    await expect(engine.run({ asOf: JUNE })).rejects.toThrow(/^RAPPORT_RUN_OLDER: run \d+ already stands as of/);
    await expect(engine.run({ asOf: clock.now() + 10 * DAY })).rejects.toThrow('RAPPORT_RUN_FUTURE');
    await expect(engine.evaluate({ asOf: JUNE })).resolves.toMatchObject({ asOf: JUNE });
    expect((await next({})).segmentErrors).toEqual([]);
  });

  it('refuses a second run while one is under way', async () => {
    const [first, second] = await Promise.allSettled([engine.run(), engine.run()]);
    expect(first.status).toBe('fulfilled');
    expect(String((second as PromiseRejectedResult).reason)).toContain('RAPPORT_STORE_RUN_BUSY');
    await engine.run();
  });

  it('takes over from a run that died, which leaves no trace', async () => {
    const before = await store.latestRun();
    await store.begin('died', clock.now() - 10 * 60_000, 120_000);
    expect((await engine.run()).run.number).toBe((before?.number ?? 0) + 1);
  });

  it('takes a new version of a segment as a baseline', async () => {
    await engine.close();
    folder.add('segment', 'low', {
      version: '2.0.0',
      code: segmentCode('low', { enter: at('score', 'lessThan', 95) }),
    });
    engine = await open();
    const report = await next({ a: 94 });
    expect(moves(report.transitions, 'low')).toContain('a enter low');
    expect(report.transitions.filter(({ segment }) => segment === 'low').every(({ baseline }) => baseline)).toBe(true);
    expect(report.deliveries).toBe(0);
  });

  it('tells about a subject', async () => {
    const run = await store.latestRun();
    expect(await engine.subject('account', 'a')).toMatchObject({
      kind: 'account',
      id: 'a',
      run: run?.number,
      traits: { score: 94 },
      metrics: [{ metric: 'score', version: 'score@1.0.0', value: 94, reason: null, n: null, parts: {} }],
      memberships: [{ segment: 'bands.many' }, { segment: 'low' }].map(
        (membership) => expect.objectContaining(membership) as unknown,
      ),
    });
    expect(await engine.subject('account', 'nobody')).toBeNull();
    expect(await engine.subject('portfolio', '')).toMatchObject({ metrics: [], memberships: [] });
  });

  it('counts an event once however often it is sent, and names what it refuses', async () => {
    const calls = [track('a', JUNE), track('a', JUNE), { type: 'track' }, track('b', JUNE)];
    expect(await engine.ingest(calls)).toMatchObject({
      accepted: 2,
      duplicates: 1,
      refused: [{ index: 2, code: 'RAPPORT_INGEST_WRONG_TYPE' }],
    });
    expect(await engine.ingest(calls)).toMatchObject({ accepted: 0, duplicates: 3 });
    expect(await engine.stats()).toMatchObject({ events: 2 });
  });
});
