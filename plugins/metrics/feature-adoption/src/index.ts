import {
  count,
  countByKey,
  defineMetric,
  distinct,
  durationOption,
  last,
  lifetime,
  narrowedTo,
  noData,
  Type,
} from '@rapport/sdk';

/**
 * Distinct catalogue features used ÷ catalogue size, a ratio from 0 to 1. Without a catalogue, and for a subject that never
 * had an event, there is no value (`no-data`); a subject that used none of it has 0.
 *
 * Source: *User engagement in B2B SaaS* (feature adoption).
 */
export default defineMetric({
  id: 'feature-adoption',
  title: 'Feature adoption',
  description: 'How much of the product is in use.',
  source: 'User engagement in B2B SaaS: feature adoption',
  unit: 'ratio',
  range: [0, 1],
  subjects: ['account', 'user', 'portfolio'],
  config: Type.Object(
    {
      catalogue: Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        uniqueItems: true,
        description:
          'The features there are, by the names that the events carry. Empty: there is nothing to measure against.',
      }),
      window: durationOption('30d', 'Days looked at.'),
      event: Type.String({ minLength: 1, default: 'Feature Used', description: 'Event that says a feature was used.' }),
      feature: Type.String({ minLength: 1, default: 'feature', description: 'Property that names the feature.' }),
      activity: Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        description: 'Events that make a user active, for the adoption per feature. Empty: every event.',
      }),
    },
    { additionalProperties: false },
  ),
  parts: {
    used: { unit: 'count', description: 'Catalogue features used in the window' },
    catalogue: { unit: 'count', description: 'Features in the catalogue' },
    activeUsers: { unit: 'count', description: 'Users active in the window' },
    adoption: {
      type: 'table',
      unit: 'ratio',
      description: 'Per catalogue feature: users of it ÷ active users. Absent when no user was active',
    },
    untried: { type: 'list', description: 'Catalogue features not used in the window, in catalogue order' },
  },
  window: ({ window }) => last(window),
  measures({ event, feature, window, activity }) {
    const use = { events: [event] };
    return {
      uses: countByKey({ property: feature }, use, last(window)),
      users: countByKey({ property: feature }, use, last(window), 'users'),
      activeUsers: distinct('user', narrowedTo(activity), last(window)),
      ever: count({}, lifetime()),
    };
  },
  compute({ uses, users, activeUsers, ever }, { config: { catalogue } }) {
    if (catalogue.length === 0 || ever === 0) return noData('no-data');
    const untried = catalogue.filter((feature) => !uses.has(feature));
    const used = catalogue.length - untried.length;
    const share = (feature: string) => [feature, (users.get(feature) ?? 0) / activeUsers] as const;
    const adoption = activeUsers === 0 ? null : Object.fromEntries(catalogue.map(share));
    return {
      value: used / catalogue.length,
      n: catalogue.length,
      parts: { used, catalogue: catalogue.length, activeUsers, adoption, untried },
    };
  },
});
