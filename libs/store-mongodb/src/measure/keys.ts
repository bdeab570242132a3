import { asDecimal } from '@rapport/sdk/decimal';
import type { Expression } from '../expression.js';
import {
  and,
  exists,
  filterExpression,
  flag,
  isNumber,
  keyOf,
  listOf,
  numberOf,
  placesOf,
  where,
} from '../expression.js';
import type { Measuring, Pipeline, Wanted } from './pipeline.js';
import { numberIn } from './pipeline.js';
import type { Setting } from './scan.js';
import { createScan, withinWindow } from './scan.js';

/** Distinct sessions, days, event names or values of a property: all of one call over the same key. */
export function distinctPipeline(setting: Setting, wanted: readonly Wanted<Measuring<'distinct'>>[]): Pipeline {
  const scan = scanOf(setting, wanted);
  const key = scan.fields.add(keyExpression(wanted[0]?.measure.of ?? 'event'));
  const names = wanted.map(({ measure }) =>
    scan.fields.add(flag(and([filterExpression(measure.filter), withinWindow(measure.window, '$time')]))),
  );
  return {
    stages: [
      ...scan.stages(),
      { $match: { [key.slice(1)]: { $ne: null } } },
      { $group: { _id: { s: '$s', k: key }, ...each(names, (name) => ({ $max: name })) } },
      { $group: { _id: '$_id.s', ...each(names, (_, m) => ({ $sum: `$${m}` })) } },
      { $addFields: { s: '$_id' } },
    ],
    read(row, subject) {
      wanted.forEach(({ column }, i) => {
        column.number(subject, numberIn(row, `m${String(i)}`));
      });
    },
  };
}

export type Keyed = Measuring<'countByKey' | 'series'>;

/** Events, or sums, per key: all of one call over the same key. */
export function keyedPipeline(setting: Setting, wanted: readonly Wanted<Keyed>[]): Pipeline {
  const scan = scanOf(setting, wanted);
  const key = scan.fields.add(wanted[0] ? keyOfMeasure(wanted[0].measure) : '$name');
  const accumulators: Record<string, Expression> = {};
  wanted.forEach(({ measure }, i) => {
    const holds = and([filterExpression(measure.filter), withinWindow(measure.window, '$time')]);
    const summed = measure.node === 'series' && typeof measure.of === 'object' ? numberOf(measure.of.sum) : null;
    accumulators[`m${String(i)}`] = { $sum: scan.fields.add(summed === null ? flag(holds) : where(holds, summed)) };
    accumulators[`n${String(i)}`] = {
      $sum: scan.fields.add(flag(summed === null ? holds : and([holds, isNumber(summed)]))),
    };
    if (summed !== null)
      accumulators[`p${String(i)}`] = {
        $max: scan.fields.add(where(and([holds, isNumber(summed)]), placesOf(summed))),
      };
  });
  return {
    stages: [
      ...scan.stages(),
      { $match: { [key.slice(1)]: { $ne: null } } },
      { $group: { _id: { s: '$s', k: key }, ...accumulators } },
      { $match: { $or: wanted.map((_, i) => ({ [`n${String(i)}`]: { $gt: 0 } })) } },
      { $addFields: { s: '$_id.s', k: '$_id.k' } },
    ],
    read(row, subject) {
      wanted.forEach(({ column }, i) => {
        const { k } = row;
        if (numberIn(row, `n${String(i)}`) > 0 && (typeof k === 'string' || typeof k === 'number')) {
          column.keyed(subject, k, asDecimal(numberIn(row, `m${String(i)}`), numberIn(row, `p${String(i)}`)));
        }
      });
    },
  };
}

/** Distinct users per key: all of one call over the same key. */
export function usersByKeyPipeline(setting: Setting, wanted: readonly Wanted<Measuring<'countByKey'>>[]): Pipeline {
  const scan = scanOf(setting, wanted, true);
  const key = scan.fields.add(wanted[0] ? keyOfMeasure(wanted[0].measure) : '$name');
  const user = scan.fields.add('$user');
  const names = wanted.map(({ measure }) =>
    scan.fields.add(flag(and([filterExpression(measure.filter), withinWindow(measure.window, '$time')]))),
  );
  return {
    stages: [
      ...scan.stages(),
      { $match: { [key.slice(1)]: { $ne: null } } },
      { $group: { _id: { s: '$s', k: key, u: user }, ...each(names, (name) => ({ $max: name })) } },
      { $group: { _id: { s: '$_id.s', k: '$_id.k' }, ...each(names, (_, m) => ({ $sum: `$${m}` })) } },
      { $addFields: { s: '$_id.s', k: '$_id.k' } },
    ],
    read(row, subject) {
      wanted.forEach(({ column }, i) => {
        const n = numberIn(row, `m${String(i)}`);
        if (n > 0 && typeof row['k'] === 'string') column.keyed(subject, row['k'], n);
      });
    },
  };
}

/**
 * Users per key of their latest event that has one, and events without a user each for itself: all of one call over the same key. The key of each
 * measure's latest event is a row of its own, so that they can be counted together.
 */
export function latestByKeyPipeline(setting: Setting, wanted: readonly Wanted<Measuring<'countByKey'>>[]): Pipeline {
  const scan = scanOf(setting, wanted);
  const key = scan.fields.add(wanted[0] ? keyOfMeasure(wanted[0].measure) : '$name');
  const user = scan.fields.add({ $ifNull: ['$user', null] });
  const alone = scan.fields.add(where({ $not: [exists('$user')] }, '$id'));
  const names = wanted.map(({ measure }) =>
    scan.fields.add(
      where(and([filterExpression(measure.filter), withinWindow(measure.window, '$time')]), {
        t: '$time',
        i: '$id',
        k: keyOfMeasure(measure),
      }),
    ),
  );
  return {
    stages: [
      ...scan.stages(),
      { $match: { [key.slice(1)]: { $ne: null } } },
      { $group: { _id: { s: '$s', u: user, e: alone }, ...each(names, (name) => ({ $max: name })) } },
      {
        $project: {
          s: '$_id.s',
          x: { $concatArrays: names.map((_, i) => listOf('one', { i: { $literal: i }, k: `$m${String(i)}.k` })) },
        },
      },
      { $unwind: '$x' },
      { $match: { 'x.k': { $gte: '' } } },
      { $group: { _id: { s: '$s', i: '$x.i', k: '$x.k' }, n: { $sum: 1 } } },
      { $project: { s: '$_id.s', i: '$_id.i', k: '$_id.k', n: '$n' } },
    ],
    read(row, subject) {
      const { k } = row;
      if (typeof k === 'string') wanted[numberIn(row, 'i')]?.column.keyed(subject, k, numberIn(row, 'n'));
    },
  };
}

const each = (names: readonly string[], expression: (name: string, m: string) => Expression) =>
  Object.fromEntries(names.map((name, i) => [`m${String(i)}`, expression(name, `m${String(i)}`)]));

const scanOf = (
  setting: Setting,
  wanted: readonly Wanted<Measuring<'distinct' | 'countByKey' | 'series'>>[],
  users = false,
) =>
  createScan(setting, {
    filters: wanted.map(({ measure }) => measure.filter),
    windows: wanted.map(({ measure }) => measure.window),
    users,
  });

function keyExpression(of: Measuring<'distinct'>['of']): Expression {
  if (typeof of === 'object') return keyOf(of.property);
  switch (of) {
    case 'session':
      return '$session';
    case 'day':
      return '$day';
    case 'event':
      return '$name';
    case 'user':
    case 'newUser':
      return '$user';
  }
}
const keyOfMeasure = (measure: Keyed): Expression =>
  measure.node === 'series' ? '$day' : measure.key === 'event' ? '$name' : keyOf(measure.key.property);
