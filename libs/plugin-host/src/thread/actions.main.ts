import type { ActionDefinition } from '@rapport/sdk';
import { checkerOf } from '../plugin-config.js';
import { isObject } from '../plugin-shape.js';
import type { Calls } from '../protocol.js';
import { answer } from './answering.js';
import { CONTEXT, DEFINITION, load, pluginOf, unload, type ContextOf } from './plugins.js';

/* Where an action runs: many deliveries at once, apart from whatever computes. */

const LATE = Symbol('late');
const TICK_MS = 20;
/** What an action has after its signal fired, to end in its own way, ms. */
const GRACE_MS = 1000;

/**
 * The time of one delivery. It passes only while the thread takes turns: what another delivery keeps it busy for is not
 * charged to this one.
 */
function patience(ms: number) {
  const controller = new AbortController();
  let passed = 0;
  let last = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<typeof LATE>((resolve) => {
    timer = setInterval(() => {
      const now = performance.now();
      passed += Math.min(now - last, 5 * TICK_MS);
      last = now;
      if (passed >= ms) controller.abort();
      if (passed >= ms + GRACE_MS) resolve(LATE);
    }, TICK_MS);
  });
  return {
    signal: controller.signal,
    over,
    stop: () => {
      clearInterval(timer);
    },
  };
}

async function deliver({ action, delivery, timeoutMs }: Calls['deliver'][0]): Promise<Calls['deliver'][1]> {
  const container = pluginOf(`action/${action}`);
  const definition = container.get<ActionDefinition>(DEFINITION);
  const { signal, over, stop } = patience(timeoutMs);
  const context = container.get<ContextOf>(CONTEXT)(signal);
  const delivering = definition.deliver(delivery as Parameters<ActionDefinition['deliver']>[0], context);
  const outcome: unknown = await Promise.race([delivering, over]).finally(stop);
  if (outcome === LATE) return { late: true };
  if (isObject(outcome) && outcome['delivered'] === true) return { outcome: { delivered: true } };
  if (
    isObject(outcome) &&
    outcome['delivered'] === false &&
    typeof outcome['retry'] === 'boolean' &&
    typeof outcome['reason'] === 'string'
  ) {
    const wait = outcome['retryAfterMs'];
    return {
      outcome: {
        delivered: false,
        retry: outcome['retry'],
        reason: outcome['reason'].slice(0, 500),
        ...(typeof wait === 'number' && wait > 0 ? { retryAfterMs: wait } : {}),
      },
    };
  }
  return { invalid: 'deliver() must return { delivered: true } or { delivered: false, retry, reason }' };
}

function checkInput({ action, input }: Calls['checkInput'][0]): Calls['checkInput'][1] {
  const definition = pluginOf(`action/${action}`).get<ActionDefinition>(DEFINITION);
  const checked = checkerOf(JSON.parse(JSON.stringify(definition.input)))(input);
  if ('value' in checked) return { input: checked.value };
  const [problem] = checked.problems;
  return { pointer: problem?.pointer ?? '', message: problem?.message ?? 'is not valid.' };
}

answer<'load' | 'unload' | 'checkInput' | 'deliver'>({ load, unload, checkInput, deliver });
