import type { Spans, SpanSum } from '@rapport/sdk';
import type { ResolvedMeasure, ResolvedWindow } from '@rapport/store';
import { dayOf, readInstant, readTime, type Zone } from '@rapport/sdk/time';
import { numberColumn, quantileOf, sumOf } from '@rapport/store';
import { filterSql } from './predicate.js';
import { keySql } from './properties.js';
import type { Numbers } from './rows.js';
import { columns } from './rows.js';
import { allOf, anyOf, number, whole } from './sql.js';
import type { Reader, View, Want } from './view.js';

/** Measures over what is opened and closed. */
export type SpanMeasure = Extract<ResolvedMeasure, { node: 'spans' }>;
type SpanWant = Want<SpanMeasure>;

/** Who keeps spans apart: a user's are its own in whatever account they happen, everywhere else each account keeps its own. */
type Owner = 'usr' | 'account';
const ownerOf = (view: View): Owner => (view.level.kind === 'user' ? 'usr' : 'account');

/** Spans of one definition, as columns. */
interface SpanTable {
  readonly count: number;
  /** Number of the user or account; −1 for none. */
  readonly owner: readonly number[];
  readonly since: readonly number[];
  /** `Infinity` while it runs. */
  readonly until: readonly number[];
  /** Values carried, per summed property: instants and values, in order. */
  readonly carried: readonly (readonly (readonly (readonly [time: number, value: number])[])[])[];
}

/**
 * Answers them for all levels of one `asOf`, with one ordered read of the few events that open, change or close per definition and kind of
 * owner. The spans themselves are followed here: what one event does depends on all before it.
 */
export async function measureSpans(reader: Reader, asOf: number, wants: readonly SpanWant[]): Promise<void> {
  const groups = new Map<string, SpanWant[]>();
  for (const want of wants) {
    const group = JSON.stringify([ownerOf(want.view), want.measure.spans]);
    groups.set(group, [...(groups.get(group) ?? []), want]);
  }
  for (const group of groups.values()) {
    const [first] = group;
    if (!first) continue;
    const summed = group.flatMap(({ measure: { of } }) => (typeof of === 'object' && 'sum' in of ? [of] : []));
    const sums = [...new Map(summed.map((of) => [JSON.stringify(of), of])).values()];
    const spans = await readSpans(reader, asOf, first.measure.spans, ownerOf(first.view), sums);
    const positions = new Map<View, Int32Array>();
    for (const want of group) {
      const at = positions.get(want.view) ?? positionsOf(want.view, spans);
      positions.set(want.view, at);
      answer(want, spans, at, sums);
    }
  }
}

/** Position of each span's subject in a view; −1 for none. */
function positionsOf(view: View, { owner }: SpanTable): Int32Array {
  if (view.level.kind === 'portfolio' && view.level.by === undefined) return new Int32Array(owner.length);
  return Int32Array.from(owner, (number) => view.ownerPositions[number] ?? -1);
}

function answer(want: SpanWant, spans: SpanTable, positions: Int32Array, sums: readonly SpanSum[]): void {
  const { view, measure } = want;
  const { of } = measure;
  const bounds = boundsOf(view, measure.window);
  const counts = new Float64Array(view.subjects.length);
  const lists = new Map<number, number[]>();
  const collect = (subject: number, value: number) => {
    const list = lists.get(subject);
    if (list) list.push(value);
    else lists.set(subject, [value]);
  };
  const carried = spans.carried[sums.findIndex((sum) => JSON.stringify(sum) === JSON.stringify(of))];
  for (let i = 0; i < spans.count; i++) {
    const position = positions[i] ?? -1;
    if (position < 0) continue;
    const bound = bounds(position);
    const since = spans.since[i] ?? 0;
    const until = spans.until[i] ?? Infinity;
    if (!bound || since >= bound.end) continue;
    const closed = until >= bound.start && until < bound.end;
    if (of === 'opened') {
      if (since >= bound.start) counts[position] = (counts[position] ?? 0) + 1;
    } else if (of === 'closed') {
      if (closed) counts[position] = (counts[position] ?? 0) + 1;
    } else if (of === 'open') {
      if (until >= bound.end) counts[position] = (counts[position] ?? 0) + 1;
    } else if ('quantile' in of) {
      if (closed) collect(position, until - since);
    } else if (until >= bound.end) {
      const value = carried?.[i]?.findLast(([time]) => time < bound.end);
      if (value) collect(position, value[1]);
    }
  }
  if (typeof of === 'string') {
    want.answer({ type: 'number', values: counts, valid: new Uint8Array(counts.length).fill(1) });
    return;
  }
  const value = (list: readonly number[]) => ('sum' in of ? sumOf(list) : (quantileOf(list, of.quantile) ?? 0) / 1000);
  want.answer(
    numberColumn(
      view.subjects.map((_, position) => {
        const list = lists.get(position);
        return list ? value(list) : null;
      }),
    ),
  );
}

/** First instant and the one after the last of each subject's window, by position; null for a subject without one. */
function boundsOf(
  view: View,
  window: ResolvedWindow,
): (position: number) => { readonly start: number; readonly end: number } | null {
  if (window.kind === 'days') {
    const bound = { start: window.start ?? -Infinity, end: window.end };
    return () => bound;
  }
  const { zone } = view.reader;
  const { subjects, values } = view.trait(window.trait);
  const firsts = new Map<number, number>();
  subjects.forEach((subject, row) => {
    const time = readTime(values[row], zone);
    if (time !== null) firsts.set(view.positions[subject] ?? -1, dayOf(time, zone));
  });
  return (position) => {
    const first = firsts.get(position);
    if (first === undefined) return null;
    return {
      start: Math.min(view.asOf, zone.startOfDay(first)),
      end: Math.min(view.asOf, zone.startOfDay(first + window.days)),
    };
  };
}

const OPEN = 1;
const CHANGE = 2;
const CLOSE = 4;

async function readSpans(
  reader: Reader,
  asOf: number,
  definition: Spans,
  owner: Owner,
  sums: readonly SpanSum[],
): Promise<SpanTable> {
  const kinds = [
    [OPEN, filterSql(definition.open, reader)],
    [CHANGE, definition.change ? filterSql(definition.change, reader) : 'false'],
    [CLOSE, filterSql(definition.close, reader)],
  ] as const;
  const key = keySql(reader.property(definition.key));
  const effective = definition.effectiveAt === undefined ? null : reader.property(definition.effectiveAt);
  const selected = [
    `coalesce(e.${owner}, -1) AS owner`,
    `${key} AS k`,
    'e.time',
    'e.id',
    `${kinds.map(([kind, filter]) => `(${filter})::INTEGER * ${whole(kind)}`).join(' + ')} AS kind`,
    `${effective ? effective.number : 'NULL::DOUBLE'} AS at_number`,
    `${effective ? effective.text : 'NULL::VARCHAR'} AS at_text`,
    ...sums.map(({ sum, atLeast }, i) => {
      const value = reader.property(sum).number;
      return `${atLeast === undefined ? value : `CASE WHEN ${value} >= ${number(atLeast)} THEN ${value} END`} AS s${String(i)}`;
    }),
  ];
  const rows = allOf([
    `e.time < ${whole(asOf)}`,
    anyOf(kinds.map(([, filter]) => filter)),
    owner === 'usr' ? 'e.usr IS NOT NULL' : 'true',
  ]);
  // Sorted by key, so that one key is a run of rows. Ids decide only which of two values at one instant is the later.
  const sql = `
    SELECT owner::DOUBLE, k, time::DOUBLE, kind::DOUBLE
      , at_number, at_text ${sums.map((_, i) => `, s${String(i)}`).join('')}
    FROM (SELECT ${selected.join(', ')} FROM ${reader.events} WHERE ${rows})
    ORDER BY owner, coalesce(k, ''), time ${sums.length > 0 ? ', id' : ''}`;
  const columnKinds = [
    'number',
    'text',
    'number',
    'number',
    'number',
    'text',
    ...sums.map(() => 'number' as const),
  ] as const;
  const read = await columns(reader.connection, sql, columnKinds);
  const [owners, keys, times, whats, atNumbers, atTexts, ...carried] = read.columns;
  return follow({
    rows: read.rows,
    owner: (row) => owners.values[row] ?? -1,
    key: (row) => keys[row] ?? null,
    time: (row) => times.values[row] ?? 0,
    kind: (row) => whats.values[row] ?? 0,
    closesAt: effective ? closingTimes(atNumbers, atTexts, reader.zone) : () => null,
    carried,
  });
}

const closingTimes =
  (numbers: Numbers, texts: readonly (string | null)[], zone: Zone) =>
  (row: number): number | null =>
    readInstant(texts[row] ?? (numbers.valid[row] ? numbers.values[row] : undefined), zone);

/** Events by owner, key (none and "" together, first) and time. */
interface SpanEvents {
  readonly rows: number;
  owner(row: number): number;
  /** Null: opens and changes the span "", closes every span. */
  key(row: number): string | null;
  time(row: number): number;
  /** Bits: one event may open and close. */
  kind(row: number): number;
  /** When a closing event takes effect, if it says so. */
  closesAt(row: number): number | null;
  readonly carried: readonly Numbers[];
}
interface Step {
  readonly time: number;
  readonly kind: number;
  readonly row: number;
}

function follow(events: SpanEvents): SpanTable {
  const owner: number[] = [];
  const since: number[] = [];
  const until: number[] = [];
  const carried = events.carried.map((): (readonly [number, number])[][] => []);
  const push = (steps: Step[], row: number, kinds: number) => {
    const kind = events.kind(row) & kinds;
    const time = events.time(row);
    if (kind & OPEN) steps.push({ time, kind: OPEN, row });
    if (kind & CHANGE) steps.push({ time, kind: CHANGE, row });
    if (kind & CLOSE) steps.push({ time: events.closesAt(row) ?? time, kind: CLOSE, row });
  };

  let row = 0;
  while (row < events.rows) {
    const current = events.owner(row);
    const nameless: Step[] = [];
    const closings: Step[] = [];
    for (; row < events.rows && events.owner(row) === current && (events.key(row) ?? '') === ''; row++) {
      push(nameless, row, OPEN | CHANGE | CLOSE);
      if (events.key(row) === null) push(closings, row, CLOSE);
    }
    play(current, nameless);
    while (row < events.rows && events.owner(row) === current) {
      const key = events.key(row);
      const steps = [...closings];
      for (; row < events.rows && events.owner(row) === current && events.key(row) === key; row++) {
        push(steps, row, OPEN | CHANGE | CLOSE);
      }
      play(current, steps);
    }
  }
  return { count: owner.length, owner, since, until, carried };

  /** Plays the steps of one key. Opening an open span, or closing or changing a closed one, changes nothing. */
  function play(of: number, steps: Step[]): void {
    steps.sort((a, b) => a.time - b.time || a.kind - b.kind);
    let open = -1;
    for (const { time, kind, row: at } of steps) {
      if (kind === OPEN && open < 0) {
        open = owner.length;
        owner.push(of);
        since.push(time);
        until.push(Infinity);
        for (const values of carried) values.push([]);
        carry(open, time, at);
      } else if (kind === CHANGE && open >= 0) carry(open, time, at);
      else if (kind === CLOSE && open >= 0) {
        until[open] = time;
        open = -1;
      }
    }
  }

  function carry(span: number, time: number, at: number): void {
    events.carried.forEach(({ values, valid }, i) => {
      if (valid[at]) (carried[i]?.[span] as (readonly [number, number])[]).push([time, values[at] ?? 0]);
    });
  }
}
