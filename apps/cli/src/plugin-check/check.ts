import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { entryOf, findPlugins, inspectPlugins, operatorsOf, type LoadedPlugin } from '@rapport/engine';
import type { OperatorSet } from '@rapport/rules';
import { pluginRoots } from '@rapport/host';
import { conformanceFindings, type Patience, type PluginToTry } from './conformance.js';
import { documentTestFindings, mentionedIn } from './documents.js';
import { finding, isObject, type Finding, type JsonObject } from './finding.js';
import { packageFindings, readmeOf } from './package-files.js';
import { optionTableFindings, partTableFindings } from './readme-tables.js';
import { schemaFindings, valueFindings } from './schema.js';
import { staleSources } from './stale.js';

export interface CheckedPlugin {
  readonly dir: string;
  /** What its `package.json` says, or null. */
  readonly name: string | null;
  readonly kind: string | null;
  readonly id: string | null;
  readonly version: string | null;
  readonly findings: readonly Finding[];
}
export interface CheckSettings extends Patience {
  /** Random worlds to try a metric in, and ten times as many facts to try an operator with; 0 for none. */
  readonly runs: number;
  /** Whether to hold metrics against real stores too: DuckDB, and MongoDB where `MONGODB_URI` is set. */
  readonly embedded: boolean;
}

interface Package {
  readonly dir: string;
  /** Whether there is a `package.json` at all. */
  readonly readable: boolean;
  readonly json: JsonObject;
  readonly manifest: JsonObject;
}
function packageAt(dir: string): Package {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  } catch {
    json = null;
  }
  const read = isObject(json) ? json : {};
  return { dir, readable: isObject(json), json: read, manifest: isObject(read['rapport']) ? read['rapport'] : {} };
}
const keyOf = ({ manifest }: Package): string => `${String(manifest['kind'])}/${String(manifest['id'])}`;
const requiredBy = ({ manifest }: Package): readonly string[] =>
  Object.keys(isObject(manifest['requires']) ? manifest['requires'] : {}).map((name) =>
    name.includes('/') ? name : `metric/${name}`,
  );

/** The packages and, of what is installed where they are, what they require, directly or not. */
function withRequired(packages: readonly Package[]): readonly Package[] {
  const roots = [...new Set(packages.flatMap(({ dir }) => (existsSync(dir) ? pluginRoots(dir) : [])))];
  const installed = new Map(findPlugins(roots).map(({ dir }) => [keyOf(packageAt(dir)), packageAt(dir)]));
  const taken = new Map(packages.map((p) => [keyOf(p), p]));
  for (const p of taken.values()) {
    for (const key of requiredBy(p)) {
      const other = installed.get(key);
      if (other && !taken.has(key)) taken.set(key, other);
    }
  }
  return [...new Set([...packages, ...taken.values()])];
}

/**
 * Looks plugin packages over: whether they load, and what whoever installs, configures or relies on them would miss.
 *
 * @param dirs their folders, absolute
 */
export async function checkPlugins(
  dirs: readonly string[],
  settings: CheckSettings,
): Promise<readonly CheckedPlugin[]> {
  const packages = dirs.map((dir) => packageAt(existsSync(dir) ? realpathSync(dir) : dir));
  const all = withRequired(packages);
  const { plugins, refused } = await inspectPlugins({
    config: { workspace: 'check' },
    pluginRoots: [],
    pluginDirs: all.map(({ dir }) => dir),
  });
  const loadedAt = new Map(plugins.map((plugin) => [plugin.dir, plugin]));
  const loaded = (p: Package) => loadedAt.get(p.dir);
  const operators = operatorsOf(plugins);
  const tried =
    settings.runs === 0
      ? new Map<string, readonly Finding[]>()
      : await conformanceFindings(
          packages.flatMap((p) => pluginToTry(p, loaded(p), plugins, settings)),
          settings,
        );
  return packages.map((p) => {
    const plugin = loaded(p);
    const text = (value: unknown) => (typeof value === 'string' ? value : null);
    return {
      dir: p.dir,
      name: text(p.json['name']),
      kind: text(p.manifest['kind']),
      id: text(p.manifest['id']),
      version: text(p.json['version']),
      findings: [
        ...refused.filter(({ message }) => message.includes(`(${p.dir})`)).map(refusal),
        ...(p.readable ? [...packageFindings(p.dir, p.json), ...staleFindings(p), ...peerFindings(p, all)] : []),
        ...(plugin ? pluginFindings(p, plugin, operators) : []),
        ...(tried.get(p.dir) ?? []),
      ],
    };
  });
}

function pluginFindings(p: Package, plugin: LoadedPlugin, operators: OperatorSet): readonly Finding[] {
  const readme = readmeOf(p.dir);
  switch (plugin.kind) {
    case 'metric': {
      const { config, parts, uses, usesPortfolio } = plugin.definition;
      return [
        ...schemaFindings('config', config),
        ...optionTableFindings(readme, config),
        ...partTableFindings(readme, parts),
        ...requirementFindings(
          p,
          [...uses, ...usesPortfolio].map((id) => `metric/${id.split(':')[0] ?? ''}`),
        ),
      ];
    }
    case 'action':
      return [
        ...schemaFindings('config', plugin.definition.config),
        ...schemaFindings('input', plugin.definition.input),
        ...optionTableFindings(readme, plugin.definition.config),
      ];
    case 'segment':
      return [
        ...documentTestFindings(plugin.document),
        ...requirementFindings(p, mentionedIn(plugin.document, operators)),
      ];
    case 'playbook':
      return requirementFindings(p, mentionedIn(plugin.document, operators));
    case 'operator':
      // Its shape and its examples were tried when it was loaded; the rest is.
      return valueFindings(plugin.definition.value);
  }
}

function requirementFindings(p: Package, needed: readonly string[]): readonly Finding[] {
  const required = requiredBy(p);
  return [...new Set(needed)]
    .filter((key) => !required.includes(key) && key !== keyOf(p))
    .map((key) => {
      const name = key.replace(/^metric\//, '');
      const message = `It speaks of ${key}, which "requires" does not name. Add "${name}" with a range, that it is not loaded without it.`;
      return finding('RAPPORT_CHECK_REQUIRES', 'package.json#/rapport/requires', message);
    });
}

function staleFindings({ dir, json }: Package): readonly Finding[] {
  return staleSources(dir, json).map((file) =>
    finding(
      'RAPPORT_CHECK_STALE',
      file,
      'It was saved after "dist" was built, and "dist" is what runs. Build the plugin.',
    ),
  );
}

/** What a plugin requires comes with it only if npm knows. */
function peerFindings(p: Package, all: readonly Package[]): readonly Finding[] {
  const { requires, brought } = {
    requires: p.manifest['requires'],
    brought: [p.json['peerDependencies'], p.json['dependencies']],
  };
  return Object.entries(isObject(requires) ? requires : {}).flatMap(([required, range]) => {
    const key = required.includes('/') ? required : `metric/${required}`;
    const name = all.find((other) => keyOf(other) === key)?.json['name'];
    if (typeof name !== 'string' || brought.some((names) => isObject(names) && name in names)) return [];
    const message = `It requires ${key}, which is the package ${name}, but installing it does not bring that. Add "${name}": "${String(range)}".`;
    return [finding('RAPPORT_CHECK_PEER', 'package.json#/peerDependencies', message)];
  });
}

function pluginToTry(
  p: Package,
  plugin: LoadedPlugin | undefined,
  plugins: readonly LoadedPlugin[],
  { runs, embedded }: CheckSettings,
): readonly PluginToTry[] {
  const urlOf = (dir: string, json: JsonObject) =>
    pathToFileURL(entryOf(dir, json, import.meta.url.endsWith('.ts')) ?? dir).href;
  if (plugin?.kind === 'operator') return [{ kind: 'operator', key: p.dir, entry: urlOf(p.dir, p.json), runs }];
  if (plugin?.kind !== 'metric') return [];
  const others = plugins
    .filter((other) => other.kind === 'metric' && other !== plugin)
    .map((other) => [other.manifest.id, urlOf(other.dir, packageAt(other.dir).json)]);
  return [
    {
      kind: 'metric',
      key: p.dir,
      entry: urlOf(p.dir, p.json),
      others: Object.fromEntries(others) as Record<string, string>,
      runs,
      embedded,
    },
  ];
}

/** Where to look for each kind of refusal. */
const places: readonly (readonly [RegExp, string])[] = [
  [/_MANIFEST$/, 'package.json#/rapport'],
  [/_SDK$/, 'package.json#/rapport/sdk'],
  [/_(REQUIRES_\w+|DEPENDENCY)$/, 'package.json#/rapport/requires'],
  [/_ENTRY$/, 'package.json#/exports'],
  [/_(CONFIG)$/, 'config'],
  [/_EXAMPLE$/, 'examples'],
  [/_(DOCUMENT|DOCUMENT_TEST|FACT|SEGMENT|SEGMENT_CYCLE|ACTION)$/, 'document'],
];
function refusal({ code, message }: { readonly code: string; readonly message: string }): Finding {
  const sentence = message.replace(/^.*?\([^)]*\): /, '');
  const place = /^package\.json#\S*(?=: )/.exec(sentence)?.[0] ?? places.find(([pattern]) => pattern.test(code))?.[1];
  return finding(code, place ?? 'default export', sentence);
}
