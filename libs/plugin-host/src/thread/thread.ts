import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { EngineError, messageOf, PluginThrew } from '../error.js';
import type { Call, Calls, FromThread, Ping, ThreadSettings } from '../protocol.js';
import { heldBy } from './held.js';

/** How a thread ended while a plugin's code ran in it. */
export type Death = 'timeout' | 'memory' | 'crash';
/**
 * The thread ended before it answered.
 *
 * `alone`: nothing else was under way in it, so this call is to blame.
 */
export class WorkerDied extends Error {
  constructor(
    readonly how: Death,
    readonly alone: boolean,
    message: string,
  ) {
    super(message);
    this.name = 'WorkerDied';
  }
}

export interface Answer<R> {
  readonly reply: R;
  /** From when the thread took the call up; waiting is not in it. */
  readonly tookMs: number;
}

/** A worker thread that runs plugin code. */
export interface PluginThread {
  readonly dead: boolean;
  /** What it held when it last answered, MiB. */
  readonly heldMb: number;
  /**
   * Throws `WorkerDied` when the call takes longer than `budgetMs` from when the thread takes it up, or when the thread
   * grows by more than its memory meanwhile, and ends the thread; `PluginThrew` when the call threw.
   */
  call<C extends Call>(call: C, request: Calls[C][0], budgetMs: number): Promise<Answer<Calls[C][1]>>;
  end(): Promise<void>;
}

export interface ThreadOptions extends ThreadSettings {
  readonly runs: 'metrics' | 'actions';
  readonly memoryMb: number;
  /** How long one call may keep the thread from taking messages, where calls have no budget of their own. */
  readonly blockedMs: number;
}

const WATCH_MS = 20;
const START_MS = 60_000;
/** A thread that does not take a call up for so long is stuck in what an earlier call left behind. */
const STUCK_MS = 60_000;
/** A call that runs for so long is asked, this often, what its thread holds. */
const WEIGH_MS = 150;
/**
 * An array that grows past V8's limit in one step ends the whole process, not only its thread. So V8's limit is far above
 * ours, and ours is watched from outside.
 */
const HEADROOM_MB = 4096;
/** Variables that plugin code may see. Secrets reach it through its configuration only. */
const environment = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'NODE_ENV', 'NODE_EXTRA_CA_CERTS'];

/** Whether Rapport itself runs from its TypeScript sources. */
export const fromSource = import.meta.url.endsWith('.ts');

/** Starts a worker from the compiled file, or, where Rapport runs from TypeScript, from the source through tsx. */
function startWorker({ runs, memoryMb, allowPrivateAddresses }: ThreadOptions): Worker {
  const options = {
    workerData: { allowPrivateAddresses } satisfies ThreadSettings,
    env: Object.fromEntries(
      environment.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    ),
    resourceLimits: { maxOldGenerationSizeMb: memoryMb + HEADROOM_MB },
    stdout: true,
    stderr: true,
  };
  const entry = new URL(`./${runs}.main.${fromSource ? 'ts' : 'js'}`, import.meta.url);
  if (!fromSource) return new Worker(entry, { ...options, execArgv: [] });
  // `--import tsx` does not reach a worker in Node 20, so the loader is registered from within.
  const tsx = pathToFileURL(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs'),
  ).href;
  const start = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(entry.href)}); })`;
  return new Worker(start, { ...options, eval: true, execArgv: ['--conditions=@rapport/source'] });
}

interface Pending {
  readonly resolve: (answer: Answer<unknown>) => void;
  readonly reject: (error: Error) => void;
  readonly budgetMs: number;
  readonly asked: number;
  /** When the thread took it up; null while it waits. */
  begun: number | null;
  /** What the thread is at within it. */
  at: string | null;
}

let nextId = 1;

/** Starts a thread; resolves when it takes calls. Throws `RAPPORT_WORKER_START`. */
export async function startThread(options: ThreadOptions): Promise<PluginThread> {
  const { memoryMb, blockedMs } = options;
  const worker = startWorker(options);
  const pending = new Map<number, Pending>();
  let dead = false;
  let heldMb = 0;
  let pinged: number | null = null;
  let weighed = 0;

  const end = (how: Death, message: string) => {
    if (dead) return;
    dead = true;
    clearInterval(watch);
    const alone = pending.size === 1;
    for (const { reject, at } of pending.values())
      reject(new WorkerDied(how, alone, at === null ? message : `${message} in ${at}`));
    pending.clear();
    void worker.terminate();
  };
  const weigh = async (before: number) => {
    const held = await heldBy(worker);
    if (held !== null && held - before > memoryMb) end('memory', `it took more than ${String(memoryMb)} MiB`);
  };

  const look = () => {
    const now = performance.now();
    if (dead || pending.size === 0) return;
    for (const { begun, asked, budgetMs } of pending.values()) {
      if (begun !== null && now - begun > budgetMs) {
        end('timeout', `it took longer than ${String(Math.round(budgetMs))} ms`);
        return;
      }
      if (begun === null && pending.size === 1 && now - asked > STUCK_MS) {
        end('crash', 'what an earlier call left behind kept the worker busy');
        return;
      }
    }
    const oldest = Math.min(...[...pending.values()].map(({ begun }) => begun ?? now));
    if (now - oldest > WEIGH_MS && now - weighed > WEIGH_MS) {
      weighed = now;
      void weigh(heldMb);
    }
    if (!Number.isFinite(blockedMs)) return;
    if (pinged === null) {
      if (now - oldest < blockedMs / 4) return;
      pinged = now;
      worker.postMessage('ping' satisfies Ping);
    } else if (now - pinged > blockedMs)
      end('timeout', `it kept its thread busy for more than ${String(blockedMs)} ms`);
  };
  // This thread may have been busy itself, so that answers wait for it: they come first.
  const watch = setInterval(() => setImmediate(look), WATCH_MS);
  watch.unref();

  // What plugins print is dropped: standard output belongs to the command, and it might show a secret.
  worker.stdout.resume();
  worker.stderr.resume();
  await new Promise<void>((resolve, reject) => {
    const refuse = (why: string) => {
      reject(new EngineError('RAPPORT_WORKER_START', `the plugin worker ${why}.`));
    };
    const timer = setTimeout(() => {
      refuse(`did not start within ${String(START_MS / 1000)} s`);
      void worker.terminate();
    }, START_MS);
    worker.on('message', (message: FromThread) => {
      switch (message.type) {
        case 'ready':
          clearTimeout(timer);
          resolve();
          return;
        case 'begun': {
          const call = pending.get(message.id);
          if (call) call.begun = performance.now();
          return;
        }
        case 'at':
          for (const call of pending.values()) call.at = message.what;
          return;
        case 'pong':
          pinged = null;
          return;
        case 'reply':
        case 'threw': {
          const call = pending.get(message.id);
          pending.delete(message.id);
          if (pending.size === 0) worker.unref();
          heldMb = message.heldMb;
          if (message.type === 'reply') call?.resolve({ reply: message.reply, tookMs: message.tookMs });
          else call?.reject(new PluginThrew(message.message));
        }
      }
    });
    worker.on('error', (error: Error & { code?: string }) => {
      clearTimeout(timer);
      refuse(`did not start (${messageOf(error)})`);
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') end('memory', `it took more than ${String(memoryMb)} MiB`);
      else end('crash', `the worker ended (${messageOf(error)})`);
    });
    worker.on('exit', () => {
      clearTimeout(timer);
      refuse('ended while it started');
      end('crash', 'it ended the worker');
    });
  }).catch((error: unknown) => {
    clearInterval(watch);
    throw error;
  });
  worker.unref();

  return {
    get dead() {
      return dead;
    },
    get heldMb() {
      return heldMb;
    },
    call: (call, request, budgetMs) =>
      new Promise((resolve, reject) => {
        if (dead) {
          reject(new WorkerDied('crash', false, 'the worker had ended'));
          return;
        }
        const id = nextId++;
        worker.ref();
        const settle = resolve as (answer: Answer<unknown>) => void;
        pending.set(id, { resolve: settle, reject, budgetMs, asked: performance.now(), begun: null, at: null });
        worker.postMessage({ id, call, request });
      }),
    async end() {
      dead = true;
      clearInterval(watch);
      for (const { reject } of pending.values())
        reject(new EngineError('RAPPORT_ENGINE_CLOSED', 'the engine was closed.'));
      pending.clear();
      // A worker that ends does not keep the process alive: where nothing else does, Node would exit before this is done.
      const alive = setInterval(() => undefined, 1000);
      await worker.terminate().finally(() => clearInterval(alive));
    },
  };
}
