import { titleOf, type Template } from './template.js';

export const playbook = (id: string): Template => ({
  requires: { 'usage-frequency': '^1.0.0', 'action/webhook': '^1.0.0' },
  document: `{
  "kind": "playbook",
  "id": "${id}",
  "title": "${titleOf(id)}",
  "description": "Tells people when an account uses the product less than once a week.",
  "subject": "account",
  "trigger": { "when": { "fact": "usage-frequency", "operator": "lessThan", "value": 1 } },
  "steps": [
    {
      "id": "tell",
      "action": "webhook",
      "with": { "type": "usage.low", "message": "Used less than once a week." }
    }
  ]
}
`,
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
  readme: `Tells people when an account begins to use the product less than once a week. Say who should act on it, and how.

- **Trigger.** The account's \`usage-frequency\` falls below 1. Accounts below 1 when the playbook runs for the first time are taken as they are.
- **Step \`tell\`.** The action \`webhook\` with the type \`usage.low\`.

A playbook sends nothing until it is enabled, and its action is configured, in \`rapport.json\`:

\`\`\`json
{
  "playbooks": { "${id}": { "enabled": true } },
  "actions": {
    "webhook": { "url": "https://example.com/hooks/rapport", "secret": { "$env": "WEBHOOK_SECRET" } }
  }
}
\`\`\`
`,
});
