import { count, defineMetric, distinct, durationOption, last, lifetime, noData, Type } from '@rapport/sdk';

/**
 * Distinct users with qualifying activity in the window; DAU, WAU and MAU are parts whatever the window. 0 is a fact about
 * a subject that has had events; one that never had any has no value (`no-data`).
 *
 * Source: *SaaS customer engagement metrics* (Totango, active users), *10 top customer engagement metrics* (SALESmanago, DAU/MAU).
 */
export default defineMetric({
  id: 'active-users',
  title: 'Active users',
  description: 'How many different people did something that counts.',
  source:
    'SaaS customer engagement metrics (Totango): active users; 10 top customer engagement metrics (SALESmanago): DAU/MAU',
  unit: 'count',
  range: [0, null],
  subjects: ['account', 'portfolio'],
  config: Type.Object(
    {
      window: durationOption('30d', 'Days that the value, `new` and `returning` look at.'),
      qualifying: Type.Array(
        Type.Object(
          {
            event: Type.String({ minLength: 1, description: 'Name of the event.' }),
            atLeast: Type.Integer({ minimum: 1, default: 1, description: 'How often it must happen that day.' }),
          },
          { additionalProperties: false },
        ),
        {
          default: [],
          description: 'What makes a user’s day an active one: all of these on that day. Empty: any event at all.',
        },
      ),
    },
    { additionalProperties: false },
  ),
  parts: {
    dau: { unit: 'count', description: 'Active users of the last day' },
    wau: { unit: 'count', description: 'Active users of the last 7 days' },
    mau: { unit: 'count', description: 'Active users of the last 30 days' },
    new: { unit: 'count', description: 'Those whose first qualifying day ever lies in the window' },
    returning: { unit: 'count', description: 'Those who had a qualifying day before the window' },
  },
  window: ({ window }) => last(window),
  measures: ({ window, qualifying }) => {
    const active = { qualifying: qualifying.map(({ event, atLeast }) => ({ events: [event], atLeast })) };
    return {
      users: distinct('user', {}, last(window), active),
      fresh: distinct('newUser', {}, last(window), active),
      dau: distinct('user', {}, last('1d'), active),
      wau: distinct('user', {}, last('7d'), active),
      mau: distinct('user', {}, last('30d'), active),
      ever: count({}, lifetime()),
    };
  },
  compute: ({ users, fresh, dau, wau, mau, ever }) =>
    ever === 0
      ? noData('no-data')
      : { value: users, n: users, parts: { dau, wau, mau, new: fresh, returning: users - fresh } },
});
