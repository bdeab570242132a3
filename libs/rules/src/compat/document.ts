import type { CompatMode } from '@rapport/sdk';
import type { CompatCondition, FactUse } from '../joint.js';
import type { WrittenCondition } from '../reference.js';
import { namedPointer, type Problem } from '../problem.js';
import type { OperatorSet } from '../operator.js';
import { problemOf } from './failure.js';
import type { Foreign } from './foreign.js';
import { contextOf, matchOf } from './rule.js';
import { rootStep } from './step.js';

export interface CompiledConditions {
  /** In the order given. */
  readonly conditions: readonly CompatCondition[];
  /** What the document is refused for. */
  readonly problems: readonly Problem[];
}

/** Most characters of an operator with its decorators. */
const LONGEST_OPERATOR = 200;

const NONE: OperatorSet = new Map();

let documents = 0;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * Makes the conditions of a `compat` document ready, each to be evaluated as the `conditions` of a rule of json-rules-engine. What that finds only when it reaches
 * the place is a problem here: an operator or decorator that does not exist, a condition that is referred to and does not exist. All of them together
 * may have 10,000 conditions, references put in place. They must not refer to each other in a circle, which `checkReferences` finds.
 *
 * @param known operators that plugins bring; null to take any name, where the document was checked before
 */
export function compileConditions(
  written: readonly WrittenCondition[],
  { conditions = {}, allowUndefinedConditions = false, allowUndefinedFacts = false }: Omit<CompatMode, 'mode'>,
  known: OperatorSet | null,
): CompiledConditions {
  const foreign: Foreign = { known, bound: NONE };
  const context = contextOf({ conditions, allowUndefinedConditions, allowUndefinedFacts }, namedPointer, foreign);
  const flags = `${String(allowUndefinedConditions)} ${String(allowUndefinedFacts)}`;
  // Named conditions are a document's own; conditions without any say the same in every document.
  const scope = Object.keys(conditions).length === 0 ? '' : String((documents += 1));
  const made = written.map(({ condition, pointer }): CompatCondition => {
    context.reads.clear();
    const step = rootStep(condition, context, pointer);
    const uses = Array.from(context.reads, ([place, { fact, operator }]): FactUse => {
      if (typeof fact !== 'string' || fact === '')
        context.problems.push({
          code: 'RAPPORT_RULES_SHAPE',
          pointer: `${place}/fact`,
          message: '"fact" must be the name of a fact.',
        });
      // Each decorator is a call within a call, for each subject.
      if (textOf(operator).length > LONGEST_OPERATOR)
        context.problems.push({
          code: 'RAPPORT_RULES_SIZE',
          pointer: `${place}/operator`,
          message: `the operator has more than ${String(LONGEST_OPERATOR)} characters; use fewer decorators.`,
        });
      return { fact: textOf(fact), operator: textOf(operator), reading: 'any', pointer: place };
    });
    let key: string | null = null;
    const match = matchOf(step, context);
    return {
      uses,
      key: () => (key ??= `compat ${scope} ${flags} ${JSON.stringify(condition)}`),
      match(facts, more = NONE) {
        foreign.bound = more;
        return match(facts);
      },
      trace(facts, more = NONE) {
        foreign.bound = more;
        try {
          return step.trace(facts).shown;
        } catch (thrown) {
          return problemOf(thrown);
        }
      },
    };
  });
  const problems = new Map<string, Problem>();
  for (const problem of [...context.problems, ...context.failures])
    problems.set(`${problem.pointer} ${problem.message}`, problem);
  return { conditions: made, problems: [...problems.values()] };
}
