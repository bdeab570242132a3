import { EngineError } from '../error.js';
import type { PluginThread } from './thread.js';

/** One thread of a pool, and what is loaded in it. */
export interface Seat {
  readonly thread: PluginThread;
  readonly loaded: Set<string>;
  busy: boolean;
}
export interface Pool {
  /** Runs `body` with a thread to itself: when one is free, first one that has `key` loaded. */
  use<T>(key: string, body: (seat: Seat) => Promise<T>): Promise<T>;
  /** The threads there are just now. */
  seats(): readonly Seat[];
  close(): Promise<void>;
}

/** Another thread is started only for work that has waited for so long: small workspaces never pay for it. */
const PATIENCE_MS = 60;

interface Waiting {
  readonly key: string;
  readonly take: (seat: Seat) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Up to `most` threads, each used by one caller at a time; the first is started when it is needed.
 *
 * @param keepMb a thread that holds more than this between two uses gives way to a fresh one: what plugins leave behind is nobody's in particular
 */
export function poolOf(start: () => Promise<PluginThread>, most: number, keepMb: number): Pool {
  const seats = new Set<Seat>();
  const queue: Waiting[] = [];
  let starting = 0;
  let closed = false;
  let timer: NodeJS.Timeout | null = null;

  const dismiss = (seat: Seat) => {
    seats.delete(seat);
    void seat.thread.end();
  };
  const grow = () => {
    if (closed || seats.size + starting >= most || queue.length === 0) return;
    starting++;
    start().then(
      (thread) => {
        starting--;
        if (closed) void thread.end();
        else seats.add({ thread, loaded: new Set(), busy: false });
        next();
      },
      (error: unknown) => {
        starting--;
        // With no thread at all nobody would ever be served.
        if (seats.size + starting === 0) for (const { fail } of queue.splice(0)) fail(error);
      },
    );
  };
  const next = () => {
    for (const seat of seats) if (seat.thread.dead) seats.delete(seat);
    for (const seat of seats) {
      if (seat.busy || queue.length === 0) continue;
      const isLoaded = ({ key }: Waiting) => seat.loaded.has(key);
      const isNew = ({ key }: Waiting) => ![...seats].some(({ loaded }) => loaded.has(key));
      const wanted = [isLoaded, isNew].map((fits) => queue.findIndex(fits)).find((i) => i >= 0) ?? 0;
      const [waiting] = queue.splice(wanted, 1);
      seat.busy = true;
      waiting?.take(seat);
    }
    if (queue.length === 0) return;
    if (seats.size + starting === 0) grow();
    else if (seats.size + starting < most)
      timer ??= setTimeout(() => {
        timer = null;
        grow();
      }, PATIENCE_MS);
  };
  return {
    async use(key, body) {
      if (closed) throw new EngineError('RAPPORT_ENGINE_CLOSED', 'the engine is closed.');
      const seat = await new Promise<Seat>((take, fail) => {
        queue.push({ key, take, fail });
        next();
      });
      try {
        return await body(seat);
      } finally {
        seat.busy = false;
        if (seat.thread.heldMb > keepMb) dismiss(seat);
        next();
      }
    },
    seats: () => [...seats],
    async close() {
      closed = true;
      if (timer) clearTimeout(timer);
      for (const { fail } of queue.splice(0)) fail(new EngineError('RAPPORT_ENGINE_CLOSED', 'the engine was closed.'));
      await Promise.all([...seats].map(({ thread }) => thread.end()));
    },
  };
}
