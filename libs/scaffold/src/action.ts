import { titleOf, type Template } from './template.js';

export const action = (id: string): Template => ({
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
    const { status } = await http.fetch(config.url, {
      method: 'POST',
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
  http: { fetch: () => Promise.resolve({ status, headers: {}, body: '' }) },
  sign: () => '',
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
  readme: `Posts a text to a URL. Say which channel this is, and what its receiver does with a delivery that comes twice.

## Configuration

\`\`\`json
{ "actions": { "${id}": { "url": "https://example.com/" } } }
\`\`\`

| option | type | default |                   |
| ------ | ---- | ------- | ----------------- |
| \`url\`  | text |         | Where to post to. |

Until it is configured, its deliveries are parked for a person to replay.

## Input

What a playbook's step says under \`with\`:

| input  | type | default |              |
| ------ | ---- | ------- | ------------ |
| \`text\` | text |         | What to say. |

Tried again: HTTP 429 and 500 or above. Parked at once: every other refusal.
`,
});
