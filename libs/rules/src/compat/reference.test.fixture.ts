import { Engine, Rule, type RuleProperties, type TopLevelCondition } from 'json-rules-engine';
import type { CompatOptions } from './rule.js';

export interface Case {
  readonly rule: unknown;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly options: CompatOptions;
}

/** What json-rules-engine itself makes of a case: the result of its only rule, or the message of what it rejects with. */
export type Outcome = { readonly trace: Readonly<Record<string, unknown>> } | { readonly rejected: string };

/** Runs json-rules-engine. Documents are copied first, since it writes into them; throws where a constructor of it throws. */
export async function reference({ rule, facts, options }: Case): Promise<Outcome> {
  const { conditions = {}, operators = {}, decorators = {}, ...flags } = options;
  const engine = new Engine([], flags);
  for (const [name, operator] of Object.entries(operators)) engine.addOperator(name, operator as () => boolean);
  for (const [name, decorator] of Object.entries(decorators))
    engine.addOperatorDecorator(name, decorator as () => boolean);
  for (const [name, condition] of Object.entries(conditions))
    engine.setCondition(name, structuredClone(condition) as TopLevelCondition);
  engine.addRule(new Rule(structuredClone(rule) as RuleProperties));
  try {
    const { results, failureResults } = await engine.run(facts);
    const [result] = [...results, ...failureResults];
    return { trace: (result?.toJSON(false) ?? {}) as unknown as Readonly<Record<string, unknown>> };
  } catch (error) {
    return { rejected: String(error) };
  }
}

/**
 * A rejection beside an exception in one group is left unhandled by json-rules-engine, which ends the process (and a test run). While `run` runs, it
 * does not.
 */
export async function outlivingIt<T>(
  run: () => Promise<T>,
): Promise<{ readonly value: T; readonly unhandled: number }> {
  const others = process.listeners('unhandledRejection');
  let unhandled = 0;
  const count = () => (unhandled += 1);
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', count);
  // Node tells of unhandled rejections once the microtasks are done.
  const told = () => new Promise((done) => setTimeout(done, 0));
  try {
    const value = await run();
    await told();
    return { value, unhandled };
  } finally {
    await told();
    process.removeListener('unhandledRejection', count);
    for (const other of others) process.on('unhandledRejection', other);
  }
}

/** Deep equality of what results are made of: own keys, also undefined ones, and `Object.is` of the rest. Prototypes do not count. */
export function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (a === b) return true;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  if (a instanceof Date || b instanceof Date)
    return a instanceof Date && b instanceof Date && Object.is(a.getTime(), b.getTime());
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && same(a[key as keyof typeof a], b[key as keyof typeof b]))
  );
}
