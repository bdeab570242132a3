import { isDeepStrictEqual } from 'node:util';
import { decimalPlaces, NO_DECIMAL } from '@rapport/sdk/decimal';
import type { Column, Frame, Plan, ResolvedMeasure } from '@rapport/store';
import { columnTypeOf, valueAt } from '@rapport/store';

/** Throws, naming measure, level and subject, where a frame differs from the expected one or is not well formed. */
export function expectFrame(actual: Frame, expected: Frame, plan: Plan): void {
  const at = `level ${JSON.stringify(plan.level)} as of ${String(plan.asOf)} (${new Date(plan.asOf).toISOString()})`;
  same(actual.subjects, expected.subjects, `subjects of ${at}`);
  same(actual.columns.length, plan.measures.length, `number of columns of ${at}`);
  plan.measures.forEach((measure, m) => {
    const where = `${at}, measure ${JSON.stringify(measure)}`;
    const column = actual.columns[m];
    const reference = expected.columns[m];
    if (!column || !reference) throw new Error(`no column for ${where}`);
    expectShape(column, columnTypeOf(measure), actual.subjects.length, where);
    actual.subjects.forEach((subject, i) => {
      const value = valueAt(column, i);
      const wanted = valueAt(reference, i);
      if (!equalValues(value, wanted, exactnessOf(measure))) {
        throw new Error(`subject ${JSON.stringify(subject)}: expected ${show(wanted)}, got ${show(value)}; ${where}`);
      }
    });
  });
}

/** How closely a number must agree: exactly; if it is a decimal, as a sum of amounts is; or but for the last digits, which the order of additions decides. */
function exactnessOf(measure: ResolvedMeasure): 'exact' | 'decimals' | 'close' {
  switch (measure.node) {
    case 'sum':
      return 'decimals';
    case 'mean':
    case 'quantile':
    case 'meanPerDay':
    case 'activeTime':
      return 'close';
    case 'sessions':
    case 'spans':
    case 'series':
      if (typeof measure.of === 'object') return 'sum' in measure.of ? 'decimals' : 'close';
      return measure.of === 'seconds' ? 'close' : 'exact';
    default:
      return 'exact';
  }
}
type Exactness = ReturnType<typeof exactnessOf>;

function expectShape(column: Column, type: 'number' | 'text' | 'keyed', subjects: number, where: string): void {
  same(column.type, type, `column type of ${where}`);
  switch (column.type) {
    case 'number':
      same([column.values.length, column.valid.length], [subjects, subjects], `length of ${where}`);
      if (column.values.some((value, i) => column.valid[i] === 1 && !Number.isFinite(value)))
        throw new Error(`a value that is not finite in ${where}`);
      break;
    case 'text':
      same(column.codes.length, subjects, `length of ${where}`);
      break;
    case 'keyed':
      same(column.offsets.length, subjects + 1, `length of ${where}`);
      for (let i = 0; i < subjects; i++) {
        const keys = [...column.keys.subarray(column.offsets[i], column.offsets[i + 1])].map(
          (key) => column.dictionary?.[key] ?? key,
        );
        if (keys.some((key, k) => k > 0 && !((keys[k - 1] ?? key) < key)))
          throw new Error(`keys not ascending: ${show(keys)} in ${where}`);
      }
      break;
    case 'json':
      break;
  }
}

const agree = (a: unknown, b: unknown, exactness: Exactness) =>
  a === b ||
  (exactness !== 'exact' &&
    typeof a === 'number' &&
    typeof b === 'number' &&
    (exactness === 'close' || decimalPlaces(b) === NO_DECIMAL) &&
    Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b)));

function equalValues(a: unknown, b: unknown, exactness: Exactness): boolean {
  if (!(a instanceof Map) || !(b instanceof Map)) return agree(a, b, exactness);
  return a.size === b.size && [...a].every(([key, value]) => b.has(key) && agree(value, b.get(key), exactness));
}

const show = (value: unknown) => {
  const json = JSON.stringify(value instanceof Map ? [...(value as ReadonlyMap<unknown, unknown>)] : value) as
    string | undefined;
  return value instanceof Map ? `Map ${String(json)}` : String(json);
};

/** Throws when two plain values differ. Own `__proto__` properties count. */
export function same(actual: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(plain(actual), plain(expected)))
    throw new Error(`${what}: expected ${show(plain(expected))}, got ${show(plain(actual))}`);
}

/** Objects as sorted entries, so that neither prototypes nor the order of properties matter. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return ['map', ...[...value].map(([key, item]) => [key as unknown, plain(item)])];
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return ['object', ...entries.map(([key, item]) => [key, plain(item)])];
}
