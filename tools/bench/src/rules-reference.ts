import { Engine, type TopLevelCondition } from 'json-rules-engine';
import type { Condition } from '@rapport/sdk';

export type Reference = (facts: Record<string, unknown>) => Promise<ReadonlySet<string>>;

/** json-rules-engine with these rules, one Engine for all subjects: the numbers of the rules that are true of a subject. */
export function reference(rules: readonly Condition[]): Reference {
  const engine = new Engine([], { allowUndefinedFacts: true });
  rules.forEach((rule, r) => engine.addRule({ conditions: rule as TopLevelCondition, event: { type: String(r) } }));
  return async (facts) => {
    const { events } = await engine.run(facts);
    return new Set(events.map(({ type }) => type));
  };
}
