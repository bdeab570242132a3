import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { zone } from '@rapport/sdk/time';
import { checkDocument, checkFacts, didYouMean, runTests, type Problem } from '@rapport/rules';
import {
  messageOf,
  operatorsOf,
  cycleIn,
  inOrder,
  trying,
  verdictsOf,
  documentVersion,
  documentsAmong,
  type LoadedDocument,
  type LoadedPlugin,
  catalogueFor,
  referencesOf,
  unknownTrigger,
  isEnabled,
  settingOf,
  hashOf,
} from '@rapport/plugin-host';
import type { RunSetting } from '../membership/setting.js';

/** A document that could be in force, among the plugins that then would be. */
export interface Proposal {
  readonly document: SegmentDocument | PlaybookDocument;
  readonly version: string;
  /** In the order of their dependencies, the document in the place of the one of its id. */
  readonly plugins: readonly LoadedPlugin[];
}
export type Proposed =
  { readonly ok: true; readonly proposal: Proposal } | { readonly ok: false; readonly problems: readonly Problem[] };

const keyOf = ({ kind, manifest }: LoadedPlugin): string => `${kind}/${manifest.id}`;

/** Checks a document against what is loaded, and puts it among it: shape, facts, own tests, what it names, circles. Nothing is changed. */
export async function propose(
  value: unknown,
  setting: Pick<RunSetting, 'plugins' | 'host' | 'config' | 'limits' | 'strikes' | 'store'>,
): Promise<Proposed> {
  const { plugins: loaded, config } = setting;
  const operators = operatorsOf(loaded);
  const checked = checkDocument(value, operators);
  if (!checked.ok) return checked;
  const { document } = checked;
  const key = `${document.kind}/${document.id}`;
  const version = documentVersion(document);
  const about = {
    name: key, version, dir: '', config: {}, configHash: hashOf(document),
    manifest: { kind: document.kind, id: document.id, sdk: '*' },
  }; // prettier-ignore
  const plugin: LoadedDocument =
    document.kind === 'segment'
      ? { ...about, kind: 'segment', document }
      : { ...about, kind: 'playbook', document, enabled: isEnabled(settingOf(config, about)) };
  const all = new Map([...loaded.filter((other) => keyOf(other) !== key), plugin].map((each) => [keyOf(each), each]));
  const problems = await problemsAmong(document, { ...setting, plugins: [...all.values()] });
  const edges = (of: string): readonly string[] => {
    const its = all.get(of);
    if (its?.kind === 'metric')
      return [...its.definition.uses, ...its.definition.usesPortfolio].map((id) => `metric/${id}`);
    return its && 'document' in its ? referencesOf(its.document, operators) : [];
  };
  const cycle = problems.length > 0 ? null : cycleIn([key], (of) => edges(of).filter((other) => all.has(other)));
  if (cycle)
    problems.push({
      code: 'RAPPORT_RULES_CYCLE',
      pointer: '',
      message: `segments would depend on each other in a circle: ${cycle.join(' → ')}. Remove one of the "segment." facts.`,
    });
  // A band that is gone may be one that others ask for.
  for (const { document: other } of documentsAmong([...all.values()]))
    if (other !== document && referencesOf(other, operators).includes(key))
      problems.push(...brokenBy(key, other, [...all.values()]));
  if (problems.length > 0) return { ok: false, problems };
  const plugins = inOrder([...all.keys()].sort(), edges).flatMap((of) => all.get(of) ?? []);
  return { ok: true, proposal: { document, version, plugins } };
}

/** What would no longer hold of a document that needs the one of a key. */
function brokenBy(
  key: string,
  other: SegmentDocument | PlaybookDocument,
  plugins: readonly LoadedPlugin[],
): readonly Problem[] {
  const unknown = other.kind === 'playbook' ? unknownTrigger(other, plugins) : null;
  const problems = [
    ...checkFacts(other, catalogueFor(other.subject, plugins), operatorsOf(plugins)),
    ...(unknown ? [unknown] : []),
  ];
  return problems.map(({ pointer, message }) => ({
    code: 'RAPPORT_RULES_USED',
    pointer: '',
    message: `${other.kind}/${other.id} needs ${key} as it is, at ${pointer}: ${message}`,
  }));
}

async function problemsAmong(
  document: SegmentDocument | PlaybookDocument,
  setting: Pick<RunSetting, 'plugins' | 'host' | 'limits' | 'strikes' | 'store'>,
): Promise<Problem[]> {
  const { plugins, host } = setting;
  const problems = [...checkFacts(document, catalogueFor(document.subject, plugins), operatorsOf(plugins))];
  if (document.kind === 'segment') {
    const verdicts = verdictsOf(trying(setting));
    const failed = await verdicts.settle(({ quiet }) => runTests(document, zone(setting.store.zone), quiet));
    const [why] = verdicts.errors();
    for (const { name, pointer, expected, found } of failed) {
      const message = `the test "${name}" expects ${expected}, but the rules say ${found}. ${why ?? 'Correct the rule or the test.'}`;
      problems.push({ code: 'RAPPORT_RULES_TEST', pointer, message });
    }
    return problems;
  }
  const unknown = unknownTrigger(document, plugins);
  if (unknown) problems.push(unknown);
  const actions = plugins.flatMap(({ kind, manifest }) => (kind === 'action' ? [manifest.id] : []));
  for (const [i, { action, with: input = {} }] of document.steps.entries()) {
    const pointer = `/steps/${String(i)}`;
    if (!actions.includes(action)) {
      const message = `there is no action "${action}".${didYouMean(action, actions)} Known: ${actions.join(', ') || 'none'}.`;
      problems.push({ code: 'RAPPORT_RULES_ACTION', pointer: `${pointer}/action`, message });
      continue;
    }
    const checked = await host
      .checkInput({ action, input })
      .catch((error: unknown) => ({ pointer: '', message: messageOf(error) }));
    if ('message' in checked)
      problems.push({
        code: 'RAPPORT_RULES_ACTION',
        pointer: `${pointer}/with${checked.pointer}`,
        message: checked.message,
      });
  }
  return problems;
}

/** What a change of a document can move, and what has to be known for that; in the order of their dependencies. */
export interface Concerned {
  /** The document, those that ask for its members, and all whose members any of these ask for. */
  readonly documents: readonly LoadedDocument[];
  /** The document itself and those that ask for its members. */
  readonly moved: readonly LoadedDocument[];
}
export function concernedBy({ document, plugins }: Proposal): Concerned {
  const documents = documentsAmong(plugins);
  const operators = operatorsOf(plugins);
  const own = `${document.kind}/${document.id}`;
  const asking = new Set([own]);
  for (const plugin of documents)
    if (referencesOf(plugin.document, operators).some((key) => asking.has(key))) asking.add(keyOf(plugin));
  const asked = new Set(asking);
  for (const plugin of [...documents].reverse())
    if (asked.has(keyOf(plugin))) for (const key of referencesOf(plugin.document, operators)) asked.add(key);
  return {
    documents: documents.filter((plugin) => asked.has(keyOf(plugin))),
    moved: documents.filter((plugin) => asking.has(keyOf(plugin))),
  };
}
