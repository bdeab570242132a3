import type { Delivery } from '@rapport/sdk';
import { forkModule } from '../fork.js';

/** Deliveries to hand to an action that reaches nobody. */
export interface DryRun {
  /** URL of the action's module. */
  readonly entry: string;
  /** As `deliver` gets it, secrets included. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly deliveries: readonly Delivery[];
  /** Epoch ms; what the action's clock says. */
  readonly now: number;
}
/** What an action would have sent, and what it made of the answer. */
export interface Tried {
  readonly key: string;
  readonly requests: readonly {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }[];
  /** `delivered`, `retry: REASON`, `parked: REASON` or `threw: …`. */
  readonly outcome: string;
}

const PATIENCE_MS = 10_000;

/**
 * Hands deliveries to an action, in a process of its own, whose HTTP sends nothing: every request is noted and answered with 200 and an empty body.
 * A delivery that takes more than 10 s ends the process; the list then holds those before it.
 */
export function dryRun(run: DryRun, signal: AbortSignal): Promise<readonly Tried[]> {
  return new Promise((resolve, reject) => {
    const child = forkModule(import.meta.url, './dry-run-process', { PATH: process.env['PATH'] });
    const tried: Tried[] = [];
    const end = () => child.kill('SIGKILL');
    let timer = setTimeout(end, PATIENCE_MS);
    signal.addEventListener('abort', end, { once: true });
    child.on('message', (one: Tried) => {
      tried.push(one);
      clearTimeout(timer);
      timer = setTimeout(end, PATIENCE_MS);
    });
    child.on('error', reject);
    child.on('exit', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve(tried);
    });
    child.send(run);
  });
}
