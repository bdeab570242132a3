import { Session } from 'node:inspector';
import { isMainThread, type Worker } from 'node:worker_threads';

/*
 * What one thread holds, measured in that thread. The inspector interrupts JavaScript that runs, so a thread that is busy answers
 * too; what the process occupies says nothing about who occupies it.
 */

const MEGABYTE = 1_048_576;
const HELD = '(({ heapUsed, arrayBuffers }) => heapUsed + arrayBuffers)(process.memoryUsage())';

interface Inspector {
  readonly session: Session;
  /** Inspector session by thread id. */
  readonly threads: Map<string, string>;
  readonly waiting: Map<number, (held: number | null) => void>;
}
let attached: Inspector | null = null;
let nextId = 1;

function attach(): Inspector {
  if (attached) return attached;
  const session = new Session();
  const threads = new Map<string, string>();
  const waiting: Inspector['waiting'] = new Map();
  if (isMainThread) session.connect();
  else session.connectToMainThread();
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
    // Its id is the inspector's own; the title begins with that of the thread.
    const [, thread] = /^\[worker (\d+)\]/.exec(workerInfo.title) ?? [];
    if (thread !== undefined) threads.set(thread, sessionId);
  });
  session.on('NodeWorker.receivedMessageFromWorker', ({ params: { message } }) => {
    const { id, result } = JSON.parse(message) as { id?: number; result?: { result?: { value?: unknown } } };
    const held = result?.result?.value;
    waiting.get(id ?? 0)?.(typeof held === 'number' ? held / MEGABYTE : null);
    waiting.delete(id ?? 0);
  });
  session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  return (attached = { session, threads, waiting });
}

/** What a thread's heap and array buffers hold, MiB. Null when it cannot be asked, or does not answer. */
export function heldBy({ threadId }: Worker): Promise<number | null> {
  const { session, threads, waiting } = attach();
  const sessionId = threads.get(String(threadId));
  if (sessionId === undefined) return Promise.resolve(null);
  const id = nextId++;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    const message = JSON.stringify({ id, method: 'Runtime.evaluate', params: { expression: HELD, silent: true } });
    session.post('NodeWorker.sendMessageToWorker', { sessionId, message }, (error) => {
      if (!error) return;
      waiting.delete(id);
      resolve(null);
    });
  });
}
