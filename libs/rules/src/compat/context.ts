import type { Problem } from '../problem.js';
import type { Failure } from './failure.js';
import type { Foreign } from './foreign.js';
import { frozenCopy } from './frozen.js';
import type { CompatDecorator, CompatOperator } from './operator.js';
import type { Quick } from './quick.js';
import type { ConditionTrace } from './trace.js';

/** Facts of one subject by name. Only own properties are seen; one that is present and undefined is a fact. */
export type Facts = Readonly<Record<string, unknown>>;

/** A condition made ready. `test` and `trace` throw (a `Failure`, or what an operator throws) where json-rules-engine rejects. */
export interface Step {
  /** As the document has it: groups are made of it. */
  readonly priority: unknown;
  /** What it shows where it is not reached; frozen, so that results can share it. */
  readonly untouched: ConditionTrace;
  readonly test: (facts: Facts) => unknown;
  /** The same for simple facts, where it cannot fail on them. */
  readonly quick: Quick | null;
  readonly trace: (facts: Facts) => { readonly result: unknown; readonly shown: ConditionTrace };
}

/** What a condition is whether it is reached or not. */
export type Base = Pick<Step, 'priority' | 'untouched'>;

/** A condition that has no verdict once it is reached. */
export function failing(context: Context, failed: Failure, base: Base): Step {
  context.failures.push(failed.problem);
  const fail = () => {
    throw failed;
  };
  return { ...base, test: fail, quick: null, trace: fail };
}

/** Where a condition stands, its references put in place. */
export interface Place {
  readonly pointer: string;
  readonly depth: number;
  /** The named conditions that it lies in. */
  readonly names: ReadonlySet<string>;
}

/** A fact that a comparison reads, or compares with. */
export interface Read {
  readonly fact: unknown;
  readonly operator: unknown;
}

/** What compiling one rule needs, and what it finds. */
export interface Context {
  /** Named conditions. */
  readonly conditions: Readonly<Record<string, unknown>>;
  readonly operators: ReadonlyMap<string, CompatOperator>;
  readonly decorators: ReadonlyMap<string, CompatDecorator>;
  /** Operators of plugins; null where there can be none. */
  readonly foreign: Foreign | null;
  readonly allowUndefinedConditions: boolean;
  readonly allowUndefinedFacts: boolean;
  readonly problems: Problem[];
  /** What is certain to fail once it is reached. */
  readonly failures: Problem[];
  /** Every use of a fact, by where it stands. */
  readonly reads: Map<string, Read>;
  /** Where a named condition stands; null when it is shown in the place of the reference. */
  readonly namedAt: ((name: string) => string) | null;
  /** Copies of parts of the document: a part that is referred to often is copied once. */
  readonly copies: Map<unknown, unknown>;
  /** Conditions made so far. */
  made: number;
}

/** Stands in for what is refused, so that the rest is still looked at. */
export const refused: Step = {
  priority: 1,
  untouched: { all: [] },
  test: () => false,
  quick: null,
  trace: () => ({ result: false, shown: refused.untouched }),
};

/** Notes a problem, for which the rule is not compiled, and gives something to go on with. */
export function refuse(context: Context, problem: Problem): Step {
  context.problems.push(problem);
  return refused;
}

/** A frozen copy of a part of the document. */
export function copyOf(part: object, context: Context): unknown {
  const found = context.copies.get(part);
  if (found !== undefined) return found;
  const copy = frozenCopy(part);
  context.copies.set(part, copy);
  return copy;
}
