import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAsOf, readInstant, zone } from '@rapport/sdk/time';
import { timeReadings } from '@rapport/sdk/time-readings';
import { memoryStore } from '@rapport/store-testkit';
import type { Engine } from './engine.js';
import {
  DAY,
  engineOver,
  group,
  metricCode,
  pluginFolder,
  segmentCode,
  standingClock,
} from './plugin-packages.test.fixture.js';

const LA = zone('America/Los_Angeles');
const at = (text: string) => readInstant(text, LA)!;
const endOf = (date: string) => readAsOf(date, LA)!;
const NOW = at('2026-03-20 12:00');

const segment = (id: string, operator: string, value: string, fact = 'trait.renewalAt') => ({
  kind: 'segment',
  id,
  title: id,
  subject: 'account',
  enter: { fact, operator, value },
});
const due = segment('due', 'withinNext', '1d');
const past = segment('past', 'withinLast', '30d');

describe('times in a workspace west of UTC', () => {
  const folder = pluginFolder();
  let engine: Engine;
  let unreadable: unknown;

  beforeAll(async () => {
    folder.add('metric', 'week', {
      code: metricCode('week', {
        measures: `() => ({ events: { node: 'count', filter: {}, window: { kind: 'firstDays', days: 7, since: { trait: 'startedOn' } } } })`,
      }),
    });
    folder.add('segment', 'due', { code: segmentCode('due', due) });
    const clock = standingClock(NOW);
    engine = await engineOver(folder, {}, { store: memoryStore({ zone: LA.name }), clock });
    const known = at('2026-01-01');
    ({ unreadable } = await engine.ingest([
      group('a', known, { renewalAt: '2026-03-03', startedOn: '2026-03-02' }),
      group('b', known, { renewalAt: '05/01/2025', startedOn: 'soon' }),
      group('c', known, { renewalAt: '06/01/2025', plan: '05/01/2025' }),
      group('d', known, { renewalAt: at('2026-03-03 15:00'), signupAt: true }),
      ...['2026-03-01T23:59:59.999', '2026-03-02T00:00', '2026-03-08T23:59:59.999', '2026-03-09T00:00'].map((timestamp, i) => ({
        type: 'track', messageId: `e${String(i)}`, timestamp, userId: 'u', context: { groupId: 'a' }, event: 'Used',
      })),
    ])); // prettier-ignore
  });
  afterAll(async () => {
    await engine.close();
    folder.remove();
  });

  const members = async (document: object, asOf: number) =>
    (await engine.rules.preview(document, { asOf })).segments[0]!.entering.map(({ subject }) => subject);

  it('a day is due until it is over there, and past from then on', async () => {
    const both = async (asOf: number) => [await members(due, asOf), await members(past, asOf)];
    expect(await both(endOf('2026-03-01') - 1)).toEqual([[], []]);
    // An instant is due 24 hours before.
    expect(await both(endOf('2026-03-01'))).toEqual([['a'], []]);
    expect(await both(endOf('2026-03-02'))).toEqual([['a', 'd'], []]);
    expect(await both(endOf('2026-03-03') - 1)).toEqual([['a'], ['d']]);
    expect(await both(endOf('2026-03-03'))).toEqual([[], ['a', 'd']]);
  });

  it('the first week is seven days there', async () => {
    const { frames } = await engine.evaluate({ asOf: NOW, levels: [{ kind: 'account' }], metrics: ['week'] });
    const column = frames[0]?.columns['week'];
    expect(column?.type === 'number' ? column.values[frames[0]!.subjects.indexOf('a')] : null).toBe(2);
  });

  it('what cannot be read is counted by trait, with an example', () => {
    expect(unreadable).toEqual([
      { name: 'trait.renewalAt', count: 2, example: '05/01/2025' },
      { name: 'trait.signupAt', count: 1, example: 'true' },
      { name: 'trait.startedOn', count: 1, example: 'soon' },
    ]);
  });

  it('what cannot be read is told by lint, preview and explain', async () => {
    const sentence = 'trait.renewalAt of 2 accounts cannot be read as a time, such as "05/01/2025".';
    const found = await engine.rules.lint(JSON.stringify(due));
    expect(found.map(({ code, message }) => `${code} ${message}`)).toContainEqual(
      expect.stringContaining(`RAPPORT_RULES_TIME ${sentence}`),
    );
    const { unknown, warnings } = await engine.rules.preview(due, {});
    expect(unknown).toMatchObject({ subjects: 2, because: [{ fact: 'trait.renewalAt', unreadable: 2, missing: 0 }] });
    expect(warnings.map(({ message }) => message)).toContainEqual(expect.stringContaining(sentence));
    const { facts, placement } = await engine.rules.explain(due, { subject: 'b' });
    expect([facts, placement]).toEqual([{ 'trait.renewalAt': '05/01/2025' }, 'unknown']);
  });

  it('nothing is tried as of a time that has not come', async () => {
    const asOf = Date.UTC(2099, 0, 1);
    const future = 'RAPPORT_EVALUATE_FUTURE: 2099-01-01T00:00:00.000Z is in the future';
    await expect(engine.rules.preview(due, { asOf })).rejects.toThrow(future);
    await expect(engine.rules.backtest(due, { asOf })).rejects.toThrow(future);
    await expect(engine.rules.explain(due, { asOf, subject: 'a' })).rejects.toThrow(future);
    await expect(engine.run({ asOf })).rejects.toThrow('RAPPORT_RUN_FUTURE');
    const today = endOf('2026-03-20');
    expect((await engine.rules.preview(due, { asOf: today })).asOf).toBe(new Date(today).toISOString());
    await expect(engine.rules.preview(due, { asOf: today + 1 })).rejects.toThrow('RAPPORT_EVALUATE_FUTURE');
  });

  it('a document’s test says what the run does', async () => {
    const test = (asOf: string, expect: 'in' | 'out') => ({ name: asOf, facts: { 'trait.renewalAt': '2026-03-03' }, asOf, expect }); // prettier-ignore
    const tests = [test('2026-03-02', 'in'), test('2026-03-03T23:59:59.999', 'in'), test('2026-03-03', 'out')];
    expect(await engine.rules.test(JSON.stringify({ ...due, tests }))).toMatchObject({ tests: 3, failed: [] });
  });
});

// The other zones are tried where less has to be started.
it.each(['Europe/Berlin', 'Pacific/Apia', 'America/Sao_Paulo'])(
  'rules read traits in %s as everywhere',
  async (name) => {
    const folder = pluginFolder();
    const readings = timeReadings.filter((reading) => reading.zone === name);
    const engine = await engineOver(
      folder,
      {},
      { store: memoryStore({ zone: name }), clock: standingClock(Date.UTC(2030, 0, 1)) },
    );
    try {
      await engine.ingest(
        readings.map(({ value }, i) => group(`r${String(i)}`, Date.UTC(2000, 0, 1), { when: value })),
      );
      const asOf = Date.UTC(2029, 0, 1);
      // From the beginning of a time until it is over, whatever it is: no longer than a day before and after.
      for (const [i, { from, until, kind }] of readings.entries()) {
        const near = { fact: 'trait.when', operator: 'between', value: [-DAY, DAY].map((ms) => new Date(Date.parse((ms < 0 ? from : until) ?? '2020-01-01') + ms).toISOString()) }; // prettier-ignore
        const document = { kind: 'segment', id: 'near', title: 'Near', subject: 'account', enter: near };
        const { placement } = await engine.rules.explain(document, { subject: `r${String(i)}`, asOf });
        expect([i, placement]).toEqual([i, kind === null ? 'unknown' : 'in']);
      }
    } finally {
      await engine.close();
      folder.remove();
    }
  },
);
