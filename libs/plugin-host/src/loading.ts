import { utc, type Zone } from '@rapport/sdk/time';
import { checkFacts, checkPlaybook, checkSegment, didYouMean, runTests, type Problem } from '@rapport/rules';
import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import semver from 'semver';
import { catalogueFor } from './catalogue.js';
import { hashOf, metricConfigHash } from './config-hash.js';
import { findPlugins, sdkVersion } from './discovery.js';
import type { LoadedPlugin, OperatorDescriptor, RefusedPlugin } from './loaded-plugin.js';
import { entryOf } from './entry.js';
import { fromSource } from './thread/thread.js';
import { checkManifest, keyOf, requirementKey, type Candidate } from './manifest.js';
import { operatorsOf } from './operators.js';
import type { PluginHost } from './plugin-host.js';
import { referencesOf, unknownTrigger } from './references.js';
import { cycleIn, inOrder } from './requirements.js';
import { readDocumentFile, type DocumentFile } from './document-file.js';
import { type PluginSettings, checkSections, isEnabled, isLeftOut, sections, settingOf } from './plugin-settings.js';
import { trying, verdictsOf, type VerdictSetting } from './verdicts.js';

export interface Loaded {
  /** In the order of their dependencies. */
  readonly plugins: readonly LoadedPlugin[];
  readonly refused: readonly RefusedPlugin[];
}

/** What json-rules-engine's documents call an operator. */
const compatNameOf = ({ name, compatName }: OperatorDescriptor): string => compatName ?? name;

const reservedIds = ['trait', 'segment', 'event', 'playbook'];

/**
 * Finds, checks and loads plugins. A plugin that cannot load is refused with its name, a code and the way out, and so is whatever depends on
 * it; the others load. Throws only for a configuration that is about a metric, action or operator that is not installed.
 *
 * @param strikes how often each plugin had to be stopped since the engine began
 */
export async function loadPlugins(
  config: PluginSettings,
  roots: readonly string[],
  dirs: readonly string[],
  host: PluginHost,
  limits: VerdictSetting['limits'],
  files: readonly DocumentFile[] = [],
  strikes = new Map<string, number>(),
  zone: Zone = utc,
): Promise<Loaded> {
  const sdk = sdkVersion();
  const refused: RefusedPlugin[] = [];
  const candidates = new Map<string, Candidate>();
  /** Why a key cannot be depended on. */
  const unavailable = new Map<string, string>();
  const installed = new Map<string, string[]>();
  const documents = new Map<string, unknown>();
  /** Files that are refused before it is known what they are. */
  const unreadable: string[] = [];
  /** Files that use operators of plugins. */
  const unsettled = new Map<string, DocumentFile>();
  const propose = (candidate: Candidate): boolean => {
    const { name, dir, manifest } = candidate;
    const first = candidates.get(keyOf(candidate));
    if (first) {
      refused.push({
        name,
        code: 'RAPPORT_PLUGIN_DUPLICATE',
        message: `${name} (${dir}): the ${manifest.kind} "${manifest.id}" is already provided by ${first.name} (${first.dir}). Remove one of them.`,
      });
      return false;
    }
    candidates.set(keyOf(candidate), candidate);
    return true;
  };

  for (const found of findPlugins(roots, dirs)) {
    const said = found.json?.['rapport'];
    if (typeof said === 'object' && said !== null && 'kind' in said && 'id' in said) {
      const [kind, id] = [String(said.kind), String(said.id)];
      installed.set(kind, [...(installed.get(kind) ?? []), id]);
      if (!candidates.has(`${kind}/${id}`)) unavailable.set(`${kind}/${id}`, `${found.name} was refused`);
    }
    const checked = checkManifest(found, sdk);
    if (!('manifest' in checked)) {
      refused.push(checked);
      continue;
    }
    if (checked.manifest.kind === 'metric' && reservedIds.includes(checked.manifest.id)) {
      refused.push({
        name: checked.name,
        code: 'RAPPORT_PLUGIN_MANIFEST',
        message: `${checked.name} (${checked.dir}): "${checked.manifest.id}" is reserved and cannot be a metric's id. Choose another.`,
      });
    } else propose(checked);
  }
  for (const file of files) {
    const read = readDocumentFile(file);
    if (!('candidate' in read)) {
      refused.push(read);
      unreadable.push(read.name);
      continue;
    }
    const { kind, id } = read.candidate.manifest;
    installed.set(kind, [...(installed.get(kind) ?? []), id]);
    if (!propose(read.candidate)) continue;
    documents.set(keyOf(read.candidate), read.document);
    if (read.unsettled) unsettled.set(keyOf(read.candidate), file);
  }
  refused.push(...checkSections(config, installed, unreadable));

  for (const [key, candidate] of candidates) {
    unavailable.delete(key);
    if (!isLeftOut(settingOf(config, candidate), candidate.manifest.kind)) continue;
    candidates.delete(key);
    unavailable.set(
      key,
      `${candidate.name} is left out by rapport.json#/${sections[candidate.manifest.kind]}/${candidate.manifest.id}`,
    );
  }

  const refuse = (key: string, code: string, sentence: string, place?: string) => {
    const candidate = candidates.get(key);
    if (!candidate) return;
    refused.push({
      name: candidate.name,
      code,
      message: host.scrub(`${place ?? `${candidate.name} (${candidate.dir})`}: ${sentence}`),
    });
    candidates.delete(key);
    loaded.delete(key);
    unavailable.set(key, `${candidate.name} was refused (${code})`);
  };
  const loaded = new Map<string, LoadedPlugin>();
  /** Refuses what depends on something unavailable, until nothing more does. */
  const cascade = (dependencies: (key: string) => readonly string[]) => {
    for (let again = true; again;) {
      again = false;
      for (const key of [...candidates.keys()]) {
        const missing = dependencies(key).find((dependency) => unavailable.has(dependency));
        if (missing === undefined) continue;
        refuse(
          key,
          'RAPPORT_PLUGIN_DEPENDENCY',
          `it needs ${missing}, but ${unavailable.get(missing) ?? ''}. Make that one load first.`,
        );
        again = true;
      }
    }
  };
  const refuseCycles = (code: string, word: string, edges: (key: string) => readonly string[], wayOut: string) => {
    for (;;) {
      const cycle = cycleIn([...candidates.keys()], (key) => edges(key).filter((other) => candidates.has(other)));
      if (!cycle) return;
      for (const key of new Set(cycle)) refuse(key, code, `${word} in a circle: ${cycle.join(' → ')}. ${wayOut}`);
    }
  };

  // ── manifests ──
  const required = (key: string): readonly string[] =>
    Object.keys(candidates.get(key)?.manifest.requires ?? {}).map((name) => requirementKey(name) ?? name);
  for (const [key, candidate] of [...candidates]) {
    for (const [name, range] of Object.entries(candidate.manifest.requires ?? {})) {
      const wanted = requirementKey(name) ?? name;
      const other = candidates.get(wanted);
      if (!other && !unavailable.has(wanted)) {
        refuse(
          key,
          'RAPPORT_PLUGIN_REQUIRES_MISSING',
          `it requires ${wanted} ${range}, which is not installed.${didYouMean(wanted, candidates.keys())} Install it.`,
        );
        break;
      }
      if (other && !semver.satisfies(other.version, range, { includePrerelease: true })) {
        refuse(
          key,
          'RAPPORT_PLUGIN_REQUIRES_RANGE',
          `it requires ${wanted} ${range}; installed is ${other.name} ${other.version}. Install versions that fit.`,
        );
        break;
      }
    }
  }
  refuseCycles(
    'RAPPORT_PLUGIN_REQUIRES_CYCLE',
    'plugins require each other',
    required,
    'Remove one of the requirements.',
  );
  cascade(required);

  // ── code ──
  for (const key of inOrder([...candidates.keys()], required)) {
    cascade(required);
    const candidate = candidates.get(key);
    if (!candidate || documents.has(key)) continue;
    const { name, version, dir, json, manifest } = candidate;
    const isCode = manifest.kind === 'metric' || manifest.kind === 'action';
    const reply = await host.load({
      key,
      name,
      dir,
      entry: entryOf(dir, json, fromSource),
      manifest,
      config: isCode ? settingOf(config, candidate) : undefined,
    });
    if ('refused' in reply) {
      refuse(key, reply.refused.code, reply.refused.message);
      continue;
    }
    const about = { name, version, dir, manifest };
    switch (reply.kind) {
      case 'metric':
        loaded.set(key, {
          ...about,
          kind: 'metric',
          config: reply.config,
          configHash: metricConfigHash(reply.definition, reply.config, config),
          definition: reply.definition,
        });
        break;
      case 'action': {
        const { id, title, description, config: schema, input } = reply.definition;
        const definition = { id, title, description, config: schema, input } as Extract<
          LoadedPlugin,
          { kind: 'action' }
        >['definition'];
        loaded.set(key, {
          ...about,
          kind: 'action',
          config: reply.config,
          configHash: hashOf(reply.config),
          definition,
          configured: reply.unconfigured === null,
        });
        break;
      }
      case 'operator': {
        const { definition } = reply;
        const called = compatNameOf(definition);
        const twin = [...loaded.values()].find(
          (other) => other.kind === 'operator' && compatNameOf(other.definition) === called,
        );
        if (twin) {
          const why = `json-rules-engine's documents would call it "${called}", as they call ${twin.name}.`;
          refuse(key, 'RAPPORT_PLUGIN_DUPLICATE', `${why} Give one of them another "compatName".`);
          continue;
        }
        loaded.set(key, { ...about, kind: 'operator', config: {}, configHash: hashOf(definition), definition });
        break;
      }
      default:
        documents.set(key, reply.document);
    }
  }
  cascade(required);

  // ── metrics that use metrics ──
  const uses = (key: string): readonly string[] => {
    const plugin = loaded.get(key);
    if (plugin?.kind !== 'metric') return [];
    return [...plugin.definition.uses, ...plugin.definition.usesPortfolio].map((id) => `metric/${id}`);
  };
  const configured = Object.keys(config.metrics ?? {}).filter((id) => id.includes(':'));
  const wanted = configured.map((id) => `metric/${id}`);
  for (const key of loaded.keys()) wanted.push(...uses(key));
  for (let key = wanted.pop(); key !== undefined; key = wanted.pop()) {
    if (candidates.has(key) || unavailable.has(key)) continue;
    wanted.push(...(await loadScoped(key)));
  }

  /** Loads a metric within a scope, `metric/<id>:<scope>`, and returns what it uses. Anything else it leaves alone. */
  async function loadScoped(key: string): Promise<readonly string[]> {
    const [baseKey = '', scope = ''] = key.split(':', 2);
    const base = candidates.get(baseKey);
    const events = Object.hasOwn(config.scopes ?? {}, scope) ? config.scopes?.[scope] : undefined;
    if (unavailable.has(baseKey)) unavailable.set(key, unavailable.get(baseKey) ?? '');
    if (!base || !events) return [];
    const id = `${base.manifest.id}:${scope}`;
    const own: unknown = Object.hasOwn(config.metrics ?? {}, id) ? config.metrics?.[id] : undefined;
    if (own === false) {
      unavailable.set(key, `${base.name} is left out by rapport.json#/metrics/${id}`);
      return [];
    }
    const { name, version, dir, json } = base;
    const { manifest } = base;
    const reply = await host.load({
      key, name, dir, entry: entryOf(dir, json, fromSource), manifest, config: own ?? settingOf(config, base), scope: { id: scope, events },
    }); // prettier-ignore
    candidates.set(key, { ...base, manifest: { ...manifest, id } });
    if ('refused' in reply) {
      refuse(key, reply.refused.code, reply.refused.message);
      return [];
    }
    if (reply.kind !== 'metric') return [];
    loaded.set(key, {
      name, version, dir,
      manifest: { ...manifest, id },
      kind: 'metric',
      config: reply.config,
      configHash: metricConfigHash(reply.definition, reply.config, config, events),
      definition: reply.definition,
    }); // prettier-ignore
    return uses(key);
  }
  for (const key of [...candidates.keys()]) {
    const missing = uses(key).find((used) => !candidates.has(used) && !unavailable.has(used));
    if (missing !== undefined) {
      const ids = [...candidates.keys()].filter((other) => other.startsWith('metric/'));
      refuse(
        key,
        'RAPPORT_PLUGIN_USES_MISSING',
        missing.includes(':')
          ? `it uses ${missing}, but there is no such metric or scope. Install the metric, and define the scope in rapport.json#/scopes (defined: ${Object.keys(config.scopes ?? {}).join(', ') || 'none'}).`
          : `it uses ${missing}, which is not installed.${didYouMean(missing, ids)} Install it, or correct the configuration.`,
      );
    }
  }
  refuseCycles(
    'RAPPORT_PLUGIN_USES_CYCLE',
    'metrics use each other',
    uses,
    'Remove one of the uses from the configuration.',
  );
  cascade((key) => [...required(key), ...uses(key)]);

  // ── documents ──
  const operators = operatorsOf(loaded.values());
  const setting = { plugins: [...loaded.values()], host, limits, strikes };
  for (const [key, document] of documents) {
    const candidate = candidates.get(key);
    if (!candidate) continue;
    const { name, version, dir, manifest } = candidate;
    const file = unsettled.get(key);
    const again = file ? readDocumentFile(file, operators) : null;
    if (file && again && 'code' in again) {
      refuse(key, again.code, again.message.slice(`${file.file}: `.length), file.file);
      continue;
    }
    const checked =
      manifest.kind === 'segment' ? checkSegment(document, operators) : checkPlaybook(document, operators);
    if (!checked.ok) {
      refuse(key, 'RAPPORT_PLUGIN_DOCUMENT', `its document is not valid. ${told(checked.problems)}`);
      continue;
    }
    if (checked.document.id !== manifest.id) {
      refuse(
        key,
        'RAPPORT_PLUGIN_ID',
        `its manifest says ${key}, its document says ${checked.document.kind}/${checked.document.id}. Make them agree.`,
      );
      continue;
    }
    const about = { name, version, dir, manifest, config: {}, configHash: hashOf(checked.document) };
    if (checked.document.kind === 'segment') {
      const its = checked.document;
      const verdicts = verdictsOf(trying(setting));
      // Whoever wrote a package did not know the zone of the workspace.
      const [failed] = await verdicts.settle(({ quiet }) => runTests(its, file ? zone : utc, quiet));
      if (failed)
        refuse(
          key,
          'RAPPORT_PLUGIN_DOCUMENT_TEST',
          [
            `its own test ${failed.pointer} "${failed.name}" expects ${failed.expected}, but the rules say ${failed.found}. Correct the rule or the test.`,
            ...verdicts.errors().slice(0, 1),
          ].join(' '),
        );
      else loaded.set(key, { ...about, kind: 'segment', document: checked.document });
    } else
      loaded.set(key, {
        ...about,
        kind: 'playbook',
        document: checked.document,
        enabled: isEnabled(settingOf(config, candidate)),
      });
  }
  const documentOf = (key: string): SegmentDocument | PlaybookDocument | null => {
    const plugin = loaded.get(key);
    return plugin?.kind === 'segment' || plugin?.kind === 'playbook' ? plugin.document : null;
  };
  const referenced = (key: string): readonly string[] => {
    const document = documentOf(key);
    return document ? referencesOf(document, operators) : [];
  };
  const all = (key: string): readonly string[] => [...required(key), ...uses(key), ...referenced(key)];
  cascade(all);
  refuseCycles(
    'RAPPORT_PLUGIN_SEGMENT_CYCLE',
    'segments depend on each other',
    referenced,
    'Remove one of the "segment." facts.',
  );
  cascade(all);

  // References are checked against what has loaded; each refusal may take others with it, so until nothing changes.
  for (let before = -1; before !== candidates.size;) {
    before = candidates.size;
    for (const key of [...candidates.keys()]) {
      const document = documentOf(key);
      if (!document) continue;
      const catalogue = catalogueFor(document.subject, [...loaded.values()]);
      const problems = checkFacts(document, catalogue, operators);
      if (problems.length > 0) {
        refuse(key, 'RAPPORT_PLUGIN_FACT', `its document uses facts that there are not. ${told(problems)}`);
        continue;
      }
      if (document.kind === 'segment') continue;
      const unknown = unknownTrigger(document, [...loaded.values()]);
      if (unknown) {
        refuse(key, 'RAPPORT_PLUGIN_SEGMENT', `${unknown.pointer}: ${unknown.message}`);
        continue;
      }
      await checkSteps(key, document);
    }
    cascade(all);
  }

  async function checkSteps(key: string, document: PlaybookDocument): Promise<void> {
    const actions = [...loaded.values()].flatMap((plugin) => (plugin.kind === 'action' ? [plugin.manifest.id] : []));
    const steps: PlaybookDocument['steps'][number][] = [];
    for (const [i, step] of document.steps.entries()) {
      if (!actions.includes(step.action)) {
        refuse(
          key,
          'RAPPORT_PLUGIN_ACTION',
          `/steps/${String(i)}/action: there is no action "${step.action}".${didYouMean(step.action, actions)} Install it. Known: ${actions.join(', ') || 'none'}.`,
        );
        return;
      }
      const checked = await host
        .checkInput({ action: step.action, input: step.with ?? {} })
        .catch((error: unknown) => ({ pointer: '', message: String(error) }));
      if ('message' in checked) {
        refuse(
          key,
          'RAPPORT_PLUGIN_DOCUMENT',
          `its document is not valid. /steps/${String(i)}/with${checked.pointer}: ${checked.message}`,
        );
        return;
      }
      steps.push({ ...step, with: checked.input as Readonly<Record<string, unknown>> });
    }
    const plugin = loaded.get(key);
    if (plugin?.kind === 'playbook') loaded.set(key, { ...plugin, document: { ...document, steps } });
  }

  const order = inOrder([...loaded.keys()].sort(), all);
  return { plugins: order.flatMap((key) => loaded.get(key) ?? []), refused };
}

const told = (problems: readonly Problem[]): string =>
  problems
    .slice(0, 3)
    .map(({ code, pointer, message }) => `${pointer}: ${message} (${code})`)
    .join(' ');
