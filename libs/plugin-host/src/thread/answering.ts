import { parentPort } from 'node:worker_threads';
import { EngineError, messageOf } from '../error.js';
import type { Call, Calls, FromThread, Ping, ToThread } from '../protocol.js';

/* The thread's side of the protocol. */

// All of this is taken while it is there: the thread of metrics takes it away from plugins.
const port = parentPort;
const now = performance.now.bind(performance);
const { memoryUsage } = process;
const MEGABYTE = 1_048_576;

const say = (message: FromThread) => {
  port?.postMessage(message);
};

/** Says what the thread is at within a call. */
export const at = (what: string) => {
  say({ type: 'at', what });
};

export type Answers<C extends Call> = {
  readonly [K in C]: (request: Calls[K][0]) => Calls[K][1] | Promise<Calls[K][1]>;
};

/** Answers calls from here on. */
export function answer<C extends Call>(answers: Answers<C>): void {
  if (!port) throw new EngineError('RAPPORT_WORKER_THREAD', 'this module runs in a worker thread only.');
  // What a plugin started may fail later, when nobody waits for it; that must not end the thread.
  process.on('uncaughtException', () => undefined);
  process.on('unhandledRejection', () => undefined);
  const held = () => {
    const { heapUsed, arrayBuffers } = memoryUsage();
    return (heapUsed + arrayBuffers) / MEGABYTE;
  };
  port.on('message', (message: ToThread | Ping) => {
    if (message === 'ping') {
      say({ type: 'pong' });
      return;
    }
    const { id, call, request } = message;
    void (async () => {
      say({ type: 'begun', id });
      const began = now();
      try {
        const reply: unknown = await (answers as unknown as Record<string, (request: unknown) => unknown>)[call]?.(
          request,
        );
        say({ type: 'reply', id, reply, tookMs: now() - began, heldMb: held() });
      } catch (error) {
        say({ type: 'threw', id, message: messageOf(error), tookMs: now() - began, heldMb: held() });
      }
    })();
  });
  say({ type: 'ready' });
}
