import { catalogueOf, schemaFor, type FactDescription } from '@rapport/rules';
import { operatorsOf, factsKnown } from '@rapport/plugin-host';
import type { RunSetting } from '../membership/setting.js';

/**
 * JSON Schemas (2020-12) of the documents, for editors: facts of the loaded plugins, and of the traits that the data has. A document is about accounts or users; what either knows is offered,
 * and checked for the one that it is about when it is linted.
 */
export async function ruleSchemas({
  plugins,
  store,
}: RunSetting): Promise<Readonly<Record<'segment' | 'playbook', unknown>>> {
  const facts = new Map<string, FactDescription>();
  const snapshot = await store.snapshot();
  try {
    for (const kind of ['account', 'user'] as const) {
      for (const fact of factsKnown(kind, plugins)) facts.set(fact.fact, fact);
      for (const name of await snapshot.traitNames(kind))
        facts.set(`trait.${name}`, { fact: `trait.${name}`, type: 'any', title: `Trait ${name}` });
    }
  } finally {
    await snapshot.close();
  }
  const catalogue = catalogueOf([...facts.values()].sort((a, b) => (a.fact < b.fact ? -1 : 1)));
  const operators = operatorsOf(plugins);
  return {
    segment: schemaFor('segment', catalogue, operators),
    playbook: schemaFor('playbook', catalogue, operators),
  };
}
