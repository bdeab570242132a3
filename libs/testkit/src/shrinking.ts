import type { Call } from './call.js';
import { instantOf } from './call.js';
import type { Trial } from './trial.js';

/**
 * A smaller trial that still fails: calls are left out, halves first, then one by one, and then what the calls that remain carry.
 *
 * @param budget how often `fails` may be asked
 */
export async function smallest(
  trial: Trial,
  fails: (trial: Trial) => Promise<boolean>,
  budget: number,
): Promise<Trial> {
  let best = trial;
  let left = budget;
  const better = async (calls: readonly Call[]) => {
    if (left-- <= 0) return false;
    const candidate = { ...best, calls };
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(best.calls.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.calls.length;) {
      const shorter = [...best.calls.slice(0, at), ...best.calls.slice(at + size)];
      if (!(await better(shorter))) at += size;
    }
  }
  for (let at = 0; at < best.calls.length; at++) {
    let again = true;
    while (again) {
      again = false;
      for (const simpler of simplerThan(best.calls[at])) {
        again = await better(best.calls.with(at, simpler));
        if (again) break;
      }
    }
  }
  return best;
}

/** The call with one thing less. */
function simplerThan(call: Call | undefined): readonly Call[] {
  if (!call) return [];
  const lessOf = <V>(record: Readonly<Record<string, V>> = {}) =>
    Object.keys(record).map((name) => Object.fromEntries(Object.entries(record).filter(([key]) => key !== name)));
  switch (call.type) {
    case 'track':
      return [
        ...lessOf(call.properties).map((properties) => ({ ...call, properties })),
        ...lessOf(call.context).map((context) => ({ ...call, context })),
      ];
    case 'identify':
    case 'group':
      return lessOf(call.traits).map((traits) => ({ ...call, traits }));
  }
}

/** The trial as text: one call a line, as a test would write it. */
export function inWords({ zone, accounts, asOf, calls }: Trial): string {
  const text = (value: unknown) => JSON.stringify(value);
  const inOrder = [...calls].sort((a, b) => instantOf(a.timestamp) - instantOf(b.timestamp));
  const lines = inOrder.map((call) => {
    const time = `'${iso(instantOf(call.timestamp))}'`;
    switch (call.type) {
      case 'track': {
        const { groupId: account, sessionId: session } = call.context ?? {};
        const rest = { ...(account === undefined ? {} : { account }), ...(session === undefined ? {} : { session }) };
        return `track(${text(call.userId ?? null)}, ${text(call.event)}, ${time}, ${text(call.properties ?? {})}, ${text({ ...rest, id: call.messageId })})`;
      }
      case 'identify':
        return `identify(${text(call.userId)}, ${text(call.traits ?? {})}, ${time})`;
      case 'group':
        return `group(${text(call.groupId)}, ${text(call.traits ?? {})}, ${time}${call.userId === undefined ? '' : `, ${text(call.userId)}`})`;
    }
  });
  return [`zone ${zone}, accounts: '${accounts}', as of ${iso(asOf)}`, ...lines].join('\n  ');
}

const iso = (instant: number) => new Date(instant).toISOString();
