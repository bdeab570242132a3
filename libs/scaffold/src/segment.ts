import { titleOf, type Template } from './template.js';

export const segment = (id: string): Template => ({
  requires: { 'usage-frequency': '^1.0.0' },
  document: `{
  "kind": "segment",
  "id": "${id}",
  "title": "${titleOf(id)}",
  "description": "Accounts that use the product less than once a week.",
  "subject": "account",
  "enter": { "fact": "usage-frequency", "operator": "lessThan", "value": 1 },
  "tests": [
    { "name": "once a fortnight", "facts": { "usage-frequency": 0.5 }, "expect": "in" },
    { "name": "every working day", "facts": { "usage-frequency": 5 }, "expect": "out" },
    { "name": "never seen", "facts": { "usage-frequency": null }, "expect": "unknown" }
  ]
}
`,
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
  readme: `Accounts that use the product less than once a week, by \`usage-frequency\`. Say whom the segment serves, and where its edges come from.

The segment is a JSON document, \`src/${id}.json\`, with its own tests; Rapport runs them whenever it loads the segment, and refuses a segment whose
test fails (\`RAPPORT_PLUGIN_DOCUMENT_TEST\`). One of them:

\`\`\`json
{ "name": "once a fortnight", "facts": { "usage-frequency": 0.5 }, "expect": "in" }
\`\`\`

An account without a usage frequency stays where it is: nobody can know.
`,
});
