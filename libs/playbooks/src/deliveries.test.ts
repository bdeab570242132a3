import { describe, expect, it } from 'vitest';
import type { PlaybookDocument } from '@rapport/sdk';
import type { Transition } from '@rapport/store';
import { deliveriesFor } from './deliveries.js';

const JUNE = Date.UTC(2026, 5, 1);
const document: PlaybookDocument = {
  kind: 'playbook',
  id: 'call',
  title: 'Call',
  subject: 'account',
  trigger: { segment: 'risk', on: 'enter' },
  steps: [
    { id: 'task', action: 'task', with: { title: 'Call' } },
    { id: 'note', action: 'note' },
  ],
};
const entered: Omit<Transition, 'run'> = {
  segment: 'risk',
  subject: 'acme',
  kind: 'account',
  change: 'enter',
  at: JUNE,
  reason: 'usage fell',
  facts: { usage: 1 },
  baseline: false,
  baselineReason: null,
  baselineText: null,
};
const keysOf = (transition: Omit<Transition, 'run'>, run: number, version = '1.0.0', playbook = document) =>
  deliveriesFor([{ document: playbook, version }], [transition], run, JUNE).map(({ key }) => key);

describe('deliveries', () => {
  it('are one per step, due at once, with what the action needs', () => {
    expect(deliveriesFor([{ document, version: '1.0.0' }], [entered], 7, JUNE + 1)).toMatchObject([
      { action: 'task', dueAt: JUNE + 1, subject: { kind: 'account', id: 'acme' }, payload: { step: 'task', input: { title: 'Call' } } },
      { action: 'note', dueAt: JUNE + 1, payload: { step: 'note', input: {}, transition: { at: '2026-06-01T00:00:00.000Z' } } },
    ]); // prettier-ignore
  });

  it('are none for what was only taken as found, another change, segment or kind of subject', () => {
    const others = [{ baseline: true }, { change: 'exit' }, { segment: 'other' }, { kind: 'user' }] as const;
    for (const other of others) expect(keysOf({ ...entered, ...other }, 1), JSON.stringify(other)).toEqual([]);
  });

  it('have a key that is the same for the same entry, and another one for anything else', () => {
    expect(keysOf(entered, 1)).toEqual(keysOf({ ...entered, reason: 'in other words', facts: {} }, 1));
    const all = [
      ...keysOf(entered, 1),
      // Left and entered again as of the same instant, after late events.
      ...keysOf(entered, 3),
      ...keysOf({ ...entered, at: JUNE + 1 }, 1),
      ...keysOf({ ...entered, subject: 'other' }, 1),
      ...keysOf(entered, 1, '1.0.1'),
      ...keysOf(entered, 1, '1.0.0', { ...document, id: 'write' }),
    ];
    expect(new Set(all).size).toBe(12);
  });
});
