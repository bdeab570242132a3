import {
  codeOf,
  FAILED,
  gathered,
  lookedUp,
  numbersWithin,
  unknownNumbers,
  wordsOf,
  type VerdictBits,
} from './bitset.js';
import type { RuleLeaf } from './ir.js';
import type { FactReading, Verdict } from './operator.js';

/**
 * A fact of all subjects, in the shape of the store's columns: numbers with 1 where there is a value; texts as codes into a dictionary, −1 where
 * there is none; values of several types likewise; anything else by a function of the subject, which may throw for one.
 */
export type FactColumn =
  | { readonly type: 'number'; readonly values: Float64Array; readonly valid: Uint8Array }
  | { readonly type: 'text'; readonly codes: Int32Array; readonly dictionary: readonly string[] }
  | { readonly type: 'value'; readonly codes: Int32Array; readonly dictionary: readonly unknown[] }
  | ((subject: number) => unknown);

/** Gives the column of a fact in a reading. Called once per fact and reading. */
export type ColumnReader = (fact: string, reading: FactReading) => FactColumn;

/** What went wrong first, and for whom something did: a bitset of 32 subjects a word. */
export interface RuleFailure {
  readonly message: string;
  readonly subjects: Uint32Array;
}

/** Subjects that are taken at a time: what all nodes hold of them stays in the processor's cache. A multiple of 32. */
export const CHUNK = 8192;
export const WORDS = CHUNK / 32;

/** Takes the subjects `start … start + count` on. */
export type Chunk = (start: number, count: number) => void;

export interface FailureLog {
  readonly add: (subject: number, error: unknown) => void;
  readonly found: () => RuleFailure | null;
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function failureLog(size: number): FailureLog {
  let found: RuleFailure | null = null;
  return {
    add(subject, error) {
      found ??= { message: messageOf(error), subjects: new Uint32Array(wordsOf(size)) };
      found.subjects[subject >>> 5] = (found.subjects[subject >>> 5] ?? 0) | (1 << (subject & 31));
    },
    found: () => found,
  };
}

interface Numbers {
  readonly kind: 'number';
  readonly values: Float64Array;
  readonly valid: Uint8Array;
  /** Of the chunk: where there is no number. */
  readonly unknown: Uint32Array;
}
interface Coded {
  readonly kind: 'coded';
  readonly codes: Int32Array;
  readonly dictionary: readonly unknown[];
}
interface Values {
  readonly kind: 'values';
  /** Of the chunk. */
  readonly values: unknown[];
}

/** A fact in a reading. `load` gets what is kept of it for a chunk. */
export interface Source {
  readonly data: Numbers | Coded | Values;
  readonly load: Chunk;
  readonly log: FailureLog;
}

function valuesSource(read: (subject: number) => unknown, size: number): Source {
  const log = failureLog(size);
  const values = new Array<unknown>(CHUNK).fill(null);
  return {
    data: { kind: 'values', values },
    log,
    load(start, count) {
      for (let i = 0; i < count; i++) {
        values[i] = null;
        try {
          values[i] = read(start + i);
        } catch (error) {
          log.add(start + i, error);
        }
      }
    },
  };
}

/** The source of a fact, for so many subjects. A column that cannot be had fails for each of them. */
export function sourceOf(
  columns: ColumnReader,
  { fact, reading }: Pick<RuleLeaf, 'fact' | 'reading'>,
  size: number,
): Source {
  let column: FactColumn;
  try {
    column = columns(fact, reading);
  } catch (error) {
    column = () => {
      throw error;
    };
  }
  if (typeof column === 'function') return valuesSource(column, size);
  const log = failureLog(size);
  if (column.type !== 'number') {
    const { codes, dictionary } = column;
    return { data: { kind: 'coded', codes, dictionary }, log, load: () => undefined };
  }
  const { values, valid } = column;
  const unknown = new Uint32Array(WORDS);
  return {
    data: { kind: 'number', values, valid, unknown },
    log,
    load: (start, count) => unknownNumbers(values, valid, start, count, unknown),
  };
}

/** A step on the facts at hand: where its verdicts on the chunk are, and what brings them there. */
export interface BoundStep {
  readonly bits: VerdictBits;
  readonly run: Chunk;
  /** To be done once, before the first chunk; pauses in between. */
  readonly prepare?: () => Generator<undefined, void>;
}
export interface BoundLeaf extends BoundStep {
  readonly log: FailureLog;
}

export const newBits = (): VerdictBits => ({ holds: new Uint32Array(WORDS), unknown: new Uint32Array(WORDS) });

/** Each value of the dictionary is tested once; subjects are looked up. */
function codedLeaf({ test }: RuleLeaf, { codes, dictionary }: Coded, log: FailureLog): BoundLeaf {
  const bits = newBits();
  // Begins with the verdict on no value at all: code −1.
  const table = new Uint8Array(dictionary.length + 1);
  let failure: unknown;
  const judge = (value: unknown): number => {
    try {
      return codeOf(test(value));
    } catch (error) {
      failure ??= error;
      return FAILED;
    }
  };
  return {
    bits,
    log,
    *prepare() {
      table[0] = judge(null);
      for (let i = 0; i < dictionary.length; i++) {
        table[i + 1] = judge(dictionary[i] ?? null);
        if (i % CHUNK === CHUNK - 1) yield;
      }
    },
    run(start, count) {
      if (lookedUp(codes, start, count, table, bits) < FAILED) return;
      for (let i = start; i < start + count; i++) if (table[(codes[i] ?? -1) + 1] === FAILED) log.add(i, failure);
    },
  };
}

/** Values are tested one by one. */
export function tested<T>(
  test: (value: T) => Verdict,
  valueAt: (subject: number, i: number) => T,
  log: FailureLog,
): BoundLeaf {
  const bits = newBits();
  return {
    bits,
    log,
    run(start, count) {
      const judge = (i: number): number => {
        try {
          return codeOf(test(valueAt(start + i, i)));
        } catch (error) {
          log.add(start + i, error);
          return FAILED;
        }
      };
      gathered(count, judge, bits);
    },
  };
}

/** Gives the value of a source's fact for a subject, `i` in the chunk; null where there is none. */
export function valueIn({ data }: Source): (subject: number, i: number) => unknown {
  switch (data.kind) {
    case 'number':
      return (subject) => (data.valid[subject] === 1 ? data.values[subject] : null);
    case 'coded':
      return (subject) => data.dictionary[data.codes[subject] ?? -1] ?? null;
    case 'values':
      return (_, i) => data.values[i];
  }
}

/** A leaf on the facts at hand. What fails is noted in its log or in the source's, and is unknown. */
export function boundLeaf(leaf: RuleLeaf, source: Source, size: number): BoundLeaf {
  const log = failureLog(size);
  const { data } = source;
  const { question, reading, test } = leaf;
  if (data.kind === 'coded') return codedLeaf(leaf, data, log);
  if (data.kind === 'number' && question.kind === 'interval' && !question.days && reading === 'number') {
    const { values, unknown } = data;
    const bits = { holds: new Uint32Array(WORDS), unknown };
    return { bits, log, run: (start, count) => numbersWithin(values, start, count, question, bits) };
  }
  return tested(test, valueIn(source), log);
}
