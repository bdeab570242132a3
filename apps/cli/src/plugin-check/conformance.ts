import type { Finding as Breach } from '@rapport/testkit';
import { failure } from '@rapport/errors';
import { forkModule } from '../fork.js';
import { finding, type Finding } from './finding.js';

export interface OperatorToTry {
  readonly kind: 'operator';
  /** What its findings are asked for by. */
  readonly key: string;
  /** URL of its module. */
  readonly entry: string;
  /** As for a metric; it is tried with ten times as many facts. */
  readonly runs: number;
}
export interface MetricToTry {
  readonly kind: 'metric';
  /** What its findings are asked for by. */
  readonly key: string;
  /** URL of its module. */
  readonly entry: string;
  /** URLs of the modules of the plugins that it may use, by id. */
  readonly others: Readonly<Record<string, string>>;
  /** Random worlds. */
  readonly runs: number;
  /** Whether to hold it against real stores too. */
  readonly embedded: boolean;
}
export type PluginToTry = MetricToTry | OperatorToTry;
export type FromConformance =
  | { readonly type: 'begins'; readonly key: string }
  | { readonly type: 'note'; readonly sentence: string }
  | { readonly type: 'tried'; readonly key: string; readonly breaches: readonly Breach[] }
  | { readonly type: 'failed'; readonly key: string; readonly message: string };

export interface Patience {
  /** How long one metric may take, ms. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Hears what was left out. */
  readonly tell: (sentence: string) => void;
}

/**
 * Tries metrics in random worlds and operators on random facts, in a process of their own. Findings by key; `RAPPORT_CHECK_TIMEOUT` for one that takes too long, and
 * `RAPPORT_CHECK_CONFORMANCE` for one that cannot be tried at all. Throws `RAPPORT_CHECK_INTERRUPTED` when `signal` fires.
 */
export async function conformanceFindings(
  plugins: readonly PluginToTry[],
  patience: Patience,
): Promise<ReadonlyMap<string, readonly Finding[]>> {
  const found = new Map<string, readonly Finding[]>();
  // A metric that is ended takes its process with it, and the others go on in another.
  for (let left = plugins; left.length > 0; left = left.filter(({ key }) => !found.has(key))) {
    await tryInProcess(left, found, patience);
  }
  return found;
}

function tryInProcess(
  plugins: readonly PluginToTry[],
  found: Map<string, readonly Finding[]>,
  { patienceMs, signal, tell }: Patience,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = forkModule(import.meta.url, './conformance-process');
    let current = plugins[0]?.key ?? '';
    const isOperator = () => plugins.some(({ key, kind }) => key === current && kind === 'operator');
    const place = () => (isOperator() ? 'test' : 'compute');
    let timer: NodeJS.Timeout | undefined;
    const end = () => child.kill('SIGKILL');
    const tooLong = () => {
      const seconds = String(patienceMs / 1000);
      const message = `Trying it ${isOperator() ? 'on random facts' : 'in random worlds'} took more than ${seconds} s. Look for a loop without end, or try fewer (--runs).`;
      found.set(current, [finding('RAPPORT_CHECK_TIMEOUT', place(), message)]);
      end();
    };
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    child.on('message', (message: FromConformance) => {
      switch (message.type) {
        case 'begins':
          current = message.key;
          clearTimeout(timer);
          timer = setTimeout(tooLong, patienceMs);
          break;
        case 'note':
          tell(message.sentence);
          break;
        case 'tried':
          found.set(
            message.key,
            message.breaches.map((breach) => told(breach, place())),
          );
          break;
        case 'failed':
          found.set(message.key, [notTried(message.message, place())]);
      }
    });
    child.on('error', reject);
    child.on('exit', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      if (signal.aborted) {
        reject(failure('RAPPORT_CHECK_INTERRUPTED', {}));
        return;
      }
      if (!found.has(current)) found.set(current, [notTried('it ended its process', place())]);
      resolve();
    });
    child.send(plugins);
  });
}

const notTried = (why: string, place: string): Finding =>
  finding('RAPPORT_CHECK_CONFORMANCE', place, `It could not be tried at random: ${why}.`);

const told = ({ code, sentence, world }: Breach, place: string): Finding =>
  finding(code, place, world === null ? `${sentence}.` : `${sentence}. The smallest in which it shows:\n${world}`);
