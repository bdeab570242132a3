import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { valueAt, type ResultFrame } from '@rapport/store';
import { levelKey } from './measurement/planner.js';
import {
  DAY,
  engineOver,
  group,
  JUNE,
  metricCode,
  pluginFolder,
  standingClock,
  track,
} from './plugin-packages.test.fixture.js';
import type { Evaluation } from './measurement/evaluation.js';
import type { Engine } from './engine.js';

const named = (name: string, window: string) => `{ node: 'count', filter: { events: ['${name}'] }, window: ${window} }`;

const frameOf = ({ frames }: Evaluation, key: string): ResultFrame => {
  const frame = frames.find(({ level }) => levelKey(level) === key);
  if (!frame) throw new Error(`no frame ${key}; there are ${frames.map(({ level }) => levelKey(level)).join(', ')}`);
  return frame;
};
const by = (evaluation: Evaluation, key: string, name: string): Record<string, unknown> => {
  const frame = frameOf(evaluation, key);
  const column = frame.columns[name];
  if (!column) throw new Error(`no column ${name}; there are ${Object.keys(frame.columns).join(', ')}`);
  return Object.fromEntries(frame.subjects.map((subject, i) => [subject, valueAt(column, i)]));
};

describe('what a metric may know of its subject', () => {
  const folder = pluginFolder();
  let engine: Engine;

  beforeAll(async () => {
    const { add } = folder;
    add('metric', 'events', {
      code: metricCode('events', {
        subjects: `['account', 'user', 'portfolio']`,
        window: `() => ({ kind: 'last', days: 30 })`,
      }),
    });
    add('metric', 'stage', {
      code: metricCode('stage', {
        subjects: `['account', 'user', 'portfolio']`,
        measures: `() => ({ stage: { node: 'profile', name: 'stage' }, other: { node: 'profile', name: 'nowhere' } })`,
        parts: `{ stage: { type: 'text', description: 'x' } }`,
        compute: `({ stage, other }) => ({ value: other === null ? 0 : 1, parts: { stage } })`,
      }),
    });
    add('metric', 'clicks', {
      code: metricCode('clicks', {
        subjects: `['account', 'portfolio']`,
        measures: `() => ({ clicks: ${named('Clicked', `{ kind: 'lifetime' }`)} })`,
        compute: `({ clicks }) => ({ value: clicks })`,
      }),
    });
    add('metric', 'twice', {
      code: metricCode('twice', {
        subjects: `['account']`,
        uses: `() => ['clicks']`,
        measures: `() => ({})`,
        compute: `(_, { metric }) => ({ value: 2 * metric('clicks').value })`,
      }),
    });
    add('metric', 'suite', {
      code: metricCode('suite', {
        subjects: `['account']`,
        config: `{ type: 'object', properties: { products: { type: 'array', items: { type: 'string' }, default: [] } } }`,
        uses: `({ products }) => products.map((product) => 'twice:' + product)`,
        measures: `() => ({})`,
        parts: `{ each: { type: 'list', description: 'x' } }`,
        compute: `(_, { config, metric }) => ({ value: config.products.reduce((sum, product) => sum + metric('twice:' + product).value, 0) })`,
      }),
    });
    add('metric', 'seats', {
      code: metricCode('seats', {
        subjects: `['account', 'portfolio']`,
        family: `'reduce'`,
        measures: `() => ({ seats: { node: 'trait', name: 'seats', as: 'number' } })`,
        compute: `({ seats }) => seats === null ? { noData: 'no-data' } : ({ value: seats })`,
        portfolio: `(rows) => { let value = 0; for (const { seats } of rows) value += seats ?? 0; return { value }; }`,
      }),
    });
    add('metric', 'share', {
      code: metricCode('share', {
        subjects: `['account']`,
        config: `{ type: 'object', properties: { factor: { type: 'number', default: 1 } } }`,
        measures: `() => ({ seats: { node: 'trait', name: 'seats', as: 'number' } })`,
        usesPortfolio: `() => ['seats']`,
        compute: `({ seats }, { portfolio, config }) => seats === null ? { noData: 'no-data' } : ({ value: config.factor * seats / portfolio('seats').value })`,
      }),
    });
    engine = await engineOver(
      folder,
      {
        profiles: {
          stage: [
            { id: 'trial', when: { fact: 'trait.plan', operator: 'equal', value: 'trial' } },
            { id: 'new', when: { fact: 'tenure', operator: 'lessThan', value: 30 } },
            { id: 'due', when: { fact: 'trait.renewsAt', operator: 'withinNext', value: '10d' } },
            { id: 'vip', when: { fact: 'trait.vip', operator: 'equal', value: true } },
          ],
        },
        scopes: {
          crm: { where: { property: 'product', operator: 'equal', value: 'crm' } },
          desk: { events: ['Nothing'] },
        },
        metrics: { suite: { products: ['crm', 'desk'] } },
        hierarchy: { parent: 'parentId' },
      },
      { clock: standingClock(JUNE + 9 * DAY) },
    );
    await engine.ingest([
      group('top', JUNE - 90 * DAY, { seats: 10, plan: 'trial', signupAt: '2020-01-01' }),
      group('mid', JUNE - 90 * DAY, { seats: 5, parentId: 'top', signupAt: new Date(JUNE - 30 * DAY).toISOString() }),
      group('low', JUNE - 90 * DAY, { seats: 1, parentId: 'mid', signupAt: new Date(JUNE - 31 * DAY).toISOString() }),
      group('sole', JUNE - 90 * DAY, { seats: 4, renewsAt: new Date(JUNE + 9 * DAY).toISOString(), signupAt: 'soon' }),
      group('ring1', JUNE - 90 * DAY, { parentId: 'ring2', vip: true }),
      group('ring2', JUNE - 90 * DAY, { parentId: 'ring1' }),
      track('top', JUNE - DAY),
      track('mid', JUNE - DAY, { event: 'Clicked', properties: { product: 'crm' } }),
      track('mid', JUNE - 40 * DAY, { event: 'Clicked', properties: { product: 'crm' } }),
      track('low', JUNE - 2 * DAY, { event: 'Clicked', properties: { product: 'desk' } }),
      track('low', JUNE - 35 * DAY),
    ]);
  });
  afterAll(async () => {
    await engine.close();
    folder.remove();
  });

  it('loads them all', () => {
    expect(engine.refused).toEqual([]);
    expect(engine.plugins.map(({ manifest }) => manifest.id)).toEqual(
      expect.arrayContaining(['clicks:crm', 'twice:crm', 'twice:desk', 'clicks:desk']),
    );
  });

  it('gives it its class in a profile, by traits of any type and by tenure', async () => {
    const evaluation = await engine.evaluate({ asOf: JUNE });
    // Signed up 30 days before midnight: day D is the 29th after it. 31 days before: the 30th.
    expect(by(evaluation, 'account', 'stage.stage')).toEqual({
      top: 'trial', mid: 'new', low: null, sole: 'due', ring1: 'vip', ring2: null,
    }); // prettier-ignore
    expect(by(evaluation, 'account', 'stage')).toMatchObject({ top: 0, low: 0 });
    expect(by(evaluation, 'portfolio', 'stage.stage')).toEqual({ '': null });
  });

  it('narrows a metric, and what it uses, to a scope', async () => {
    const evaluation = await engine.evaluate({ asOf: JUNE });
    expect(by(evaluation, 'account', 'clicks')).toMatchObject({ top: 0, mid: 2, low: 1 });
    expect(by(evaluation, 'account', 'clicks:crm')).toMatchObject({ top: 0, mid: 2, low: 0 });
    expect(by(evaluation, 'account', 'twice:crm')).toMatchObject({ mid: 4, low: 0 });
    expect(by(evaluation, 'account', 'twice:desk')).toMatchObject({ mid: 0, low: 0 });
    expect(by(evaluation, 'account', 'suite')).toMatchObject({ mid: 4, low: 0 });
  });

  it('evaluates parents with their descendants, at every depth, and says who is an ancestor of itself', async () => {
    const evaluation = await engine.evaluate({ asOf: JUNE });
    const family = 'family by parentId';
    expect(by(evaluation, family, 'events')).toEqual({ mid: 2, top: 3 });
    expect(by(evaluation, family, 'clicks')).toEqual({ mid: 3, top: 3 });
    // Not by events: reduced over the accounts of the family.
    expect(by(evaluation, family, 'seats')).toEqual({ mid: 6, top: 16 });
    // The parent's own class, its own traits, the metrics of its family.
    expect(by(evaluation, family, 'stage.stage')).toEqual({ mid: 'new', top: 'trial' });
    expect(by(evaluation, family, 'twice')).toEqual({ mid: 6, top: 6 });
    expect(by(evaluation, 'account', 'events')).toMatchObject({ top: 1, mid: 1, low: 1 });
    expect(evaluation.warnings).toEqual([
      { code: 'RAPPORT_HIERARCHY_CYCLE', message: expect.stringMatching(/"ring1" → "ring2" → "ring1"|"ring2" → "ring1" → "ring2"/) as string },
    ]); // prettier-ignore
  });

  it('reports a parent alone, and with its descendants', async () => {
    await engine.run({ asOf: JUNE });
    const values = (found: readonly { readonly metric: string; readonly value: number | null }[] | null | undefined) =>
      Object.fromEntries(found?.map(({ metric, value }) => [metric, value]) ?? []);
    const top = await engine.subject('account', 'top');
    expect(values(top?.metrics)).toMatchObject({ events: 1, seats: 10 });
    expect(values(top?.family)).toMatchObject({ events: 3, seats: 16 });
    expect((await engine.subject('account', 'low'))?.family).toBeNull();
  });

  it('lets it read the whole portfolio’s values, also for some subjects only', async () => {
    const evaluation = await engine.evaluate({ asOf: JUNE });
    expect(by(evaluation, 'account', 'share')).toEqual({ top: 0.5, mid: 0.25, low: 0.05, sole: 0.2, ring1: null, ring2: null }); // prettier-ignore
    const some = await engine.evaluate({
      asOf: JUNE, levels: [{ kind: 'account' }], subjects: ['sole', 'nobody', 'mid'], metrics: ['share'],
    }); // prettier-ignore
    expect(by(some, 'account', 'share')).toEqual({ mid: 0.25, sole: 0.2 });
    expect(some.frames).toHaveLength(1);
  });

  it('evaluates with another configuration, without touching the workspace’s', async () => {
    const options = { asOf: JUNE, levels: [{ kind: 'account' }], metrics: ['share', 'stage'] } as const;
    const tenfold = await engine.evaluate({ ...options, configs: { share: { factor: 10 } }, profiles: {} });
    expect(by(tenfold, 'account', 'share')).toMatchObject({ mid: 2.5 });
    expect(by(tenfold, 'account', 'stage.stage')).toMatchObject({ top: null });
    expect(by(await engine.evaluate(options), 'account', 'share')).toMatchObject({ mid: 0.25 });
    for (const configs of [{ share: { factor: 'ten' } }, { shar: {} }])
      await expect(engine.evaluate({ ...options, configs })).rejects.toThrow('RAPPORT_EVALUATE_CONFIG');
  });

  it('derives what was before, the change, and the slope over the history', async () => {
    const evaluation = await engine.evaluate({ asOf: JUNE, derived: ['events', 'clicks'] });
    expect(by(evaluation, 'account', 'events.previous')).toMatchObject({ top: 0, mid: 1, low: 1 });
    expect(by(evaluation, 'account', 'events.change')).toMatchObject({ top: 1, mid: 0, low: 0 });
    expect(by(evaluation, 'account', 'events.changeRate')).toMatchObject({ top: null, mid: 0, low: 0 });
    expect(by(evaluation, 'family by parentId', 'events.previous')).toEqual({ mid: 2, top: 2 });
    expect(by(evaluation, 'account', 'events.slope')).toMatchObject({ top: null });
    // No window of its own: only a slope.
    expect(Object.keys(frameOf(evaluation, 'account').columns)).not.toContain('clicks.previous');
    await engine.run({ asOf: JUNE });
    await engine.ingest([track('top', JUNE + 1), track('top', JUNE + 2), track('top', JUNE + 3)]);
    const later = await engine.evaluate({ asOf: JUNE + 2 * DAY, derived: ['events'] });
    expect(by(later, 'account', 'events')).toMatchObject({ top: 4 });
    expect(by(later, 'account', 'events.slope')).toMatchObject({ top: 1.5, mid: 0 });
  });

  it('refuses a scope that there is not, by name', async () => {
    await expect(engineOver(folder, { metrics: { 'clicks:cmr': {} }, scopes: { crm: { events: ['A'] } } })).rejects.toThrow(
      /RAPPORT_CONFIG_SCOPE.*Did you mean "crm"/,
    ); // prettier-ignore
    const other = await engineOver(folder, { metrics: { suite: { products: ['cmr'] } } });
    expect(other.refused).toMatchObject([{ name: '@test/metric-suite', code: 'RAPPORT_PLUGIN_USES_MISSING' }]);
    await other.close();
  });
});
