import type { Filter } from '@rapport/sdk';
import { dayOf, readTime } from '@rapport/sdk/time';
import type { Frame, Json, Plan, ResolvedMeasure, ResolvedWindow } from '@rapport/store';
import { read } from '@rapport/store';
import { randomUUID } from 'node:crypto';
import type { ScratchDocument } from '../collections.js';
import { encodeId, encodeText } from '../text.js';
import { createColumn } from './columns.js';
import { flatPipeline, quantilePipeline } from './flat.js';
import { distinctPipeline, keyedPipeline, latestByKeyPipeline, usersByKeyPipeline } from './keys.js';
import type { Measuring, Pipeline, Row, Wanted } from './pipeline.js';
import type { Setting, SinceWindows } from './scan.js';
import type { Scope } from './scope.js';
import { aggregate, kindOf, narrowedTo } from './scope.js';
import { spansPipeline } from './spans.js';
import { activeTimePipeline, sessionQuantilesPipeline, sessionsPipeline } from './streams.js';
import { subjectsOf, traitValues } from './subjects.js';
import { userDayPipeline } from './users.js';

/** Pipelines that run at the same time. */
const PARALLEL = 4;

/** Answers one plan. Everything is computed by MongoDB; what comes back is one row per subject (and key). */
export async function measurePlan(scope: Scope, plan: Plan): Promise<Frame> {
  const subjects = await subjectsOf(scope, plan);
  const wanted = plan.measures.map((measure) => ({ measure, column: createColumn(measure, subjects.ids.length) }));
  if (subjects.ids.length > 0) {
    await answerTraits(scope, plan, wanted, subjects.index);
    const windows = plan.measures.flatMap((measure) => ('window' in measure ? [measure.window] : []));
    const { setting, end } = await prepare(scope, plan, windows, subjects.groups);
    try {
      await inParallel(pipelinesOf(setting, wanted), async ({ stages, read }) => {
        for await (const row of aggregate<Row>(scope, stages)) {
          const subject = subjects.index.get(row.s);
          if (subject !== undefined) read(row, subject);
        }
      });
    } finally {
      await end();
    }
  }
  return { subjects: subjects.ids, columns: wanted.map(({ column }) => column.build()) };
}

async function answerTraits(
  scope: Scope,
  { level, asOf, subjects }: Plan,
  wanted: readonly Wanted[],
  index: ReadonlyMap<string, number>,
): Promise<void> {
  if (level.kind === 'portfolio') return;
  const traits = wanted.filter((one): one is Wanted<Measuring<'trait'>> => one.measure.node === 'trait');
  const names = [...new Set(traits.map(({ measure }) => measure.name))];
  const only = level.kind === 'family' || subjects ? narrowedTo(index.keys()) : null;
  const values = await traitValues(scope, kindOf(scope, level), asOf, names, only);
  for (const { measure, column } of traits) {
    const name = encodeId(measure.name);
    for (const value of values) {
      const subject = value.name === name ? index.get(value.subject) : undefined;
      if (subject === undefined) continue;
      const found = read(JSON.parse(value.json) as Json, measure.as, scope.zone);
      if (typeof found === 'number') column.number(subject, found);
      else if (found !== null) column.text(subject, encodeText(found));
    }
  }
}

/** Writes to `scratch` what events are joined with: accounts' groups, subjects' own windows. Call `end` to remove it. */
export async function prepare(
  scope: Scope,
  { level, asOf, subjects }: Pick<Plan, 'level' | 'asOf' | 'subjects'>,
  windows: readonly ResolvedWindow[],
  groups: ReadonlyMap<string, string> | undefined,
): Promise<{ readonly setting: Setting; readonly end: () => Promise<void> }> {
  const { scratch } = scope.collections;
  const call = randomUUID();
  const createdAt = new Date();
  const subset = subjects?.map(encodeId);
  const since = new Map<string, SinceWindows>();
  let written = 0;
  const write = async (documents: readonly ScratchDocument[]) => {
    written += documents.length;
    if (documents.length > 0) await scratch.insertMany(documents, { ordered: false });
  };
  if (groups) {
    await write([...groups].map(([account, group]) => ({ _id: `${call}:${account}`, call, createdAt, group })));
  }
  for (const window of level.kind === 'portfolio' ? [] : windows) {
    if (window.kind !== 'sinceTrait' || since.has(sinceKey(window))) continue;
    const own = `${call}:${String(since.size)}`;
    const owners = narrowedTo(groups?.values() ?? subset);
    const values = await traitValues(scope, kindOf(scope, level), asOf, [window.trait], owners);
    const ownWindows = new Map(
      values.flatMap(({ subject, json }) => {
        const time = readTime(JSON.parse(json), scope.zone);
        return time === null ? [] : [[subject, ownWindow(scope, asOf, dayOf(time, scope.zone), window.days)] as const];
      }),
    );
    // An account in a family is joined with the window of the family's head.
    const documents = [...(groups ?? [...ownWindows.keys()].map((subject) => [subject, subject] as const))].flatMap(
      ([joined, group]): ScratchDocument[] => {
        const found = ownWindows.get(group);
        return found ? [{ _id: `${own}:${joined}`, call, createdAt, group, ...found }] : [];
      },
    );
    await write(documents);
    since.set(sinceKey(window), {
      call: own,
      start: documents.reduce((least, { start = least }) => Math.min(least, start), asOf),
      end: documents.reduce((most, { end = most }) => Math.max(most, end), -Infinity),
    });
  }
  return {
    setting: {
      scope,
      level,
      asOf,
      groups: groups ? call : null,
      only: level.kind === 'portfolio' ? null : narrowedTo(groups?.keys() ?? subset),
      since: (window) => since.get(sinceKey(window)) ?? { call, start: asOf, end: asOf },
    },
    async end() {
      if (written > 0) await scratch.deleteMany({ call });
    },
  };
}

function ownWindow({ zone }: Scope, asOf: number, from: number, days: number) {
  return {
    from,
    to: Math.min(zone.dayOf(asOf - 1), from + days - 1),
    start: Math.min(asOf, zone.startOfDay(from)),
    end: Math.min(asOf, zone.startOfDay(from + days)),
  };
}

type SinceTrait = Extract<ResolvedWindow, { kind: 'sinceTrait' }>;
const sinceKey = ({ trait, days }: SinceTrait) => JSON.stringify([trait, days]);

/** Measures that one pipeline can answer have the same key. */
function pipelinesOf(setting: Setting, wanted: readonly Wanted[]): Pipeline[] {
  const groups = new Map<
    string,
    { readonly make: (wanted: readonly Wanted[]) => Pipeline; readonly wanted: Wanted[] }
  >();
  for (const one of wanted) {
    const { measure } = one;
    if (measure.node === 'trait') continue;
    if (measure.window.kind === 'sinceTrait' && setting.level.kind === 'portfolio') continue;
    const { key, make } = classOf(setting, measure);
    const group = groups.get(key);
    if (group) group.wanted.push(one);
    else groups.set(key, { make, wanted: [one] });
  }
  return [...groups.values()].map(({ make, wanted: members }) => make(members));
}

function classOf(
  setting: Setting,
  measure: Exclude<ResolvedMeasure, { node: 'trait' }>,
): { readonly key: string; readonly make: (wanted: readonly Wanted[]) => Pipeline } {
  const { window } = measure;
  // Measures of the same reach share a scan: those of bounded windows, those of all history, those since the same trait.
  const reach = window.kind === 'sinceTrait' ? sinceKey(window) : window.start === null ? 'all' : 'bounded';
  const named = (filter: Filter) => (reach !== 'bounded' && filter.events ? 'named' : 'any');
  const of = <N extends ResolvedMeasure>(
    key: readonly unknown[],
    pipeline: (setting: Setting, wanted: readonly Wanted<N>[]) => Pipeline,
  ) => ({
    key: JSON.stringify([reach, ...key]),
    make: (wanted: readonly Wanted[]) => pipeline(setting, wanted as readonly Wanted<N>[]),
  });
  switch (measure.node) {
    case 'count':
    case 'sum':
    case 'min':
    case 'max':
    case 'mean':
    case 'earliest':
    case 'latest':
      return of(['flat', named(measure.filter)], flatPipeline);
    case 'quantile':
      return of(['quantile', measure.property, measure.filter, window], quantilePipeline);
    case 'distinct': {
      const { of: what } = measure;
      if (what === 'user' || what === 'newUser') {
        const history = what === 'newUser' ? 'all' : reach;
        return of<Measuring<'distinct'>>(['users', history, named(measure.filter)], (s, w) =>
          userDayPipeline(s, 'users', w),
        );
      }
      if (what === 'day' && measure.qualifying?.length) {
        return of<Measuring<'distinct'>>(['days', named(measure.filter)], (s, w) => userDayPipeline(s, 'days', w));
      }
      return of(['distinct', what, named(measure.filter)], distinctPipeline);
    }
    case 'countByKey':
      if (measure.of === 'latest') return of(['latestByKey', measure.key, named(measure.filter)], latestByKeyPipeline);
      return measure.of === 'users'
        ? of(['usersByKey', measure.key, named(measure.filter)], usersByKeyPipeline)
        : of(['keyed', measure.key, named(measure.filter)], keyedPipeline);
    case 'series':
      return measure.of === 'users'
        ? of<Measuring<'series'>>(['series', named(measure.filter)], (s, w) => userDayPipeline(s, 'series', w))
        : of(['keyed', 'day', named(measure.filter)], keyedPipeline);
    case 'meanPerDay':
      return of<Measuring<'meanPerDay'>>(['mean', named(measure.filter)], (s, w) => userDayPipeline(s, 'mean', w));
    case 'sessions':
      return typeof measure.of === 'object'
        ? of(['sessionQuantiles', measure.filter, measure.idleMinutes, window], sessionQuantilesPipeline)
        : of(['sessions', measure.filter, measure.idleMinutes], sessionsPipeline);
    case 'activeTime':
      return of(['activeTime', measure.filter, measure.idleMinutes], activeTimePipeline);
    case 'spans':
      return typeof measure.of === 'object' && 'quantile' in measure.of
        ? of<Measuring<'spans'>>(['spanQuantiles', measure.spans, window], (s, w) => spansPipeline(s, w, true))
        : of<Measuring<'spans'>>(['spans', measure.spans], (s, w) => spansPipeline(s, w, false));
  }
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}
