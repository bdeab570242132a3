import type { Delivery as ActionDelivery, Outcome } from '@rapport/sdk';
import type { Delivery, DeliveryStore } from '@rapport/store';
import { sha256, messageOf, type LoadedPlugin, WorkerDied, type PluginHost } from '@rapport/plugin-host';
import type { Clock } from './clock.js';

/** Attempts before a delivery is parked. */
export const MAX_ATTEMPTS = 8;
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 86_400_000;
/** Deliveries that one action has under way at the same time. */
const AT_ONCE = 8;
/** How often to look for what has come due while deliveries are under way, ms. */
const LOOK_MS = 500;

/**
 * How long to wait after an attempt, ms: a minute, then three times as long each time, up to a quarter longer by a jitter that follows from the
 * key. Eight attempts take between 18 and 23 hours.
 */
export function backoff(key: string, attempt: number): number {
  const jitter = Number.parseInt(sha256(`${key} ${String(attempt)}`).slice(0, 8), 16) / 0xffff_ffff;
  return Math.round(FIRST_WAIT_MS * 3 ** (attempt - 1) * (1 + jitter / 4));
}

type Attempt =
  | { readonly is: 'delivered' }
  | { readonly is: 'retry'; readonly error: string; readonly afterMs: number | null }
  | { readonly is: 'park'; readonly error: string };

/**
 * Sends what is due, until nothing more is. Actions do not wait for each other: one whose receiver does not answer holds up its own deliveries only. Every delivery ends as delivered, due again later, or parked with the reason.
 */
export async function deliverDue(
  store: DeliveryStore,
  host: PluginHost,
  plugins: readonly LoadedPlugin[],
  clock: Clock,
  deliveryMs: number,
): Promise<DeliverReport> {
  const actions = new Map(
    plugins.flatMap((plugin) => (plugin.kind === 'action' ? [[plugin.manifest.id, plugin]] : [])),
  );
  const report = { delivered: 0, retried: 0, parked: 0 };
  /** Deliveries under way, by action. */
  const underWay = new Map<string, number>();
  /** Actions of which one delivery ended the thread of several. */
  const oneByOne = new Set<string>();
  const isFull = (action: string) => (underWay.get(action) ?? 0) >= (oneByOne.has(action) ? 1 : AT_ONCE);

  const attempt = async (delivery: Delivery): Promise<Attempt> => {
    if (delivery.attempts > MAX_ATTEMPTS)
      return {
        is: 'park',
        error: delivery.lastError ?? 'RAPPORT_DELIVERY_GAVE_UP: too many attempts were begun and none was finished.',
      };
    const action = actions.get(delivery.action);
    if (!action)
      return {
        is: 'park',
        error: `RAPPORT_DELIVERY_NO_ACTION: the action "${delivery.action}" is not loaded. Install or correct it, then replay this delivery.`,
      };
    if (!action.configured) {
      return {
        is: 'park',
        error: `RAPPORT_DELIVERY_NOT_CONFIGURED: the action "${delivery.action}" is not configured. Fill in rapport.json#/actions/${delivery.action}, then replay this delivery.`,
      };
    }
    // The store keeps what a run wrote, so the payload has the shape of a delivery.
    const request: ActionDelivery = {
      ...(delivery.payload as Omit<ActionDelivery, 'key' | 'attempt'>),
      key: delivery.key,
      attempt: delivery.attempts,
    };
    try {
      const reply = await host.deliver({ action: delivery.action, delivery: request, timeoutMs: deliveryMs });
      if ('late' in reply)
        return {
          is: 'retry',
          error: `RAPPORT_ACTION_TIMEOUT: it took longer than ${String(deliveryMs)} ms (limits.deliveryMs).`,
          afterMs: null,
        };
      if ('invalid' in reply) return { is: 'retry', error: `RAPPORT_ACTION_INVALID: ${reply.invalid}.`, afterMs: null };
      return outcomeOf(reply.outcome);
    } catch (error) {
      if (!(error instanceof WorkerDied))
        return { is: 'retry', error: `RAPPORT_ACTION_THREW: ${messageOf(error)}`, afterMs: null };
      if (error.alone) {
        const code = {
          timeout: 'RAPPORT_ACTION_TIMEOUT',
          memory: 'RAPPORT_ACTION_MEMORY',
          crash: 'RAPPORT_ACTION_CRASHED',
        }[error.how];
        return { is: 'retry', error: `${code}: ${error.message}.`, afterMs: null };
      }
      // One of several ended the worker, and none of the others shall pay for it: they are taken again at once, now one by one.
      oneByOne.add(delivery.action);
      return { is: 'retry', error: 'RAPPORT_ACTION_INTERRUPTED: another delivery ended the worker.', afterMs: 0 };
    }
  };

  let wake: () => void = () => undefined;
  const one = async (delivery: Delivery): Promise<void> => {
    const found = await attempt(delivery);
    if (found.is === 'delivered') {
      await store.delivered(delivery.key, clock.now());
      report.delivered++;
      return;
    }
    const error = host.scrub(found.error).slice(0, 1000);
    if (found.is === 'park' || delivery.attempts >= MAX_ATTEMPTS) {
      await store.failed(delivery.key, error, null);
      report.parked++;
      return;
    }
    const wait =
      found.afterMs === 0
        ? 0
        : Math.min(LONGEST_WAIT_MS, Math.max(backoff(delivery.key, delivery.attempts), found.afterMs ?? 0));
    await store.failed(delivery.key, error, clock.now() + wait);
    if (wait > 0) report.retried++;
  };

  let failure: unknown = null;
  for (;;) {
    const busy = [...underWay.keys()];
    const full = busy.filter(isFull);
    const most = Math.max(0, ...busy.filter((action) => !isFull(action)).map((action) => underWay.get(action) ?? 0));
    const room = oneByOne.size > 0 ? 1 : AT_ONCE - most;
    const claimed = await store.claim(clock.now(), room, 2 * deliveryMs + 30_000, full);
    for (const delivery of claimed) {
      const { action } = delivery;
      underWay.set(action, (underWay.get(action) ?? 0) + 1);
      void one(delivery)
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => {
          const left = (underWay.get(action) ?? 0) - 1;
          if (left > 0) underWay.set(action, left);
          else underWay.delete(action);
          wake();
        });
    }
    if (failure !== null) throw failure instanceof Error ? failure : new Error(messageOf(failure));
    if (claimed.length > 0) continue;
    if (underWay.size === 0) return report;
    await Promise.race([
      new Promise<void>((resolve) => (wake = resolve)),
      new Promise((resolve) => setTimeout(resolve, LOOK_MS)),
    ]);
  }
}

function outcomeOf(outcome: Outcome): Attempt {
  if (outcome.delivered) return { is: 'delivered' };
  const error = `RAPPORT_ACTION_FAILED: ${outcome.reason}`;
  return outcome.retry ? { is: 'retry', error, afterMs: outcome.retryAfterMs ?? null } : { is: 'park', error };
}

export interface DeliverReport {
  readonly delivered: number;
  readonly retried: number;
  readonly parked: number;
}
