import { asDecimal } from '@rapport/sdk/decimal';
import type { Expression } from '../expression.js';
import { and, filterExpression, flag, isNumber, numberOf, placesOf, textOf, timeOf, where } from '../expression.js';
import type { Measuring, Pipeline, Row, Value, Wanted } from './pipeline.js';
import { numberIn, numberOrNull, quantileFields, quantileIn } from './pipeline.js';
import type { Setting } from './scan.js';
import { createScan, withinWindow } from './scan.js';

export type Flat = Measuring<'count' | 'sum' | 'min' | 'max' | 'mean' | 'earliest' | 'latest'>;

/** One pass, one group per subject. `first` and `last` are the least and greatest (time, message id, value). */
export function flatPipeline(setting: Setting, wanted: readonly Wanted<Flat>[]): Pipeline {
  const scan = createScan(setting, {
    filters: wanted.map(({ measure }) => measure.filter),
    windows: wanted.map(({ measure }) => measure.window),
  });
  const accumulators: Record<string, Expression> = {};
  const readers = wanted.map(({ measure, column }, i) => {
    const name = `m${String(i)}`;
    const holds = and([filterExpression(measure.filter), withinWindow(measure.window, '$time')]);
    const accumulate = (operator: string, value: Expression, suffix = '') => {
      accumulators[name + suffix] = { [operator]: scan.fields.add(value) };
    };
    switch (measure.node) {
      case 'count':
        accumulate('$sum', flag(holds));
        return (row: Row, s: number) => {
          column.number(s, numberIn(row, name));
        };
      case 'sum':
      case 'mean': {
        accumulate('$sum', where(holds, numberOf(measure.property)));
        const there = and([holds, isNumber(numberOf(measure.property))]);
        accumulate('$sum', flag(there), 'n');
        accumulate('$max', where(there, placesOf(numberOf(measure.property))), 'p');
        return (row: Row, s: number) => {
          const n = numberIn(row, `${name}n`);
          const sum = asDecimal(numberIn(row, name), numberIn(row, `${name}p`));
          column.number(s, n === 0 ? null : measure.node === 'sum' ? sum : sum / n);
        };
      }
      case 'min':
      case 'max':
        accumulate(`$${measure.node}`, where(holds, numberOf(measure.property)));
        return (row: Row, s: number) => {
          column.number(s, numberOrNull(row, name));
        };
      case 'earliest':
      case 'latest': {
        const operator = measure.node === 'earliest' ? '$min' : '$max';
        const { of } = measure;
        if (of === 'time') {
          accumulate(operator, where(holds, '$time'));
          return (row: Row, s: number) => {
            column.number(s, numberOrNull(row, name));
          };
        }
        const value = { number: numberOf(of.property), text: textOf(of.property), time: timeOf(of.property) }[of.as];
        accumulate(operator, where(and([holds, { $gt: [value, null] }]), { t: '$time', i: '$id', v: value }));
        return (row: Row, s: number) => {
          const found = valueOf(row[name]);
          if (of.as === 'text') column.text(s, typeof found === 'string' ? found : null);
          else column.number(s, typeof found === 'number' ? found : null);
        };
      }
    }
  });
  return {
    stages: [...scan.stages(), { $group: { _id: '$s', ...accumulators } }, { $addFields: { s: '$_id' } }],
    read(row, subject) {
      for (const read of readers) read(row, subject);
    },
  };
}

const valueOf = (document: Value): Value =>
  typeof document === 'object' && document !== null && 'v' in document ? document.v : null;

/** Quantiles of one property, filter and window. */
export function quantilePipeline(setting: Setting, wanted: readonly Wanted<Measuring<'quantile'>>[]): Pipeline {
  const [first] = wanted;
  if (!first) throw new TypeError('quantilePipeline needs a measure');
  const { property, filter, window } = first.measure;
  const scan = createScan(setting, { filters: [filter], windows: [window] });
  const value = scan.fields.add(
    where(and([filterExpression(filter), withinWindow(window, '$time')]), numberOf(property)),
  );
  const name = value.slice(1);
  return {
    stages: [
      ...scan.stages(),
      { $match: { [name]: { $gte: -Infinity } } },
      { $sort: { [name]: 1 } },
      { $group: { _id: '$s', v: { $push: value }, n: { $sum: 1 } } },
      { $project: { _id: 0, s: '$_id', n: '$n', ...quantileFields(wanted.map(({ measure }) => measure.q)) } },
    ],
    read(row, subject) {
      wanted.forEach(({ measure, column }, i) => {
        column.number(subject, quantileIn(row, i, measure.q));
      });
    },
  };
}
