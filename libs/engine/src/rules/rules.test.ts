import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '@rapport/store';
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
} from '../plugin-packages.test.fixture.js';
import type { Engine } from '../engine.js';

const at = (fact: string, operator: string, value?: unknown) => ({ fact, operator, value });
const quiet = (below: number, more: object = {}) => ({
  kind: 'segment',
  id: 'quiet',
  title: 'Quiet',
  subject: 'account',
  enter: at('usage', 'lessThan', below),
  ...more,
});

/** Refuses everything that writes. */
const readOnly = (store: Store): Store => {
  const refuse = () => Promise.reject(new Error('written'));
  return {
    ...store,
    append: refuse, erase: refuse, begin: refuse, putHistory: refuse, claim: refuse, delivered: refuse, failed: refuse, replay: refuse,
  }; // prettier-ignore
};

describe('documents before they are in force', () => {
  const folder = pluginFolder();
  const clock = standingClock(JUNE);
  const written = memoryStore({ zone: 'UTC' });
  let engine: Engine;
  const open = (store: Store) => engineOver(folder, { playbooks: { call: { enabled: true } } }, { store, clock });

  beforeAll(async () => {
    const { add } = folder;
    add('metric', 'usage', { code: metricCode('usage') });
    add('segment', 'quiet', { code: segmentCode('quiet', quiet(3)) });
    add('segment', 'due', {
      code: segmentCode('due', {
        enter: { all: [at('segment.quiet', 'equal', true), at('trait.renewalAt', 'withinNext', '30d')] },
      }),
    });
    add('action', 'note', { code: actionCode('note') });
    add('playbook', 'call', {
      code: playbookCode('call', { trigger: { segment: 'due', on: 'enter' }, steps: [{ id: 'tell', action: 'note' }] }),
    });
    const first = await open(written);
    // Accounts a1 … a6 with as many events each, in the days before.
    for (let n = 1; n <= 6; n++) {
      const name = `a${String(n)}`;
      await first.ingest([
        group(name, JUNE - 200 * DAY, { renewalAt: new Date(JUNE + (n % 2 === 0 ? 10 : 100) * DAY).toISOString() }),
        ...Array.from({ length: n }, (_, i) => track(name, JUNE - (i + 1) * DAY)),
      ]);
    }
    await first.run();
    await first.close();
    engine = await open(readOnly(written));
  });
  afterAll(async () => {
    await engine.close();
    folder.remove();
  });

  it('previews who enters, leaves and stays, what asks for it, and which playbooks fire; and writes nothing', async () => {
    const report = await engine.rules.preview(quiet(5));
    expect(report.segments).toEqual([
      {
        segment: 'quiet', before: 2, enter: 2, leave: 0, stay: 2, after: 4,
        entering: [
          { subject: 'a3', reason: 'usage 3 < 5' },
          { subject: 'a4', reason: 'usage 4 < 5' },
        ],
        leaving: [],
      },
      expect.objectContaining({ segment: 'due', before: 1, enter: 1, leave: 0, after: 2 }),
    ]); // prettier-ignore
    const reason = report.segments[1]?.entering[0]?.reason;
    expect(report.playbooks).toEqual([
      {
        playbook: 'call', enabled: true, subjects: 1, deliveries: 1,
        sample: [{ subject: 'a4', step: 'tell', action: 'note', input: { note: 'none' }, reason }],
      },
    ]); // prettier-ignore
    expect(reason).toContain('segment.quiet');
    expect(report).toMatchObject({
      id: 'quiet',
      subjects: 6,
      share: 2 / 6,
      asOf: '2026-06-01T00:00:00.000Z',
      errors: [],
    });
    expect((await engine.rules.preview(quiet(2))).segments[0]).toMatchObject({
      enter: 0,
      leave: 1,
      stay: 1,
      leaving: [{ subject: 'a2' }],
    });
  });

  it('answers from the latest run as from events', async () => {
    const asOf = (await written.latestRun())?.asOf ?? 0;
    for (const below of [1, 3, 4, 7]) {
      const found = await engine.rules.preview(quiet(below));
      expect(await engine.rules.preview(quiet(below), { asOf })).toEqual(found);
    }
  });

  it('says what keeps a document from being in force, with the place', async () => {
    const check = async (document: unknown) =>
      (await engine.rules.check(document)).map(({ code, pointer }) => `${code} ${pointer}`);
    expect(await check(quiet(3))).toEqual([]);
    expect(await check({ ...quiet(3), kind: 'segmnt' })).toEqual(['RAPPORT_RULES_KIND /kind']);
    expect(await check({ ...quiet(3), enter: at('usaje', 'lessThan', 3) })).toEqual(['RAPPORT_RULES_FACT /enter/fact']);
    expect(await check({ ...quiet(3), enter: at('segment.due', 'equal', true) })).toEqual(['RAPPORT_RULES_CYCLE ']);
    const test = { name: 'three', facts: { usage: 3 }, expect: 'in' };
    expect(await check({ ...quiet(3), tests: [test] })).toEqual(['RAPPORT_RULES_TEST /tests/0']);
    const steps = [{ id: 's', action: 'nothing' }];
    const playbook = { kind: 'playbook', id: 'p', title: 'P', subject: 'account', steps };
    expect(await check({ ...playbook, trigger: { segment: 'nobody', on: 'enter' } })).toEqual([
      'RAPPORT_PLUGIN_SEGMENT /trigger/segment',
      'RAPPORT_RULES_ACTION /steps/0/action',
    ]);
  });

  it('refuses to rehearse what could not be in force', async () => {
    const wrong = { ...quiet(3), enter: at('__proto__', 'lessThan', 3) };
    await expect(engine.rules.preview(wrong)).rejects.toThrow(/RAPPORT_RULES_REFUSED.*RAPPORT_RULES_FACT/s);
    await expect(engine.rules.backtest(quiet(3), { days: 0 })).rejects.toThrow('RAPPORT_RULES_BACKTEST');
    await expect(engine.rules.explain(quiet(3), { subject: 'nobody' })).rejects.toThrow(
      'RAPPORT_ANALYSIS_UNKNOWN_SUBJECT',
    );
  });

  it('explains a subject now and as of then, with the versions', async () => {
    const now = await engine.rules.explain(quiet(3), { subject: 'a2' });
    expect(now).toMatchObject({
      placement: 'in',
      membership: { segment: 'quiet', subject: 'a2' },
      conditions: [{ pointer: '/enter', verdict: 'true', text: 'usage 2 < 3' }],
      facts: { usage: 2 },
      inForce: { run: 1, version: '1.0.0' },
    });
    expect(Object.keys(now.versions.metrics)).toEqual(['usage']);
    const then = await engine.rules.explain(quiet(2), { subject: 'a2', asOf: JUNE - DAY });
    expect(then).toMatchObject({ placement: 'in', facts: { usage: 1 }, inForce: null });
  });
});

describe('backtest', () => {
  const folder = pluginFolder();
  const clock = standingClock(JUNE);
  let engine: Engine;
  const FIRST = JUNE - 40 * DAY;
  const rule = {
    kind: 'segment',
    id: 'silent',
    title: 'Silent',
    subject: 'account',
    enter: { fact: 'recent', operator: 'equal', value: 0 },
  };

  beforeAll(async () => {
    folder.add('metric', 'recent', {
      code: metricCode('recent', {
        measures: `() => ({ events: { node: 'count', filter: { events: ['Feature Used'] }, window: { kind: 'last', days: 2 } } })`,
      }),
    });
    engine = await engineOver(folder, {}, { clock });
    const daily = (account: string, until: number) =>
      Array.from({ length: 50 }, (_, i) => FIRST - 5 * DAY + i * DAY + 1)
        .filter((time) => time < until)
        .map((time) => track(account, time));
    const cancelled = (account: string, time: number) => track(account, time, { event: 'Subscription Cancelled' });
    await engine.ingest([
      ...daily('steady', JUNE),
      // Falls silent on day 10 and cancels on day 20.
      ...daily('churns', FIRST + 10 * DAY),
      cancelled('churns', FIRST + 20 * DAY),
      // Falls silent and stays.
      ...daily('sleeps', FIRST + 12 * DAY),
      // Cancels without a sign.
      ...daily('sudden', JUNE),
      cancelled('sudden', FIRST + 30 * DAY),
      // Misses three days and is back: in and out within a week.
      ...daily('back', JUNE).filter(({ timestamp }) => {
        const day = (Date.parse(timestamp) - FIRST) / DAY;
        return day < 15 || day > 18;
      }),
    ]);
  });
  afterAll(async () => {
    await engine.close();
    folder.remove();
  });

  it('replays entries and exits day by day, and judges them by what happened', async () => {
    const report = await engine.rules.backtest(rule, { asOf: JUNE, days: 40, horizonDays: 15 });
    expect(report).toMatchObject({
      from: '2026-04-22',
      to: '2026-05-31',
      subjects: 5,
      outcome: ['Subscription Cancelled'],
    });
    const moved = report.days.filter(({ entered, left }) => entered + left > 0);
    // Two days without an event after the last one: silent at the end of the second.
    expect(moved).toEqual([
      { day: '2026-05-03', entered: 1, left: 0, members: 1 },
      { day: '2026-05-05', entered: 1, left: 0, members: 2 },
      { day: '2026-05-08', entered: 1, left: 0, members: 3 },
      { day: '2026-05-10', entered: 0, left: 1, members: 2 },
    ]);
    expect(report.counts).toEqual({ entries: 3, judged: 3, right: 1, outcomes: 2, foreseen: 1 });
    expect(report.precision).toBeCloseTo(1 / 3);
    // On each of the first 25 days, of five accounts: one cancels on day 20, and comes within 15 days from day 6 on; the other on day 30, from day 16 on.
    expect(report.baseRate).toBeCloseTo((15 + 10) / (25 * 5));
    expect(report.recall).toBe(1 / 2);
    expect(report.flappingRate).toBe(1);
    expect(report.medianLeadDays).toBe(8);
  });

  it('leaves entries unjudged whose time is not over', async () => {
    const report = await engine.rules.backtest(rule, { asOf: JUNE, days: 40, horizonDays: 90 });
    expect(report.counts).toMatchObject({ entries: 3, judged: 0, right: 0 });
    // Also not the one that was followed already: only those that were right would be judged early.
    expect(report).toMatchObject({ precision: null, baseRate: null });
    const renewals = await engine.rules.backtest(rule, { asOf: JUNE, days: 40, outcome: 'renewal' });
    expect(renewals).toMatchObject({ recall: null, medianLeadDays: null, precision: null });
  });
});

describe('documents that are files', () => {
  const folder = pluginFolder();
  afterAll(() => {
    folder.remove();
  });

  it('load beside packages; a bad one harms no other', async () => {
    folder.add('metric', 'usage', { code: metricCode('usage') });
    folder.add('segment', 'low', { code: segmentCode('low', { enter: at('usage', 'lessThan', 3) }) });
    const file = (name: string, document: unknown) => ({
      file: `rules/${name}.json`,
      text: typeof document === 'string' ? document : JSON.stringify(document),
    });
    const engine = await engineOver(folder, {}, {
      documents: [
        file('good', quiet(3)),
        file('twice', quiet(4)),
        file('again', { ...quiet(3), id: 'low' }),
        file('not-json', '{'),
        file('kind', { kind: 'rule' }),
        file('shape', { ...quiet(3), id: 'shape', entre: 1 }),
        file('deep', `{"kind":"segment","id":"deep","title":"d","subject":"account","enter":${'{"not":'.repeat(10_000)}1${'}'.repeat(10_001)}`),
        file('large', `"${'x'.repeat(5_000_000)}"`),
        file('uses', { ...quiet(3), id: 'uses', enter: at('segment.quiet', 'equal', true) }),
        file('proto', '{"kind":"segment","id":"proto","title":"p","subject":"account","__proto__":{"kind":"x"},"enter":{"fact":"trait.__proto__","operator":"isKnown"}}'),
      ],
    }); // prettier-ignore
    try {
      expect(engine.refused.map(({ name, code }) => `${name} ${code}`)).toEqual([
        'rules/twice.json RAPPORT_PLUGIN_DUPLICATE',
        'rules/again.json RAPPORT_PLUGIN_DUPLICATE',
        'rules/not-json.json RAPPORT_RULES_JSON',
        'rules/kind.json RAPPORT_RULES_KIND',
        'rules/shape.json RAPPORT_PLUGIN_DOCUMENT',
        'rules/deep.json RAPPORT_RULES_DEPTH',
        'rules/large.json RAPPORT_RULES_SIZE',
        'rules/proto.json RAPPORT_PLUGIN_DOCUMENT',
      ]);
      const loaded = engine.plugins.flatMap((plugin) => (plugin.kind === 'segment' ? [plugin] : []));
      expect(loaded.map(({ manifest, version }) => [manifest.id, version.slice(0, 7)])).toEqual([
        ['low', '1.0.0'],
        ['quiet', '0.0.0-r'],
        ['uses', '0.0.0-r'],
      ]);
    } finally {
      await engine.close();
    }
  });
});
