import { defineMetric, distinct, last, meanPerDay, noData, Type } from '@rapport/sdk';

export default defineMetric({
  id: 'stickiness',
  title: 'Stickiness (DAU/MAU)',
  description: 'Share of the month’s users who come on a given day.',
  source: 'Five engagement metrics (Entrepreneur); 10 top customer engagement metrics (SALESmanago)',
  unit: 'ratio',
  range: [0, 1],
  subjects: ['account', 'portfolio'],
  config: Type.Object({
    dau: Type.Union([Type.Literal('average'), Type.Literal('latest')], {
      default: 'average',
      description: 'DAU is the mean over the 30 days, or the last day’s.',
    }),
  }),
  parts: {
    dau: { unit: 'count', description: 'Daily active users, as configured' },
    mau: { unit: 'count', description: 'Users active in the last 30 days' },
  },
  measures: ({ dau }) => ({
    dau: dau === 'latest' ? distinct('user', {}, last('1d')) : meanPerDay({}, last('30d')),
    mau: distinct('user', {}, last('30d')),
  }),
  compute: ({ dau, mau }) => (mau === 0 ? noData('no-data') : { value: dau / mau, n: mau, parts: { dau, mau } }),
});
