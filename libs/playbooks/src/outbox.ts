import type { Delivery as ActionDelivery, Outcome } from '@rapport/sdk';
import type { Delivery, DeliveryStore } from '@rapport/store';
import { sha256, messageOf, type LoadedPlugin, WorkerDied, type PluginHost } from '@rapport/plugin-host';
import type { Clock } from './clock.js';

/** Attempts before a delivery is parked. */
export const MAX_ATTEMPTS = 8;
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 86_400_000;
const AT_ONCE = 8;

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

/** Sends what is due, until nothing more is. Every delivery ends as delivered, due again later, or parked with the reason. */
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
  let atOnce = AT_ONCE;

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
      const reply = await host.call(
        'deliver',
        { action: delivery.action, delivery: request, timeoutMs: deliveryMs },
        deliveryMs + 1000,
      );
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
      atOnce = 1;
      return { is: 'retry', error: 'RAPPORT_ACTION_INTERRUPTED: another delivery ended the worker.', afterMs: 0 };
    }
  };

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

  for (;;) {
    const claimed = await store.claim(clock.now(), atOnce, 2 * deliveryMs + 30_000);
    if (claimed.length === 0) return report;
    await Promise.all(claimed.map(one));
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
