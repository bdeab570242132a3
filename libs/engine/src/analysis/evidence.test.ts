import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '@rapport/store';
import { openDuckdbStore } from '@rapport/store-duckdb';
import { DAY, engineOver, JUNE, metricCode, pluginFolder, track } from '../plugin-packages.test.fixture.js';
import { evidence } from './evidence.js';
import type { Engine } from '../engine.js';

const survey = (account: string, daysBefore: number, properties: object) => ({
  ...track(account, JUNE - daysBefore * DAY, { event: 'Survey Responded', properties }),
  messageId: `${account} ${String(daysBefore)}`,
});

describe('evidence', () => {
  const folder = pluginFolder();
  let store: Store;
  let engine: Engine;
  const nps = { metric: 'nps', kind: 'account', id: 'acme', asOf: JUNE } as const;
  beforeAll(async () => {
    folder.add('metric', 'nps', {
      code: metricCode('nps', {
        subjects: `['account', 'user', 'portfolio']`,
        evidence: `() => ({
          filter: { events: ['Survey Responded'], where: { property: 'survey', operator: 'equal', value: 'nps' } },
          window: { kind: 'last', days: 90 },
          properties: ['comment', 'score'],
        })`,
      }),
    });
    folder.add('metric', 'events', { code: metricCode('events') });
    store = await openDuckdbStore({ path: join(folder.root, 'w.duckdb'), zone: 'UTC' });
    engine = await engineOver(folder, {}, { store });
    expect(engine.refused).toEqual([]);
    const calls = [
      survey('acme', 1, { survey: 'nps', score: 9, comment: 'Love it', internal: 'not to be shown' }),
      survey('acme', 90, { survey: 'nps', score: 3 }),
      survey('acme', 91, { survey: 'nps', score: 1, comment: 'too old' }),
      survey('acme', 5, { survey: 'csat', score: 1, comment: 'another survey' }),
      survey('acme', 6, { survey: 'nps' }),
      survey('beta', 2, { survey: 'nps', comment: 'Only words' }),
    ];
    expect(await engine.ingest(calls)).toMatchObject({ accepted: calls.length, refused: [] });
  });
  afterAll(async () => {
    await engine.close();
    await store.close();
    folder.remove();
  });
  const comments = async (more: object) =>
    (await evidence(engine, { ...nps, ...more })).items.map(({ properties }) => properties);

  it('shows the comments of the metric’s own window and filter, newest first, and nothing else of the events', async () => {
    expect(await evidence(engine, nps)).toEqual({
      metric: 'nps',
      title: 'nps',
      kind: 'account',
      id: 'acme',
      asOf: '2026-06-01T00:00:00.000Z',
      window: { from: '2026-03-03T00:00:00.000Z', to: '2026-06-01T00:00:00.000Z' },
      properties: ['comment', 'score'],
      items: [
        {
          id: 'acme 1',
          time: '2026-05-31T00:00:00.000Z',
          event: 'Survey Responded',
          user: 'user of acme',
          account: 'acme',
          properties: { comment: 'Love it', score: 9 },
        },
        {
          id: 'acme 90',
          time: '2026-03-03T00:00:00.000Z',
          event: 'Survey Responded',
          user: 'user of acme',
          account: 'acme',
          properties: { score: 3 },
        },
      ],
    });
  });

  it('is there for users and the portfolio, as of any instant, and up to a limit', async () => {
    expect(await comments({ kind: 'user', id: 'user of beta' })).toEqual([{ comment: 'Only words' }]);
    expect(await comments({ kind: 'portfolio', id: '' })).toEqual([
      { comment: 'Love it', score: 9 },
      { comment: 'Only words' },
      { score: 3 },
    ]);
    expect(await comments({ asOf: JUNE - DAY })).toEqual([{ score: 3 }, { comment: 'too old', score: 1 }]);
    expect(await comments({ limit: 1 })).toEqual([{ comment: 'Love it', score: 9 }]);
    expect(await comments({ id: 'nobody' })).toEqual([]);
  });

  it.each([
    [{ metric: 'mps' }, 'RAPPORT_EVALUATE_METRIC'],
    [{ metric: 'events' }, 'RAPPORT_ANALYSIS_NO_EVIDENCE: events rests on no comments. Metrics that do: nps.'],
    [{ metric: 'events', kind: 'user' }, 'RAPPORT_ANALYSIS_SUBJECT'],
    [{ limit: 0 }, 'RAPPORT_ANALYSIS_OPTION'],
    [{ limit: 1001 }, 'RAPPORT_ANALYSIS_OPTION'],
  ])('refuses %j with %s', async (wrong, code) => {
    await expect(comments(wrong)).rejects.toThrow(code);
  });
});
