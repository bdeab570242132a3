/** How a fact is read by a condition. Of another type than asked for counts as unknown; `any` takes whatever there is. */
export type FactReading = 'number' | 'text' | 'time' | 'boolean' | 'any';

export const operators = [
  'equal',
  'notEqual',
  'lessThan',
  'lessThanInclusive',
  'greaterThan',
  'greaterThanInclusive',
  'in',
  'notIn',
  'contains',
  'doesNotContain',
  'between',
  'isKnown',
  'isUnknown',
  'withinNext',
  'withinLast',
] as const;
export type Operator = (typeof operators)[number];

export const isOperator = (name: string): name is Operator => (operators as readonly string[]).includes(name);

const DAY = 86_400_000;
const isoTime =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** Epoch ms of ISO 8601 text (a date, or date, time and offset) or of a finite number; null for anything else. */
export function instantOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || !isoTime.test(value)) return null;
  const instant = Date.parse(value);
  if (Number.isNaN(instant)) return null;
  // Date.parse lets 30 February pass as 1 March.
  const [year, month, day] = value.slice(0, 10).split('-').map(Number) as [number, number, number];
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day ? instant : null;
}

/** Milliseconds of a duration in 24-hour days (`"90d"`, `"2w"`); null when it is not one. */
export function durationOf(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const match = /^([1-9]\d{0,4})([dw])$/.exec(value);
  return match ? Number(match[1]) * (match[2] === 'w' ? 7 : 1) * DAY : null;
}

const scalarReading = (value: unknown): FactReading | null => {
  if (typeof value === 'number') return Number.isFinite(value) ? 'number' : null;
  if (typeof value === 'string') return 'text';
  return typeof value === 'boolean' ? 'boolean' : null;
};
const listReading = (value: unknown): FactReading | null => {
  if (!Array.isArray(value) || value.length === 0) return null;
  const readings = new Set(value.map(scalarReading));
  if (readings.has(null)) return null;
  return readings.size === 1 ? ([...readings][0] ?? null) : 'any';
};
const orderReading = (value: unknown): FactReading | null => {
  if (typeof value === 'number') return Number.isFinite(value) ? 'number' : null;
  return instantOf(value) === null ? null : 'time';
};

/** How the fact of a condition is read, from its operator and value; null when the value does not fit the operator. */
export function readingOf(operator: Operator, value: unknown): FactReading | null {
  switch (operator) {
    case 'equal':
    case 'notEqual':
      return scalarReading(value);
    case 'lessThan':
    case 'lessThanInclusive':
    case 'greaterThan':
    case 'greaterThanInclusive':
      return orderReading(value);
    case 'in':
    case 'notIn':
      return listReading(value);
    case 'contains':
    case 'doesNotContain':
      return scalarReading(value) === null ? null : 'any';
    case 'between': {
      if (!Array.isArray(value) || value.length !== 2) return null;
      const [low, high] = value.map(orderReading);
      return low === high && low !== undefined && (instantOf(value[0]) ?? 0) <= (instantOf(value[1]) ?? 0) ? low : null;
    }
    case 'isKnown':
    case 'isUnknown':
      return value === undefined ? 'any' : null;
    case 'withinNext':
    case 'withinLast':
      return durationOf(value) === null ? null : 'time';
  }
}

/** What an operator's value must be, for messages. */
export const expectedValue: Readonly<Record<Operator, string>> = {
  equal: 'a number, text, true or false',
  notEqual: 'a number, text, true or false',
  lessThan: 'a number, or a time such as "2026-07-01"',
  lessThanInclusive: 'a number, or a time such as "2026-07-01"',
  greaterThan: 'a number, or a time such as "2026-07-01"',
  greaterThanInclusive: 'a number, or a time such as "2026-07-01"',
  in: 'a list of at least one number, text, true or false',
  notIn: 'a list of at least one number, text, true or false',
  contains: 'a number, text, true or false',
  doesNotContain: 'a number, text, true or false',
  between: 'two numbers or two times, the lesser first, as in [40, 70]',
  isKnown: 'absent',
  isUnknown: 'absent',
  withinNext: 'a duration such as "90d" or "2w"',
  withinLast: 'a duration such as "90d" or "2w"',
};

/** True, false, or null for unknown. */
export type Verdict = boolean | null;

function read(value: unknown, reading: FactReading): string | number | boolean | readonly unknown[] | null {
  switch (reading) {
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? value : null;
    case 'time':
      return instantOf(value);
    case 'text':
      return typeof value === 'string' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'any':
      return Array.isArray(value) ||
        typeof value === 'string' ||
        typeof value === 'boolean' ||
        (typeof value === 'number' && Number.isFinite(value))
        ? value
        : null;
  }
}

/** The test that an operator and value make, over one fact's value. `now` (epoch ms) is what `withinNext` and `withinLast` count from. */
export function testOf(operator: Operator, value: unknown, now: number): (fact: unknown) => Verdict {
  const reading = readingOf(operator, value) ?? 'any';
  const numeric = (compare: (fact: number) => boolean) => (fact: unknown) => {
    const known = read(fact, reading);
    return typeof known === 'number' ? compare(known) : null;
  };
  const threshold = reading === 'time' ? (instantOf(value) ?? 0) : Number(value);
  switch (operator) {
    case 'equal':
    case 'notEqual': {
      const wanted = operator === 'equal';
      return (fact) => {
        const known = read(fact, reading);
        return known === null ? null : (known === value) === wanted;
      };
    }
    case 'lessThan':
      return numeric((fact) => fact < threshold);
    case 'lessThanInclusive':
      return numeric((fact) => fact <= threshold);
    case 'greaterThan':
      return numeric((fact) => fact > threshold);
    case 'greaterThanInclusive':
      return numeric((fact) => fact >= threshold);
    case 'between': {
      const [low, high] = value as [unknown, unknown];
      const [from, to] = [instantOf(low) ?? 0, instantOf(high) ?? 0];
      return numeric((fact) => from <= fact && fact <= to);
    }
    case 'withinNext':
      return numeric((fact) => now <= fact && fact <= now + (durationOf(value) ?? 0));
    case 'withinLast':
      return numeric((fact) => now - (durationOf(value) ?? 0) <= fact && fact <= now);
    case 'in':
    case 'notIn': {
      const members = new Set(value as readonly unknown[]);
      const wanted = operator === 'in';
      return (fact) => {
        const known = read(fact, reading);
        return known === null || Array.isArray(known) ? null : members.has(known) === wanted;
      };
    }
    case 'contains':
    case 'doesNotContain': {
      const wanted = operator === 'contains';
      return (fact) => (Array.isArray(fact) ? fact.includes(value) === wanted : null);
    }
    case 'isKnown':
      return (fact) => read(fact, reading) !== null;
    case 'isUnknown':
      return (fact) => read(fact, reading) === null;
  }
}
