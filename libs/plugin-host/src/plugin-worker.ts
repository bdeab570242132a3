import 'reflect-metadata';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { readJson } from '@rapport/rules';
import { Container } from 'inversify';
import type {
  ActionContext,
  ActionDefinition,
  HttpRequest,
  MetricDefinition,
  OperatorDefinition,
  SubjectKind,
} from '@rapport/sdk';
import { zone as zoneOf } from '@rapport/sdk/time';
import { narrowMeasures, within, type Column } from '@rapport/store';
import { computeOver, reduceOver, scopedId, type ComputeFrame, type MetricUnderWay } from './compute.js';
import { entryOf } from './entry.js';
import { EngineError, messageOf } from './error.js';
import { foldOver, type FoldUnderWay } from './fold.js';
import { fetchFor } from './http.js';
import { inShort, notPlain } from './plain-json.js';
import { checkerOf, withoutSecrets } from './plugin-config.js';
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
} from './plugin-shape.js';
import {
  JUDGED,
  type Calls,
  type ComputeReply,
  type ComputeRequest,
  type FromWorker,
  type LoadReply,
  type LoadRequest,
  type Ping,
  type ToWorker,
  type WorkerSettings,
} from './protocol.js';

/* Where all plugin code runs. The main thread asks, one plugin at a time, and ends this thread when a plugin takes too long or too much. */

type JsonObject = Readonly<Record<string, unknown>>;
const SETTINGS = Symbol.for('WorkerSettings');
const DEFINITION = Symbol.for('Definition');
const CONFIG = Symbol.for('Config');
const SCOPE = Symbol.for('Scope');
const CONTEXT = Symbol.for('ActionContext');
/** Makes the context of one delivery. */
type ContextOf = (signal: AbortSignal) => ActionContext<JsonObject>;

const root = new Container();
root.bind<WorkerSettings>(SETTINGS).toConstantValue(workerData as WorkerSettings);
const settings = root.get<WorkerSettings>(SETTINGS);
const plugins = new Map<string, Container>();

function pluginOf(key: string): Container {
  const container = plugins.get(key);
  if (!container) throw new EngineError('RAPPORT_PLUGIN_NOT_LOADED', `${key} is not loaded.`);
  return container;
}

function freeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}

/** The document in a package's JSON file, each key once. */
function documentIn(text: string): unknown {
  const read = readJson(text);
  if (read.ok) return read.value;
  const told = read.problems
    .slice(0, 3)
    .map(({ line, column, message }) => `${String(line)}:${String(column)} ${message}`);
  throw new EngineError('RAPPORT_PLUGIN_DOCUMENT', `its document is not valid. ${told.join(' ')}`);
}

async function exportOf(request: LoadRequest): Promise<JsonObject> {
  const entry = entryOf(request.dir, request.json, settings.source);
  if (entry === null)
    throw new EngineError(
      'RAPPORT_PLUGIN_ENTRY',
      'its package.json names no file that exists inside the package. Correct "exports", or build the plugin.',
    );
  let exported: unknown;
  try {
    if (entry.endsWith('.json')) {
      const document = documentIn(await readFile(entry, 'utf8'));
      exported = isObject(document) ? { kind: document['kind'], id: document['id'], document } : document;
    } else {
      const module = (await import(pathToFileURL(entry).href)) as { readonly default?: unknown };
      exported = module.default;
    }
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError(
      'RAPPORT_PLUGIN_IMPORT',
      `importing it threw (${messageOf(error)}). Correct the plugin, or reinstall it.`,
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
      (own: JsonObject, { allowPrivateAddresses }: WorkerSettings): ContextOf =>
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

async function load(request: LoadRequest): Promise<LoadReply> {
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

interface HeldFrame {
  readonly kind: SubjectKind;
  readonly asOf: number;
  readonly zone: string;
  readonly subjects: readonly string[];
  readonly columns: readonly Column[];
  readonly results: Record<string, Column>;
  readonly folds: Map<string, { readonly fold: FoldUnderWay; column: Column | null }>;
}
const frames = new Map<number, HeldFrame>();
function frameOf(id: number): HeldFrame {
  const frame = frames.get(id);
  if (!frame) throw new EngineError('RAPPORT_WORKER_FRAME', `there is no frame ${String(id)}.`);
  return frame;
}
const foldKey = (metric: string, name: string) => `${metric}\n${name}`;

function inputsOf(frame: HeldFrame, request: ComputeRequest): Readonly<Record<string, Column>> {
  return Object.fromEntries(
    Object.entries(request.inputs).map(([name, source]) => {
      const column =
        typeof source === 'number'
          ? frame.columns[source]
          : frame.folds.get(foldKey(request.metric, source.fold))?.column;
      if (!column)
        throw new EngineError('RAPPORT_WORKER_COLUMN', `the input "${name}" of ${request.metric} is missing.`);
      return [name, column];
    }),
  );
}
function metricUnderWay(request: ComputeRequest, frame: HeldFrame): MetricUnderWay {
  const container = pluginOf(request.key);
  const definition = container.get<MetricDefinition>(DEFINITION);
  const config = container.get<JsonObject>(CONFIG);
  const folds = Object.values(request.inputs).flatMap((source) =>
    typeof source === 'number' ? [] : [frame.folds.get(foldKey(request.metric, source.fold))?.fold.failed],
  );
  const failed =
    folds.length === 0 ? null : Uint8Array.from(frame.subjects, (_, i) => (folds.some((fold) => fold?.[i]) ? 1 : 0));
  return {
    definition,
    config,
    uses: usesOf(definition, config),
    scope: container.get<string | null>(SCOPE),
    portfolio: request.portfolio,
    maxFailures: request.maxFailures,
    failed,
  };
}
const computeFrame = ({ kind, asOf, zone, subjects, results }: HeldFrame): ComputeFrame => ({
  kind,
  asOf,
  calendar: zoneOf(zone),
  subjects,
  results,
});

function computed(frame: HeldFrame, request: ComputeRequest, reply: ComputeReply): ComputeReply {
  if (request.keep) Object.assign(frame.results, reply.columns);
  const folds = Object.values(request.inputs).flatMap((source) =>
    typeof source === 'number' ? [] : [frame.folds.get(foldKey(request.metric, source.fold))?.fold.example() ?? null],
  );
  const example = reply.threw.example ?? folds.find((text) => text !== null) ?? null;
  return { ...reply, threw: { ...reply.threw, example } };
}

async function deliver({ action, delivery, timeoutMs }: Calls['deliver'][0]): Promise<Calls['deliver'][1]> {
  const container = pluginOf(`action/${action}`);
  const definition = container.get<ActionDefinition>(DEFINITION);
  const signal = AbortSignal.timeout(timeoutMs);
  const context = container.get<ContextOf>(CONTEXT)(signal);
  const outcome: unknown = await definition.deliver(delivery as Parameters<ActionDefinition['deliver']>[0], context);
  if (isObject(outcome) && outcome['delivered'] === true) return { outcome: { delivered: true } };
  if (
    isObject(outcome) &&
    outcome['delivered'] === false &&
    typeof outcome['retry'] === 'boolean' &&
    typeof outcome['reason'] === 'string'
  ) {
    const wait = outcome['retryAfterMs'];
    return {
      outcome: {
        delivered: false,
        retry: outcome['retry'],
        reason: outcome['reason'].slice(0, 500),
        ...(typeof wait === 'number' && wait > 0 ? { retryAfterMs: wait } : {}),
      },
    };
  }
  return { invalid: 'deliver() must return { delivered: true } or { delivered: false, retry, reason }' };
}

/** Asks an operator about facts one by one; each verdict is marked as soon as it is found, so that it outlives this thread. */
function judge({ key, value, facts, marks }: Calls['judge'][0]): Calls['judge'][1] {
  const definition = pluginOf(key).get<OperatorDefinition>(DEFINITION);
  const found = new Uint8Array(marks);
  let failure: string | null = null;
  const fail = (fact: unknown, why: string) => {
    failure ??= `${inShort(fact)} ${why}`;
    return JUDGED.failed;
  };
  freeze(value);
  for (const [i, fact] of facts.entries()) {
    found[i] = JUDGED.underWay;
    try {
      const verdict: unknown = definition.test(freeze(fact) as never, value);
      if (typeof verdict === 'boolean') found[i] = verdict ? JUDGED.holds : JUDGED.holdsNot;
      else found[i] = fail(fact, `made it return ${inShort(verdict)}, which is neither true nor false`);
    } catch (error) {
      found[i] = fail(fact, `made it throw (${messageOf(error)})`);
    }
  }
  return { failure };
}

const answers: { readonly [C in keyof Calls]: (request: Calls[C][0]) => Calls[C][1] | Promise<Calls[C][1]> } = {
  load,
  unload({ key }) {
    plugins.delete(key);
    return null;
  },
  checkInput({ action, input }) {
    const definition = pluginOf(`action/${action}`).get<ActionDefinition>(DEFINITION);
    const checked = checkerOf(JSON.parse(JSON.stringify(definition.input)))(input);
    if ('value' in checked) return { input: checked.value };
    const [problem] = checked.problems;
    return { pointer: problem?.pointer ?? '', message: problem?.message ?? 'is not valid.' };
  },
  frame({ frame, kind, asOf, zone, subjects, columns }) {
    frames.set(frame, {
      kind,
      asOf,
      zone,
      subjects,
      columns,
      results: Object.create(null) as Record<string, Column>,
      folds: new Map(),
    });
    return null;
  },
  restore({ frame, columns }) {
    Object.assign(frameOf(frame).results, columns);
    return null;
  },
  foldBegin({ frame, metric, key, reducer, name }) {
    const held = frameOf(frame);
    const container = pluginOf(key);
    const definition = container.get<MetricDefinition>(DEFINITION);
    const fold = definition.folds?.find((one) => one.name === reducer);
    if (!fold) throw new EngineError('RAPPORT_PLUGIN_MEASURE', `"${metric}" has no fold "${reducer}".`);
    held.folds.set(foldKey(metric, name), {
      fold: foldOver(fold, container.get<JsonObject>(CONFIG), held.subjects),
      column: null,
    });
    return null;
  },
  foldStep({ frame, metric, name, events }) {
    frameOf(frame).folds.get(foldKey(metric, name))?.fold.step(events);
    return null;
  },
  foldEnd({ frame, metric, name }) {
    const entry = frameOf(frame).folds.get(foldKey(metric, name));
    if (entry) entry.column = entry.fold.end();
    return null;
  },
  compute(request) {
    const frame = frameOf(request.frame);
    return computed(
      frame,
      request,
      computeOver(computeFrame(frame), metricUnderWay(request, frame), inputsOf(frame, request)),
    );
  },
  reduce(request) {
    const frame = frameOf(request.frame);
    const rows = frameOf(request.rows);
    const metric = metricUnderWay({ ...request, inputs: {} }, frame);
    return computed(
      frame,
      { ...request, inputs: {} },
      reduceOver(computeFrame(frame), metric, rows.subjects.length, inputsOf(rows, request), request.groups),
    );
  },
  drop({ frame }) {
    frames.delete(frame);
    return null;
  },
  judge,
  deliver,
};

const port = parentPort;
if (!port) throw new EngineError('RAPPORT_WORKER_THREAD', 'this module runs in a worker thread only.');
const say = (message: FromWorker) => {
  port.postMessage(message);
};
process.on('uncaughtException', (error) => {
  say({ type: 'stray', message: messageOf(error) });
});
process.on('unhandledRejection', (reason) => {
  say({ type: 'stray', message: messageOf(reason) });
});
const MEGABYTE = 1_048_576;
const running = new Int32Array((workerData as WorkerSettings).running);
port.on('message', (message: ToWorker | Ping) => {
  if (message === 'ping') {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    say({ type: 'pong', heldMb: (heapUsed + arrayBuffers) / MEGABYTE });
    return;
  }
  const answer = answers[message.call] as (request: unknown) => unknown;
  /** What runs at one go: all of a call but what a delivery does after it has waited. */
  const started = (): unknown => {
    Atomics.store(running, 0, message.id);
    try {
      return answer(message.request);
    } finally {
      Atomics.store(running, 0, 0);
    }
  };
  void (async () => {
    try {
      const reply = await started();
      say({ type: 'reply', id: message.id, reply, heapMb: process.memoryUsage().heapUsed / MEGABYTE });
    } catch (error) {
      say({
        type: 'threw',
        id: message.id,
        message: messageOf(error),
        heapMb: process.memoryUsage().heapUsed / MEGABYTE,
      });
    }
  })();
});
say({ type: 'ready' });
