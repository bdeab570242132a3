import type { PluginKind } from '@rapport/sdk';

/*
 * The sample workspace of a package of its own, in `sample/`: a few events of two accounts, the configuration and the rules that
 * `rapport dev` shows the plugin with. It is not published.
 */

const call = (type: 'track' | 'group', userId: string, timestamp: string, account: string, more: object) => ({
  type,
  messageId: `${userId} ${timestamp} ${type}`,
  userId,
  timestamp,
  ...(type === 'group' ? { groupId: account } : { context: { groupId: account } }),
  ...more,
});
const opened = (userId: string, timestamp: string, account = 'acme') =>
  call('track', userId, timestamp, account, { event: 'Report Opened' });
const onPlan = (account: string, plan: string) =>
  call('group', account === 'acme' ? 'ann' : 'zoe', '2026-01-05T09:00:00Z', account, { traits: { plan } });

/** The example of a metric's README. */
const example = [
  opened('ann', '2026-02-10T09:00:00Z'),
  opened('ann', '2026-02-11T09:00:00Z'),
  opened('ben', '2026-02-28T23:59:59Z'),
  opened('ben', '2026-01-29T23:59:59Z'),
  opened('zoe', '2025-06-01T10:00:00Z', 'zeta'),
];
/** Acme comes on three days of the last fortnight, zeta on one. */
const visits = [
  opened('ann', '2026-02-18T09:00:00Z'),
  opened('ann', '2026-02-24T09:00:00Z'),
  opened('ben', '2026-02-27T09:00:00Z'),
  opened('zoe', '2026-02-16T10:00:00Z', 'zeta'),
];
const plans = [onPlan('acme', 'team-2026'), onPlan('zeta', 'team'), ...example];

const nameOf = (id: string): string => id.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Files below `sample/`, by path inside the package. */
export function sample(kind: PluginKind, id: string): Readonly<Record<string, string>> {
  const of = (events: readonly object[], config: object = {}, rules: Readonly<Record<string, object>> = {}) => ({
    'sample/rapport.json': json({ workspace: 'sample', ...config }),
    'sample/events.ndjson': events.map((event) => `${JSON.stringify(event)}\n`).join(''),
    ...Object.fromEntries(Object.entries(rules).map(([name, rule]) => [`sample/rules/${name}.json`, json(rule)])),
  });
  const onTeam = (operator: string, value: string) => ({ fact: 'trait.plan', operator, value });
  const document = (kind: string, more: object) => ({
    kind,
    id: `sample-${kind}`,
    title: `Sample ${kind}`,
    description: `Shows the plugin at work in "rapport dev".`,
    subject: 'account',
    ...more,
  });
  switch (kind) {
    case 'metric':
      return of(example);
    case 'segment':
    case 'playbook':
      return of(visits);
    case 'action':
      return of(
        plans,
        { actions: { [id]: { url: 'https://example.com/hook' } } },
        {
          'sample-playbook': document('playbook', {
            trigger: { when: onTeam('equal', 'team-2026') },
            steps: [{ id: 'tell', action: id, with: { text: 'They are on the plan of 2026.' } }],
          }),
        },
      );
    case 'operator':
      return of(plans, {}, { 'sample-segment': document('segment', { enter: onTeam(nameOf(id), '-2026') }) });
  }
}
