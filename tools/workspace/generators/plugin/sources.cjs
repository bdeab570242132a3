// What a new plugin starts with: the smallest source of its kind that does something, and a test of it. Segments and
// playbooks are JSON documents; `requires` names the plugins that theirs speaks of.
const titleOf = (id) => id[0].toUpperCase() + id.slice(1).replaceAll('-', ' ');

const metric = (id) => ({
  source: `import { count, defineMetric, durationOption, last, noData, Type } from '@rapport/sdk';

/** Events in the window; \`no-data\` when there are none. Say here how the number is made, and where the formula comes from. */
export default defineMetric({
  id: '${id}',
  title: '${titleOf(id)}',
  description: 'How many events there were in the window.',
  source: 'Say where the formula comes from',
  unit: 'count',
  range: [0, null],
  subjects: ['account', 'user', 'portfolio'],
  config: Type.Object({ window: durationOption('30d', 'Days looked at.') }, { additionalProperties: false }),
  parts: { events: { unit: 'count', description: 'Events in the window' } },
  measures: ({ window }) => ({ events: count({}, last(window)) }),
  compute: ({ events }) => (events === 0 ? noData('no-data') : { value: events, n: events, parts: { events } }),
});
`,
  test: `import { evaluateMetric, track } from '@rapport/testkit';
import { expect, it } from 'vitest';
import metric from './index.js';

const calls = [
  track('ann', 'Report Opened', '2025-01-30T09:00:00Z', {}, { account: 'acme' }),
  track('bob', 'Report Opened', '2025-01-30T10:00:00Z', {}, { account: 'acme' }),
  track('zoe', 'Report Opened', '2024-06-01T10:00:00Z', {}, { account: 'zeta' }),
];
const valueOf = (id: string) => evaluateMetric(metric, { calls, asOf: '2025-01-31', subject: { kind: 'account', id } });

it('counts the events of the window', async () => {
  expect(await valueOf('acme')).toMatchObject({ value: 2, n: 2 });
});

it('has no value without events, rather than 0', async () => {
  expect(await valueOf('zeta')).toMatchObject({ value: null, reason: 'no-data' });
});
`,
});

const json = (value) => `${JSON.stringify(value, null, 2)}\n`;

const segment = (id) => ({
  requires: { 'usage-frequency': '^1.0.0' },
  document: json({
    kind: 'segment',
    id,
    title: titleOf(id),
    description: 'Accounts that use the product less than once a week.',
    subject: 'account',
    enter: { fact: 'usage-frequency', operator: 'lessThan', value: 1 },
    tests: [
      { name: 'once a fortnight', facts: { 'usage-frequency': 0.5 }, expect: 'in' },
      { name: 'every working day', facts: { 'usage-frequency': 5 }, expect: 'out' },
      { name: 'never seen', facts: { 'usage-frequency': null }, expect: 'unknown' },
    ],
  }),
  source: `import { defineSegment, type SegmentDocument } from '@rapport/sdk';
import document from './${id}.json' with { type: 'json' };

export default defineSegment(document as SegmentDocument);
`,
  test: `import { expect, it } from 'vitest';
import segment from './index.js';

it('carries an example of every verdict, for Rapport to check', () => {
  const verdicts = segment.document.tests?.map((test) => test.expect);
  expect(verdicts).toEqual(['in', 'out', 'unknown']);
});
`,
});

const playbook = (id) => ({
  requires: { 'segment/license-capacity': '^1.0.0', 'action/webhook': '^1.0.0' },
  document: json({
    kind: 'playbook',
    id,
    title: titleOf(id),
    description: 'Tells the sales team when an account uses more licences than it bought.',
    subject: 'account',
    trigger: { segment: 'license-capacity.over-capacity', on: 'enter' },
    steps: [
      { id: 'tell', action: 'webhook', with: { type: 'license.exceeded', message: 'More users than licences.' } },
    ],
  }),
  source: `import { definePlaybook, type PlaybookDocument } from '@rapport/sdk';
import document from './${id}.json' with { type: 'json' };

export default definePlaybook(document as PlaybookDocument);
`,
  test: `import { expect, it } from 'vitest';
import playbook from './index.js';

it('gives every step an id of its own, which makes its deliveries happen once', () => {
  const ids = playbook.document.steps.map((step) => step.id);
  expect(new Set(ids).size).toBe(ids.length);
});
`,
});

const action = (id) => ({
  source: `import { defineAction, Type } from '@rapport/sdk';

/** Posts the playbook's text to a URL. Say here which channel this is. */
export default defineAction({
  id: '${id}',
  title: '${titleOf(id)}',
  description: 'Posts a text to a URL.',
  config: Type.Object(
    { url: Type.String({ minLength: 1, description: 'Where to post to.' }) },
    { additionalProperties: false },
  ),
  input: Type.Object({ text: Type.String({ description: 'What to say.' }) }, { additionalProperties: false }),
  async deliver(delivery, { config, http }) {
    const { status } = await http.post(config.url, {
      headers: { 'content-type': 'application/json', 'idempotency-key': delivery.key },
      body: JSON.stringify({ text: delivery.input.text }),
    });
    if (status < 300) return { delivered: true };
    return { delivered: false, retry: status >= 500 || status === 429, reason: \`HTTP \${status}\` };
  },
});
`,
  test: `import { expect, it } from 'vitest';
import action from './index.js';

const delivery = {
  key: 'key-1',
  attempt: 1,
  playbook: { id: 'example', version: '1.0.0' },
  step: 'tell',
  subject: { kind: 'account', id: 'acme' },
  transition: { segment: 'example', change: 'enter', at: '2025-01-31T00:00:00.000Z', reason: 'because', facts: {} },
  input: { text: 'hello' },
} as const;
const answering = (status: number) => ({
  config: { url: 'https://example.com/' },
  now: () => 0,
  http: { post: () => Promise.resolve({ status, headers: {}, body: '' }) },
  signal: new AbortController().signal,
});

it('is delivered when the receiver takes it', async () => {
  expect(await action.deliver(delivery, answering(204))).toEqual({ delivered: true });
});

it('is tried again when the receiver is down, and not when it refuses', async () => {
  expect(await action.deliver(delivery, answering(503))).toMatchObject({ delivered: false, retry: true });
  expect(await action.deliver(delivery, answering(400))).toMatchObject({ delivered: false, retry: false });
});
`,
});

module.exports = { sources: { metric, segment, playbook, action }, titleOf };
