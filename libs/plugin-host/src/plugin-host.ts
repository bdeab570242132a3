import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { EngineError, messageOf, PluginThrew } from './error.js';
import type { Call, Calls, FromWorker, LoadReply, LoadRequest, Ping, WorkerSettings } from './protocol.js';

/** How a worker ended while a plugin's code ran in it. */
export type Death = 'timeout' | 'memory' | 'crash';
/**
 * The worker ended before it answered. `alone`: nothing else was under way, so that this call is to blame; `running`: its code was running when the worker ended, so
 * that it is, too.
 */
export class WorkerDied extends Error {
  constructor(
    readonly how: Death,
    readonly alone: boolean,
    message: string,
    readonly running = alone,
  ) {
    super(message);
    this.name = 'WorkerDied';
  }
}

export interface PluginHost {
  /** Imports and checks a plugin. A plugin that ends the worker is refused, and the worker begins anew without it. */
  load(request: LoadRequest): Promise<LoadReply>;
  /** Loads a metric that is loaded once more, under another key and with another configuration. Forget it when it has served. */
  loadAgain(key: string, other: string, config: unknown): Promise<LoadReply>;
  forget(key: string): Promise<void>;
  /**
   * Asks the worker. Throws `WorkerDied` when the answer takes longer than `budgetMs` or more memory than there is, and then begins anew with the
   * next call, the loaded plugins loaded again; `PluginThrew` when the call threw.
   */
  call<C extends Call>(call: C, request: Calls[C][0], budgetMs: number): Promise<Calls[C][1]>;
  /** Makes sure that a worker runs; grows by one with each new worker. Frames do not outlive their worker. */
  generation(): Promise<number>;
  /** Hides secrets in a text. */
  scrub(text: string): string;
  close(): Promise<void>;
}

const WATCH_MS = 20;
const START_MS = 60_000;
const UNLOAD_MS = 10_000;
const MEGABYTE = 1_048_576;
/** What the process may grow by beside the plugin's own memory. */
const SLACK_MB = 256;
/**
 * An array that grows past V8's limit in one step ends the whole process, not only its worker. So V8's limit is far above ours, and ours
 * is watched from outside.
 */
const HEADROOM_MB = 4096;
/** How long a worker under suspicion has to answer. */
const PONG_MS = 150;
/** Variables that plugin code may see. Secrets reach it through its configuration only. */
const environment = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'NODE_ENV', 'NODE_EXTRA_CA_CERTS'];

interface Pending {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
  since: number;
  readonly budgetMs: number;
  /** Whether it runs at one go, so that its time is that in which it runs: no plugin pays for how long another takes. */
  readonly inTurn: boolean;
  /** Whether the worker holds nothing of the caller's after it. */
  readonly last: boolean;
  /** What the process occupied when the call began. */
  rss: number;
}
interface Running {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
  /** The id of the call whose code is running, else 0. */
  readonly running: () => number;
  dead: boolean;
  /** When it was asked whether it still answers; null when it was not, or did. */
  pinged: number | null;
}

/** Calls that run plugin code at one go. */
const oneAfterTheOther: ReadonlySet<Call> = new Set(['compute', 'reduce', 'foldStep', 'foldEnd', 'judge']);

/** Starts the worker from the compiled file, or, where the engine itself runs from TypeScript, from the source through tsx. */
function startWorker(settings: Omit<WorkerSettings, 'source'>, memoryMb: number): Worker {
  const source = import.meta.url.endsWith('.ts');
  const options = {
    workerData: { ...settings, source } satisfies WorkerSettings,
    env: Object.fromEntries(
      environment.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    ),
    resourceLimits: { maxOldGenerationSizeMb: memoryMb + HEADROOM_MB },
    stdout: true,
    stderr: true,
  };
  const entry = new URL(source ? './plugin-worker.ts' : './plugin-worker.js', import.meta.url);
  if (!source) return new Worker(entry, { ...options, execArgv: [] });
  // `--import tsx` does not reach a worker in Node 20, so the loader is registered from within.
  const tsx = pathToFileURL(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs'),
  ).href;
  const start = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(entry.href)}); })`;
  return new Worker(start, { ...options, eval: true, execArgv: ['--conditions=@rapport/source'] });
}

export function createPluginHost(options: {
  readonly memoryMb: number;
  readonly loadMs: number;
  readonly allowPrivateAddresses: boolean;
}): PluginHost {
  const { memoryMb, loadMs, allowPrivateAddresses } = options;
  const loaded = new Map<string, LoadRequest>();
  const secrets = new Set<string>();
  let running: Promise<Running> | null = null;
  let live: Running | null = null;
  let generation = 0;
  let nextId = 1;
  let closed = false;
  const tooMuch = `it used more than ${memoryMb} MiB`;

  const end = (current: Running, how: Death, message: string) => {
    if (current.dead) return;
    current.dead = true;
    if (live === current) live = null;
    running = null;
    const alone = current.pending.size === 1;
    const at = current.running();
    for (const [id, pending] of current.pending)
      pending.reject(new WorkerDied(how, alone, message, alone || id === at));
    current.pending.clear();
    void current.worker.terminate();
  };

  const spawn = async (): Promise<Running> => {
    if (closed) throw new EngineError('RAPPORT_ENGINE_CLOSED', 'the engine is closed.');
    const slot = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const worker = startWorker({ allowPrivateAddresses, running: slot.buffer }, memoryMb);
    const current: Running = {
      worker,
      pending: new Map(),
      running: () => Atomics.load(slot, 0),
      dead: false,
      pinged: null,
    };
    // What plugins print is dropped: standard output belongs to the command, and it might show a secret.
    worker.stdout.resume();
    worker.stderr.resume();
    const ready = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(
          new EngineError(
            'RAPPORT_WORKER_START',
            `the plugin worker did not start within ${String(START_MS / 1000)} s.`,
          ),
        );
      }, START_MS);
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') {
          clearTimeout(timer);
          resolve();
        } else if (message.type === 'pong') {
          current.pinged = null;
          // It grew, but not here: begin to count anew. (A frame's columns are held here too, hence twice.)
          if (message.heldMb > 2 * memoryMb) end(current, 'memory', tooMuch);
          else for (const pending of current.pending.values()) pending.rss = process.memoryUsage.rss();
        } else if (message.type !== 'stray') {
          const pending = current.pending.get(message.id);
          current.pending.delete(message.id);
          if (current.pending.size === 0) worker.unref();
          if (message.type === 'reply') pending?.resolve(message.reply);
          else pending?.reject(new PluginThrew(message.message));
          // What plugins leave behind from call to call is nobody's in particular: the next call gets a fresh worker.
          const between = pending?.last === true && current.pending.size === 0;
          if (between && message.heapMb > memoryMb) end(current, 'memory', tooMuch);
        }
      });
      worker.on('error', (error: Error & { code?: string }) => {
        clearTimeout(timer);
        reject(new EngineError('RAPPORT_WORKER_START', `the plugin worker did not start (${messageOf(error)}).`));
        const memory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
        end(
          current,
          memory ? 'memory' : 'crash',
          memory ? `it used more than ${String(memoryMb)} MiB` : `the worker ended (${messageOf(error)})`,
        );
      });
      worker.on('exit', () => {
        clearTimeout(timer);
        reject(new EngineError('RAPPORT_WORKER_START', 'the plugin worker ended while it started.'));
        end(current, 'crash', 'it ended the worker');
      });
    });
    await ready;
    worker.unref();
    generation++;
    live = current;
    return current;
  };

  const ask = <C extends Call>(
    current: Running,
    call: C,
    request: Calls[C][0],
    budgetMs: number,
  ): Promise<Calls[C][1]> =>
    new Promise<Calls[C][1]>((resolve, reject) => {
      if (current.dead) {
        reject(new WorkerDied('crash', false, 'the worker had ended'));
        return;
      }
      const id = nextId++;
      current.worker.ref();
      const pending: Pending = {
        resolve: resolve as (reply: unknown) => void,
        reject,
        since: performance.now(),
        budgetMs,
        last: call === 'compute' || call === 'reduce' || call === 'deliver' || call === 'judge',
        inTurn: oneAfterTheOther.has(call),
        rss: process.memoryUsage.rss(),
      };
      current.pending.set(id, pending);
      current.worker.postMessage({ id, call, request });
    });

  // Heap is limited by the worker itself; array buffers are not, and only show in what the process occupies.
  let watched = performance.now();
  const watch = setInterval(() => {
    const current = live;
    const now = performance.now();
    if (!current || current.pending.size === 0) {
      watched = now;
      return;
    }
    const rss = process.memoryUsage.rss();
    const at = current.running();
    const passed = now - watched;
    watched = now;
    for (const [id, pending] of current.pending) {
      if (id !== at && pending.inTurn) pending.since = now;
      else if (id !== at && at !== 0) pending.since += passed;
      if (now - pending.since > pending.budgetMs) {
        end(current, 'timeout', `it took longer than ${String(pending.budgetMs)} ms`);
        return;
      }
      if (Number.isFinite(pending.budgetMs) && rss - pending.rss > (memoryMb + SLACK_MB) * MEGABYTE) {
        // The process grew. The store may have done that; a plugin that is at it does not answer.
        if (current.pinged === null) {
          current.pinged = now;
          current.worker.postMessage('ping' satisfies Ping);
        } else if (now - current.pinged > PONG_MS) {
          end(current, 'memory', tooMuch);
          return;
        }
      }
    }
  }, WATCH_MS);
  watch.unref();

  /** A worker with everything loaded that was. What fails to load again is left out: calls to it throw. */
  const ensure = (): Promise<Running> => {
    running ??= (async () => {
      for (;;) {
        const current = await spawn();
        let complete = true;
        for (const request of loaded.values()) {
          try {
            await ask(current, 'load', request, loadMs);
          } catch {
            loaded.delete(request.key);
            complete = false;
            break;
          }
        }
        if (complete) return current;
        end(current, 'crash', 'it ended the worker');
      }
    })();
    const starting = running;
    starting.catch(() => {
      if (running === starting) running = null;
    });
    return starting;
  };

  const host: PluginHost = {
    loadAgain(key, other, config) {
      const request = loaded.get(key);
      if (!request) throw new EngineError('RAPPORT_PLUGIN_NOT_LOADED', `${key} is not loaded.`);
      return host.load({ ...request, key: other, config });
    },
    async forget(key) {
      if (loaded.delete(key)) await ask(await ensure(), 'unload', { key }, UNLOAD_MS).catch(() => undefined);
    },
    async load(request) {
      const current = await ensure();
      try {
        const reply = await ask(current, 'load', request, loadMs);
        if ('refused' in reply) return { refused: { code: reply.refused.code, message: reply.refused.message } };
        if (reply.kind === 'operator') loaded.set(request.key, request);
        if (reply.kind === 'metric' || reply.kind === 'action') {
          loaded.set(request.key, request);
          for (const secret of reply.secrets) if (secret.length >= 4) secrets.add(secret);
        }
        return reply;
      } catch (error) {
        if (!(error instanceof WorkerDied))
          return { refused: { code: 'RAPPORT_PLUGIN_THREW', message: `checking it threw (${messageOf(error)}).` } };
        const what = {
          timeout: `loading ${error.message}. Look for a loop or an await that never ends at the top of its module; limits.loadMs sets the limit.`,
          memory: `while loading, ${error.message}. Look for what allocates at the top of its module; limits.memoryMb sets the limit.`,
          crash: `while loading, ${error.message}. Correct the plugin.`,
        }[error.how];
        return {
          refused: {
            code: {
              timeout: 'RAPPORT_PLUGIN_LOAD_TIMEOUT',
              memory: 'RAPPORT_PLUGIN_LOAD_MEMORY',
              crash: 'RAPPORT_PLUGIN_CRASHED',
            }[error.how],
            message: what,
          },
        };
      }
    },
    async call(call, request, budgetMs) {
      return ask(await ensure(), call, request, budgetMs);
    },
    async generation() {
      await ensure();
      return generation;
    },
    scrub(text) {
      let clean = text;
      for (const secret of secrets) clean = clean.replaceAll(secret, '•••');
      return clean;
    },
    async close() {
      closed = true;
      clearInterval(watch);
      const current = await running?.catch(() => null);
      if (current) {
        current.dead = true;
        for (const { reject } of current.pending.values())
          reject(new EngineError('RAPPORT_ENGINE_CLOSED', 'the engine was closed.'));
        await current.worker.terminate();
      }
    },
  };
  return host;
}
