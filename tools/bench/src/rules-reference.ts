import { Engine, type TopLevelCondition } from 'json-rules-engine';
import type { Condition } from '@rapport/sdk';

/** Runs json-rules-engine on the facts of one subject: the numbers of the rules that are true. */
export type Reference = (facts: Record<string, unknown>) => Promise<ReadonlySet<string>>;

function engineOf(rules: readonly Condition[]): Engine {
  const engine = new Engine([], { allowUndefinedFacts: true });
  rules.forEach((rule, r) => engine.addRule({ conditions: rule as TopLevelCondition, event: { type: String(r) } }));
  return engine;
}

/** The same with the result of every condition (`toJSON`): how many rules that was. */
export function tracingReference(rules: readonly Condition[]): (facts: Record<string, unknown>) => Promise<number> {
  const engine = engineOf(rules);
  return async (facts) => {
    const { results, failureResults } = await engine.run(facts);
    return [...results, ...failureResults].map((result) => result.toJSON(false)).length;
  };
}

/** json-rules-engine with these rules, one Engine for all subjects. */
export function reference(rules: readonly Condition[]): Reference {
  const engine = engineOf(rules);
  return async (facts) => {
    const { events } = await engine.run(facts);
    return new Set(events.map(({ type }) => type));
  };
}
