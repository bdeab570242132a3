import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import playbook from './index.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  rapport: { requires: Record<string, string> };
};

describe('usage alarm', () => {
  it('begins when usage frequency is none: no active day', () => {
    expect(playbook.document.trigger).toEqual({ when: { fact: 'usage-frequency', operator: 'equal', value: 0 } });
  });

  it('calls the webhook once, with a type that the receiver can tell apart', () => {
    expect(playbook.document.steps).toMatchObject([
      { id: 'notify', action: 'webhook', with: { type: 'usage.stopped' } },
    ]);
  });

  it('requires the metric and the action it speaks of', () => {
    expect(manifest.rapport.requires).toEqual({ 'usage-frequency': '^1.0.0', 'action/webhook': '^1.0.0' });
  });
});
