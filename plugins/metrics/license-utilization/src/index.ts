import {
  activityOption,
  defineMetric,
  distinct,
  durationOption,
  last,
  narrowedTo,
  noData,
  trait,
  Type,
} from '@rapport/sdk';

/**
 * Active users ÷ licences bought (the account's seats as of then). Above 1 is over-use. An account without seats has no value
 * (`no-data`); the portfolio is the sum over accounts with seats, so that a user of two accounts takes two licences.
 *
 * Source: *SaaS customer engagement metrics* (Totango, licence utilization).
 */
export default defineMetric({
  id: 'license-utilization',
  title: 'Licence utilization',
  description: 'Share of the licences bought that somebody uses.',
  source: 'SaaS customer engagement metrics (Totango): licence utilization',
  unit: 'ratio',
  range: [0, null],
  subjects: ['account', 'portfolio'],
  config: Type.Object(
    {
      window: durationOption('30d', 'Days within which a user must have been active.'),
      seats: Type.String({ minLength: 1, default: 'seats', description: 'Account trait with the licences bought.' }),
      events: activityOption(),
    },
    { additionalProperties: false },
  ),
  parts: {
    activeUsers: { unit: 'count', description: 'Users active in the window' },
    seats: { unit: 'count', description: 'Licences bought' },
    unused: { unit: 'count', description: 'Licences that nobody uses, 0 in over-use; summed over accounts' },
    accounts: { unit: 'count', description: 'Accounts with seats (1 for an account)' },
  },
  window: ({ window }) => last(window),
  family: 'reduce',
  measures: ({ window, seats, events }) => ({
    activeUsers: distinct('user', narrowedTo(events), last(window)),
    seats: trait(seats),
  }),
  compute: (account) => utilization([account]),
  portfolio: utilization,
});

function utilization(rows: Iterable<{ readonly activeUsers: number; readonly seats: number | null }>) {
  const parts = { activeUsers: 0, seats: 0, unused: 0, accounts: 0 };
  for (const { activeUsers, seats } of rows) {
    if (seats === null || seats <= 0) continue;
    parts.activeUsers += activeUsers;
    parts.seats += seats;
    parts.unused += Math.max(0, seats - activeUsers);
    parts.accounts++;
  }
  return parts.seats === 0 ? noData('no-data') : { value: parts.activeUsers / parts.seats, n: parts.seats, parts };
}
