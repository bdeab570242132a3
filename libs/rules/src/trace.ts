import type { Condition } from '@rapport/sdk';
import { readerOf, type FactReader } from './condition.js';
import { irOf, type RuleLeaf, type RuleNode } from './ir.js';
import type { OperatorSet, Verdict } from './operator.js';

interface Traced {
  /** JSON Pointer of the place in the condition. */
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
  /** The fact's value; null where there is none. */
  readonly value: unknown;
}

/** How a condition came out, node by node: nothing is left out because something else had decided already. JSON. */
export type Trace =
  | (Traced & { readonly kind: 'all' | 'any'; readonly children: readonly Trace[] })
  | (Traced & { readonly kind: 'not'; readonly child: Trace })
  | TracedLeaf;

type Tracer = (subject: number) => Trace;

function leafOf({ pointer, fact, operator, value: threshold, reading, test }: RuleLeaf, reader: FactReader): Tracer {
  const read = reader(fact, reading);
  return (subject) => {
    const value = read(subject) ?? null;
    return { kind: 'leaf', pointer, verdict: test(value), fact, operator, threshold, value };
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

function tracerOf(node: RuleNode, reader: FactReader): Tracer {
  if (node.kind === 'leaf') return leafOf(node, reader);
  const { pointer } = node;
  if (node.kind !== 'not')
    return groupOf(
      node.kind,
      pointer,
      node.children.map((child) => tracerOf(child, reader)),
    );
  const one = tracerOf(node.child, reader);
  return (subject) => {
    const child = one(subject);
    return { kind: 'not', pointer, verdict: child.verdict === null ? null : !child.verdict, child };
  };
}

/**
 * Turns a valid condition into what gives the full tree for a subject; its verdict is the one that `compile` gives.
 *
 * @param now epoch ms that `withinNext` and `withinLast` count from
 * @param more operators beside Rapport's own
 */
export const tracer = (condition: Condition, reader: FactReader, now: number, more?: OperatorSet): Tracer =>
  tracerOf(irOf(condition, now, '', more), reader);

/** The full tree of a valid condition on one subject's facts. */
export const trace = (
  condition: Condition,
  facts: Readonly<Record<string, unknown>>,
  now: number,
  more?: OperatorSet,
): Trace => tracer(condition, readerOf(facts), now, more)(0);

/** The facts whose absence keeps a condition unknown, in document order; none when it is true or false. */
export function missingFacts(root: Trace): readonly string[] {
  const missing = (node: Trace): readonly string[] => {
    if (node.verdict !== null) return [];
    if (node.kind === 'leaf') return [node.fact];
    return node.kind === 'not' ? missing(node.child) : node.children.flatMap(missing);
  };
  return [...new Set(missing(root))];
}
