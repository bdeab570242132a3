import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '@rapport/store';
import { openDuckdbStore } from '@rapport/store-duckdb';
import {
  actionCode,
  DAY,
  engineOver,
  group,
  JUNE,
  metricCode,
  pluginFolder,
  standingClock,
  track,
} from '../plugin-packages.test.fixture.js';
import type { Engine } from '../engine.js';

const segment = (id: string, enter: object, more: object = {}) => ({
  kind: 'segment',
  id,
  title: id,
  subject: 'account',
  enter,
  ...more,
});
const at = (fact: string, operator: string, value?: unknown, more: object = {}) => ({ fact, operator, value, ...more });

/** json-rules-engine's: decorators, a path, another fact, named conditions, a time as text. */
const compat = segment(
  'legacy',
  {
    all: [
      { condition: 'paying' },
      at('usage', 'lessThan', { fact: 'trait.seats' }),
      at('trait.contract', 'not:equal', 'monthly', { path: '$.term' }),
      at('trait.signupAt', 'equal', '2026-01-01', { priority: 5 }),
    ],
  },
  {
    mode: 'compat',
    conditions: { paying: { any: [at('trait.plan', 'in', ['pro', 'team'])] } },
    exit: { any: [at('usage', 'greaterThanInclusive', 4)] },
  },
);
const named = segment(
  'named',
  { all: [{ condition: 'quiet' }, { not: { condition: 'free' } }] },
  { conditions: { quiet: at('usage', 'lessThan', 3), free: at('trait.plan', 'equal', 'free') } },
);
const falling = segment('falling', at('usage', 'lessThan', { fact: 'usage.previous' }));
const late = segment('late', at('trait.renewalAt', 'before', { fact: 'trait.dueAt' }));
const playbook = {
  kind: 'playbook',
  id: 'call',
  title: 'Call',
  subject: 'account',
  mode: 'compat',
  trigger: { when: { any: [{ condition: 'busy' }] } },
  conditions: { busy: { all: [at('usage', 'greaterThan', 3), at('segment.legacy', 'equal', false)] } },
  steps: [{ id: 'tell', action: 'note' }],
};

describe('compat documents, named conditions and facts as values, over a DuckDB file', () => {
  const folder = pluginFolder();
  const clock = standingClock(JUNE);
  let store: Store;
  let engine: Engine;
  const members = async (id: string) =>
    (await store.memberships({ segment: id })).map(({ subject, reason }) => `${subject}: ${reason}`).sort();
  const seen = Array.from({ length: 3 }, (_, i) => JUNE - (i + 1) * DAY);

  beforeAll(async () => {
    folder.add('metric', 'usage', { code: metricCode('usage', { window: `() => ({ kind: 'last', days: 30 })` }) });
    folder.add('action', 'note', { code: actionCode('note') });
    store = await openDuckdbStore({ path: join(folder.root, 'w.duckdb'), zone: 'UTC' });
    const file = (document: { id: string }) => ({
      file: `rules/${document.id}.json`,
      text: JSON.stringify(document),
    });
    engine = await engineOver(
      folder,
      { playbooks: { call: { enabled: true } } },
      { store, clock, documents: [compat, named, falling, late, playbook].map(file) },
    );
    expect(engine.refused).toEqual([]);
    const traits = { plan: 'pro', seats: 9, contract: { term: 'yearly' }, signupAt: '2026-01-01' };
    const old = JUNE - 200 * DAY;
    await engine.ingest([
      group('a1', old, { ...traits, renewalAt: '2026-07-01', dueAt: '2026-08-01' }),
      group('a2', old, { ...traits, contract: { term: 'monthly' }, renewalAt: '2026-08-01', dueAt: '2026-07-01' }),
      // One trait is missing: json-rules-engine rejects, so that nothing is decided.
      group('a3', old, { plan: 'team', contract: { term: 'yearly' }, signupAt: '2026-01-01' }),
      group('a4', old, { ...traits, plan: 'free' }),
      ...['a1', 'a2', 'a3', 'a4'].flatMap((name) => [track(name, JUNE - DAY), track(name, JUNE - 2 * DAY)]),
      // a1 had five events in the thirty days before, a2 one.
      ...Array.from({ length: 5 }, (_, i) => track('a1', JUNE - (40 + i) * DAY)),
      track('a2', JUNE - 40 * DAY),
    ]);
    await engine.run();
  });
  afterAll(async () => {
    await engine.close();
    await store.close();
    folder.remove();
  });

  it('move who satisfies them, with the reason', async () => {
    expect(await members('legacy')).toEqual([
      'a1: trait.plan pro is one of pro, team and usage < trait.seats: 2 < 9 and trait.contract.term yearly not:equal monthly and trait.signupAt 2026-01-01 = 2026-01-01',
    ]);
    expect((await members('named')).map((one) => one.slice(0, 2))).toEqual(['a1', 'a2', 'a3']);
    expect(await members('falling')).toEqual(['a1: usage < usage.previous: 2 < 5']);
    expect((await members('late')).map((one) => one.slice(0, 2))).toEqual(['a1']);
  });

  it('are explained, with the result of json-rules-engine in the trace', async () => {
    const found = await engine.rules.explain(compat, { subject: 'a1' });
    expect(found).toMatchObject({ placement: 'in', membership: { segment: 'legacy' } });
    expect(found.facts).toMatchObject({ usage: 2, 'trait.seats': 9, 'trait.contract': { term: 'yearly' } });
    expect(found.conditions[0]).toMatchObject({
      pointer: '/enter',
      verdict: 'true',
      nearest: null,
      trace: {
        kind: 'compat',
        pointer: '/enter',
        result: { all: [{ any: [{ fact: 'trait.plan', result: true }] }, { factResult: 2, valueResult: 9 }, {}, {}] },
      },
    });
    const missing = await engine.rules.explain(compat, { subject: 'a3' });
    expect(missing).toMatchObject({
      placement: 'unknown',
      conditions: [
        { verdict: 'unknown', text: 'trait.seats is unknown', trace: { missing: ['trait.seats'] } },
        { pointer: '/exit', verdict: 'false', text: 'usage 2 < 4' },
      ],
    });
    const near = await engine.rules.explain(falling, { subject: 'a2' });
    expect(near.conditions[0]).toMatchObject({
      text: 'usage ≥ usage.previous: 2 ≥ 1',
      nearest: 'in if usage < usage.previous (1); it is 2',
    });
    const quiet = await engine.rules.explain(named, { subject: 'a4' });
    expect(quiet.conditions[0]).toMatchObject({
      text: 'trait.plan free = free',
      trace: { children: [{ pointer: '/conditions/quiet' }, { child: { pointer: '/conditions/free' } }] },
    });
  });

  it('are previewed and backtested like others', async () => {
    const all = { ...compat, conditions: { paying: { any: [at('trait.plan', 'in', ['pro', 'team', 'free'])] } } };
    expect((await engine.rules.preview(all)).segments[0]).toMatchObject({ before: 1, enter: 1, stay: 1, leave: 0 });
    const report = await engine.rules.backtest(compat, { days: 5, horizonDays: 1 });
    expect(report.errors).toEqual([]);
    expect(report.days.at(-1)).toMatchObject({ members: 1 });
  });

  it('are checked against what there is', async () => {
    const check = async (document: unknown) =>
      (await engine.rules.check(document)).map(({ code, pointer }) => `${code} ${pointer}`);
    expect(await check(compat)).toEqual([]);
    expect(await check({ ...compat, enter: { all: [at('usaje', 'equal', { fact: 'usage.lost' })] } })).toEqual([
      'RAPPORT_RULES_FACT /enter/all/0/fact',
      'RAPPORT_RULES_FACT /enter/all/0/value/fact',
    ]);
    expect(await check({ ...falling, enter: at('usage', 'lessThan', { fact: 'segment.named' }) })).toEqual([
      'RAPPORT_RULES_TYPE /enter/value',
    ]);
    // A reference may hide a circle of segments.
    const asks = { ...named, conditions: { ...named, quiet: at('segment.self', 'equal', true) } };
    expect(await check({ ...asks, id: 'self', conditions: { quiet: at('segment.self', 'equal', true), free: at('trait.plan', 'isKnown') } })).toEqual(['RAPPORT_RULES_CYCLE ']); // prettier-ignore
  });

  it('move on with what happens: an exit, whom nothing is known of, and a playbook’s own rule', async () => {
    clock.set(JUNE + DAY);
    await engine.ingest([
      ...seen.map((time) => track('a1', time + 1)),
      // a4 is known to be on a paid plan now: it enters. Nobody says so of a3.
      group('a4', JUNE, { plan: 'pro' }),
      ...seen.map((time) => track('a2', time + 1)),
    ]);
    const { segmentErrors, transitions, deliveries } = await engine.run();
    expect(segmentErrors).toEqual([]);
    const moved = transitions.filter(({ segment: of }) => of === 'legacy' || of === 'playbook.call');
    expect(moved.map(({ segment: of, change, subject }) => `${of} ${change} ${subject}`).sort()).toEqual([
      'legacy enter a4',
      'legacy exit a1',
      'playbook.call enter a1',
      'playbook.call enter a2',
    ]);
    expect(moved.find(({ change }) => change === 'exit')?.reason).toBe('usage 5 ≥ 4');
    expect(deliveries).toBe(2);
  });
});
