import 'reflect-metadata';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { workerData } from 'node:worker_threads';
import { Container } from 'inversify';
import type { ActionContext, ActionDefinition, HttpRequest, MetricDefinition, OperatorDefinition } from '@rapport/sdk';
import { readJson } from '@rapport/rules';
import { narrowMeasures, within } from '@rapport/store';
import { scopedId } from '../compute.js';
import { EngineError, messageOf } from '../error.js';
import { fetchFor } from '../http.js';
import { notPlain } from '../plain-json.js';
import { checkerOf, withoutSecrets } from '../plugin-config.js';
import {
  checkAction,
  checkMetric,
  checkOperator,
  descriptorOf,
  evidenceOf,
  isObject,
  measuresOf,
  usesOf,
  windowOf,
} from '../plugin-shape.js';
import type { LoadReply, LoadRequest, ThreadSettings } from '../protocol.js';
import { at } from './answering.js';

type JsonObject = Readonly<Record<string, unknown>>;
const SETTINGS = Symbol.for('ThreadSettings');
export const DEFINITION = Symbol.for('Definition');
export const CONFIG = Symbol.for('Config');
export const SCOPE = Symbol.for('Scope');
export const CONTEXT = Symbol.for('ActionContext');
/** Makes the context of one delivery. */
export type ContextOf = (signal: AbortSignal) => ActionContext<JsonObject>;

const root = new Container();
root.bind<ThreadSettings>(SETTINGS).toConstantValue(workerData as ThreadSettings);
const plugins = new Map<string, Container>();
// The thread of metrics takes this away from plugins.
const read = readFile;

/** The container of a loaded plugin. Throws `RAPPORT_PLUGIN_NOT_LOADED`. */
export function pluginOf(key: string): Container {
  const container = plugins.get(key);
  if (!container) throw new EngineError('RAPPORT_PLUGIN_NOT_LOADED', `${key} is not loaded.`);
  return container;
}

/** Freezes plain data, all the way down. */
export function freeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}

/** The document in a package's JSON file, each key once. */
function documentIn(text: string): unknown {
  const found = readJson(text);
  if (found.ok) return found.value;
  const told = found.problems
    .slice(0, 3)
    .map(({ line, column, message }) => `${String(line)}:${String(column)} ${message}`);
  throw new EngineError('RAPPORT_PLUGIN_DOCUMENT', `its document is not valid. ${told.join(' ')}`);
}

/** Where in the plugin something was thrown: file and line, relative to its folder. */
function placeIn(dir: string, error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const folder = pathToFileURL(dir + sep).href;
  const at = stack.indexOf(folder);
  const [place] = at < 0 ? [] : (/^[^)\s]+/.exec(stack.slice(at + folder.length)) ?? []);
  return place === undefined ? '' : `, at ${place}`;
}

async function exportOf(request: LoadRequest): Promise<JsonObject> {
  const { entry } = request;
  if (entry === null)
    throw new EngineError(
      'RAPPORT_PLUGIN_ENTRY',
      'its package.json names no file that exists inside the package. Correct "exports", or build the plugin.',
    );
  let exported: unknown;
  try {
    if (entry.endsWith('.json')) {
      const document = documentIn(await read(entry, 'utf8'));
      exported = isObject(document) ? { kind: document['kind'], id: document['id'], document } : document;
    } else {
      at('its module');
      const module = (await import(pathToFileURL(entry).href)) as { readonly default?: unknown };
      exported = module.default;
    }
  } catch (error) {
    if (error instanceof EngineError && error.code === 'RAPPORT_PLUGIN_DOCUMENT') throw error;
    throw new EngineError(
      'RAPPORT_PLUGIN_IMPORT',
      `importing it threw (${messageOf(error)}${placeIn(request.dir, error)}). Correct the plugin, or reinstall it.`,
    );
  }
  if (!isObject(exported))
    throw new EngineError(
      'RAPPORT_PLUGIN_SHAPE',
      'it has no default export that defines a plugin. Export defineMetric(…), defineSegment(…), definePlaybook(…), defineAction(…) or defineOperator(…) by default.',
    );
  const { kind, id } = request.manifest;
  if (exported['kind'] !== kind || exported['id'] !== id) {
    const said = `${String(exported['kind']).slice(0, 64)}/${String(exported['id']).slice(0, 64)}`;
    throw new EngineError(
      'RAPPORT_PLUGIN_ID',
      `its manifest says ${kind}/${id}, its code says ${said}. Make them agree.`,
    );
  }
  return exported;
}

interface Configured {
  readonly config: JsonObject;
  readonly shown: JsonObject;
  readonly secrets: readonly string[];
}
function configure(request: LoadRequest, schema: object): Configured | { readonly problem: string } {
  const section = `${request.manifest.kind}s/${request.manifest.id}`;
  let check;
  try {
    check = checkerOf(JSON.parse(JSON.stringify(schema)));
  } catch (error) {
    throw new EngineError(
      'RAPPORT_PLUGIN_SHAPE',
      `its configuration schema is not a JSON Schema (${messageOf(error)}).`,
    );
  }
  const checked = check(request.config ?? {});
  if ('problems' in checked) {
    const problems = checked.problems
      .slice(0, 3)
      .map(({ pointer, message }) => `rapport.json#/${section}${pointer}: ${message}`);
    return { problem: problems.join(' ') };
  }
  const { shown, secrets } = withoutSecrets(JSON.parse(JSON.stringify(schema)), checked.value);
  return { config: freeze(checked.value) as JsonObject, shown: shown as JsonObject, secrets };
}

function keep(
  request: LoadRequest,
  definition: MetricDefinition | ActionDefinition | OperatorDefinition,
  config: JsonObject | null,
): void {
  const container = new Container({ parent: root });
  container.bind(DEFINITION).toConstantValue(definition);
  container.bind<string | null>(SCOPE).toConstantValue(request.scope?.id ?? null);
  if (config) container.bind<JsonObject>(CONFIG).toConstantValue(config);
  if (definition.kind === 'action' && config) {
    container.bind<ContextOf>(CONTEXT).toResolvedValue(
      (own: JsonObject, { allowPrivateAddresses }: ThreadSettings): ContextOf =>
        (signal) =>
          Object.freeze({
            config: own,
            now: () => Date.now(),
            http: Object.freeze({
              fetch: (url: string, given: HttpRequest = {}) => fetchFor(url, given, { allowPrivateAddresses, signal }),
            }),
            sign: (text: string, signingKey: string | Uint8Array) =>
              createHmac('sha256', signingKey).update(text).digest('base64'),
            signal,
          }),
      [CONFIG, SETTINGS],
    );
  }
  plugins.set(request.key, container);
}

/** Imports and checks a plugin. */
export async function load(request: LoadRequest): Promise<LoadReply> {
  try {
    const exported = await exportOf(request);
    switch (request.manifest.kind) {
      case 'segment':
      case 'playbook': {
        const document = exported['document'];
        const plain = notPlain(document, 100);
        if (plain)
          throw new EngineError(
            'RAPPORT_PLUGIN_DOCUMENT',
            `its document${plain.pointer} holds ${plain.what}. A document is plain JSON.`,
          );
        return { kind: request.manifest.kind, document: JSON.parse(JSON.stringify(document ?? null)) as unknown };
      }
      case 'metric': {
        const { scope } = request;
        const plain = checkMetric(exported);
        const definition = scope
          ? (Object.create(plain, { id: { value: scopedId(plain.id, scope.id) } }) as MetricDefinition)
          : plain;
        const configured = configure(request, definition.config);
        if ('problem' in configured) throw new EngineError('RAPPORT_PLUGIN_CONFIG', configured.problem);
        const { config } = configured;
        at('its hooks (measures, uses, window, evidence)');
        const measures = measuresOf(definition, config);
        const evidence = evidenceOf(definition, config);
        const of = (hook: 'uses' | 'usesPortfolio') =>
          usesOf(definition, config, hook).map((id) => scopedId(id, scope?.id ?? null));
        const descriptor = descriptorOf(definition, {
          key: request.key,
          measures: scope ? narrowMeasures(measures, scope.events) : measures,
          uses: of('uses'),
          usesPortfolio: of('usesPortfolio'),
          window: windowOf(definition, config),
          evidence: evidence && scope ? { ...evidence, filter: within(evidence.filter, scope.events) } : evidence,
        });
        keep(request, definition, config);
        return { kind: 'metric', definition: descriptor, config: configured.shown, secrets: configured.secrets };
      }
      case 'operator': {
        const { definition, descriptor } = checkOperator(exported);
        keep(request, definition, null);
        return { kind: 'operator', definition: descriptor };
      }
      case 'action': {
        const definition = checkAction(exported);
        const configured = configure(request, definition.config);
        const { id, title, description, config, input } = definition;
        const data = JSON.parse(JSON.stringify({ id, title, description, config, input })) as {
          id: string;
          title: string;
          description: string;
          config: object;
          input: object;
        };
        if ('problem' in configured) {
          // Not set up yet is no fault: what it should deliver is parked until it is.
          if (request.config !== undefined) throw new EngineError('RAPPORT_PLUGIN_CONFIG', configured.problem);
          keep(request, definition, null);
          return { kind: 'action', definition: data, config: {}, secrets: [], unconfigured: configured.problem };
        }
        keep(request, definition, configured.config);
        return {
          kind: 'action',
          definition: data,
          config: configured.shown,
          secrets: configured.secrets,
          unconfigured: null,
        };
      }
    }
  } catch (error) {
    if (error instanceof EngineError)
      return { refused: { code: error.code, message: error.message.slice(error.code.length + 2) } };
    return { refused: { code: 'RAPPORT_PLUGIN_THREW', message: `checking it threw (${messageOf(error)}).` } };
  }
}

/** Forgets a plugin. */
export function unload({ key }: { readonly key: string }): null {
  plugins.delete(key);
  return null;
}
