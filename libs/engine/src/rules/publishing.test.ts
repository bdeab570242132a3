import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryStore } from '@rapport/store-testkit';
import {
  DAY,
  engineOver,
  JUNE,
  metricCode,
  pluginFolder,
  segmentCode,
  standingClock,
  track,
} from '../plugin-packages.test.fixture.js';
import type { Engine } from '../engine.js';

const quiet = (below: number, id = 'quiet') => ({
  kind: 'segment', id, title: 'Quiet', subject: 'account', enter: { fact: 'usage', operator: 'lessThan', value: below },
}); // prettier-ignore
const by = (author: string, reason = 'because') => ({ author, reason });

describe('documents of the store', () => {
  const folder = pluginFolder();
  const clock = standingClock(JUNE);
  const store = memoryStore({ zone: 'UTC' });
  const open = () => engineOver(folder, { rules: { approvalShare: 0.4 } }, { store, clock });
  const enter = (value: Engine) =>
    value.plugins.flatMap((plugin) => (plugin.kind === 'segment' ? [plugin.document.enter] : []));
  const membersOf = async (segment: string) => (await store.memberships({ segment })).map(({ subject }) => subject);
  let engine: Engine;

  beforeAll(async () => {
    folder.add('metric', 'usage', { code: metricCode('usage') });
    folder.add('segment', 'packaged', { code: segmentCode('packaged', quiet(1, 'packaged')) });
    engine = await open();
    for (let n = 1; n <= 5; n++)
      await engine.ingest(Array.from({ length: n }, (_, i) => track(`a${String(n)}`, JUNE - (i + 1) * DAY)));
  });
  afterAll(async () => {
    await engine.close();
    folder.remove();
  });

  it('are in force once published, here and elsewhere, and keep who, when and why', async () => {
    const other = await open();
    const { version, needsApproval } = await engine.rules.publish(quiet(2), by('ann', 'quiet ones first'));
    expect({ needsApproval, version }).toMatchObject({
      needsApproval: false,
      version: {
        key: 'segment/quiet',
        number: 1,
        status: 'published',
        author: 'ann',
        reason: 'quiet ones first',
        at: JUNE,
        of: null,
      },
    });
    expect(enter(engine)).toContainEqual(quiet(2).enter);
    expect(enter(other)).not.toContainEqual(quiet(2).enter);
    await other.run();
    expect(await membersOf('quiet')).toEqual(['a1']);
    expect(enter(other)).toContainEqual(quiet(2).enter);
    await other.close();
    const third = await open();
    expect(enter(third)).toContainEqual(quiet(2).enter);
    await third.close();
  });

  it('need a second person where they move many', async () => {
    const proposed = await engine.rules.publish(quiet(5), by('ann'));
    expect(proposed).toMatchObject({
      needsApproval: true,
      version: { number: 2, status: 'proposed' },
      preview: { share: 3 / 5 },
    });
    expect(enter(engine)).toContainEqual(quiet(2).enter);
    await expect(engine.rules.approve('segment/quiet', 2, by('ann'))).rejects.toThrow('RAPPORT_RULES_APPROVAL');
    await expect(engine.rules.approve('segment/quiet', 1, by('bob'))).rejects.toThrow('RAPPORT_RULES_VERSION');
    expect(await engine.rules.approve('segment/quiet', 2, by('bob'))).toMatchObject({
      number: 3,
      status: 'published',
      of: 2,
      author: 'bob',
    });
    expect(enter(engine)).toContainEqual(quiet(5).enter);
    await expect(engine.rules.approve('segment/quiet', 2, by('bob'))).rejects.toThrow('RAPPORT_RULES_VERSION');
  });

  it('refuse the second of two who change at once, and what says nothing new', async () => {
    await expect(engine.rules.publish(quiet(4), { ...by('eve'), after: 1 })).rejects.toThrow(
      'RAPPORT_STORE_DOCUMENT_CONFLICT',
    );
    await expect(engine.rules.publish(quiet(5), by('eve'))).rejects.toThrow('RAPPORT_RULES_UNCHANGED');
    expect((await engine.rules.versions('segment/quiet')).map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  it('go back to what was in force, without approval', async () => {
    await expect(engine.rules.rollback('segment/quiet', 2, by('ann'))).rejects.toThrow('RAPPORT_RULES_VERSION');
    expect(await engine.rules.rollback('segment/quiet', 1, by('ann', 'too many'))).toMatchObject({
      number: 4,
      of: 1,
      status: 'published',
    });
    expect(enter(engine)).toContainEqual(quiet(2).enter);
  });

  it('refuse what cannot be in force, comes from elsewhere, has no author, or is needed', async () => {
    const publish = (document: unknown, change = by('ann')) => engine.rules.publish(document, change);
    await expect(publish({ ...quiet(3), enter: { fact: 'usaje', operator: 'lessThan', value: 1 } })).rejects.toThrow(
      /RAPPORT_RULES_REFUSED.*did you mean "usage"/i,
    );
    await expect(publish(quiet(3, 'packaged'))).rejects.toThrow('RAPPORT_RULES_ELSEWHERE');
    await expect(publish(quiet(3), by(''))).rejects.toThrow('RAPPORT_RULES_CHANGE');
    await publish({ ...quiet(1, 'needs'), enter: { fact: 'segment.quiet', operator: 'equal', value: true } });
    await expect(engine.rules.retire('segment/quiet', by('ann'))).rejects.toThrow('RAPPORT_RULES_USED');
    await engine.rules.retire('segment/needs', by('ann'));
    await engine.rules.retire('segment/quiet', by('ann', 'no use'));
    expect(enter(engine)).toEqual([quiet(1).enter]);
    await expect(engine.rules.retire('segment/quiet', by('ann'))).rejects.toThrow('RAPPORT_RULES_VERSION');
    const again = await open();
    expect(enter(again)).toEqual([quiet(1).enter]);
    await again.close();
  });

  it('refuse what another document could not do without', async () => {
    const bands = (...ids: readonly string[]) => ({
      kind: 'segment', id: 'banded', title: 'Banded', subject: 'account',
      bands: ids.map((id, i) => ({ id, title: id, enter: { fact: 'usage', operator: 'equal', value: 90 + i } })),
    }); // prettier-ignore
    await engine.rules.publish(bands('low', 'high'), by('ann'));
    await engine.rules.publish(
      { ...quiet(1, 'asks'), enter: { fact: 'segment.banded.low', operator: 'equal', value: true } },
      by('ann'),
    );
    await expect(engine.rules.publish(bands('high'), by('ann'))).rejects.toThrow(
      /RAPPORT_RULES_REFUSED.*segment\/asks needs segment\/banded.*RAPPORT_RULES_USED/,
    );
  });

  it('are left by their members when they are retired, or have a band less', async () => {
    const bands = (...ids: readonly string[]) => ({
      kind: 'segment', id: 'leaving', title: 'Leaving', subject: 'account',
      bands: ids.map((id) => ({ id, title: id, enter: { fact: 'usage', operator: id === 'one' ? 'equal' : 'greaterThan', value: 1 } })),
    }); // prettier-ignore
    await engine.rules.publish(bands('one'), by('ann'));
    await engine.run();
    expect(await membersOf('leaving.one')).toEqual(['a1']);
    const bringIn = async (document: object) => {
      const { version, needsApproval, preview } = await engine.rules.publish(document, by('ann'));
      if (needsApproval) await engine.rules.approve('segment/leaving', version.number, by('bob'));
      return preview;
    };
    const preview = await bringIn(bands('only'));
    expect(preview).toMatchObject({
      share: 1,
      segments: [
        { segment: 'leaving.only', enter: 4 },
        { segment: 'leaving.one', before: 1, leave: 1, after: 0 },
      ],
    });
    const { transitions } = await engine.run();
    expect(transitions).toContainEqual(
      expect.objectContaining({ segment: 'leaving.one', subject: 'a1', change: 'exit', baseline: true, reason: 'the segment has no "leaving.one" any more' }),
    ); // prettier-ignore
    expect(await membersOf('leaving.one')).toEqual([]);
    expect(await membersOf('leaving.only')).toHaveLength(4);
    const plan = { fact: 'trait.plan', operator: 'equal', value: 'pro' };
    await bringIn({ ...quiet(1, 'leaving'), subject: 'user', enter: plan });
    expect((await engine.run()).transitions).toContainEqual(
      expect.objectContaining({ segment: 'leaving.only', kind: 'account', change: 'exit', reason: 'it is about users now' }),
    ); // prettier-ignore
    await bringIn(bands('only'));
    await engine.run();
    expect(await membersOf('leaving.only')).toHaveLength(4);
    await engine.rules.retire('segment/leaving', by('ann'));
    await engine.run();
    expect(await membersOf('leaving.only')).toEqual([]);
    expect((await store.transitions({ segment: 'leaving.only', limit: 1 }))[0]).toMatchObject({
      change: 'exit',
      reason: 'it was retired',
    });
    // Nothing is known of a package that is not there: it may come back.
    expect((await engine.run()).transitions).toEqual([]);
  });

  it('are for the next run where they are published during one', async () => {
    const once: { hook: (() => Promise<unknown>) | null } = { hook: null };
    const hooked = {
      ...store,
      async snapshot() {
        const snapshot = await store.snapshot();
        return {
          ...snapshot,
          async measure(plans: Parameters<typeof snapshot.measure>[0]) {
            const frames = await snapshot.measure(plans);
            const { hook } = once;
            once.hook = null;
            await hook?.();
            return frames;
          },
        };
      },
    };
    const other = await engineOver(folder, { rules: { approvalShare: 1 } }, { store: hooked, clock });
    const rule = (fact: string, value: unknown) => ({
      ...quiet(1, 'during'), enter: { fact, operator: 'equal', value }, onUnknown: 'leave',
    }); // prettier-ignore
    const group = { type: 'group', userId: 'vera', groupId: 'a1', timestamp: new Date(JUNE - DAY).toISOString() };
    await other.ingest([{ ...group, messageId: 'vip', traits: { vip: true } }]);
    await other.rules.publish(rule('trait.vip', true), by('ann'));
    await other.run();
    expect(await membersOf('during')).toEqual(['a1']);
    let version = '';
    once.hook = async () => {
      version = (await other.rules.publish(rule('trait.plan', 'pro'), by('ann'))).version.version;
    };
    const run = await other.run();
    expect(version).not.toBe('');
    expect(run.transitions.filter(({ segment }) => segment === 'during')).toEqual([]);
    expect(JSON.stringify((await store.latestRun())?.manifest)).not.toContain(version);
    await other.close();
  });

  it('reach another process together with what they need, in whatever order they are kept', async () => {
    const other = await open();
    await engine.rules.publish(quiet(1, 'z-needed'), by('ann'));
    await engine.rules.publish(
      { ...quiet(1, 'a-needs'), enter: { fact: 'segment.z-needed', operator: 'equal', value: true } },
      by('ann'),
    );
    await other.rules.refresh();
    expect(other.plugins.map(({ manifest }) => manifest.id)).toEqual(expect.arrayContaining(['a-needs', 'z-needed']));
    await other.close();
  });

  it('are all kept when several are published at once', async () => {
    await Promise.all(['p', 'q', 'r'].map((id) => engine.rules.publish(quiet(1, id), by('ann'))));
    expect(engine.plugins.map(({ manifest }) => manifest.id)).toEqual(expect.arrayContaining(['p', 'q', 'r']));
  });
});
