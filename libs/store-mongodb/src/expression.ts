import type { Filter, FilterOperator, Scalar, Where } from '@rapport/sdk';
import { DECIMAL_SCALES, MOST_UNITS, NO_DECIMAL } from '@rapport/sdk/decimal';
import { EARLIEST, LATEST } from '@rapport/sdk/time';
import { encodeId, encodeText, fieldOf } from './text.js';

/** An aggregation expression. */
export type Expression =
  string | number | boolean | null | Date | readonly Expression[] | { readonly [operator: string]: Expression };
export type Stage = { readonly [stage: string]: Expression };

/** What a snapshot sees: batches up to `last` but those that were open when it began. */
export interface Visible {
  readonly last: number;
  readonly open: readonly number[];
}

export const visibleMatch = ({ last, open }: Visible) => ({ $lte: last, ...(open.length > 0 && { $nin: [...open] }) });

/** The account that the event belonged to, as the snapshot knows it; null for none. */
export const accountOf = ({ last, open }: Visible): Expression => ({
  $cond: [
    { $isArray: '$attributions' },
    {
      $ifNull: [
        {
          $arrayElemAt: [
            {
              $map: {
                input: {
                  $filter: {
                    input: '$attributions',
                    as: 'one',
                    cond: and([
                      { $lte: ['$$one.batch', last] },
                      ...(open.length > 0 ? [{ $not: [{ $in: ['$$one.batch', [...open]] }] }] : []),
                    ]),
                  },
                },
                as: 'one',
                in: '$$one.account',
              },
            },
            -1,
          ],
        },
        null,
      ],
    },
    { $ifNull: ['$account', null] },
  ],
});

/** Matches events that may be of these subjects (stored ids), by their indexes. Whether an account has the event after all, `accountOf` says. */
export const eventsOf = (kind: 'account' | 'user', ids: readonly string[]): Stage =>
  kind === 'user'
    ? { user: { $in: ids } }
    : { $or: [{ account: { $in: ids } }, { 'attributions.account': { $in: ids } }] };

export const and = (all: readonly Expression[]): Expression =>
  all.length === 0 ? { $literal: true } : all.length === 1 ? (all[0] as Expression) : { $and: all };

/** 1 where the condition holds, else 0. */
export const flag = (condition: Expression): Expression => ({ $cond: [condition, 1, 0] });
/** The value where the condition holds, else null. */
export const where = (condition: Expression, value: Expression): Expression => ({ $cond: [condition, value, null] });

/** The one-element list of an expression's value. (An array literal would do in MongoDB; mongo-java-server leaves it unevaluated.) */
export const listOf = (name: string, value: Expression): Expression => ({ $map: { input: [0], as: name, in: value } });

export const isNumber = (value: Expression): Expression => ({ $gte: [value, -Infinity] });
/** `decimalPlaces` of the SDK for a number that is there; whatever is there counts as `NO_DECIMAL` otherwise. */
export const placesOf = (value: Expression): Expression =>
  DECIMAL_SCALES.reduceRight<Expression>((otherwise, [places, scale]) => {
    const units: Expression = { $floor: { $add: [{ $multiply: [value, scale] }, 0.5] } };
    const few: Expression = { $lte: [{ $abs: units }, MOST_UNITS] };
    return { $cond: [{ $eq: [{ $divide: [units, scale] }, value] }, { $cond: [few, places, NO_DECIMAL] }, otherwise] };
  }, NO_DECIMAL);
export const exists = (value: Expression): Expression => ({ $gt: [value, null] });

export const numberOf = (property: string): string => `$num.${fieldOf(property)}`;
export const textOf = (property: string): string => `$str.${fieldOf(property)}`;
export const keyOf = (property: string): Expression => ({ $ifNull: [textOf(property), `$key.${fieldOf(property)}`] });
export const timeOf = (property: string): Expression => ({
  $ifNull: [
    `$at.${fieldOf(property)}`,
    where(and([{ $gte: [numberOf(property), EARLIEST] }, { $lt: [numberOf(property), LATEST] }]), {
      $floor: numberOf(property),
    }),
  ],
});

const COMPARISON: Readonly<Record<Exclude<FilterOperator, 'equal'>, string>> = {
  lessThan: '$lt',
  lessThanInclusive: '$lte',
  greaterThan: '$gt',
  greaterThanInclusive: '$gte',
};

/** The filter as a condition. Aggregation compares across types, so each comparison is guarded by the value's own type. */
export function filterExpression(filter: Filter): Expression {
  return and([
    ...(filter.events ? [{ $in: ['$name', filter.events.map(encodeId)] }] : []),
    ...(filter.where ? [whereExpression(filter.where)] : []),
  ]);
}

export function whereExpression(condition: Where): Expression {
  if ('all' in condition)
    return condition.all.length === 0 ? literal(true) : { $and: condition.all.map(whereExpression) };
  if ('any' in condition)
    return condition.any.length === 0 ? literal(false) : { $or: condition.any.map(whereExpression) };
  if ('not' in condition) return { $not: [whereExpression(condition.not)] };
  const { property } = condition;
  switch (condition.operator) {
    case 'exists':
      return { $or: ['num', 'str', 'flag', 'json'].map((kind) => exists(`$${kind}.${fieldOf(property)}`)) };
    case 'in':
      return condition.value.length === 0
        ? literal(false)
        : { $or: condition.value.map((value) => equals(property, value)) };
    case 'equal':
      return equals(property, condition.value);
    default: {
      const { operator, value } = condition;
      if (typeof value === 'boolean') return literal(false);
      const field = typeof value === 'number' ? numberOf(property) : textOf(property);
      const least = typeof value === 'number' ? -Infinity : '';
      const wanted = typeof value === 'number' ? value : encodeText(value);
      return { $and: [{ $gte: [field, least] }, { [COMPARISON[operator]]: [field, wanted] }] };
    }
  }
}

const literal = (value: boolean): Expression => ({ $literal: value });

function equals(property: string, value: Scalar): Expression {
  const field = fieldOf(property);
  if (typeof value === 'number') return { $eq: [`$num.${field}`, value] };
  if (typeof value === 'boolean') return { $eq: [`$flag.${field}`, value] };
  return { $eq: [`$str.${field}`, { $literal: encodeText(value) }] };
}
