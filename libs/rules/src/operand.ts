import { instantOf, overAt, readTime, utc } from '@rapport/sdk/time';
import { RE2JS } from 're2js';

/** How a fact is read by a condition. Of another type than asked for counts as unknown; `any` takes whatever there is. */
export type FactReading = 'number' | 'text' | 'time' | 'boolean' | 'any';

/** What a fact is, for the operators that fit it. `any` is not known beforehand, as with most traits. */
export type FactType = 'number' | 'text' | 'time' | 'boolean' | 'list' | 'any';

const DAY = 86_400_000;

/** Milliseconds of a duration in 24-hour days (`"90d"`, `"2w"`); null when it is not one. */
export function durationOf(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const match = /^([1-9]\d{0,4})([dw])$/.exec(value);
  return match ? Number(match[1]) * (match[2] === 'w' ? 7 : 1) * DAY : null;
}

/** How much a value changed: an absolute number, or a share (`"20%"` is 0.2) of the value before. */
export interface Amount {
  readonly amount: number;
  readonly relative: boolean;
}

/** The amount that a number above 0 or a percentage above 0 stands for; null for anything else. */
export function amountOf(value: unknown): Amount | null {
  if (typeof value === 'number') return Number.isFinite(value) && value > 0 ? { amount: value, relative: false } : null;
  const match = typeof value === 'string' ? /^(\d{1,6}(?:\.\d{1,6})?)%$/.exec(value) : null;
  const amount = match ? Number(match[1]) / 100 : 0;
  return amount > 0 ? { amount, relative: true } : null;
}

/** Most characters of a pattern, and most instructions that it may compile to (`a{100}` is a hundred). */
const LONGEST_PATTERN = 200;
const LARGEST_PROGRAM = 300;

/** A regular expression that is ready, or the sentence that says why it is none. */
type Pattern = { readonly test: (text: string) => boolean } | string;

/** Compiling takes up to a millisecond, and a document is read several times: by the checks, the linter, and each evaluation. */
const patterns = new Map<string, Pattern>();
const MOST_PATTERNS = 1000;

/**
 * A regular expression whose time is linear in the text, whatever the pattern (RE2's syntax and algorithm: no look-around, no back
 * references). Found anywhere in the text unless anchored. The sentence that says why not, when it is not one. Patterns are kept.
 */
export function patternOf(value: unknown): Pattern {
  if (typeof value !== 'string' || value === '') return 'it must be text.';
  if (value.length > LONGEST_PATTERN) return `it has more than ${String(LONGEST_PATTERN)} characters.`;
  const found = patterns.get(value) ?? compilePattern(value);
  // What was used last stands last, so that the first is the one to drop.
  patterns.delete(value);
  patterns.set(value, found);
  const [oldest] = patterns.keys();
  if (patterns.size > MOST_PATTERNS && oldest !== undefined) patterns.delete(oldest);
  return found;
}

function compilePattern(text: string): Pattern {
  try {
    const pattern = RE2JS.compile(text);
    if (pattern.programSize() > LARGEST_PROGRAM)
      return 'it is too large; repeat fewer things, or fewer times ("{1,100}" counts a hundred).';
    return { test: (fact) => pattern.test(fact) };
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'not an expression';
    return `${reason}. Look-around and back references are not offered: they can take forever.`;
  }
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
  return readTime(value, utc) ? 'time' : null;
};
/** Whether the first of two numbers or times is not after the second. */
function inOrder(low: unknown, high: unknown): boolean {
  if (typeof low === 'number' && typeof high === 'number') return low <= high;
  const [from, to] = [readTime(low, utc), readTime(high, utc)];
  return from !== null && to !== null && instantOf(from, utc) <= overAt(to, utc);
}
const pairReading = (value: unknown): FactReading | null => {
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [low, high] = value.map(orderReading);
  return low === high && low !== undefined && inOrder(value[0], value[1]) ? low : null;
};

/** A JSON Schema of draft 2020-12. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** What an operator can take as its value. */
export interface Operand {
  /** What the value must be, for messages: "the value of x must be …". */
  readonly expected: string;
  /** How the fact is read with this value; null when the value does not fit. */
  readonly reading: (value: unknown) => FactReading | null;
  /** JSON Schema of the value, from the schema of one value of the fact (of a list: of one item). */
  readonly schema: (one: JsonSchema) => JsonSchema;
  /** Whether the operator asks about a list: a fact of another type never has one. */
  readonly ofList?: boolean;
  /** Why the value does not fit, where more can be said than what is expected. */
  readonly why?: (value: unknown) => string;
}

const when = (fits: boolean, reading: FactReading): FactReading | null => (fits ? reading : null);

const same = (one: JsonSchema): JsonSchema => one;
const listOf = (one: JsonSchema): JsonSchema => ({ type: 'array', minItems: 1, items: one });

/** JSON Schema of a time. */
export const timeSchema = { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].+)?$' } as const;

/** Every kind of value that the operators take. */
export const operands = {
  scalar: { schema: same, expected: 'a number, text, true or false', reading: scalarReading },
  list: { schema: listOf, expected: 'a list of at least one number, text, true or false', reading: listReading },
  order: { schema: same, expected: 'a number, or a time such as "2026-07-01"', reading: orderReading },
  pair: {
    schema: (one) => ({ type: 'array', minItems: 2, maxItems: 2, items: one }),
    expected: 'two numbers or two times, the lesser first, as in [40, 70]',
    reading: pairReading,
  },
  item: {
    ofList: true,
    schema: same,
    expected: 'a number, text, true or false',
    reading: (value) => when(scalarReading(value) !== null, 'any'),
  },
  items: {
    ofList: true,
    schema: listOf,
    expected: 'a list of at least one number, text, true or false',
    reading: (value) => when(listReading(value) !== null, 'any'),
  },
  none: { schema: () => false, expected: 'absent', reading: (value) => when(value === undefined, 'any') },
  instant: {
    schema: () => timeSchema,
    expected: 'a time such as "2026-07-01" or "2026-07-01T09:00:00Z"',
    reading: (value) => when(typeof value === 'string' && readTime(value, utc) !== null, 'time'),
  },
  duration: {
    schema: () => ({ type: 'string', pattern: '^[1-9][0-9]{0,4}[dw]$' }),
    expected: 'a duration such as "90d" or "2w"',
    reading: (value) => when(durationOf(value) !== null, 'time'),
  },
  prefix: {
    schema: () => ({ type: 'string', minLength: 1 }),
    expected: 'text of at least one character',
    reading: (value) => when(typeof value === 'string' && value !== '', 'text'),
  },
  pattern: {
    schema: () => ({ type: 'string', minLength: 1, maxLength: LONGEST_PATTERN }),
    expected: `a regular expression of at most ${String(LONGEST_PATTERN)} characters such as "^pro-[0-9]+$"`,
    reading: (value) => when(typeof patternOf(value) !== 'string', 'text'),
    why: (value) => {
      const pattern = patternOf(value);
      return typeof pattern === 'string' ? pattern : '';
    },
  },
  amount: {
    schema: () => ({
      anyOf: [
        { type: 'number', exclusiveMinimum: 0 },
        { type: 'string', pattern: '^[0-9]{1,6}([.][0-9]{1,6})?%$' },
      ],
    }),
    expected: 'a number above 0, or a percentage above 0 such as "20%"',
    reading: (value) => when(amountOf(value) !== null, 'number'),
  },
} satisfies Readonly<Record<string, Operand>>;
export type OperandKind = keyof typeof operands;
