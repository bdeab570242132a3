import { titleOf, type Template } from './template.js';

export const metric = (id: string): Template => ({
  source: `import { count, defineMetric, distinct, durationOption, last, noData, Type } from '@rapport/sdk';

/**
 * How many of the event there are in the window. None: \`no-data\`.
 *
 * Source: say where the formula comes from.
 */
export default defineMetric({
  id: '${id}',
  title: '${titleOf(id)}',
  description: 'How often it was done.',
  source: 'Our own definition',
  unit: 'count',
  range: [0, null],
  subjects: ['account', 'user', 'portfolio'],
  config: Type.Object(
    {
      window: durationOption('30d', 'Days looked at.'),
      event: Type.String({ minLength: 1, default: 'Report Opened', description: 'Event that counts.' }),
    },
    { additionalProperties: false },
  ),
  parts: { users: { unit: 'count', description: 'Users who did it' } },
  measures: ({ window, event }) => ({
    times: count({ events: [event] }, last(window)),
    users: distinct('user', { events: [event] }, last(window)),
  }),
  window: ({ window }) => last(window),
  compute: ({ times, users }) => (times === 0 ? noData('no-data') : { value: times, n: times, parts: { users } }),
});
`,
  test: `import { checkMetric, evaluateMetric, track } from '@rapport/testkit';
import { expect, it } from 'vitest';
import metric from './index.js';

const opened = (user: string, time: string, account = 'acme') => track(user, 'Report Opened', time, {}, { account });
const calls = [
  opened('ann', '2026-02-10T09:00:00Z'),
  opened('ann', '2026-02-11T09:00:00Z'),
  opened('ben', '2026-02-28T23:59:59Z'),
  opened('ben', '2026-01-29T23:59:59Z'), // a day too early: the window is 30 January … 28 February
  opened('zoe', '2025-06-01T10:00:00Z', 'zeta'),
];
const valueOf = (id: string) =>
  evaluateMetric(metric, { calls, asOf: '2026-03-01T00:00:00Z', subject: { kind: 'account', id } });

it('computes the example of the README', async () => {
  expect(await valueOf('acme')).toEqual({ value: 3, reason: null, n: 3, parts: { users: 2 } });
});

it('has no value without events, rather than 0', async () => {
  expect(await valueOf('zeta')).toMatchObject({ value: null, reason: 'no-data' });
});

// The oracle says the same in the plainest way there is: a loop over raw events. The kit compares the two in random worlds.
it('is what its oracle says, in any world', () =>
  checkMetric(metric, {
    oracle({ events, asOf, calendar }, { event }) {
      const from = calendar.startOfDay(calendar.dayOf(asOf - 1) - 29);
      const done = events.filter((e) => e.event === event && e.time >= from);
      if (done.length === 0) return { value: null, reason: 'no-data' };
      const users = new Set(done.flatMap(({ user }) => user ?? []));
      return { value: done.length, reason: null, n: done.length, parts: { users: users.size } };
    },
  }));
`,
  readme: `How often it was done: say in one sentence what the number tells, and whom it serves.

\`\`\`
${id} = events in the window
\`\`\`

The value is a count, 0 or more. Source: say where the formula comes from. No event in the window: \`no-data\`, not 0.

## Example

As of 2026-03-01T00:00Z (the window is 30 January … 28 February), account \`acme\`: \`Report Opened\` on 10, 11 and 28 February by two users, and on
29 January, which is a day too early. The value is **3**, of 2 users. The package's test computes this very example.

## Configuration

\`\`\`json
{
  "metrics": {
    "${id}": { "event": "Dashboard Opened", "window": "4w" }
  }
}
\`\`\`

| option   | type                    | default           |                    |
| -------- | ----------------------- | ----------------- | ------------------ |
| \`window\` | duration, as in \`"30d"\` | \`"30d"\`           | Days looked at.    |
| \`event\`  | text                    | \`"Report Opened"\` | Event that counts. |

An option that is not in this table, or of another type, is refused when Rapport starts: \`RAPPORT_PLUGIN_CONFIG\` names the place.

## Parts

| part    | type, unit    |                  |
| ------- | ------------- | ---------------- |
| \`users\` | number, count | Users who did it |
`,
});
