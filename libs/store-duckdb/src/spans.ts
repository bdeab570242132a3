import type { Spans } from '@rapport/sdk';
import type { ResolvedMeasure, ResolvedWindow } from '@rapport/store';
import { numberColumn, quantileOf, readTime } from '@rapport/store';
import { filterSql } from './predicate.js';
import { keySql } from './properties.js';
import type { Kind, Numbers } from './rows.js';
import { columns } from './rows.js';
import { allOf, whole } from './sql.js';
import type { View, Want } from './view.js';

/** Measures over what is opened and closed. */
export type SpanMeasure = Extract<ResolvedMeasure, { node: 'spans' }>;
type SpanWant = Want<SpanMeasure>;

/** A span of one owner; never closed is `Infinity`. */
interface Span {
  readonly subject: number;
  readonly since: number;
  until: number;
  /** Values carried, per summed property: instants and values, in order. */
  readonly carried: (readonly [time: number, value: number])[][];
}

/** Answers them with one ordered read of the few events that open, change or close, per definition. */
export async function measureSpans(view: View, wants: readonly SpanWant[]): Promise<void> {
  const groups = new Map<string, SpanWant[]>();
  for (const want of wants) {
    const group = JSON.stringify(want.measure.spans);
    groups.set(group, [...(groups.get(group) ?? []), want]);
  }
  for (const group of groups.values()) {
    const [first] = group;
    if (first) await measureDefinition(view, first.measure.spans, group);
  }
}

async function measureDefinition(view: View, definition: Spans, wants: readonly SpanWant[]): Promise<void> {
  const sums = [
    ...new Set(wants.flatMap(({ measure: { of } }) => (typeof of === 'object' && 'sum' in of ? [of.sum] : []))),
  ];
  const spans = await readSpans(view, definition, sums);
  for (const { measure, answer } of wants) {
    const bounds = await boundsOf(view, measure.window);
    const counts = new Float64Array(view.subjects.length);
    const lists = new Map<number, number[]>();
    const { of } = measure;
    const collect = (subject: number, value: number) => {
      const list = lists.get(subject);
      if (list) list.push(value);
      else lists.set(subject, [value]);
    };
    for (const span of spans) {
      const bound = bounds(span.subject);
      if (!bound || span.since >= bound.end) continue;
      const inside = (instant: number) => instant >= bound.start && instant < bound.end;
      const position = span.subject;
      if (of === 'opened') counts[position] = (counts[position] ?? 0) + (inside(span.since) ? 1 : 0);
      else if (of === 'closed') counts[position] = (counts[position] ?? 0) + (inside(span.until) ? 1 : 0);
      else if (of === 'open') counts[position] = (counts[position] ?? 0) + (span.until >= bound.end ? 1 : 0);
      else if ('quantile' in of) {
        if (inside(span.until)) collect(position, (span.until - span.since) / 1000);
      } else if (span.until >= bound.end) {
        const value = span.carried[sums.indexOf(of.sum)]?.findLast(([time]) => time < bound.end);
        if (value) collect(position, value[1]);
      }
    }
    if (typeof of === 'string')
      answer({ type: 'number', values: counts, valid: new Uint8Array(counts.length).fill(1) });
    else {
      const value = (list: readonly number[]) =>
        'sum' in of ? list.reduce((sum, item) => sum + item, 0) : quantileOf(list, of.quantile);
      answer(
        numberColumn(
          view.subjects.map((_, position) => {
            const list = lists.get(position);
            return list ? value(list) : null;
          }),
        ),
      );
    }
  }
}

/** First instant and the one after the last of each subject's window, by position; null for a subject without one. */
async function boundsOf(
  view: View,
  window: ResolvedWindow,
): Promise<(position: number) => { readonly start: number; readonly end: number } | null> {
  if (window.kind === 'days') {
    const bound = { start: window.start ?? -Infinity, end: window.end };
    return () => bound;
  }
  const { zone } = view.reader;
  const { subjects, values } = await view.trait(window.trait);
  const firsts = new Map<number, number>();
  subjects.forEach((subject, row) => {
    const instant = readTime(values[row]);
    if (instant !== null) firsts.set(view.positions[subject] ?? -1, zone.dayOf(instant));
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

interface Step {
  readonly time: number;
  readonly kind: number;
  /** Null: every open span. */
  readonly key: string | null;
  readonly values: readonly (number | null)[];
}

async function readSpans(view: View, definition: Spans, sums: readonly string[]): Promise<readonly Span[]> {
  const { reader } = view;
  const scope = view.scope('e');
  // In a portfolio each account keeps its own spans; a user's are its own in whatever account they happen.
  const owner = view.level.kind === 'user' ? 'e.usr' : 'e.account';
  const opens = filterSql(definition.open, reader);
  const changes = definition.change ? filterSql(definition.change, reader) : 'false';
  const closes = filterSql(definition.close, reader);
  const effective = definition.effectiveAt === undefined ? null : reader.property(definition.effectiveAt);
  const selected = [
    `(${scope.subject})::DOUBLE`,
    `coalesce(${owner}, -1)::DOUBLE`,
    'e.time::DOUBLE',
    `((${opens})::INTEGER * ${whole(OPEN)} + (${changes})::INTEGER * ${whole(CHANGE)} + (${closes})::INTEGER * ${whole(CLOSE)})::DOUBLE`,
    keySql(reader.property(definition.key)),
    effective ? effective.number : 'NULL::DOUBLE',
    effective ? effective.text : 'NULL::VARCHAR',
    ...sums.map((property) => reader.property(property).number),
  ];
  const rows = allOf([scope.where, `e.time < ${whole(view.asOf)}`, `(${[opens, changes, closes].join(' OR ')})`]);
  const sql = `SELECT ${selected.join(', ')} FROM ${reader.events} ${scope.join} WHERE ${rows} ORDER BY 2, e.time, e.id`;
  const kinds: Kind[] = [
    'number',
    'number',
    'number',
    'number',
    'text',
    'number',
    'text',
    ...sums.map(() => 'number' as const),
  ];
  const read = await columns(reader.connection, sql, kinds);
  const [subjects, owners, times, kindsOf, keys, atNumber, atText, ...carried] = read.columns as unknown as [
    Numbers,
    Numbers,
    Numbers,
    Numbers,
    readonly (string | null)[],
    Numbers,
    readonly (string | null)[],
    ...Numbers[],
  ];

  const spans: Span[] = [];
  let steps: Step[] = [];
  for (let row = 0; row < read.rows; row++) {
    const time = times.values[row] ?? 0;
    const kind = kindsOf.values[row] ?? 0;
    const key = keys[row] ?? null;
    const values = carried.map(({ values: all, valid }) => (valid[row] ? (all[row] ?? 0) : null));
    if (kind & OPEN) steps.push({ time, kind: OPEN, key: key ?? '', values });
    if (kind & CHANGE) steps.push({ time, kind: CHANGE, key: key ?? '', values });
    if (kind & CLOSE) {
      const at = readTime(atText[row] ?? (atNumber.valid[row] ? atNumber.values[row] : undefined));
      steps.push({ time: at ?? time, kind: CLOSE, key, values });
    }
    if (row + 1 === read.rows || owners.values[row] !== owners.values[row + 1]) {
      const position = view.positions[subjects.values[row] ?? 0] ?? -1;
      if (position >= 0) follow(steps, position, spans);
      steps = [];
    }
  }
  return spans;
}

/** Plays one owner's steps. Rows came in the order of time and id, which a stable sort keeps for steps at one instant. */
function follow(steps: readonly Step[], subject: number, spans: Span[]): void {
  const ordered = [...steps].sort((a, b) => a.time - b.time || a.kind - b.kind);
  const running = new Map<string, Span>();
  for (const { time, kind, key, values } of ordered) {
    const span = key === null ? undefined : running.get(key);
    const carry = (to: Span) => {
      values.forEach((value, i) => {
        if (value !== null) to.carried[i]?.push([time, value]);
      });
    };
    if (kind === OPEN && key !== null && !span) {
      const opened: Span = { subject, since: time, until: Infinity, carried: values.map(() => []) };
      carry(opened);
      running.set(key, opened);
      spans.push(opened);
    } else if (kind === CHANGE && span) {
      carry(span);
    } else if (kind === CLOSE) {
      for (const closing of key === null ? running.values() : span ? [span] : []) closing.until = time;
      if (key === null) running.clear();
      else running.delete(key);
    }
  }
}
