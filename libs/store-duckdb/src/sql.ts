import { DECIMAL_SCALES, MOST_UNITS, NO_DECIMAL } from '@rapport/sdk/decimal';

/** A text literal. Values never hold U+0000, but a literal a plugin wrote might. */
export const text = (value: string): string =>
  value
    .split('\0')
    .map((part) => `'${part.replaceAll("'", "''")}'`)
    .join(' || chr(0) || ');

/** A DOUBLE literal that reads back as exactly this number. */
export function number(value: number): string {
  if (Number.isNaN(value)) return `'nan'::DOUBLE`;
  if (!Number.isFinite(value)) return `'${value > 0 ? '' : '-'}inf'::DOUBLE`;
  const digits = String(value);
  return digits.includes('e') ? digits : `${digits}e0`;
}

/** `decimalPlaces` of the SDK, in SQL; NULL for NULL. */
export const placesSql = (value: string): string =>
  `CASE ${DECIMAL_SCALES.map(([places, scale]) => {
    const units = `round(${value} * ${number(scale)})`;
    return `WHEN ${units} / ${number(scale)} = ${value} THEN CASE WHEN abs(${units}) <= ${number(MOST_UNITS)} THEN ${whole(places)} ELSE ${whole(NO_DECIMAL)} END`;
  }).join(' ')} WHEN ${value} IS NOT NULL THEN ${whole(NO_DECIMAL)} END`;

/** A whole number: days, instants, surrogates. */
export const whole = (value: number): string => Math.trunc(value).toFixed(0);

export const anyOf = (conditions: readonly string[]): string =>
  conditions.length === 0 ? 'false' : conditions.length === 1 ? (conditions[0] ?? '') : `(${conditions.join(' OR ')})`;

export const allOf = (conditions: readonly string[]): string => {
  const real = conditions.filter((condition) => condition !== 'true');
  return real.length === 0 ? 'true' : real.length === 1 ? (real[0] ?? '') : `(${real.join(' AND ')})`;
};

/** That an expression is one of some numbers. (A NULL in the list would keep DuckDB from asking its zone maps.) */
export const among = (expression: string, numbers: readonly number[]): string =>
  numbers.length === 0 ? 'false' : `${expression} IN (${numbers.map(whole).join(', ')})`;
