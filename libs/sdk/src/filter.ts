import { Type } from 'typebox';

export type Scalar = string | number | boolean;

export type FilterOperator = 'equal' | 'lessThan' | 'lessThanInclusive' | 'greaterThan' | 'greaterThanInclusive';

/**
 * A condition on an event's properties. Two-valued: a leaf whose property is missing, null, or of another type than its
 * value is false (so `not` of it is true). Only own, top-level properties are reached.
 */
export type Where =
  | { readonly property: string; readonly operator: FilterOperator; readonly value: Scalar }
  | { readonly property: string; readonly operator: 'in'; readonly value: readonly Scalar[] }
  | { readonly property: string; readonly operator: 'exists' }
  | { readonly all: readonly Where[] }
  | { readonly any: readonly Where[] }
  | { readonly not: Where };

/** Which events a measure looks at. `{}` is every event. */
export interface Filter {
  /** Event names, any of them. Absent: every name. Empty: none. */
  readonly events?: readonly string[];
  readonly where?: Where;
}

/** The events that an option narrows a metric to; an empty list narrows nothing: every event. For exactly these events write `{ events }`. */
export const narrowedTo = (events: readonly string[]): Filter => (events.length ? { events } : {});

/** Configuration option with the names of the events that count as activity; empty, its default, is every event. To be read with `narrowedTo`. */
export const activityOption = () =>
  Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    description: 'Names of the events that count as activity. Empty: every event.',
  });

/** `property = value`, same type. */
export const equal = (property: string, value: Scalar): Where => ({ property, operator: 'equal', value });
/** The property equals one of the values. */
export const oneOf = (property: string, value: readonly Scalar[]): Where => ({ property, operator: 'in', value });
/** `property ≥ value`; both numbers, or both text compared by code point. */
export const atLeast = (property: string, value: number | string): Where => ({
  property,
  operator: 'greaterThanInclusive',
  value,
});
/** `property ≤ value`; both numbers, or both text compared by code point. */
export const atMost = (property: string, value: number | string): Where => ({
  property,
  operator: 'lessThanInclusive',
  value,
});
/** `property < value`; both numbers, or both text compared by code point. */
export const below = (property: string, value: number | string): Where => ({ property, operator: 'lessThan', value });
/** The property is there and is not null. */
export const exists = (property: string): Where => ({ property, operator: 'exists' });
/** Every condition holds. */
export const allOf = (...all: Where[]): Where => ({ all });
/** At least one condition holds. */
export const anyOf = (...any: Where[]): Where => ({ any });
/** The condition does not hold. */
export const not = (condition: Where): Where => ({ not: condition });
