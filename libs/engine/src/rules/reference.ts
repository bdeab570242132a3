import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ANSWER, type ReferenceReply, type ReferenceTask } from './reference-protocol.js';

/** What json-rules-engine says of a subject: a verdict, that it rejects, or nothing, as it hung or used up its memory. */
export type ReferenceAnswer = boolean | 'rejects' | 'no answer';

export interface ReferenceAnswers {
  /** In the order of the facts. */
  readonly answers: readonly ReferenceAnswer[];
  /** Why it rejected, or gave no answer: the first reason. */
  readonly reason: string | null;
}

/** json-rules-engine in a thread of its own. Nothing that it does can end or hold up the process. Close it. */
export interface ReferenceEngine {
  /** Never throws. `operators` and `verdicts` as in `ReferenceTask`. */
  evaluate(task: Omit<ReferenceTask, 'marks'>): Promise<ReferenceAnswers>;
  close(): Promise<void>;
}

export interface ReferenceLimits {
  /** Time for up to `AT_ONCE` subjects, ms. */
  readonly timeMs: number;
  readonly memoryMb: number;
}
export const AT_ONCE = 200;
/** A rule that ended the thread this often is not asked about further subjects. */
const MAX_DEATHS = 3;

/** Starts the thread from the compiled file, or, where the engine itself runs from TypeScript, from the source through tsx. */
function startWorker(memoryMb: number): Worker {
  const source = import.meta.url.endsWith('.ts');
  const entry = new URL(source ? './reference-worker.ts' : './reference-worker.js', import.meta.url);
  const options = { env: {}, stdout: true, stderr: true, resourceLimits: { maxOldGenerationSizeMb: memoryMb } };
  if (!source) return new Worker(entry, { ...options, execArgv: [] });
  const require = createRequire(import.meta.url);
  const tsx = pathToFileURL(require.resolve('tsx/esm/api').replace(/\.cjs$/, '.mjs')).href;
  const start = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(entry.href)}); })`;
  return new Worker(start, { ...options, eval: true, execArgv: ['--conditions=@rapport/source'] });
}

/** The next message of a thread, or why there is none. */
type Outcome = { readonly message: unknown } | { readonly died: string };

function nextMessage(worker: Worker, timeMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const settle = (outcome: Outcome) => {
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      resolve(outcome);
    };
    const onMessage = (message: unknown) => settle({ message });
    const onError = (error: Error) => settle({ died: error.message });
    const onExit = () => settle({ died: 'it ended its thread' });
    const timer = setTimeout(() => settle({ died: `it took longer than ${String(timeMs)} ms` }), timeMs);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}

/** Time for the thread to start. */
const START_MS = 60_000;

export function createReferenceEngine({ timeMs, memoryMb }: ReferenceLimits): ReferenceEngine {
  let running: Worker | null = null;
  const stop = async () => {
    const worker = running;
    running = null;
    await worker?.terminate();
  };
  const start = async (): Promise<Worker | string> => {
    if (running) return running;
    const worker = startWorker(memoryMb);
    running = worker;
    // An error without a listener would end the process.
    worker.on('error', () => undefined);
    // What it prints is nobody's.
    worker.stdout.resume();
    worker.stderr.resume();
    const outcome = await nextMessage(worker, START_MS);
    if ('message' in outcome) return worker;
    await stop();
    return outcome.died;
  };
  const ask = async (task: ReferenceTask): Promise<ReferenceReply | { readonly died: string }> => {
    const worker = await start();
    if (typeof worker === 'string') return { died: worker };
    const reply = nextMessage(worker, timeMs);
    worker.postMessage(task);
    const outcome = await reply;
    if ('message' in outcome) return outcome.message as ReferenceReply;
    await stop();
    return outcome;
  };
  return {
    async evaluate({ facts, ...task }) {
      const answers: ReferenceAnswer[] = [];
      let reason: string | null = null;
      let deaths = 0;
      while (answers.length < facts.length) {
        if (deaths === MAX_DEATHS) {
          answers.push('no answer');
          continue;
        }
        const some = facts.slice(answers.length, answers.length + AT_ONCE);
        const marks = new SharedArrayBuffer(some.length);
        const outcome = await ask({ ...task, facts: some, marks });
        const seen = Array.from(new Uint8Array(marks));
        const refused = 'refusal' in outcome ? outcome.refusal : null;
        if (refused !== null) {
          reason ??= refused;
          for (const _ of some) answers.push('rejects');
          continue;
        }
        for (const mark of seen) {
          if (mark === ANSWER.notYet || mark === ANSWER.underWay) break;
          answers.push(mark === ANSWER.rejects ? 'rejects' : mark === ANSWER.holds);
        }
        if ('died' in outcome) {
          deaths += 1;
          reason ??= outcome.died;
          // The one that it was at; where it had begun none, or ended all, the next try tells.
          if (seen.includes(ANSWER.underWay)) answers.push('no answer');
        } else reason ??= outcome.rejection;
      }
      return { answers: answers.slice(0, facts.length), reason };
    },
    close: stop,
  };
}
