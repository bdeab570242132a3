import { availableParallelism } from 'node:os';
import { EngineError, messageOf, PluginThrew } from './error.js';
import type { Call, Calls, LoadReply, LoadRequest } from './protocol.js';
import { poolOf, type Seat } from './thread/pool.js';
import { startThread, WorkerDied, type Answer } from './thread/thread.js';

/** A thread that one caller has to itself. */
export interface Held {
  /** The same for the same thread, as long as it lives. */
  readonly thread: object;
  /** Throws `WorkerDied` when it has to be stopped, `PluginThrew` when the call threw. */
  call<C extends ComputingCall>(call: C, request: Calls[C][0], budgetMs: number): Promise<Answer<Calls[C][1]>>;
}
export type ComputingCall = 'foldBegin' | 'foldStep' | 'foldEnd' | 'compute' | 'reduce';

export interface PluginHost {
  /** Imports and checks a plugin. A plugin that ends its thread is refused. */
  load(request: LoadRequest): Promise<LoadReply>;
  /** Loads a metric that is loaded once more, under another key and with another configuration. Forget it when it has served. */
  loadAgain(key: string, other: string, config: unknown): Promise<LoadReply>;
  forget(key: string): void;
  /** Runs `body` with a computing thread to itself that has the metric loaded. Waiting for one is not charged to anybody. */
  compute<T>(key: string, body: (held: Held) => Promise<T>): Promise<T>;
  /** Drops frames wherever they are held. */
  drop(frames: readonly number[]): void;
  /** Asks an operator. Throws `WorkerDied`, `PluginThrew`. */
  judge(request: Calls['judge'][0], budgetMs: number): Promise<Calls['judge'][1]>;
  /** Checks a playbook step's `with` against the action's schema and fills defaults in. */
  checkInput(request: Calls['checkInput'][0]): Promise<Calls['checkInput'][1]>;
  /** Has an action deliver, in a thread of its own. Throws `WorkerDied`, `PluginThrew`. */
  deliver(request: Calls['deliver'][0]): Promise<Calls['deliver'][1]>;
  /** Hides secrets in a text. */
  scrub(text: string): string;
  close(): Promise<void>;
}

export interface HostOptions {
  readonly memoryMb: number;
  readonly loadMs: number;
  readonly deliveryMs: number;
  /** Threads that compute, at most. */
  readonly workers: number;
  readonly allowPrivateAddresses: boolean;
}

/** Threads that compute unless the workspace says otherwise: one per core, at most four. */
export const defaultWorkers = (): number => Math.min(4, availableParallelism());

const CHECK_MS = 10_000;
/** Where all actions are loaded and checked. Each delivers in a thread of its own. */
const FRONT = '';

export function createPluginHost(options: HostOptions): PluginHost {
  const { memoryMb, loadMs, deliveryMs, workers } = options;
  const loaded = new Map<string, LoadRequest>();
  const secrets = new Set<string>();
  const shared = { memoryMb, allowPrivateAddresses: options.allowPrivateAddresses };
  const startComputing = () => startThread({ ...shared, runs: 'metrics', blockedMs: Infinity });
  const startDelivering = () => startThread({ ...shared, runs: 'actions', blockedMs: deliveryMs + 1000 });
  const computing = poolOf(startComputing, workers, memoryMb);
  let closed = false;

  /** Threads of actions, by key. */
  const channels = new Map<string, Promise<Seat>>();
  const channel = async (key: string): Promise<Seat> => {
    const there = channels.get(key);
    const seat = await there?.catch(() => null);
    if (seat && !seat.thread.dead) return seat;
    if (closed) throw new EngineError('RAPPORT_ENGINE_CLOSED', 'the engine is closed.');
    const open = async () => {
      const fresh = { thread: await startDelivering(), loaded: new Set<string>(), busy: false };
      if (key !== FRONT) await ready(fresh, key);
      return fresh;
    };
    // Whoever asked meanwhile may have started it.
    const now = channels.get(key);
    if (now && now !== there) return now;
    const opening = open();
    channels.set(key, opening);
    return opening;
  };

  /** Sees to it that a plugin is loaded in a thread: each loads what it is asked for. */
  const ready = async ({ thread, loaded: there }: Seat, key: string): Promise<void> => {
    if (there.has(key)) return;
    const request = loaded.get(key);
    if (!request) throw new EngineError('RAPPORT_PLUGIN_NOT_LOADED', `${key} is not loaded.`);
    const { reply } = await thread.call('load', request, loadMs);
    if ('refused' in reply) throw new PluginThrew(`${reply.refused.code}: ${reply.refused.message}`);
    there.add(key);
  };
  const delivering = async <C extends Call>(
    key: string,
    at: string,
    call: C,
    request: Calls[C][0],
    budgetMs: number,
  ) => {
    const seat = await channel(at);
    await ready(seat, key);
    return (await seat.thread.call(call, request, budgetMs)).reply;
  };

  const host: PluginHost = {
    loadAgain(key, other, config) {
      const request = loaded.get(key);
      if (!request) throw new EngineError('RAPPORT_PLUGIN_NOT_LOADED', `${key} is not loaded.`);
      return host.load({ ...request, key: other, config });
    },
    forget(key) {
      loaded.delete(key);
      for (const { thread, loaded: there } of computing.seats())
        if (there.delete(key)) thread.call('unload', { key }, Infinity).catch(() => undefined);
    },
    async load(request) {
      const { key } = request;
      const ask = async ({ thread, loaded: there }: Seat): Promise<LoadReply> => {
        const { reply } = await thread.call('load', request, loadMs);
        if ('refused' in reply) return { refused: { code: reply.refused.code, message: reply.refused.message } };
        if ('document' in reply) return reply;
        loaded.set(key, request);
        there.add(key);
        if (reply.kind === 'metric' || reply.kind === 'action')
          for (const secret of reply.secrets) if (secret.length >= 4) secrets.add(secret);
        return reply;
      };
      try {
        return request.manifest.kind === 'action' ? await ask(await channel(FRONT)) : await computing.use(key, ask);
      } catch (error) {
        if (!(error instanceof WorkerDied))
          return { refused: { code: 'RAPPORT_PLUGIN_THREW', message: `checking it threw (${messageOf(error)}).` } };
        return { refused: stoppedLoading(error) };
      }
    },
    compute: (key, body) =>
      computing.use(key, async (seat) => {
        await ready(seat, key);
        return body({
          thread: seat.thread,
          call: (call, request, budgetMs) => seat.thread.call(call, request, budgetMs),
        });
      }),
    drop(frames) {
      for (const { thread } of computing.seats()) thread.call('drop', { frames }, Infinity).catch(() => undefined);
    },
    judge: (request, budgetMs) =>
      computing.use(request.key, async (seat) => {
        await ready(seat, request.key);
        return (await seat.thread.call('judge', request, budgetMs)).reply;
      }),
    checkInput: (request) => delivering(`action/${request.action}`, FRONT, 'checkInput', request, CHECK_MS),
    deliver(request) {
      const key = `action/${request.action}`;
      return delivering(key, key, 'deliver', request, Infinity);
    },
    scrub(text) {
      let clean = text;
      for (const secret of secrets) clean = clean.replaceAll(secret, '•••');
      return clean;
    },
    async close() {
      closed = true;
      const seats = await Promise.all([...channels.values()].map((seat) => seat.catch(() => null)));
      await Promise.all([computing.close(), ...seats.map((seat) => seat?.thread.end())]);
    },
  };
  return host;
}

function stoppedLoading({ how, message }: WorkerDied): { readonly code: string; readonly message: string } {
  switch (how) {
    case 'timeout':
      return {
        code: 'RAPPORT_PLUGIN_LOAD_TIMEOUT',
        message: `loading ${message}. Look there for a loop, or an await that never ends; limits.loadMs sets the limit.`,
      };
    case 'memory':
      return {
        code: 'RAPPORT_PLUGIN_LOAD_MEMORY',
        message: `while loading, ${message}. Look for what allocates there; limits.memoryMb sets the limit.`,
      };
    case 'crash':
      return { code: 'RAPPORT_PLUGIN_CRASHED', message: `while loading, ${message}. Correct the plugin.` };
  }
}
