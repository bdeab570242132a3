import type { Filter, Scalar, Where } from '@rapport/sdk';
import type { Json, Properties } from './message.js';
import { ownValue } from './reading.js';

/** Orders text by code point, as UTF-8 bytes do (JavaScript's `<` goes by UTF-16 code units). */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}
/** Surrogates stand for code points above U+FFFF, and so come after every other unit. */
const rank = (unit: number) => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);

/** Orders text by UTF-16 code unit: ids, names and keys everywhere. */
export const compareCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const compare = (a: Json | undefined, b: Scalar): number | null =>
  typeof a === 'number' && typeof b === 'number'
    ? a - b
    : typeof a === 'string' && typeof b === 'string'
      ? compareCodePoints(a, b)
      : null;

/** The condition as a predicate over an event's properties. */
export function compileWhere(where: Where): (properties: Properties) => boolean {
  if ('all' in where) {
    const all = where.all.map(compileWhere);
    return (properties) => all.every((holds) => holds(properties));
  }
  if ('any' in where) {
    const any = where.any.map(compileWhere);
    return (properties) => any.some((holds) => holds(properties));
  }
  if ('not' in where) {
    const holds = compileWhere(where.not);
    return (properties) => !holds(properties);
  }
  const { property } = where;
  switch (where.operator) {
    case 'exists':
      return (properties) => (ownValue(properties, property) ?? null) !== null;
    case 'in': {
      const values = new Set<Json | undefined>(where.value);
      return (properties) => values.has(ownValue(properties, property));
    }
    case 'equal': {
      const { value } = where;
      return (properties) => ownValue(properties, property) === value;
    }
    default: {
      const { operator, value } = where;
      return (properties) => {
        const order = compare(ownValue(properties, property), value);
        if (order === null) return false;
        switch (operator) {
          case 'lessThan':
            return order < 0;
          case 'lessThanInclusive':
            return order <= 0;
          case 'greaterThan':
            return order > 0;
          case 'greaterThanInclusive':
            return order >= 0;
        }
      };
    }
  }
}

/** The filter as a predicate over an event's name and properties. */
export function compileFilter(filter: Filter): (name: string, properties: Properties) => boolean {
  const names = filter.events && new Set(filter.events);
  const holds = filter.where && compileWhere(filter.where);
  return (name, properties) => (!names || names.has(name)) && (!holds || holds(properties));
}

/** The filter, narrowed to events that carry one of the properties (not null). */
export const carryingAny = (filter: Filter, properties: readonly string[]): Filter => {
  const carries: Where = { any: properties.map((property) => ({ property, operator: 'exists' })) };
  return { ...filter, where: filter.where ? { all: [filter.where, carries] } : carries };
};
