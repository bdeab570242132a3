import type { Calendar, ComputeContext, MetricDefinition, MetricResult, ResultReason, SubjectKind } from '@rapport/sdk';
import { isDeepStrictEqual } from 'node:util';
import { valueAt, type Column } from '@rapport/store';
import { EngineError, messageOf } from './error.js';
import { inputsOver, type Cursor } from './inputs.js';
import type { ComputeReply, PortfolioResult } from './protocol.js';
import { resultColumns } from './result-columns.js';

/** What a metric is computed over. */
export interface ComputeFrame {
  readonly kind: SubjectKind;
  readonly asOf: number;
  readonly calendar: Calendar;
  readonly subjects: readonly string[];
  /** Results of metrics computed before, by column name. */
  readonly results: Readonly<Record<string, Column>>;
}
export interface MetricUnderWay {
  readonly definition: MetricDefinition;
  readonly config: Readonly<Record<string, unknown>>;
  readonly uses: readonly string[];
  /** Scope of a scoped metric: the metrics that it uses are those of the scope. */
  readonly scope: string | null;
  readonly portfolio: Readonly<Record<string, PortfolioResult>>;
  readonly maxFailures: number;
  /** 1 for subjects that have failed already (in a fold). */
  readonly failed: Uint8Array | null;
}

const own = (columns: Readonly<Record<string, Column>>, name: string): Column | undefined =>
  Object.hasOwn(columns, name) ? columns[name] : undefined;
const numberAt = (column: Column | undefined, i: number): number | null =>
  column?.type === 'number' && column.valid[i] ? (column.values[i] ?? null) : null;

/** The reason in a metric's `.reason` column; without the column, nothing was computed. */
export const reasonAt = (column: Column | undefined, i: number): ResultReason | null =>
  column?.type === 'text' ? ((column.dictionary[column.codes[i] ?? -1] ?? null) as ResultReason | null) : 'unavailable';

/** A used metric's result, read at the cursor. */
function resultAt(id: string, results: Readonly<Record<string, Column>>, cursor: Cursor): MetricResult {
  const values = own(results, id);
  const reasons = own(results, `${id}.reason`);
  return {
    get value() {
      return numberAt(values, cursor.i);
    },
    get reason() {
      return reasonAt(reasons, cursor.i);
    },
    part: (name) => numberAt(own(results, `${id}.${name}`), cursor.i),
  };
}

/** The id under which a metric's results stand that a metric of a scope knows by its plain name. */
export const scopedId = (id: string, scope: string | null): string =>
  scope === null || id.includes(':') ? id : `${id}:${scope}`;

const fixedResult = ({ value, reason, parts }: PortfolioResult): MetricResult => ({
  value,
  reason,
  part: (name) => (Object.hasOwn(parts, name) ? (parts[name] ?? null) : null),
});

function contextOver(
  frame: ComputeFrame,
  { definition, config, uses, scope, portfolio }: MetricUnderWay,
  cursor: Cursor,
  seen: { asOf: boolean },
): ComputeContext<Readonly<Record<string, unknown>>, string, string> {
  const used = new Map(uses.map((id) => [id, resultAt(scopedId(id, scope), frame.results, cursor)]));
  const whole = new Map(Object.entries(portfolio).map(([id, result]) => [id, fixedResult(result)]));
  const notNamed = (id: string, hook: string) =>
    new EngineError(
      'RAPPORT_METRIC_NOT_USED',
      `"${definition.id}" reads the metric "${id}" without naming it in "${hook}". Return it from ${hook}(config).`,
    );
  const subject = {
    kind: frame.kind,
    get id() {
      return frame.subjects[cursor.i] ?? '';
    },
  };
  const today = frame.calendar.dayOf(frame.asOf - 1);
  return Object.freeze({
    config,
    get asOf() {
      seen.asOf = true;
      return frame.asOf;
    },
    calendar: frame.calendar,
    today,
    isOver(day: number): boolean {
      // Today is over for one instant only: the last of it.
      if (day === today) seen.asOf = true;
      return day < today || (day === today && frame.calendar.startOfDay(day + 1) === frame.asOf);
    },
    subject,
    metric(id: string): MetricResult {
      const result = used.get(id);
      if (!result) throw notNamed(id, 'uses');
      return result;
    },
    portfolio(id: string): MetricResult {
      const result = whole.get(scopedId(id, scope));
      if (!result) throw notNamed(id, 'usesPortfolio');
      return result;
    },
  });
}

/** Subjects that are computed twice, to find metrics that keep state between calls. */
const AGAIN = 2;

/** Runs `one` for every subject, isolating each: what throws or returns nonsense is null for that subject alone. */
function forEach(
  frame: ComputeFrame,
  metric: MetricUnderWay,
  cursor: Cursor,
  seen: { readonly asOf: boolean },
  one: () => unknown,
): ComputeReply {
  const { subjects } = frame;
  const { maxFailures, failed } = metric;
  const out = resultColumns(metric.definition, subjects.length);
  const threw = { subjects: 0, example: null as string | null };
  const invalid = { subjects: 0, example: null as string | null };
  let consecutive = 0;
  let i = 0;
  for (; i < subjects.length && consecutive < maxFailures; i++) {
    cursor.i = i;
    if (failed?.[i]) {
      out.refuse(i, 'error');
      threw.subjects++;
      consecutive++;
      continue;
    }
    try {
      const refused = out.write(i, one());
      if (refused === null) {
        consecutive = 0;
        continue;
      }
      invalid.subjects++;
      invalid.example ??= `${frame.kind} "${subjects[i] ?? ''}": ${refused}`;
    } catch (error) {
      out.refuse(i, 'error');
      threw.subjects++;
      threw.example ??= `${frame.kind} "${subjects[i] ?? ''}": ${messageOf(error)}`;
    }
    consecutive++;
  }
  const computed = i;
  const switchedOff = subjects.length - i;
  for (; i < subjects.length; i++) out.refuse(i, 'switched-off');
  const columns = out.finish();
  return { columns, threw, invalid, switchedOff, readAsOf: seen.asOf, keptState: keptState() };

  /** Computes the first subjects again. What comes out otherwise depends on what was computed before it. */
  function keptState(): string | null {
    for (let k = 0; k < Math.min(AGAIN, computed); k++) {
      if (failed?.[k]) continue;
      cursor.i = k;
      const again = resultColumns(metric.definition, 1);
      try {
        again.write(0, one());
      } catch {
        again.refuse(0, 'error');
      }
      const found = again.finish();
      for (const [name, column] of Object.entries(columns)) {
        const other = found[name];
        if (other && !isDeepStrictEqual(valueAt(column, k), valueAt(other, 0)))
          return `${frame.kind} "${subjects[k] ?? ''}" has another ${name} when it is computed again`;
      }
    }
    return null;
  }
}

/** Computes a metric for every subject of a frame. `inputs` are columns by input name. */
export function computeOver(
  frame: ComputeFrame,
  metric: MetricUnderWay,
  inputs: Readonly<Record<string, Column>>,
): ComputeReply {
  const cursor: Cursor = { i: 0 };
  const flyweight = inputsOver(inputs, cursor);
  const seen = { asOf: false };
  const context = contextOver(frame, metric, cursor, seen);
  const { definition } = metric;
  return forEach(frame, metric, cursor, seen, () => definition.compute(flyweight, context));
}

/**
 * Computes a metric's portfolio value (one, or one per group) as a reduction over accounts.
 *
 * @param inputs columns over the accounts
 * @param groups per account the index of its subject in `frame`, or null when all belong to the only one
 */
export function reduceOver(
  frame: ComputeFrame,
  metric: MetricUnderWay,
  accounts: number,
  inputs: Readonly<Record<string, Column>>,
  groups: Int32Array | null,
): ComputeReply {
  const cursor: Cursor = { i: 0 };
  const row: Cursor = { i: 0 };
  const flyweight = inputsOver(inputs, row);
  const seen = { asOf: false };
  const context = contextOver(frame, metric, cursor, seen);
  const members: number[][] | null = groups ? frame.subjects.map(() => []) : null;
  groups?.forEach((group, account) => members?.[group]?.push(account));
  const { definition } = metric;
  const rows = (i: number): Iterable<Readonly<Record<string, unknown>>> => ({
    *[Symbol.iterator]() {
      const listed = members?.[i];
      const length = listed ? listed.length : accounts;
      for (let k = 0; k < length; k++) {
        row.i = listed ? (listed[k] ?? 0) : k;
        yield flyweight;
      }
    },
  });
  // A failed fold of an account is that account's null, not the portfolio's.
  return forEach(frame, { ...metric, failed: null }, cursor, seen, () => {
    if (!definition.portfolio)
      throw new EngineError('RAPPORT_METRIC_NO_PORTFOLIO', `"${definition.id}" has no portfolio().`);
    return definition.portfolio(rows(cursor.i), context);
  });
}
