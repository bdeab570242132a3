import type { Expression, Stage } from '../expression.js';
import { filterExpression, flag, where } from '../expression.js';
import type { Measuring, Pipeline, Wanted } from './pipeline.js';
import { numberIn, quantileFields, quantileIn } from './pipeline.js';
import type { Setting } from './scan.js';
import { createScan, withinWindow } from './scan.js';

/*
 * Streams: the instants of one user's events in one account, in order, as a list `t`. The lists are walked by index; nothing is
 * collected on the way, so the work is linear in their length.
 */
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const at = (index: Expression): Expression => ({ $arrayElemAt: ['$t', index] });
const gapBefore = (index: Expression): Expression => ({ $subtract: [at(index), at({ $subtract: [index, 1] })] });

/** Active time of one filter and idle time, over any windows. */
export function activeTimePipeline(setting: Setting, wanted: readonly Wanted<Measuring<'activeTime'>>[]): Pipeline {
  const [first] = wanted;
  if (!first) throw new TypeError('activeTimePipeline needs a measure');
  const idle = first.measure.idleMinutes * MINUTE_MS;
  const { stages, own } = streams(setting, wanted, idle, false);
  return {
    stages: [
      ...stages,
      {
        $project: {
          s: '$_id.s',
          ...own.project,
          g: {
            $map: {
              input: {
                $filter: { input: { $range: [1, { $size: '$t' }] }, as: 'i', cond: { $lte: [gapBefore('$$i'), idle] } },
              },
              as: 'i',
              in: { t: at('$$i'), d: gapBefore('$$i') },
            },
          },
        },
      },
      { $unwind: '$g' },
      {
        $group: {
          _id: '$s',
          ...Object.fromEntries(
            wanted.map(({ measure }, i) => [
              `m${String(i)}`,
              { $sum: where(withinWindow(measure.window, '$g.t'), '$g.d') },
            ]),
          ),
        },
      },
      { $addFields: { s: '$_id' } },
    ],
    read(row, subject) {
      wanted.forEach(({ column }, i) => {
        column.number(subject, numberIn(row, `m${String(i)}`) / 1000);
      });
    },
  };
}

/** Number and length of the sessions of one filter and idle time, over any windows. */
export function sessionsPipeline(setting: Setting, wanted: readonly Wanted<Measuring<'sessions'>>[]): Pipeline {
  return {
    stages: [
      ...sessions(setting, wanted),
      {
        $group: {
          _id: '$s',
          ...Object.fromEntries(
            wanted.flatMap(({ measure }, i) => {
              const inside = withinWindow(measure.window, '$x.f');
              return [
                [`n${String(i)}`, { $sum: flag(inside) }],
                [`m${String(i)}`, { $sum: where(inside, '$x.d') }],
              ];
            }),
          ),
        },
      },
      { $addFields: { s: '$_id' } },
    ],
    read(row, subject) {
      wanted.forEach(({ measure, column }, i) => {
        const n = numberIn(row, `n${String(i)}`);
        column.number(subject, measure.of === 'count' ? n : n === 0 ? null : numberIn(row, `m${String(i)}`) / 1000);
      });
    },
  };
}

/** Quantiles of the length of the sessions of one filter, idle time and window. */
export function sessionQuantilesPipeline(setting: Setting, wanted: readonly Wanted<Measuring<'sessions'>>[]): Pipeline {
  const [first] = wanted;
  if (!first) throw new TypeError('sessionQuantilesPipeline needs a measure');
  const quantiles = wanted.map(({ measure }) => (typeof measure.of === 'object' ? measure.of.quantile : 0));
  return {
    stages: [
      ...sessions(setting, wanted),
      { $project: { s: '$s', d: '$x.d', inside: flag(withinWindow(first.measure.window, '$x.f')) } },
      { $match: { inside: 1 } },
      { $sort: { d: 1 } },
      { $group: { _id: '$s', v: { $push: { $divide: ['$d', 1000] } }, n: { $sum: 1 } } },
      { $project: { _id: 0, s: '$_id', n: '$n', ...quantileFields(quantiles) } },
    ],
    read(row, subject) {
      wanted.forEach(({ column }, i) => {
        column.number(subject, quantileIn(row, i, quantiles[i] ?? 0));
      });
    },
  };
}

/** One row per session: `s`, and in `x` its first instant `f` and length `d` in ms. */
function sessions(setting: Setting, wanted: readonly Wanted<Measuring<'sessions'>>[]): Stage[] {
  const idle = (wanted[0]?.measure.idleMinutes ?? 0) * MINUTE_MS;
  const { stages, own } = streams(setting, wanted, Math.max(DAY_MS, idle), true);
  const longest: Expression = { $cond: [{ $eq: [{ $ifNull: ['$_id.x', null] }, null] }, idle, DAY_MS] };
  return [
    ...stages,
    {
      $project: {
        s: '$_id.s',
        ...own.project,
        t: '$t',
        starts: {
          $filter: {
            input: { $range: [0, { $size: '$t' }] },
            as: 'i',
            cond: { $or: [{ $eq: ['$$i', 0] }, { $gt: [gapBefore('$$i'), longest] }] },
          },
        },
      },
    },
    {
      $project: {
        s: '$s',
        ...own.project,
        x: {
          $map: {
            input: { $range: [0, { $size: '$starts' }] },
            as: 'j',
            in: {
              f: at({ $arrayElemAt: ['$starts', '$$j'] }),
              d: {
                $subtract: [
                  at({
                    $subtract: [
                      {
                        $ifNull: [{ $arrayElemAt: ['$starts', { $add: ['$$j', 1] }] }, { $size: '$t' }],
                      },
                      1,
                    ],
                  }),
                  at({ $arrayElemAt: ['$starts', '$$j'] }),
                ],
              },
            },
          },
        },
      },
    },
    { $unwind: '$x' },
  ];
}

/**
 * One row per stream. A session that starts in a window goes on to its end; whether its first event does start it is decided by
 * the event before, at most `reach` earlier.
 */
function streams(
  setting: Setting,
  wanted: readonly Wanted<Measuring<'sessions' | 'activeTime'>>[],
  reach: number,
  bySession: boolean,
) {
  const filter = wanted[0]?.measure.filter ?? {};
  const since = wanted[0]?.measure.window.kind === 'sinceTrait';
  const scan = createScan(setting, {
    filters: [filter],
    windows: wanted.map(({ measure }) => measure.window),
    before: reach,
    after: bySession,
    users: true,
    account: true,
    sort: { time: 1 },
  });
  const matches = scan.fields.add(flag(filterExpression(filter)));
  const key = {
    s: '$s',
    a: '$a',
    u: scan.fields.add('$user'),
    ...(bySession && { x: scan.fields.add({ $ifNull: ['$session', null] }) }),
  };
  const time = scan.fields.add('$time');
  return {
    own: { project: since ? { w: '$w' } : {} },
    stages: [
      ...scan.stages(),
      ...(filter.where ? [{ $match: { [matches.slice(1)]: 1 } }] : []),
      { $group: { _id: key, t: { $push: time }, ...(since && { w: { $first: '$w' } }) } },
    ] satisfies Stage[],
  };
}
