import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '@rapport/store';
import { openDuckdbStore } from '@rapport/store-duckdb';
import type { Engine } from '../engine.js';
import {
  DAY,
  engineOver,
  group,
  JUNE,
  metricCode,
  operatorCode,
  pluginFolder,
  standingClock,
  track,
} from '../plugin-packages.test.fixture.js';

const at = (fact: string, operator: string, value?: unknown, more: object = {}) => ({ fact, operator, value, ...more });
const segment = (id: string, enter: object, more: object = {}) => ({
  kind: 'segment', id, title: id, subject: 'account', enter, ...more,
}); // prettier-ignore
const compat = (id: string, enter: object, more: object = {}) => segment(id, enter, { mode: 'compat', ...more });

const documents = [
  compat(
    'legacy',
    { all: [{ condition: 'paying' }, at('trait.address', 'equal', 'Bern', { path: 'city' })] },
    {
      conditions: { paying: { any: [at('trait.plan', 'in', ['Pro', 'Team'])] } },
      exit: { any: [at('usage', 'greaterThanInclusive', 2)] },
    },
  ),
  compat(
    'own',
    { any: [at('trait.plan', 'not:tailed', 'o'), at('trait.tags', 'someFact:tailed', 'x')] },
    { allowUndefinedFacts: true },
  ),
  segment(
    'strict',
    { all: [at('usage', 'lessThan', 2), { not: { condition: 'free' } }] },
    {
      conditions: { free: at('trait.plan', 'equal', 'Free') },
    },
  ),
  segment('due', at('trait.renewalAt', 'withinNext', '90d')),
  segment('asks', { all: [at('segment.strict', 'equal', true), at('segment.due', 'equal', true)] }),
];
const file = (document: { id: string }) => ({ file: `rules/${document.id}.json`, text: JSON.stringify(document) });

describe('documents over what the data has', () => {
  const folder = pluginFolder();
  let store: Store;
  let engine: Engine;

  beforeAll(async () => {
    folder.add('metric', 'usage', { code: metricCode('usage') });
    folder.add('operator', 'acme-ends-with', { code: operatorCode('acme-ends-with', { compatName: `'tailed'` }) });
    store = await openDuckdbStore({ path: join(folder.root, 'w.duckdb'), zone: 'UTC' });
    const ignored = [{ name: 'rules/u.yaml', code: 'RAPPORT_RULES_FILE', message: 'rules/u.yaml: it is not read.' }];
    engine = await engineOver(
      folder,
      {},
      { store, clock: standingClock(JUNE), documents: documents.map(file), ignored },
    );
    expect(engine.refused).toEqual(ignored);
    const old = JUNE - 200 * DAY;
    await engine.ingest([
      group('a1', old, { plan: 'Pro', address: { city: 'Bern' }, renewalAt: '2026-07-01', tags: ['x'], seats: 3 }),
      group('a2', old, { plan: 'Free', address: 'Bern', renewalAt: '07/01/2026', seats: 5 }),
      // No plan: json-rules-engine rejects.
      group('a3', old, { address: { city: 'Bern' }, seats: 8 }),
      group('a4', old, { plan: 'Team', renewalAt: '2026-07-01', seats: 44 }),
      track('a1', JUNE - DAY),
      track('a2', JUNE - DAY),
      track('a2', JUNE - 2 * DAY),
      track('a3', JUNE - DAY),
      track('a4', JUNE - DAY),
    ]);
    await engine.run();
  });
  afterAll(async () => {
    await engine.close();
    await store.close();
    folder.remove();
  });

  it('have the verdicts of json-rules-engine, compat everywhere, strict where it has the words', async () => {
    const seen: (readonly [number, number])[] = [];
    const report = await engine.rules.verify({ progress: (done, of) => seen.push([done, of]) });
    expect(report).toMatchObject({ engine: 'json-rules-engine 7.3.1', differ: 0, compared: 19, isComplete: true });
    const rules = report.documents.flatMap(({ document, mode, rules: its }) =>
      its.map(({ pointer, compared, unknown, leftOut }) => [document, mode, pointer, compared, unknown, leftOut]),
    );
    expect(rules.toSorted((a, b) => (String(a) < String(b) ? -1 : 1))).toEqual([
      ['segment/asks', 'strict', '/enter', 4, 0, null],
      ['segment/due', 'strict', '/enter', 0, 0, expect.stringContaining('"withinNext" at /enter is no operator')],
      ['segment/legacy', 'compat', '/enter', 4, 0, null],
      ['segment/legacy', 'compat', '/exit', 4, 0, null],
      ['segment/own', 'compat', '/enter', 4, 0, null],
      ['segment/strict', 'strict', '/enter', 3, 1, null],
    ]);
    expect(seen.at(-1)).toEqual([24, 24]);
  });

  it('are told by subject, with the facts and the reason, where json-rules-engine does not say the same', async () => {
    const report = await engine.rules.verify({ documents: ['segment/strict'], memoryMb: 1 });
    expect(report).toMatchObject({ compared: 3, differ: 3 });
    expect(report.documents[0]?.rules[0]).toMatchObject({
      differ: 3,
      reason: expect.stringContaining('memory') as string,
      differences: [
        { subject: 'a1', rapport: 'true', jsonRulesEngine: 'no answer', facts: { usage: 1, 'trait.plan': 'Pro' } },
        { subject: 'a2', rapport: 'false', jsonRulesEngine: 'no answer' },
        { subject: 'a4', rapport: 'true', jsonRulesEngine: 'no answer' },
      ],
    });
  });

  it('are verified on a sample, and by name', async () => {
    const report = await engine.rules.verify({ subjects: 2, documents: ['segment/legacy'] });
    expect(report).toMatchObject({ compared: 4, documents: [{ document: 'segment/legacy' }] });
    await expect(engine.rules.verify({ documents: ['segment/nothing'] })).rejects.toThrow('RAPPORT_RULES_VERIFY');
  });

  it('that there was no time for are left out', async () => {
    expect(await engine.rules.verify({ timeoutMs: 0 })).toMatchObject({ compared: 0, isComplete: false });
  });

  it('move by operators of plugins, in json-rules-engine’s documents as well', async () => {
    const members = (await store.memberships({ segment: 'own' })).map(({ subject }) => subject).sort();
    // a1 ends with "o" and has the tag; a4 and a2 do not; of a3 nothing is known, which an undefined fact is not either.
    expect(members).toEqual(['a1', 'a2', 'a3', 'a4']);
    const found = await engine.rules.explain(documents[1], { subject: 'a1' });
    expect(found.versions.operators).toEqual({ 'acme-ends-with': '1.0.0' });
  });

  it('are told what does not fit the traits, by lint and by preview', async () => {
    const odd = segment('odd', {
      any: [
        at('trait.plna', 'equal', 'Pro'),
        at('trait.plan', 'equal', 'pro'),
        at('trait.seats', 'equal', '44'),
        at('trait.renewalAt', 'withinNext', '90d'),
      ],
    });
    const findings = await engine.rules.lint(JSON.stringify(odd));
    const told = [
      ['RAPPORT_RULES_TRAIT', '/enter/any/0/fact'],
      ['RAPPORT_RULES_TRAIT_VALUE', '/enter/any/1/value'],
      ['RAPPORT_RULES_TRAIT_TYPE', '/enter/any/2/value'],
      ['RAPPORT_RULES_TIME', '/enter/any/3'],
    ];
    expect(findings.map(({ code, pointer }) => [code, pointer]).slice(0, 4)).toEqual(told);
    expect(findings[1]?.message).toContain('Did you mean "Pro"? Values: Free, Pro, Team.');
    const report = await engine.rules.preview(odd);
    expect(report.warnings.map(({ code, pointer }) => [code, pointer])).toEqual(told);
    // a1 and a4 renew; of a2 and a3 nothing can be said.
    expect(report.unknown).toEqual({
      subjects: 2,
      because: [
        { fact: 'trait.plna', missing: 2, unreadable: 0, example: null },
        { fact: 'trait.seats', missing: 0, unreadable: 2, example: 5 },
        { fact: 'trait.renewalAt', missing: 1, unreadable: 1, example: '07/01/2026' },
        { fact: 'trait.plan', missing: 1, unreadable: 0, example: null },
      ],
    });
  });

  it('are explained down to the segments that they ask for, and say what cannot be read', async () => {
    const found = await engine.rules.explain(documents[4], { subject: 'a2' });
    expect(found.segments).toMatchObject([
      { segment: 'strict', askedBy: 'asks', isMember: false, conditions: [{ pointer: '/enter', verdict: 'false' }] },
      {
        segment: 'due',
        askedBy: 'asks',
        isMember: false,
        placement: 'unknown',
        conditions: [{ text: 'trait.renewalAt 07/01/2026 cannot be read as a time' }],
      },
    ]);
    expect(found.segments[1]?.conditions[0]?.nearest).toMatch(/; it is 07\/01\/2026$/);
    expect((await engine.rules.explain(documents[3], { subject: 'a3' })).conditions[0]?.nearest).toMatch(
      /; it is missing$/,
    );
  });
});
