import type { Column, Frame, Plan, ResolvedMeasure } from '@rapport/store';
import { columnTypeOf, numberColumn, read } from '@rapport/store';
import { emptyAnswer, textAnswer } from './answers.js';
import type { DayMeasure } from './days.js';
import { countsAlong, measureDays } from './days.js';
import { grouped } from './group.js';
import type { FlatMeasure } from './flat.js';
import { measureFlat } from './flat.js';
import type { KeyMeasure } from './keys.js';
import { measureKeys } from './keys.js';
import type { PickMeasure } from './picks.js';
import { measurePick } from './picks.js';
import type { SpanMeasure } from './spans.js';
import { measureSpans } from './spans.js';
import type { StreamMeasure } from './streams.js';
import { measureStreams } from './streams.js';
import type { Reader, View, Want } from './view.js';
import { openView } from './view.js';
import { traitsIn } from './wanted.js';

type TraitMeasure = Extract<ResolvedMeasure, { node: 'trait' }>;
interface Wants {
  readonly flat: Want<FlatMeasure>[];
  readonly picks: Want<PickMeasure>[];
  readonly days: Want<DayMeasure>[];
  readonly streams: Want<StreamMeasure>[];
  readonly keys: Want<KeyMeasure>[];
  readonly spans: Want<SpanMeasure>[];
}

/** What is asked of one view, and the answers by measure (as JSON). */
interface Asked {
  readonly view: View;
  readonly answers: ReadonlyMap<string, Column>;
}

/** Answers plans together: equal measures once, and each grain of the rest (flat, day, stream, key, span) with few scans. */
export async function measurePlans(reader: Reader, plans: readonly Plan[]): Promise<readonly Frame[]> {
  /** Scans are shared by what looks at one instant. */
  const wants = new Map<number, { readonly views: View[]; readonly wants: Wants }>();
  const askedFor = new Map<Plan, Asked>();

  for (const alike of grouped(plans, ({ asOf, level, subjects }) => JSON.stringify([asOf, level, subjects]))) {
    const [first] = alike;
    if (!first) continue;
    const measures = new Map(
      alike.flatMap((plan) => plan.measures.map((measure) => [JSON.stringify(measure), measure])),
    );
    const view = await openView(reader, { ...first, traits: traitsIn([...measures.values()]) });
    const shared = wants.get(view.asOf) ?? { views: [], wants: noWants() };
    wants.set(view.asOf, shared);
    shared.views.push(view);
    const answers = ask(view, measures, shared.wants);
    for (const plan of alike) askedFor.set(plan, { view, answers });
  }

  for (const [asOf, { views, wants: its }] of wants) await answerWants(reader, asOf, views, its);
  return plans.map((plan) => {
    const its = askedFor.get(plan);
    return {
      subjects: its?.view.subjects ?? [],
      columns: plan.measures.map((measure) => its?.answers.get(JSON.stringify(measure)) ?? numberColumn([])),
    };
  });
}

/** Answers measures of one view, by measure (as JSON). */
export async function measureView(view: View, measures: readonly ResolvedMeasure[]): Promise<Asked['answers']> {
  const wants = noWants();
  const answers = ask(view, new Map(measures.map((measure) => [JSON.stringify(measure), measure])), wants);
  await answerWants(view.reader, view.asOf, [view], wants);
  return answers;
}

const noWants = (): Wants => ({ flat: [], picks: [], days: [], streams: [], keys: [], spans: [] });

/** Answers that are filled in once the wants are answered. */
function ask(view: View, measures: ReadonlyMap<string, ResolvedMeasure>, wants: Wants): Asked['answers'] {
  const answers = new Map<string, Column>();
  for (const [name, measure] of measures) {
    answers.set(name, emptyAnswer(view, columnTypeOf(measure), absentValue(measure)));
    const answer = (column: Column) => answers.set(name, column);
    if (measure.node === 'trait') answerTrait(view, measure, answer);
    else if (view.subjects.length > 0 && !(view.level.kind === 'portfolio' && measure.window.kind === 'sinceTrait'))
      sort(wants, view, measure, answer);
  }
  return answers;
}

async function answerWants(reader: Reader, asOf: number, views: readonly View[], wants: Wants): Promise<void> {
  const { flat, picks, days, streams, keys, spans } = wants;
  const along = countsAlong(days);
  for (const view of views) {
    await measureFlat(
      view,
      flat.filter((want) => want.view === view && !along(want)),
    );
    await measureKeys(
      view,
      keys.filter((want) => want.view === view),
    );
  }
  for (const want of picks) await measurePick(want.view, want);
  await measureSpans(reader, asOf, spans);
  await measureDays(reader, asOf, [...days, ...flat.filter(along)]);
  await measureStreams(reader, asOf, streams);
}

/** What a measure answers for a subject that has nothing: 0, or null. */
function absentValue(measure: ResolvedMeasure): 0 | null {
  switch (measure.node) {
    case 'count':
    case 'distinct':
    case 'activeTime':
    case 'meanPerDay':
      return 0;
    case 'sessions':
      return measure.of === 'count' ? 0 : null;
    case 'spans':
      return typeof measure.of === 'string' ? 0 : null;
    default:
      return null;
  }
}

function sort(
  wants: Wants,
  view: View,
  measure: Exclude<ResolvedMeasure, TraitMeasure>,
  answer: (column: Column) => void,
): void {
  switch (measure.node) {
    case 'count':
    case 'sum':
    case 'min':
    case 'max':
    case 'mean':
    case 'quantile':
      wants.flat.push({ view, measure, answer });
      return;
    case 'earliest':
    case 'latest': {
      const { of } = measure;
      if (of === 'time') wants.flat.push({ view, measure: { ...measure, of }, answer });
      else wants.picks.push({ view, measure: { ...measure, of }, answer });
      return;
    }
    case 'series':
    case 'meanPerDay':
      wants.days.push({ view, measure, answer });
      return;
    case 'distinct': {
      const { of } = measure;
      if (of === 'user' || of === 'newUser' || of === 'day')
        wants.days.push({ view, measure: { ...measure, of }, answer });
      else wants.keys.push({ view, measure: { ...measure, of }, answer });
      return;
    }
    case 'countByKey':
      wants.keys.push({ view, measure, answer });
      return;
    case 'sessions':
    case 'activeTime':
      wants.streams.push({ view, measure, answer });
      return;
    case 'spans':
      wants.spans.push({ view, measure, answer });
  }
}

function answerTrait(view: View, measure: TraitMeasure, answer: (column: Column) => void): void {
  if (view.level.kind === 'portfolio') return;
  const { subjects, values } = view.trait(measure.name);
  const { zone } = view.reader;
  const found = values.map((value) => read(value, measure.as, zone));
  if (columnTypeOf(measure) === 'text') {
    answer(textAnswer(view, subjects, found as readonly (string | null)[]));
    return;
  }
  const numbers: (number | null)[] = view.subjects.map(() => null);
  subjects.forEach((subject, row) => {
    const position = view.positions[subject] ?? -1;
    if (position >= 0) numbers[position] = found[row] as number | null;
  });
  answer(numberColumn(numbers));
}
