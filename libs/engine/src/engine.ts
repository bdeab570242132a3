import type { Delivery, Erased, Message, Store, StoreStats, Subject } from '@rapport/store';
import { zone } from '@rapport/sdk/time';
import { checkConfig, limitsOf, type WorkspaceConfig } from './config.js';
import { metricsOf, type EvaluateOptions, type Evaluation } from './measurement/evaluation.js';
import type { IngestReport, Refusal } from './ingest.js';
import { unlessErased } from './erasure.js';
import { normalize } from './ingest.js';
import {
  type LoadedPlugin,
  type RefusedPlugin,
  loadPlugins,
  createPluginHost,
  type DocumentFile,
} from '@rapport/plugin-host';
import { deliverDue, type DeliverReport, type Clock } from '@rapport/playbooks';
import { propertiesOf } from './measurement/planner.js';
import { storedDocuments } from './rules/publishing.js';
import { rulesOf, type Rules } from './rules/rules.js';
import { runOnce, type RunOptions, type RunReport } from './run.js';
import { dataOfSubject, type HeldOfSubject } from './subject-data.js';
import { frameCache, subjectReport, type SubjectReport } from './subject-report.js';
import { type RunSetting } from './membership/setting.js';
import { evaluateOnly } from './evaluate.js';
import { timesRead, unreadableIn, type TimesRead } from './unreadable-times.js';

/**
 * Validates the configuration, loads plugins, and returns the engine. Close it.
 *
 * Throws `RAPPORT_CONFIG_*`; a bad plugin never throws, see `refused`.
 */
export const createEngine: CreateEngine = async ({
  config: given,
  store,
  pluginRoots,
  pluginDirs = [],
  documents = [],
  ignored = [],
  clock = { now: () => Date.now() },
}) => {
  const config = checkConfig(given);
  const limits = limitsOf(config);
  const host = createPluginHost({
    memoryMb: limits.memoryMb,
    loadMs: limits.loadMs,
    deliveryMs: limits.deliveryMs,
    workers: limits.workers,
    allowPrivateAddresses: config.network?.allowPrivateAddresses ?? false,
  });
  try {
    const files = [...documents, ...(await storedDocuments(store))];
    const strikes = new Map<string, number>();
    const loaded = await loadPlugins(config, pluginRoots, pluginDirs, host, limits, files, strikes, zone(store.zone));
    const { plugins } = loaded;
    const refused = [...ignored, ...loaded.refused];
    await store.declare(propertiesOf(metricsOf(plugins)));
    const setting: { -readonly [K in keyof RunSetting]: RunSetting[K] } = {
      config,
      store,
      host,
      plugins,
      clock,
      limits,
      strikes,
      memory: new Map(),
    };
    const calendar = zone(store.zone);
    const ingestLimits = { eventBytes: limits.eventBytes, accounts: config.accounts ?? 'groups', zone: calendar };
    const times = new WeakMap<readonly LoadedPlugin[], TimesRead>();
    /** What is read as a time, with the plugins that there are now. */
    const timesOfNow = (): TimesRead => {
      const known = times.get(setting.plugins) ?? timesRead(setting.plugins, config);
      times.set(setting.plugins, known);
      return known;
    };
    const framesOf = frameCache(store);
    const rules = rulesOf(setting);
    const engine: Engine = {
      config,
      store,
      clock,
      get plugins() {
        return setting.plugins;
      },
      refused,
      async ingest(calls, options) {
        const receivedAt = options?.receivedAt ?? clock.now();
        const messages: Message[] = [];
        const refusals: Refusal[] = [];
        calls.forEach((call, index) => {
          const found = normalize(call, receivedAt, ingestLimits);
          if ('message' in found) messages.push(found.message);
          else refusals.push({ index, ...found.refusal });
        });
        const { accepted, duplicates } =
          messages.length > 0 ? await store.append(messages) : { accepted: 0, duplicates: 0 };
        return { accepted, duplicates, refused: refusals, unreadable: unreadableIn(messages, timesOfNow(), calendar) };
      },
      evaluate: (options = {}) => evaluateOnly({ ...setting }, options),
      async run(options = {}) {
        await rules.refresh();
        // What is published meanwhile is for the next run.
        return unlessErased(() => runOnce({ ...setting }, options), 2);
      },
      deliver: () => deliverDue(store, host, plugins, clock, limits.deliveryMs),
      subject: (kind, id) =>
        subjectReport(store, setting.plugins, kind, id, framesOf, config.hierarchy?.parent ?? null),
      rules,
      stats: () => store.stats(),
      deliveries: (query) => store.list(query),
      async erase(subject) {
        const erased = await store.erase(subject);
        setting.memory.clear();
        return erased;
      },
      dataOf: (subject) => dataOfSubject(store, subject, config.hierarchy?.parent ?? null),
      close: () => host.close(),
    };
    return engine;
  } catch (error) {
    await host.close();
    throw error;
  }
};

export interface Engine {
  readonly config: WorkspaceConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly plugins: readonly LoadedPlugin[];
  readonly refused: readonly RefusedPlugin[];
  /** Validates calls in the Segment spec's shapes and appends what is good; never throws for bad calls. */
  ingest(calls: readonly unknown[], options?: { readonly receivedAt?: number }): Promise<IngestReport>;
  /** Computes; writes nothing. */
  evaluate(options?: EvaluateOptions): Promise<Evaluation>;
  /** Computes, moves segments, queues deliveries, commits all of it at once. Throws `RAPPORT_RUN_*`, `RAPPORT_STORE_RUN_BUSY`. */
  run(options?: RunOptions): Promise<RunReport>;
  /** Sends what is due in the outbox, until nothing more is due now. */
  deliver(): Promise<DeliverReport>;
  /** Results of the latest run. Null when there is no run, or the run does not know the subject. */
  subject(kind: 'account' | 'user' | 'portfolio', id: string): Promise<SubjectReport | null>;
  /** Documents before they are in force: checked, tried on today's data and on the past, explained. */
  readonly rules: Rules;
  stats(): Promise<StoreStats>;
  /**
   * Forgets an account or user; see `Store.erase`. Says how much went, by kind. A run under way cannot bring it back: its commit is refused and it runs again.
   * What is sent about the subject later is new.
   */
  erase(subject: Subject): Promise<Erased>;
  /** Everything that is held of an account or user. */
  dataOf(subject: Subject): AsyncIterable<HeldOfSubject>;
  deliveries(query: { readonly state?: Delivery['state']; readonly limit: number }): Promise<readonly Delivery[]>;
  close(): Promise<void>;
}

export interface EngineOptions {
  readonly config: WorkspaceConfig;
  readonly store: Store;
  /** Folders in whose `node_modules` plugins are looked for. First come, first served by package name. */
  readonly pluginRoots: readonly string[];
  /** Extra plugin package folders (for tests and for a plugin under development). */
  readonly pluginDirs?: readonly string[];
  /** Segments and playbooks that are files of the workspace rather than packages. */
  readonly documents?: readonly DocumentFile[];
  /** What lies beside the documents and is none of them, and why: told among `refused`. */
  readonly ignored?: readonly RefusedPlugin[];
  readonly clock?: Clock;
}

/** Throws `RAPPORT_CONFIG_*` for a bad configuration (which section, which key, did you mean). A bad plugin never throws: see `refused`. */
export type CreateEngine = (options: EngineOptions) => Promise<Engine>;
