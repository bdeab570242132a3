import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { factsOf } from '@rapport/rules';
import type { Definition, DefinitionChange, ManifestSettings, RunManifest, BaselineReason } from '@rapport/store';
import {
  canonical,
  derivedFrom,
  documentsAmong,
  hashOf,
  operatorPluginsOf,
  operatorsOf,
  playbookKey,
  segmentOf,
  sha256,
  type LoadedPlugin,
} from '@rapport/plugin-host';
import type { WorkspaceConfig } from '../config.js';
import { software } from './software.js';

type Document = SegmentDocument | PlaybookDocument;

/** The key of what decides a document's memberships: the segment's id, or `playbook.<id>`. */
export const definitionKey = ({ kind, id }: Document): string => (kind === 'playbook' ? playbookKey(id) : id);
/** The same, of a membership or transition. */
export const definitionKeyOf = (segment: string): string =>
  segment.startsWith(playbookKey('')) ? segment : segmentOf(segment);
const documentKey = ({ kind, id }: Document): string => `${kind}/${id}`;

/** What a workspace's configuration says that decides memberships, with its defaults. */
export const settingsOf = (config: WorkspaceConfig): ManifestSettings => ({
  accounts: config.accounts ?? 'groups',
  profiles: config.profiles ?? {},
  scopes: config.scopes ?? {},
  hierarchy: config.hierarchy ?? null,
  signupTrait: config.signupTrait ?? 'signupAt',
  slopeDays: config.trends?.slopeDays ?? 30,
});

export type Definitions = Pick<RunManifest, 'inputs' | 'definitions'>;

/**
 * What decides each membership: for every document with rules the inputs that it reads, directly or through metrics and segments, and a fingerprint
 * over them. Inputs are hashed once for all documents. Titles, descriptions, tests and steps decide nothing, so that they are left out.
 */
export function definitionsOf(plugins: readonly LoadedPlugin[], config: WorkspaceConfig): Definitions {
  const settings = settingsOf(config);
  const operators = operatorsOf(plugins);
  const inputs = new Map<string, string>([
    ['software', hashOf(software)],
    ['accounts', settings.accounts],
    ['signupTrait', settings.signupTrait],
    ['slopeDays', String(settings.slopeDays)],
  ]);
  for (const [name, classes] of Object.entries(settings.profiles)) inputs.set(`profile/${name}`, hashOf(classes));
  for (const [name, scope] of Object.entries(settings.scopes)) inputs.set(`scope/${name}`, hashOf(scope));
  const readByMetric = new Map<string, ReadonlySet<string>>();
  // Plugins come after those that they use.
  for (const plugin of plugins) {
    const { id } = plugin.manifest;
    if (plugin.kind === 'operator')
      inputs.set(`operator/${id}`, `${plugin.name}@${plugin.version}#${plugin.configHash}`);
    if (plugin.kind !== 'metric') continue;
    inputs.set(`metric/${id}`, `${plugin.name}@${plugin.version}`);
    inputs.set(`config/${id}`, hashOf(plugin.config));
    const [, scope] = id.split(':', 2);
    const { measures, uses, usesPortfolio } = plugin.definition;
    const profiles = Object.values(measures).flatMap((node) => (node.node === 'profile' ? [node.name] : []));
    readByMetric.set(
      id,
      new Set([
        `metric/${id}`,
        `config/${id}`,
        ...(scope === undefined ? [] : [`scope/${scope}`]),
        ...profiles.map((name) => `profile/${name}`),
        ...(profiles.length > 0 ? ['signupTrait'] : []),
        ...[...uses, ...usesPortfolio].flatMap((used) => [...(readByMetric.get(used) ?? [`metric/${used}`])]),
      ]),
    );
  }
  const readByDocument = new Map<string, ReadonlySet<string>>();
  const definitions = new Map<string, Definition>();
  for (const { document } of documentsAmong(plugins)) {
    if (document.kind === 'playbook' && !('when' in document.trigger)) continue;
    inputs.set(`document/${documentKey(document)}`, hashOf(decisive(document)));
    const reads = new Set([
      'software',
      'accounts',
      `document/${documentKey(document)}`,
      ...operatorPluginsOf(document, operators),
    ]);
    for (const { fact } of factsOf(document, operators)) {
      const [head = '', next = ''] = fact.split('.');
      const more = head === 'segment' ? readByDocument.get(next) : readByMetric.get(head);
      for (const input of more ?? []) reads.add(input);
      if (derivedFrom(fact) !== null && fact.endsWith('.slope')) reads.add('slopeDays');
    }
    const key = definitionKey(document);
    readByDocument.set(key, reads);
    const sorted = [...reads].sort();
    const fingerprint = sha256(canonical(sorted.map((name) => [name, inputs.get(name) ?? null]))).slice(0, 32);
    definitions.set(key, { fingerprint, reads: sorted });
  }
  const sorted = [...inputs].sort(([a], [b]) => (a < b ? -1 : 1));
  return { inputs: Object.fromEntries(sorted), definitions: Object.fromEntries(definitions) };
}

/** Those members of a document that decide who is in. */
function decisive(document: Document): unknown {
  const { title: _title, description: _description, ...rest } = document;
  if (rest.kind === 'playbook') {
    const { steps: _steps, ...rule } = rest;
    return rule;
  }
  const { tests: _tests, bands, ...rule } = rest;
  return { ...rule, ...(bands ? { bands: bands.map(({ title: _, ...band }) => band) } : {}) };
}

const REASONS: readonly (readonly [prefix: string, reason: BaselineReason])[] = [
  ['software', 'software'],
  ['metric/', 'plugin'],
  ['operator/', 'operator'],
  ['document/', 'document'],
  ['profile/', 'profile'],
  ['', 'configuration'],
];
const reasonOf = (input: string): BaselineReason =>
  REASONS.find(([prefix]) => input.startsWith(prefix))?.[1] ?? 'configuration';

/**
 * The definitions that are not those that the run before used, by key, and why. All of them after a run of an earlier version of Rapport, whose record does
 * not say.
 *
 * @param before the record of the latest run; null when there is none
 */
export function changesSince(
  before: RunManifest | null,
  now: Definitions & Pick<RunManifest, 'documents'>,
): ReadonlyMap<string, Omit<DefinitionChange, 'compared'>> {
  const changes = new Map<string, Omit<DefinitionChange, 'compared'>>();
  for (const [key, { fingerprint, reads }] of Object.entries(now.definitions)) {
    const former = before && Object.hasOwn(before.definitions, key) ? before.definitions[key] : undefined;
    if (former?.fingerprint === fingerprint) continue;
    if (!former || !before) {
      const isOld = before !== null && before.state === null;
      changes.set(
        key,
        isOld
          ? { reason: 'software', text: 'the last run is of an earlier version of Rapport' }
          : { reason: 'new', text: before ? 'the last run did not evaluate it' : 'this is the first run' },
      );
      continue;
    }
    const differing = [...new Set([...former.reads, ...reads])].filter(
      (input) => valueOf(before.inputs, input) !== valueOf(now.inputs, input),
    );
    const ordered = REASONS.map(([, reason]) => differing.filter((input) => reasonOf(input) === reason)).flat();
    const sentences = ordered.map((input) => sentenceOf(input, before, now));
    const more = sentences.length > MOST_NAMED ? ` and ${String(sentences.length - MOST_NAMED)} more` : '';
    changes.set(key, {
      reason: ordered[0] === undefined ? 'configuration' : reasonOf(ordered[0]),
      text: sentences.length === 0 ? 'it reads other metrics' : sentences.slice(0, MOST_NAMED).join(', ') + more,
    });
  }
  return changes;
}
const MOST_NAMED = 3;

const valueOf = <T>(record: Readonly<Record<string, T>>, key: string): T | null =>
  Object.hasOwn(record, key) ? (record[key] ?? null) : null;

function sentenceOf(input: string, before: RunManifest, now: Definitions & Pick<RunManifest, 'documents'>): string {
  const [kind = '', ...rest] = input.split('/');
  const name = rest.join('/');
  const [old, current] = [valueOf(before.inputs, input), valueOf(now.inputs, input)];
  const fromTo = (a: string | null, b: string | null) =>
    a === null ? `is new` : b === null ? `is gone` : `changed from ${a} to ${b}`;
  switch (kind) {
    case 'software':
      return 'Rapport itself is another version';
    case 'metric':
      return `the metric ${name} ${fromTo(old, current)}`;
    case 'operator':
      return `the operator ${name} ${fromTo(old?.replace(/#.*$/, '') ?? null, current?.replace(/#.*$/, '') ?? null)}`;
    case 'config':
      return `the options of the metric ${name} changed`;
    case 'profile':
      return `the profile ${name} changed`;
    case 'scope':
      return `the scope ${name} changed`;
    case 'document': {
      const versions = [before.documents, now.documents].map((documents) => valueOf(documents, name)?.version ?? null);
      const [was = null, is = null] = versions;
      return was === is ? `${name} changed` : `${name} ${fromTo(was, is)}`;
    }
    default:
      return `"${kind}" in rapport.json changed`;
  }
}
