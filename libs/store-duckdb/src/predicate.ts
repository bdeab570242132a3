import type { Filter, Scalar, Where } from '@rapport/sdk';
import type { PropertyColumns } from './properties.js';
import { allOf, anyOf, number, text, whole } from './sql.js';

/** What a filter's SQL refers to. */
export interface Vocabulary {
  /** Dense index of an event name; undefined when no event has it. */
  name(name: string): number | undefined;
  property(name: string): PropertyColumns;
}

/** The filter as a two-valued condition over the events `e`. */
export function filterSql(filter: Filter, vocabulary: Vocabulary): string {
  const conditions: string[] = [];
  if (filter.events) {
    const indexes = filter.events.map((name) => vocabulary.name(name)).filter((index) => index !== undefined);
    conditions.push(indexes.length === 0 ? 'false' : `e.name IN (${[...new Set(indexes)].map(whole).join(', ')})`);
  }
  if (filter.where) conditions.push(whereSql(filter.where, vocabulary));
  return allOf(conditions);
}

const SIGNS = { lessThan: '<', lessThanInclusive: '<=', greaterThan: '>', greaterThanInclusive: '>=' } as const;

function whereSql(where: Where, vocabulary: Vocabulary): string {
  if ('all' in where) return allOf(where.all.map((condition) => whereSql(condition, vocabulary)));
  if ('any' in where) return anyOf(where.any.map((condition) => whereSql(condition, vocabulary)));
  if ('not' in where) return `(NOT ${whereSql(where.not, vocabulary)})`;
  const columns = vocabulary.property(where.property);
  switch (where.operator) {
    case 'exists':
      return `(${columns.number} IS NOT NULL OR ${columns.text} IS NOT NULL OR ${columns.other} IS NOT NULL)`;
    case 'in':
      return anyOf([...new Set(where.value)].map((value) => compared(columns, '=', value)));
    case 'equal':
      return compared(columns, '=', where.value);
    default:
      return typeof where.value === 'boolean' ? 'false' : compared(columns, SIGNS[where.operator], where.value);
  }
}

function compared(columns: PropertyColumns, sign: string, value: Scalar): string {
  switch (typeof value) {
    case 'number':
      // DuckDB holds NaN equal to itself and above all numbers; in JavaScript it is neither.
      return Number.isNaN(value) ? 'false' : `coalesce(${columns.number} ${sign} ${number(value)}, false)`;
    case 'string':
      return `coalesce(${columns.text} ${sign} ${text(value)}, false)`;
    default:
      return `coalesce(${columns.other} ${sign} '${String(value)}', false)`;
  }
}
