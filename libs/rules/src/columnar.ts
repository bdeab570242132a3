import type { Moment } from '@rapport/sdk/time';
import { allOf, anyOf, hasBit, notOf, wordsOf, type VerdictBits } from './bitset.js';
import { boundJoint } from './columnar-joint.js';
import {
  boundLeaf,
  CHUNK,
  messageOf,
  newBits,
  sourceOf,
  WORDS,
  type BoundStep,
  type ColumnReader,
  type FailureLog,
  type RuleFailure,
  type Source,
} from './columnar-leaf.js';
import { irOf, type ResolvedCondition, type RuleLeaf, type RuleNode } from './ir.js';
import type { FactUse, RuleJoint } from './joint.js';
import type { OperatorSet, Verdict } from './operator.js';

export type { ColumnReader, FactColumn, RuleFailure } from './columnar-leaf.js';

/** One rule's verdicts on all subjects: bitsets of 32 subjects a word. Who is in neither, for them it is false. See `verdictAt`. */
export interface RuleVerdicts {
  /** For whom it is true. */
  readonly holds: Uint32Array;
  /** For whom it is unknown, or failed. */
  readonly unknown: Uint32Array;
  /** Null when nothing went wrong. */
  readonly failure: RuleFailure | null;
}

/** A rule's verdict on one subject. */
export const verdictAt = ({ holds, unknown }: RuleVerdicts, subject: number): Verdict =>
  hasBit(holds, subject) ? true : hasBit(unknown, subject) ? null : false;

/** A node that no other node of any rule is equal to. Children come before their parents. */
type Step =
  | { readonly kind: 'all' | 'any'; readonly children: readonly number[] }
  | { readonly kind: 'not'; readonly child: number }
  | { readonly kind: 'leaf'; readonly leaf: RuleLeaf | RuleJoint };

type PlannedRule =
  | { readonly root: number; readonly leaves: readonly number[] }
  /** A condition that is not valid. */
  | { readonly message: string };

interface Plan {
  readonly steps: readonly Step[];
  readonly rules: readonly PlannedRule[];
}

function planOf(conditions: readonly ResolvedCondition[], now: Moment, more?: OperatorSet): Plan {
  const steps: Step[] = [];
  const known = new Map<string, number>();
  const stepOf = (key: string, step: Step): number => {
    const found = known.get(key);
    if (found !== undefined) return found;
    known.set(key, steps.length);
    return steps.push(step) - 1;
  };
  const plan = (node: RuleNode, leaves: Set<number>): number => {
    if (node.kind === 'leaf' || node.kind === 'joint') {
      const step = stepOf(node.key, { kind: 'leaf', leaf: node });
      leaves.add(step);
      return step;
    }
    if (node.kind === 'not') {
      const child = plan(node.child, leaves);
      return stepOf(`not ${String(child)}`, { kind: 'not', child });
    }
    const children = [...new Set(node.children.map((child) => plan(child, leaves)))].sort((a, b) => a - b);
    const [only] = children;
    if (only !== undefined && children.length === 1) return only;
    return stepOf(`${node.kind} ${children.join()}`, { kind: node.kind, children });
  };
  const rules = conditions.map((condition): PlannedRule => {
    try {
      const leaves = new Set<number>();
      return { root: plan(irOf(condition, now, '', more), leaves), leaves: [...leaves] };
    } catch (error) {
      return { message: messageOf(error) };
    }
  });
  return { steps, rules };
}

/** The plan on the facts at hand. */
interface Bound {
  readonly sources: readonly Source[];
  readonly steps: readonly BoundStep[];
  /** What may fail, by leaf step. */
  readonly logs: ReadonlyMap<number, readonly FailureLog[]>;
}

function joined(step: Exclude<Step, { kind: 'leaf' }>, bitsOf: (step: number) => VerdictBits): BoundStep {
  if (step.kind === 'not') {
    const child = bitsOf(step.child);
    const bits = { holds: new Uint32Array(WORDS), unknown: child.unknown };
    return { bits, run: (_, count) => notOf(wordsOf(count), child, bits.holds) };
  }
  const bits = newBits();
  const children = step.children.map(bitsOf);
  const join = step.kind === 'all' ? allOf : anyOf;
  return { bits, run: (_, count) => join(wordsOf(count), children, bits) };
}

function bind(plan: Plan, columns: ColumnReader, size: number): Bound {
  const sources = new Map<string, Source>();
  const logs = new Map<number, readonly FailureLog[]>();
  const steps: BoundStep[] = [];
  const sourceFor = (read: Pick<FactUse, 'fact' | 'reading'>): Source => {
    const key = JSON.stringify([read.fact, read.reading]);
    const source = sources.get(key) ?? sourceOf(columns, read, size);
    sources.set(key, source);
    return source;
  };
  const bitsOf = (step: number): VerdictBits => (steps[step] as BoundStep).bits;
  for (const [i, step] of plan.steps.entries()) {
    if (step.kind === 'leaf') {
      const { leaf } = step;
      const read = (leaf.kind === 'leaf' ? [leaf] : leaf.facts).map(sourceFor);
      const bound = leaf.kind === 'leaf' ? boundLeaf(leaf, read[0] as Source, size) : boundJoint(leaf, read, size);
      logs.set(i, [...read.map(({ log }) => log), bound.log]);
      steps.push(bound);
    } else steps.push(joined(step, bitsOf));
  }
  return { sources: [...sources.values()], steps, logs };
}

/** Where a bit is in one of them; the first message. */
function merged(failures: readonly RuleFailure[]): RuleFailure | null {
  const [first, ...others] = failures;
  if (!first) return null;
  const subjects = first.subjects.slice();
  for (const other of others) other.subjects.forEach((word, w) => (subjects[w] = (subjects[w] ?? 0) | word));
  return { message: first.message, subjects };
}

/** What failed is unknown, whatever else the rule says of the subject. */
function withFailure(holds: Uint32Array, unknown: Uint32Array, failure: RuleFailure | null): RuleVerdicts {
  failure?.subjects.forEach((word, w) => {
    holds[w] = (holds[w] ?? 0) & ~word;
    unknown[w] = (unknown[w] ?? 0) | word;
  });
  return { holds, unknown, failure };
}

/** All bits of so many subjects. */
function everyone(size: number): Uint32Array {
  const bits = new Uint32Array(wordsOf(size)).fill(~0);
  if (size % 32 > 0) bits[bits.length - 1] = 2 ** (size % 32) - 1;
  return bits;
}

/** Evaluates a plan, pausing every few ten microseconds. */
function* evaluation(plan: Plan, size: number, columns: ColumnReader): Generator<undefined, readonly RuleVerdicts[]> {
  const { sources, steps, logs } = bind(plan, columns, size);
  for (const step of steps) if (step.prepare) yield* step.prepare();
  const everybody = everyone(size);
  const found = plan.rules.map((rule) => ({ rule, holds: new Uint32Array(wordsOf(size)), unknown: everybody.slice() }));
  for (let start = 0; start < size; start += CHUNK) {
    const count = Math.min(CHUNK, size - start);
    for (const source of sources) {
      source.load(start, count);
      yield;
    }
    for (const step of steps) {
      step.run(start, count);
      yield;
    }
    for (const { rule, holds, unknown } of found) {
      if ('message' in rule) continue;
      const { bits } = steps[rule.root] as BoundStep;
      holds.set(bits.holds.subarray(0, wordsOf(count)), start / 32);
      unknown.set(bits.unknown.subarray(0, wordsOf(count)), start / 32);
    }
  }
  return found.map(({ rule, holds, unknown }) => {
    if ('message' in rule) return withFailure(holds, unknown, { message: rule.message, subjects: everybody.slice() });
    const last = everybody.length - 1;
    if (last >= 0) for (const bits of [holds, unknown]) bits[last] = (bits[last] ?? 0) & (everybody[last] ?? 0);
    const failures = rule.leaves.flatMap((leaf) => logs.get(leaf) ?? []).flatMap((log) => log.found() ?? []);
    return withFailure(holds, unknown, merged(failures));
  });
}

export interface Columnar {
  /** Verdicts of each rule, in the order given, on the subjects 0 … `subjects` − 1. */
  evaluate(subjects: number, columns: ColumnReader): readonly RuleVerdicts[];
  /** The same, giving way to others (`setImmediate`) whenever `sliceMs` (default 5) have passed. Columns must not change meanwhile. */
  evaluateInSlices(subjects: number, columns: ColumnReader, sliceMs?: number): Promise<readonly RuleVerdicts[]>;
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * Many rules over all subjects at once, with the verdicts that `compile` gives one by one. Leaves and whole subtrees that are equal in several
 * rules are computed once. An invalid condition, a fact that cannot be read and a test that throws are failures of the rules that ask for them,
 * for the subjects they happen to, and of no others.
 *
 * ```ts
 * const rules = columnar([enter, exit], asOf);
 * const [entering, leaving] = await rules.evaluateInSlices(subjects.length, (fact) => columnsByFact[fact]);
 * verdictAt(entering, 0); // true, false or null
 * ```
 *
 * @param conditions valid conditions
 * @param now the moment that `withinNext` and `withinLast` count from, in the zone that times are read in
 * @param more operators beside Rapport's own
 */
export function columnar(conditions: readonly ResolvedCondition[], now: Moment, more?: OperatorSet): Columnar {
  const plan = planOf(conditions, now, more);
  return {
    evaluate(subjects, columns) {
      const steps = evaluation(plan, subjects, columns);
      let step = steps.next();
      while (step.done !== true) step = steps.next();
      return step.value;
    },
    async evaluateInSlices(subjects, columns, sliceMs = 5) {
      const steps = evaluation(plan, subjects, columns);
      let since = performance.now();
      let step = steps.next();
      while (step.done !== true) {
        if (performance.now() - since >= sliceMs) {
          await nextTurn();
          since = performance.now();
        }
        step = steps.next();
      }
      return step.value;
    },
  };
}
