import { createHmac } from 'node:crypto';
import type { ActionContext, ActionDefinition, Delivery, HttpRequest } from '@rapport/sdk';
import type { DryRun, Tried } from './dry-run.js';

/* Where an action under development is tried: what it does at its import, or a loop without end, does not reach the command. */

process.once('message', (run: DryRun) => {
  void tryAll(run).finally(() => process.disconnect());
});

async function tryAll({ entry, config, deliveries, now }: DryRun): Promise<void> {
  const { default: action } = (await import(entry)) as { default: ActionDefinition };
  for (const delivery of deliveries) {
    const requests: Tried['requests'][number][] = [];
    const context: ActionContext<never> = {
      config: config as never,
      now: () => now,
      http: {
        fetch(url: string, { method = 'GET', headers = {}, body = '' }: HttpRequest = {}) {
          requests.push({ method, url, headers, body });
          return Promise.resolve({ status: 200, headers: {}, body: '' });
        },
      },
      sign: (text, key) => createHmac('sha256', key).update(text).digest('base64'),
      signal: AbortSignal.timeout(10_000),
    };
    const outcome = await outcomeOf(action, delivery as Delivery<never>, context);
    process.send?.({ key: delivery.key, requests, outcome } satisfies Tried);
  }
}

async function outcomeOf(
  action: ActionDefinition,
  delivery: Delivery<never>,
  context: ActionContext<never>,
): Promise<string> {
  try {
    const outcome = await action.deliver(delivery, context);
    if (outcome.delivered) return 'delivered';
    return `${outcome.retry ? 'retry' : 'parked'}: ${outcome.reason}`;
  } catch (error) {
    return `threw: ${error instanceof Error ? error.message : String(error)}`;
  }
}
