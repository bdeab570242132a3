import { operators, type CompatOperator } from './operator.js';

/*
 * Evaluates conditions in which nothing can fail, as long as their facts are simple: scalars, or lists where the operator takes any.
 * Only then may evaluation stop at the first condition that decides. Facts are read once into slots that all rules of a set share, and
 * the conditions of a rule become one flat program over the slots: a loop without calls, in place of a tree of closures.
 */

/** A condition in which nothing can fail. */
export type Quick =
  | {
      readonly kind: 'leaf';
      readonly fact: string;
      /** What the fact may be beside a scalar. */
      readonly takesLists: boolean;
      readonly operator: CompatOperator;
      readonly value: unknown;
    }
  | { readonly kind: 'all' | 'any'; readonly children: readonly Quick[] }
  | { readonly kind: 'not'; readonly child: Quick };

export const isScalar = (value: unknown): boolean =>
  typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' || value === null;

/** How simple a fact must be for an operator that comes with json-rules-engine not to throw; null where it may throw anyhow. */
function needOf(operator: CompatOperator, value: unknown): 'scalar' | 'list' | null {
  switch (operator) {
    case operators['equal']:
    case operators['notEqual']:
    case operators['contains']:
    case operators['doesNotContain']:
      return 'list';
    case operators['in']:
    case operators['notIn']:
      return Array.isArray(value) ? 'list' : null;
    case operators['lessThan']:
    case operators['lessThanInclusive']:
    case operators['greaterThan']:
    case operators['greaterThanInclusive']:
      return isScalar(value) ? 'scalar' : null;
    default:
      return null;
  }
}

/** A comparison of a fact with a value that stands in it. A path says nothing of a scalar. */
export function quickComparison(
  fact: string,
  hasPath: boolean,
  operator: CompatOperator,
  value: unknown,
): Quick | null {
  const need = needOf(operator, value);
  return need === null ? null : { kind: 'leaf', fact, takesLists: need === 'list' && !hasPath, operator, value };
}

export const quickFalse: Quick = { kind: 'not', child: { kind: 'all', children: [] } };

/** All, any, or not, of conditions in which nothing can fail; null where one of them may. No conditions at all are true. */
export function quickLogic(kind: 'all' | 'any' | 'not', children: readonly (Quick | null)[]): Quick | null {
  const quick = children.filter((child) => child !== null);
  const [first] = quick;
  if (quick.length < children.length) return null;
  if (first === undefined) return { kind: 'all', children: [] };
  return kind === 'not' ? { kind, child: first } : { kind, children: quick };
}

const OP = { equal: 0, notEqual: 1, less: 2, atMost: 3, greater: 4, atLeast: 5, other: 6 } as const;
const TRUE = -1;
const FALSE = -2;

function opOf(operator: CompatOperator, value: unknown): number {
  if (operator === operators['equal']) return OP.equal;
  if (operator === operators['notEqual']) return OP.notEqual;
  if (typeof value !== 'number') return OP.other;
  if (operator === operators['lessThan']) return OP.less;
  if (operator === operators['lessThanInclusive']) return OP.atMost;
  if (operator === operators['greaterThan']) return OP.greater;
  return operator === operators['greaterThanInclusive'] ? OP.atLeast : OP.other;
}

/** How simple a fact is. A fact that is missing counts as a scalar where missing facts are allowed. */
const KIND = { scalar: 0, list: 1, other: 2 } as const;

/** The facts that programs read, each read once per subject. */
export interface Slots {
  /** Names in the order of their slots. */
  readonly facts: readonly string[];
  readonly values: readonly unknown[];
  slotOf(fact: string): number;
  /** Reads the facts of one subject, which must have no prototype but `Object.prototype`. */
  load(facts: Readonly<Record<string, unknown>>): void;
  /** Whether each of these slots holds what is no more than its kind. */
  areWithin(slots: Int32Array, kinds: Uint8Array): boolean;
}

export function quickSlots(allowUndefined: boolean): Slots {
  const numbers = new Map<string, number>();
  const facts: string[] = [];
  const values: unknown[] = [];
  const kinds: number[] = [];
  let worst: number = KIND.scalar;
  const kindOf = (value: unknown): number => {
    if (isScalar(value) || (value === undefined && allowUndefined)) return KIND.scalar;
    return Array.isArray(value) ? KIND.list : KIND.other;
  };
  return {
    facts,
    values,
    slotOf(fact) {
      const found = numbers.get(fact);
      if (found !== undefined) return found;
      numbers.set(fact, facts.length);
      values.push(undefined);
      kinds.push(KIND.other);
      return facts.push(fact) - 1;
    },
    load(from) {
      worst = KIND.scalar;
      for (let i = 0; i < facts.length; i++) {
        const value = from[facts[i] as string];
        const kind = kindOf(value);
        values[i] = value;
        kinds[i] = kind;
        if (kind > worst) worst = kind;
      }
    },
    areWithin(slots, most) {
      if (worst === KIND.scalar) return true;
      for (let i = 0; i < slots.length; i++)
        if ((kinds[slots[i] as number] as number) > (most[i] as number)) return false;
      return true;
    },
  };
}

export interface QuickProgram {
  /** Whether the facts in the slots are simple enough. */
  readonly applies: () => boolean;
  /** The verdict on the facts in the slots. */
  readonly run: () => boolean;
}

const WORDS = 4;

export function quickProgram(root: Quick, slots: Slots): QuickProgram {
  const most = new Map<number, number>();
  const words: number[] = [];
  const tests: CompatOperator[] = [];
  const wanted: unknown[] = [];
  /** Appends a condition, its last part first, and returns where it begins. */
  const emit = (node: Quick, whenTrue: number, whenFalse: number): number => {
    if (node.kind === 'not') return emit(node.child, whenFalse, whenTrue);
    if (node.kind !== 'leaf') {
      const isAny = node.kind === 'any';
      let next = isAny ? whenFalse : whenTrue;
      for (const child of node.children.toReversed())
        next = isAny ? emit(child, whenTrue, next) : emit(child, next, whenFalse);
      return next;
    }
    const slot = slots.slotOf(node.fact);
    most.set(slot, Math.min(most.get(slot) ?? KIND.list, node.takesLists ? KIND.list : KIND.scalar));
    words.push(opOf(node.operator, node.value), slot, whenTrue, whenFalse);
    tests.push(node.operator);
    return wanted.push(node.value) - 1;
  };
  const start = emit(root, TRUE, FALSE);
  const code = Int32Array.from(words);
  const numbers = Float64Array.from(wanted, (value) => (typeof value === 'number' ? value : Number.NaN));
  const used = Int32Array.from(most.keys());
  const kinds = Uint8Array.from(most.values());
  const { values } = slots;
  const other = (at: number, fact: unknown): boolean => tests[at]?.(fact, wanted[at]) === true;
  return {
    applies: () => slots.areWithin(used, kinds),
    run() {
      let at = start;
      while (at >= 0) {
        const word = at * WORDS;
        const fact = values[code[word + 1] as number];
        let holds: boolean;
        switch (code[word]) {
          case OP.equal:
            holds = fact === wanted[at];
            break;
          case OP.notEqual:
            holds = fact !== wanted[at];
            break;
          case OP.less:
            holds = typeof fact === 'number' ? fact < (numbers[at] as number) : other(at, fact);
            break;
          case OP.atMost:
            holds = typeof fact === 'number' ? fact <= (numbers[at] as number) : other(at, fact);
            break;
          case OP.greater:
            holds = typeof fact === 'number' ? fact > (numbers[at] as number) : other(at, fact);
            break;
          case OP.atLeast:
            holds = typeof fact === 'number' ? fact >= (numbers[at] as number) : other(at, fact);
            break;
          default:
            holds = other(at, fact);
        }
        at = code[word + (holds ? 2 : 3)] as number;
      }
      return at === TRUE;
    },
  };
}
