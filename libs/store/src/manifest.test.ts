import { describe, expect, it } from 'vitest';
import { MANIFEST_FORMAT, readManifest, type RunManifest } from './manifest.js';

describe('the record of a run', () => {
  it('is read as it was written', () => {
    const manifest: RunManifest = { ...readManifest(null), state: 'a state', epoch: 3, inputs: { 'metric/nps': '1' } };
    expect(readManifest(JSON.parse(JSON.stringify(manifest)))).toEqual(manifest);
  });

  it('of an earlier version says what it said, and that it says no more', () => {
    const manifest = readManifest({
      zone: 'Europe/Berlin',
      profiles: { stage: [{ id: 'new', when: { fact: 'tenure', operator: 'lessThan', value: 30 } }] },
      levels: ['account'],
      metrics: { nps: { title: 'NPS', unit: 'points', version: '1.2.0', package: '@x/nps', config: { scale: 10 }, configHash: 'c0ffee', uses: ['csat'], windows: {} } },
      segments: { low: { version: '0.0.0-rabc', documentHash: 'abc' } },
      playbooks: { call: { version: '1.0.0', documentHash: 'def', enabled: true } },
      operators: { near: { version: '1.0.0', package: '@x/near', definitionHash: '123' } },
      failures: [{ metric: 'nps', code: 'RAPPORT_METRIC_TIMEOUT', message: 'slow', subjects: 3 }],
      segmentErrors: [{ segment: 'low', message: 'failed' }],
    }); // prettier-ignore
    expect(manifest).toMatchObject({
      format: MANIFEST_FORMAT,
      state: null,
      zone: 'Europe/Berlin',
      day: { complete: false },
      settings: { profiles: { stage: [{ id: 'new' }] } },
      metrics: { nps: { title: 'NPS', version: '1.2.0', config: { scale: 10 }, configHash: 'c0ffee', uses: ['csat'] } },
      documents: {
        'segment/low': { version: '0.0.0-rabc', hash: 'abc', document: null },
        'playbook/call': { version: '1.0.0', enabled: true },
      },
      operators: { near: { version: '1.0.0', package: '@x/near', definitionHash: '123' } },
      definitions: {},
      failures: [{ metric: 'nps', subjects: 3 }],
      segmentErrors: [{ segment: 'low', message: 'failed' }],
    });
  });

  it.each([
    [null],
    [undefined],
    ['text'],
    [[]],
    [{ metrics: 'x', segments: [1], failures: {}, segmentErrors: [null] }],
  ])('is read whatever %j is', (stored) => {
    expect(readManifest(stored)).toMatchObject({ format: MANIFEST_FORMAT, definitions: {}, state: null });
  });
});
