import type { Problem } from '../problem.js';
import { refuse, type Context, type Facts, type Step } from './context.js';
import { problemOf } from './failure.js';
import type { Foreign } from './foreign.js';
import { nestsWithin } from '../depth.js';
import { frozenCopy, isPlain } from './frozen.js';
import { decorators, operators, type CompatDecorator, type CompatOperator } from './operator.js';
import { integerOf } from './priority.js';
import { quickProgram, quickSlots, type Slots } from './quick.js';
import { isObject, MAX_DEPTH, rootStep } from './step.js';
import type { RuleFailure, RuleTrace } from './trace.js';

export interface CompatOptions {
  /** Named conditions, for `{ "condition": "name" }`. */
  readonly conditions?: Readonly<Record<string, unknown>>;
  /** Operators besides json-rules-engine's own, or in their place. */
  readonly operators?: Readonly<Record<string, CompatOperator>>;
  /** Decorators besides json-rules-engine's own, or in their place. */
  readonly decorators?: Readonly<Record<string, CompatDecorator>>;
  /** A reference to a condition that does not exist is false, instead of a failure. */
  readonly allowUndefinedConditions?: boolean;
  /** A fact that does not exist is undefined, instead of a failure. */
  readonly allowUndefinedFacts?: boolean;
}

export interface CompatRule {
  /** True or false as json-rules-engine has it; null where it rejects, as on a fact that is missing. `trace` says why. */
  readonly match: (facts: Facts) => boolean | null;
  /** The result of the rule and of each condition that was reached. Shares the facts' and the rule's values: do not change them. */
  readonly trace: (facts: Facts) => RuleTrace | RuleFailure;
}

export type CompiledRule =
  ({ readonly ok: true } & CompatRule) | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Makes a rule document of json-rules-engine 7.3.1 (`{ conditions, event?, priority?, name? }`) ready, to be evaluated exactly as it does, oddities
 * included; docs/decisions/0015 says what is left out. The document is copied, and nothing is kept between evaluations.
 *
 * A rule that json-rules-engine refuses gives problems instead, and so do other paths than plain ones (`RAPPORT_RULES_PATH`), nesting of more than 100
 * (`RAPPORT_RULES_DEPTH`), and more than 10,000 conditions (`RAPPORT_RULES_SIZE`). What it rejects when a rule is run, such as an operator that
 * does not exist, is a failure of that evaluation: `RAPPORT_RULES_FACT`, `_OPERATOR`, `_REFERENCE`, `_CYCLE`, `_FAILED`.
 */
export function compileRule(document: unknown, options: CompatOptions = {}): CompiledRule {
  const made = ready(document, options);
  if (!made.ok) return made;
  const { step, context, trace } = made;
  return { ok: true, match: matchOf(step, context), trace };
}

/** Rules that are evaluated together: one that is refused has problems in its place. */
export interface CompiledRules {
  readonly rules: readonly CompiledRule[];
  /** The verdict of each rule in the order given, as its own `match` has it; null also for a rule that is refused. */
  readonly match: (facts: Facts) => readonly (boolean | null)[];
}

/** Makes several rules ready at once. `match` of all of them is about twice as fast as each by itself: facts are read once for all. */
export function compileRules(documents: readonly unknown[], options: CompatOptions = {}): CompiledRules {
  const slots = quickSlots(options.allowUndefinedFacts ?? false);
  const made = documents.map((document) => ready(document, options));
  const matchers = made.map((rule) => (rule.ok ? matcher(rule.step, slots) : null));
  return {
    rules: made.map((rule) =>
      rule.ok ? { ok: true, match: matchOf(rule.step, rule.context), trace: rule.trace } : rule,
    ),
    match(facts) {
      const plain = loaded(facts, slots);
      const verdicts: (boolean | null)[] = [];
      for (const match of matchers) verdicts.push(plain && match && match(plain));
      return verdicts;
    },
  };
}

type Ready =
  | { readonly ok: true; readonly step: Step; readonly context: Context; readonly trace: CompatRule['trace'] }
  | Extract<CompiledRule, { ok: false }>;

function ready(document: unknown, options: CompatOptions): Ready {
  const context = contextOf(options);
  const head = headOf(document, context);
  if (head === null || context.problems.length > 0) return { ok: false, problems: context.problems };
  const step = rootStep(head.conditions, context);
  if (context.problems.length > 0) return { ok: false, problems: context.problems };
  const { event, priority, name } = head;
  return {
    ok: true,
    step,
    context,
    trace(facts) {
      try {
        const { result, shown } = step.trace(own(facts));
        return { conditions: shown, event, priority, name, result };
      } catch (thrown) {
        return { result: null, problem: problemOf(thrown) };
      }
    },
  };
}

/** What compiling begins with. */
export function contextOf(
  options: CompatOptions,
  namedAt: Context['namedAt'] = null,
  foreign: Foreign | null = null,
): Context {
  return {
    conditions: options.conditions ?? {},
    operators: new Map(Object.entries({ ...operators, ...options.operators })),
    decorators: new Map(Object.entries({ ...decorators, ...options.decorators })),
    foreign,
    allowUndefinedConditions: options.allowUndefinedConditions ?? false,
    allowUndefinedFacts: options.allowUndefinedFacts ?? false,
    problems: [],
    failures: [],
    reads: new Map(),
    namedAt,
    copies: new Map(),
    made: 0,
  };
}

/**
 * The verdict on facts of one subject: true or false, or null where json-rules-engine rejects.
 *
 * @param slots where facts are read; several rules may share them
 */
function matcher({ quick, test }: Step, slots: Slots): CompatRule['match'] {
  const program = quick === null ? null : quickProgram(quick, slots);
  return (facts) => {
    if (program?.applies() === true) return program.run();
    try {
      return Boolean(test(facts));
    } catch {
      return null;
    }
  };
}

/** Reads the facts of one subject; null where a getter throws, so that no rule has a verdict. */
function loaded(facts: Facts, slots: Slots): Facts | null {
  try {
    const plain = own(facts);
    slots.load(plain);
    return plain;
  } catch {
    return null;
  }
}

/** True or false, or null where json-rules-engine rejects. */
export function matchOf(step: Step, { allowUndefinedFacts }: Context): CompatRule['match'] {
  const slots = quickSlots(allowUndefinedFacts);
  const match = matcher(step, slots);
  return (facts) => {
    const plain = loaded(facts, slots);
    return plain && match(plain);
  };
}

/** Facts without any that come from a prototype, so that they can be read in the plain way. */
const own = (facts: Facts): Facts => (isPlain(facts) ? facts : { ...facts });

/** What json-rules-engine's rule has besides its conditions, with its defaults. */
function headOf(document: unknown, context: Context) {
  const shape = (pointer: string, message: string) => {
    refuse(context, { code: 'RAPPORT_RULES_SHAPE', pointer, message });
    return null;
  };
  if (!isObject(document)) return shape('', 'must be a rule: an object with "conditions" and "event".');
  const of = (key: string) => (Object.hasOwn(document, key) ? document[key] : undefined);
  const [conditions, event, name] = [of('conditions'), of('event') || { type: 'unknown' }, of('name')];
  if (!nestsWithin([event, name], MAX_DEPTH)) {
    const message = `"event" or "name" nests deeper than ${MAX_DEPTH}; shorten it.`;
    refuse(context, { code: 'RAPPORT_RULES_DEPTH', pointer: '', message });
    return null;
  }
  const priority = integerOf(of('priority') || 1);
  if (priority === null || priority <= 0) return shape('/priority', 'must be greater than zero.');
  if (!isObject(event) || !Object.hasOwn(event, 'type')) return shape('/event', 'must be an object with "type".');
  const { type, params } = event;
  return {
    conditions,
    event: Object.freeze({ type: frozenCopy(type), ...(params ? { params: frozenCopy(params) } : {}) }),
    priority,
    name: name || name === 0 ? frozenCopy(name) : undefined,
  };
}
