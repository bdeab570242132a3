import type { Moment } from '@rapport/sdk/time';
import type { ConditionTrace } from './compat/trace.js';
import { readerOf, valuesReader, type FactReader } from './condition.js';
import { irOf, type ResolvedCondition, type RuleLeaf, type RuleNode } from './ir.js';
import { factsOf, type RuleJoint } from './joint.js';
import type { OperatorSet, Verdict } from './operator.js';
import { isFactValue } from './pair.js';
import type { Problem } from './problem.js';

interface Traced {
  /** JSON Pointer of the place in the condition; of what is reached by a reference, in the document. */
  readonly pointer: string;
  readonly verdict: Verdict;
}
export interface TracedLeaf extends Traced {
  readonly kind: 'leaf';
  /** The fact that was read. */
  readonly fact: string;
  readonly operator: string;
  /** The operator's value as written; undefined when it takes none. */
  readonly threshold: unknown;
  /** Where the value is another fact: the value of that fact, null where there is none. Else absent. */
  readonly thresholdValue?: unknown;
  /** The fact's value; null where there is none. */
  readonly value: unknown;
}

/** A condition that json-rules-engine's rules decide. */
export interface TracedCompat extends Traced {
  readonly kind: 'compat';
  /** Its result, as json-rules-engine gives it; null where it rejects. */
  readonly result: ConditionTrace | null;
  /** Why there is no verdict; null where there is one. */
  readonly problem: Problem | null;
  /** Facts that the condition reads and that have no value. */
  readonly missing: readonly string[];
}

/** How a condition came out, node by node: nothing is left out because something else had decided already. JSON. */
export type Trace =
  | (Traced & { readonly kind: 'all' | 'any'; readonly children: readonly Trace[] })
  | (Traced & { readonly kind: 'not'; readonly child: Trace })
  | TracedLeaf
  | TracedCompat;

type Tracer = (subject: number) => Trace;

function leafOf({ pointer, fact, operator, value: threshold, reading, test }: RuleLeaf, reader: FactReader): Tracer {
  const read = reader(fact, reading);
  return (subject) => {
    const value = read(subject) ?? null;
    return { kind: 'leaf', pointer, verdict: test(value), fact, operator, threshold, value };
  };
}

function jointOf(joint: RuleJoint, reader: FactReader, more?: OperatorSet): Tracer {
  const { pointer, operator, facts, question } = joint;
  const valuesOf = valuesReader(joint, reader);
  const fact = facts[0]?.fact ?? '';
  return (subject) => {
    const values = valuesOf(subject).map((value) => value ?? null);
    if (question.kind === 'pair') {
      const [value, thresholdValue] = values;
      const verdict = joint.test(values);
      return { kind: 'leaf', pointer, verdict, fact, operator, threshold: question.value, thresholdValue, value };
    }
    const missing = facts.flatMap(({ fact: name }, i) => (values[i] === null ? [name] : []));
    const found = question.condition.trace(factsOf(facts, values), more);
    const [result, problem] = 'code' in found ? [null, found] : [found, null];
    return { kind: 'compat', pointer, verdict: joint.test(values), result, problem, missing };
  };
}

function groupOf(kind: 'all' | 'any', pointer: string, children: readonly Tracer[]): Tracer {
  const decisive = kind === 'any';
  return (subject) => {
    let verdict: Verdict = !decisive;
    const traces: Trace[] = [];
    for (const child of children) {
      const trace = child(subject);
      traces.push(trace);
      if (trace.verdict === decisive) verdict = decisive;
      else if (trace.verdict === null && verdict !== decisive) verdict = null;
    }
    return { kind, pointer, verdict, children: traces };
  };
}

function tracerOf(node: RuleNode, reader: FactReader, more?: OperatorSet): Tracer {
  if (node.kind === 'leaf') return leafOf(node, reader);
  if (node.kind === 'joint') return jointOf(node, reader, more);
  const { pointer } = node;
  if (node.kind !== 'not')
    return groupOf(
      node.kind,
      pointer,
      node.children.map((child) => tracerOf(child, reader, more)),
    );
  const one = tracerOf(node.child, reader, more);
  return (subject) => {
    const child = one(subject);
    return { kind: 'not', pointer, verdict: child.verdict === null ? null : !child.verdict, child };
  };
}

/**
 * Turns a valid condition into what gives the full tree for a subject; its verdict is the one that `compile` gives.
 *
 * @param now the moment that `withinNext` and `withinLast` count from, in the zone that times are read in
 * @param more operators beside Rapport's own
 * @param pointer JSON Pointer of the condition, for those in the trace to begin with
 */
export const tracer = (
  condition: ResolvedCondition,
  reader: FactReader,
  now: Moment,
  more?: OperatorSet,
  pointer = '',
): Tracer => tracerOf(irOf(condition, now, pointer, more), reader, more);

/** The full tree of a valid condition on one subject's facts. */
export const trace = (
  condition: ResolvedCondition,
  facts: Readonly<Record<string, unknown>>,
  now: Moment,
  more?: OperatorSet,
  pointer = '',
): Trace => tracer(condition, readerOf(facts), now, more, pointer)(0);

/** The facts that keep a leaf unknown. */
export function missingOf({ fact, value, threshold, thresholdValue }: TracedLeaf): readonly string[] {
  if (!isFactValue(threshold)) return [fact];
  const missing = [...(value === null ? [fact] : []), ...(thresholdValue === null ? [threshold.fact] : [])];
  // Both are there, but not to be compared.
  return missing.length > 0 ? missing : [fact, threshold.fact];
}

/** The facts whose absence keeps a condition unknown, in document order; none when it is true or false. */
export function missingFacts(root: Trace): readonly string[] {
  const missing = (node: Trace): readonly string[] => {
    if (node.verdict !== null) return [];
    if (node.kind === 'leaf') return missingOf(node);
    if (node.kind === 'compat') return node.missing;
    return node.kind === 'not' ? missing(node.child) : node.children.flatMap(missing);
  };
  return [...new Set(missing(root))];
}
