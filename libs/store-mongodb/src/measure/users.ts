import type { Qualification } from '@rapport/sdk';
import type { Expression, Stage } from '../expression.js';
import { and, filterExpression, flag, where } from '../expression.js';
import type { Measuring, Pipeline, Wanted } from './pipeline.js';
import { numberIn, numberOrNull } from './pipeline.js';
import type { Setting } from './scan.js';
import { createScan, dayWithinWindow } from './scan.js';

export type OverUserDays = Measuring<'distinct' | 'meanPerDay' | 'series'>;
export type UserDayShape = 'users' | 'days' | 'mean' | 'series';

/**
 * Measures of users' days. First one row per subject, user and day, which says for each measure whether that day counts (`c…`);
 * then what the measures of one shape make of it.
 */
export function userDayPipeline(
  setting: Setting,
  shape: UserDayShape,
  wanted: readonly Wanted<OverUserDays>[],
): Pipeline {
  const history = wanted.some(({ measure }) => isNewUser(measure));
  const scan = createScan(setting, {
    filters: wanted.flatMap(({ measure }) => [measure.filter, ...qualificationsOf(measure)]),
    windows: wanted.map(({ measure }) => measure.window),
    users: true,
    ...(history && { before: Infinity }),
  });
  const user = scan.fields.add('$user');
  const day = scan.fields.add('$day');
  const sums: Record<string, Expression> = {};
  const sumOf = (filter: Parameters<typeof filterExpression>[0]) => {
    const field = scan.fields.add(flag(filterExpression(filter)));
    sums[`n${field.slice(1)}`] = { $sum: field };
    return `$n${field.slice(1)}`;
  };
  const counts = wanted.map(({ measure }) => {
    const tests: Expression[] = [
      { $gt: [sumOf(measure.filter), 0] },
      ...qualificationsOf(measure).map((test): Expression => ({ $gte: [sumOf(test), test.atLeast] })),
    ];
    const inside = dayWithinWindow(measure.window, '$_id.d');
    return isNewUser(measure) ? where(and(tests), '$_id.d') : flag(and([...tests, inside]));
  });
  const since = wanted[0]?.measure.window.kind === 'sinceTrait';
  const own = since ? { w: { $first: '$w' } } : {};
  const m = (expression: (field: string, wanted: Wanted<OverUserDays>) => Expression) =>
    Object.fromEntries(wanted.map((one, i) => [`m${String(i)}`, expression(`$m${String(i)}`, one)]));

  const rest: Record<UserDayShape, () => Stage[]> = {
    users: () => [
      {
        $group: {
          _id: { s: '$_id.s', u: '$_id.u' },
          ...own,
          ...m((field, { measure }) => (isNewUser(measure) ? { $min: field } : { $max: field })),
        },
      },
      {
        $group: {
          _id: '$_id.s',
          ...m((field, { measure }) =>
            isNewUser(measure)
              ? { $sum: flag(and([{ $gt: [field, null] }, dayWithinWindow(measure.window, field)])) }
              : { $sum: field },
          ),
        },
      },
      { $addFields: { s: '$_id' } },
    ],
    days: () => [
      { $group: { _id: { s: '$_id.s', d: '$_id.d' }, ...m((field) => ({ $max: field })) } },
      { $group: { _id: '$_id.s', ...m((field) => ({ $sum: field })) } },
      { $addFields: { s: '$_id' } },
    ],
    mean: () => [
      {
        $group: {
          _id: '$_id.s',
          ...own,
          ...m((field) => ({ $sum: field })),
          ...Object.fromEntries(
            wanted.map((_, i) => [`d${String(i)}`, { $min: where({ $eq: [`$m${String(i)}`, 1] }, '$_id.d') }]),
          ),
        },
      },
      { $addFields: { s: '$_id', ...(since && { from: '$w.from', to: '$w.to' }) } },
    ],
    series: () => [
      { $group: { _id: { s: '$_id.s', d: '$_id.d' }, ...m((field) => ({ $sum: field })) } },
      { $addFields: { s: '$_id.s', d: '$_id.d' } },
    ],
  };
  return {
    stages: [
      ...scan.stages(),
      { $group: { _id: { s: '$s', u: user, d: day }, ...own, ...sums } },
      {
        $project: {
          ...(since && { w: '$w' }),
          ...Object.fromEntries(counts.map((count, i) => [`m${String(i)}`, count])),
        },
      },
      ...rest[shape](),
    ],
    read(row, subject) {
      wanted.forEach(({ measure, column }, i) => {
        const n = numberIn(row, `m${String(i)}`);
        switch (shape) {
          case 'users':
          case 'days':
            column.number(subject, n);
            break;
          case 'mean': {
            const { window } = measure;
            const days = window.kind === 'days';
            const from = days ? window.from : numberIn(row, 'from');
            const to = days ? window.to : numberIn(row, 'to');
            const first = from ?? numberOrNull(row, `d${String(i)}`) ?? to;
            column.number(subject, n === 0 ? 0 : n / (to - first + 1));
            break;
          }
          case 'series':
            if (n > 0) column.keyed(subject, numberIn(row, 'd'), n);
        }
      });
    },
  };
}

export const isNewUser = (measure: OverUserDays): boolean => measure.node === 'distinct' && measure.of === 'newUser';
const qualificationsOf = (measure: OverUserDays): readonly Qualification[] => measure.qualifying ?? [];
