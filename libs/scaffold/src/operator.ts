import { titleOf, type Template } from './template.js';

const nameOf = (id: string): string => id.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());

export const operator = (id: string): Template => ({
  source: `import { defineOperator, Type } from '@rapport/sdk';

/** Letter for letter. Say here what is true of the fact when it holds, and where the definition comes from. */
export default defineOperator({
  id: '${id}',
  title: '${titleOf(id)}',
  description: 'The text ends with this, letter for letter.',
  reading: 'text',
  value: Type.String({ minLength: 1, description: 'The end of the text.' }),
  words: ['ends with', 'does not end with'],
  examples: [
    { fact: 'team-2026', value: '-2026', holds: true },
    { fact: 'team', value: '-2026', holds: false },
  ],
  test: (fact, value) => fact.endsWith(value),
});
`,
  test: `import { checkOperator } from '@rapport/testkit';
import { expect, it } from 'vitest';
import operator from './index.js';

it('holds of texts that end so, and of no other', () => {
  expect(operator.test('team-2026', '-2026')).toBe(true);
  expect(operator.test('-2026-team', '-2026')).toBe(false);
});

it('keeps its contract on any text', () => {
  checkOperator(operator);
});
`,
  readme: `Whether a text ends with another, letter for letter. Say what the operator is for, and where its definition comes from. In a rule:

\`\`\`json
{ "fact": "trait.plan", "operator": "${nameOf(id)}", "value": "-2026" }
\`\`\`

| fact        | value   |       |
| ----------- | ------- | ----- |
| \`team-2026\` | \`-2026\` | true  |
| \`team\`      | \`-2026\` | false |

The value is a text of at least one character. A fact that is no text, or not known, makes the rule unknown: the subject stays where it is.
`,
});
