import type { SpanSum } from '@rapport/sdk';
import { asDecimal } from '@rapport/sdk/decimal';
import type { Expression } from '../expression.js';
import { and, exists, filterExpression, keyOf, listOf, numberOf, placesOf, timeOf, where } from '../expression.js';
import type { Measuring, Pipeline, Wanted } from './pipeline.js';
import { numberIn, quantileFields, quantileIn } from './pipeline.js';
import type { Setting } from './scan.js';
import { createScan, withinWindow } from './scan.js';

/*
 * Spans: each owner's steps (0 opens, 1 changes, 2 closes) in order, walked once by `$reduce`, which keeps what runs and what is
 * done. That history does not depend on a window, so all measures over one definition share it.
 */
const OPEN = 0;
const CHANGE = 1;
const CLOSE = 2;

/** Counts and sums of one definition of spans, and with `quantile` the quantiles of one window. */
export function spansPipeline(
  setting: Setting,
  wanted: readonly Wanted<Measuring<'spans'>>[],
  quantiles: boolean,
): Pipeline {
  const [first] = wanted;
  if (!first) throw new TypeError('spansPipeline needs a measure');
  const { spans } = first.measure;
  const since = first.measure.window.kind === 'sinceTrait';
  const byUser = setting.level.kind === 'user';
  const scan = createScan(setting, {
    filters: [spans.open, spans.close, ...(spans.change ? [spans.change] : [])],
    windows: wanted.map(({ measure }) => measure.window),
    before: Infinity,
    after: true,
    account: !byUser,
  });
  const kind = (filter: Parameters<typeof filterExpression>[0], code: number): Expression => ({
    $cond: [filterExpression(filter), [code], []],
  });
  const kinds = scan.fields.add({
    $concatArrays: [
      kind(spans.open, OPEN),
      ...(spans.change ? [kind(spans.change, CHANGE)] : []),
      kind(spans.close, CLOSE),
    ],
  });
  const key = scan.fields.add({ $ifNull: [keyOf(spans.key), null] });
  const time = scan.fields.add('$time');
  const effective =
    spans.effectiveAt === undefined ? time : scan.fields.add({ $ifNull: [timeOf(spans.effectiveAt), '$time'] });
  const id = scan.fields.add('$id');
  const summed = wanted.flatMap(({ measure }) => sumOf(measure) ?? []);
  const sums = [...new Map(summed.map((sum) => [JSON.stringify(sum), sum])).values()];
  const carried = sums.map(({ sum, atLeast }) =>
    scan.fields.add(
      atLeast === undefined
        ? { $ifNull: [numberOf(sum), null] }
        : where({ $gte: [numberOf(sum), atLeast] }, numberOf(sum)),
    ),
  );
  const values = Object.fromEntries(carried.map((field, i) => [`v${String(i)}`, field]));
  const ownWindow = since ? { w: '$w' } : {};

  const owner = byUser ? '$s' : '$a';
  return {
    stages: [
      ...scan.stages(),
      { $unwind: kinds },
      {
        $project: {
          s: '$s',
          owner,
          ...ownWindow,
          o: kinds,
          x: { $cond: [{ $eq: [kinds, CLOSE] }, effective, time] },
          k: { $cond: [{ $eq: [kinds, CLOSE] }, key, { $ifNull: [key, ''] }] },
          i: id,
          ...values,
        },
      },
      { $match: { x: { $lt: setting.asOf } } },
      { $sort: { x: 1, o: 1, i: 1 } },
      {
        $group: {
          _id: { s: '$s', owner: { $ifNull: ['$owner', null] } },
          ...(since && { w: { $first: '$w' } }),
          steps: {
            $push: {
              o: '$o',
              x: '$x',
              k: { $ifNull: ['$k', null] },
              ...Object.fromEntries(sums.map((_, i) => [`v${String(i)}`, `$v${String(i)}`])),
            },
          },
        },
      },
      { $project: { s: '$_id.s', ...ownWindow, spans: history(sums.length > 0) } },
      { $project: { s: '$s', ...ownWindow, spans: { $concatArrays: ['$spans.run', '$spans.done'] } } },
      ...(quantiles
        ? [
            { $project: { s: '$s', d: durations(first.measure) } },
            { $unwind: '$d' },
            { $sort: { d: 1 } },
            { $group: { _id: '$s', v: { $push: '$d' }, n: { $sum: 1 } } },
            {
              $project: {
                _id: 0,
                s: '$_id',
                n: '$n',
                ...quantileFields(wanted.map(({ measure }) => quantileOf(measure))),
              },
            },
          ]
        : [
            {
              $project: {
                s: '$s',
                ...Object.fromEntries(wanted.map(({ measure }, i) => [`m${String(i)}`, perOwner(measure, sums)])),
              },
            },
            {
              $group: {
                _id: '$s',
                ...Object.fromEntries(
                  wanted.flatMap(({ measure }, i): [string, Expression][] => {
                    const m = `m${String(i)}`;
                    return sumOf(measure) === null
                      ? [[m, { $sum: `$${m}` }]]
                      : [
                          [m, { $sum: { $sum: `$${m}` } }],
                          [`n${String(i)}`, { $sum: { $size: `$${m}` } }],
                          [
                            `p${String(i)}`,
                            { $max: { $max: { $map: { input: `$${m}`, as: 'value', in: placesOf('$$value') } } } },
                          ],
                        ];
                  }),
                ),
              },
            },
            { $addFields: { s: '$_id' } },
          ]),
    ],
    read(row, subject) {
      wanted.forEach(({ measure, column }, i) => {
        if (quantiles) column.number(subject, quantileIn(row, i, quantileOf(measure)));
        else {
          const none = sumOf(measure) !== null && numberIn(row, `n${String(i)}`) === 0;
          column.number(
            subject,
            none ? null : asDecimal(numberIn(row, `m${String(i)}`), numberIn(row, `p${String(i)}`)),
          );
        }
      });
    },
  };
}

const sumOf = ({ of }: Measuring<'spans'>): SpanSum | null => (typeof of === 'object' && 'sum' in of ? of : null);
const quantileOf = ({ of }: Measuring<'spans'>): number =>
  typeof of === 'object' && 'quantile' in of ? of.quantile : 0;

/** Spans as `k` key, `f` opened at, `c` closed at (null: running), `h` the steps that carried values. */
function history(keepSteps: boolean): Expression {
  const running: Expression = '$$value.run';
  const concerned: Expression = { $or: [{ $eq: ['$$this.k', null] }, { $eq: ['$$span.k', '$$this.k'] }] };
  const known: Expression = {
    $gt: [{ $size: { $filter: { input: running, as: 'span', cond: { $eq: ['$$span.k', '$$this.k'] } } } }, 0],
  };
  const steps: Expression = keepSteps ? listOf('item', '$$this') : [];
  const opened = listOf('fresh', { k: '$$this.k', f: '$$this.x', c: { $literal: null }, h: steps });
  const changed: Expression = {
    $map: {
      input: running,
      as: 'span',
      in: {
        k: '$$span.k',
        f: '$$span.f',
        c: '$$span.c',
        h: { $cond: [{ $eq: ['$$span.k', '$$this.k'] }, { $concatArrays: ['$$span.h', steps] }, '$$span.h'] },
      },
    },
  };
  const closed: Expression = {
    $map: {
      input: { $filter: { input: running, as: 'span', cond: concerned } },
      as: 'span',
      in: { k: '$$span.k', f: '$$span.f', c: '$$this.x', h: '$$span.h' },
    },
  };
  const is = (code: number): Expression => ({ $eq: ['$$this.o', code] });
  return {
    $reduce: {
      input: '$steps',
      initialValue: { run: [], done: [] },
      in: {
        run: {
          $cond: [
            is(OPEN),
            { $cond: [known, running, { $concatArrays: [running, opened] }] },
            {
              $cond: [
                is(CHANGE),
                keepSteps ? changed : running,
                { $filter: { input: running, as: 'span', cond: { $not: [concerned] } } },
              ],
            },
          ],
        },
        done: { $cond: [is(CLOSE), { $concatArrays: ['$$value.done', closed] }, '$$value.done'] },
      },
    },
  };
}

const spansWhere = (cond: Expression): Expression => ({ $filter: { input: '$spans', as: 'span', cond } });
const endOf = ({ window }: Measuring<'spans'>): Expression => (window.kind === 'days' ? window.end : '$w.end');
const openAtEnd = (measure: Measuring<'spans'>): Expression =>
  spansWhere({
    $and: [
      { $lt: ['$$span.f', endOf(measure)] },
      { $or: [{ $eq: ['$$span.c', null] }, { $gte: ['$$span.c', endOf(measure)] }] },
    ],
  });
const closedInside = (measure: Measuring<'spans'>): Expression =>
  spansWhere(and([exists('$$span.c'), withinWindow(measure.window, '$$span.c')]));

function perOwner(measure: Measuring<'spans'>, sums: readonly SpanSum[]): Expression {
  switch (measure.of) {
    case 'opened':
      return { $size: spansWhere(withinWindow(measure.window, '$$span.f')) };
    case 'closed':
      return { $size: closedInside(measure) };
    case 'open':
      return { $size: openAtEnd(measure) };
    default: {
      // The latest value that a step of the span carried before the window's end.
      const value = `v${String(sums.findIndex((sum) => JSON.stringify(sum) === JSON.stringify(measure.of)))}`;
      const carried: Expression = {
        $map: {
          input: {
            $filter: {
              input: '$$span.h',
              as: 'step',
              cond: and([exists(`$$step.${value}`), { $lt: ['$$step.x', endOf(measure)] }]),
            },
          },
          as: 'step',
          in: `$$step.${value}`,
        },
      };
      const latest: Expression = {
        $map: { input: openAtEnd(measure), as: 'span', in: { $ifNull: [{ $arrayElemAt: [carried, -1] }, null] } },
      };
      return { $filter: { input: latest, as: 'value', cond: exists('$$value') } };
    }
  }
}

const durations = (measure: Measuring<'spans'>): Expression => ({
  $map: {
    input: closedInside(measure),
    as: 'span',
    in: { $divide: [{ $subtract: ['$$span.c', '$$span.f'] }, 1000] },
  },
});
